"""What trades brought is realised or unrealised, in the numeraire, and nothing of it is lost or counted twice."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from trading_ecosystem.messages.accounts import AccountReported, Balance
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.orders import Liquidity, OrderFilled, Side
from trading_ecosystem.production.trading_engine.desk import Desk
from trading_ecosystem.production.trading_engine.portfolio import Holding, Portfolio, PositionLine, Statement
from trading_ecosystem.reference import PerpetualTerms, ReferenceData, perpetual

COIN = 10**8
TERMS = PerpetualTerms("BTC/USD", 100_000, 50_000, 8 * 3_600 * 10**9, 7_500, 100)
SYMBOLS = ("BTC/USD", "BTC/USDT", "USDT/USD", "ETH/BTC", "BTC-PERP")


class Book:
    """A desk that is told fills and prices; figures in USD."""

    def __init__(self, reference: ReferenceData) -> None:
        contract = perpetual("BTC-PERP", TERMS, Decimal("0.01"), Decimal("0.0001"), reference.assets)
        self.reference = ReferenceData("USD", [*reference.assets.values()], [*reference.instruments.values(), contract])
        self.desk = Desk(self.reference, SYMBOLS, 10**18)
        self.portfolio = Portfolio(self.desk)
        self.now = 0
        self.held = {"USD": 3_000_000 * COIN, "USDT": 900_000 * COIN, "BTC": 20 * COIN, "ETH": 300 * COIN}
        self.report()
        self.prices(60_000, 1)

    def report(self, **held: int) -> None:
        self.held |= held
        balances = tuple(Balance(asset=a, free_minor=m, locked_minor=0) for a, m in self.held.items())
        answer = AccountReported(
            to="desk",
            venue="exchange",
            account="alpha",
            account_sequence=1,
            balances=balances,
            open_orders=(),
            occurred_ns=0,
        )
        self.desk.positions.report(answer)
        self.portfolio.align()

    def prices(self, bitcoin: int, tether: str | int) -> None:
        usdt = Decimal(tether)
        for symbol, price in (
            ("BTC/USD", Decimal(bitcoin)),
            ("BTC-PERP", Decimal(bitcoin)),
            ("BTC/USDT", bitcoin / usdt),
            ("USDT/USD", usdt),
            ("ETH/BTC", Decimal("0.05")),
        ):
            self.now += 1
            ticks = int(price / self.reference.instruments[symbol].tick)
            # Twice, so that a leap is believed.
            for _ in range(2):
                self.now += 1
                self.desk.markets[symbol].take_quote(QuotePublished(symbol, ticks, 1, ticks, 1, 1, self.now))

    def fill(self, side: Side, symbol: str, price: str | int, amount: str, fee: str = "0") -> None:
        pair = self.reference.instruments[symbol]
        fee_minor = int(Decimal(fee) * 10 ** self.reference.assets[pair.quote].decimals)
        told = OrderFilled(
            "alpha",
            "exchange",
            1,
            0,
            1,
            "",
            symbol,
            side,
            int(Decimal(price) / pair.tick),
            pair.to_lots(Decimal(amount)),
            0,
            fee_minor,
            Liquidity.TAKER,
            1,
        )
        self.desk.positions.fill(told, pair)
        self.portfolio.fill(told, pair)

    @property
    def told(self) -> Statement:
        return self.portfolio.statement()

    def line(self, asset: str) -> PositionLine:
        (found,) = [line for line in self.told.positions if line.asset == asset]
        return found

    def profit(self) -> tuple[object, object]:
        """Realised and unrealised."""
        return Decimal(self.told.realised_minor) / COIN, Decimal(self.told.unrealised_minor) / COIN


@pytest.fixture
def book(reference: ReferenceData) -> Book:
    return Book(reference)


def test_a_desk_that_did_not_trade_has_no_profit_whatever_prices_do(book: Book) -> None:
    book.prices(90_000, "0.5")
    assert book.told == Statement(0, 0, 0, True, ())


def test_purchases_are_averaged_and_a_sale_realises(book: Book) -> None:
    book.fill(Side.BUY, "BTC/USD", 60_000, "1")
    book.fill(Side.BUY, "BTC/USD", 62_000, "1")
    assert (book.line("BTC").amount_minor, book.line("BTC").cost_minor) == (2 * COIN, 122_000 * COIN)
    book.fill(Side.SELL, "BTC/USD", 64_000, "0.5")
    assert book.profit() == (1_500, -1_500)  # What is left cost 61,000 a coin.
    book.prices(61_000, 1)
    assert book.profit() == (1_500, 0)


def test_a_short_position_earns_when_the_price_falls(book: Book) -> None:
    book.fill(Side.SELL, "BTC/USD", 60_000, "1")
    book.prices(58_000, 1)
    assert book.profit() == (0, 2_000)
    book.fill(Side.BUY, "BTC/USD", 58_500, "0.4")
    assert book.profit() == (600, 1_200)


def test_a_trade_through_flat_closes_one_position_and_opens_another(book: Book) -> None:
    book.fill(Side.BUY, "BTC/USD", 60_000, "1")
    book.fill(Side.SELL, "BTC/USD", 61_000, "3")
    line = book.line("BTC")
    assert (line.amount_minor, line.cost_minor, line.realised_minor) == (-2 * COIN, -122_000 * COIN, 1_000 * COIN)


def test_a_fee_is_a_loss_in_what_was_traded(book: Book) -> None:
    book.fill(Side.BUY, "BTC/USD", 60_000, "1", fee="12")
    assert book.profit() == (-12, 0) and book.told.fees_minor == 12 * COIN
    book.fill(Side.SELL, "BTC/USD", 60_000, "1", fee="-3")
    assert book.profit() == (-9, 0) and book.told.fees_minor == 9 * COIN


def test_profit_in_tether_is_counted_in_dollars(book: Book) -> None:
    book.prices(60_000, "0.5")
    book.fill(Side.BUY, "BTC/USDT", 120_000, "1", fee="24")
    assert book.line("BTC").cost_minor == 60_000 * COIN and book.line("USDT").amount_minor == -120_024 * COIN
    assert book.profit() == (-12, 0)
    book.prices(60_000, "0.4")
    # It owes 120,024 that were worth half a dollar each.
    assert book.profit() == (-12, Decimal("12002.4"))


def test_a_pair_of_two_coins_moves_both(book: Book) -> None:
    book.fill(Side.BUY, "ETH/BTC", "0.05", "20")
    assert book.line("ETH").cost_minor == 60_000 * COIN and book.line("BTC").cost_minor == -60_000 * COIN
    book.prices(66_000, 1)
    assert book.profit() == (0, 0)  # Both rose.


def test_a_perpetual_is_paid_for_by_nobody(book: Book) -> None:
    book.fill(Side.SELL, "BTC-PERP", 60_000, "1", fee="12")
    assert {line.asset for line in book.told.positions} == {"BTC-PERP"}
    book.prices(59_000, 1)
    assert book.profit() == (-12, 1_000)


def test_what_the_venue_corrects_is_no_profit(book: Book) -> None:
    book.report(BTC=21 * COIN)
    assert book.line("BTC").cost_minor == 60_000 * COIN and book.profit() == (0, 0)
    book.prices(61_000, 1)
    assert book.profit() == (0, 1_000)


def test_a_transfer_is_no_profit(book: Book) -> None:
    book.desk.positions.move("BTC", -5 * COIN)
    book.held["BTC"] -= 5 * COIN
    book.report()
    assert book.told.positions == ()


def test_a_later_life_begins_where_it_is(book: Book) -> None:
    book.fill(Side.BUY, "BTC/USD", 60_000, "1")
    book.portfolio = Portfolio(book.desk)
    book.portfolio.align()
    assert book.told.positions == ()
    book.fill(Side.SELL, "BTC/USD", 61_000, "1")
    book.report()
    assert book.line("BTC").amount_minor == -COIN


def test_what_has_no_price_is_not_certain(reference: ReferenceData) -> None:
    book = Book(reference)
    book.desk.markets["USDT/USD"].quote = None
    assert book.told.certain
    book.fill(Side.BUY, "BTC/USDT", 60_000, "1")
    assert not book.told.certain


TRADES = st.lists(
    st.tuples(
        st.sampled_from([Side.BUY, Side.SELL]),
        st.integers(5_000_000, 7_000_000),
        st.integers(1, 50_000),
        st.integers(-5_000, 50_000),
    ),
    max_size=30,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trades=TRADES, bitcoin=st.integers(50_000, 70_000))
def test_profit_is_what_cash_and_coins_say(reference: ReferenceData, trades: list[Any], bitcoin: int) -> None:
    book = Book(reference)
    book.prices(bitcoin, 1)
    cash = coins = 0
    for side, ticks, lots, fee_minor in trades:
        fee = Decimal(fee_minor) / COIN
        book.fill(side, "BTC/USD", Decimal(ticks) / 100, Decimal(lots) / 10_000, str(fee))  # type: ignore[arg-type]
        sign = 1 if side is Side.BUY else -1
        cash -= sign * ticks * lots * 100 + fee_minor
        coins += sign * lots * 10_000
    told = book.told
    assert told.realised_minor + told.unrealised_minor == cash + coins * bitcoin
    if coins == 0:
        assert told.unrealised_minor == 0


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(1, 1_000)), max_size=20))
def test_a_cost_is_split_and_never_lost(changes: list[tuple[int, int]]) -> None:
    holding, paid = Holding(0), 0
    for amount, worth in changes:
        if amount:
            signed = worth if amount > 0 else -worth
            holding.add(amount, signed)
            paid += signed
    assert holding.cost_minor - holding.realised_minor == paid
    assert holding.amount_minor or holding.cost_minor == 0
