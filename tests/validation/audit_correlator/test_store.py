"""The lines of a trail come back byte for byte, and are found by type and by cause."""

from collections.abc import Iterator

import pytest

from trading_ecosystem.live.store.opening import open_store
from trading_ecosystem.messages.audit import InvariantViolated
from trading_ecosystem.validation.audit_correlator import chain
from trading_ecosystem.validation.audit_correlator.causation import Lane
from trading_ecosystem.validation.audit_correlator.store import DESIGN, Entry, TrailHistory
from trading_ecosystem.validation.audit_correlator.trail import MemorySink, Trail


@pytest.fixture
def history(any_store_url: str) -> Iterator[TrailHistory]:
    store = open_store(any_store_url, "audit_correlator", DESIGN)
    yield store.history
    store.close()


@pytest.fixture
def lines() -> list[str]:
    """A real trail: a header, five entries, a closing one."""
    sink = MemorySink()
    trail = Trail(sink, {"scenario": "crash", "seed": 7})
    for number in range(1, 6):
        lane = Lane(0, "TradeExecuted" if number % 2 else "Wake", "exchange", "BTC/USD", "simulators")
        trail.enter(lane, 100 + number, 50 + number, 40 + number // 2, [number, "\N{SNOWMAN}"])
    trail.close(999)
    return sink.lines


def test_lines_come_back_byte_for_byte_and_their_chain_holds(history: TrailHistory, lines: list[str]) -> None:
    history.add("run-1", lines[:3])
    history.add("run-1", lines[2:])
    history.add("run-1", [])
    kept = [entry.line for entry in history.entries("run-1")]
    assert kept == lines
    head = chain.START
    for line in kept:
        unsealed = chain.unseal(line.encode())
        assert unsealed is not None
        head = chain.link(head, unsealed[0])
        assert head == unsealed[1]


def test_entries_are_found_by_type_and_by_cause_in_pages(history: TrailHistory, lines: list[str]) -> None:
    history.add("run-1", lines)
    history.add("run-2", lines[:1])
    assert history.trails() == ["run-1", "run-2"]
    assert [entry.sequence for entry in history.entries("run-1", type_name="TradeExecuted")] == [1, 3, 5]
    assert [entry.sequence for entry in history.entries("run-1", caused_by=41)] == [2, 3]
    assert [entry.sequence for entry in history.entries("run-1", after=1, limit=2)] == [2, 3]
    assert [entry.sequence for entry in history.entries("run-2")] == [0]
    assert history.entries("run-3") == []
    assert history.entries("run-1", after=0, limit=1) == [
        Entry(
            trail="run-1",
            sequence=1,
            at_ns=101,
            message_id=51,
            causation_id=40,
            sender="exchange",
            type="TradeExecuted",
            line=lines[1],
        )
    ]


@pytest.mark.parametrize("wrong", ["", "[1,2", "{}", "[1,2]\n", '["a","b","c","d"]', "7"])
def test_what_is_no_line_is_refused_and_nothing_of_its_batch_kept(
    history: TrailHistory, lines: list[str], wrong: str
) -> None:
    with pytest.raises(ValueError):
        history.add("run-1", [*lines, wrong])
    assert history.entries("run-1") == []


def test_findings_come_back_as_they_were_and_once(history: TrailHistory) -> None:
    findings = [
        InvariantViolated(invariant="L1", detail="credits are not debits", message_id=number, occurred_ns=100)
        for number in (9, 5)
    ]
    history.record(findings)
    history.record(findings)
    assert history.findings() == findings
    assert history.findings(limit=1) == findings[:1]
