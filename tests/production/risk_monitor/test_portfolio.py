"""Wealth and profit are counted in dollars, by average cost, to the last minor unit."""

from decimal import Decimal

import pytest
from hypothesis import given, settings, strategies as st

from trading_ecosystem.messages.orders import Liquidity, OrderFilled, Side
from trading_ecosystem.production.risk_monitor.accounts import Account
from trading_ecosystem.production.risk_monitor.portfolio import Portfolio
from trading_ecosystem.reference import ReferenceData

UNIT = 10**8
Step = tuple[str, int, int, int]


class Books:
    """One account; amounts are in units."""

    def __init__(self, reference: ReferenceData, **amounts: int) -> None:
        self.reference = reference
        self.portfolio = Portfolio(reference, accounts=1)
        self.account = Account("alpha", "exchange")
        changes = {asset: amount * UNIT for asset, amount in amounts.items()}
        for asset, change in changes.items():
            self.account.add(asset, change)
        self.portfolio.correct(changes)
        self.portfolio.answered()

    def price(self, symbol: str, price: str) -> None:
        pair = self.reference.instruments[symbol]
        self.portfolio.reprice(self.portfolio.position(pair.base), 2 * int(Decimal(price) / pair.tick))

    def fill(self, symbol: str, side: Side, lots: int, price: str, fee: str = "0") -> None:
        pair = self.reference.instruments[symbol]
        ticks, fee_minor = int(Decimal(price) / pair.tick), int(Decimal(fee) * UNIT)
        event = OrderFilled(
            "alpha", "exchange", 1, 0, 1, "c", symbol, side, ticks, lots, 0, fee_minor, Liquidity.MAKER, 1
        )
        self.account.book(event, pair)
        self.portfolio.book(event, pair)

    def profit(self) -> tuple[int, int]:
        """Realised and unrealised, in whole units."""
        return self.portfolio.realised_minor // UNIT, self.portfolio.unrealised_minor // UNIT


def test_average_cost(reference: ReferenceData) -> None:
    books = Books(reference, USD=1_000_000)
    books.portfolio.open(None)
    books.fill("BTC/USD", Side.BUY, 10_000, "60000")
    books.fill("BTC/USD", Side.BUY, 10_000, "50000")
    books.price("BTC/USD", "58000")
    assert books.profit() == (0, 6_000)
    books.fill("BTC/USD", Side.SELL, 10_000, "58000", fee="100")
    assert books.profit() == (2_900, 3_000)
    books.price("BTC/USD", "54000")
    assert books.profit() == (2_900, -1_000)


def test_a_rebate_is_realised_and_dollars_cost_dollars(reference: ReferenceData) -> None:
    books = Books(reference, USD=1_000_000)
    books.portfolio.open(None)
    books.fill("BTC/USD", Side.BUY, 10_000, "60000", fee="-7")
    books.price("BTC/USD", "60000")
    assert books.profit() == (7, 0)
    dollars = books.portfolio.position("USD")
    assert dollars.cost_minor == dollars.total_minor == (1_000_000 - 60_000 + 7) * UNIT


def test_a_fill_in_a_stablecoin_is_worth_what_the_stablecoin_is_worth(reference: ReferenceData) -> None:
    """Bitcoin bought for 60,000 USDT at 0.95 cost 57,000 dollars, and the loss on the USDT is realised."""
    books = Books(reference, USDT=100_000)
    books.price("USDT/USD", "1")
    books.portfolio.open(None)
    books.price("USDT/USD", "0.95")
    assert books.profit() == (0, -5_000)
    books.fill("BTC/USDT", Side.BUY, 10_000, "60000")
    books.price("BTC/USD", "57000")
    assert books.profit() == (-3_000, -2_000)


