"""A trail of a few entries, made by hand: what is read from it, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.report.performance.test_books import REFERENCE

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.report.performance.reading import Desk, Performance, Trail, read
from trading_ecosystem.validation.audit_correlator.trail import MemorySink, Trail as TrailWriter

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
START = 1_000 * MINUTE
FACTS = {"scenario": "x", "world": "y", "seed": 7, "start_ns": START, "duration_ns": 3 * MINUTE}
DESK = Desk("alpha", "alpha", "north")


class Written:
    """Times count from the start."""

    def __init__(self, place: Path) -> None:
        self.path = place / "trail.jsonl"
        self.sink = MemorySink()
        self.trail = TrailWriter(self.sink, FACTS)
        self.fields = json.loads(self.sink.lines[0])[1]["fields"]

    def add(self, ns: int, kind: str, **values: Any) -> None:
        listed = [values.get(name, 0) for name in self.fields[kind]] if kind in self.fields else values
        self.sink.lines.append(json.dumps([1, START + ns, 1, 1, "p", "s", kind, listed, "h"]) + "\n")

    def opening(self, **held: int) -> None:
        balances = [[asset, amount - 1, 1] for asset, amount in held.items()]  # One of it is locked.
        self.add(0, "AccountReported", venue="north", account="alpha", balances=balances, margins=[], positions=[])

    def trade(
        self, ns: int, number: int, price: int, lots: int, buyer: str = "x", seller: str = "y", **more: Any
    ) -> None:
        names = {"buyer_account": buyer, "seller_account": seller, "symbol": "BTC/USD", "venue": "north"} | more
        self.add(ns, "TradeExecuted", trade_id=number, price_ticks=price, quantity_lots=lots, **names)

    def read(self, every_ns: int = MINUTE) -> Performance:
        self.add(3 * MINUTE, "TrailClosed")
        self.path.write_text("".join(self.sink.lines), encoding="ascii")
        [found] = read(Trail(self.path), REFERENCE, (DESK,), every_ns)
        return found


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return Written(tmp_path)


def test_profit_returns_and_hits_of_three_minutes(written: Written) -> None:
    """Worth 10 000 USD. Minute 1: buys 1 at 1000, which is at 1100 at its end: 1%. Minute 2: sells it at 1050, 50 lost
    since. Minute 3: nothing."""
    written.opening(USD=10_000_00)
    written.trade(SECOND, 1, 1_000, 100, buyer="alpha", buyer_fee_minor=1_00)
    written.trade(59 * SECOND, 2, 1_100, 1)
    written.trade(90 * SECOND, 3, 1_050, 100, seller="alpha", seller_fee_minor=1_00)
    found = written.read()
    assert [point.profit_minor for point in found.points] == [0, 99_00, 48_00, 48_00]
    assert [point.worth_minor for point in found.points] == [10_000_00, 10_099_00, 10_048_00, 10_048_00]
    assert [round(each, 9) for each in found.returns] == [0.0099, round(-51 / 10_099, 9), 0.0]
    assert (found.profit_minor, found.realised_minor, found.unrealised_minor, found.fees_minor) == (
        48_00,
        50_00,
        0,
        2_00,
    )
    assert (found.trades, found.closings, found.hit_rate, found.traded_minor) == (2, 1, 1.0, 2_050_00)
    assert found.turnover is not None and round(found.turnover, 6) == round(4 * 2_050 / 40_195, 6)
    assert round(found.max_drawdown, 9) == round(-51 / 10_099, 9)


def test_before_its_first_trade_an_asset_is_worth_that(written: Written) -> None:
    written.opening(BTC=20_000)
    written.trade(90 * SECOND, 1, 1_000, 1)
    written.trade(150 * SECOND, 2, 1_200, 1)
    assert [point.worth_minor for point in written.read().points] == [2_000_00] * 3 + [2_400_00]


def test_a_trade_at_the_end_of_a_minute_is_of_the_next(written: Written) -> None:
    written.opening(USD=10_000_00)
    written.trade(MINUTE, 1, 1_000, 100, buyer="alpha", buyer_fee_minor=5_00)
    assert [point.profit_minor for point in written.read().points] == [0, 0, -5_00, -5_00]


def test_a_trade_told_twice_is_one_and_venues_count_their_own(written: Written) -> None:
    written.opening(USD=10_000_00)
    for _ in range(2):
        written.trade(SECOND, 1, 1_000, 100, buyer="alpha")
    written.trade(2 * SECOND, 1, 1_000, 100, buyer="alpha", venue="south")  # Of another account by that name.
    written.trade(3 * SECOND, 2, 1_000, 100, buyer="alpha")
    assert written.read().trades == 2


def test_the_first_word_of_what_it_has_counts_and_transfers_are_no_profit(written: Written) -> None:
    written.opening(USD=10_000_00)
    written.trade(SECOND, 1, 1_000, 1)
    moved = {"venue": "north", "account": "alpha", "account_sequence": 1, "asset": "USD", "amount_minor": 500_00}
    for _ in range(2):
        written.add(2 * SECOND, "AccountMoved", **moved)
    written.opening(USD=77)
    found = written.read()
    assert found.points[-1].worth_minor == 10_500_00 and found.profit_minor == 0


def test_contracts_are_worth_their_mark_and_not_their_last_trade(written: Written) -> None:
    written.opening(USD=10_000_00)
    own = {"venue": "north", "account": "alpha"}
    written.add(1, "MarginMoved", **own, account_sequence=1, asset="USD", amount_minor=600_00, wallet_minor=600_00)
    written.add(2, "MarkPriceChanged", venue="north", symbol="BTC-PERP", mark_ticks=1_000)
    written.trade(3, 1, 1_000, 100, buyer="alpha", symbol="BTC-PERP", buyer_fee_minor=1_00)
    told = {"symbol": "BTC-PERP", "position_lots": 100, "cost_minor": 1_000_00, "fee_minor": 1_00}
    written.add(4, "PositionChanged", **own, **told, account_sequence=2, wallet_minor=599_00)
    written.add(5, "MarkPriceChanged", venue="north", symbol="BTC-PERP", mark_ticks=1_010)
    written.trade(6, 2, 1_500, 100, symbol="BTC-PERP")
    told |= {"funding_minor": -2_00, "fee_minor": 0}
    written.add(7, "PositionChanged", **own, **told, account_sequence=3, wallet_minor=597_00)
    found = written.read()
    assert (found.profit_minor, found.points[-1].worth_minor) == (7_00, 10_007_00)


@pytest.mark.parametrize("every_ns", [MINUTE * 4, SECOND // 10_000_000])
def test_there_is_a_period_and_not_too_many(written: Written, every_ns: int) -> None:
    written.opening(USD=1)
    with pytest.raises(Problem, match="--every"):
        written.read(every_ns)


def test_a_trail_that_says_nothing_of_the_desk_or_of_a_price_is_refused(written: Written) -> None:
    with pytest.raises(Problem, match="never tells what the account alpha has at north"):
        written.read()
    written.sink.lines.pop()
    written.opening(BTC=10_000)
    with pytest.raises(Problem, match="BTC has no price in this trail"):
        written.read()


def test_another_world_is_noticed(written: Written) -> None:
    written.opening(USD=1)
    written.trade(SECOND, 1, 1_000, 1, symbol="DOGE/USD")
    with pytest.raises(Problem, match="DOGE/USD is traded in this trail, but is not in the world"):
        written.read()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no audit trail"),
        ("{}", "no audit trail"),
        ("[0, {}, 1]\n", "no audit trail"),
        ('[0, {"format": 2, "fields": {}, "facts": {}}, 1]\n', "no audit trail"),
        ("\xe4", "no audit trail"),
    ],
)
def test_what_is_no_trail_is_refused(text: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "trail.jsonl"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(Problem, match=problem):
        Trail(path)


@pytest.mark.parametrize(
    "broken",
    [
        '"TradeExecuted"\n',
        '[1, 2, "TradeExecuted"\n',
        '[1,2,3,4,5,6,"TradeExecuted",[1],8]\n',
        '[1,2,3,4,5,6,"AccountMoved",{},8]\n',
    ],
)
def test_a_broken_line_is_one_clear_line(broken: str, written: Written) -> None:
    written.opening(USD=1)
    written.sink.lines.append(broken)
    with pytest.raises(Problem, match="damaged"):
        written.read()


def test_a_trail_that_breaks_off_is_refused(written: Written) -> None:
    written.opening(USD=1)
    written.path.write_text("".join(written.sink.lines), encoding="ascii")
    with pytest.raises(Problem, match="the trail has no end"):
        read(Trail(written.path), REFERENCE, (DESK,), MINUTE)
