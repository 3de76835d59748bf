"""What people see: the verdict, the figures and the causes, with hostile words shown as they are."""

import io
from dataclasses import replace

import pytest

from trading_ecosystem.cli import terminal
from trading_ecosystem.validation.results import CheckOutcome, Detection, RunResult, Verdict


def shown(result: RunResult, report: str | None = None) -> str:
    console = terminal.Screen(file=io.StringIO(), width=160, highlight=False)
    terminal.show_result(console, result, report)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_verdict_reason_and_last_line(result: RunResult) -> None:
    text = shown(result, "out/report.html")
    assert text.startswith("✓ PASS usdt-depeg-36h - USDT drifts to 0.92 over 36 hours\n")
    assert "peg_deviation on USDT fired 60.9 s after the breach, deadline 65 s." in text
    last = text.rstrip().splitlines()[-1]
    assert last == (
        "7.41 s wall, 40 h simulated, 6,412,876 events, 865,162 events/s, "
        "digest 9f2c1b7a9f2c1b7a, report out/report.html"
    )
    assert "--report DIR keeps one" in shown(result)


def test_the_cause_of_each_alert_is_told_with_its_times(result: RunResult) -> None:
    text = shown(result)
    lines = [line.split() for line in text.splitlines()]
    assert ["2026-03-02", "01:00:00.250", "+30", "min", "00", "s", "breach", "USDT/USD", "[red]below", "0.99"] in lines
    assert "+60.9 s" in text
    assert "warning stale_data on [bold]BTC/USD at 2026-03-02 01:01:02.150: ○ allowed" in text


def test_failed_checks_are_named_one_by_one(result: RunResult) -> None:
    bad = CheckOutcome(kind="forbid", text="venue_down never fires", passed=False, detail="fired at 12:00")
    judged = replace(result.judgement, verdict=Verdict.FAIL, reasons=("first", "second"), checks=(bad,))
    text = shown(replace(result, judgement=judged))
    assert "forbid: venue_down never fires" in text and "✗ failed" in text and "fired at 12:00" in text
    assert "✗ FAIL" in text and "first (and 1 further reason)." in text and "  second\n" in text


def test_many_alerts_are_cut_short_and_long_chains_keep_their_origin(result: RunResult) -> None:
    alert = result.judgement.alerts[0]
    many = tuple(replace(alert, alert_id=f"a{n}", detection=Detection.FALSE_ALARM) for n in range(9))
    link = result.chains[alert.alert_id][0]
    long = tuple(replace(link, at_ns=link.at_ns + n, text=f"step {n}") for n in range(30))
    text = shown(replace(result, judgement=replace(result.judgement, alerts=many), chains={"a0": long}))
    assert "3 more alerts in the report" in text
    steps = [line.rsplit("  ", 1)[1] for line in text.splitlines() if "step " in line]
    assert steps == ["step 0", *(f"step {n}" for n in range(23, 30))]


def test_progress_without_a_terminal_is_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    console = terminal.Screen(file=io.StringIO(), width=100)
    with terminal.progress_on(console, "[x]") as tell:
        tell(1, 10)
        monkeypatch.setattr("time.monotonic", lambda: 1e12)
        tell(3_600_000_000_000, 36_000_000_000_000)
        tell(7_200_000_000_000, 36_000_000_000_000)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == "[x]: 1.0 of 10 h simulated\n"


def test_progress_on_a_terminal_is_a_bar_in_simulated_time() -> None:
    console = terminal.Screen(file=io.StringIO(), width=100, force_terminal=True)
    with terminal.progress_on(console, "depeg") as tell:
        tell(3_600_000_000_000, 36_000_000_000_000)
    assert isinstance(console.file, io.StringIO)
    assert "1.0 of 10 h simulated" in console.file.getvalue()
