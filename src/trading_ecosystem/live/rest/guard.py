"""What stands before every route: token, rate, parameters and body, in this order, before any model is filled.

Rule 1: a route names the scope that it needs, or cannot be made.
Rule 2: a body is read within bounds of size and time, and as strict JSON; a route without a body takes none.
"""

import asyncio
from collections.abc import Callable, Coroutine
from email.message import Message as MimeHeaders
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from trading_ecosystem.live.rest.access import Caller, Scope, admit
from trading_ecosystem.live.rest.json_text import read_json
from trading_ecosystem.live.rest.problems import MEDIA_TYPE, Trouble
from trading_ecosystem.live.rest.surface import Surface

MOST_BYTES = 64 * 1024
BODY_DEADLINE_S = 8.0
SCOPE_KEY = "x-scope"
READING = ("GET", "HEAD")
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def needs(scope: Scope) -> dict[str, Any]:
    """The arguments of a route decorator that say who may call it, and how it says no."""
    return {
        "openapi_extra": {SCOPE_KEY: scope.value, "security": [{"bearer": []}]},
        "responses": {
            "default": {
                "description": "A problem",
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }
        },
    }


class ReadRequest(Request):
    """A request whose body has been read and checked."""

    def __init__(self, request: Request, data: bytes, value: object) -> None:
        super().__init__(request.scope, request.receive)
        self._data = data
        self._value = value

    async def body(self) -> bytes:
        return self._data

    async def json(self) -> Any:
        return self._value


class GuardedRoute(APIRoute):
    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        extra = self.openapi_extra or {}
        assert SCOPE_KEY in extra, f"the route {self.path} does not say which scope it needs"
        scope = Scope(extra[SCOPE_KEY])
        takes_body = self.body_field is not None
        parameters = {field.alias for field in self.dependant.query_params}

        async def guarded(request: Request) -> Response:
            surface = request.app.state.surface
            assert isinstance(surface, Surface)
            request.state.caller = welcome(request, surface, scope)
            check_query(request, parameters)
            data, value = await read_body(request) if takes_body else refuse_body(request)
            return await handle(ReadRequest(request, data, value))

        return guarded


def welcome(request: Request, surface: Surface, scope: Scope) -> Caller:
    """The caller, if it is somebody and does not call too often. Raises `Trouble`."""
    try:
        caller = admit(request, scope, surface.authorise, surface.door)
    except Trouble:
        address = request.client.host if request.client else ""
        refuse_excess(surface, f"address {address}")
        raise
    refuse_excess(surface, f"caller {caller.identity}")
    return caller


def refuse_excess(surface: Surface, key: str) -> None:
    wait_s = surface.rates.take(key)
    if wait_s:
        raise Trouble(429, "too_many", "too many calls; wait", headers={"Retry-After": str(wait_s)})


def check_query(request: Request, parameters: set[str]) -> None:
    """A parameter that is there twice has no one meaning; one that a command does not know may be a mistyped one."""
    seen: list[str] = []
    for name, _ in request.query_params.multi_items():
        if name in seen:
            raise Trouble(400, "repeated_parameter", "a parameter is there twice", "/query")
        if name not in parameters and request.method not in READING:
            raise Trouble(422, "unknown_field", "there is no such parameter", "/query")
        seen.append(name)


def refuse_body(request: Request) -> tuple[bytes, object]:
    if request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers:
        raise Trouble(400, "unexpected_body", "this call takes no body", headers={"Connection": "close"})
    return b"", None


async def read_body(request: Request) -> tuple[bytes, object]:
    """The body and its value. Raises `Trouble` or `Refused`."""
    check_media_type(request)
    try:
        async with asyncio.timeout(BODY_DEADLINE_S):
            data = await read_bytes(request)
    except TimeoutError:
        raise Trouble(408, "body_too_slow", "the body did not come in time", headers={"Connection": "close"}) from None
    except ClientDisconnect:
        raise Trouble(400, "malformed", "the body ended early") from None
    if not data:
        raise Trouble(400, "malformed", "a body is needed")
    return data, read_json(data)


def check_media_type(request: Request) -> None:
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise unsupported("the body must not be compressed")
    told = MimeHeaders()
    told["content-type"] = request.headers.get("content-type", "")
    if told.get_content_type() != "application/json":
        raise unsupported("the body must be application/json")
    if str(told.get_param("charset", "utf-8")).lower() not in ("utf-8", "utf8"):
        raise unsupported("the body must be UTF-8")


def unsupported(detail: str) -> Trouble:
    return Trouble(415, "unsupported_media_type", detail, headers={"Connection": "close"})


async def read_bytes(request: Request) -> bytes:
    declared = request.headers.get("content-length", "0")
    data = bytearray()
    if declared.isascii() and declared.isdigit() and int(declared[:18]) <= MOST_BYTES:
        async for chunk in request.stream():
            data += chunk
            if len(data) > MOST_BYTES:
                break
        else:
            return bytes(data)
    raise Trouble(413, "too_large", f"a body has at most {MOST_BYTES} bytes", headers={"Connection": "close"})
