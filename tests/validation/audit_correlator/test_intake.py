"""The order in which the intake hands spans on, against a naive twin that has all of them before it begins."""

import json
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings, strategies as st

from trading_ecosystem.core import Core
from trading_ecosystem.live.door import RefusalCode, Refused
from trading_ecosystem.messages.accounts import VenueHeartbeat
from trading_ecosystem.messages.audit import Envelope
from trading_ecosystem.messages.codec import from_plain, to_plain
from trading_ecosystem.messages.message import Message
from trading_ecosystem.validation.audit_correlator.intake import Fate, Intake, MessageSpan

SENDERS = ("custodian", "exchange", "market_data")
BOUND_NS = 1_000
LAST_NS = 1 << 62
Handed = tuple[int, int, str, int]  # Counted id, counted cause, sender, session: the raw id of the message.


def beat(message_id: int) -> VenueHeartbeat:
    return VenueHeartbeat(venue="exchange", session=message_id, occurred_ns=1)


def span(
    message_id: int,
    cause: int = 0,
    sent_ns: int = 100,
    sender: str = "exchange",
    place: int = 1,
    spool: str = "spool",
    session: int = 0,
) -> MessageSpan:
    body = json.dumps(to_plain(beat(session or message_id))).encode()
    story = cause or message_id
    return MessageSpan(message_id, cause, story, sender, sent_ns, "VenueHeartbeat", body, f"{sender}-{spool}", place)


def decode(kind: str, body: bytes) -> Message:
    try:
        return from_plain(kind, json.loads(body))
    except ValueError as problem:
        raise Refused(RefusalCode.MALFORMED, str(problem)) from None


class Listener(Core):
    """Notes what it is handed, and finds that moments never go back."""

    def __init__(self) -> None:
        self.heard: list[Handed] = []
        self.envelopes: list[Envelope] = []
        self.now = 0

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        assert isinstance(message, Envelope)
        assert isinstance(message.message, VenueHeartbeat)
        assert now >= self.now
        self.now = now
        self.envelopes.append(message)
        self.heard.append((message.message_id, message.causation_id, message.sender, message.message.session))
        return ()

    @property
    def order(self) -> list[int]:
        return [session for _, _, _, session in self.heard]


def twin(spans: list[MessageSpan]) -> list[Handed]:
    """Again and again, of those whose cause is done, and all that their sender said before, the earliest.

    Nothing is earlier than its cause, or than what its sender said before.
    """
    left = {each.message_id: each for each in spans}
    known = set(left)
    spools = {each.spool for each in spans}
    moment: dict[int, int] = {}
    counted: dict[int, int] = {}
    order: list[Handed] = []
    last = 0
    said: dict[str, int] = {}
    while left:
        turns = {
            spool: min((each.place for each in left.values() if each.spool == spool), default=0) for spool in spools
        }
        ready = [
            (max(each.sent_ns, moment.get(each.causation_id, 0), said.get(each.spool, 0)), each.message_id)
            for each in left.values()
            if each.place == turns[each.spool]
            and (each.causation_id == 0 or each.causation_id in moment or each.causation_id not in known)
        ]
        at, message_id = min(ready)
        found = left.pop(message_id)
        said[found.spool] = at
        if found.causation_id and found.causation_id not in counted:
            last += 1
            counted[found.causation_id] = last
        last += 1
        moment[message_id], counted[message_id] = at, last
        order.append((last, counted.get(found.causation_id, 0), found.sender, message_id))
    return order


@st.composite
def stories(draw: st.DrawFn) -> list[MessageSpan]:
    """Spans of three senders, each with a clock of its own, causes anywhere among those made before."""
    count = draw(st.integers(1, 25))
    ids = draw(st.lists(st.integers(1, 10_000), min_size=count, max_size=count, unique=True))
    clocks = dict.fromkeys(SENDERS, 0)
    places = dict.fromkeys(SENDERS, 0)
    spans: list[MessageSpan] = []
    for at, message_id in enumerate(ids):
        sender = draw(st.sampled_from(SENDERS))
        clocks[sender] += draw(st.integers(0, 3))
        places[sender] += 1
        cause = draw(st.sampled_from([0, *ids[:at]]))
        spans.append(span(message_id, cause, 100 + clocks[sender], sender, places[sender]))
    return spans