def test_incomplete_until_every_asset_held_has_a_price(reference: ReferenceData) -> None:
    books = Books(reference, USD=1, BTC=1, ETH=1)
    assert (books.portfolio.complete, books.portfolio.unpriced()) == (False, ["BTC", "ETH"])
    books.price("BTC/USD", "60000")
    assert not books.portfolio.complete
    books.price("ETH/USD", "2500")
    assert books.portfolio.complete
    books.fill("USDC/USD", Side.BUY, 1, "1")
    assert (books.portfolio.complete, books.portfolio.unpriced()) == (False, ["USDC"])
    books.price("USDC/USD", "1")
    assert books.portfolio.complete


def test_an_asset_that_nobody_described_is_held_without_a_price(reference: ReferenceData) -> None:
    books = Books(reference, USD=1, DOGE=5)
    assert (books.portfolio.complete, books.portfolio.unpriced()) == (False, ["DOGE"])


def test_profit_goes_on_after_a_restart_with_what_happened_in_between(reference: ReferenceData) -> None:
    books = Books(reference, USD=1_000_000)
    books.portfolio.open(None)
    books.fill("BTC/USD", Side.BUY, 20_000, "60000")
    books.price("BTC/USD", "61000")
    kept = books.portfolio.opening()
    again = Books(reference, USD=941_000, BTC=1)  # One bitcoin was sold for 61,000 meanwhile.
    again.price("BTC/USD", "61000")
    again.portfolio.open(kept)
    assert again.profit() == (1_000, 1_000)


MOVES = st.sampled_from(["BTC/USD", "ETH/USD", "USDT/USD"])
FILLS = st.sampled_from(["BTC/USD", "BTC/USDT", "ETH/USDT", "ETH/USD", "USDT/USD"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("price"), MOVES, st.integers(1, 9_000_000), st.just(0)),
        st.tuples(st.sampled_from(["buy", "sell"]), FILLS, st.integers(1, 20_000), st.integers(-50, 500)),
        st.tuples(st.just("correct"), st.sampled_from(["USD", "BTC", "USDT"]), st.integers(-999, 999), st.just(0)),
    ),
    max_size=40,
)


@settings(max_examples=80, deadline=None)
@given(STEPS)
def test_profit_is_the_change_of_equity_and_sums_are_sums(
    reference: ReferenceData, steps: list[tuple[str, str, int, int]]
) -> None:
    books = Books(reference, USD=10_000_000, USDT=10_000_000, BTC=100, ETH=5_000)
    for symbol, price in (("BTC/USD", "60000"), ("ETH/USD", "2500"), ("USDT/USD", "1")):
        books.price(symbol, price)
    books.portfolio.open(None)
    portfolio, opening = books.portfolio, books.portfolio.equity_minor
    for kind, name, size, fee in steps:
        if kind == "price":
            books.price(name, str(size * reference.instruments[name].tick))
        elif kind == "correct":
            portfolio.correct({name: size})
        else:
            books.fill(
                name, Side.BUY if kind == "buy" else Side.SELL, size, "1" if name[0] == "U" else "1234.5", str(fee)
            )
        assert portfolio.realised_minor + portfolio.unrealised_minor == portfolio.equity_minor - opening
        assert (portfolio.equity_minor, portfolio.gross_minor, portfolio.delta_minor) == slow_sums(portfolio)
        assert portfolio.cost_minor == sum(each.cost_minor for each in portfolio.positions.values())


def slow_sums(portfolio: Portfolio) -> tuple[int, int, int]:
    values = {each.asset: each.worth(each.total_minor) for each in portfolio.positions.values()}
    return sum(values.values()), sum(map(abs, values.values())), values["BTC"] + values["ETH"]


@pytest.mark.parametrize(("price", "value"), [("0.9999", 99_990_000), ("1", 100_000_000), ("0.0001", 10_000)])
def test_a_value_is_exact(reference: ReferenceData, price: str, value: int) -> None:
    books = Books(reference, USDT=1)
    books.price("USDT/USD", price)
    assert books.portfolio.equity_minor == value
