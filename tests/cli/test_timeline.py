"""What `tse timeline` prints for people."""

from pathlib import Path

import pytest

from trading_ecosystem.cli.main import main
from trading_ecosystem.messages.risk import AlertFired, Severity
from trading_ecosystem.validation.audit_correlator.causation import Lane
from trading_ecosystem.validation.audit_correlator.trail import MemorySink, Trail, reader_of_type

START = 1_772_409_600_000_000_000  # 2026-03-02T00:00:00Z
SECOND = 1_000_000_000


def alert(at_ns: int) -> AlertFired:
    return AlertFired(
        alert_id="peg_deviation:USDT:critical:1",
        rule="peg_deviation",
        subject="USDT",
        severity=Severity.CRITICAL,
        episode=1,
        value=12_900,
        limit=10_000,
        unit="ppm",
        breached_ns=at_ns,
        occurred_ns=at_ns,
    )


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    sink = MemorySink()
    made = Trail(sink, {"start_ns": START})
    said = Lane(0, "AlertFired", "risk_monitor", "", "production")
    read = reader_of_type(AlertFired)
    made.enter(said, START + SECOND, 7, 5, read(alert(START + SECOND)))
    receipt = Lane(0, "InjectionStarted", "custodian", "", "simulators")
    made.enter(receipt, START + 2 * SECOND, 9, 0, ["stalled", "settlement.delay", "custodian", ["custodian"], START])
    made.enter(said, START + 3 * SECOND, 11, 9, read(alert(START + 3 * SECOND)))
    made.close(START + 4 * SECOND)
    path = tmp_path / "trail.jsonl"
    path.write_text("".join(sink.lines), encoding="ascii", newline="")
    return path


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert main(["timeline", *words]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return [" ".join(line.split()) for line in captured.out.splitlines()]


def test_columns_and_an_alert_in_words(trail: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header, first, second = printed(capsys, str(trail.parent), "--kind", "AlertFired")
    assert header == "entry time (UTC) service message id cause what"
    words = "critical peg_deviation on USDT: 1.29 % against 1 %"
    assert first == f"1 2026-03-02 00:00:01.000 risk_monitor AlertFired 7 5 {words}"
    assert second.startswith("3 2026-03-02 00:00:03.000")
    receipt = printed(capsys, str(trail), "--kind", "InjectionStarted")[1]
    assert receipt.endswith("9 - injection_id=stalled kind=settlement.delay target=custodian subjects=custodian")


def test_times_are_moments_or_counted_from_the_start(trail: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (
        ("--from", "2s", "--until", "3s"),
        ("--from", "2026-03-02T00:00:02Z", "--until", "2026-03-02T00:00:03Z"),
    ):
        assert [line.split()[0] for line in printed(capsys, str(trail), *words)] == ["entry", "2", "3"]


def test_a_walk_says_why_it_ends(trail: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [line.split()[0] for line in printed(capsys, str(trail), "--causes", "3")] == ["entry", "3", "2"]
    last = printed(capsys, str(trail), "--causes", "1")[-1]
    assert last.startswith("message 5 before it is a quote, a book top, a heartbeat or a timer")


def test_alerts_hang_under_injections_and_the_rest_under_none(trail: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, str(trail), "--by-cause") == [
        "2026-03-02 00:00:02.000 entry 2 settlement.delay stalled at custodian: custodian (not ended)",
        "2026-03-02 00:00:03.000 entry 3 critical peg_deviation on USDT: 1.29 % against 1 %",
        "no injection was in force",
        "2026-03-02 00:00:01.000 entry 1 critical peg_deviation on USDT: 1.29 % against 1 %",
    ]


def test_no_trail_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["timeline", str(tmp_path / "none")]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
