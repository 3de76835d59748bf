"""How each call ended and how long it took, for whoever counts."""

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import final

import grpc

from trading_ecosystem.live.security.identity import Context

Observe = Callable[[str, str, float], None]  # Method, name of the status code, seconds.
NAMES = {code.value[0]: code.name for code in grpc.StatusCode}


@final
class Observed:
    """Around the handling of one call. A stream is observed when it ends."""

    __slots__ = ("_began_s", "_context", "_method", "_observe")

    def __init__(self, observe: Observe, method: str, context: Context) -> None:
        """`method` is its whole path; told is its name."""
        self._observe, self._method, self._context = observe, method, context
        self._began_s = time.perf_counter()

    def __enter__(self) -> None:
        """It began when this was made."""

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._observe(self._method.rpartition("/")[2], self._result(kind), time.perf_counter() - self._began_s)

    def _result(self, kind: type[BaseException] | None) -> str:
        if kind is None:
            return grpc.StatusCode.OK.name
        if issubclass(kind, grpc.aio.AbortError):
            code = self._context.code()
            return code.name if isinstance(code, grpc.StatusCode) else NAMES.get(code, str(code))
        gone = issubclass(kind, (asyncio.CancelledError, GeneratorExit))
        return (grpc.StatusCode.CANCELLED if gone else grpc.StatusCode.UNKNOWN).name


def unobserved(method: str, code: str, seconds: float) -> None:
    """Where nobody counts."""
