"""Whom a risk monitor hears, and what they tell it."""

from typing import Final

from trading_ecosystem.messages.accounts import AccountReported, HoldingsReported, VenueHeartbeat
from trading_ecosystem.messages.books import ProfitSettled
from trading_ecosystem.messages.custody import SettlementsReported
from trading_ecosystem.messages.kill_switch import KillSwitchChanged, KillSwitchReported
from trading_ecosystem.messages.market import BookTopChanged, MarketPhaseChanged, QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.order_changes import AmendRejected, OrderAmended
from trading_ecosystem.messages.orders import (
    CancelRejected,
    OrderAccepted,
    OrderCanceled,
    OrderDenied,
    OrderFilled,
    OrderRejected,
)
from trading_ecosystem.messages.perpetuals import (
    FundingSettled,
    LossCovered,
    MarginCalled,
    MarginMoved,
    MarginMoveRejected,
    MarginRatesChanged,
    MarkPriceChanged,
    PositionChanged,
    PositionDeleveraged,
    PositionLiquidated,
)
from trading_ecosystem.messages.transfers import AccountMoved, TransfersReported
from trading_ecosystem.messages.triggers import OrderTriggered

Kinds = tuple[type[Message], ...]

OF_PROVIDER: Final[Kinds] = (QuotePublished,)
OF_VENUES: Final[Kinds] = (
    VenueHeartbeat,
    MarketPhaseChanged,
    AccountReported,
    OrderAccepted,
    OrderRejected,
    OrderFilled,
    OrderCanceled,
    CancelRejected,
    OrderAmended,
    OrderTriggered,
    AmendRejected,
    AccountMoved,
    MarkPriceChanged,
    MarginRatesChanged,
    FundingSettled,
    MarginMoved,
    MarginMoveRejected,
    PositionChanged,
    MarginCalled,
    PositionLiquidated,
    PositionDeleveraged,
    LossCovered,
    ProfitSettled,
)
OF_CUSTODIAN: Final[Kinds] = (HoldingsReported, SettlementsReported, TransfersReported)
# These only where a rule of the firm needs them.
OF_BOOKS: Final[Kinds] = (BookTopChanged,)
OF_DESKS: Final[Kinds] = (KillSwitchChanged, KillSwitchReported, OrderDenied)

HEARD: Final[Kinds] = (*OF_PROVIDER, *OF_VENUES, *OF_CUSTODIAN, *OF_BOOKS, *OF_DESKS)
