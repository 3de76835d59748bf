"""Injections: what a step of the method does to the world, as chaos messages, and how each is undone.

Rule 1: every injection knows its undo command.
Rule 2: a path is relative to the price at the injection, or absolute in units of the quote asset; never both.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.configuration.scalars import duration_text
from trading_ecosystem.messages.chaos import (
    OUTFLOW,
    ApplyPricePath,
    CrashService,
    CustodyFault,
    DrainAccount,
    FaultCustody,
    FaultFeed,
    FaultLink,
    FaultService,
    FaultVenue,
    FeedFault,
    LinkFault,
    PathAnchor,
    PathPoint,
    RestartService,
    RestoreCustody,
    RestoreFeed,
    RestoreLink,
    RestorePricePath,
    RestoreService,
    RestoreVenue,
    ScaleVolatility,
    ServiceFault,
    VenueFault,
)
from trading_ecosystem.messages.message import Message

MARKET_DATA = "market_data"
CUSTODIAN = "custodian"
INJECTOR = "injector"
UNCHANGED_PPM = 1_000_000
POINTS_PER_HALF_LIFE = 4
LARGEST_FACTOR = 100
LARGEST_CREDIT = 1_000_000
LONGEST_LAG_NS = 300_000_000_000
HALF_LIVES = 8  # After these, 1/256 is left of a move that dies away, and is let go at once.
DEPEG = "price.depeg"
KEPT: Final = "kept"  # What an outage does to the orders of participants.
CANCELED: Final = "canceled"
UNDO_WORDS = {
    "price.drift": "price.restore",
    "price.crash": "price.restore",
    "price.rally": "price.restore",
    "price.gap": "price.restore",
    "price.revert": "price.restore",
    "price.depeg": "price.restore",
    "price.divergence": "price.restore",
    "price.path": "price.restore",
    "volatility.spike": "volatility.restore",
    "feed.bad_print": "feed.restore",
    "feed.stale": "feed.restore",
    "feed.frozen": "feed.restore",
    "feed.crossed": "feed.restore",
    "feed.lag": "feed.restore",
    "service.crash": "service.restart",
    "network.partition": "network.heal",
    "network.hold": "network.release",
    "network.delay": "network.restore",
    "network.lose": "network.restore",
    "network.duplicate": "network.restore",
    "network.reorder": "network.restore",
    "network.reset": "network.restore",
    "network.refuse": "network.restore",
    "network.throttle": "network.restore",
    "network.trickle": "network.restore",
    "network.lose_answers": "network.restore",
    "service.pause": "service.resume",
    "store.away": "store.restore",
    "store.full": "store.restore",
    "store.slow": "store.restore",
    "clock.jump": "clock.restore",
    "settlement.delay": "settlement.restore",
    "settlement.reject": "settlement.restore",
    "settlement.partial": "settlement.restore",
    "settlement.duplicate": "settlement.restore",
    "custodian.says_done": "settlement.restore",
    **{fault.value: "venue.restore" for fault in VenueFault},
    "custodian.freeze_withdrawals": "custodian.thaw_withdrawals",
    "custodian.freeze_transfers": "custodian.thaw_transfers",
    "custodian.bank_hours": "custodian.all_hours",
    OUTFLOW: "custodian.bring_back",
}


@dataclass(frozen=True, kw_only=True)
class Injection:
    """One step of the method, `at_ns` after the start; undone `for_ns` later, or by a rollback where that is None."""

    node: Node = field(compare=False, repr=False)
    kind: str
    injection_id: str
    at_ns: int
    for_ns: int | None

    @property
    def length_ns(self) -> int:
        """How long after `at_ns` the injection has its full shape, or is over."""
        return self.for_ns or 0

    def command(self) -> Message:
        raise NotImplementedError(type(self).__name__)

    def undo(self, over_ns: int) -> Message:
        """`over_ns`: how gently a price goes back; other faults end at once."""
        raise NotImplementedError(type(self).__name__)


@dataclass(frozen=True, kw_only=True)
class PricePath(Injection):
    symbols: tuple[str, ...]
    anchor: PathAnchor
    points: tuple[PathPoint, ...]

    @property
    def length_ns(self) -> int:
        return max(self.points[-1].after_ns, self.for_ns or 0)

    def command(self) -> Message:
        return ApplyPricePath(
            to=MARKET_DATA,
            injection_id=self.injection_id,
            symbols=self.symbols,
            anchor=self.anchor,
            points=self.points,
        )

    def undo(self, over_ns: int) -> Message:
        return RestorePricePath(to=MARKET_DATA, injection_id=self.injection_id, over_ns=over_ns)


@dataclass(frozen=True, kw_only=True)
class VolatilitySpike(Injection):
    symbols: tuple[str, ...]
    factor_ppm: int

    def command(self) -> Message:
        return ScaleVolatility(
            to=MARKET_DATA, injection_id=self.injection_id, symbols=self.symbols, factor_ppm=self.factor_ppm
        )

    def undo(self, over_ns: int) -> Message:
        return RestorePricePath(to=MARKET_DATA, injection_id=self.injection_id, over_ns=over_ns)


@dataclass(frozen=True, kw_only=True)
class FeedDisturbance(Injection):
    """Of the quotes of instruments. Amounts are 0 for those kinds that have none."""

    symbols: tuple[str, ...]
    by_ppm: int = 0
    by_ns: int = 0
    prints: int = 0

    def command(self) -> Message:
        return FaultFeed(
            to=MARKET_DATA,
            injection_id=self.injection_id,
            feed_fault=FeedFault(self.kind),
            symbols=self.symbols,
            by_ppm=self.by_ppm,
            by_ns=self.by_ns,
            prints=self.prints,
        )

    def undo(self, over_ns: int) -> Message:
        return RestoreFeed(to=MARKET_DATA, injection_id=self.injection_id)


@dataclass(frozen=True, kw_only=True)
class ServiceCrash(Injection):
    service: str
    torn_bytes: int

    def command(self) -> Message:
        return CrashService(
            to=INJECTOR, injection_id=self.injection_id, service=self.service, torn_bytes=self.torn_bytes
        )

    def undo(self, over_ns: int) -> Message:
        return RestartService(to=INJECTOR, injection_id=self.injection_id, service=self.service)


@dataclass(frozen=True, kw_only=True)
class RunningFault(Injection):
    """Of a service that goes on running. `by_ns` is 0 for those that have no amount."""

    service: str
    by_ns: int = 0

    def command(self) -> Message:
        return FaultService(
            to=INJECTOR,
            injection_id=self.injection_id,
            service_fault=ServiceFault(self.kind),
            service=self.service,
            by_ns=self.by_ns,
        )

    def undo(self, over_ns: int) -> Message:
        return RestoreService(to=INJECTOR, injection_id=self.injection_id, service=self.service)


@dataclass(frozen=True, kw_only=True)
class SettlementFault(Injection):
    """Of a custodian's settlement. Amounts are 0 for the faults that have none."""

    custodian: str
    by_ns: int = 0
    share_ppm: int = 0

    def command(self) -> Message:
        return FaultCustody(
            to=self.custodian,
            injection_id=self.injection_id,
            custody_fault=CustodyFault(self.kind),
            by_ns=self.by_ns,
            share_ppm=self.share_ppm,
        )

    def undo(self, over_ns: int) -> Message:
        return RestoreCustody(to=self.custodian, injection_id=self.injection_id)


