"""The risk monitor cannot know that it is being tested: what it says rests on the firm's data alone."""

import json
from pathlib import Path

from trading_ecosystem.preparation import RunRequest, prepare
from trading_ecosystem.validation.audit_correlator.trail import MemorySink
from trading_ecosystem.virtual.run import execute

SCENARIO = Path(__file__).parents[2] / "features" / "scenarios" / "monitor-restart-short.yaml"
SAID = {
    "AlertFired",
    "AlertResolved",
    "RiskReported",
    "HealthChanged",
    "QueryAccount",
    "QueryHoldings",
    "QuerySettlements",
}


def disguised(text: str) -> str:
    """The same events under other names, watched and judged in another way."""
    for old, new in (
        ("name: monitor-restart-short", "name: an-ordinary-day"),
        ("title: The risk monitor is killed in a drawdown", "title: Nothing to see"),
        ("story: Prices fall", "story: Some say that prices fall"),
        ("family: restart", "family: calm"),
        ("hold: [no_alerts, ledger_balanced, all_services_healthy]", "hold: [no_alerts]"),
        ("inject: price.crash\n", "inject: price.crash\n    id: weather\n"),
        ("monitor-killed", "coffee"),
        ("for: 5m", "for: 90s"),
        ("- restore: price.crash", "- restore: weather"),
        ("    episodes: 1\n", ""),
        ("recovery:\n  within: 8m\n  hold: [ledger_balanced, all_services_healthy]\n", ""),
    ):
        assert old in text, old
        text = text.replace(old, new)
    return text


def said_by_the_monitor(path: Path) -> bytes:
    """All that the monitor sent, in order, without the numbers that count everybody's messages."""
    sink = MemorySink()
    execute(prepare(RunRequest(scenario_path=path)), sink, None)
    entries = [json.loads(line) for line in sink.lines[1:]]
    sent = [(ns, kind, values) for _, ns, _, _, _, who, kind, values, _ in entries if who == "risk_monitor"]
    assert {kind for _, kind, _ in sent} >= SAID
    return json.dumps([each for each in sent if each[1] != "Block"]).encode()


def test_what_it_says_is_the_same_whatever_the_test_is_called_and_watches(tmp_path: Path) -> None:
    other = tmp_path / "an-ordinary-day.yaml"
    other.write_text(disguised(SCENARIO.read_text(encoding="utf-8")), encoding="utf-8")
    said = said_by_the_monitor(SCENARIO)
    assert said == said_by_the_monitor(other)
    words = said.decode().lower()
    assert not [
        word for word in ("scenario", "inject", "monitor-killed", "price.crash", "coordinator") if word in words
    ]
