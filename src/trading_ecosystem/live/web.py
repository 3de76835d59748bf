"""JSON over HTTP as a client: small, with deadlines, retries and a circuit breaker.

Rule 1: a refusal (4xx) is raised as the `Refused` that the server meant; everything else is a `CallFailed`.
"""

import json
import ssl
from typing import final
from urllib.parse import urlsplit

import httpcore

from trading_ecosystem.live.calls import Calls, Policy
from trading_ecosystem.live.door import RefusalCode, Refused

LARGEST_ANSWER = 1 << 22  # Bytes.
CODES = {
    400: RefusalCode.MALFORMED,
    401: RefusalCode.UNAUTHENTICATED,
    403: RefusalCode.FORBIDDEN,
    404: RefusalCode.NOT_FOUND,
    409: RefusalCode.CONFLICT,
    413: RefusalCode.TOO_LARGE,
}
BUSY = 429


class Unwell(Exception):
    """The service answered, but not with an answer."""


FAULTS = (Unwell, httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError)


@final
class Web:
    """`url` is such as http://127.0.0.1:8500; `trust` is for https. Only what is safe to repeat is asked."""

    def __init__(
        self, url: str, token: str = "", trust: ssl.SSLContext | None = None, policy: Policy | None = None
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or (parts.scheme == "https") != bool(trust):
            raise ValueError(f"{url!r} is not an http:// address, or an https:// one with certificates to trust")
        self.calls = Calls(parts.netloc, is_fault, policy)
        self._url = url.rstrip("/")
        self._headers = [("Host", parts.netloc), *([("Authorization", f"Bearer {token}")] if token else [])]
        self._pool = httpcore.AsyncConnectionPool(ssl_context=trust, max_connections=4, keepalive_expiry=5.0)

    async def ask(self, method: str, path: str, body: object = None) -> object:
        """The value of the answer, None for an empty one. Raises `Refused` or `CallFailed`."""
        return await self.calls.call(lambda left_ns: self._ask_once(method, path, body, left_ns), idempotent=True)

    async def _ask_once(self, method: str, path: str, body: object, left_ns: int) -> object:
        content = b"" if body is None else json.dumps(body).encode()
        headers = [*self._headers, ("Content-Length", str(len(content)))]
        if content:
            headers.append(("Content-Type", "application/json"))
        data = bytearray()
        async with self._pool.stream(method, self._url + path, headers=headers, content=content) as response:
            async for chunk in response.aiter_stream():
                data += chunk
                if len(data) > LARGEST_ANSWER:
                    raise Unwell("an answer without end")
        return read_answer(response.status, bytes(data))

    async def close(self) -> None:
        await self._pool.aclose()


def is_fault(error: Exception) -> bool:
    return isinstance(error, FAULTS)


def read_answer(status: int, data: bytes) -> object:
    """Raises `Refused` or `Unwell`."""
    if status == BUSY or status >= 500:
        raise Unwell(f"it answered {status}")
    try:
        value: object = json.loads(data) if data else None
    except (ValueError, RecursionError):
        raise Unwell(f"it answered {status} and no JSON") from None
    if status >= 400:
        raise refused(status, value)
    if not 200 <= status < 300:
        raise Unwell(f"it answered {status}")
    return value


def refused(status: int, value: object) -> Refused:
    problem = value if isinstance(value, dict) else {}
    field = str(problem.get("pointer", "")).lstrip("/").replace("/", ".")
    return Refused(CODES.get(status, RefusalCode.INVALID), str(problem.get("detail", f"status {status}")), field)
