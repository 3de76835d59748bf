"""The audit correlator as a live service: an OTLP receiver in front of the core, and the trail that it closes.

Rule 1: what is acknowledged is in its journal; after a crash the journal, taken in again, gives the same trail.
Rule 2: a trail is closed once; what was sent after the end of the run is in no trail.
"""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TextIO, final

from trading_ecosystem import __version__, routes
from trading_ecosystem.configuration.document import Section
from trading_ecosystem.configuration.instruments import (
    OPTIONAL_REFERENCE_KEYS,
    REFERENCE_KEYS,
    read_accounts,
    read_reference,
)
from trading_ecosystem.core import Core
from trading_ecosystem.live.clock import Clock
from trading_ecosystem.live.door import Header, Listener, RefusalCode, Refused
from trading_ecosystem.live.hub import Hub
from trading_ecosystem.live.store.ports import Journal, Record, StoreAway
from trading_ecosystem.messages.health import HealthStatus
from trading_ecosystem.messages.message import Message
from trading_ecosystem.validation.audit_correlator.checker import ConservationChecker
from trading_ecosystem.validation.audit_correlator.core import AuditCorrelator
from trading_ecosystem.validation.audit_correlator.intake import Intake
from trading_ecosystem.validation.audit_correlator.trail import FileSink
from trading_ecosystem.validation.result_files import to_plain

KEYS = (*REFERENCE_KEYS, "accounts", "vaults", "planes", "facts", "replayed")
OPTIONAL_KEYS = OPTIONAL_REFERENCE_KEYS
TRAIL = "trail.jsonl"
REQUEST = "otlp"  # The kind of the journal's records.
SETTLEMENT_GRACE_NS = 60_000_000_000  # What a run cut short may leave on its way: the deadline of tier T5.
BOUND_NS = 2_000_000_000  # How long a span waits for its turn, in wall time.
CAUSE_BOUND_NS = 30_000_000_000  # And for its cause: longer than a lease, after which a dead coordinator is started.
CLOSE_WITHIN_S = 3.0
LOOK_EVERY_S = 0.05


@final
class UntilClosed(Core):
    """Hands envelopes to the correlator until its trail is closed."""

    def __init__(self, core: AuditCorrelator) -> None:
        self.core = core
        self.closed = False

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        return () if self.closed else self.core.handle(message, now)


def build(document: Section, instance: str, trail: TextIO) -> AuditCorrelator:
    """Raises `Problem` for whatever is wrong with the document."""
    reference = read_reference(document)
    instruments = reference.instruments
    replayed = tuple(node.text() for node in document["replayed"].items())
    checker = ConservationChecker(
        read_accounts(document["accounts"], reference),
        {symbol: each.quote_minor_per_tick_lot for symbol, each in instruments.items()},
        {symbol: each.base_minor_per_lot for symbol, each in instruments.items()},
        SETTLEMENT_GRACE_NS,
        read_accounts(document["vaults"], reference),
        {symbol: each.quote for symbol, each in reference.perpetuals.items()},
    )
    facts = read_facts(document) | {"replayed": list(replayed), "version": __version__}
    planes = {name: node.text() for name, node in document["planes"].entries()}
    return AuditCorrelator(instance, FileSink(trail), facts, planes, checker, reference, replayed)


def read_facts(document: Section) -> dict[str, object]:
    section = document["facts"].section(required=("world", "seed", "start"), optional=("scenario", "duration"))
    scenario, duration = section.get("scenario"), section.get("duration")
    return {
        "scenario": scenario.text() if scenario else "",
        "world": section["world"].text(),
        "seed": section["seed"].integer(0, (1 << 64) - 1),
        "start_ns": section["start"].instant_ns(),
        "duration_ns": duration.duration_ns() if duration else 0,
    }


@final
class Keeper:
    """Writes requests to the journal, those that come together in one commit."""

    def __init__(self, journal: Journal, timed: Callable[[float], None] = lambda seconds: None) -> None:
        """`timed` hears how many seconds each commit took."""
        self._journal, self._timed = journal, timed
        self._sequence = journal.last_sequence()
        self._waiting: list[tuple[Record, asyncio.Future[None]]] = []
        self._arrived = asyncio.Event()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store")
        self.trouble = ""

    async def keep(self, wall_ns: int, request: bytes) -> None:
        self._sequence += 1
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((Record(self._sequence, wall_ns, REQUEST, request), kept))
        self._arrived.set()
        await kept

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            group, self._waiting = self._waiting, []
            records = [record for record, _ in group]
            began_s = time.monotonic()
            while True:
                try:
                    await loop.run_in_executor(self._writer, self._journal.append, records)
                    break
                except StoreAway as away:
                    self.trouble = str(away)
                    await asyncio.sleep(LOOK_EVERY_S)
            self.trouble = ""
            self._timed(time.monotonic() - began_s)
            for _, kept in group:
                if not kept.done():
                    kept.set_result(None)


@final
class AuditDoor:
    """The correlator takes no commands; it is listened to."""

    def __init__(self, instance: str, clock: Clock, hub: Hub, keeper: Keeper) -> None:
        self.instance, self.clock, self.hub = instance, clock, hub
        self._keeper = keeper

    async def ask(self, message: Message, cause: Header | None = None) -> Sequence[Message]:
        raise Refused(RefusalCode.INVALID, f"a {type(message).__name__} is not for the audit")

    def take_commands(self, messages: Sequence[tuple[Message, Header]]) -> "asyncio.Future[Sequence[Message]]":
        raise Refused(RefusalCode.INVALID, "the audit takes no commands")

    def listen(self, listener: Listener) -> Callable[[], None]:
        return self.hub.listen(listener)

    def health(self) -> tuple[HealthStatus, str]:
        if self._keeper.trouble:
            return HealthStatus.NOT_SERVING, f"the store is away: {self._keeper.trouble}"
        return HealthStatus.SERVING, ""


@final
class Closing:
    """Closes the trail when everybody has told as much as the run lasted, or has been waited for long enough."""

    def __init__(
        self, recorder: UntilClosed, intake: Intake, drain: Callable[[int], None], trail: TextIO, path: Path
    ) -> None:
        self._recorder, self._intake, self._drain = recorder, intake, drain
        self._trail, self._path = trail, path
        self._closed: tuple[Sequence[Message], str] | None = None
        self._one_at_a_time = asyncio.Lock()

    async def close(self, end_ns: int) -> tuple[Sequence[Message], str]:
        """What was found, and the result as JSON."""
        async with self._one_at_a_time:
            if self._closed is None:
                await self._wait_for(end_ns)
                self._drain(end_ns)
                found = self._recorder.core.close(end_ns)
                self._recorder.closed = True
                self._trail.flush()
                self._closed = (found, json.dumps(self._result()))
        return self._closed

    async def _wait_for(self, end_ns: int) -> None:
        until_s = time.monotonic() + CLOSE_WITHIN_S
        while time.monotonic() < until_s:
            told = [each for each in self._intake.completeness() if each.taken]
            if all(each.reached_ns >= end_ns for each in told if each.sender != routes.INJECTOR):
                return
            await asyncio.sleep(LOOK_EVERY_S)

    def _result(self) -> Any:
        core = self._recorder.core
        return {
            "digest": core.digest,
            "timeline": to_plain(core.timeline()),
            "chains": to_plain(core.chains()),
            "series": to_plain(core.series()),
            "counts": core.counts(),
            "figures": core.figures(),
            "completeness": to_plain(self._intake.completeness()),
            "trail": str(self._path.absolute()),
        }
