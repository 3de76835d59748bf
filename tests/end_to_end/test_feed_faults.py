"""Desks, venue, custodian and monitor live through whatever their feed tells them, of every instrument at once."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from trading_ecosystem.preparation import RunRequest
from trading_ecosystem.validation.results import RunResult
from trading_ecosystem.virtual.run import run

ROOT = Path(__file__).parents[2]
ALL = "instruments: [BTC/USD, ETH/USD, BTC/USDT, ETH/USDT, USDT/USD, USDC/USD]"
TELLING = "{at: 2m, for: 8s, inject: feed.crossed, instrument: ETH/USDT}"
USUAL = {"BTC/USD": 60_000, "BTC/USDT": 60_000, "ETH/USD": 2_500, "ETH/USDT": 2_500, "USDT/USD": 1, "USDC/USD": 1}
TICKS = {symbol: 10_000 if symbol in ("USDT/USD", "USDC/USD") else 100 for symbol in USUAL}
SINGLE = [
    "inject: feed.bad_print, by: -99.99%",
    "inject: feed.bad_print, by: 100000%",
    "inject: feed.crossed, by: 50%",
    "inject: feed.frozen",
    "inject: feed.stale",
    "inject: feed.lag, by: 1m",
]
SEVERAL = [
    "inject: feed.bad_print, by: -99.9999%, quotes: 20",
    "inject: feed.bad_print, by: 100000%, quotes: 20",
    "inject: volatility.spike, factor: 100",
    "inject: price.gap, by: -99%, instruments: [BTC/USD, ETH/USD, USDT/USD, USDC/USD]",
    "inject: price.divergence, by: 900%, over: 1ms",
]


def ran(folder: Path, steps: list[str]) -> RunResult:
    shutil.copytree(ROOT / "worlds", folder / "worlds")
    text = (ROOT / "features" / "scenarios" / "market-short.yaml").read_text(encoding="utf-8")
    assert TELLING in text
    whole = [step if "instruments" in step else f"{step}, {ALL}" for step in steps]
    told = ", ".join(f"{{at: {90 + 5 * n}s, for: 40s, {step}}}" for n, step in enumerate(whole))
    text = text.replace(TELLING, told).replace("{crossed: ETH/USDT, for: 5s}", "{price: ETH/USDT, above: 1}")
    scenario = folder / "market-short.yaml"
    scenario.write_text(text, encoding="utf-8")
    return run(RunRequest(scenario_path=scenario, report_folder=folder / "out", with_twin=False))


def survived(result: RunResult) -> None:
    counts = result.counts
    assert (counts["invariants violated"], counts["settlements failed"]) == (0, 0)
    refused = [check.detail for check in result.judgement.checks if check.kind == "injection" and not check.passed]
    assert refused == []
    assert [check.passed for check in result.judgement.checks if check.text == "ledger balanced"] == [True, True]


def orders(result: RunResult) -> list[dict[str, Any]]:
    head, *lines = [json.loads(line) for line in Path(result.trail).read_text(encoding="ascii").splitlines()]
    names = head[1]["fields"]["SubmitOrder"]
    return [dict(zip(names, line[7], strict=True)) for line in lines if line[6] == "SubmitOrder"]


@pytest.mark.parametrize("step", SINGLE)
def test_nobody_asks_for_what_no_price_says(step: str, tmp_path: Path) -> None:
    result = ran(tmp_path, [step])
    survived(result)
    sent = orders(result)
    assert len(sent) > 10
    for order in sent:
        usual = USUAL[order["symbol"]] * TICKS[order["symbol"]]
        assert abs(order["price_ticks"] - usual) < usual * 4 / 100, order


@pytest.mark.parametrize("step", SEVERAL)
def test_everybody_survives_what_nobody_could_doubt(step: str, tmp_path: Path) -> None:
    survived(ran(tmp_path, [step]))


def test_everybody_survives_all_of_it(tmp_path: Path) -> None:
    survived(ran(tmp_path, [SINGLE[2], SEVERAL[1], SINGLE[5], SEVERAL[2], SEVERAL[3], SEVERAL[4], SINGLE[3]]))
