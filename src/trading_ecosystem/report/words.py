"""Times, figures and verdicts in the words that people read. Times in ns, UTC."""

from collections.abc import Iterable

from trading_ecosystem.configuration.scalars import SECOND_NS, instant_text
from trading_ecosystem.validation.results import (
    AlertOutcome,
    BoundarySide,
    Detection,
    ExpectationOutcome,
    Judgement,
    RunResult,
    Verdict,
)

MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
MINOR_PER_UNIT = 100_000_000
NEVER = "never"

DETECTION_WORDS = {
    Detection.DETECTED: "✓ in time",
    Detection.LATE: "✗ late",
    Detection.MISSED: "✗ missed",
    Detection.NO_BREACH: "○ no breach",
    Detection.ALLOWED: "○ allowed",
    Detection.FALSE_ALARM: "✗ false alarm",
}
VERDICT_SYMBOLS = {Verdict.PASS: "✓", Verdict.FAIL: "✗", Verdict.INVALID: "∅"}
TWIN_WORDS = {
    Verdict.PASS: "Without the injection, none of the expected alerts fired: they answer to the injection.",
    Verdict.FAIL: "Without the injection, something went wrong all the same: the alerts prove nothing.",
    Verdict.INVALID: "The run without the injection could not be judged.",
}
BOUNDARY_WORDS = {
    ("under", Verdict.PASS): "Just under the limit, none of its alerts fired.",
    ("under", Verdict.FAIL): "Just under the limit, something went wrong all the same.",
    ("under", Verdict.INVALID): "The run just under the limit could not be judged.",
    ("over", Verdict.PASS): "Just over the limit, its alerts fired in time.",
    ("over", Verdict.FAIL): "Just over the limit, not all of its alerts fired in time.",
    ("over", Verdict.INVALID): "The run just over the limit could not be judged.",
}


def boundary_verdict(sides: Iterable[BoundarySide]) -> Verdict | None:
    """Of all sides that were run; None where none was."""
    verdicts = {side.judgement.verdict for side in sides}
    return next((each for each in (Verdict.FAIL, Verdict.INVALID, Verdict.PASS) if each in verdicts), None)


def boundary_shares(sides: Iterable[BoundarySide]) -> str:
    """How far each side went, of its limit: of several limits, the one from which it is farthest."""
    return ", ".join(words for side in sides if (words := side_share(side)))


def side_share(side: BoundarySide) -> str:
    percents = [each.percent for each in side.nearness]
    if not percents:
        return ""
    return f"{min(percents) if side.side == 'under' else max(percents)}%"


def milliseconds(ns: int | None) -> str | None:
    """ISO 8601 in UTC, always with milliseconds; None stays None."""
    if ns is None:
        return None
    text = instant_text(ns - ns % 1_000_000)
    return text if "." in text else f"{text[:-1]}.000Z"


def moment(ns: int | None) -> str:
    """A moment for a table, such as 2026-03-02 08:41:13.250."""
    text = milliseconds(ns)
    return NEVER if text is None else text.replace("T", " ").removesuffix("Z")


def duration(ns: int | None) -> str:
    """A duration such as 340 ms, 60.9 s, 12 min 05 s or 36 h 00 min."""
    if ns is None:
        return NEVER
    sign, size = ("-", -ns) if ns < 0 else ("", ns)
    if size < SECOND_NS:
        return f"{sign}{decimal(size / 1_000_000, 1)} ms"
    if size < 10 * MINUTE_NS:
        return f"{sign}{decimal(size / SECOND_NS, 3 if size < 10 * SECOND_NS else 1)} s"
    seconds = (size + SECOND_NS // 2) // SECOND_NS
    hours, minutes = seconds // 3_600, seconds // 60 % 60
    return f"{sign}{hours} h {minutes:02d} min" if hours else f"{sign}{minutes} min {seconds % 60:02d} s"


def hours(ns: int) -> str:
    return f"{decimal(ns / HOUR_NS, 2)} h"


def decimal(value: float, places: int) -> str:
    """With thousands separators and without trailing zeros."""
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def figure(value: float, unit: str) -> str:
    """A value with its unit, as a person would write it: ppm as per cent, minor units as whole ones."""
    if unit == "ppm":
        return f"{decimal(value / 10_000, 4)} %"
    if unit == "ns":
        return duration(int(value))
    if unit.endswith("minor"):
        asset = unit.removesuffix("minor").strip(" _").upper() or "USD"
        return f"{decimal(value / MINOR_PER_UNIT, 2)} {asset}"
    return f"{decimal(value, 8 if abs(value) < 100 else 2)} {unit}".rstrip()


def counted(count: int, noun: str, plural: str = "") -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {plural or noun + 's'}"


def verdict_sentence(judgement: Judgement) -> str:
    """The verdict's reason in one sentence."""
    if judgement.reasons:
        more = len(judgement.reasons) - 1
        also = f" (and {counted(more, 'further reason')})" if more else ""
        return f"{sentence(judgement.reasons[0]).removesuffix('.')}{also}."
    tightest = tightest_expectation(judgement.expectations)
    if tightest is None:
        return "Every check held; no alert was due."
    detected = sum(expectation.detection is Detection.DETECTED for expectation in judgement.expectations)
    if detected == 1:
        return f"{timed(tightest)}."
    all_of_them = "Both" if detected == 2 else f"All {detected}"
    return f"{all_of_them} expected alerts came in time; closest to its deadline: {timed(tightest)}."


def sentence(text: str) -> str:
    """Ends in a full stop. The first letter stays as it is: it may be the name of a rule."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def timed(expectation: ExpectationOutcome) -> str:
    latency = latency_ns(expectation)
    what = f"{expectation.rule} on {expectation.subject}"
    if latency is None:
        return f"{what} did not fire, deadline {duration(expectation.deadline_ns)}"
    return f"{what} fired {duration(latency)} after the breach, deadline {duration(expectation.deadline_ns)}"


def latency_ns(expectation: ExpectationOutcome) -> int | None:
    if expectation.breach_ns is None or expectation.fired_ns is None:
        return None
    return expectation.fired_ns - expectation.breach_ns


def tightest_expectation(expectations: Iterable[ExpectationOutcome]) -> ExpectationOutcome | None:
    """The one that used most of its deadline; None where nothing was detected."""
    timed_ones = [expectation for expectation in expectations if latency_ns(expectation) is not None]
    return max(timed_ones, key=share_of_deadline, default=None)


def share_of_deadline(expectation: ExpectationOutcome) -> float:
    return (latency_ns(expectation) or 0) / max(expectation.deadline_ns, 1)


def injected_ns(result: RunResult, alert: AlertOutcome) -> int | None:
    """When the injection that the alert goes back to began: its chain says, or else the last one before it."""
    chain = result.chains.get(alert.alert_id, ())
    if chain and chain[0].kind == "injection":
        return chain[0].at_ns
    started = [injection.started_ns for injection in result.judgement.injections]
    return max((ns for ns in started if ns is not None and ns <= alert.fired_ns), default=None)


def events_per_second(result: RunResult) -> str:
    return f"{result.events / result.wall_s:,.0f}" if result.wall_s > 0 else "-"
