"""What a venue takes as an order of one instrument, whoever sends it.

Rule 1: what is wrong with an order depends on the order, the rules, the time and the reference price alone.
"""

from dataclasses import dataclass
from typing import Final, final

from trading_ecosystem.messages.orders import OrderType, RejectReason, SubmitOrder, TimeInForce
from trading_ecosystem.messages.triggers import SubmitTriggerOrder, TriggerKind

PPM: Final = 1_000_000
LARGEST_LOTS: Final = (1 << 62) - 1
MOST_PARTS: Final = 100  # Of an iceberg: each is a trade of its own when a large order takes them all.
LARGEST_TRAIL_PPM: Final = 500_000

LIMIT: Final = OrderType.LIMIT
GTC: Final = TimeInForce.GTC
IOC: Final = TimeInForce.IOC
FOK: Final = TimeInForce.FOK
GTD: Final = TimeInForce.GTD
DAY: Final = TimeInForce.DAY

DAY_NS: Final = 86_400_000_000_000


@final
@dataclass(frozen=True, kw_only=True)
class BandRule:
    """How far a trade may be from the mean price of the last `over_ns`, in ppm of it; and how long the market is halted
    instead of trading further away, and how long the auction is that follows."""

    width_ppm: int
    over_ns: int
    halt_ns: int
    auction_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class MarketRules:
    """The smallest value of an order in minor units of the quote asset, the largest quantity, and how far a limit may
    be from the reference price, in ppm of it; 0 is as far as one likes. Without a band trades may be at any price."""

    minimum_notional_minor: int = 0
    largest_lots: int = LARGEST_LOTS
    price_range_ppm: int = 0
    band: BandRule | None = None


def terms_refusal(order: SubmitOrder, now: int) -> RejectReason | None:
    """What is wrong with the order in itself, whatever the market."""
    is_limit = order.order_type is LIMIT
    time_in_force = order.time_in_force
    stays = is_limit and rests(time_in_force)
    if order.post_only and not stays:
        return RejectReason.INVALID_TERMS
    if not is_limit and time_in_force is not IOC and time_in_force is not GTC:
        return RejectReason.INVALID_TERMS
    if order.quote_minor and (is_limit or order.quantity_lots):
        return RejectReason.INVALID_TERMS
    if order.quote_minor < 0 or (order.quantity_lots <= 0 and not order.quote_minor):
        return RejectReason.INVALID_QUANTITY
    if order.price_ticks <= 0 if is_limit else order.price_ticks != 0:
        return RejectReason.INVALID_PRICE
    if order.display_lots and not is_display(order.display_lots, order.quantity_lots, stays):
        return RejectReason.INVALID_DISPLAY
    if not is_expiry(time_in_force, order.expires_ns, now):
        return RejectReason.INVALID_EXPIRY
    return None


def trigger_refusal(order: SubmitTriggerOrder, now: int) -> RejectReason | None:
    """What is wrong in itself with an order that waits."""
    time_in_force = order.time_in_force
    if order.price_ticks == 0 and time_in_force is FOK:
        return RejectReason.INVALID_TERMS
    if order.quantity_lots <= 0:
        return RejectReason.INVALID_QUANTITY
    if order.price_ticks < 0:
        return RejectReason.INVALID_PRICE
    if not is_trigger(order):
        return RejectReason.INVALID_TRIGGER
    if not is_expiry(time_in_force, order.expires_ns, now):
        return RejectReason.INVALID_EXPIRY
    return None


def is_trigger(order: SubmitTriggerOrder) -> bool:
    if order.trigger_kind is TriggerKind.TRAILING:
        return order.trigger_ticks == 0 and 0 < order.trail_ppm <= LARGEST_TRAIL_PPM
    return order.trigger_ticks > 0 and order.trail_ppm == 0


def rests(time_in_force: TimeInForce) -> bool:
    """Whether what is not filled of a limit order stays in the book."""
    return time_in_force is not IOC and time_in_force is not FOK


def is_display(display_lots: int, quantity_lots: int, stays: bool) -> bool:
    """Whether an order can be shown in parts of this size."""
    return stays and 0 < display_lots <= quantity_lots <= display_lots * MOST_PARTS


def is_expiry(time_in_force: TimeInForce, expires_ns: int, now: int) -> bool:
    """A GTD order names a moment that is to come, all others none."""
    return expires_ns > now if time_in_force is GTD else expires_ns == 0


def expiry_ns(time_in_force: TimeInForce, expires_ns: int, now: int) -> int:
    """When an order that is valid expires; 0 for never."""
    return (now // DAY_NS + 1) * DAY_NS if time_in_force is DAY else expires_ns


def is_within(price_ticks: int, reference_ticks: int, range_ppm: int) -> bool:
    """Whether a price is in its range around the reference; without a reference or a range any price is."""
    if reference_ticks == 0 or range_ppm == 0:
        return True
    return abs(price_ticks - reference_ticks) * PPM <= reference_ticks * range_ppm