@dataclass(frozen=True, kw_only=True)
class Outflow(Injection):
    """Of what a custodian holds of an asset for an account."""

    custodian: str
    account: str
    asset: str
    share_ppm: int

    def command(self) -> Message:
        return DrainAccount(
            to=self.custodian,
            injection_id=self.injection_id,
            account=self.account,
            asset=self.asset,
            share_ppm=self.share_ppm,
        )

    def undo(self, over_ns: int) -> Message:
        return RestoreCustody(to=self.custodian, injection_id=self.injection_id)


@dataclass(frozen=True, kw_only=True)
class VenueDisturbance(Injection):
    """Of a venue. Amounts are 0 for the faults that have none; no symbols and no account are all of them."""

    venue: str
    symbols: tuple[str, ...] = ()
    account: str = ""
    by_ns: int = 0
    share_ppm: int = 0
    spread_ppm: int = 0
    cancels: bool = False

    def command(self) -> Message:
        return FaultVenue(
            to=self.venue,
            injection_id=self.injection_id,
            venue_fault=VenueFault(self.kind),
            symbols=self.symbols,
            only_account=self.account,
            by_ns=self.by_ns,
            share_ppm=self.share_ppm,
            spread_ppm=self.spread_ppm,
            cancels=self.cancels,
        )

    def undo(self, over_ns: int) -> Message:
        return RestoreVenue(to=self.venue, injection_id=self.injection_id)


