"""What is told beside messages: spans of whoever is no service of ours, and log lines of everybody.

Rule 1: the newest are kept, as many as the bound says; what makes room for them is counted.
Rule 2: a span that comes twice is kept once; one that claims another's id is told as a conflict.
"""

from collections import deque
from itertools import chain
from typing import final

from trading_ecosystem.validation.audit_correlator.acceptance import ForeignSpan, LogLine
from trading_ecosystem.validation.audit_correlator.intake import Conflict, Fate
from trading_ecosystem.validation.results import TimelineEntry

Identity = tuple[str, str]  # Trace id and span id.


@final
class Surroundings:
    """`bound` is for spans, for log lines and for conflicts, each."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._spans: dict[Identity, ForeignSpan] = {}  # The oldest arrival first.
        self._logs: deque[LogLine] = deque(maxlen=bound)
        self._conflicts: deque[ForeignSpan] = deque(maxlen=bound)
        self.dropped = 0
        self.repeated = 0
        self.conflicts = 0

    def add_span(self, span: ForeignSpan) -> Fate:
        identity = (span.trace_id, span.span_id)
        known = self._spans.get(identity)
        if known is None:
            self._spans[identity] = span
            if len(self._spans) > self._bound:
                del self._spans[next(iter(self._spans))]
                self.dropped += 1
            return Fate.TAKEN
        if is_same(known, span):
            self.repeated += 1
            return Fate.REPEATED
        self.conflicts += 1
        self._conflicts.append(span)
        return Fate.CONFLICT

    def add_log(self, line: LogLine) -> None:
        self.dropped += len(self._logs) == self._bound
        self._logs.append(line)

    def timeline(self, from_ns: int, until_ns: int, conflicts: tuple[Conflict, ...] = ()) -> tuple[TimelineEntry, ...]:
        """What happened from the one moment to the other, both included. `conflicts`: those of our own services."""
        told = chain(
            (span_entry(span, "span", "") for span in self._spans.values()),
            (span_entry(span, "conflict", "another span has this id: ") for span in self._conflicts),
            map(log_entry, self._logs),
            map(conflict_entry, conflicts),
        )
        within = (entry for entry in told if from_ns <= entry.at_ns <= until_ns)
        return tuple(sorted(within, key=lambda entry: (entry.at_ns, entry.kind, entry.subject, entry.text)))


def is_same(one: ForeignSpan, other: ForeignSpan) -> bool:
    """`skewed` depends on when a span came, not on what it says."""
    return {**vars(one), "skewed": False} == {**vars(other), "skewed": False}


def span_entry(span: ForeignSpan, kind: str, front: str) -> TimelineEntry:
    told = ", ".join(f"{name}={value}" for name, value in span.attributes)
    skew = ", its clock more than a day away" if span.skewed else ""
    text = f"{front}{span.name} for {(span.end_ns - span.start_ns) / 1e6:.3f} ms{skew}{f' ({told})' if told else ''}"
    return TimelineEntry(at_ns=span.start_ns, kind=kind, subject=span.service, text=text, message_id=0, cause_id=0)


def log_entry(line: LogLine) -> TimelineEntry:
    told = ", ".join(f"{name}={value}" for name, value in line.attributes)
    under = f" under span {line.span_id} of trace {line.trace_id}" if line.span_id else ""
    text = f"{line.severity or 'log'}: {line.text}{f' ({told})' if told else ''}{under}"
    return TimelineEntry(at_ns=line.at_ns, kind="log", subject=line.service, text=text, message_id=0, cause_id=0)


def conflict_entry(conflict: Conflict) -> TimelineEntry:
    text = f"a {conflict.kind} claims the id of another message"
    return TimelineEntry(
        at_ns=conflict.sent_ns, kind="conflict", subject=conflict.sender, text=text, message_id=0, cause_id=0
    )
