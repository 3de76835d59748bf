"""Who trades much pays less, from the next day on, for thirty days."""

import json
from collections.abc import Callable

import pytest

from trading_ecosystem.messages.accounts import AccountReported, QueryAccount
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.orders import OrderFilled, OrderType, Side, SubmitOrder, TimeInForce
from trading_ecosystem.simulators.exchange.core import Exchange
from trading_ecosystem.simulators.exchange.fees import FeeTier

DAY_NS = 86_400_000_000_000
MAKER_FEE, TAKER_FEE = 1_000, 3_000
TIERS = (
    FeeTier(traded_minor=2_000, maker_fee_ppm=500, taker_fee_ppm=2_000),
    FeeTier(traded_minor=4_000, maker_fee_ppm=0, taker_fee_ppm=1_000),
)
RICH = {name: {"USD": 10**9, "BTC": 10**9, "ETH": 10**9} for name in ("ann", "bob", "cid")}
Venue = Callable[[], Exchange]


@pytest.fixture
def venue(make_exchange: Callable[..., Exchange]) -> Venue:
    return lambda: make_exchange(RICH, fee_tiers=TIERS)


def trade(venue: Exchange, now: int, lots: int, price: int = 100, symbol: str = "BTC/USD") -> list[OrderFilled]:
    """Ann sells to Bob, who takes. Both trade `price * lots` cents."""
    found: list[OrderFilled] = []
    for account, side in (("ann", Side.SELL), ("bob", Side.BUY)):
        name = f"{account}-{now}-{lots}-{symbol}"
        terms = (OrderType.LIMIT, TimeInForce.GTC, price, lots)
        answers = venue.handle(SubmitOrder("venue", account, name, symbol, side, *terms), now)
        found.extend([each for each in answers if isinstance(each, OrderFilled)])
    return found


def fees(venue: Exchange, account: str, now: int) -> tuple[int, int]:
    [report] = venue.handle(QueryAccount(to="venue", asker="me", account=account), now)[:1]
    assert isinstance(report, AccountReported)
    return report.maker_fee_ppm, report.taker_fee_ppm


def test_fees_change_at_midnight_and_not_before(venue: Venue) -> None:
    exchange = venue()
    trade(exchange, 5, 19)
    trade(exchange, 6, 1)
    assert fees(exchange, "bob", DAY_NS - 1) == (MAKER_FEE, TAKER_FEE)
    assert fees(exchange, "bob", DAY_NS) == fees(exchange, "ann", DAY_NS) == (500, 2_000)
    assert fees(exchange, "cid", DAY_NS) == (MAKER_FEE, TAKER_FEE)


def test_a_cent_less_is_not_enough(venue: Venue) -> None:
    exchange = venue()
    trade(exchange, 5, 1, price=1_999)
    assert fees(exchange, "bob", DAY_NS) == (MAKER_FEE, TAKER_FEE)


def test_what_is_paid_is_what_is_told(venue: Venue) -> None:
    exchange = venue()
    trade(exchange, 5, 40)
    sold, bought = trade(exchange, DAY_NS, 1, price=10_000)
    assert (sold.fee_minor, bought.fee_minor) == (0, 10)


def test_days_add_up_and_thirty_days_later_they_are_forgotten(venue: Venue) -> None:
    exchange = venue()
    trade(exchange, 5, 20)
    trade(exchange, DAY_NS + 5, 20)
    assert fees(exchange, "bob", 2 * DAY_NS) == (0, 1_000)
    assert fees(exchange, "bob", 31 * DAY_NS - 1) == (0, 1_000)
    assert fees(exchange, "bob", 31 * DAY_NS) == (500, 2_000)
    assert fees(exchange, "bob", 32 * DAY_NS) == (MAKER_FEE, TAKER_FEE)


def test_the_days_in_which_nobody_spoke_count_too(venue: Venue) -> None:
    exchange = venue()
    trade(exchange, 5, 40)
    assert fees(exchange, "bob", 200 * DAY_NS) == (MAKER_FEE, TAKER_FEE)


def test_what_is_traded_against_another_asset_counts_at_its_price(
    make_exchange: Callable[..., Exchange],
) -> None:
    exchange = make_exchange(RICH, fee_tiers=TIERS, cross=True)
    exchange.handle(QuotePublished("BTC/USD", 99, 1, 101, 1, 0, 1), 1)
    trade(exchange, 5, 2, price=100, symbol="ETH/BTC")
    assert fees(exchange, "bob", DAY_NS) == (500, 2_000)


def test_what_has_no_price_does_not_count(make_exchange: Callable[..., Exchange]) -> None:
    exchange = make_exchange(RICH, fee_tiers=TIERS, cross=True)
    trade(exchange, 5, 2_000, price=100, symbol="ETH/BTC")
    assert fees(exchange, "bob", DAY_NS) == (MAKER_FEE, TAKER_FEE)


@pytest.mark.parametrize("boundary", [0, DAY_NS // 2, DAY_NS + 5, 3 * DAY_NS])
def test_a_restored_venue_charges_the_same(venue: Venue, boundary: int) -> None:
    exchange = venue()
    moments = [(1, 7), (2, 15), (DAY_NS - 1, 1), (DAY_NS, 3), (2 * DAY_NS, 25), (40 * DAY_NS, 1)]
    told: list[OrderFilled] = []
    for now, lots in moments:
        if now > boundary:
            fresh = venue()
            fresh.restore(json.loads(json.dumps(exchange.save())))
            assert fresh.save() == exchange.save()
            exchange = fresh
        told.extend(trade(exchange, now, lots))
    plain = venue()
    assert told == [fill for now, lots in moments for fill in trade(plain, now, lots)]


def test_a_venue_without_tiers_counts_nothing(make_exchange: Callable[..., Exchange]) -> None:
    exchange = make_exchange(RICH)
    trade(exchange, 5, 10_000)
    assert fees(exchange, "bob", 5 * DAY_NS) == (MAKER_FEE, TAKER_FEE)
    assert exchange.save()["fees"]["today"]["bob"] == [0, 0, 0]  # type: ignore[index]
