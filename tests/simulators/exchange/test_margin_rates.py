"""A venue that asks for other margin than its terms say: of everybody, at once, and until it says otherwise."""

import pytest
from tests.simulators.exchange.conftest import SILENT
from tests.simulators.exchange.test_margin_oracle import venue
from tests.simulators.exchange.test_perpetuals import BUY, R, index, order, refused, short_of

from trading_ecosystem.messages.accounts import AccountReported, QueryAccount
from trading_ecosystem.messages.chaos import (
    FaultVenue,
    InjectionEnded,
    InjectionRefused,
    InjectionStarted,
    InjectionStruck,
    RestoreVenue,
    VenueFault,
)
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.perpetuals import (
    MarginBalance,
    MarginRatesChanged,
    MarkPriceChanged,
    PositionLiquidated,
)
from trading_ecosystem.messages.runtime import Start
from trading_ecosystem.simulators.exchange.core import Exchange

ALL = 1_000_000
BACK = RestoreVenue(to="venue", injection_id="fear")


@pytest.fixture
def core() -> Exchange:
    """ann has 9,000 of margin, bob 6,000. A lot at 1,000 ticks needs 50, and 25 to be kept."""
    made = venue(SILENT, 0)
    made.handle(Start(memory={}), 0)
    return made


def rates(times_ppm: int, *symbols: str) -> FaultVenue:
    return FaultVenue(
        to="venue",
        injection_id="fear",
        venue_fault=VenueFault.MARGIN_RATES,
        symbols=symbols,
        only_account="",
        by_ns=0,
        share_ppm=times_ppm,
        spread_ppm=0,
        cancels=False,
    )


def told(said: list[Message]) -> list[tuple[str, int, int]]:
    found = [each for each in said if isinstance(each, MarginRatesChanged)]
    return [(each.symbol, each.initial_ppm, each.maintenance_ppm) for each in found]


def margin(core: Exchange, account: str) -> MarginBalance:
    [report] = core.handle(QueryAccount(to="venue", asker="me", account=account), 90)
    assert isinstance(report, AccountReported)
    return report.margins[0]


def test_what_is_held_needs_as_much_more_until_it_is_over(core: Exchange) -> None:
    short_of(core, 10)
    before = margin(core, "ann")
    said = core.handle(rates(3 * ALL), 20)
    assert told(said) == [("BTC-PERP", 150_000, 75_000), ("ETH-PERP", 150_000, 75_000)]
    assert any(isinstance(each, InjectionStarted) for each in said)
    assert any(isinstance(each, InjectionStruck) for each in said)
    during = margin(core, "ann")
    assert (during.initial_minor, during.maintenance_minor) == (3 * before.initial_minor, 3 * before.maintenance_minor)
    assert during.equity_minor == before.equity_minor, "nothing is lost"
    said = core.handle(BACK, 30)
    assert told(said) == [("BTC-PERP", 50_000, 25_000), ("ETH-PERP", 50_000, 25_000)]
    assert any(isinstance(each, InjectionEnded) for each in said)
    assert margin(core, "ann") == before


def test_a_new_order_needs_as_much_more(core: Exchange) -> None:
    core.handle(index(1_000, 1), 1)
    core.handle(rates(2 * ALL, "BTC-PERP"), 2)
    assert refused(core.handle(order("1", "ann", BUY, 90), 3)) is R.INSUFFICIENT_MARGIN, "90 lots need 9,000 and fees"
    assert refused(core.handle(order("2", "ann", BUY, 89), 4)) is None


def test_whoever_has_too_little_is_closed_at_once(core: Exchange) -> None:
    """bob is short of 100 lots with 6,000 less fees: 2,500 are enough, and 10,000 are not."""
    short_of(core, 100)
    assert not [each for each in core.handle(index(1_000, 10), 10) if isinstance(each, PositionLiquidated)]
    said = core.handle(rates(4 * ALL), 20)
    assert "bob" in [each.account for each in said if isinstance(each, PositionLiquidated)]


def test_other_rates_are_told_before_every_mark_price_and_those_of_the_terms_are_not(core: Exchange) -> None:
    def kinds(now: int) -> list[str]:
        said = core.handle(index(1_000 + now, now), now)
        return [type(each).__name__ for each in said if isinstance(each, MarkPriceChanged | MarginRatesChanged)]

    assert kinds(1) == ["MarkPriceChanged"]
    core.handle(rates(3 * ALL, "BTC-PERP"), 2)
    assert kinds(3) == ["MarginRatesChanged", "MarkPriceChanged"]
    core.handle(BACK, 4)
    assert kinds(5) == ["MarkPriceChanged"]


def test_a_venue_that_is_restored_asks_for_what_it_asked(core: Exchange) -> None:
    short_of(core, 10)
    core.handle(rates(3 * ALL), 20)
    fresh = venue(SILENT, 0)
    fresh.restore(core.save())
    for command, now in ((index(1_010, 30), 30), (order("x", "ann", BUY, 40), 31), (BACK, 40), (index(1_020, 50), 50)):
        assert fresh.handle(command, now) == core.handle(command, now)
    assert fresh.save() == core.save()


@pytest.mark.parametrize(
    ("command", "detail"),
    [
        (rates(ALL), "margin rates are above nothing and up to a hundred times what they were, and not what they were"),
        (rates(0), "margin rates are above nothing and up to a hundred times what they were, and not what they were"),
        (rates(2 * ALL, "BTC/USD"), "no margin is needed there"),
        (rates(2 * ALL, "BTC-PERP", "BTC/USD"), "no margin is needed there"),
        (rates(21 * ALL), "nobody can be asked for more than the whole of a position"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(core: Exchange, command: FaultVenue, detail: str) -> None:
    before = core.save()
    [refusal] = [each for each in core.handle(command, 5) if isinstance(each, InjectionRefused)]
    assert refusal.detail == detail
    assert core.save() == before
