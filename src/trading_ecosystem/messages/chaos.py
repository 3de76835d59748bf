"""What the test coordinator does to the simulated world. Never routed to the production plane."""

from dataclasses import dataclass
from enum import StrEnum
from typing import final

from trading_ecosystem.messages.message import Addressed, Published


@final
@dataclass(frozen=True, kw_only=True)
class PathPoint:
    """`after_ns` the injection, the price is `value_ppm` (see `PathAnchor`); linear in between."""

    after_ns: int
    value_ppm: int


class PathAnchor(StrEnum):
    RELATIVE = "relative"  # value_ppm of the price at the injection: 850_000 is 15% down.
    ABSOLUTE = "absolute"  # value_ppm of one unit of the quote asset: 920_000 is 0.92.


@final
@dataclass(frozen=True, kw_only=True)
class ApplyPricePath(Addressed):
    """Lay a path over the base process of each instrument. After its last point the path holds."""

    to: str
    injection_id: str
    symbols: tuple[str, ...]
    anchor: PathAnchor
    points: tuple[PathPoint, ...]


@final
@dataclass(frozen=True, kw_only=True)
class RestorePricePath(Addressed):
    """Undo `ApplyPricePath`: the price goes back to its base process, linearly over `over_ns`."""

    to: str
    injection_id: str
    over_ns: int


class LinkFault(StrEnum):
    """What a network does to the messages of a link. The undo word is in `NetworkUndo`."""

    PARTITION = "partition"  # Lost.
    HOLD = "hold"  # Kept back until released.
    DELAY = "delay"
    LOSE = "lose"
    DUPLICATE = "duplicate"
    REORDER = "reorder"


@final
@dataclass(frozen=True, kw_only=True)
class FaultLink(Addressed):
    """Impair the links from each of `senders` to each of `recipients` (roles or instance names)."""

    to: str
    injection_id: str
    fault: LinkFault
    senders: tuple[str, ...]
    recipients: tuple[str, ...]
    probability_ppm: int  # Of each message: for lose, duplicate and reorder.
    delay_ns: int  # For delay, and the spread of reorder.


@final
@dataclass(frozen=True, kw_only=True)
class RestoreLink(Addressed):
    """Undo `FaultLink`: heal, release, restore."""

    to: str
    injection_id: str


@final
@dataclass(frozen=True, kw_only=True)
class CrashService(Addressed):
    """Kill an instance: its memory is gone, and of its disk what was not synced."""

    to: str
    injection_id: str
    service: str
    torn_bytes: int  # How much of the first record that was not synced is on the disk all the same.


@final
@dataclass(frozen=True, kw_only=True)
class RestartService(Addressed):
    """Undo `CrashService`: start the instance again, through its recovery."""

    to: str
    injection_id: str
    service: str


@final
@dataclass(frozen=True, kw_only=True)
class InjectionStarted(Published):
    """The receipt of an injection: it was applied, here and now."""

    injection_id: str
    kind: str
    target: str
    subjects: tuple[str, ...]
    occurred_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class InjectionEnded(Published):
    injection_id: str
    occurred_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class InjectionRefused(Published):
    """What was to be injected cannot be; nothing was changed."""

    injection_id: str
    detail: str
    occurred_ns: int
