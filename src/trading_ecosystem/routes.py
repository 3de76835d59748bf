"""Who hears what: the whole data flow on one screen.

Commands, questions and answers go to the instance they name. Events go by these tables, to every instance
of each role; a private event only to those instances of its roles that may see its account.
"""

from trading_ecosystem.messages.accounts import VenueHeartbeat
from trading_ecosystem.messages.audit import InvariantViolated
from trading_ecosystem.messages.books import BooksCompared, NettingSettled, ProfitSettled
from trading_ecosystem.messages.chaos import InjectionEnded, InjectionRefused, InjectionStarted, InjectionStruck
from trading_ecosystem.messages.custody import (
    PartPosted,
    SettlementCanceled,
    SettlementFailed,
    SettlementInstructed,
    TransactionPosted,
)
from trading_ecosystem.messages.health import HealthChanged
from trading_ecosystem.messages.kill_switch import KillSwitchChanged, LiftRefused
from trading_ecosystem.messages.market import BookTopChanged, MarketPhaseChanged, QuotePublished
from trading_ecosystem.messages.order_changes import AmendRejected, OrderAmended
from trading_ecosystem.messages.orders import (
    CancelRejected,
    OrderAccepted,
    OrderCanceled,
    OrderDenied,
    OrderFilled,
    OrderRejected,
    TradeExecuted,
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
from trading_ecosystem.messages.risk import (
    AlertAcknowledged,
    AlertFired,
    AlertResolved,
    RiskReported,
)
from trading_ecosystem.messages.transfers import (
    AccountMoved,
    DestinationAllowed,
    TransferApproved,
    TransferChanged,
    TransferPosted,
    TransferRefused,
    TransferRequested,
)
from trading_ecosystem.messages.triggers import OrderTriggered

MARKET_DATA = "market_data"
EXCHANGE = "exchange"
CUSTODIAN = "custodian"
TRADING_ENGINE = "trading_engine"
RISK_MONITOR = "risk_monitor"
TEST_COORDINATOR = "test_coordinator"
AUDIT_CORRELATOR = "audit_correlator"
INJECTOR = "injector"  # The mode's own hand on processes, network and disk; not a service.

PRODUCTION = (TRADING_ENGINE, RISK_MONITOR)
SIMULATORS = (MARKET_DATA, EXCHANGE, CUSTODIAN)
VALIDATION = (TEST_COORDINATOR, AUDIT_CORRELATOR)
SERVICES = SIMULATORS + PRODUCTION + VALIDATION

PUBLISHED: dict[type, tuple[str, ...]] = {
    # 1. Prices come from the provider; the venue's background liquidity follows them.
    QuotePublished: (EXCHANGE, TRADING_ENGINE, RISK_MONITOR, TEST_COORDINATOR),
    # 2. The venue says what its own book looks like, and that it is alive.
    BookTopChanged: (TRADING_ENGINE,),
    MarketPhaseChanged: (TRADING_ENGINE, RISK_MONITOR, TEST_COORDINATOR),
    VenueHeartbeat: (TRADING_ENGINE, RISK_MONITOR, TEST_COORDINATOR),
    MarkPriceChanged: (TRADING_ENGINE, RISK_MONITOR, TEST_COORDINATOR),
    MarginRatesChanged: (RISK_MONITOR, TEST_COORDINATOR),
    FundingSettled: (TRADING_ENGINE, RISK_MONITOR, TEST_COORDINATOR),
    # 3. A match goes to the custodian, which settles it.
    TradeExecuted: (CUSTODIAN,),
    SettlementInstructed: (TEST_COORDINATOR,),
    TransactionPosted: (TEST_COORDINATOR,),
    PartPosted: (TEST_COORDINATOR,),
    NettingSettled: (TEST_COORDINATOR,),
    SettlementFailed: (TEST_COORDINATOR,),
    SettlementCanceled: (TEST_COORDINATOR,),
    TransferRequested: (TEST_COORDINATOR,),
    TransferApproved: (TEST_COORDINATOR,),
    TransferRefused: (TEST_COORDINATOR,),
    TransferChanged: (TEST_COORDINATOR,),
    TransferPosted: (TEST_COORDINATOR,),
    DestinationAllowed: (TEST_COORDINATOR,),
    BooksCompared: (TEST_COORDINATOR,),
    # 4. A desk says which orders its own checks stopped, and that it was stopped itself.
    OrderDenied: (TEST_COORDINATOR,),
    KillSwitchChanged: (RISK_MONITOR, TEST_COORDINATOR),
    LiftRefused: (TEST_COORDINATOR,),
    # 5. The monitor speaks to people; the coordinator judges what it said.
    AlertFired: (TEST_COORDINATOR,),
    AlertAcknowledged: (TEST_COORDINATOR,),
    AlertResolved: (TEST_COORDINATOR,),
    RiskReported: (TEST_COORDINATOR,),
    # 6. Health, receipts of injections and findings of the audit are for the coordinator alone.
    HealthChanged: (TEST_COORDINATOR,),
    InjectionStarted: (TEST_COORDINATOR,),
    InjectionStruck: (TEST_COORDINATOR,),
    InjectionEnded: (TEST_COORDINATOR,),
    InjectionRefused: (TEST_COORDINATOR,),
    InvariantViolated: (TEST_COORDINATOR,),
}

# Where a firm's limits watch the books of venues, these hear them as well; elsewhere nobody bears the traffic.
OF_WATCHED_BOOKS: dict[type, tuple[str, ...]] = {BookTopChanged: (RISK_MONITOR, TEST_COORDINATOR)}
# And where they are about desks, the monitor hears of what these hold back.
OF_WATCHED_DESKS: dict[type, tuple[str, ...]] = {OrderDenied: (RISK_MONITOR,)}

PRIVATE: dict[type, tuple[str, ...]] = {
    # 7. What happens to an order is for the desk that owns the account and its firm's risk monitor.
    OrderAccepted: (TRADING_ENGINE, RISK_MONITOR, TEST_COORDINATOR),
    OrderRejected: (TRADING_ENGINE, RISK_MONITOR, TEST_COORDINATOR),
    OrderFilled: (TRADING_ENGINE, RISK_MONITOR, TEST_COORDINATOR),
    OrderCanceled: (TRADING_ENGINE, RISK_MONITOR, TEST_COORDINATOR),
    OrderAmended: (TRADING_ENGINE, RISK_MONITOR, TEST_COORDINATOR),
    OrderTriggered: (TRADING_ENGINE, RISK_MONITOR),
    AmendRejected: (TRADING_ENGINE, RISK_MONITOR, TEST_COORDINATOR),
    CancelRejected: (TRADING_ENGINE, RISK_MONITOR, TEST_COORDINATOR),
    AccountMoved: (TRADING_ENGINE, RISK_MONITOR, TEST_COORDINATOR),
    # 8. So is what happens to its margin and its positions.
    MarginMoved: (TRADING_ENGINE, RISK_MONITOR, TEST_COORDINATOR),
    MarginMoveRejected: (TRADING_ENGINE, RISK_MONITOR),
    PositionChanged: (TRADING_ENGINE, RISK_MONITOR, TEST_COORDINATOR),
    MarginCalled: (TRADING_ENGINE, RISK_MONITOR, TEST_COORDINATOR),
    PositionLiquidated: (TRADING_ENGINE, RISK_MONITOR, TEST_COORDINATOR),
    PositionDeleveraged: (TRADING_ENGINE, RISK_MONITOR, TEST_COORDINATOR),
    LossCovered: (TRADING_ENGINE, RISK_MONITOR, TEST_COORDINATOR),
    ProfitSettled: (TRADING_ENGINE, RISK_MONITOR),
}
