"""What is written and read without the library is what the library writes and reads; all else is left to it."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import example, given, settings, strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span

from trading_ecosystem.live.codec import NOBODY, parse
from trading_ecosystem.live.door import Header, Refused
from trading_ecosystem.live.flat import CHOICE, NUMBER, TEXT, Field, Reader, Writer, varint
from trading_ecosystem.live.production_wire import CODEC, EXCHANGE
from trading_ecosystem.live.telemetry.spans import BODY, KIND, SpanRecord, encode_spans
from trading_ecosystem.messages.accounts import AccountReported, Balance, QueryAccount, VenueHeartbeat
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import CancelOrder, OrderType, Side, SubmitOrder, TimeInForce
from trading_ecosystem.messages.runtime import Wake

IDS = st.integers(0, (1 << 63) - 1)
HEADERS = st.builds(Header, message_id=IDS, correlation_id=IDS)
NAMES = st.text(max_size=6)
ORDERS = st.builds(
    SubmitOrder,
    *(NAMES, NAMES, NAMES, NAMES, st.sampled_from(Side), st.sampled_from(OrderType), st.sampled_from(TimeInForce)),
    *(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(0, 1 << 20), st.booleans()),
)
COMMANDS = st.one_of(
    ORDERS,
    st.builds(CancelOrder, NAMES, NAMES, NAMES),
    st.builds(lambda account: QueryAccount(to="exchange", asker="me", account=account), NAMES),
)
LINES = st.lists(st.tuples(COMMANDS, HEADERS), max_size=3)
REPORT = AccountReported(
    to="me",
    venue="exchange",
    account="alpha",
    account_sequence=3,
    balances=(Balance(asset="USD", free_minor=1, locked_minor=2),),
    open_orders=(),
    occurred_ns=5,
)


def line_of(commands: Sequence[tuple[Message, Header]]) -> bytes:
    request = EXCHANGE.request_type("StreamCommands")
    encoded: bytes = request(commands=[EXCHANGE.command(*each) for each in commands]).SerializeToString()
    return encoded


def as_the_library_reads(line: bytes) -> list[tuple[Message, Header]]:
    request = EXCHANGE.request_type("StreamCommands").FromString(line)
    return [EXCHANGE.read_command(command) for command in request.commands]


@given(LINES)
@settings(max_examples=50, deadline=None)
def test_a_line_is_read_as_the_library_reads_it_or_left_to_it(commands: list[tuple[Message, Header]]) -> None:
    read = EXCHANGE.read_line(line_of(commands))
    assert read is None or read == commands


def test_an_ordinary_line_is_read_in_passing() -> None:
    order = SubmitOrder("exchange", "a", "one", "BTC/USD", Side.SELL, OrderType.LIMIT, TimeInForce.IOC, 650, 12, True)
    commands = [(order, Header(message_id=1, correlation_id=2)), (CancelOrder("exchange", "a", "\u00fc"), HEADER)]
    assert EXCHANGE.read_line(line_of(commands)) == commands


HEADER = Header(message_id=3, correlation_id=4)
ORDER = SubmitOrder("exchange", "alpha", "one", "BTC/USD", Side.BUY, OrderType.LIMIT, TimeInForce.GTC, 100, 1)


@given(st.lists(st.tuples(st.integers(0, 79), st.integers(0, 255)), min_size=1, max_size=3))
@example([(0, 0x12)])
@settings(max_examples=300, deadline=None)
def test_a_damaged_line_is_never_read_as_anything_that_the_library_would_not_read(
    damage: list[tuple[int, int]],
) -> None:
    line = bytearray(line_of([(ORDER, HEADER)]))
    for place, byte in damage:
        line[place % len(line)] = byte
    read = EXCHANGE.read_line(bytes(line))
    if read is not None:
        assert read == as_the_library_reads(bytes(line))


@pytest.mark.parametrize(
    "line",
    [
        line_of([(ORDER, NOBODY)]),
        line_of([(ORDER, HEADER)])[:-1],
        line_of([(ORDER, HEADER)]) + b"\x10\x01",
        line_of([(SubmitOrder("x", "x", "x", "x", Side.BUY, OrderType.LIMIT, TimeInForce.GTC, -1, 1), HEADER)]),
        line_of([(ORDER, HEADER)]).replace(b"one", b"\xff\xff\xff"),
    ],
    ids=["no ids", "torn", "an unknown field", "a number below zero", "no Unicode"],
)
def test_what_is_not_ordinary_is_left_to_the_library(line: bytes) -> None:
    assert EXCHANGE.read_line(line) is None


def request_of(order: SubmitOrder) -> bytes:
    encoded: bytes = EXCHANGE.request_type("SubmitOrder")(command=CODEC.to_wire(order)).SerializeToString()
    return encoded


@given(st.lists(st.tuples(st.integers(0, 79), st.integers(0, 255)), max_size=3))
@example([])
@settings(max_examples=300, deadline=None)
def test_a_request_is_read_or_refused_as_the_library_does_it(damage: list[tuple[int, int]]) -> None:
    request = bytearray(request_of(ORDER))
    for place, byte in damage:
        request[place % len(request)] = byte
    assert outcome(lambda: EXCHANGE.read_request("SubmitOrder", bytes(request))) == outcome(
        lambda: CODEC.unwrap_request(parse(EXCHANGE.request_type("SubmitOrder"), bytes(request)))
    )


def outcome(read: Callable[[], Message]) -> object:
    try:
        return read()
    except Refused as refused:
        return refused.code, refused.field


@pytest.mark.parametrize("rest", [b"\x10\x01", request_of(ORDER)], ids=["an unknown field", "a second command"])
def test_a_request_with_more_in_it_is_left_to_the_library(rest: bytes) -> None:
    request = request_of(ORDER) + rest
    expected = outcome(lambda: CODEC.unwrap_request(parse(EXCHANGE.request_type("SubmitOrder"), request)))
    assert outcome(lambda: EXCHANGE.read_request("SubmitOrder", request)) == expected


@given(st.one_of(HEADERS, st.just(NOBODY)), IDS)
@settings(max_examples=50, deadline=None)
def test_an_event_line_is_what_a_serializer_makes_of_it(header: Header, sequence: int) -> None:
    beat = VenueHeartbeat(venue="exchange", session=sequence, occurred_ns=11)
    for event in (beat, REPORT):
        expected = EXCHANGE.event(event, header, sequence).SerializeToString()
        assert EXCHANGE.event_bytes(event, header, sequence) == expected
        assert EXCHANGE.event_bytes(event, header, sequence, CODEC.encode(event)[1]) == expected


@given(st.lists(st.tuples(HEADERS, IDS, st.integers(1, (1 << 63) - 1)), max_size=4))
@settings(max_examples=50, deadline=None)
def test_spans_are_what_a_serializer_makes_of_them(facts: list[tuple[Header, int, int]]) -> None:
    expected = ScopeSpans()
    records: list[SpanRecord] = []
    for at, (header, causation_id, sent_ns) in enumerate(facts):
        message: Message = (ORDER, REPORT, Wake())[at % 3]
        records.append(SpanRecord(header, causation_id, sent_ns, "exchange", message))
        kind, body = CODEC.encode(message)
        span = expected.spans.add(
            trace_id=bytes(8) + header.correlation_id.to_bytes(8, "big"),
            span_id=header.message_id.to_bytes(8, "big"),
            parent_span_id=causation_id.to_bytes(8, "big") if causation_id else b"",
            name=kind,
            kind=Span.SPAN_KIND_PRODUCER,
            start_time_unix_nano=sent_ns,
            end_time_unix_nano=sent_ns,
        )
        span.attributes.add(key=KIND).value.string_value = kind
        span.attributes.add(key=BODY).value.bytes_value = body
    assert encode_spans(records, CODEC.encode) == expected.SerializeToString()


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        (Field(1, NUMBER), 1 << 63, OverflowError),
        (Field(1, NUMBER), "1", (AssertionError, TypeError)),
        (Field(1, TEXT), "\ud800", UnicodeEncodeError),
        (Field(1, CHOICE, [(Side.BUY, 1)]), Side.SELL, TypeError),
    ],
)
def test_what_does_not_fit_is_not_written(field: Field, value: object, problem: type[Exception]) -> None:
    with pytest.raises(problem):
        Writer(lambda message: [message], [field]).write(value)


def test_the_library_names_the_field_that_does_not_fit() -> None:
    with pytest.raises(Refused) as refused:
        CODEC.encode(SubmitOrder("x", "x", "x", "x", Side.BUY, OrderType.LIMIT, TimeInForce.GTC, 1 << 63, 1))
    assert refused.value.field == "price_ticks"


def test_a_choice_that_is_not_set_or_unknown_is_not_read() -> None:
    reader = Reader(lambda side: side, [Field(1, CHOICE, [(Side.BUY, 1), (Side.SELL, 2)])])
    read = [reader.read(data, 0, len(data)) for data in (b"\x08\x02", b"\x08\x03", b"")]
    assert read == [Side.SELL, None, None]


def test_numbers_are_written_alike_however_many_there_were() -> None:
    first = {number: varint(number) for number in range(10_000)}
    assert all(varint(number) == written for number, written in first.items())
