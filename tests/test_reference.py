"""Ticks, lots and minor units convert exactly or not at all."""

from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from trading_ecosystem.reference import Asset, AssetKind, exact, instrument

ASSETS = {
    "USD": Asset("USD", AssetKind.FIAT, 8),
    "BTC": Asset("BTC", AssetKind.CRYPTO, 8),
    "YEN": Asset("YEN", AssetKind.FIAT, 0),
}
BTC_USD = instrument("BTC/USD", Decimal("0.01"), Decimal("0.0001"), ASSETS)


@given(st.integers(1, 10**8), st.integers(1, 10**8))
def test_notional_is_price_times_quantity(price_ticks: int, quantity_lots: int) -> None:
    expected = BTC_USD.price(price_ticks) * Decimal("0.0001") * quantity_lots
    assert BTC_USD.notional_minor(price_ticks, quantity_lots) == ASSETS["USD"].to_minor(expected)
    assert BTC_USD.base_minor(quantity_lots) == ASSETS["BTC"].to_minor(Decimal("0.0001") * quantity_lots)


def test_lots_are_rounded_down() -> None:
    assert BTC_USD.to_lots(Decimal("0.00019")) == 1


def test_a_tick_of_a_lot_that_is_no_whole_minor_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="not a whole number of minor units"):
        instrument("BTC/YEN", Decimal("0.5"), Decimal("0.0001"), ASSETS)


@pytest.mark.parametrize("text", ["0.000000001", "1.5E-9"])
def test_an_amount_finer_than_a_minor_unit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="whole number"):
        ASSETS["BTC"].to_minor(Decimal(text))
    assert exact(Decimal("3.000")) == 3
