"""A custodian of several venues keeps a mirror of each, apart from the others."""

import json
from decimal import Decimal
from itertools import permutations

import pytest
from tests.changing import replace

from trading_ecosystem.configuration.scalars import instant_ns
from trading_ecosystem.messages.accounts import HoldingsReported, QueryHoldings, QueryTrades, TradesReported
from trading_ecosystem.messages.custody import FailReason, SettlementFailed, SettlementInstructed
from trading_ecosystem.messages.health import HealthChanged
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import Side, TradeExecuted
from trading_ecosystem.messages.runtime import Start, Wake
from trading_ecosystem.reference import Asset, AssetKind, ReferenceData, instrument
from trading_ecosystem.simulators.custodian.config import CustodianConfig
from trading_ecosystem.simulators.custodian.core import Custodian

SECOND_NS = 1_000_000_000
MONDAY = instant_ns("2026-03-02T00:00:00Z")
ASSETS = {name: Asset(name, AssetKind.CRYPTO, 0) for name in ("USD", "BTC")}
REFERENCE = ReferenceData("USD", list(ASSETS.values()), [instrument("BTC/USD", Decimal(1), Decimal(1), ASSETS)])
CONFIG = CustodianConfig(cycles={}, same_day_delay_ns=600 * SECOND_NS, cut_off_ns=0, gap_wait_ns=10 * SECOND_NS)
NORTH, SOUTH = "exchange.north", "exchange.south"
PLACES = {"north.ann": NORTH, "north.bob": NORTH, "south.ann": SOUTH, "south.bob": SOUTH}


def custodian() -> Custodian:
    held = {account: {"USD": 1_000, "BTC": 100} for account in PLACES}
    return Custodian("custodian", CONFIG, REFERENCE, held, (NORTH, SOUTH), PLACES)


def trade(venue: str, trade_id: int) -> TradeExecuted:
    place = venue.partition(".")[2]
    return TradeExecuted(
        venue=venue,
        trade_id=trade_id,
        symbol="BTC/USD",
        price_ticks=5,
        quantity_lots=2,
        taker_side=Side.BUY,
        buyer_account=f"{place}.ann",
        seller_account=f"{place}.bob",
        buyer_order_id=1,
        seller_order_id=2,
        buyer_fee_minor=1,
        seller_fee_minor=0,
        occurred_ns=MONDAY,
    )


def last_trade_id(core: Custodian, account: str) -> int:
    [report] = core.handle(QueryHoldings(to="custodian", asker="risk", account=account), MONDAY)
    assert isinstance(report, HoldingsReported)
    return report.last_trade_id


def instructed(said: list[Message]) -> list[tuple[str, int]]:
    return [(each.venue, each.trade_id) for each in said if isinstance(each, SettlementInstructed)]


def test_each_venue_numbers_its_own_trades_and_is_asked_for_them() -> None:
    core = custodian()
    asked = [each for each in core.handle(Start(memory={}), MONDAY) if isinstance(each, QueryTrades)]
    assert [(each.to, each.from_trade_id) for each in asked] == [(NORTH, 1), (SOUTH, 1)]
    said = [*core.handle(trade(NORTH, 1), MONDAY), *core.handle(trade(SOUTH, 1), MONDAY)]
    assert instructed(said) == [(NORTH, 1), (SOUTH, 1)]


@pytest.mark.parametrize("order", list(permutations([(NORTH, 1), (NORTH, 2), (SOUTH, 1), (SOUTH, 2)])))
def test_a_gap_at_one_venue_holds_up_nothing_of_the_other(order: list[tuple[str, int]]) -> None:
    """Whatever the order in which they come, an account's books are whole up to its own venue's trades."""
    core, came = custodian(), []
    for venue, trade_id in order:
        core.handle(trade(venue, trade_id), MONDAY)
        came.append((venue, trade_id))
        for account, at in PLACES.items():
            whole = 0
            while (at, whole + 1) in came:
                whole += 1
            assert last_trade_id(core, account) == whole


@pytest.mark.parametrize("wrong", [{"venue": SOUTH}, {"buyer_account": "south.ann"}, {"seller_account": "south.bob"}])
def test_what_a_venue_says_of_accounts_that_lie_elsewhere_is_refused(wrong: dict[str, str]) -> None:
    said = custodian().handle(replace(trade(NORTH, 1), **wrong), MONDAY)
    assert [each.fail_reason for each in said if isinstance(each, SettlementFailed)] == [FailReason.UNKNOWN_ACCOUNT]
    assert instructed(list(said)) == []


def test_trades_that_one_venue_has_no_more_are_lost_of_that_one() -> None:
    core = custodian()
    core.handle(Start(memory={}), MONDAY)
    told = TradesReported(to="custodian", venue=SOUTH, from_trade_id=3, trades=(trade(SOUTH, 3),), occurred_ns=MONDAY)
    core.handle(told, MONDAY)
    core.handle(Wake(), MONDAY + CONFIG.gap_wait_ns)
    said = core.handle(told, MONDAY + CONFIG.gap_wait_ns)
    [health] = [each for each in said if isinstance(each, HealthChanged)]
    assert health.detail == f"2 trades of {SOUTH} are lost"


def test_a_restored_one_goes_on_with_both() -> None:
    core, twin = custodian(), custodian()
    for each in (trade(NORTH, 1), trade(SOUTH, 1), trade(SOUTH, 3)):
        core.handle(each, MONDAY)
    twin.restore(json.loads(json.dumps(core.save())))
    for each in (trade(SOUTH, 2), trade(NORTH, 2), trade(NORTH, 1)):
        assert twin.handle(each, MONDAY + 1) == core.handle(each, MONDAY + 1)
    assert twin.save() == core.save()
