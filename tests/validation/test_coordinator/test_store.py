"""Runs are numbered, their verdicts written once, and each keeps its own injections."""

from pathlib import Path

from trading_ecosystem.live.store.opening import open_store
from trading_ecosystem.messages.chaos import InjectionEnded, InjectionRefused, InjectionStarted
from trading_ecosystem.validation.results import Verdict
from trading_ecosystem.validation.test_coordinator.store import DESIGN, Injection, Run


def started(injection_id: str) -> InjectionStarted:
    return InjectionStarted(
        injection_id=injection_id,
        kind="price_path",
        target="market_data",
        subjects=("BTC/USD", "ETH/USD"),
        occurred_ns=100,
    )


def test_a_run_has_one_verdict(any_store_url: str) -> None:
    store = open_store(any_store_url, "test_coordinator", DESIGN)
    runs = store.history
    assert [runs.begin("crash", 7, 10), runs.begin("depeg", 8, 20)] == [1, 2]
    runs.end(1, Verdict.FAIL, "an alert is missing", 15)
    runs.end(1, Verdict.PASS, "", 16)
    assert runs.runs() == [
        Run(
            run_id=1,
            scenario="crash",
            seed=7,
            began_ns=10,
            ended_ns=15,
            verdict=Verdict.FAIL,
            reason="an alert is missing",
        ),
        Run(run_id=2, scenario="depeg", seed=8, began_ns=20, ended_ns=None, verdict=None, reason=""),
    ]
    assert [run.run_id for run in runs.runs(after=1)] == [2]
    assert [run.run_id for run in runs.runs(limit=1)] == [1]
    store.close()


def test_each_run_keeps_its_own_injections(any_store_url: str) -> None:
    store = open_store(any_store_url, "test_coordinator", DESIGN)
    runs = store.history
    refused = InjectionRefused(injection_id="hold", detail="no such link", occurred_ns=120)
    for scenario in ("crash", "crash"):
        run_id = runs.begin(scenario, 7, 10)
        for _ in range(2):
            runs.record([started("shock"), refused])
        if run_id == 2:
            runs.record([InjectionEnded(injection_id="shock", occurred_ns=300)])
    shock = Injection(
        run_id=1,
        injection_id="shock",
        kind="price_path",
        target="market_data",
        subjects=("BTC/USD", "ETH/USD"),
        began_ns=100,
        ended_ns=None,
        refused="",
    )
    assert runs.injections(1)[0] == shock
    assert [each.ended_ns for each in runs.injections(2)] == [300, None]
    assert [each.refused for each in runs.injections(2)] == ["", "no such link"]
    assert runs.injections(3) == []
    store.close()


def test_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    for expected in (1, 2, 3):
        store = open_store(f"sqlite:///{tmp_path}/store.sqlite", "test_coordinator", DESIGN)
        assert store.history.begin("crash", 7, 10) == expected
        store.history.record([started("shock")])
        assert len(store.history.injections(expected)) == 1
        store.close()
