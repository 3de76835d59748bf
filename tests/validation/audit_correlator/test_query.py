"""Questions to a trail that was written by hand: what an entry is about, and the way back through its causes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.validation.audit_correlator import query
from trading_ecosystem.validation.audit_correlator.causation import Lane
from trading_ecosystem.validation.audit_correlator.query import QUESTIONS, Entry, Filter, TrailFile, asked, lines_back
from trading_ecosystem.validation.audit_correlator.roots import by_cause
from trading_ecosystem.validation.audit_correlator.trail import MemorySink, Trail

SECOND = 1_000_000_000


def written(path: Path, entries: Sequence[tuple[str, str, int, int, Any]]) -> TrailFile:
    """A trail of (kind, sender, message id, cause, values), a second apart."""
    sink = MemorySink()
    trail = Trail(sink, {"start_ns": 0})
    for at, (kind, sender, message_id, cause_id, values) in enumerate(entries):
        trail.enter(Lane(0, kind, sender, "", "production"), at * SECOND, message_id, cause_id, values)
    trail.close(len(entries) * SECOND)
    path.write_text("".join(sink.lines), encoding="ascii", newline="")
    return TrailFile(path)


def entry(name: str, speaker: str = "exchange", /, **values: Any) -> Entry:
    return Entry(sequence=1, at_ns=0, message_id=1, cause_id=0, sender=speaker, kind=name, values=values)


@pytest.mark.parametrize(
    ("question", "about", "values"),
    [
        ("order", entry("OrderFilled", order_id=7, client_order_id="a-1"), ["7", "a-1"]),
        ("order", entry("TradeExecuted", buyer_order_id=7, seller_order_id=8), ["7", "8"]),
        ("account", entry("TransactionPosted", postings=[["alpha", "beta", "BTC", 5]]), ["alpha", "beta"]),
        ("account", entry("TransferPosted", debit_account="vault", credit_account="alpha"), ["vault", "alpha"]),
        ("instrument", entry("ApplyPricePath", symbols=["A/B", "C/B"]), ["A/B", "C/B"]),
        ("instrument", entry("Block", type="QuotePublished", subject="A/B"), ["A/B"]),
        ("instrument", entry("Block", type="Wake", subject="exchange"), []),
        ("service", entry("SubmitOrder", "trading_engine.alpha", to="exchange.north"),
         ["trading_engine.alpha", "trading_engine", "exchange.north", "exchange"]),
        ("service", entry("CrashService", "test_coordinator", to="injector", service="exchange"),
         ["test_coordinator", "injector", "exchange"]),
        ("alert", entry("AlertResolved", alert_id="order_rate:alpha:second:critical:1"),
         ["order_rate:alpha:second:critical:1", "order_rate:alpha:second", "order_rate"]),
        ("alert", entry("OrderFilled", order_id=7), []),
        ("kind", entry("OrderFilled"), ["OrderFilled"]),
    ],
)  # fmt: skip
def test_what_an_entry_is_about(question: str, about: Entry, values: list[str]) -> None:
    assert list(QUESTIONS[question](about)) == values


def test_all_filters_must_take_an_entry_within_the_time(tmp_path: Path) -> None:
    said = [
        ("AcknowledgeAlert", "person", at + 1, 0, ["risk_monitor", "a:b:critical:1", f"o{at % 2}"]) for at in range(6)
    ]
    file = written(tmp_path / "trail.jsonl", said)
    kind = Filter("kind", "AcknowledgeAlert", QUESTIONS["kind"])
    odd = Filter("operator", "o1", lambda each: iter([str(each.values.get("operator"))]))
    found = [each.message_id for each in asked(file.entries(), [kind, odd], 1 * SECOND, 4 * SECOND)]
    assert found == [2, 4] and kind.met and odd.met
    nothing = Filter("kind", "AlertFired", QUESTIONS["kind"])
    assert not list(asked(file.entries(), [nothing], 0, 9 * SECOND))
    assert not nothing.met and list(nothing.known or ()) == ["AcknowledgeAlert", "TrailClosed"]


def test_causes_are_found_over_other_entries_and_end_at_a_digest(tmp_path: Path) -> None:
    ids = {3: 0, 5: 3, 6: 0, 8: 5, 9: 6, 11: 8, 12: 10}
    said = [("HealthChanged", "exchange", own, cause, ["exchange", "healthy", "", 0]) for own, cause in ids.items()]
    file = written(tmp_path / "trail.jsonl", said)
    assert [each.message_id for each in file.causes(6)] == [11, 8, 5, 3]
    assert [each.message_id for each in file.causes(1)] == [3]
    assert [(each.message_id, each.cause_id) for each in file.causes(7)] == [(12, 10)]
    with pytest.raises(Problem, match="there is no entry 99"):
        list(file.causes(99))


@pytest.mark.parametrize("block", [1, 2, 3, 7, 64])
def test_lines_come_back_whole_whatever_the_blocks(block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query, "BLOCK_BYTES", block)
    lines = [b"", b"a", b"bcd", b"efghijklmnop", b"q"]
    path = tmp_path / "lines"
    path.write_bytes(b"\n".join([*lines, b""]))
    with path.open("rb") as file:
        assert list(lines_back(file, path.stat().st_size)) == [line for line in reversed(lines) if line]


def test_a_trail_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "trail.jsonl"
    written(path, [("HealthChanged", "exchange", 1, 0, ["exchange", "healthy", "", 0])])
    whole = path.read_bytes()
    for damaged in (whole[:-5], whole.replace(b"healthy", b"hea1thy"), b"", b"[]\n"):
        path.write_bytes(damaged)
        with pytest.raises(Problem) as problem:
            TrailFile(path)
        assert len(str(problem.value).splitlines()) == 1
    with pytest.raises(Problem, match="No such file"):
        TrailFile(tmp_path / "none.jsonl")


# Under causes.


def started(injection: str, target: str, *subjects: str, at_s: int) -> Entry:
    values: dict[str, Any] = {"injection_id": injection, "kind": "x", "target": target, "subjects": list(subjects)}
    return entry("InjectionStarted", **values, occurred_ns=at_s * SECOND)


def ended(injection: str, at_s: int) -> Entry:
    return entry("InjectionEnded", injection_id=injection, occurred_ns=at_s * SECOND)


def fired(subject: str, breached_s: int) -> Entry:
    return entry("AlertFired", subject=subject, breached_ns=breached_s * SECOND, rule="r", severity="critical")


def test_an_alert_hangs_under_what_was_in_force_when_its_breach_began() -> None:
    said = [
        fired("USDT", 5),
        started("drift", "market_data", "USDT/USD", at_s=10),
        fired("USDT", 9),
        fired("USDT", 10),
        ended("drift", 100),
        fired("USDT", 160),
        fired("USDT", 161),
    ]
    found = by_cause(said)
    (root,) = found.roots
    assert [alert.values["breached_ns"] // SECOND for alert in root.alerts] == [10, 160]
    assert [alert.values["breached_ns"] // SECOND for alert in found.unexplained] == [5, 9, 161]


def test_of_several_the_one_that_names_the_subject_comes_first_and_then_the_latest() -> None:
    said = [
        started("desk", "trading_engine.alpha", "trading_engine.alpha", at_s=1),
        started("drift", "market_data", "USDT/USD", at_s=2),
        started("dark", "exchange.north", "exchange.north", at_s=3),
        *(fired(subject, 5) for subject in ("alpha:second", "USDT", "firm")),
    ]
    names = {root.started.values["injection_id"]: [each.values["subject"] for each in root.alerts]
             for root in by_cause(said).roots}  # fmt: skip
    assert names == {"desk": ["alpha:second"], "drift": ["USDT"], "dark": ["firm"]}


def test_every_part_that_an_entry_may_hold_can_be_looked_into() -> None:
    """The names of a part's values are those of its class, as the trail writes them."""
    assert "buyer_order_id" in query.names_of_part("trades") and "debit_account" in query.names_of_part("postings")
    with pytest.raises(ValueError):
        list(query.orders_of(entry("TradesReported", trades=[[1, 2, 3]])))