@settings(max_examples=150, deadline=None)
@given(spans=stories(), data=st.data())
def test_any_arrival_gives_the_order_of_the_twin(spans: list[MessageSpan], data: st.DataObject) -> None:
    """All come within the bound, some twice, in any order and with releases anywhere between."""
    again = data.draw(st.lists(st.sampled_from(spans), max_size=5))
    arrivals = data.draw(st.permutations(spans + again))
    listener = Listener()
    intake = Intake(listener, decode, SENDERS, BOUND_NS, BOUND_NS)
    wall_ns = 0
    for arrival in arrivals:
        wall_ns = data.draw(st.integers(wall_ns, BOUND_NS))
        intake.add(arrival, wall_ns)
        intake.release(wall_ns)
    early = len(listener.heard)
    intake.release(2 * BOUND_NS + 2)
    assert intake.waiting == 0, "nothing waits longer than the bound"
    assert listener.heard == twin(spans)
    assert sum(each.repeated for each in intake.completeness()) == len(again)
    assert sum(each.missing for each in intake.completeness()) == 0
    assert early <= len(spans)


@settings(max_examples=100, deadline=None)
@given(spans=stories(), data=st.data())
def test_causes_that_never_come_leave_holes_in_the_count(spans: list[MessageSpan], data: st.DataObject) -> None:
    gone = data.draw(st.sets(st.sampled_from(spans)))
    there = [each for each in spans if each not in gone]
    listener = Listener()
    intake = Intake(listener, decode, SENDERS, BOUND_NS, BOUND_NS)
    for arrival in data.draw(st.permutations(there)):
        intake.add(arrival, 5)
    intake.drain(LAST_NS)
    assert listener.heard == twin(there)
    last_places = {sender: 0 for sender in SENDERS}
    for each in there:
        last_places[each.sender] = max(last_places[each.sender], each.place)
    missed = sum(1 for each in gone if each.place < last_places[each.sender])
    assert sum(each.missing for each in intake.completeness()) == missed


def test_without_waiting_what_all_senders_have_passed_moves_on() -> None:
    listener = Listener()
    intake = Intake(listener, decode, ("exchange", "custodian"), BOUND_NS, BOUND_NS)
    intake.add(span(1, sent_ns=100), 0)
    intake.release(0)
    assert listener.order == []
    intake.add(span(2, sent_ns=101, sender="custodian"), 0)
    intake.release(0)
    assert listener.order == [], "the exchange may yet tell something of moment 100"
    intake.add(span(3, sent_ns=102, place=2), 0)
    intake.release(0)
    assert listener.order == [1]


def test_what_a_service_said_first_comes_first_even_where_the_clock_of_its_cause_was_ahead() -> None:
    listener = Listener()
    intake = Intake(listener, decode, SENDERS, BOUND_NS, BOUND_NS)
    order = span(1, sent_ns=110, sender="custodian", place=1)
    filled = span(2, cause=1, sent_ns=100, sender="exchange", place=1)
    quoted = span(3, sent_ns=101, sender="exchange", place=2)
    for each in (quoted, filled, order):
        intake.add(each, 0)
    intake.drain(LAST_NS)
    assert listener.order == [1, 2, 3]


