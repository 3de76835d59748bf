"""A calm day in a world whose desks trade trends: both trade, lose nothing, and no critical alert fires."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from trading_ecosystem.preparation import RunRequest
from trading_ecosystem.validation.results import RunResult, Verdict
from trading_ecosystem.virtual.run import run

pytestmark = pytest.mark.xdist_group("trends")  # What it needs is dear, and made once.

SCENARIO = Path(__file__).parents[2] / "features" / "scenarios" / "trends-calm.yaml"
HOUR = 3_600 * 10**9
LEAST_ORDERS = 20  # That are filled, of each desk in each of its instruments.


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    folder = tmp_path_factory.mktemp("day")
    return run(RunRequest(scenario_path=SCENARIO, report_folder=folder, with_twin=False))


@pytest.fixture(scope="module")
def told(day: RunResult) -> dict[str, list[dict[str, Any]]]:
    lines = [json.loads(line) for line in Path(day.trail).read_text(encoding="ascii").splitlines()]
    names, found = lines[0][1]["fields"], {}
    for kind in ("OrderFilled", "OrderDenied", "OrderRejected", "AlertFired"):
        found[kind] = [dict(zip(names[kind], line[7], strict=True)) for line in lines[1:] if line[6] == kind]
    return found


def test_nobody_is_woken(day: RunResult, told: dict[str, list[dict[str, Any]]]) -> None:
    assert day.judgement.verdict is Verdict.PASS, day.judgement.reasons
    assert [alert for alert in told["AlertFired"] if alert["severity"] == "critical"] == []
    assert day.counts["invariants violated"] == 0


def test_both_desks_trade_in_all_that_is_theirs(told: dict[str, list[dict[str, Any]]]) -> None:
    filled = {(fill["account"], fill["symbol"], fill["client_order_id"]) for fill in told["OrderFilled"]}
    orders = Counter((account, symbol) for account, symbol, _ in filled if account in ("gamma", "delta"))
    of_both = [("gamma", "BTC/USD"), ("gamma", "ETH/USD"), ("delta", "BTC/USDT"), ("delta", "ETH/USDT")]
    assert sorted(orders) == sorted(of_both) and min(orders.values()) >= LEAST_ORDERS, orders


def test_they_ask_for_nothing_that_they_may_not(told: dict[str, list[dict[str, Any]]]) -> None:
    assert told["OrderDenied"] == []
    assert [each for each in told["OrderRejected"] if each["account"] in ("gamma", "delta")] == []


def test_momentum_waits_for_its_look_back(told: dict[str, list[dict[str, Any]]]) -> None:
    first = min(fill["occurred_ns"] for fill in told["OrderFilled"])
    gamma = min(fill["occurred_ns"] for fill in told["OrderFilled"] if fill["account"] == "gamma")
    assert gamma >= first - first % HOUR + 2 * HOUR
