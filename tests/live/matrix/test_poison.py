"""Messages that are well formed and cannot be true: each core refuses or passes over them, and goes on.

A core that fell over such a message would fall over it again at every start, for its journal has it too.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trading_ecosystem.assembly import load_world
from trading_ecosystem.configuration.document import read_document
from trading_ecosystem.core import Core
from trading_ecosystem.messages.accounts import (
    AccountReported,
    Balance,
    Holding,
    HoldingsReported,
    OpenOrder,
    QueryAccount,
    QueryHoldings,
    QueryTrades,
    TradesReported,
    VenueHeartbeat,
)
from trading_ecosystem.messages.custody import SettlementFailed, SettlementInstructed
from trading_ecosystem.messages.market import BookTopChanged, QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import (
    CancelOrder,
    CancelRejected,
    CancelRejectReason,
    Liquidity,
    OrderAccepted,
    OrderFilled,
    OrderRejected,
    OrderType,
    Side,
    SubmitOrder,
    TimeInForce,
    TradeExecuted,
)
from trading_ecosystem.messages.risk import AcknowledgeAlert
from trading_ecosystem.messages.runtime import Start
from trading_ecosystem.orchestrator.documents import documents_of
from trading_ecosystem.orchestrator.terms import Terms
from trading_ecosystem.production.risk_monitor.server import SERVICE as MONITOR
from trading_ecosystem.production.trading_engine.server import SERVICE as DESK
from trading_ecosystem.simulators.custodian.server import SERVICE as CUSTODIAN
from trading_ecosystem.simulators.exchange.server import SERVICE as EXCHANGE

WORLD = Path(__file__).parents[3] / "worlds" / "two-desks.yaml"
START_NS = load_world(WORLD).start_ns
NOW = START_NS + 10**9
MOST = (1 << 63) - 1  # What the wire can carry.
SERVICES = {"exchange": EXCHANGE, "custodian": CUSTODIAN, "trading_engine.alpha": DESK, "risk_monitor": MONITOR}


def trade(**changes: object) -> TradeExecuted:
    usual = TradeExecuted(
        venue="exchange",
        trade_id=1,
        symbol="BTC/USD",
        price_ticks=6_000_000,
        quantity_lots=1,
        taker_side=Side.BUY,
        buyer_account="alpha",
        seller_account="beta",
        buyer_order_id=1,
        seller_order_id=2,
        buyer_fee_minor=0,
        seller_fee_minor=0,
        occurred_ns=NOW,
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def order(
    symbol: str = "BTC/USD", price_ticks: int = 6_000_000, lots: int = 5, account: str = "alpha", name: str = "o"
) -> SubmitOrder:
    return SubmitOrder("exchange", account, name, symbol, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, price_ticks, lots)


def quote(symbol: str = "BTC/USD", bid: int = 6_000_000, ask: int = 6_000_100, at_ns: int = NOW) -> QuotePublished:
    return QuotePublished(symbol, bid, 1_000, ask, 1_000, 1, at_ns)


def filled(
    account: str = "alpha", sequence: int = 1, symbol: str = "BTC/USD", ticks: int = 6_000_000, lots: int = 5
) -> OrderFilled:
    return OrderFilled(
        account=account,
        venue="exchange",
        account_sequence=sequence,
        order_id=77,
        client_order_id="nobody-s",
        symbol=symbol,
        side=Side.BUY,
        trade_id=5,
        price_ticks=ticks,
        quantity_lots=lots,
        leaves_quantity_lots=0,
        liquidity=Liquidity.MAKER,
        fee_minor=0,
        occurred_ns=NOW,
    )


def report(**changes: object) -> AccountReported:
    usual = AccountReported(
        to="risk_monitor",
        venue="exchange",
        account="alpha",
        account_sequence=0,
        balances=(Balance(asset="DOGE", free_minor=1, locked_minor=0),),
        open_orders=(
            OpenOrder(
                order_id=1,
                client_order_id="x",
                symbol="DOGE/USD",
                side=Side.BUY,
                price_ticks=1,
                leaves_quantity_lots=1,
            ),
        ),
        occurred_ns=NOW,
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


BALANCES = tuple(
    Balance(asset=asset, free_minor=10**15, locked_minor=0) for asset in ("USD", "USDT", "USDC", "BTC", "ETH")
)
HOLDINGS = HoldingsReported(
    to="risk_monitor",
    custodian="custodian",
    account="alpha",
    holdings=(Holding(account="alpha", asset="DOGE", posted_minor=1, pending_minor=0),),
    occurred_ns=NOW,
)
ACCEPTED = OrderAccepted(
    account="alpha",
    venue="exchange",
    account_sequence=MOST,
    order_id=1,
    client_order_id="never-sent",
    symbol="BTC/USD",
    side=Side.BUY,
    price_ticks=1,
    quantity_lots=1,
    occurred_ns=NOW,
)
UNCANCELED = CancelRejected(
    account="alpha",
    venue="exchange",
    account_sequence=2,
    client_order_id="never-sent",
    cancel_reject_reason=CancelRejectReason.UNKNOWN_ORDER,
    occurred_ns=NOW,
)
HEARTBEAT = VenueHeartbeat(venue="elsewhere", session=-1, occurred_ns=0)
REFUSED: dict[str, tuple[Message, type[Message]]] = {
    "an order for what is not traded": (order(symbol="DOGE/USD"), OrderRejected),
    "an order of nobody": (order(account="nobody"), OrderRejected),
    "an order at no price": (order(price_ticks=0), OrderRejected),
    "an order of less than nothing": (order(lots=-5), OrderRejected),
    "an order beyond all means": (order(lots=MOST, price_ticks=MOST), OrderRejected),
    "a cancel of nothing": (CancelOrder("exchange", "alpha", "never-sent"), CancelRejected),
    "a trade of what is not settled": (trade(symbol="DOGE/USD"), SettlementFailed),
    "a trade of nobody": (trade(buyer_account="nobody"), SettlementFailed),
    "a trade at no price": (trade(price_ticks=0), SettlementFailed),
    "a trade of less than nothing": (trade(quantity_lots=-1), SettlementFailed),
}
PASSED_OVER: dict[str, list[Message]] = {
    "exchange": [
        *(quote("DOGE/USD"), quote(bid=0, ask=0), quote(bid=6_000_100, ask=6_000_000), quote(at_ns=0)),
        *(quote(at_ns=MOST), quote(bid=MOST - 1, ask=MOST)),
        QueryTrades(to="exchange", asker="custodian", from_trade_id=MOST),
        QueryTrades(to="exchange", asker="custodian", from_trade_id=-1),
        QueryAccount(to="exchange", asker="risk_monitor", account="nobody"),
    ],
    "custodian": [
        QueryHoldings(to="custodian", asker="risk_monitor", account="nobody"),
        TradesReported(to="custodian", venue="nowhere", from_trade_id=5, trades=(), occurred_ns=NOW),
        TradesReported(to="custodian", venue="exchange", from_trade_id=-1, trades=(), occurred_ns=NOW),
    ],
    "trading_engine.alpha": [
        *(quote("DOGE/USD"), quote(bid=0, ask=0), quote(bid=6_000_100, ask=6_000_000), quote(at_ns=0), HEARTBEAT),
        BookTopChanged("exchange", "DOGE/USD", 1, 1, 2, 1, 1, NOW),
        BookTopChanged("elsewhere", "BTC/USD", 1, 1, 2, 1, 1, NOW),
        BookTopChanged("exchange", "BTC/USD", 5, 1, 2, 1, 1, NOW),
        *(filled(), filled(symbol="DOGE/USD", sequence=2), filled(account="beta"), filled(lots=-5, sequence=3)),
        *(ACCEPTED, UNCANCELED, report(to="trading_engine.alpha"), report(account="beta"), report(venue="elsewhere")),
    ],
    "risk_monitor": [
        *(quote("DOGE/USD"), quote(bid=0, ask=0), quote(bid=6_000_100, ask=6_000_000), quote(at_ns=0), HEARTBEAT),
        *(quote(at_ns=MOST), filled(), filled(symbol="DOGE/USD", sequence=2), filled(account="nobody")),
        *(filled(lots=-5, sequence=3), filled(sequence=MOST), ACCEPTED, UNCANCELED),
        *(report(), report(account="nobody"), report(venue="elsewhere"), report(account_sequence=-1)),
        *(HOLDINGS, replace(HOLDINGS, account="nobody"), replace(HOLDINGS, custodian="elsewhere")),
        AcknowledgeAlert(to="risk_monitor", alert_id="none", operator="eve"),
    ],
}
SOUND: dict[str, list[Message]] = {  # What a desk and the monitor have heard before, so that they serve.
    "trading_engine.alpha": [
        VenueHeartbeat(venue="exchange", session=1, occurred_ns=START_NS),
        report(to="trading_engine.alpha", balances=BALANCES, open_orders=()),
        quote(at_ns=START_NS),
    ],
    "risk_monitor": [
        VenueHeartbeat(venue="exchange", session=1, occurred_ns=START_NS),
        *(report(account=account, balances=BALANCES, open_orders=()) for account in ("alpha", "beta")),
        *(quote(symbol, at_ns=START_NS) for symbol in ("BTC/USD", "ETH/USD", "USDT/USD")),
    ],
}
Build = Callable[..., Core]
CASES = [(instance, at) for instance, messages in PASSED_OVER.items() for at in range(len(messages))]


@pytest.fixture
def started(tmp_path: Path) -> Build:
    """The core of an instance of the two desks' world, after its start, and if told after what makes it serve."""

    def make(instance: str, serving: bool = True) -> Core:
        files = documents_of(WORLD, Terms(seed=7, start_ns=START_NS))[instance]
        for name, text in files.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        service: Any = SERVICES[instance]
        section = read_document(tmp_path / "document.yaml").section(service.keys, service.optional)
        core: Core = service.build(section, instance)
        core.handle(Start(memory={}), START_NS)
        for message in SOUND.get(instance, ()) if serving else ():
            core.handle(message, START_NS + 1)
        return core

    return make


