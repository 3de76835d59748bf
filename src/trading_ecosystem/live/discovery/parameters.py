"""How a process reads its parameters: from the configuration service, through a cache, typed here.

Rule 1: a value older than `ttl_ns` is asked for again; only while the service is away is an older one used, and said
to be so.
Rule 2: a value that cannot be right is a `Problem` that names the parameter and its version, never a default.
"""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, TypeVar, final

from trading_ecosystem.configuration import scalars
from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.live.calls import CallFailed
from trading_ecosystem.live.discovery.configuration import Parameter
from trading_ecosystem.live.door import RefusalCode, Refused
from trading_ecosystem.live.web import Web

SECOND_NS = 1_000_000_000
TTL_NS = 5 * SECOND_NS

Value = TypeVar("Value")
log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class CacheStatistics:
    hits: int = 0
    misses: int = 0
    stale: int = 0  # Reads answered by an old value: the service was away.


class Known(NamedTuple):
    parameter: Parameter | None  # None: it is not set.
    asked_ns: int


@final
class ConfigurationClient:
    """Each reader takes a default for a parameter that is not set; without one that is a `Problem`.

    All raise `CallFailed` where the service is away and never told the value, and `Refused` where it refuses.
    """

    def __init__(self, web: Web, ttl_ns: int = TTL_NS, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self.statistics = CacheStatistics()
        self._web, self._ttl_ns, self._now_ns = web, ttl_ns, now_ns
        self._known: dict[str, Known] = {}
        self._stale: set[str] = set()

    @property
    def stale(self) -> list[str]:
        """The parameters whose present values may be out of date, by name: health says so."""
        return sorted(self._stale)

    async def text(self, name: str, default: str | None = None) -> str:
        return await self._read(name, default, str)

    async def integer(self, name: str, minimum: int, maximum: int, default: int | None = None) -> int:
        def read(text: str) -> int:
            return within(scalars.integer(text), minimum, maximum)

        return await self._read(name, default, read)

    async def decimal(self, name: str, minimum: str, maximum: str, default: Decimal | None = None) -> Decimal:
        def read(text: str) -> Decimal:
            return within(scalars.decimal(text), Decimal(minimum), Decimal(maximum))

        return await self._read(name, default, read)

    async def duration_ns(self, name: str, default: int | None = None) -> int:
        """Written as 250ms, 90s or 1h30m."""
        return await self._read(name, default, scalars.duration_ns)

    async def flag(self, name: str, default: bool | None = None) -> bool:
        return await self._read(name, default, read_flag)

    async def json(self, name: str, default: object = None) -> object:
        return await self._read(name, default, read_json_text)

    async def _read(self, name: str, default: Value | None, read: Callable[[str], Value]) -> Value:
        parameter = await self.parameter(name)
        if parameter is None:
            if default is None:
                raise Problem(f"parameter {name}: it is not set")
            return default
        try:
            return read(parameter.value)
        except ValueError as problem:
            raise Problem(f"parameter {name} (version {parameter.version}): {problem}") from None

    async def parameter(self, name: str) -> Parameter | None:
        """None: it is not set."""
        known = self._known.get(name)
        now_ns = self._now_ns()
        if known is not None and now_ns - known.asked_ns < self._ttl_ns:
            self.statistics.hits += 1
            return known.parameter
        self.statistics.misses += 1
        try:
            parameter = await self._ask(name)
        except CallFailed as failure:
            if known is None:
                raise
            self._use_stale(name, failure)
            return known.parameter
        self._known[name] = Known(parameter, now_ns)
        self._stale.discard(name)
        return parameter

    def _use_stale(self, name: str, failure: CallFailed) -> None:
        self.statistics.stale += 1
        if name not in self._stale:
            log.warning("parameter %s may be out of date: %s", name, failure)
        self._stale.add(name)

    async def _ask(self, name: str) -> Parameter | None:
        try:
            answer = await self._web.ask("GET", f"/api/v1/configuration/{name}")
        except Refused as refused:
            if refused.code is RefusalCode.NOT_FOUND:
                return None
            raise
        match answer:
            case {"name": str(told), "value": str(value), "version": int(version), "changed_ns": int(changed_ns)}:
                return Parameter(name=told, value=value, version=version, changed_ns=changed_ns)
        raise CallFailed("configuration", "it answered what is no parameter")


Number = TypeVar("Number", int, Decimal)


def within(value: Number, minimum: Number, maximum: Number) -> Number:
    if not minimum <= value <= maximum:
        raise ValueError(f"{value} is not between {minimum} and {maximum}")
    return value


def read_flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text == "true"


def read_json_text(text: str) -> object:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    return value