@pytest.mark.parametrize("drained", [True, False])
def test_what_is_its_own_cause_by_way_of_what_was_said_before_is_told_all_the_same(drained: bool) -> None:
    listener = Listener()
    intake = Intake(listener, decode, SENDERS, BOUND_NS, 10 * BOUND_NS)
    intake.add(span(1, cause=4, sender="exchange", place=1), 0)
    intake.add(span(2, sender="exchange", place=2), 0)
    intake.add(span(3, cause=2, sender="custodian", place=1), 0)
    intake.add(span(4, sender="custodian", place=2), 0)
    if drained:
        intake.drain(LAST_NS)
    else:
        intake.release(10 * BOUND_NS)
        assert listener.order == []
        for at in range(11, 14):
            intake.release(at * BOUND_NS)
    assert sorted(listener.order) == [1, 2, 3, 4]


def test_a_gap_in_a_spool_holds_the_order_until_the_bound() -> None:
    listener = Listener()
    intake = Intake(listener, decode, ("exchange",), BOUND_NS, BOUND_NS)
    intake.add(span(1, sent_ns=100, place=1), 0)
    intake.add(span(3, sent_ns=120, place=3), 0)
    intake.add(span(4, sent_ns=130, place=4), 0)
    intake.release(BOUND_NS)
    assert listener.order == []
    intake.add(span(2, sent_ns=110, place=2), BOUND_NS)
    intake.release(BOUND_NS)
    assert listener.order == [1, 2, 3]


def test_a_silent_sender_is_waited_for_as_long_as_the_bound() -> None:
    listener = Listener()
    intake = Intake(listener, decode, ("exchange", "custodian"), BOUND_NS, BOUND_NS)
    intake.add(span(1), 10)
    intake.release(10 + BOUND_NS)
    assert listener.order == []
    intake.release(11 + BOUND_NS)
    assert listener.order == [1]


def test_a_cause_is_waited_for_longer_than_a_turn() -> None:
    listener = Listener()
    intake = Intake(listener, decode, ("exchange", "custodian"), BOUND_NS, 3 * BOUND_NS)
    intake.add(span(2, cause=1, sent_ns=100, place=2), 0)
    intake.add(span(8, sent_ns=101, place=3), 0)
    intake.add(span(9, sent_ns=101, sender="custodian", place=1), 0)
    intake.release(2 * BOUND_NS)
    assert listener.order == [9], "and what its sender said after it waits with it"
    intake.add(span(1, sent_ns=99, place=1), 2 * BOUND_NS)
    intake.release(4 * BOUND_NS)
    assert listener.order == [9, 1, 2, 8]
    assert listener.heard[2] == (3, 2, "exchange", 2)


def test_a_cause_that_comes_too_late_does_not_take_the_id_that_was_left_for_it() -> None:
    listener = Listener()
    intake = Intake(listener, decode, ("exchange",), BOUND_NS, BOUND_NS)
    intake.add(span(2, cause=1, sent_ns=100, place=2), 0)
    intake.release(BOUND_NS + 1)
    intake.add(span(1, sent_ns=99, place=1), BOUND_NS + 1)
    intake.add(span(3, cause=1, sent_ns=101, place=3), BOUND_NS + 1)
    intake.drain(LAST_NS)
    assert listener.heard == [(2, 1, "exchange", 2), (3, 0, "exchange", 1), (4, 3, "exchange", 3)]
    (exchange,) = intake.completeness()
    assert (exchange.late, exchange.missing, exchange.taken) == (1, 0, 3)


@pytest.mark.parametrize("length", [1, 2, 5])
def test_spans_that_cause_each_other_are_told_all_the_same(length: int) -> None:
    listener = Listener()
    intake = Intake(listener, decode, ("exchange",), BOUND_NS, BOUND_NS)
    for number in range(1, length + 1):
        intake.add(span(number, cause=number % length + 1, place=number), 0)
    intake.drain(LAST_NS)
    assert sorted(listener.order) == list(range(1, length + 1))
    assert all(cause < counted for counted, cause, _, _ in listener.heard)


