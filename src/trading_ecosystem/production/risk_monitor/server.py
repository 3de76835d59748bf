"""The risk monitor as a live service: which document it is built from, whom it hears, what it says on the wire."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from trading_ecosystem.configuration.document import Section, read_document
from trading_ecosystem.configuration.instruments import OPTIONAL_REFERENCE_KEYS, REFERENCE_KEYS, read_reference
from trading_ecosystem.live.access import Access
from trading_ecosystem.live.production_wire import (
    CODEC,
    CUSTODIAN,
    EXCHANGE,
    MARKET_DATA,
    RISK_MONITOR,
    TRADING_ENGINE,
)
from trading_ecosystem.live.rest_parts import rest_surface
from trading_ecosystem.live.service import Added, Parts, Service, Upstream
from trading_ecosystem.messages.accounts import AccountReported, HoldingsReported, VenueHeartbeat
from trading_ecosystem.messages.books import ProfitSettled
from trading_ecosystem.messages.custody import SettlementsReported
from trading_ecosystem.messages.kill_switch import KillSwitchChanged, KillSwitchReported
from trading_ecosystem.messages.market import BookTopChanged, MarketPhaseChanged, QuotePublished
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
from trading_ecosystem.production.risk_monitor import config
from trading_ecosystem.production.risk_monitor.core import RiskMonitor
from trading_ecosystem.production.risk_monitor.notify.notifier import notify
from trading_ecosystem.production.risk_monitor.rest import rest_app
from trading_ecosystem.production.risk_monitor.store import DESIGN
from trading_ecosystem.reference import ReferenceData

OF_DESKS = (KillSwitchChanged, KillSwitchReported, OrderDenied)
BOOKS = "books"  # Under this name: those venues whose books are heard.


def build(document: Section, instance: str) -> RiskMonitor:
    """`limits` names a file beside the document. Raises `Problem` for whatever is wrong with either."""
    reference = read_reference(document)
    return RiskMonitor(
        instance,
        read_limits(document, reference),
        reference,
        read_venues(document),
        document["custodian"].text(),
        read_desks(document),
    )


def read_venues(document: Section) -> dict[str, tuple[str, ...]]:
    """The firm's accounts by venue: `accounts` names them all where there is one `venue`, else `venues` says which lie
    where. Raises `Problem`."""
    if "venues" in document:
        for key in ("venue", "accounts"):
            if key in document:
                document[key].fail("'venues' says which accounts lie where; nothing else is needed")
        entries = document["venues"].entries()
        return {venue: tuple(node.text() for node in accounts.items()) for venue, accounts in entries}
    for key in ("venue", "accounts"):
        if key not in document:
            document.node.fail(f"the key {key!r} is missing")
    return {document["venue"].text(): tuple(node.text() for node in document["accounts"].items())}


def targets(document: Section) -> Mapping[str, Sequence[str]]:
    """Books are asked for where the limits watch them."""
    venues = list(read_venues(document))
    watched = read_limits(document, read_reference(document)).watches_books
    desks = list(read_desks(document).values())
    return {"exchange": venues, BOOKS: venues if watched else [], "trading_engine": desks}


def read_desks(document: Section) -> dict[str, str]:
    """The desk that trades with an account, by account; there where the limits are about desks."""
    return {account: node.text() for account, node in document["desks"].entries()} if "desks" in document else {}


def read_limits(document: Section, reference: ReferenceData) -> config.Limits:
    path = Path(document.node.file).parent / document["limits"].text()
    return config.read(read_document(path), reference, read_venues(document))


def add(parts: Parts) -> Added:
    reference = read_reference(parts.document)
    limits = read_limits(parts.document, reference)
    surface = rest_surface(parts, Access())
    return Added(
        rest=rest_app(surface, reference, limits, parts.engine.store.history),
        work=notify(parts.settings, parts.engine, reference),
    )


SERVICE = Service(
    role="risk_monitor",
    speech=RISK_MONITOR,
    keys=(*REFERENCE_KEYS, "limits", "custodian"),
    optional=(*OPTIONAL_REFERENCE_KEYS, "venue", "accounts", "venues", "desks"),
    build=build,
    codec=CODEC,
    design=DESIGN,
    add=add,
    targets=targets,
    hears=(
        Upstream(role="market_data", speech=MARKET_DATA, kinds=(QuotePublished,)),
        Upstream(
            role="exchange",
            speech=EXCHANGE,
            kinds=(
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
            ),
        ),
        Upstream(role="exchange", speech=EXCHANGE, kinds=(BookTopChanged,), named=BOOKS),
        Upstream(role="custodian", speech=CUSTODIAN, kinds=(HoldingsReported, SettlementsReported, TransfersReported)),
        Upstream(
            role="trading_engine", speech=TRADING_ENGINE, kinds=(KillSwitchChanged, KillSwitchReported, OrderDenied)
        ),
    ),
)
