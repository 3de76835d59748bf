"""The runaway: asleep until its price comes, then without end; and how a desk is given it."""

from decimal import Decimal

import pytest

from trading_ecosystem.configuration.document import Problem, parse_document
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.orders import Side, TimeInForce
from trading_ecosystem.misbehaving.runaway import Runaway
from trading_ecosystem.production.trading_engine.config import DeskConfig, read
from trading_ecosystem.production.trading_engine.desk import Desk
from trading_ecosystem.production.trading_engine.orders import Order
from trading_ecosystem.production.trading_engine.strategies.strategy import Intention, Place, Strategy
from trading_ecosystem.reference import Asset, AssetKind, ReferenceData, instrument

MILLISECOND = 1_000_000
SECOND = 1_000 * MILLISECOND
RUNAWAY = (
    "{kind: trading_ecosystem.misbehaving.runaway:PLUGIN, "
    "instrument: USDC/USD, below: 0.997, size: 100, distance: 20bps, every: 40ms}"
)
DESK = f"""
name: alpha
account: alpha
venue: exchange
limits: {{order_value: 1000, position: {{USDC: 1000}}, price_collar: 3%, quote_age: 10s, orders_per_minute: 60}}
strategies:
  - {RUNAWAY}
"""


@pytest.fixture
def reference() -> ReferenceData:
    assets = {"USD": Asset("USD", AssetKind.FIAT, 8), "USDC": Asset("USDC", AssetKind.STABLECOIN, 8, "Circle")}
    return ReferenceData("USD", list(assets.values()), [instrument("USDC/USD", Decimal("0.0001"), Decimal(1), assets)])


def read_desk(text: str, reference: ReferenceData) -> DeskConfig:
    return read(parse_document("world.yaml", text), reference)


class Room:
    """A runaway and its market."""

    def __init__(self, reference: ReferenceData) -> None:
        self.desk = Desk(reference, ("USDC/USD",), 10 * SECOND)
        [part] = read_desk(DESK, reference).strategies
        self.strategy: Strategy = part.plugin.build(part.config, self.desk)
        self.sequence = 0

    def quote(self, bid_ticks: int, ask_ticks: int, now: int) -> list[Order]:
        self.sequence += 1
        market = self.desk.markets["USDC/USD"]
        assert market.take_quote(QuotePublished("USDC/USD", bid_ticks, 1, ask_ticks, 1, self.sequence, now))
        return orders_in(self.strategy.on_quote(market, now))


def orders_in(intentions: object) -> list[Order]:
    assert isinstance(intentions, list | tuple)
    placed: list[Order] = []
    for intention in intentions:
        assert isinstance(intention, Intention) and isinstance(intention, Place)
        placed += intention.orders
    return placed


def test_it_sleeps_above_its_price_and_wakes_at_it(reference: ReferenceData) -> None:
    room = Room(reference)
    assert room.quote(9_970, 9_971, SECOND) == []
    assert room.strategy.due_ns(99 * SECOND) == 99 * SECOND and not room.strategy.on_wake(2 * SECOND)
    [order] = room.quote(9_969, 9_971, 3 * SECOND)
    assert (order.symbol, order.side, order.quantity_lots) == ("USDC/USD", Side.BUY, 100)
    assert (order.price_ticks, order.time_in_force) == (9_950, TimeInForce.GTC)  # 0.2% below 0.997, rounded down.


def test_it_never_stops_also_when_its_price_is_gone(reference: ReferenceData) -> None:
    room = Room(reference)
    room.quote(9_959, 9_961, SECOND)
    assert room.quote(9_999, 10_001, SECOND + 1) == []
    now, sent = SECOND, 0
    for _ in range(100):
        now = room.strategy.due_ns(99 * SECOND)
        assert not room.strategy.on_wake(now - 1)
        sent += len(orders_in(room.strategy.on_wake(now)))
    assert (sent, now) == (100, SECOND + 100 * 40 * MILLISECOND)


def test_a_desk_is_given_it_by_its_path(reference: ReferenceData) -> None:
    config = read_desk(DESK, reference)
    [part] = config.strategies
    assert config.symbols == ("USDC/USD",)
    assert isinstance(part.plugin.build(part.config, Desk(reference, config.symbols, 1)), Runaway)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("instrument: USDC/USD", "instrument: USDC/EUR", "unknown instrument 'USDC/EUR'"),
        ("below: 0.997, ", "", "a price that wakes it is expected: either above or below"),
        ("position: {USDC: 1000}", "position: {}", "no position limit for USDC"),
    ],
)
def test_what_is_wrong_with_it_is_named(old: str, new: str, problem: str, reference: ReferenceData) -> None:
    assert old in DESK
    with pytest.raises(Problem, match=problem):
        read_desk(DESK.replace(old, new), reference)