def test_the_story_is_the_counted_id_of_its_first_message() -> None:
    listener = Listener()
    intake = Intake(listener, decode, ("exchange",), BOUND_NS, BOUND_NS)
    intake.add(span(70, sent_ns=1), 0)
    intake.add(span(50, cause=70, sent_ns=2, place=2), 0)
    intake.drain(LAST_NS)
    assert [each.correlation_id for each in listener.envelopes] == [1, 1]
    assert intake.counted_id(50) == 2
    assert intake.counted_id(51) == 0


def test_a_story_without_its_first_message_is_one_story_all_the_same() -> None:
    listener = Listener()
    intake = Intake(listener, decode, ("exchange",), BOUND_NS, BOUND_NS)
    intake.add(span(2, cause=1, sent_ns=1), 0)
    intake.add(span(3, cause=2, sent_ns=2, place=2)._replace(correlation_id=1), 0)
    intake.add(span(4, sent_ns=3, place=3), 0)
    intake.drain(LAST_NS)
    assert [each.correlation_id for each in listener.envelopes] == [1, 1, 4]


def test_drain_leaves_what_is_later() -> None:
    listener = Listener()
    intake = Intake(listener, decode, ("exchange",), BOUND_NS, BOUND_NS)
    intake.add(span(1, sent_ns=100), 0)
    intake.add(span(2, sent_ns=101, place=2), 0)
    intake.add(span(3, cause=9, sent_ns=102, place=3), 0)
    intake.drain(100)
    assert (listener.order, intake.waiting) == ([1], 2)


Change = Callable[[MessageSpan], MessageSpan]


@pytest.mark.parametrize(
    "change",
    [
        lambda each: each._replace(sent_ns=each.sent_ns + 1),
        lambda each: each._replace(sender="custodian"),
        lambda each: each._replace(causation_id=7),
        lambda each: each._replace(body=each.body.replace(b"1", b"2")),
    ],
    ids=["moment", "sender", "cause", "body"],
)
def test_another_span_under_a_known_id_is_a_conflict_and_the_first_stays(change: Change) -> None:
    listener = Listener()
    intake = Intake(listener, decode, SENDERS, BOUND_NS, BOUND_NS)
    assert intake.add(span(1), 0) is Fate.TAKEN
    assert intake.add(span(1), 0) is Fate.REPEATED
    for _ in range(2):
        assert intake.add(change(span(1))._replace(place=2), 0) is Fate.CONFLICT
    assert {each.missing for each in intake.completeness()} <= {0, 1}
    intake.drain(LAST_NS)
    assert listener.order == [1]
    assert [each.message_id for each in intake.conflicts] == [1, 1]
    assert intake.add(span(1), 0) is Fate.REPEATED


@pytest.mark.parametrize(
    "broken",
    [span(1)._replace(body=b"{"), span(1)._replace(body=b"[]")],
    ids=["not a body", "fields are missing"],
)
def test_what_cannot_be_read_is_counted_and_is_a_hole(broken: MessageSpan) -> None:
    listener = Listener()
    intake = Intake(listener, decode, ("exchange",), BOUND_NS, BOUND_NS)
    assert intake.add(broken, 0) is Fate.UNREADABLE
    assert intake.add(broken, 0) is Fate.REPEATED
    intake.add(span(2, cause=1, place=2), 0)
    intake.drain(LAST_NS)
    assert listener.heard == [(2, 1, "exchange", 2)]
    assert intake.completeness()[0].unreadable == 1
    assert intake.completeness()[0].missing == 0


def test_a_second_spool_of_a_sender_begins_anew() -> None:
    """Its folder was lost: places start at 1 again, and what is missing of the old one stays known."""
    intake = Intake(Listener(), decode, ("exchange",), BOUND_NS, BOUND_NS)
    intake.add(span(1, place=1), 0)
    intake.add(span(3, place=3), 0)
    intake.add(span(4, place=1, spool="other", sent_ns=200), 0)
    (exchange,) = intake.completeness()
    assert (exchange.missing, exchange.taken, exchange.reached_ns) == (1, 3, 200)
