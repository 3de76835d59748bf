"""The parts of a report's page, in the order in which they are read."""

import shlex

from trading_ecosystem.report.chain import KIND_SYMBOLS
from trading_ecosystem.report.latencies import RuleLatency, latencies
from trading_ecosystem.report.markup import Child, Markup, folded, join, section, table, tag
from trading_ecosystem.report.words import (
    BOUNDARY_WORDS,
    DETECTION_WORDS,
    TWIN_WORDS,
    VERDICT_SYMBOLS,
    counted,
    decimal,
    duration,
    events_per_second,
    figure,
    hours,
    injected_ns,
    latency_ns,
    moment,
    sentence,
    verdict_sentence,
)
from trading_ecosystem.validation.results import (
    AlertOutcome,
    BoundarySide,
    CheckOutcome,
    ExpectationOutcome,
    RunResult,
    TimelineEntry,
    Verdict,
)

OPEN_TIMELINE = 60
MOST_TIMELINE = 4_000


def heading(result: RunResult) -> Markup:
    judgement = result.judgement
    return tag(
        "header",
        tag("p", f"Scenario {result.scenario} · {result.family} · {result.severity}", class_="eyebrow"),
        tag("h1", result.title),
        tag(
            "div",
            tag("p", symbol(judgement.verdict), judgement.verdict.value, class_="word"),
            tag("p", verdict_sentence(judgement), class_="reason"),
            more_reasons(judgement.reasons[1:]),
            class_=f"verdict {judgement.verdict.value.lower()}",
            role="status",
        ),
        story(result.story),
        sources(result),
    )


def symbol(verdict: Verdict) -> Markup:
    return tag("span", f"{VERDICT_SYMBOLS[verdict]} ", aria_hidden="true")


def more_reasons(reasons: tuple[str, ...]) -> Markup | None:
    return tag("ul", *(tag("li", sentence(reason)) for reason in reasons)) if reasons else None


def story(text: str) -> Markup:
    paragraphs = (tag("p", part.strip()) for part in text.split("\n\n") if part.strip())
    return tag("div", *paragraphs, class_="story")


def sources(result: RunResult) -> Markup | None:
    """What really happened, by its name, and who says so. Addresses are text: the page leads nowhere."""
    if result.incident is None and not result.sources:
        return None
    incident = tag("p", f"Modelled on the incident {result.incident}.") if result.incident else None
    listed = tag("ul", *(tag("li", source) for source in result.sources)) if result.sources else None
    return tag("div", incident, tag("p", "Sources of the story:") if listed else None, listed, class_="sources note")


def key_facts(result: RunResult) -> Markup:
    build = "compiled" if result.compiled else "interpreted"
    version = result.versions.get("trading-ecosystem") or result.versions.get("trading_ecosystem") or "unknown"
    facts: list[tuple[str, str]] = [
        ("Simulated time", f"{hours(result.simulated_ns)} from {moment(result.start_ns)[:16]} UTC"),
        ("Wall time", f"{decimal(result.wall_s, 2)} s"),
        ("Events", f"{result.events:,} ({events_per_second(result)} a second)"),
        ("Seed", str(result.seed)),
        ("World", result.world),
        ("Version", f"{version}, {build}"),
    ]
    cells = [tag("div", tag("dt", name), tag("dd", value)) for name, value in facts]
    digest = tag("div", tag("dt", "Digest of the audit trail"), tag("dd", tag("code", result.digest)), class_="wide")
    return section("facts", "Key facts", tag("dl", *cells, digest, class_="facts"), counts(result))


def counts(result: RunResult) -> Markup | None:
    if not result.counts:
        return None
    words = "; ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in result.counts.items())
    return tag("p", f"In this run: {words}.", class_="note")


# Detection.


def expectations(result: RunResult) -> Markup:
    every = result.judgement.expectations
    if not every:
        return section("detection", "Expected alerts", tag("p", "This scenario expects no alert."))
    longest = max(max(latency_ns(outcome) or 0, outcome.deadline_ns) for outcome in every)
    rows: list[tuple[Child, ...]] = [
        (
            f"{outcome.rule} on {outcome.subject}",
            outcome.severity,
            outcome.condition,
            whole(moment(outcome.breach_ns)),
            whole(moment(outcome.fired_ns)),
            latency_bar(outcome, longest),
            whole(DETECTION_WORDS[outcome.detection]),
        )
        for outcome in every
    ]
    headers = ("Alert", "Severity", "Condition", "Breach (UTC)", "Alert (UTC)", "Breach to alert", "Outcome")
    note = "Deadlines count from the breach: the first moment the condition was true in data that the monitor can see."
    by_rule = latency_table(latencies([result]))
    return section("detection", "Expected alerts", table(note, headers, rows), by_rule)