@dataclass(frozen=True, kw_only=True)
class NetworkFault(Injection):
    fault: LinkFault
    senders: tuple[str, ...]
    recipients: tuple[str, ...]
    probability_ppm: int
    delay_ns: int

    def command(self) -> Message:
        return FaultLink(
            to=INJECTOR,
            injection_id=self.injection_id,
            fault=self.fault,
            senders=self.senders,
            recipients=self.recipients,
            probability_ppm=self.probability_ppm,
            delay_ns=self.delay_ns,
        )

    def undo(self, over_ns: int) -> Message:
        return RestoreLink(to=INJECTOR, injection_id=self.injection_id)


# The readers. `step` is what all injections share: kind, at_ns, injection_id and for_ns.


def drift(
    node: Node,
    instrument: str | None,
    instruments: tuple[str, ...] | None,
    to: Decimal | None,
    by: int | None,
    over_ns: int,
    **step: Any,
) -> PricePath:
    """A straight line from the price as it is to a price, or by a share of it."""
    symbols = instruments or (str(instrument),)
    if to is None:
        assert by is not None
        points = relative_line(node, by, over_ns)
        return PricePath(node=node, symbols=symbols, anchor=PathAnchor.RELATIVE, points=points, **step)
    if len(symbols) > 1:
        node.fail("several instruments cannot drift to one price; give `by` instead of `to`")
    points = (PathPoint(after_ns=over_ns, value_ppm=price_ppm(node, to)),)
    return PricePath(node=node, symbols=symbols, anchor=PathAnchor.ABSOLUTE, points=points, **step)


def crash(
    node: Node,
    instruments: tuple[str, ...],
    by: int,
    over_ns: int,
    recover_to: int | None,
    recover_over_ns: int | None,
    **step: Any,
) -> PricePath:
    """Down by a share of the price at the injection; then, if told, up to another share of it."""
    points = relative_line(node, by, over_ns)
    if (recover_to is None) != (recover_over_ns is None):
        node.fail("recover_to and recover_over are given together or not at all")
    if recover_to is not None and recover_over_ns is not None:
        if recover_to <= by:
            node.fail("recover_to must lie above `by`; both count from the price before the crash")
        last = PathPoint(after_ns=over_ns + recover_over_ns, value_ppm=UNCHANGED_PPM + recover_to)
        points = (*points, last)
    return PricePath(node=node, symbols=instruments, anchor=PathAnchor.RELATIVE, points=points, **step)


def rally(
    node: Node,
    instruments: tuple[str, ...],
    by: int,
    over_ns: int,
    fall_back_to: int | None,
    fall_back_over_ns: int | None,
    **step: Any,
) -> PricePath:
    """Up by a share of the price at the injection; then, if told, down to another share of it."""
    points = relative_line(node, by, over_ns)
    if (fall_back_to is None) != (fall_back_over_ns is None):
        node.fail("fall_back_to and fall_back_over are given together or not at all")
    if fall_back_to is not None and fall_back_over_ns is not None:
        if fall_back_to >= by:
            node.fail("fall_back_to must lie below `by`; both count from the price before the rally")
        last = PathPoint(after_ns=over_ns + fall_back_over_ns, value_ppm=UNCHANGED_PPM + fall_back_to)
        points = (*points, last)
    return PricePath(node=node, symbols=instruments, anchor=PathAnchor.RELATIVE, points=points, **step)


