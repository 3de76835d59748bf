"""How a caller is told no: one shape for all surfaces (RFC 9457), and one table from refusals to status codes.

Rule 1: what was refused has changed nothing, unless its code is the name of a venue's own rejection.
Rule 2: what the caller sent is not told back: a problem names the place, never the value.
"""

from collections.abc import Mapping
from http import HTTPStatus

from pydantic import BaseModel, Field
from starlette.responses import Response

from trading_ecosystem.live.door import RefusalCode, Refused

MEDIA_TYPE = "application/problem+json"
STATUSES: dict[RefusalCode, int] = {
    RefusalCode.MALFORMED: 400,
    RefusalCode.INVALID: 422,
    RefusalCode.UNAUTHENTICATED: 401,
    RefusalCode.FORBIDDEN: 403,
    RefusalCode.NOT_FOUND: 404,
    RefusalCode.CONFLICT: 409,
    RefusalCode.TOO_LARGE: 413,
    RefusalCode.TOO_MANY: 429,
    RefusalCode.NOT_SERVING: 503,
    RefusalCode.DEADLINE: 504,
}
HEADERS: dict[int, dict[str, str]] = {
    401: {"WWW-Authenticate": "Bearer"},
    429: {"Retry-After": "1"},
    503: {"Retry-After": "1"},
}


class Problem(BaseModel):
    """Why a call has no answer. `code` is for programs, `detail` for people; `pointer` names the field to blame."""

    type: str = Field(description="Always about:blank; `code` says what kind of problem it is.")
    title: str
    status: int
    code: str
    detail: str
    pointer: str = Field(default="", description="A JSON pointer into the body, or /query/..., /path/..., /header/...")


class Trouble(Exception):
    """An answer that is a problem."""

    def __init__(
        self, status: int, code: str, detail: str, pointer: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.pointer = pointer
        self.headers = {**HEADERS.get(status, {}), **(headers or {})}


def trouble_of(refused: Refused) -> Trouble:
    pointer = "/" + refused.field.replace(".", "/") if refused.field else ""
    return Trouble(STATUSES[refused.code], refused.code.value, refused.detail, pointer)


def response_of(trouble: Trouble) -> Response:
    problem = Problem(
        type="about:blank",
        title=HTTPStatus(trouble.status).phrase,
        status=trouble.status,
        code=trouble.code,
        detail=trouble.detail,
        pointer=trouble.pointer,
    )
    return Response(
        problem.model_dump_json(), status_code=trouble.status, headers=trouble.headers, media_type=MEDIA_TYPE
    )


def unknown(what: str) -> Trouble:
    """There is no such thing, or it is not the caller's: nobody can tell which."""
    return Trouble(404, f"unknown_{what}", f"there is no such {what}")
