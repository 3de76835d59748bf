"""What the test coordinator does to the simulated world. Never routed to the production plane."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, final

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
    APART = "apart"  # As relative, but of these instruments alone: nothing else of their assets moves with them.


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
class ScaleVolatility(Addressed):
    """From here on each instrument's own returns are `factor_ppm` of what they would be. Its undo is that of a path."""

    to: str
    injection_id: str
    symbols: tuple[str, ...]
    factor_ppm: int


@final
@dataclass(frozen=True, kw_only=True)
class RestorePricePath(Addressed):
    """Undo `ApplyPricePath` or `ScaleVolatility`: the price goes back to its base process, linearly over `over_ns`."""

    to: str
    injection_id: str
    over_ns: int


class FeedFault(StrEnum):
    """What befalls the quotes of instruments on their way out. Amounts are 0 unless a comment says otherwise."""

    FROZEN = "feed.frozen"  # The next quote is told again and again, each time as if it were new.
    BAD_PRINT = "feed.bad_print"  # The next `prints` quotes are off by by_ppm; then all is as before.
    CROSSED = "feed.crossed"  # The bid is above the ask by by_ppm of the price.
    LAG = "feed.lag"  # They leave by_ns late, and bear the time at which they were true.
    STALE = "feed.stale"  # None come.


@final
@dataclass(frozen=True, kw_only=True)
class FaultFeed(Addressed):
    """Disturb the quotes of instruments. Prices stay what they are."""

    to: str
    injection_id: str
    feed_fault: FeedFault
    symbols: tuple[str, ...]
    by_ppm: int
    by_ns: int
    prints: int


@final
@dataclass(frozen=True, kw_only=True)
class RestoreFeed(Addressed):
    """Undo `FaultFeed`: what waited leaves at once, and the next quotes are as they should be."""

    to: str
    injection_id: str


class LinkFault(StrEnum):
    """What a network does to a link. The last five are of connections, which only live services have."""

    PARTITION = "partition"  # Lost.
    HOLD = "hold"  # Kept back until released.
    DELAY = "delay"
    LOSE = "lose"
    DUPLICATE = "duplicate"
    REORDER = "reorder"
    RESET = "reset"  # Connections from sender to recipient break, new ones too.
    REFUSE = "refuse"  # As if the recipient did not listen.
    THROTTLE = "throttle"  # delay_ns for each kibibyte.
    TRICKLE = "trickle"  # Byte by byte.
    LOSE_ANSWERS = "lose_answers"  # A request arrives; its answer is lost, and the connection breaks.


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
    delay_ns: int  # For delay and throttle, and the spread of reorder.


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


class ServiceFault(StrEnum):
    """What befalls a running instance, or what it stands on. `by_ns` is 0 unless its comment says otherwise."""

    PAUSE = "service.pause"  # It stands still, and then goes on where it was.
    STORE_AWAY = "store.away"  # Nothing it writes becomes durable, so nothing of it leaves.
    STORE_FULL = "store.full"  # The same, because its disk has no room.
    STORE_SLOW = "store.slow"  # Every commit takes by_ns longer.
    CLOCK_JUMP = "clock.jump"  # Its clock tells by_ns more. Undone, it stands still until time has caught up.


@final
@dataclass(frozen=True, kw_only=True)
class FaultService(Addressed):
    to: str
    injection_id: str
    service_fault: ServiceFault
    service: str
    by_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class RestoreService(Addressed):
    """Undo `FaultService`: resume, restore."""

    to: str
    injection_id: str
    service: str


class CustodyFault(StrEnum):
    """What a custodian does wrong, to all that comes due while the fault is in force."""

    DELAY = "settlement.delay"  # It settles `by_ns` after it was due.
    REJECT = "settlement.reject"  # It is refused, and tried again on the next business day.
    PARTIAL = "settlement.partial"  # No more than `share_ppm` of it settles at a time.
    DUPLICATE = "settlement.duplicate"  # It settles once, and is told in holdings twice.
    SAYS_DONE = "custodian.says_done"  # It is told as settled, and the ledger does not have it.
    FREEZE = "custodian.freeze_withdrawals"  # Nothing leaves for outside; what is on its way out stays in transit.
    FREEZE_ALL = "custodian.freeze_transfers"  # Nothing leaves transit, wherever it is to go.
    BANK_HOURS = "custodian.bank_hours"  # What leaves for outside does so at cut-offs; for `by_ns` nobody is told so.