def goes_on(instance: str, core: Core) -> bool:
    """Whether it still does what it is there for."""
    said: Sequence[Message] = ()
    if instance == "exchange":
        said = core.handle(order(price_ticks=3_000_000, name="sound"), NOW)
        return any(isinstance(each, OrderAccepted) for each in said)
    if instance == "custodian":
        said = core.handle(trade(trade_id=2), NOW + 60 * 10**9)
        held = core.handle(QueryHoldings(to="custodian", asker="risk_monitor", account="alpha"), NOW + 60 * 10**9)
        return any(isinstance(each, HoldingsReported) for each in held)
    core.handle(VenueHeartbeat(venue="exchange", session=1, occurred_ns=NOW), NOW)
    core.handle(quote(at_ns=NOW + 1), NOW + 1)
    return True


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_true_is_refused_by_name(case: str, started: Build) -> None:
    message, answer = REFUSED[case]
    instance = "custodian" if isinstance(message, TradeExecuted) else "exchange"
    core = started(instance)
    said = core.handle(message, NOW)
    assert any(isinstance(each, answer) for each in said), said
    assert not any(isinstance(each, (OrderAccepted, SettlementInstructed)) for each in said)
    assert goes_on(instance, core)


@pytest.mark.parametrize("serving", [True, False])
@pytest.mark.parametrize(("instance", "at"), CASES)
def test_what_concerns_nobody_is_passed_over(instance: str, at: int, serving: bool, started: Build) -> None:
    core = started(instance, serving)
    core.handle(PASSED_OVER[instance][at], NOW)
    assert goes_on(instance, core)


@pytest.mark.parametrize("serving", [True, False])
@pytest.mark.parametrize("instance", PASSED_OVER)
def test_all_of_it_together_is_survived(instance: str, serving: bool, started: Build) -> None:
    core = started(instance, serving)
    for message in PASSED_OVER[instance]:
        core.handle(message, NOW)
    assert goes_on(instance, core)
