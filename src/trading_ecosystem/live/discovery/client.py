"""How a process is in the registry, and finds others there.

Rule 1: a process says that it is there every two seconds, whatever becomes of one heartbeat, until it leaves.
Rule 2: while the registry is away, what it said last is used, counted, and said to be old.
Rule 3: a process whose name has gone to another one is told so once, and never speaks under it again.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import final

from trading_ecosystem.live.calls import CallFailed
from trading_ecosystem.live.discovery.registration import Registration, Status, from_plain, to_plain
from trading_ecosystem.live.door import RefusalCode, Refused
from trading_ecosystem.live.web import Web

PERIOD_S = 2.0
POLL_S = 0.2
SERVICES = "/api/v1/services"

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class RegistryStatistics:
    heartbeats: int = 0
    missed_heartbeats: int = 0
    lookups: int = 0
    stale_lookups: int = 0  # Answered from memory: the registry was away.


@final
class RegistryClient:
    """`superseded` is called once, with the reason, when another process has taken this one's name."""

    def __init__(self, web: Web, superseded: Callable[[str], None], period_s: float = PERIOD_S) -> None:
        self.statistics = RegistryStatistics()
        self.away = ""  # Why the registry does not answer; empty when it does.
        self._web, self._superseded, self._period_s = web, superseded, period_s
        self._told: dict[str, list[Registration]] = {}
        self._own: Registration | None = None
        self._changed = asyncio.Event()
        self._beating: asyncio.Task[None] | None = None

    # To be there.

    async def register(self, registration: Registration) -> None:
        """Be there from now on. Raises `Refused` (CONFLICT: the name belongs to a newer process) or `CallFailed`."""
        assert self._beating is None, "a process registers once, and then announces what has changed"
        self._own = registration
        await self._say(registration)
        self._beating = asyncio.create_task(self._beat(), name="heartbeat")
        self._beating.add_done_callback(tell_of_end)

    def announce(self, status: Status, addresses: dict[str, str] | None = None) -> None:
        """Tell the registry at once what has changed, and go on telling it."""
        assert self._own is not None
        self._own = replace(self._own, status=status, addresses=addresses or self._own.addresses)
        self._changed.set()

    async def deregister(self) -> None:
        """Leave; where the registry is away, it will notice by itself."""
        if self._beating is None or self._own is None:
            return
        self._beating.cancel()
        await asyncio.gather(self._beating, return_exceptions=True)
        self._beating = None
        try:
            await self._web.ask("DELETE", f"{SERVICES}/{self._own.instance}?epoch={self._own.epoch}")
        except (CallFailed, Refused) as problem:
            log.warning("left without telling the registry: %s", problem)

    async def _beat(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._period_s):
                    await self._changed.wait()
            self._changed.clear()
            assert self._own is not None
            try:
                await self._say(self._own)
            except CallFailed:
                self.statistics.missed_heartbeats += 1
            except Refused as refused:
                self.statistics.missed_heartbeats += 1
                if refused.code is RefusalCode.CONFLICT:
                    self._superseded(refused.detail)
                    return
                log.error("the registry refuses the heartbeat: %s", refused)

    async def _say(self, registration: Registration) -> None:
        plain = to_plain(registration)
        body = {key: plain[key] for key in ("version", "addresses", "status", "epoch")}
        await self._ask("PUT", f"{SERVICES}/{registration.instance}", body)
        self.statistics.heartbeats += 1

    # To find others.

    async def find(self, target: str) -> list[Registration]:
        """The instance of this name (with a dot), or all of this role (without), by name.

        While the registry is away, what it said last. Raises `CallFailed` where it has said nothing yet, and `Refused`.
        """
        self.statistics.lookups += 1
        try:
            self._told[target] = await self._look_up(target)
        except CallFailed:
            if target not in self._told:
                raise
            self.statistics.stale_lookups += 1
        return self._told[target]

    async def wait_for(self, target: str) -> Registration:
        """The first instance of this name or role that is ready, when there is one. Set your own deadline."""
        return await self._wait(target, lambda found: found.status is Status.READY)

    async def address(self, target: str, kind: str = "grpc") -> str:
        """Where to reach it, when it has said so. It may be starting still, and refuse what it is asked."""
        return (await self._wait(target, lambda found: kind in found.addresses)).addresses[kind]

    async def _wait(self, target: str, suits: Callable[[Registration], bool]) -> Registration:
        while True:
            with suppress(CallFailed):
                for found in await self.find(target):
                    if suits(found):
                        return found
            await asyncio.sleep(POLL_S)

    async def _look_up(self, target: str) -> list[Registration]:
        if "." not in target:
            return read_services(await self._ask("GET", f"{SERVICES}?role={target}"))
        try:
            return read_services({"services": [await self._ask("GET", f"{SERVICES}/{target}")]})
        except Refused as refused:
            if refused.code is RefusalCode.NOT_FOUND:
                return []
            raise

    async def _ask(self, method: str, path: str, body: object = None) -> object:
        try:
            answer = await self._web.ask(method, path, body)
        except CallFailed as failure:
            self._tell(str(failure))
            raise
        self._tell("")
        return answer

    def _tell(self, away: str) -> None:
        """Say it once when the registry goes away, and once when it is back."""
        if bool(away) != bool(self.away):
            log.warning("the registry is %s", f"away: {away}" if away else "back")
        self.away = away


def tell_of_end(beating: asyncio.Task[None]) -> None:
    """Heartbeats end when they are cancelled or superseded; an error of ours must not end them in silence."""
    if not beating.cancelled() and (error := beating.exception()) is not None:
        log.critical("there are no more heartbeats", exc_info=error)


def read_services(answer: object) -> list[Registration]:
    """Raises `CallFailed` for what a registry cannot have said."""
    match answer:
        case {"services": list(services)}:
            with suppress(ValueError):
                return [from_plain(each) for each in services]
    raise CallFailed("registry", "it answered what is no list of services")
