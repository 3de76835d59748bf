"""Positions follow fills exactly; quotes and books are news only when they are newer."""

from hypothesis import HealthCheck, given, settings, strategies as st

from trading_ecosystem.messages.accounts import AccountReported, Balance
from trading_ecosystem.messages.market import BookTopChanged, QuotePublished
from trading_ecosystem.messages.orders import Liquidity, OrderFilled, Side
from trading_ecosystem.production.trading_engine.desk import Market, Positions
from trading_ecosystem.reference import ReferenceData

FILLS = st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 10**7), st.integers(1, 10**6), st.integers(-50, 50)))


def quote(occurred_ns: int, bid_ticks: int = 99, ask_ticks: int = 101) -> QuotePublished:
    return QuotePublished("BTC/USD", bid_ticks, 1, ask_ticks, 1, 1, occurred_ns)


def report(**amounts: tuple[int, int]) -> AccountReported:
    balances = tuple(Balance(asset=a, free_minor=free, locked_minor=locked) for a, (free, locked) in amounts.items())
    return AccountReported(
        to="desk",
        venue="exchange",
        account="alpha",
        account_sequence=1,
        balances=balances,
        open_orders=(),
        occurred_ns=0,
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fills=FILLS)
def test_fills_move_base_and_quote_and_cost_the_fee(
    reference: ReferenceData, fills: list[tuple[Side, int, int, int]]
) -> None:
    positions = Positions()
    positions.report(report(BTC=(10, 5), USD=(100, 0)))
    btc, usd = 15, 100
    for side, ticks, lots, fee in fills:
        fill = OrderFilled("a", "v", 1, 0, 1, "a-1", "BTC/USD", side, ticks, lots, 0, fee, Liquidity.TAKER, 1)
        positions.fill(fill, reference.instruments["BTC/USD"])
        sign = {Side.BUY: 1, Side.SELL: -1}[side]
        btc += sign * lots * 10**4  # A lot is 0.0001 BTC.
        usd -= sign * lots * ticks * 100 + fee  # A tick of a lot is 0.000001 USD.
    assert (positions.total_minor("BTC"), positions.total_minor("USD")) == (btc, usd)
    assert (positions.excess_minor("BTC"), positions.excess_minor("USD")) == (btc - 15, usd - 100)


def test_the_opening_is_remembered_once_and_outlives_a_restart() -> None:
    first = Positions()
    remember = first.report(report(BTC=(10, 0)))
    assert remember is not None
    assert first.report(report(BTC=(30, 1))) is None
    second = Positions()
    second.resume(remember.value)
    assert second.report(report(BTC=(30, 1))) is None
    assert first.excess_minor("BTC") == second.excess_minor("BTC") == 21


def test_a_late_or_repeated_quote_is_not_news(reference: ReferenceData) -> None:
    market = Market(reference.instruments["BTC/USD"], quote_age_ns=10)
    assert market.stale(0)
    assert market.take_quote(quote(5))
    assert not market.take_quote(quote(5)) and not market.take_quote(quote(4))
    assert not market.stale(14) and market.stale(15) and market.stale_ns() == 15


def test_a_single_print_is_no_price(reference: ReferenceData) -> None:
    market = Market(reference.instruments["BTC/USD"], quote_age_ns=10)
    assert market.take_quote(quote(1, 1_000, 1_002))
    assert not market.take_quote(quote(2, 800, 802))
    assert not market.take_quote(quote(3, 1_200, 1_202))  # As far from the doubted one.
    assert market.take_quote(quote(4, 1_001, 1_003))
    assert not market.take_quote(quote(5, 800, 802)) and not market.take_quote(quote(5, 800, 802))
    assert market.take_quote(quote(6, 810, 812)) and market.double_mid_ticks() == 1_622
    assert market.take_quote(quote(16, 2_000, 2_002))  # The one before it is stale.


def test_books_of_one_moment_are_ordered_by_their_sequence(reference: ReferenceData) -> None:
    market = Market(reference.instruments["BTC/USD"], quote_age_ns=10)

    def book(sequence: int, occurred_ns: int) -> BookTopChanged:
        return BookTopChanged("exchange", "BTC/USD", 1, 1, 2, 1, sequence, occurred_ns)

    assert market.take_book(book(2, 5))
    assert not market.take_book(book(1, 5)) and not market.take_book(book(2, 5)) and not market.take_book(book(9, 4))
    assert market.take_book(book(3, 5)) and market.take_book(book(1, 6))  # A venue may count from the start again.


def test_crossed_and_value(reference: ReferenceData) -> None:
    market = Market(reference.instruments["BTC/USD"], quote_age_ns=10)
    market.take_quote(quote(1, 102, 101))
    assert market.crossed()
    market.take_quote(quote(2, 6_000_000, 6_000_000))
    assert not market.crossed()
    assert market.value_minor(10**8) == 60_000 * 10**8
