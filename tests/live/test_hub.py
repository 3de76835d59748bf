"""Who comes back to a hub is told exactly what was missed, or that it is not known any more."""

import pytest
from hypothesis import given, settings, strategies as st

from trading_ecosystem.live.door import Header, Told
from trading_ecosystem.live.hub import Hub
from trading_ecosystem.messages.accounts import VenueHeartbeat
from trading_ecosystem.messages.message import Message

INCARNATION = 77
NOBODY = Header(message_id=0, correlation_id=0)


def beats(first: int, count: int) -> list[tuple[Header, Message]]:
    return [(NOBODY, VenueHeartbeat(venue="exchange", session=1, occurred_ns=first + at)) for at in range(count)]


def hub_after(sizes: list[int], kept: int) -> Hub:
    hub = Hub(INCARNATION, kept)
    for size in sizes:
        hub.publish(beats(hub.sequence + 1, size))
    return hub


@given(st.lists(st.integers(1, 7), max_size=12), st.integers(1, 30), st.integers(0, 90))
@settings(max_examples=100, deadline=None)
def test_what_was_missed_is_told_whole_or_not_at_all(sizes: list[int], kept: int, last_read: int) -> None:
    hub = hub_after(sizes, kept)
    published = sum(sizes)
    missed = hub.since(INCARNATION, last_read)
    if last_read > published or published - last_read > kept:
        assert missed is None
    else:
        assert missed is not None
        assert [told.sequence for told in missed] == list(range(last_read + 1, published + 1))
        assert [told.message for told in missed] == [message for _, message in beats(last_read + 1, len(missed))]


@pytest.mark.parametrize("incarnation", [0, INCARNATION - 1, INCARNATION + 1])
def test_another_life_is_not_known(incarnation: int) -> None:
    assert hub_after([3], 10).since(incarnation, 1) is None


def test_listeners_hear_everything_in_order_until_they_end() -> None:
    hub = Hub(INCARNATION)
    first: list[Told] = []
    second: list[Told] = []
    end_first = hub.listen(first.extend)
    hub.publish(beats(1, 2))
    hub.listen(second.extend)
    hub.publish(beats(3, 1))
    end_first()
    end_first()
    hub.publish(beats(4, 2))
    assert [told.sequence for told in first] == [1, 2, 3]
    assert [told.sequence for told in second] == [3, 4, 5]


def test_a_listener_that_leaves_while_it_is_told_disturbs_nobody() -> None:
    hub = Hub(INCARNATION)
    heard: list[int] = []
    ends = [hub.listen(lambda told: ends[0]())]
    hub.listen(lambda told: heard.extend(each.sequence for each in told))
    hub.publish(beats(1, 3))
    assert heard == [1, 2, 3]
