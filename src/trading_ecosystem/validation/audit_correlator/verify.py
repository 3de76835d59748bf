"""Checks a trail file from its first line to its last, without anything but the standard library.

Rule 1: the first bad entry is named, and what is wrong with it; nothing after it is believed.
Rule 2: no file makes it fail or fill the memory: it holds one line at a time, of a bounded length.

The chain shows every change made to the file alone. Who can rewrite the whole file can also seal it anew: compare the
head with the digest that was kept elsewhere.
"""

import json
import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, NoReturn, final

from trading_ecosystem.validation.audit_correlator import chain

FORMAT = 1
CLOSING_TYPE = "TrailClosed"
LONGEST_LINE = 4 * 1024 * 1024  # Bytes.
ENTRY_LENGTH = 9
TYPE, VALUES = 6, 7  # Places in an entry.
NUMBERED = re.compile(rb"\[(\d{1,18}),")


class Damage(StrEnum):
    UNREADABLE = "unreadable"  # The file cannot be opened or read.
    NOT_JSON = "not_json"
    MALFORMED = "malformed"  # JSON with a true hash, but no entry of a trail.
    HASH_MISMATCH = "hash_mismatch"
    MISSING = "missing"
    REORDERED = "reordered"
    DUPLICATE = "duplicate"
    TRUNCATED = "truncated"
    WRONG_CLOSING = "wrong_closing"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """The first bad entry. `line` counts from 1; `sequence` is what the entry there should have, 0 for the header."""

    line: int
    sequence: int
    damage: Damage
    detail: str

    def __str__(self) -> str:
        name = "header" if self.sequence == 0 else f"entry {self.sequence}"
        return f"line {self.line}, {name}: {self.detail}"


@dataclass(frozen=True, kw_only=True)
class TrailReport:
    """What was verified up to the fault, or all of it. `head` is the digest of the run if there is no fault."""

    entries: int
    head: str
    counts: dict[str, int] = field(default_factory=dict)  # Entries by type.
    facts: dict[str, object] = field(default_factory=dict)
    fault: Fault | None = None

    @property
    def is_whole(self) -> bool:
        return self.fault is None


class Broken(Exception):
    """Carries what is wrong with the line being read."""

    def __init__(self, damage: Damage, detail: str) -> None:
        super().__init__(detail)
        self.damage = damage
        self.detail = detail


def verify(path: Path) -> TrailReport:
    """Check a trail file. Never raises: what is wrong is in the report."""
    try:
        with path.open("rb") as stream:
            return verify_stream(stream)
    except OSError as problem:
        fault = Fault(line=0, sequence=0, damage=Damage.UNREADABLE, detail=problem.strerror or "cannot be read")
        return TrailReport(entries=0, head="", fault=fault)


def verify_stream(stream: BinaryIO) -> TrailReport:
    """Check a trail from its beginning. Raises OSError as the stream does."""
    reading = Reading(stream)
    fault = None
    try:
        reading.read()
    except Broken as broken:
        fault = Fault(line=reading.sequence + 1, sequence=reading.sequence, damage=broken.damage, detail=broken.detail)
    return TrailReport(
        entries=max(0, reading.sequence - 1),
        head=reading.head.hex(),
        counts=dict(sorted(reading.counts.items())),
        facts=reading.facts,
        fault=fault,
    )


