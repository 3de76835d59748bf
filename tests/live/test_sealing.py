"""What a handling returned is sealed once, in its order, with ids of its own in the story of its cause."""

import json

from hypothesis import given, settings, strategies as st

from trading_ecosystem.live.door import Header
from trading_ecosystem.live.identifiers import Identifiers
from trading_ecosystem.live.sealing import WAKE, seal
from trading_ecosystem.messages.accounts import VenueHeartbeat
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.runtime import Remember, WakeAt

CAUSE = Header(message_id=5, correlation_id=9)
BEATS = st.builds(lambda at: VenueHeartbeat(venue="exchange", session=1, occurred_ns=at), st.integers(0, 99))
WAKES = st.builds(WakeAt, st.integers(0, 99))
MEMORIES = st.builds(lambda value: Remember(key="mark", value=value), st.integers())


@given(st.lists(st.one_of(BEATS, WAKES, MEMORIES), max_size=8))
@settings(max_examples=50, deadline=None)
def test_everything_is_sealed_once_and_in_order(outputs: list[Message]) -> None:
    departures = seal("exchange", Identifiers(), outputs, CAUSE, 7)
    assert [span.message for span in departures.sealed] == [
        each for each in outputs if isinstance(each, VenueHeartbeat)
    ]
    assert departures.wakes == [each.at_ns for each in outputs if isinstance(each, WakeAt)]
    assert departures.memories == [("mark", json.dumps(each.value)) for each in outputs if isinstance(each, Remember)]
    assert [span.message for span in departures.timers] == [WAKE] * len(departures.wakes)
    spans = [*departures.sealed, *departures.timers]
    assert len({span.header.message_id for span in spans}) == len(spans)
    for span in spans:
        assert (span.header.correlation_id, span.causation_id, span.sent_ns, span.sender) == (9, 5, 7, "exchange")
    assert departures.outputs is outputs and departures.answered is None


def test_what_nothing_caused_begins_a_story_of_its_own() -> None:
    departures = seal("exchange", Identifiers(), [WakeAt(1)], Header(message_id=0, correlation_id=0), 7)
    header = departures.timers[0].header
    assert header.correlation_id == header.message_id != 0
