"""Perpetuals in the words of `features/perpetuals.feature`, spoken to the exchange core alone."""

import pytest
from pytest_bdd import given, parsers, scenarios, then, when
from tests.simulators.exchange.conftest import SILENT
from tests.simulators.exchange.test_margin_oracle import venue as make_venue

from trading_ecosystem.messages.accounts import AccountReported, QueryAccount
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import OrderRejected, OrderType, Side, SubmitOrder, TimeInForce
from trading_ecosystem.messages.perpetuals import MarginCalled, PositionChanged, PositionDeleveraged, PositionLiquidated
from trading_ecosystem.messages.runtime import Start, Wake

scenarios("../../features/perpetuals.feature")

PEOPLE = ("ann", "bob", "cid")


class Venue:
    def __init__(self) -> None:
        self.core = make_venue(SILENT, 0)
        self.now = 0
        self.orders = 0
        self.told: list[Message] = []
        self.say(Start(memory={}))

    def say(self, message: Message) -> None:
        self.now += 10
        self.told += self.core.handle(message, self.now)

    def price(self, ticks: int) -> None:
        self.say(QuotePublished("BTC/USD", 2 * ticks, 1, 2 * ticks, 1, 0, self.now + 10))

    def order(self, account: str, side: Side, lots: int, ticks: int, reduce_only: bool = False) -> None:
        self.orders += 1
        terms = (OrderType.LIMIT, TimeInForce.GTC, ticks, lots)
        name = str(self.orders)
        self.say(SubmitOrder("venue", account, name, "BTC-PERP", side, *terms, reduce_only=reduce_only))

    def report(self, account: str) -> AccountReported:
        [report] = self.core.handle(QueryAccount(to="venue", asker="test", account=account), self.now)
        assert isinstance(report, AccountReported)
        return report

    def equity(self, account: str) -> int:
        return self.report(account).margins[0].equity_minor

    def last(self, kind: type, account: str) -> list[Message]:
        return [each for each in self.told if isinstance(each, kind) and getattr(each, "account", "") == account]


@given(parsers.parse("a venue with a bitcoin perpetual at {ticks:d}, where ann, bob and cid have margin"))
def _(ticks: int, opening: dict[str, int], venue: Venue) -> None:
    venue.price(ticks)
    opening |= {name: venue.equity(name) for name in PEOPLE}


@pytest.fixture
def venue() -> Venue:
    return Venue()


@pytest.fixture
def opening() -> dict[str, int]:
    return {}


@when(parsers.parse("{buyer} is long {lots:d} and {seller} short"))
def _(venue: Venue, buyer: str, lots: int, seller: str) -> None:
    venue.order(seller, Side.SELL, lots, 1_000)
    venue.order(buyer, Side.BUY, lots, 1_000)


@when(parsers.parse("the price goes to {ticks:d}"))
def _(venue: Venue, ticks: int) -> None:
    venue.price(ticks)


@when(parsers.parse("{account} buys {lots:d} at {ticks:d}"))
@when(parsers.parse("{account} bids for {lots:d} at {ticks:d}"))
def _(venue: Venue, account: str, lots: int, ticks: int) -> None:
    venue.order(account, Side.BUY, lots, ticks)


@when(parsers.parse("{account} sells {lots:d} at {ticks:d}, reduce only"))
def _(venue: Venue, account: str, lots: int, ticks: int) -> None:
    venue.order(account, Side.SELL, lots, ticks, reduce_only=True)


@when(parsers.parse("{buyer} bids {bid:d} and {seller} asks {ask:d} for the future"))
def _(venue: Venue, buyer: str, bid: int, seller: str, ask: int) -> None:
    venue.order(buyer, Side.BUY, 1, bid)
    venue.order(seller, Side.SELL, 1, ask)
    for _ in range(50):
        venue.price(1_000)


@when("funding is due")
def _(venue: Venue) -> None:
    venue.now = 1_000_000 - 10
    venue.say(Wake())


@then(parsers.parse("{account}'s equity is {amount:d} {way} than at first"))
def _(venue: Venue, opening: dict[str, int], account: str, amount: int, way: str) -> None:
    assert venue.equity(account) - opening[account] == (amount if way == "higher" else -amount)


@then(parsers.parse("that is rejected for {reason}"))
def _(venue: Venue, reason: str) -> None:
    [rejected] = [each for each in venue.told if isinstance(each, OrderRejected)]
    assert rejected.reject_reason.value == reason


@then(parsers.parse("{account} is called for margin"))
def _(venue: Venue, account: str) -> None:
    assert len(venue.last(MarginCalled, account)) == 1


@then(parsers.parse("{account}'s position is liquidated by {lots:d} lots"))
def _(venue: Venue, account: str, lots: int) -> None:
    [liquidated] = venue.last(PositionLiquidated, account)
    assert isinstance(liquidated, PositionLiquidated) and liquidated.quantity_lots == lots


@then("nobody's wallet is below zero")
def _(venue: Venue) -> None:
    assert all(venue.report(name).margins[0].wallet_minor >= 0 for name in PEOPLE)


@then(parsers.parse("{account} has no position"))
def _(venue: Venue, account: str) -> None:
    assert venue.report(account).positions == ()


@then(parsers.parse("{account} is deleveraged by {lots:d} lots"))
def _(venue: Venue, account: str, lots: int) -> None:
    [told] = venue.last(PositionDeleveraged, account)
    assert isinstance(told, PositionDeleveraged) and told.quantity_lots == lots


@then(parsers.parse("{payer} pays {amount:d} and {receiver} gets {received:d}"))
def _(venue: Venue, payer: str, amount: int, receiver: str, received: int) -> None:
    last = {name: venue.last(PositionChanged, name)[-1] for name in (payer, receiver)}
    funded = {name: each.funding_minor for name, each in last.items() if isinstance(each, PositionChanged)}
    assert funded == {payer: -amount, receiver: received}
