"""What trades brought: by hand, and against the desk's own portfolio, which shares no line with it."""

from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from trading_ecosystem.production.trading_engine.portfolio import Holding
from trading_ecosystem.reference import Asset, AssetKind, PerpetualTerms, ReferenceData, instrument, perpetual
from trading_ecosystem.report.performance.books import Books, Marks, Position, Unpriced

ASSETS = {
    "USD": Asset("USD", AssetKind.FIAT, 2),
    "USDT": Asset("USDT", AssetKind.STABLECOIN, 2),
    "BTC": Asset("BTC", AssetKind.CRYPTO, 4),
}
TERMS = PerpetualTerms("BTC/USD", 100_000, 50_000, 8 * 3_600 * 10**9, 7_500, 100)
PERPETUAL = perpetual("BTC-PERP", TERMS, Decimal(1), Decimal("0.01"), ASSETS)
PAIRS = [
    instrument("BTC/USD", Decimal(1), Decimal("0.01"), ASSETS),
    instrument("BTC/USDT", Decimal(1), Decimal("0.01"), ASSETS),
    instrument("USDT/USD", Decimal("0.01"), Decimal(1), ASSETS),
]
REFERENCE = ReferenceData("USD", list(ASSETS.values()), [*PAIRS, PERPETUAL])
SPOT, CROSS, TETHER = PAIRS
PRICES = {"BTC/USD": 1_000, "USDT/USD": 100, "BTC-PERP": 1_000}
DOLLAR = 100  # Cents.


def books(**prices: int) -> tuple[Books, Marks]:
    marks = Marks(REFERENCE, PRICES | prices)
    return Books(REFERENCE, marks), marks


def test_a_round_trip_is_realised_at_average_cost_and_the_fee_is_apart() -> None:
    """Buys 1 at 1000 and 1 at 1100, sells 1 at 1200: 150 realised, and the other cost 1050."""
    found, marks = books()
    found.trade(SPOT, 1, 1_000, 100, 3)
    found.trade(SPOT, 1, 1_100, 100, 3)
    assert (found.closings, found.gains) == (0, 0)
    found.trade(SPOT, -1, 1_200, 100, 4)
    marks.ticks["BTC/USD"] = 1_010
    position = found.positions["BTC"]
    assert (position.realised_minor, position.cost_minor, position.fees_minor) == (150 * DOLLAR, 1_050 * DOLLAR, 10)
    assert found.unrealised_minor("BTC") == -40 * DOLLAR
    assert found.profit_minor() == 110 * DOLLAR - 10
    assert found.traded_minor == 3_300 * DOLLAR and found.trades == 3
    assert (found.closings, found.gains) == (1, 1)
    assert found.holdings == {"BTC": 10_000, "USD": -900 * DOLLAR - 10}


def test_a_sale_through_zero_closes_one_position_and_opens_the_other() -> None:
    """Long 1 from 1000, sells 3 at 900: 100 lost, short 2 from 900; bought back at 950: 100 more."""
    found, _ = books()
    found.trade(SPOT, 1, 1_000, 100, 0)
    found.trade(SPOT, -1, 900, 300, 0)
    position = found.positions["BTC"]
    assert (position.amount_minor, position.cost_minor) == (-20_000, -1_800 * DOLLAR)
    assert position.realised_minor == -100 * DOLLAR
    found.trade(SPOT, 1, 950, 200, 0)
    assert (position.amount_minor, position.cost_minor, position.realised_minor) == (0, 0, -200 * DOLLAR)
    assert (found.closings, found.gains) == (2, 0)


def test_a_gain_that_its_fee_eats_is_no_hit() -> None:
    found, _ = books()
    found.trade(SPOT, 1, 1_000, 100, 0)
    found.trade(SPOT, -1, 1_001, 100, 1 * DOLLAR)
    assert (found.closings, found.gains) == (1, 0)


