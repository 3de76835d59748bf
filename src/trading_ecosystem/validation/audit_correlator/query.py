"""Questions to a trail file: all its entries, those that are about something, and one of them back to its causes.

Rule 1: a file is verified before it is asked: of a damaged one nothing is told.
Rule 2: it holds one line at a time. Backwards it reads in blocks, because causes are older than what they cause.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.messages.codec import PARTS
from trading_ecosystem.messages.message import field_names
from trading_ecosystem.validation.audit_correlator.blocks import BLOCK_TYPE
from trading_ecosystem.validation.audit_correlator.verify import verify

BLOCK_BYTES = 1 << 16
MOST_KNOWN = 1_000  # Of the values that are remembered of a field, to suggest the nearest.
ORDERS = ("order_id", "client_order_id", "buyer_order_id", "seller_order_id", "trigger_client_order_id")
ACCOUNTS = ("account", "debit_account", "credit_account", "buyer_account", "seller_account", "only_account", "owner")
INSTRUMENTS = ("symbol", "symbols", "only_symbol")
SERVICES = ("to", "service", "recipient", "target")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An entry of a trail. `cause_id` is the message that caused it, 0 for none; `values` are by field."""

    sequence: int
    at_ns: int
    message_id: int
    cause_id: int
    sender: str
    kind: str
    values: dict[str, Any]


@dataclass
class Filter:
    """One of the questions. `known` are the values that it could have been asked for, as far as they were met."""

    name: str
    wanted: str
    values_of: Callable[[Entry], Iterator[str]]
    met: bool = False
    known: dict[str, None] | None = None

    def takes(self, entry: Entry) -> bool:
        found = list(self.values_of(entry))
        taken = self.wanted in found
        self.met = self.met or taken
        if not self.met:
            self._remember(found)
        return taken

    def _remember(self, found: list[str]) -> None:
        known = self.known = self.known or {}
        for value in found:
            if len(known) < MOST_KNOWN:
                known[value] = None


class TrailFile:
    """A trail that is whole. Raises `Problem` for one that is not, or cannot be read."""

    def __init__(self, path: Path) -> None:
        report = verify(path)
        if report.fault is not None:
            raise Problem(f"{path}: {report.fault.detail if report.fault.line == 0 else report.fault}")
        self.path = path
        self.facts = report.facts
        with path.open("rb") as file:
            self._fields: dict[str, list[str]] = json.loads(file.readline())[1]["fields"]

    @property
    def start_ns(self) -> int:
        start = self.facts.get("start_ns")
        return start if isinstance(start, int) else 0

    def entries(self) -> Iterator[Entry]:
        """All entries, in order."""
        with self.path.open("rb") as file:
            file.readline()
            for line in file:
                yield self._entry(line)

    def causes(self, sequence: int) -> Iterator[Entry]:
        """An entry, and then its causes, nearest first, as far as they are entries. Raises `Problem` if there is none.

        Quotes, book tops, heartbeats and timers are none: the trail keeps digests of them.
        """
        with self.path.open("rb") as file:
            entry = self._entry(find_line(file, sequence, self.path))
            yield entry
            for line in lines_back(file, file.tell()):
                if not entry.cause_id or line.startswith(b"[0,"):
                    return
                older = self._entry(line)
                if older.message_id == entry.cause_id:
                    entry = older
                    yield entry

    def _entry(self, line: bytes) -> Entry:
        sequence, at_ns, message_id, cause_id, _, sender, kind, values, _ = json.loads(line)
        named = values if isinstance(values, dict) else dict(zip(self._fields[kind], values, strict=True))
        return Entry(
            sequence=sequence,
            at_ns=at_ns,
            message_id=message_id,
            cause_id=cause_id,
            sender=sender,
            kind=kind,
            values=named,
        )


def find_line(file: BinaryIO, sequence: int, path: Path) -> bytes:
    """The line of an entry; the file then stands at its beginning."""
    beginning = b"[%d," % sequence
    at = len(file.readline())
    for line in file:
        if line.startswith(beginning):
            file.seek(at)
            return line
        at += len(line)
    raise Problem(f"{path}: there is no entry {sequence}")


def lines_back(file: BinaryIO, end: int) -> Iterator[bytes]:
    """The lines before a place in the file, the last one first."""
    rest = b""
    while end > 0:
        begin = max(0, end - BLOCK_BYTES)
        file.seek(begin)
        first, *whole = (file.read(end - begin) + rest).split(b"\n")
        yield from (line for line in reversed(whole) if line)
        rest, end = first, begin
    if rest:
        yield rest


# What an entry is about.


@cache
def names_of_part(field: str) -> tuple[str, ...]:
    return field_names(PARTS[field])


def values_in(values: dict[str, Any], fields: tuple[str, ...]) -> Iterator[str]:
    """The values of these fields, as texts, those within lists of parts included."""
    for name, value in values.items():
        if name in fields:
            yield from value if isinstance(value, list) else [str(value)]
        elif name in PARTS and isinstance(value, list):
            for item in value:
                yield from values_in(dict(zip(names_of_part(name), item, strict=True)), fields)


def orders_of(entry: Entry) -> Iterator[str]:
    return values_in(entry.values, ORDERS)


def accounts_of(entry: Entry) -> Iterator[str]:
    return values_in(entry.values, ACCOUNTS)


def instruments_of(entry: Entry) -> Iterator[str]:
    if entry.kind == BLOCK_TYPE and "/" in entry.values["subject"]:
        yield entry.values["subject"]
    yield from values_in(entry.values, INSTRUMENTS)


def services_of(entry: Entry) -> Iterator[str]:
    """Who said it, to whom, and about whom; by instance and by role."""
    for name in (entry.sender, *values_in(entry.values, SERVICES)):
        yield name
        if "." in name:
            yield name.partition(".")[0]


def alerts_of(entry: Entry) -> Iterator[str]:
    """The id of an alert, its rule and subject, and its rule."""
    alert_id = entry.values.get("alert_id")
    if alert_id:
        yield alert_id
        yield alert_id.rsplit(":", 2)[0]
        yield alert_id.partition(":")[0]


def kinds_of(entry: Entry) -> Iterator[str]:
    yield entry.kind


QUESTIONS: dict[str, Callable[[Entry], Iterator[str]]] = {
    "order": orders_of,
    "account": accounts_of,
    "instrument": instruments_of,
    "service": services_of,
    "alert": alerts_of,
    "kind": kinds_of,
}


def asked(entries: Iterable[Entry], filters: list[Filter], from_ns: int, until_ns: int) -> Iterator[Entry]:
    """The entries within a time, both ends included, that all filters take. Every filter sees every entry."""
    for entry in entries:
        taken = [each.takes(entry) for each in filters]
        if from_ns <= entry.at_ns <= until_ns and all(taken):
            yield entry