@final
class Reading:
    """`sequence` is that of the line being read, `head` the chain's before it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decode = json.JSONDecoder(parse_float=refuse, parse_constant=refuse).decode
        self.sequence = 0
        self.head = chain.START
        self.counts: dict[str, int] = {}
        self.facts: dict[str, object] = {}

    def read(self) -> None:
        """Read all lines from `sequence` on. Raises Broken at the first that is wrong."""
        if self.sequence == 0:
            self._take_header(self._entry())
        closed = False
        while not closed:
            before = self.head
            closed = self._take(self._entry(), before)
        if self._stream.read(1):
            raise Broken(Damage.WRONG_CLOSING, "there is more after the closing entry")

    def _entry(self) -> list[object]:
        """The next line, whose hash is true. Moves `head`; `sequence` moves when the entry is taken."""
        line = self._stream.readline(LONGEST_LINE)
        if not line.endswith(b"\n"):
            self._fail_end(line)
        numbered = line.startswith(b"[%d," % self.sequence)
        sealed = chain.unseal(line)
        if sealed is None or not numbered:
            self._fail_line(line)
        body, stated = sealed
        head = chain.link(self.head, body)
        if head != stated:
            self._fail_line(line)
        entry = self._parse(line)
        if entry is None:
            raise Broken(Damage.MALFORMED, "its hash is true, but it is no entry of a trail")
        self.head = head
        return entry

    def _take_header(self, entry: list[object]) -> None:
        header = entry[1]
        if len(entry) != 3 or not isinstance(header, dict) or header.get("format") != FORMAT:
            raise Broken(Damage.MALFORMED, f"it is not the header of a trail of format {FORMAT}")
        facts = header.get("facts")
        self.facts = facts if isinstance(facts, dict) else {}
        self.sequence = 1

    def _take(self, entry: list[object], before: bytes) -> bool:
        """Count an entry; whether it is the closing one."""
        type_name = entry[TYPE] if len(entry) == ENTRY_LENGTH else None
        if not isinstance(type_name, str):
            raise Broken(Damage.MALFORMED, "its hash is true, but it is no entry of a trail")
        if type_name == CLOSING_TYPE and entry[VALUES] != [self.sequence - 1, before.hex()]:
            raise Broken(Damage.WRONG_CLOSING, "the closing entry tells another count or head than the trail has")
        self.counts[type_name] = self.counts.get(type_name, 0) + 1
        self.sequence += 1
        return type_name == CLOSING_TYPE

    def _parse(self, line: bytes) -> list[object] | None:
        try:
            entry = self._decode(line.decode("ascii"))
        except (ValueError, RecursionError):
            return None
        return entry if isinstance(entry, list) else None

    # Telling what is wrong.

    def _fail_end(self, line: bytes) -> NoReturn:
        if len(line) == LONGEST_LINE:
            raise Broken(Damage.NOT_JSON, "the line is longer than any entry")
        if line:
            raise Broken(Damage.TRUNCATED, "the line is cut short")
        what = "the file is empty" if self.sequence == 0 else "the trail ends without its closing entry"
        raise Broken(Damage.TRUNCATED, what)

    def _fail_line(self, line: bytes) -> NoReturn:
        if self._parse(line) is None:
            raise Broken(Damage.NOT_JSON, "the line is no JSON array of integers and texts")
        numbered = NUMBERED.match(line)
        found = int(numbered[1]) if numbered else self.sequence
        if found == self.sequence or self._is_renumbered(line):
            raise Broken(Damage.HASH_MISMATCH, "its content does not match its hash")
        if found < self.sequence:
            raise Broken(Damage.DUPLICATE, f"entry {found} stands here once more")
        if self._comes_later():
            raise Broken(Damage.REORDERED, f"entry {found} stands here, and this entry later")
        gap = "it is" if found == self.sequence + 1 else f"it and all up to entry {found - 1} are"
        raise Broken(Damage.MISSING, f"{gap} missing; entry {found} stands here")

    def _is_renumbered(self, line: bytes) -> bool:
        """Whether only the number of the entry was changed."""
        sealed = chain.unseal(line)
        if sealed is None:
            return False
        body = NUMBERED.sub(b"[%d," % self.sequence, sealed[0], count=1)
        return chain.link(self.head, body) == sealed[1]

    def _comes_later(self) -> bool:
        beginning = b"[%d," % self.sequence
        while line := self._stream.readline(LONGEST_LINE):
            if line.startswith(beginning):
                return True
        return False


def refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is not an integer")
