"""`tse timeline`: what a trail says about an order, an account, an alert, and what led to it."""

import json as json_module
import os
import sys
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Annotated, Any

import typer

from trading_ecosystem.cli.verify import Trail, trail_of
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

Text = str | None
Order = Annotated[Text, typer.Option(metavar="ID", help="Of the venue, or of the client.")]
Account = Annotated[Text, typer.Option(metavar="NAME", help="An account.")]
Instrument = Annotated[Text, typer.Option(metavar="SYMBOL", help="An instrument, such as BTC/USD.")]
Service = Annotated[Text, typer.Option(metavar="NAME", help="Who said it or was told: a role or an instance.")]
Alert = Annotated[Text, typer.Option(metavar="ALERT", help="A rule, RULE:SUBJECT, or the id of one alert.")]
Kind = Annotated[Text, typer.Option(metavar="MESSAGE", help="A kind of message, such as OrderFilled.")]
From = Annotated[Text, typer.Option("--from", metavar="TIME", help="From this time, or so long after the start.")]
Until = Annotated[Text, typer.Option(metavar="TIME", help="Up to this time, or so long after the start.")]
CausesOf = Annotated[int | None, typer.Option("--causes", metavar="N", min=1, help="Entry N and what led to it.")]
ByCause = Annotated[bool, typer.Option("--by-cause", help="Each injection with the alerts under it.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def timeline(
    trail: Trail,
    order: Order = None,
    account: Account = None,
    instrument: Instrument = None,
    service: Service = None,
    alert: Alert = None,
    kind: Kind = None,
    from_: From = None,
    until: Until = None,
    causes: CausesOf = None,
    by_causes: ByCause = False,
    json: Json = False,
) -> None:
    """Print entries of a trail on standard output, as they are asked for. Exit code: 0, or 2 for bad input."""
    wanted = dict(order=order, account=account, instrument=instrument, service=service, alert=alert, kind=kind)
    filters = [Filter(name, value, QUESTIONS[name]) for name, value in wanted.items() if value is not None]
    picked = bool(filters or from_ or until)
    if sum((picked, causes is not None, by_causes)) > 1:
        raise Problem("--causes and --by-cause stand alone: each says itself which entries it shows")
    file = TrailFile(trail_of(trail))
    if by_causes:
        show(lines_by_cause(by_cause(file.entries()), json))
    elif causes is not None:
        show(lines_of_causes(file.causes(causes), json))
    else:
        times = (instant(from_, "--from", file, -1), instant(until, "--until", file, EVER_NS))
        show(refusing(lines(asked(file.entries(), filters, *times), json), filters))


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


def show(shown: Iterable[str]) -> None:
    try:
        for line in shown:
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