def latency_table(every: tuple[RuleLatency, ...], with_scenario: bool = False) -> Markup:
    """How long the alerts of each rule took, all episodes counted."""
    rows = [latency_row(each)[: 6 if with_scenario else 5] for each in every]
    headers = ("Rule", "Alerts", "Median", "Worst, against its deadline", "Missed", "Scenario of the worst")
    note = "Expected alerts by rule, every episode: the worst is the one that used most of its deadline."
    return table(note, headers[: 6 if with_scenario else 5], rows, "latencies")


def latency_row(each: RuleLatency) -> tuple[Child, ...]:
    if not each.count:
        return each.rule, "0", "-", "no alert", str(each.missed), "-"
    drawn = bar(each.worst_ns, each.deadline_ns, max(each.worst_ns, each.deadline_ns))
    return each.rule, str(each.count), duration(each.median_ns), drawn, str(each.missed), each.scenario


def whole(text: str) -> Markup:
    """Not to be broken over two lines."""
    return tag("span", text, class_="whole")


def latency_bar(outcome: ExpectationOutcome, longest_ns: int) -> Markup:
    """The time taken, against a tick where the deadline is; all bars of a table share one scale."""
    return bar(latency_ns(outcome), outcome.deadline_ns, longest_ns)


def bar(latency: int | None, deadline_ns: int, longest_ns: int) -> Markup:
    deadline = f"deadline {duration(deadline_ns)}"
    words = f"no alert, {deadline}" if latency is None else f"{duration(latency)}, {deadline}"
    late = latency is not None and latency > deadline_ns
    filled = tag("span", class_="late" if late else "taken", style=f"width:{per_cent(latency or 0, longest_ns)}")
    tick = tag("span", class_="deadline", style=f"left:{per_cent(deadline_ns, longest_ns)}")
    return join(tag("span", filled, tick, class_="bar", aria_hidden="true"), tag("span", words, class_="bar-words"))


def per_cent(part: int, whole: int) -> str:
    return f"{max(0.0, min(100.0, 96 * part / max(whole, 1))):.2f}%"


def alerts(result: RunResult) -> Markup:
    every = result.judgement.alerts
    if not every:
        return section("alerts", "Alerts raised", tag("p", "No alert was raised."))
    rows = [alert_row(result, alert) for alert in every]
    headers = ("Alert", "Severity", "Value", "Limit", "Fired (UTC)", "From breach", "From injection", "Resolved (UTC)")
    return section("alerts", "Alerts raised", table("Every episode, in order.", (*headers, "Outcome"), rows))


def alert_row(result: RunResult, alert: AlertOutcome) -> tuple[Child, ...]:
    injected = injected_ns(result, alert)
    return (
        tag("a", f"{alert.rule} on {alert.subject}", href=f"#chain-{alert.alert_id}"),
        alert.severity,
        whole(figure(alert.value, alert.unit)),
        whole(figure(alert.limit, alert.unit)),
        whole(moment(alert.fired_ns)),
        whole("-" if alert.latency_ns is None else duration(alert.latency_ns)),
        whole("-" if injected is None else duration(alert.fired_ns - injected)),
        "still firing" if alert.resolved_ns is None else whole(moment(alert.resolved_ns)),
        whole(DETECTION_WORDS[alert.detection]),
    )


def twin(result: RunResult) -> Markup:
    if result.twin is None:
        return section("twin", "Negative twin", tag("p", "This run was made without its negative twin."))
    raised = ", ".join(f"{alert.severity} {alert.rule} on {alert.subject}" for alert in result.twin.alerts)
    reasons = (sentence(reason) for reason in result.twin.reasons)
    return section(
        "twin",
        "Negative twin",
        tag(
            "p",
            tag("strong", symbol(result.twin.verdict), result.twin.verdict.value),
            f". {TWIN_WORDS[result.twin.verdict]}",
        ),
        tag("p", f"Same seed, injection removed. Alerts raised: {raised or 'none'}. ", *reasons),
        tag("p", "Digest ", tag("code", result.twin_digest), class_="note") if result.twin_digest else None,
    )


def boundary(result: RunResult) -> Markup:
    if not result.boundary:
        return section("boundary", "Boundary", tag("p", "This run was made without a boundary."))
    note = "Same seed, changed as told. A share is that of the level or of the time, whichever is nearer."
    rows = [side_row(side) for side in result.boundary]
    headers = ("Side", "Verdict", "What it says", "Reached", "Changed", "Alerts raised", "Digest")
    return section("boundary", "Boundary", table(note, headers, rows))


