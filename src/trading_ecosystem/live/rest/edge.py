"""The outermost layer of a surface: what is true of every request, before anybody looks for its route.

Rule 1: every answer carries the request's id, and the caller's trace where they told one.
Rule 2: a path has one meaning: nothing encoded that could be taken for a separator, a step up or an end.
"""

import re
import secrets
import time
from typing import final
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trading_ecosystem.live.rest.problems import Trouble, response_of
from trading_ecosystem.live.rest.surface import Observe

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
TRACE_PARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
BAD_ENCODING = re.compile(rb"%(?![0-9a-fA-F]{2})|%(?:2f|5c|25)", re.IGNORECASE)
BAD_STEP = re.compile(rb"(?:^|/)\.{1,2}(?:/|$)|//|\\|[\x00-\x1f\x7f]")
NO_ROUTE = "no such path"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")  # Others are counted as one.


@final
class Edge:
    def __init__(self, application: ASGIApp, observe: Observe) -> None:
        self._application = application
        self._observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        began_ns = time.monotonic_ns()
        told = Told(scope, send)
        trouble = trouble_with(scope)
        try:
            if trouble is not None:
                await response_of(trouble)(scope, receive, told.send)
            else:
                await self._application(told.inner, receive, told.send)
        finally:
            route = getattr(told.inner.get("route"), "path", NO_ROUTE)
            method = scope["method"] if scope["method"] in METHODS else "OTHER"
            self._observe(method, route, told.status or 500, (time.monotonic_ns() - began_ns) / 1e9)


@final
class Told:
    """One request, and what is told about it. HEAD is GET without the body."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._send = send
        self._bodiless = scope["method"] == "HEAD"
        self.inner = {**scope, "method": "GET"} if self._bodiless else scope
        self.status = 0
        headers = Headers(scope=scope)
        asked = headers.get("x-request-id", "")
        request_id = asked if REQUEST_ID.fullmatch(asked) else secrets.token_hex(8)
        self._headers = [(b"x-request-id", request_id.encode())]
        trace = headers.get("traceparent", "")
        if TRACE_PARENT.fullmatch(trace):
            self._headers.append((b"traceparent", trace.encode()))

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*message.get("headers", ()), *self._headers]}
        elif self._bodiless and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)


def trouble_with(scope: Scope) -> Trouble | None:
    """What makes a request unreadable before its route is known."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    names = [name for name, _ in scope["headers"]]
    if b"transfer-encoding" in names and b"content-length" in names:
        return malformed("a body has one length: Transfer-Encoding or Content-Length")
    if BAD_ENCODING.search(raw) or BAD_STEP.search(unquote_to_bytes(raw)):
        return malformed("the path holds an encoding that is not allowed")
    if not is_utf8(unquote_to_bytes(raw)) or not is_utf8(unquote_to_bytes(scope["query_string"])):
        return malformed("the address is not UTF-8")
    return None


def is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def malformed(detail: str) -> Trouble:
    return Trouble(400, "malformed", detail, headers={"Connection": "close"})
