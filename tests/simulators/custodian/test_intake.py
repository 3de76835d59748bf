"""Trades pass once each and in order, whatever the network does with them."""

import json

import pytest
from hypothesis import given, strategies as st
from tests.changing import replace

from trading_ecosystem.messages.orders import Side, TradeExecuted
from trading_ecosystem.simulators.custodian import intake as intake_module
from trading_ecosystem.simulators.custodian.intake import TradeIntake, fingerprint

WAIT_NS = 100
TRADE = TradeExecuted(
    venue="exchange",
    trade_id=1,
    symbol="BTC/USD",
    price_ticks=7,
    quantity_lots=2,
    taker_side=Side.BUY,
    buyer_account="ann",
    seller_account="bob",
    buyer_order_id=11,
    seller_order_id=12,
    buyer_fee_minor=1,
    seller_fee_minor=0,
    occurred_ns=5,
)


def ids(trades: object) -> list[int]:
    assert isinstance(trades, list | tuple)
    return [trade.trade_id for trade in trades]


def numbered(trade_id: int) -> TradeExecuted:
    return replace(TRADE, trade_id=trade_id)


@given(st.permutations([1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6]))
def test_passes_each_trade_once_and_in_order(arrivals: list[int]) -> None:
    intake = TradeIntake(WAIT_NS)
    passed: list[int] = []
    for now, trade_id in enumerate(arrivals):
        passed += ids(intake.admit(numbered(trade_id), now))
        first_missing = next(n for n in range(1, 8) if n not in arrivals[: now + 1])
        assert passed == list(range(1, first_missing))
    assert intake.next_ns() == 0


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 60)), max_size=25))
def test_a_lost_trade_holds_nothing_up_for_longer_than_the_wait(arrivals: list[tuple[int, int]]) -> None:
    intake, now = TradeIntake(WAIT_NS), 0
    arrived: dict[int, int] = {}
    passed: list[int] = []
    for trade_id, step in arrivals:
        now += step
        while 0 < intake.next_ns() <= now:
            passed += ids(intake.expire(intake.next_ns()))
        passed += ids(intake.admit(numbered(trade_id), now))
        arrived.setdefault(trade_id, now)
        assert sorted(set(passed)) == sorted(passed)
        overdue = [known for known, since in arrived.items() if since + WAIT_NS <= now and known not in passed]
        assert not overdue
        saved = json.loads(json.dumps(intake.save()))
        intake = TradeIntake(WAIT_NS)
        intake.restore(*saved)
        assert intake.save() == saved
    passed += ids(intake.expire(now + WAIT_NS))
    assert sorted(passed) == sorted(arrived)


@pytest.mark.parametrize(
    "other",
    [
        {"symbol": "ETH/USD"},
        {"price_ticks": 8},
        {"quantity_lots": 3},
        {"taker_side": Side.SELL},
        {"buyer_account": "bob"},
        {"seller_account": "ann"},
        {"buyer_order_id": 12},
        {"seller_order_id": 11},
        {"buyer_fee_minor": -1},
        {"seller_fee_minor": 1},
        {"occurred_ns": 6},
    ],
)
def test_an_id_is_reused_when_anything_differs(other: dict[str, object]) -> None:
    intake = TradeIntake(WAIT_NS)
    intake.admit(TRADE, 0)
    changed = replace(TRADE, **other)
    assert not intake.is_id_reused(TRADE)
    assert intake.is_id_reused(changed)
    assert fingerprint(TRADE) != fingerprint(changed)


def test_memory_is_bounded_and_a_forgotten_id_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "REMEMBERED", 5)
    intake = TradeIntake(WAIT_NS)
    for trade_id in range(1, 40):
        assert ids(intake.admit(numbered(trade_id), 0)) == [trade_id]
        saved = intake.save()
        assert isinstance(saved[2], list) and len(saved[2]) <= 10
        assert not intake.is_id_reused(numbered(max(1, trade_id - 4)))
    assert intake.is_id_reused(numbered(1))


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 60)), max_size=25), st.integers(1, 14))
def test_what_never_came_stays_wanted_until_the_venue_has_it_no_more(
    arrivals: list[tuple[int, int]], oldest: int
) -> None:
    intake, now = TradeIntake(WAIT_NS), 0
    arrived: set[int] = set()
    for trade_id, step in arrivals:
        now += step
        intake.expire(now)
        intake.admit(numbered(trade_id), now)
        arrived.add(trade_id)
        last = max(arrived)
        missing = [number for number in range(1, last) if number not in arrived]
        assert intake.has_gap == bool(missing)
        assert intake.first_wanted_id() == (missing[0] if missing else last + 1)
    intake.expire(now + WAIT_NS)
    last = max(arrived, default=0)
    gone = [number for number in range(1, min(oldest, last)) if number not in arrived]
    assert intake.forsake(oldest) == bool(gone)
    assert intake.lost_count == len(gone)
    assert all(number >= oldest for number in range(1, last) if number == intake.first_wanted_id())
