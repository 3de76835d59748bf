"""What a service says on the wire is read from its proto file, and a joined line is what a serializer would write."""

import pytest
from hypothesis import given, settings, strategies as st

from trading_ecosystem.live.door import Header, RefusalCode, Refused
from trading_ecosystem.live.flat import varint
from trading_ecosystem.live.production_wire import CODEC, CUSTODIAN, EXCHANGE, MARKET_DATA
from trading_ecosystem.live.speech import Speech, lines
from trading_ecosystem.messages.accounts import QueryAccount, VenueHeartbeat
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.orders import CancelOrder
from trading_ecosystem.wire.exchange.v1 import exchange_pb2

HEADER = Header(message_id=7, correlation_id=9)
BEAT = VenueHeartbeat(venue="exchange", session=2, occurred_ns=11)
CANCEL = CancelOrder("exchange", "alpha", "one")


def test_an_event_and_a_command_come_back_as_they_were() -> None:
    told = EXCHANGE.read_event(EXCHANGE.event(BEAT, HEADER, 5))
    assert (told.message, told.header, told.sequence) == (BEAT, HEADER, 5)
    assert EXCHANGE.read_command(EXCHANGE.command(CANCEL, HEADER)) == (CANCEL, HEADER)


@given(st.lists(st.integers(0, 2**63 - 1), max_size=40))
@settings(max_examples=50, deadline=None)
def test_a_line_of_encoded_events_is_what_a_serializer_makes_of_it(moments: list[int]) -> None:
    beats = [VenueHeartbeat(venue="exchange", session=1, occurred_ns=moment) for moment in moments]
    events = [EXCHANGE.event(beat, HEADER, at) for at, beat in enumerate(beats, 1)]
    response = exchange_pb2.SubscribeResponse
    number = response.DESCRIPTOR.fields_by_name["events"].number
    joined = lines(number, [event.SerializeToString() for event in events])
    assert joined == response(events=events).SerializeToString()


@given(st.integers(0, 2**40))
def test_a_length_reads_back(number: int) -> None:
    decoded, shift = 0, 0
    for byte in varint(number):
        decoded |= (byte & 127) << shift
        shift += 7
    assert decoded == number


@pytest.mark.parametrize(
    ("speech", "says", "takes", "path"),
    [
        (EXCHANGE, VenueHeartbeat, CancelOrder, "/trading_ecosystem.wire.exchange.v1.ExchangeService/CancelOrder"),
        (MARKET_DATA, QuotePublished, None, ""),
    ],
)
def test_it_knows_what_a_service_says_and_takes(speech: Speech, says: type, takes: type | None, path: str) -> None:
    assert speech.says(says) and says.__name__ in speech.event_types
    assert speech.takes_commands is (takes is not None)
    if takes is not None:
        assert speech.takes(takes) and speech.path(takes.__name__) == path
    assert not speech.takes(QueryAccount) or speech is EXCHANGE


def test_what_is_of_another_service_cannot_be_read() -> None:
    settled = CUSTODIAN.event_types - EXCHANGE.event_types
    assert settled
    with pytest.raises(Refused) as refused:
        EXCHANGE.read_event(exchange_pb2.ExchangeEvent(sequence=1))
    assert refused.value.code is RefusalCode.INVALID


def test_the_codec_is_the_one_that_the_journal_uses() -> None:
    assert EXCHANGE.codec is CODEC is CUSTODIAN.codec