def side_row(side: BoundarySide) -> tuple[Child, ...]:
    judgement = side.judgement
    reasons = (sentence(reason) for reason in judgement.reasons)
    return (
        f"Just {side.side}",
        tag("strong", symbol(judgement.verdict), judgement.verdict.value, class_=f"whole {judgement.verdict.lower()}"),
        " ".join((BOUNDARY_WORDS[side.side, judgement.verdict], *reasons)),
        ", ".join(f"{each.percent}% of {each.limit}" for each in side.nearness) or "not measured",
        tag("code", ", ".join(side.changes)) if side.changes else "nothing: as written",
        ", ".join(f"{alert.severity} {alert.rule} on {alert.subject}" for alert in judgement.alerts) or "none",
        tag("code", side.digest[:16]),
    )


def checks(result: RunResult) -> Markup:
    judgement = result.judgement
    if not judgement.checks:
        return section("checks", "Checks", tag("p", "No check was made."))
    rows = [check_row(check) for check in judgement.checks]
    failed = sum(not check.passed for check in judgement.checks)
    title = f"{counted(len(rows), 'check')}, {failed or 'none'} failed."
    return section("checks", "Checks", table(title, ("Kind", "What must hold", "Outcome", "Detail"), rows))


def check_row(check: CheckOutcome) -> tuple[Child, ...]:
    kind = check.kind.replace("_", " ").capitalize()
    outcome = tag("strong", "✓ held" if check.passed else "✗ failed", class_="" if check.passed else "bad")
    return kind, check.text, outcome, check.detail


def injections(result: RunResult) -> Markup:
    every = result.judgement.injections
    if not every:
        return section("injections", "What was injected", tag("p", "Nothing was injected."))
    rows: list[tuple[Child, ...]] = [
        (
            injection.kind,
            injection.target,
            ", ".join(injection.subjects) or "-",
            whole(moment(injection.started_ns)),
            "not ended" if injection.ended_ns is None else whole(moment(injection.ended_ns)),
        )
        for injection in every
    ]
    headers = ("Injection", "Target", "Subjects", "Begin (UTC)", "End (UTC)")
    return section("injections", "What was injected", table("With the receipts of what was applied.", headers, rows))


# Timeline.


def timeline(result: RunResult) -> Markup:
    entries = result.timeline[:MOST_TIMELINE]
    if not entries:
        return section("timeline", "Timeline", tag("p", "Nothing worth a line happened."))
    listed = {entry.message_id for entry in entries if entry.message_id}
    rows = [timeline_row(result, entry, listed) for entry in entries]
    headers = ("Time (UTC)", "Into the run", "Kind", "Subject", "What happened", "Message", "Because of")
    parts: list[Child] = [table("What happened, in order.", headers, rows[:OPEN_TIMELINE], "timeline")]
    if len(rows) > OPEN_TIMELINE:
        rest = table("Continued.", headers, rows[OPEN_TIMELINE:], "timeline")
        parts.append(folded(f"{len(rows) - OPEN_TIMELINE:,} further entries", rest))
    if len(result.timeline) > MOST_TIMELINE:
        parts.append(tag("p", f"{len(result.timeline) - MOST_TIMELINE:,} more entries are in the trail."))
    return section("timeline", "Timeline", *parts)


def timeline_row(result: RunResult, entry: TimelineEntry, listed: set[int]) -> tuple[Child, ...]:
    kind = tag("span", f"{KIND_SYMBOLS.get(entry.kind, '•')} ", aria_hidden="true")
    cause: Child = str(entry.cause_id) if entry.cause_id else "-"
    if entry.cause_id in listed:
        cause = tag("a", str(entry.cause_id), href=f"#message-{entry.cause_id}")
    own = tag("span", str(entry.message_id), id=f"message-{entry.message_id}") if entry.message_id else "an absence"
    into = duration(entry.at_ns - result.start_ns)
    return moment(entry.at_ns), into, join(kind, entry.kind), entry.subject, entry.text, own, cause


# Proof.


def proof(result: RunResult) -> Markup:
    trail = result.trail or "TRAIL"
    return section(
        "proof",
        "Replay and verify",
        tag("p", "The same version, scenario and seed give the same history, byte for byte. To replay this run:"),
        tag("pre", tag("code", result.command)),
        tag("p", "To check that no entry of the audit trail was changed, added or removed since:"),
        tag("pre", tag("code", f"tse verify {shlex.quote(trail) if result.trail else trail}")),
        tag("p", "Both must end with this digest: ", tag("code", result.digest), "."),
        None if result.trail else tag("p", "This run kept no trail; a replay with --report DIR keeps one."),
    )


def configuration(result: RunResult) -> Markup:
    files = [folded(tag("code", name), tag("pre", text)) for name, text in result.configuration.items()]
    rows: list[tuple[Child, ...]] = [(name, version) for name, version in result.versions.items()]
    versions = table("What this run was made with.", ("Part", "Version"), rows, "narrow") if rows else None
    shown = join(*files) if files else tag("p", "No configuration file was kept.")
    return section("configuration", "Configuration", shown, versions)
