"""A trading engine as a live service: which document it is built from, whom it hears, what it says on the wire."""

from collections.abc import Mapping, Sequence

from trading_ecosystem.configuration.document import Section
from trading_ecosystem.configuration.instruments import OPTIONAL_REFERENCE_KEYS, REFERENCE_KEYS, read_reference
from trading_ecosystem.live.access import Access
from trading_ecosystem.live.production_wire import CODEC, CUSTODIAN, EXCHANGE, MARKET_DATA, TRADING_ENGINE
from trading_ecosystem.live.rest_parts import rest_surface
from trading_ecosystem.live.service import Added, Parts, Service, Upstream
from trading_ecosystem.messages.accounts import AccountReported, VenueHeartbeat
from trading_ecosystem.messages.books import ProfitSettled
from trading_ecosystem.messages.market import BookTopChanged, MarketPhaseChanged, QuotePublished
from trading_ecosystem.messages.order_changes import AmendRejected, OrderAmended
from trading_ecosystem.messages.orders import (
    CancelRejected,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
)
from trading_ecosystem.messages.perpetuals import (
    FundingSettled,
    LossCovered,
    MarginCalled,
    MarginMoved,
    MarginMoveRejected,
    MarkPriceChanged,
    PositionChanged,
    PositionDeleveraged,
    PositionLiquidated,
)
from trading_ecosystem.messages.transfers import AccountMoved, TransfersReported
from trading_ecosystem.messages.triggers import OrderTriggered
from trading_ecosystem.production.trading_engine import config
from trading_ecosystem.production.trading_engine.core import TradingEngine
from trading_ecosystem.production.trading_engine.rest import rest_app
from trading_ecosystem.production.trading_engine.store import DESIGN


def build(document: Section, instance: str) -> TradingEngine:
    """Raises `Problem` for whatever is wrong with the document."""
    reference = read_reference(document)
    return TradingEngine(instance, config.read(document["desk"], reference), reference)


def add(parts: Parts) -> Added:
    core = parts.engine.core
    assert isinstance(core, TradingEngine)
    reference = read_reference(parts.document)
    surface = rest_surface(parts, Access())
    return Added(rest=rest_app(surface, reference, parts.engine.store.history, core.positions, core.portfolio))


def targets(document: Section) -> Mapping[str, Sequence[str]]:
    """A desk hears its own venue. One without a treasury has nothing to say to a custodian."""
    desk = dict(document["desk"].entries())
    treasury = desk.get("treasury")
    custodians = [] if treasury is None else [dict(treasury.entries())["custodian"].text()]
    return {"exchange": [desk["venue"].text()], "custodian": custodians}


SERVICE = Service(
    role="trading_engine",
    speech=TRADING_ENGINE,
    keys=(*REFERENCE_KEYS, "desk"),
    optional=OPTIONAL_REFERENCE_KEYS,
    build=build,
    codec=CODEC,
    design=DESIGN,
    add=add,
    keeps_heard=True,
    targets=targets,
    hears=(
        Upstream(role="market_data", speech=MARKET_DATA, kinds=(QuotePublished,)),
        Upstream(
            role="exchange",
            speech=EXCHANGE,
            kinds=(
                BookTopChanged,
                MarketPhaseChanged,
                VenueHeartbeat,
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
                FundingSettled,
                MarginMoved,
                MarginMoveRejected,
                PositionChanged,
                MarginCalled,
                PositionLiquidated,
                PositionDeleveraged,
                LossCovered,
                ProfitSettled,
            ),
        ),
        Upstream(role="custodian", speech=CUSTODIAN, kinds=(TransfersReported,)),
    ),
)
