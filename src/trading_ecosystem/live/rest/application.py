"""Makes the REST application of a service: its own routes, and what all have in common.

Rule 1: `/api/v1/health` and `/metrics` are open; everything else stands behind `GuardedRoute`.
Rule 2: whatever goes wrong is answered as a problem (RFC 9457).
"""

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from trading_ecosystem.live.door import Refused
from trading_ecosystem.live.rest.amounts import moment_text
from trading_ecosystem.live.rest.edge import Edge
from trading_ecosystem.live.rest.guard import READING, GuardedRoute
from trading_ecosystem.live.rest.problems import Problem, Trouble, response_of, trouble_of
from trading_ecosystem.live.rest.surface import Surface
from trading_ecosystem.live.store.ports import StoreAway, StoreBroken
from trading_ecosystem.messages.health import HealthStatus

PREFIX = "/api/v1"
MISSING_IS_MALFORMED = ("client_order_id", "idempotency_key")  # Without these a call cannot be repeated safely.
FAULTS = {"missing": "missing_field", "extra_forbidden": "unknown_field"}


class HealthReport(BaseModel):
    service: str
    instance: str
    version: str
    environment: str
    time: str
    status: HealthStatus
    detail: str


def router(prefix: str = PREFIX) -> APIRouter:
    """For the routes of one service, each made with `needs(scope)`."""
    return APIRouter(prefix=prefix, route_class=GuardedRoute, redirect_slashes=False)


def application(surface: Surface, title: str, *routers: APIRouter) -> FastAPI:
    """The ASGI application. Its description is made by `describe`, and served by nobody."""
    made = FastAPI(
        title=title,
        version=surface.version,
        openapi_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    made.state.surface = surface
    made.add_middleware(Edge, observe=surface.observe)
    made.add_exception_handler(Trouble, on_trouble)
    made.add_exception_handler(Refused, on_refused)
    made.add_exception_handler(StoreAway, on_store_away)
    made.add_exception_handler(StoreBroken, on_store_away)
    made.add_exception_handler(RequestValidationError, on_invalid)
    made.add_exception_handler(HTTPException, on_http)
    add_open_routes(made, surface)
    for each in routers:
        made.include_router(each)
    made.state.paths = [route for each in (made.router, *routers) for route in each.routes]
    return made


def describe(made: FastAPI) -> dict[str, Any]:
    """The OpenAPI description of an application."""
    document = made.openapi()
    parts = document.setdefault("components", {})
    parts.setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
    parts["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    return document


def add_open_routes(made: FastAPI, surface: Surface) -> None:
    not_serving: dict[int | str, dict[str, Any]] = {503: {"model": HealthReport, "description": "It does not serve"}}

    @made.get(f"{PREFIX}/health", summary="How the service is", response_model=HealthReport, responses=not_serving)
    async def health() -> JSONResponse:
        status, detail = surface.door.health()
        report = HealthReport(
            service=surface.service,
            instance=surface.door.instance,
            version=surface.version,
            environment=surface.environment,
            time=moment_text(surface.door.clock.now_ns()),
            status=status,
            detail=detail,
        )
        return JSONResponse(report.model_dump(), 503 if status is HealthStatus.NOT_SERVING else 200)

    @made.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(surface.metrics), media_type=CONTENT_TYPE_LATEST)


# Problems.


async def on_trouble(request: Request, trouble: Exception) -> Response:
    assert isinstance(trouble, Trouble)
    return response_of(trouble)


async def on_refused(request: Request, refused: Exception) -> Response:
    assert isinstance(refused, Refused)
    return response_of(trouble_of(refused))


async def on_store_away(request: Request, error: Exception) -> Response:
    return response_of(Trouble(503, "store_away", "what is asked for is in a store that is away; ask again"))


async def on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = ", ".join(allowed_methods(request))
        return response_of(Trouble(405, "method_not_allowed", f"this path knows {allowed}", headers={"Allow": allowed}))
    if error.status_code == 404:
        return response_of(Trouble(404, "unknown_path", "there is no such path"))
    return response_of(Trouble(error.status_code, "malformed", str(error.detail)))


def allowed_methods(request: Request) -> list[str]:
    """All methods that this path knows, over all of its routes."""
    allowed: list[str] = []
    for route in request.app.state.paths:
        regex = getattr(route, "path_regex", None)
        if regex is not None and regex.match(request.url.path):
            allowed.extend(getattr(route, "methods", None) or ())
    return sorted({*allowed, *(READING if "GET" in allowed else ())})


async def on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return response_of(trouble_with(error.errors()[0]))


def trouble_with(found: dict[str, Any]) -> Trouble:
    """The first fault that a model found, without the value that it found it in."""
    place = [str(part) for part in found["loc"]]
    name = place[-1].replace("-", "_") if len(place) > 1 else "body"
    path = place[1:] if place[0] == "body" else place
    pointer = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)
    code = FAULTS.get(found["type"], f"invalid_{name}" if name.replace("_", "").isalpha() else "invalid")
    if code == "missing_field" and name in MISSING_IS_MALFORMED:
        return Trouble(400, f"missing_{name}", f"{name} is needed", pointer)
    return Trouble(422, code, str(found["msg"]), pointer)
