"""Both heaps give the same order: by time, then by the order of sending."""

from hypothesis import given, strategies as st

from trading_ecosystem.messages.audit import Envelope
from trading_ecosystem.messages.runtime import Wake
from trading_ecosystem.virtual.queue import DueQueue


def envelope(message_id: int) -> Envelope:
    return Envelope(message_id, 0, message_id, "a", 0, Wake())


def drained(queue: DueQueue) -> list[tuple[int, int]]:
    order = []
    while queue.next_due_ns() >= 0:
        queue.advance()
        order.append((queue.due_ns, queue.train[0].message_id))
    return order


@given(st.lists(st.integers(0, 20), max_size=60))
def test_the_order_is_time_then_sequence(times: list[int]) -> None:
    expected = sorted((due, sequence) for sequence, due in enumerate(times, 1))
    for own_heap in (True, False):
        queue = DueQueue(own_heap)
        for sequence, due in enumerate(times, 1):
            queue.push(due, sequence, 0, 0, [envelope(sequence)])
        assert len(queue) == len(times)
        assert drained(queue) == expected


@given(st.lists(st.one_of(st.none(), st.integers(0, 9)), max_size=80))
def test_pushing_and_taking_in_turn_agrees_between_the_heaps(steps: list[int | None]) -> None:
    seen: list[list[int]] = []
    for own_heap in (True, False):
        queue, taken = DueQueue(own_heap), []
        for sequence, due in enumerate(steps, 1):
            if due is not None:
                queue.push(due, sequence, 0, 0, [envelope(sequence)])
            elif queue.next_due_ns() >= 0:
                queue.advance()
                taken.append(queue.train[0].message_id)
        seen.append(taken)
    assert seen[0] == seen[1]
