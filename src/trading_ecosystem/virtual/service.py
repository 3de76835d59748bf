"""One instance in a virtual world: its core, its disk, and all that keeps it from being handed something."""

from collections.abc import Callable
from typing import final

from mypy_extensions import i64, mypyc_attr

from trading_ecosystem.core import Core, JournaledCore
from trading_ecosystem.messages.audit import Envelope
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.runtime import Remember
from trading_ecosystem.virtual.disk import Disk


@final
@mypyc_attr(acyclic=True)
class Departures(Message):
    """What one handling returned, waiting on the sender's disk until it is durable."""

    __slots__ = ("envelopes", "memories")

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.memories: list[Remember] = []


@final
class Service:
    """One instance: how to build its core, and what it has on its disk.

    `held`: what came while it, or its store, stood still. `asked`: when timers wake it by its own clock, once that was
    `skewed` and may be ahead of the world's.
    """

    __slots__ = (
        "alive",
        "asked",
        "build",
        "core",
        "delivered",
        "disk",
        "durable_ns",
        "held",
        "incarnation",
        "journaled",
        "last_departure_ns",
        "name",
        "offset_ns",
        "skewed",
        "stalled",
        "stalls",
        "told_ns",
        "waiting",
    )

    def __init__(self, name: str, build: Callable[[], Core]) -> None:
        self.name = name
        self.build = build
        self.core = build()
        self.disk = Disk()
        self.journaled = isinstance(self.core, JournaledCore)
        self.alive = True
        self.incarnation: i64 = 0
        self.last_departure_ns: i64 = 0
        self.waiting: i64 = 0
        self.delivered: i64 = 0
        self.durable_ns: i64 = 0  # When its journal is durable up to here.
        self.stalled = False
        self.stalls: list[str] = []  # By injection.
        self.held: list[tuple[int, Envelope]] = []  # With the incarnation for which it came.
        self.skewed = False
        self.offset_ns: i64 = 0
        self.told_ns: i64 = 0
        self.asked: dict[int, int] = {}

    def clock_ns(self, now: i64) -> i64:
        """What its own clock tells, which never goes back."""
        told: i64 = now + self.offset_ns
        if told < self.told_ns:
            told = self.told_ns
        self.told_ns = told
        return told