def gap(
    node: Node,
    instrument: str | None,
    instruments: tuple[str, ...] | None,
    to: Decimal | None,
    by: int | None,
    **step: Any,
) -> PricePath:
    """At once to a price, or by a share of what it was."""
    symbols = instruments or (str(instrument),)
    if to is None:
        assert by is not None
        refuse_nothing(node, by)
        points = (PathPoint(after_ns=0, value_ppm=UNCHANGED_PPM + by),)
        return PricePath(node=node, symbols=symbols, anchor=PathAnchor.RELATIVE, points=points, **step)
    if len(symbols) > 1:
        node.fail("several instruments cannot open at one price; give `by` instead of `to`")
    points = (PathPoint(after_ns=0, value_ppm=price_ppm(node, to)),)
    return PricePath(node=node, symbols=symbols, anchor=PathAnchor.ABSOLUTE, points=points, **step)


def revert(
    node: Node,
    instrument: str | None,
    instruments: tuple[str, ...] | None,
    by: int,
    over_ns: int,
    half_life_ns: int,
    **step: Any,
) -> PricePath:
    """By a share of the price at the injection; of that, half is gone after each half-life."""
    points = list(relative_line(node, by, over_ns))
    for number in range(1, HALF_LIVES * POINTS_PER_HALF_LIFE + 1):
        after_ns = over_ns + half_life_ns * number // POINTS_PER_HALF_LIFE
        left_ppm = round(by * 0.5 ** (number / POINTS_PER_HALF_LIFE))
        points.append(PathPoint(after_ns=after_ns, value_ppm=UNCHANGED_PPM + left_ppm))
    points.append(PathPoint(after_ns=points[-1].after_ns, value_ppm=UNCHANGED_PPM))
    symbols = instruments or (str(instrument),)
    return PricePath(node=node, symbols=symbols, anchor=PathAnchor.RELATIVE, points=tuple(points), **step)


def depeg(node: Node, instrument: str, legs: tuple[tuple[Node, Decimal, int, int], ...], **step: Any) -> PricePath:
    """From leg to leg, in straight lines; where a leg says so, the price stays there for a while."""
    points: list[PathPoint] = []
    after_ns = 0
    for place, to, over_ns, hold_ns in legs:
        value_ppm = price_ppm(place, to)
        after_ns += over_ns
        points.append(PathPoint(after_ns=after_ns, value_ppm=value_ppm))
        if hold_ns:
            after_ns += hold_ns
            points.append(PathPoint(after_ns=after_ns, value_ppm=value_ppm))
    return PricePath(node=node, symbols=(instrument,), anchor=PathAnchor.ABSOLUTE, points=tuple(points), **step)


def leg(node: Node, to: Decimal, over_ns: int, hold_ns: int) -> tuple[Node, Decimal, int, int]:
    return node, to, over_ns, hold_ns


def divergence(
    node: Node,
    instrument: str | None,
    instruments: tuple[str, ...] | None,
    by: int,
    over_ns: int,
    **step: Any,
) -> PricePath:
    """The instruments alone move, by a share of what their assets make of them."""
    points = relative_line(node, by, over_ns)
    symbols = instruments or (str(instrument),)
    return PricePath(node=node, symbols=symbols, anchor=PathAnchor.APART, points=points, **step)


def spike(
    node: Node, instrument: str | None, instruments: tuple[str, ...] | None, factor: Decimal, **step: Any
) -> VolatilitySpike:
    factor_ppm = int(factor * UNCHANGED_PPM)
    if factor_ppm == UNCHANGED_PPM:
        node.fail("factor: a factor of 1 injects nothing")
    if factor_ppm > LARGEST_FACTOR * UNCHANGED_PPM:
        node.fail(f"factor: {factor} is more than {LARGEST_FACTOR}")
    return VolatilitySpike(node=node, symbols=instruments or (str(instrument),), factor_ppm=factor_ppm, **step)


def feed(
    node: Node, instrument: str | None, instruments: tuple[str, ...] | None, by_ppm: int = 0, **step: Any
) -> FeedDisturbance:
    if step["kind"] == FeedFault.BAD_PRINT:
        refuse_nothing(node, by_ppm)
    if step.get("by_ns", 0) > LONGEST_LAG_NS:
        node.fail(f"by: longer than {duration_text(LONGEST_LAG_NS)}")
    return FeedDisturbance(node=node, symbols=instruments or (str(instrument),), by_ppm=by_ppm, **step)


