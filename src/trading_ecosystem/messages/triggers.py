"""What is said about orders that wait for a price: stop, take profit, trailing; and pairs where one cancels the other.

An order that waits is in no book and locks nothing. The venue's last traded price of the instrument triggers it; then
it is an order like one that comes at that moment, and is canceled where the account cannot cover it.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import final

from trading_ecosystem.messages.message import Addressed
from trading_ecosystem.messages.orders import AccountEvent, SelfTradeMode, Side, TimeInForce


class TriggerKind(IntEnum):
    STOP = 0  # A buy waits for a rise to its trigger, a sell for a fall.
    TAKE_PROFIT = 1  # The other way about.
    TRAILING = 2  # A stop whose trigger follows the best price since it was accepted, at a distance.


@final
@dataclass(frozen=True, kw_only=True)
class SubmitTriggerOrder(Addressed):
    """Place an order that waits. Ids are shared with `SubmitOrder`, and repeating one never places a second order.

    `trigger_ticks` is 0 for a trailing order, and `trail_ppm`, its distance in ppm of the best price, 0 for all others.
    `price_ticks` is the limit once it is triggered; 0 makes it a market order.
    """

    to: str
    account: str
    client_order_id: str
    symbol: str
    side: Side
    trigger_kind: TriggerKind
    trigger_ticks: int
    trail_ppm: int
    price_ticks: int
    quantity_lots: int
    time_in_force: TimeInForce
    expires_ns: int
    self_trade: SelfTradeMode


@final
@dataclass(frozen=True, kw_only=True)
class SubmitPair(Addressed):
    """Place a limit order and one that waits, of one side and size, together or not at all (OCO). Whichever is filled,
    triggered or canceled first cancels the other."""

    to: str
    account: str
    symbol: str
    side: Side
    quantity_lots: int
    time_in_force: TimeInForce
    expires_ns: int
    self_trade: SelfTradeMode
    client_order_id: str  # Of the limit order,
    price_ticks: int
    post_only: bool
    trigger_client_order_id: str  # and of the one that waits.
    trigger_kind: TriggerKind
    trigger_ticks: int
    trail_ppm: int
    trigger_price_ticks: int  # Its limit once it is triggered; 0 makes it a market order.


@final
@dataclass(frozen=True, kw_only=True)
class OrderTriggered(AccountEvent):
    """The order waits no longer: the instrument traded at `last_ticks`."""

    account: str
    venue: str
    account_sequence: int
    occurred_ns: int
    order_id: int
    client_order_id: str
    symbol: str
    last_ticks: int