@final
@dataclass(frozen=True, kw_only=True)
class FaultCustody(Addressed):
    """`by_ns` and `share_ppm` are 0 but for the fault that has one."""

    to: str
    injection_id: str
    custody_fault: CustodyFault
    by_ns: int
    share_ppm: int


OUTFLOW: Final = "custodian.outflow"  # What `DrainAccount` is called in a scenario and in its receipts.


@final
@dataclass(frozen=True, kw_only=True)
class DrainAccount(Addressed):
    """Have `share_ppm` of what a custodian holds of an asset for an account leave for outside, as nobody asked.

    `RestoreCustody` brings it back.
    """

    to: str
    injection_id: str
    account: str
    asset: str
    share_ppm: int


@final
@dataclass(frozen=True, kw_only=True)
class RestoreCustody(Addressed):
    """Undo `FaultCustody` or `DrainAccount`: what it held back moves, what was told wrongly is told as it is."""

    to: str
    injection_id: str


class VenueFault(StrEnum):
    """What a venue does wrong while the fault is in force. Amounts are 0 unless a comment says otherwise."""

    OUTAGE = "venue.outage"  # It answers nothing and says nothing. Back, it begins a new session.
    HALT = "venue.halt"  # Markets are halted. Undone, each has an auction of `by_ns`.
    REJECT = "venue.reject"  # It rejects `share_ppm` of the orders, for no fault of theirs.
    LATENCY = "venue.latency"  # What it says to the owners of accounts leaves `by_ns` late.
    SPREAD = "venue.spread"  # The background quotes `spread_ppm` of its spread and `share_ppm` of its depth.
    PARTIAL_FILLS = "venue.partial_fills"  # No match is larger than `share_ppm` of the order that comes.
    DUPLICATE_REPORTS = "venue.duplicate_reports"  # It tells `share_ppm` of the fills twice.
    LOST_REPORTS = "venue.lost_reports"  # It never tells `share_ppm` of the fills, and of what becomes of positions.
    STALE_BALANCES = "venue.stale_balances"  # Asked, it tells the balances of when the fault began.
    WICK = "venue.wick"  # Its own price goes to `share_ppm` of everybody's within `by_ns`, and stays there.
    PHANTOM_CREDIT = "venue.phantom_credit"  # Asked, it tells `share_ppm`, above all, of what an account has of assets.
    MARGIN_RATES = "venue.margin_rates"  # It asks `share_ppm` of the margin that the terms of perpetuals say.


@final
@dataclass(frozen=True, kw_only=True)
class FaultVenue(Addressed):
    """No `symbols`: all of them; they are of a halt, a spread, a wick and margin rates, and assets of a phantom
    credit.
    `only_account`, empty for all, is of what is told.

    `cancels`: of an outage, whether the orders of participants are gone when the venue is back.
    """

    to: str
    injection_id: str
    venue_fault: VenueFault
    symbols: tuple[str, ...]
    only_account: str
    by_ns: int
    share_ppm: int
    spread_ppm: int
    cancels: bool


@final
@dataclass(frozen=True, kw_only=True)
class RestoreVenue(Addressed):
    """Undo `FaultVenue`: what is said from now on is true and in time, and who was told otherwise has to ask."""

    to: str
    injection_id: str


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
class InjectionStruck(Published):
    """The first time that an injection in force changed something that would have been otherwise."""

    injection_id: str
    occurred_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class InjectionEnded(Published):
    injection_id: str
    occurred_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class InjectionRefused(Published):
    """What was to be injected cannot be, and nothing was changed; or its lease expired, and it was undone too soon."""

    injection_id: str
    detail: str
    occurred_ns: int
