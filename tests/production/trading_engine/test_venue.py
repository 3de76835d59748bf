"""Whatever the network does to an account's events, each counts once, in order, or a question is asked."""

from hypothesis import given, settings, strategies as st

from trading_ecosystem.messages.accounts import AccountReported, VenueHeartbeat
from trading_ecosystem.messages.orders import CancelReason, OrderCanceled
from trading_ecosystem.production.trading_engine.venue import NEVER, VenueLink

SECOND = 1_000_000_000


def event(sequence: int) -> OrderCanceled:
    return OrderCanceled("alpha", "exchange", sequence, 0, 1, "alpha-1", "BTC/USD", 1, CancelReason.REQUESTED)


def beat(session: int = 1) -> VenueHeartbeat:
    return VenueHeartbeat(venue="exchange", session=session, occurred_ns=0)


def report(sequence: int, occurred_ns: int = 0) -> AccountReported:
    return AccountReported(
        to="desk",
        venue="exchange",
        account="alpha",
        account_sequence=sequence,
        balances=(),
        open_orders=(),
        occurred_ns=occurred_ns,
    )


def started(now: int = 0) -> VenueLink:
    link = VenueLink(10 * SECOND, 3 * SECOND)
    link.start(now)
    link.asked(now)
    return link


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 9), max_size=25))
def test_events_take_effect_once_and_in_order(arrivals: list[int]) -> None:
    link = VenueLink(10 * SECOND, 3 * SECOND)
    effective: list[int] = []
    seen: set[int] = set()
    for sequence in arrivals:
        effective += [ready.account_sequence for ready in link.in_order(event(sequence))]
        seen.add(sequence)
        unbroken = next(n for n in range(1, 11) if n not in seen) - 1  # The oracle: the longest unbroken run.
        assert effective == list(range(1, unbroken + 1))
        assert link.gap == bool(seen - set(effective))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 9), max_size=12), st.integers(0, 9), st.lists(st.integers(1, 9), max_size=12))
def test_a_report_stands_for_all_events_up_to_its_own(before: list[int], reported: int, after: list[int]) -> None:
    link = started()
    told = 0
    for sequence in before:
        told += len(link.in_order(event(sequence)))
    taken = link.answered(report(reported))
    assert taken == (reported >= told)
    assert link.awaiting != taken
    effective = [ready.account_sequence for ready in link.after_report()] if taken else []
    for sequence in after:
        effective += [ready.account_sequence for ready in link.in_order(event(sequence))]
    first = (reported if taken else told) + 1
    assert effective == list(range(first, first + len(effective)))


def test_it_trusts_a_venue_that_beats_and_has_answered() -> None:
    link = started()
    assert not link.trusted
    assert link.answered(report(0))
    assert not link.trusted
    assert not link.hear(beat(), SECOND)  # The first heartbeat tells the session; nothing was missed.
    assert link.trusted


def test_a_new_session_is_a_return_and_an_old_one_is_late() -> None:
    link = started()
    link.hear(beat(1), 0)
    link.answered(report(40))
    assert link.hear(beat(2), SECOND)
    link.asked(SECOND)
    assert link.answered(report(7, SECOND))  # The venue's word counts, also where its count began again.
    assert not link.hear(beat(1), 2 * SECOND)
    assert link.trusted


def test_silence_is_a_loss_once_and_the_next_heartbeat_a_return() -> None:
    link = started()
    link.hear(beat(), 0)
    link.answered(report(0))
    assert link.due_ns() == 10 * SECOND
    assert not link.lost(10 * SECOND - 1)
    assert link.lost(10 * SECOND)
    assert not link.lost(11 * SECOND)
    assert not link.trusted and link.due_ns() == NEVER
    assert link.hear(beat(), 12 * SECOND)


def test_an_unanswered_question_is_due_again_and_an_old_answer_is_none() -> None:
    link = started()
    link.asked(20 * SECOND)
    assert not link.retry_due(23 * SECOND - 1)
    assert link.retry_due(23 * SECOND)
    assert not link.answered(report(5, 10 * SECOND))
    assert link.answered(report(5, 20 * SECOND - 1000))
