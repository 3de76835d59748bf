"""ETH/BTC, in the words of `features/crosses.feature`: venue, monitor and desk as the shipped world makes them."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from trading_ecosystem.assembly import WorldPlan, load_world
from trading_ecosystem.messages.accounts import AccountReported, Balance, QueryAccount
from trading_ecosystem.messages.market import BookTopChanged, QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import (
    OrderAccepted,
    OrderFilled,
    OrderRejected,
    OrderType,
    Side,
    SubmitOrder,
    TimeInForce,
)
from trading_ecosystem.production.risk_monitor.accounts import Account
from trading_ecosystem.production.risk_monitor.portfolio import Portfolio
from trading_ecosystem.production.trading_engine.desk import Desk
from trading_ecosystem.production.trading_engine.strategies.arbitrage import Arbitrage
from trading_ecosystem.production.trading_engine.strategies.arbitrage_config import ArbitrageConfig
from trading_ecosystem.production.trading_engine.strategies.strategy import Place
from trading_ecosystem.simulators.exchange.core import Exchange

scenarios("../../features/crosses.feature")

PLAN = load_world(Path(__file__).parents[2] / "worlds" / "crosses.yaml")
PAIRS = PLAN.reference.instruments
CROSS = PAIRS["ETH/BTC"]
UNIT = 10**8
SECOND = 10**9


class Market:
    def __init__(self, plan: WorldPlan) -> None:
        config = replace(plan.venues["exchange"], liquidity=replace(plan.venues["exchange"].liquidity, instruments={}))
        self.venue = Exchange("exchange", config, plan.reference, plan.accounts, seed=1)
        self.sent = 0
        self.told: list[Message] = []
        self.portfolio = Portfolio(plan.reference, accounts=1)
        self.account = Account("beta", "exchange")

    def submit(self, account: str, side: Side, amount: str, price: str) -> None:
        self.sent += 1
        ticks, lots = Decimal(price) / CROSS.tick, CROSS.to_lots(Decimal(amount))
        terms = (OrderType.LIMIT, TimeInForce.GTC, int(ticks), lots, False)
        self.told = list(
            self.venue.handle(SubmitOrder("exchange", account, str(self.sent), "ETH/BTC", side, *terms), self.sent)
        )
        for fill in self.fills("beta"):
            self.account.book(fill, CROSS)
            self.portfolio.book(fill, CROSS)

    def fills(self, account: str) -> list[OrderFilled]:
        return [each for each in self.told if isinstance(each, OrderFilled) and each.account == account]

    def price(self, asset: str, dollars: str) -> None:
        ticks = int(Decimal(dollars) / PAIRS[f"{asset}/USD"].tick)
        self.portfolio.reprice(self.portfolio.position(asset), 2 * ticks)

    def profit(self) -> Decimal:
        return Decimal(self.portfolio.realised_minor + self.portfolio.unrealised_minor) / UNIT


class Round:
    """The arbitrage of the shipped desk, which hears of books as they are."""

    def __init__(self, plan: WorldPlan) -> None:
        [config] = [desk for desk in plan.desks if desk.name == "beta"]
        [part] = config.strategies
        assert isinstance(part.config, ArbitrageConfig)
        self.desk = Desk(plan.reference, config.symbols, 10**18)
        self.arbitrage = Arbitrage(part.config, self.desk)
        balances = tuple(Balance(asset=a, free_minor=m, locked_minor=0) for a, m in plan.accounts["beta"].items())
        told = {"account": "beta", "account_sequence": 1, "balances": balances, "open_orders": (), "occurred_ns": 0}
        self.desk.positions.report(AccountReported(to="desk", venue="exchange", **told))  # type: ignore[arg-type]

    def hear(self, symbol: str, bid: str, ask: str) -> None:
        pair, market = PAIRS[symbol], self.desk.markets[symbol]
        bid_ticks, ask_ticks, lots = (
            int(Decimal(bid) / pair.tick),
            int(Decimal(ask) / pair.tick),
            pair.to_lots(Decimal(5)),
        )
        market.take_book(BookTopChanged("exchange", symbol, bid_ticks, lots, ask_ticks, lots, 1, SECOND))
        market.take_quote(QuotePublished(symbol, bid_ticks, 1, ask_ticks, 1, 1, SECOND))


@pytest.fixture
@given("the venue of crosses, without its background")
def market() -> Market:
    return Market(PLAN)


@given("a monitor to which bitcoin is worth 60000 USD and ether 2600 USD")
def monitor(market: Market) -> None:
    market.price("BTC", "60000")
    market.price("ETH", "2600")
    market.portfolio.correct(PLAN.accounts["beta"])
    market.portfolio.answered()
    market.portfolio.open(None)


@pytest.fixture
@given("a desk that is told of 2500 to 2501 USD for ether and 60000 to 60001 USD for bitcoin")
def desk() -> Round:
    made = Round(PLAN)
    made.hear("ETH/USD", "2500", "2501")
    made.hear("BTC/USD", "60000", "60001")
    return made


@when(parsers.re(r"(?P<account>\w+) (?P<verb>buys|sells) (?P<amount>\S+) ETH for (?P<price>\S+) BTC each"))
def submit(market: Market, account: str, verb: str, amount: str, price: str) -> None:
    market.submit(account, Side.BUY if verb == "buys" else Side.SELL, amount, price)


@when(parsers.parse("bitcoin comes to be worth {dollars} USD"))
def reprice(market: Market, dollars: str) -> None:
    market.price("BTC", dollars)


@when(parsers.parse("ETH/BTC is at {bid} to {ask}"), target_fixture="legs")
def hear(desk: Round, bid: str, ask: str) -> str:
    desk.hear("ETH/BTC", bid, ask)
    intentions = desk.arbitrage.on_book_top(desk.desk.markets["ETH/BTC"], 2 * SECOND)
    orders = [order for each in intentions if isinstance(each, Place) for order in each.orders]
    return ", ".join(f"{order.side.name.lower()} {order.symbol}" for order in orders) or "nothing"


@then(parsers.parse("{account} has paid a fee of {amount} BTC"))
def fee(market: Market, account: str, amount: str) -> None:
    assert [Decimal(fill.fee_minor) / UNIT for fill in market.fills(account)] == [Decimal(amount)]


@then(parsers.parse("beta has {ether} ETH and {bitcoin} BTC"))
def balances(market: Market, ether: str, bitcoin: str) -> None:
    [told] = market.venue.handle(QueryAccount(to="exchange", asker="me", account="beta"), 9)
    assert isinstance(told, AccountReported)
    held = {each.asset: Decimal(each.free_minor) / UNIT for each in told.balances}
    assert held == {"USD": 2_000_000, "ETH": Decimal(ether), "BTC": Decimal(bitcoin), "USDT": 0, "USDC": 0}


@then(parsers.parse("it is rejected for {reason}"))
def rejected(market: Market, reason: str) -> None:
    assert [each.reject_reason.value for each in market.told if isinstance(each, OrderRejected)] == [reason]


@then("it is taken")
def taken(market: Market) -> None:
    assert [type(each) for each in market.told][:1] == [OrderAccepted]


@then(parsers.parse("the monitor counts for beta a profit of {dollars} USD, and {realised} USD of it as realised"))
def profit(market: Market, dollars: str, realised: str) -> None:
    assert market.profit() == Decimal(dollars)
    assert Decimal(market.portfolio.realised_minor) / UNIT == Decimal(realised)


@then(parsers.parse("the monitor counts for beta a loss of {dollars} USD more"))
def loss(market: Market, dollars: str) -> None:
    assert market.profit() == Decimal("794.96") - Decimal(dollars)


@then(parsers.parse("the desk sends {orders}"))
def sends(legs: str, orders: str) -> None:
    assert legs == orders
