"""Two modes are equivalent when they say the same of every subject, in the same order."""

from dataclasses import replace

import pytest

from trading_ecosystem.report.equivalence import compare, said, stories, table
from trading_ecosystem.validation.results import AlertOutcome, Detection, Judgement, RunResult, Verdict

SECOND_NS = 1_000_000_000


def alert(rule: str, subject: str, severity: str, fired_s: int, resolved_s: int | None = None) -> AlertOutcome:
    return AlertOutcome(
        alert_id=f"{rule}:{subject}:{severity}:1",
        rule=rule,
        subject=subject,
        severity=severity,
        detection=Detection.DETECTED,
        breach_ns=None,
        fired_ns=fired_s * SECOND_NS,
        resolved_ns=None if resolved_s is None else resolved_s * SECOND_NS,
        deadline_ns=None,
        value=1,
        limit=1,
        unit="ppm",
    )


def result(*alerts: AlertOutcome, verdict: Verdict = Verdict.PASS, reasons: tuple[str, ...] = ()) -> RunResult:
    judgement = Judgement(verdict=verdict, reasons=reasons, alerts=alerts, expectations=(), checks=(), injections=())
    return RunResult(
        scenario="crash",
        title="",
        family="",
        severity="",
        story="",
        world="",
        seed=7,
        start_ns=0,
        simulated_ns=3_600 * SECOND_NS,
        wall_s=2.0,
        events=1,
        compiled=False,
        digest="abcdef0123456789ffff",
        command="",
        judgement=judgement,
    )


WARNING = alert("drawdown", "firm", "warning", 10, 90)
CRITICAL = alert("drawdown", "firm", "critical", 20, 80)
DOWN = alert("venue_down", "exchange", "critical", 15)


def test_the_same_words_at_other_times_are_the_same() -> None:
    later = [replace(each, fired_ns=each.fired_ns + 5, resolved_ns=each.resolved_ns) for each in (WARNING, CRITICAL)]
    assert compare(result(WARNING, CRITICAL), result(*later)).differences == ()


def test_subjects_are_compared_each_on_its_own() -> None:
    early, late = replace(DOWN, fired_ns=SECOND_NS), replace(DOWN, fired_ns=99 * SECOND_NS)
    assert compare(result(WARNING, early), result(WARNING, late)).differences == ()


@pytest.mark.parametrize(
    ("live", "named"),
    [
        ((WARNING,), "firm: drawdown warning; drawdown critical; "),
        ((WARNING, CRITICAL, DOWN), "exchange: nothing in virtual time, venue_down critical live"),
        ((replace(WARNING, fired_ns=25 * SECOND_NS), CRITICAL), "drawdown critical; drawdown warning; "),
        (
            (WARNING, replace(CRITICAL, resolved_ns=None)),
            "drawdown warning; drawdown critical; drawdown warning resolved",
        ),
    ],
)
def test_a_difference_names_its_subject_and_both_stories(live: tuple[AlertOutcome, ...], named: str) -> None:
    (line,) = compare(result(WARNING, CRITICAL), result(*live)).differences
    assert named in line


def test_another_verdict_is_a_difference_that_names_its_reasons() -> None:
    failed = result(WARNING, verdict=Verdict.FAIL, reasons=("BTC did not recover", "too late"))
    compared = compare(result(WARNING), failed)
    assert compared.differences == ("PASS in virtual time, FAIL (BTC did not recover; too late) live",)


def test_a_story_holds_what_fired_and_what_was_over_in_order() -> None:
    assert said(stories(result(CRITICAL, WARNING).judgement)["firm"]) == (
        "drawdown warning; drawdown critical; drawdown critical resolved; drawdown warning resolved"
    )


def test_what_is_said_at_one_moment_is_said_in_any_order() -> None:
    at_once = result(WARNING, replace(CRITICAL, fired_ns=WARNING.fired_ns))
    for second in (5, 15):  # The critical alert is the earlier one, and the later one.
        assert compare(at_once, result(WARNING, replace(CRITICAL, fired_ns=second * SECOND_NS))).differences == ()
    earlier = result(WARNING, replace(CRITICAL, fired_ns=5 * SECOND_NS))
    assert compare(result(WARNING, CRITICAL), earlier).differences != ()


def test_how_often_it_was_said_counts() -> None:
    again = replace(WARNING, fired_ns=95 * SECOND_NS, resolved_ns=99 * SECOND_NS)
    assert compare(result(WARNING, again), result(WARNING, again)).differences == ()
    assert compare(result(WARNING, again), result(WARNING)).differences != ()


def test_the_table_has_a_line_for_each_scenario() -> None:
    text = table([compare(result(WARNING), result(WARNING)), compare(result(), result(DOWN))])
    assert "| crash | 1 h | PASS, 2 s | PASS, 2 s (1800x) | 1 | none | abcdef0123456789 |" in text
    assert "exchange: nothing in virtual time, venue_down critical live" in text