def test_who_buys_for_tether_is_short_of_tether() -> None:
    """1 BTC for 1000 USDT at par, and a fee of 2. Then USDT falls to 0.90: 100 are gained on what is owed, and 0.20 on
    the fee that was paid in it, which is a fee of 2 USD all the same."""
    found, marks = books()
    found.trade(CROSS, 1, 1_000, 100, 2 * DOLLAR)
    assert found.profit_minor() == -2 * DOLLAR
    marks.ticks["USDT/USD"] = 90
    assert found.unrealised_minor("USDT") == 100 * DOLLAR + 20
    assert found.profit_minor() == 98 * DOLLAR + 20


def test_what_it_had_and_what_was_moved_is_worth_something_and_no_profit() -> None:
    found, marks = books()
    found.move("BTC", 20_000)
    found.move("USD", 500 * DOLLAR)
    assert (found.worth_minor(), found.profit_minor()) == (2_500 * DOLLAR, 0)
    marks.ticks["BTC/USD"] = 1_100
    assert (found.worth_minor(), found.profit_minor()) == (2_700 * DOLLAR, 0)


def test_a_contract_is_what_the_venue_says_of_it() -> None:
    """Short 2 from 1000 for a fee of 1; at 900 half is closed: 100 realised, a fee of 1, 3 of funding paid before."""
    found, marks = books()
    found.wallets["USD"] = 500 * DOLLAR
    found.trade(PERPETUAL, -1, 1_000, 200, 1 * DOLLAR)
    found.contract("BTC-PERP", -200, -2_000 * DOLLAR, 0, 1 * DOLLAR, 499 * DOLLAR)
    marks.ticks["BTC-PERP"] = 900
    assert found.unrealised_minor("BTC-PERP") == 200 * DOLLAR
    assert (found.profit_minor(), found.worth_minor()) == (199 * DOLLAR, 699 * DOLLAR)
    found.contract("BTC-PERP", -100, -1_000 * DOLLAR, 97 * DOLLAR, 1 * DOLLAR, 595 * DOLLAR)
    assert (found.profit_minor(), found.worth_minor()) == (195 * DOLLAR, 695 * DOLLAR)
    assert (found.closings, found.gains, found.traded_minor) == (1, 1, 2_000 * DOLLAR)


def test_a_contract_that_turns_round_closes_what_it_was() -> None:
    found, _ = books()
    found.contract("BTC-PERP", -100, -1_000 * DOLLAR, 0, 0, 0)
    found.contract("BTC-PERP", 200, 2_000 * DOLLAR, -5 * DOLLAR, 0, 0)
    found.contract("BTC-PERP", 300, 3_000 * DOLLAR, 0, 0, 0)
    assert (found.closings, found.gains) == (1, 0)


def test_what_has_no_price_is_named() -> None:
    found = Books(REFERENCE, Marks(REFERENCE, {"BTC/USD": 1_000}))
    with pytest.raises(Unpriced, match="USDT"):
        found.trade(CROSS, 1, 1_000, 100, 0)


@given(st.lists(st.tuples(st.integers(-9, 9).filter(bool), st.integers(1, 999)), max_size=40))
def test_a_position_is_that_of_the_desk(trades: list[tuple[int, int]]) -> None:
    ours, theirs = Position(), Holding(0)
    for amount, price in trades:
        ours.trade(amount, amount * price)
        theirs.add(amount, amount * price)
        assert (ours.amount_minor, ours.cost_minor, ours.realised_minor) == (
            theirs.amount_minor,
            theirs.cost_minor,
            theirs.realised_minor,
        )


@given(
    st.lists(st.tuples(st.sampled_from(PAIRS), st.sampled_from((1, -1)), st.integers(1, 500)), max_size=30),
    st.integers(1, 2_000),
)
def test_profit_is_the_change_of_what_it_has_to_the_last_cent(trades: list[tuple[object, int, int]], last: int) -> None:
    """At par, where nothing is rounded: cash and coins at the last price, less those of the beginning at that price."""
    found, marks = books()
    for pair, sign, lots in trades:
        assert pair in PAIRS
        found.trade(pair, sign, 100 if pair is TETHER else 700 + lots, lots, lots % 7)
    marks.ticks["BTC/USD"] = last
    assert found.profit_minor() == found.worth_minor()
