"""The basis desk opens when the perpetual is dear, closes when it is not, and is even in between."""

from decimal import Decimal
from pathlib import Path

import pytest

from trading_ecosystem.assembly import load_world
from trading_ecosystem.messages.accounts import AccountReported, Balance
from trading_ecosystem.messages.market import BookTopChanged, QuotePublished
from trading_ecosystem.messages.orders import Liquidity, OrderFilled, Side
from trading_ecosystem.messages.perpetuals import OpenPosition, PositionChanged
from trading_ecosystem.production.trading_engine.desk import Desk
from trading_ecosystem.production.trading_engine.orders import Order, OrderStatus
from trading_ecosystem.production.trading_engine.strategies.basis import Basis
from trading_ecosystem.production.trading_engine.strategies.basis_config import BasisConfig
from trading_ecosystem.production.trading_engine.strategies.strategy import Place

WORLD = Path(__file__).parents[4] / "worlds" / "spot-and-futures.yaml"
SECOND = 1_000_000_000
BTC = 10**8


class Floor:
    def __init__(self) -> None:
        plan = load_world(WORLD)
        config = plan.desks[1]
        [part] = config.strategies
        assert isinstance(part.config, BasisConfig)
        self.reference = plan.reference
        self.desk = Desk(plan.reference, config.symbols, 10**18)
        self.basis = Basis(part.config, self.desk)
        self.now = 0
        self.report(5, 0)
        for symbol, middle in (("BTC/USD", "60000"), ("BTC-PERP", "60000"), ("ETH/USD", "2500"), ("ETH-PERP", "2500")):
            self.book(symbol, middle)

    def report(self, bitcoin: int, short_lots: int) -> None:
        balance = Balance(asset="BTC", free_minor=bitcoin * BTC, locked_minor=0)
        held = (OpenPosition(symbol="BTC-PERP", position_lots=-short_lots, cost_minor=0, mark_ticks=1),)
        self.desk.positions.report(
            AccountReported(
                to="desk",
                venue="exchange",
                account="beta",
                account_sequence=1,
                balances=(balance,),
                open_orders=(),
                occurred_ns=0,
                positions=held if short_lots else (),
            )
        )

    def book(self, symbol: str, middle: str, depth: str = "1") -> None:
        """One tick of a dollar wide, for whatever the instrument is."""
        self.now += 1
        pair = self.reference.instruments[symbol]
        ticks, lots = int(Decimal(middle) / pair.tick), pair.to_lots(Decimal(depth))
        self.desk.markets[symbol].take_book(
            BookTopChanged("exchange", symbol, ticks - 1, lots, ticks + 1, lots, self.now, self.now)
        )
        self.desk.markets[symbol].take_quote(QuotePublished(symbol, ticks - 1, 1, ticks + 1, 1, 1, self.now))

    def look(self) -> list[Order]:
        self.now += 60 * SECOND
        orders: list[Order] = []
        for intention in self.basis.on_book_top(self.desk.markets["BTC-PERP"], self.now):
            assert isinstance(intention, Place)
            orders += intention.orders
        return orders

    def end(self, order: Order, lots: int | None = None) -> None:
        lots = order.quantity_lots if lots is None else lots
        pair = self.reference.instruments[order.symbol]
        if lots:
            self.desk.positions.fill(
                OrderFilled(
                    *("beta", "exchange", 1, 0, 1, "", order.symbol, order.side),
                    *(order.price_ticks, lots, 0, 0, Liquidity.TAKER, 1),
                ),
                pair,
            )
        order.leaves_lots -= lots
        order.status = OrderStatus.CANCELED if order.leaves_lots else OrderStatus.FILLED
        assert self.basis.on_close(order, self.now) == ()


@pytest.fixture
def floor() -> Floor:
    return Floor()


def told(orders: list[Order]) -> list[tuple[str, Side, int]]:
    return [(order.symbol, order.side, order.quantity_lots) for order in orders]


