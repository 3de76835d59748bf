"""Times, figures and verdicts in words."""

from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from trading_ecosystem.configuration.scalars import instant_ns
from trading_ecosystem.report import words
from trading_ecosystem.validation.results import Detection, RunResult, Verdict

SECOND, HOUR = 1_000_000_000, 3_600_000_000_000


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (None, "never"), (0, "0 ms"), (40_000_000, "40 ms"), (1_200_000_000, "1.2 s"), (9_999_000_000, "9.999 s"),
        (60_900_000_000, "60.9 s"), (65 * SECOND, "65 s"), (725 * SECOND, "12 min 05 s"), (36 * HOUR, "36 h 00 min"),
        (-2 * SECOND, "-2 s"),
    ],
)  # fmt: skip
def test_duration(ns: int | None, text: str) -> None:
    assert words.duration(ns) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (10_300, "ppm", "1.03 %"), (5 * 10**13, "USD minor", "500,000 USD"), (0, "BTC minor", "0 BTC"),
        (90 * SECOND, "ns", "90 s"), (0.9899, "USD", "0.9899 USD"), (64_000.5, "USD", "64,000.5 USD"), (7, "", "7"),
    ],
)  # fmt: skip
def test_figure(value: float, unit: str, text: str) -> None:
    assert words.figure(value, unit) == text


@given(st.integers(0, 4 * 10**18))
@settings(max_examples=100)
def test_milliseconds_can_be_read_back(ns: int) -> None:
    text = words.milliseconds(ns)
    assert text is not None and len(text) == len("2026-03-02T00:00:00.000Z")
    assert instant_ns(text) == ns - ns % 1_000_000


def test_no_moment_stays_none() -> None:
    assert words.milliseconds(None) is None and words.moment(None) == "never"


@pytest.mark.parametrize(("count", "text"), [(0, "0 alerts"), (1, "1 alert"), (1_204, "1,204 alerts")])
def test_counted(count: int, text: str) -> None:
    assert words.counted(count, "alert") == text


def test_verdict_sentence(result: RunResult, late: RunResult) -> None:
    judged = result.judgement
    one = replace(judged, expectations=judged.expectations[1:])
    assert words.verdict_sentence(one) == "peg_deviation on USDT fired 60.9 s after the breach, deadline 65 s."
    assert words.verdict_sentence(judged).startswith("Both expected alerts came in time; closest to its deadline:")
    none = replace(judged, expectations=())
    assert words.verdict_sentence(none) == "Every check held; no alert was due."
    assert words.verdict_sentence(late.judgement).endswith("deadline 65 s (and 1 further reason).")
    invalid = replace(judged, verdict=Verdict.INVALID, reasons=("USDT/USD was never below 0.95.",))
    assert words.verdict_sentence(invalid) == "USDT/USD was never below 0.95."


def test_tightest_is_the_one_that_used_most_of_its_deadline(result: RunResult) -> None:
    slow, fast = result.judgement.expectations[1], result.judgement.expectations[0]
    roomy = replace(slow, deadline_ns=10 * HOUR)
    missed = replace(fast, fired_ns=None, detection=Detection.MISSED)
    assert words.tightest_expectation([fast, roomy]) == fast
    assert words.tightest_expectation([missed]) is None
    assert "did not fire" in words.timed(missed)


def test_injected_is_where_the_chain_began(result: RunResult) -> None:
    warning, critical, unexplained = result.judgement.alerts
    assert words.injected_ns(result, critical) == result.chains[critical.alert_id][0].at_ns
    assert words.injected_ns(result, unexplained) == result.judgement.injections[0].started_ns
    assert words.injected_ns(replace(result, chains={}), replace(warning, fired_ns=0)) is None


def test_every_outcome_has_its_words() -> None:
    assert set(words.DETECTION_WORDS) == set(Detection)
    assert set(words.VERDICT_SYMBOLS) == set(Verdict) == set(words.TWIN_WORDS)
