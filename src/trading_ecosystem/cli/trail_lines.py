"""What `tse timeline` prints: a line for each entry, or for each injection and the alerts under it."""

import json as json_module
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from trading_ecosystem.configuration import scalars
from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.report.words import figure, milliseconds, moment
from trading_ecosystem.validation.audit_correlator.query import QUESTIONS, Entry, Filter, TrailFile, asked
from trading_ecosystem.validation.audit_correlator.roots import Causes, Root, by_cause

LONGEST_WORDS = 90
EVER_NS = 1 << 63
MOST_SUGGESTED = 8
DIGESTED = "quote, a book top, a heartbeat or a timer"
HEADER = ("entry", "time (UTC)", "service", "message", "id", "cause", "what")


def answer(
    path: Path, wanted: dict[str, str | None], from_: str | None, until: str | None, json: bool
) -> Iterator[str]:
    """The entries of a trail for which all that is wanted is true, within a time. Raises `Problem`."""
    file = TrailFile(path)
    filters = [Filter(name, value, QUESTIONS[name]) for name, value in wanted.items() if value is not None]
    times = (instant(from_, "--from", file, -1), instant(until, "--until", file, EVER_NS))
    return refusing(lines(asked(file.entries(), filters, *times), json), filters)


def answer_causes(path: Path, sequence: int, json: bool) -> Iterator[str]:
    """An entry and what led to it."""
    return lines_of_causes(TrailFile(path).causes(sequence), json)


def answer_by_cause(path: Path, json: bool) -> Iterator[str]:
    """Each injection with its alerts."""
    return lines_by_cause(by_cause(TrailFile(path).entries()), json)


def instant(text: str | None, option: str, file: TrailFile, otherwise_ns: int) -> int:
    """A moment, written as such or as the time since the start of the run; in ns since 1970."""
    if text is None:
        return otherwise_ns
    try:
        return file.start_ns + scalars.duration_ns(text)
    except ValueError:
        pass
    try:
        return scalars.instant_ns(text)
    except ValueError:
        raise Problem(f"{option} {text}: is neither a time such as 2026-03-02T01:00:00Z nor one such as 90m") from None


def refusing(shown: Iterator[str], filters: list[Filter]) -> Iterator[str]:
    """The lines; raises `Problem` for a filter that nothing in the trail answers to, and then there were none."""
    yield from shown
    for each in filters:
        if not each.met:
            raise Problem(f"--{each.name} {each.wanted}: nothing in this trail; {suggestion(each)}")


def suggestion(asked_for: Filter) -> str:
    known = list(asked_for.known or {})
    near = get_close_matches(asked_for.wanted, known, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    shown = ", ".join(known[:MOST_SUGGESTED])
    return f"known: {shown}{', ...' if len(known) > MOST_SUGGESTED else ''}" if known else "it knows none"


# Lines.


def lines(entries: Iterable[Entry], json: bool) -> Iterator[str]:
    """A line for each entry, below a header if there is any; as JSON an object for each."""
    for count, entry in enumerate(entries):
        if count == 0 and not json:
            yield columns(*HEADER)
        yield as_json(entry_object(entry)) if json else entry_line(entry)


def lines_of_causes(entries: Iterator[Entry], json: bool) -> Iterator[str]:
    """The lines of an entry and its causes; for people, with the reason why they end."""
    told = list(entries)
    yield from lines(told, json)
    if told[-1].cause_id and not json:
        yield f"           message {told[-1].cause_id} before it is a {DIGESTED}: of these the trail keeps digests"


def entry_line(entry: Entry) -> str:
    cause = str(entry.cause_id) if entry.cause_id else "-"
    names = (str(entry.sequence), moment(entry.at_ns), entry.sender or "outside", entry.kind)
    return columns(*names, str(entry.message_id), cause, what(entry))


def columns(sequence: str, at: str, service: str, message: str, own: str, cause: str, words: str) -> str:
    return f"{sequence:>9}  {at:<23}  {service:<22}  {message:<20}  {own:>9}  {cause:>9}  {words}".rstrip()


def what(entry: Entry) -> str:
    """What an entry says, in brief: its values, without whom it is for and when."""
    if entry.kind == "AlertFired":
        return alert_words(entry)
    said = entry.values.items()
    words = " ".join(f"{name}={brief(value)}" for name, value in said if name not in ("to", "occurred_ns"))
    return words if len(words) <= LONGEST_WORDS else f"{words[: LONGEST_WORDS - 3]}..."


def brief(value: Any) -> str:
    if not isinstance(value, list):
        return str(value)
    return ",".join(value) if all(isinstance(each, str) for each in value) else f"({len(value)})"


def entry_object(entry: Entry) -> dict[str, Any]:
    return {
        "entry": entry.sequence,
        "time": milliseconds(entry.at_ns),
        "at_ns": entry.at_ns,
        "service": entry.sender,
        "message": entry.kind,
        "message_id": entry.message_id,
        "cause_id": entry.cause_id or None,
        "values": entry.values,
    }


def as_json(value: dict[str, Any]) -> str:
    return json_module.dumps(value, ensure_ascii=False)


def lines_by_cause(found: Causes, json: bool) -> Iterator[str]:
    for root in found.roots:
        yield from root_lines(root.started, root, root.alerts, json)
    if found.unexplained:
        yield from root_lines(None, None, found.unexplained, json)


def root_lines(started: Entry | None, root: Root | None, alerts: list[Entry], json: bool) -> Iterator[str]:
    if json:
        cause = None if started is None else entry_object(started)
        yield as_json({"cause": cause, "alerts": [entry_object(alert) for alert in alerts]})
        return
    yield "no injection was in force" if started is None else injection_words(started, root)
    for alert in alerts:
        yield f"  {moment(alert.at_ns)}  entry {alert.sequence}  {alert_words(alert)}"
    if not alerts:
        yield "  no alert"


def injection_words(started: Entry, root: Root | None) -> str:
    values = started.values
    ended = "not ended" if root is None or root.ended_ns is None else f"to {moment(root.ended_ns)}"
    what_of = f"{values['kind']} {values['injection_id']} at {values['target']}: {', '.join(values['subjects'])}"
    return f"{moment(started.at_ns)}  entry {started.sequence}  {what_of} ({ended})"


def alert_words(alert: Entry) -> str:
    values = alert.values
    reached = f"{figure(values['value'], values['unit'])} against {figure(values['limit'], values['unit'])}"
    return f"{values['severity']} {values['rule']} on {values['subject']}: {reached}"