OPENS = [("BTC/USD", Side.BUY, 5_000), ("BTC-PERP", Side.SELL, 500)]
CLOSES = [("BTC/USD", Side.SELL, 5_000), ("BTC-PERP", Side.BUY, 500)]


@pytest.mark.parametrize(("perpetual", "opens"), [("60080", False), ("60090.1", False), ("60090.2", True)])
def test_it_opens_at_its_threshold_with_both_legs_taken(floor: Floor, perpetual: str, opens: bool) -> None:
    """15bps of the ask of 60,000.01 are 90.000015: the bid, a tick below the middle, must be 60,090.1."""
    floor.book("BTC-PERP", perpetual)
    assert told(floor.look()) == (OPENS if opens else [])


def test_it_closes_what_is_open_when_the_perpetual_is_no_longer_dear(floor: Floor) -> None:
    floor.book("BTC-PERP", "60200")
    for order in floor.look():
        floor.end(order)
    floor.book("BTC-PERP", "60050")
    assert floor.look() == []
    floor.book("BTC-PERP", "59990")
    closing = floor.look()
    assert told(closing) == CLOSES
    for order in closing:
        floor.end(order)
    assert floor.look() == [], "there is nothing left to close"


def test_it_takes_no_more_than_the_shallower_book_has_and_stops_at_its_maximum(floor: Floor) -> None:
    floor.book("BTC-PERP", "60200", depth="0.2")
    assert told(floor.look()) == [("BTC/USD", Side.BUY, 2_000), ("BTC-PERP", Side.SELL, 200)]
    floor = Floor()
    floor.book("BTC-PERP", "60200")
    for _ in range(24):
        for order in floor.look():
            floor.end(order)
    assert floor.look() == [], "twelve bitcoin are the most"


def test_one_round_at_a_time_and_a_rest_after_it(floor: Floor) -> None:
    floor.book("BTC-PERP", "60200")
    first, second = floor.look()
    assert floor.look() == []
    floor.end(first)
    assert floor.look() == []
    floor.end(second)
    assert floor.basis.on_book_top(floor.desk.markets["BTC-PERP"], floor.now) != ()


@pytest.mark.parametrize(
    ("spot_lots", "perpetual_lots", "hedge"),
    [(5_000, 0, ("BTC/USD", Side.SELL, 4_166)), (0, 500, ("BTC-PERP", Side.BUY, 415)), (5_000, 495, None)],
)
def test_a_leg_that_stands_alone_is_made_smaller(
    floor: Floor, spot_lots: int, perpetual_lots: int, hedge: tuple[str, Side, int] | None
) -> None:
    """By 250,000 USD at most, at the dearer of quote and limit; 0.005 BTC are 300 USD and left alone."""
    floor.book("BTC-PERP", "60200")
    spot, perpetual = floor.look()
    floor.end(spot, spot_lots)
    floor.end(perpetual, perpetual_lots)
    floor.book("BTC-PERP", "60050")
    orders = told(floor.look())
    if hedge is None:
        assert orders == []
    else:
        [(symbol, side, lots)] = orders
        assert (symbol, side) == hedge[:2] and 0 < lots <= 5_000


def test_a_hedge_that_the_venue_took_away_is_not_built_up_again(floor: Floor) -> None:
    floor.report(17, 12_000)  # Twelve bitcoin, hedged.
    assert floor.look() == []
    changed = PositionChanged(
        account="beta",
        venue="exchange",
        account_sequence=2,
        occurred_ns=1,
        symbol="BTC-PERP",
        position_lots=-9_000,
        cost_minor=0,
        realised_minor=0,
        funding_minor=0,
        fee_minor=0,
        wallet_minor=0,
    )
    floor.desk.positions.change(changed)
    [(symbol, side, lots)] = told(floor.look())
    assert (symbol, side) == ("BTC/USD", Side.SELL) and lots <= 30_000