def outage(node: Node, orders: str, **step: Any) -> VenueDisturbance:
    return VenueDisturbance(node=node, cancels=orders == CANCELED, **step)


def spread(node: Node, spread: Decimal, depth: Decimal, **step: Any) -> VenueDisturbance:
    """Both are times what they would be."""
    if spread == depth == 1:
        node.fail("spread, depth: of both once what they were injects nothing")
    for name, factor in (("spread", spread), ("depth", depth)):
        if factor > LARGEST_FACTOR or factor * UNCHANGED_PPM < 1:
            node.fail(f"{name}: {factor} is not between 0.000001 and {LARGEST_FACTOR}")
    spread_ppm, depth_ppm = int(spread * UNCHANGED_PPM), int(depth * UNCHANGED_PPM)
    return VenueDisturbance(node=node, spread_ppm=spread_ppm, share_ppm=depth_ppm, **step)


def credit(node: Node, asset: str, times: Decimal, **step: Any) -> VenueDisturbance:
    """`times`: of what is free."""
    if not 1 < times <= LARGEST_CREDIT:
        node.fail(f"times: {times} is not above 1 and up to {LARGEST_CREDIT}")
    return VenueDisturbance(node=node, symbols=(asset,), share_ppm=int(times * UNCHANGED_PPM), **step)


def margin_rates(node: Node, times: Decimal, **step: Any) -> VenueDisturbance:
    """`times`: of what the terms of the perpetuals say."""
    if times == 1:
        node.fail("times: once what they were injects nothing")
    if times > LARGEST_FACTOR or times * UNCHANGED_PPM < 1:
        node.fail(f"times: {times} is not between 0.000001 and {LARGEST_FACTOR}")
    return VenueDisturbance(node=node, share_ppm=int(times * UNCHANGED_PPM), **step)


def wick(node: Node, by: int, **step: Any) -> VenueDisturbance:
    refuse_nothing(node, by)
    return VenueDisturbance(node=node, share_ppm=UNCHANGED_PPM + by, **step)


def path(node: Node, instrument: str, waypoints: tuple[tuple[Node, int, Decimal], ...], **step: Any) -> PricePath:
    """Through prices at times after the injection, in straight lines."""
    points: list[PathPoint] = []
    for place, after_ns, value in waypoints:
        if points and after_ns <= points[-1].after_ns:
            earlier = duration_text(points[-1].after_ns)
            place.fail(f"after: must be later than the waypoint before it, which is at {earlier}")
        points.append(PathPoint(after_ns=after_ns, value_ppm=price_ppm(place, value)))
    return PricePath(node=node, symbols=(instrument,), anchor=PathAnchor.ABSOLUTE, points=tuple(points), **step)


def waypoint(node: Node, after_ns: int, price: Decimal) -> tuple[Node, int, Decimal]:
    return node, after_ns, price


def network_fault(
    node: Node,
    kind: str,
    senders: tuple[str, ...],
    recipients: tuple[str, ...],
    probability_ppm: int = UNCHANGED_PPM,
    delay_ns: int = 0,
    **step: Any,
) -> NetworkFault:
    return NetworkFault(
        node=node,
        kind=kind,
        fault=LinkFault(kind.partition(".")[2]),
        senders=senders,
        recipients=recipients,
        probability_ppm=probability_ppm,
        delay_ns=delay_ns,
        **step,
    )


def refuse_nothing(node: Node, by: int) -> None:
    if by == 0:
        node.fail("by: a change of nothing injects nothing")


def relative_line(node: Node, by: int, over_ns: int) -> tuple[PathPoint, ...]:
    refuse_nothing(node, by)
    start = PathPoint(after_ns=0, value_ppm=UNCHANGED_PPM)
    return start, PathPoint(after_ns=over_ns, value_ppm=UNCHANGED_PPM + by)


def price_ppm(node: Node, value: Decimal) -> int:
    ppm = value * UNCHANGED_PPM
    if ppm != int(ppm):
        node.fail(f"the price {value} is finer than 0.000001")
    return int(ppm)
