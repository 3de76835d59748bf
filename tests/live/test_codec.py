"""Every message survives the wire and the journal; what is not one is refused with the name of its field."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from enum import Enum
from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings, strategies as st

from trading_ecosystem.live.codec import WireCodec, parse, refusal_to_wire
from trading_ecosystem.live.door import Header, RefusalCode, Refused, Told
from trading_ecosystem.live.production_codec import production_codec
from trading_ecosystem.messages import codec as plain
from trading_ecosystem.messages.accounts import AccountReported, Balance, OpenOrder
from trading_ecosystem.messages.audit import Envelope, LossReason
from trading_ecosystem.messages.chaos import ApplyPricePath, LinkFault, PathAnchor, PathPoint
from trading_ecosystem.messages.health import HealthChanged, HealthStatus
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message, field_names
from trading_ecosystem.messages.orders import (
    CancelOrder,
    CancelReason,
    OrderAccepted,
    OrderCanceled,
    OrderType,
    Side,
    SubmitOrder,
    TimeInForce,
)
from trading_ecosystem.messages.risk import AlertResolved, Severity
from trading_ecosystem.messages.runtime import Start, Wake
from trading_ecosystem.validation.wire_codec import validation_codec
from trading_ecosystem.wire.audit_correlator.v1 import audit_correlator_pb2 as audit
from trading_ecosystem.wire.common.v1 import common_pb2 as common
from trading_ecosystem.wire.custodian.v1 import custodian_pb2 as custodian
from trading_ecosystem.wire.exchange.v1 import exchange_pb2 as exchange
from trading_ecosystem.wire.market_data.v1 import market_data_pb2 as market_data
from trading_ecosystem.wire.risk_monitor.v1 import risk_monitor_pb2 as risk_monitor
from trading_ecosystem.wire.test_coordinator.v1 import test_coordinator_pb2 as chaos
from trading_ecosystem.wire.trading_engine.v1 import trading_engine_pb2 as trading_engine

STAYS_INSIDE = {"WakeAt", "Remember"}  # What a core asks of its own process.
CROSSES = sorted(set(plain.MESSAGE_TYPES) - STAYS_INSIDE)
ENVELOPES = (
    *(market_data.MarketDataEvent, exchange.ExchangeEvent, exchange.ExchangeCommand, custodian.CustodianEvent),
    *(custodian.CustodianCommand, trading_engine.TradingEngineEvent, risk_monitor.RiskMonitorEvent),
    *(risk_monitor.RiskMonitorCommand, chaos.ChaosEvent, chaos.ChaosCommand, chaos.TestCoordinatorEvent),
    audit.AuditCorrelatorEvent,
)
TEXTS = (  # Of the hot types, which carry no hints.
    *("to", "account", "buyer_account", "seller_account", "client_order_id", "symbol", "venue", "sender"),
    *("asker", "custodian", "asset", "debit_account", "credit_account", "measure", "subject", "unit"),
)
WORDS = st.text(max_size=8)
NUMBERS = st.integers(-(1 << 63), (1 << 63) - 1)
PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=5,
)

ORDER = SubmitOrder(
    "exchange", "desk", "a-1", "BTC/USD", Side.SELL, OrderType.LIMIT, TimeInForce.IOC, 6_500_000, 12, True
)
HEADER = Header(message_id=(1 << 63) - 1, correlation_id=7)


@pytest.fixture(scope="module")
def codec() -> WireCodec:
    return validation_codec()


def values_for(name: str, hints: dict[str, object]) -> st.SearchStrategy[object]:
    if name in plain.ENUMS:
        return st.sampled_from(list(plain.ENUMS[name]))
    if name in plain.PARTS:
        return st.lists(built(plain.PARTS[name]), max_size=3).map(tuple)
    if name in plain.TEXTS:
        return st.lists(WORDS, max_size=3).map(tuple)
    if name == "message":
        return st.one_of(built(plain.MESSAGE_TYPES["OrderAccepted"]), st.just(Wake()))
    if name == "memory":
        return st.dictionaries(WORDS, PLAIN, max_size=3)
    if hints.get(name) is bool or name in ("post_only", "reduce_only", "certain"):
        return st.booleans()
    return WORDS if name in TEXTS or hints.get(name) is str else NUMBERS


def built(message_type: type) -> st.SearchStrategy[Message]:
    hints = get_type_hints(vars(message_type).get("__init__", message_type))
    return st.builds(message_type, **{name: values_for(name, hints) for name in field_names(message_type)})


# The way there and back.


@pytest.mark.parametrize("name", CROSSES)
def test_every_message_comes_back_equal(codec: WireCodec, name: str) -> None:
    @settings(max_examples=50, deadline=None)
    @given(built(plain.MESSAGE_TYPES[name]))
    def comes_back(message: Message) -> None:
        proto = codec.to_wire(message)
        again = codec.from_wire(parse(type(proto), proto.SerializeToString()))
        assert again == message
        assert repr(again) == repr(message)
        kind, body = codec.encode(message)
        assert body == proto.SerializeToString()
        assert codec.decode(kind, body) == message

    comes_back()


@pytest.mark.parametrize("envelope", ENVELOPES, ids=lambda each: each.__name__)
def test_an_envelope_gives_back_each_of_its_messages(codec: WireCodec, envelope: Any) -> None:
    fields = list(envelope.DESCRIPTOR.oneofs[0].fields)
    oneof = envelope.DESCRIPTOR.oneofs[0].name
    assert fields

    @settings(max_examples=25, deadline=None)
    @given(st.sampled_from(fields).flatmap(lambda field: built(plain.MESSAGE_TYPES[field.message_type.name])))
    def comes_back(message: Message) -> None:
        if oneof == "event":
            event = codec.wrap_event(envelope, message, HEADER, 9)
            told = codec.unwrap_event(parse(envelope, event.SerializeToString()))
            assert told == Told(sequence=9, header=HEADER, message=message)
        else:
            command = codec.wrap_command(envelope, message, HEADER)
            assert codec.unwrap_command(parse(envelope, command.SerializeToString())) == (HEADER, message)

    comes_back()


def test_a_request_of_its_own_gives_back_its_command(codec: WireCodec) -> None:
    request = exchange.SubmitOrderRequest(command=exchange.SubmitOrder.FromString(codec.encode(ORDER)[1]))
    assert codec.unwrap_request(request) == ORDER


@pytest.mark.parametrize(
    ("member", "number"),
    [
        (Side.BUY, exchange.SIDE_BUY),
        (Side.SELL, exchange.SIDE_SELL),
        (TimeInForce.IOC, exchange.TIME_IN_FORCE_IOC),
        (CancelReason.SELF_TRADE, exchange.CANCEL_REASON_SELF_TRADE),
        (HealthStatus.NOT_SERVING, common.HEALTH_STATUS_NOT_SERVING),
        (LinkFault.LOSE_ANSWERS, chaos.LINK_FAULT_LOSE_ANSWERS),
        (LossReason.SENDER_CRASHED, audit.LOSS_REASON_SENDER_CRASHED),
    ],
)
def test_an_enum_goes_by_the_name_of_its_member(codec: WireCodec, member: Enum, number: int) -> None:
    field = next(name for name, enum in plain.ENUMS.items() if enum is type(member))
    name = next(name for name in CROSSES if field in field_names(plain.MESSAGE_TYPES[name]))

    @settings(max_examples=1, deadline=None)
    @given(built(plain.MESSAGE_TYPES[name]))
    def carried(message: Message) -> None:
        pairs = {each: getattr(message, each) for each in field_names(type(message))} | {field: member}
        assert getattr(codec.to_wire(type(message)(**pairs)), field) == number

    carried()


# What is refused, and how it is named.

OPEN = OpenOrder(order_id=1, client_order_id="a", symbol="B/U", side=Side.BUY, price_ticks=5, leaves_quantity_lots=5)
RICH = Balance(asset="USD", free_minor=1 << 63, locked_minor=0)


def account(balances: tuple[Balance, ...] = (), orders: tuple[OpenOrder, ...] = ()) -> AccountReported:
    return AccountReported(
        to="desk", venue="v", account="a", account_sequence=1, balances=balances, open_orders=orders, occurred_ns=2
    )


def refusal(call: Callable[..., object], *given: object) -> tuple[RefusalCode, str]:
    with pytest.raises(Refused) as caught:
        call(*given)
    assert caught.value.detail
    return caught.value.code, caught.value.field


def made(proto_type: Any, **values: object) -> Any:
    """A protobuf message of plain data, right or not."""
    return proto_type(**values)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("NoSuchMessage", b""),
        ("WakeAt", b""),
        ("Balance", b""),  # A part, and no message.
        ("SubmitOrder", b"\xff\xff\xff"),
        ("SubmitOrder", b"\x0a\x05ab"),
        ("SubmitOrder", b"\x0a\x02\xff\xfe"),  # Text that is no UTF-8.
        ("Wake", b"\x08"),
    ],
)
def test_bytes_of_no_message_are_malformed(codec: WireCodec, name: str, data: bytes) -> None:
    assert refusal(codec.decode, name, data) == (RefusalCode.MALFORMED, "")


def test_a_message_that_was_cut_off_is_malformed(codec: WireCodec) -> None:
    name, data = codec.encode(ORDER)
    assert refusal(codec.decode, name, data[:-1]) == (RefusalCode.MALFORMED, "")


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(CROSSES), st.binary(max_size=40))
def test_any_bytes_are_a_message_or_refused(name: str, data: bytes) -> None:
    try:
        message = CODEC.decode(name, data)
    except Refused as refused:
        assert refused.code in (RefusalCode.MALFORMED, RefusalCode.INVALID)
    else:
        assert type(message).__name__ == name


CODEC = validation_codec()


@pytest.mark.parametrize(
    ("proto", "field"),
    [
        (made(exchange.SubmitOrder, order_type=1, time_in_force=1), "side"),
        (made(exchange.SubmitOrder, side=3, order_type=1, time_in_force=1), "side"),
        (made(exchange.SubmitOrder, side=-1, order_type=1, time_in_force=1), "side"),
        (made(exchange.SubmitOrder, side=1, order_type=1), "time_in_force"),
        (made(exchange.AccountReported, open_orders=[{"side": 1}, {}]), "open_orders[1].side"),
        (made(exchange.TradesReported, trades=[{"taker_side": 9}]), "trades[0].taker_side"),
        (made(common.Start, memory="{"), "memory"),
        (made(common.Start, memory=""), "memory"),
        (made(common.Start, memory="[]"), "memory"),
        (made(common.Start, memory="[" * 100_000), "memory"),
        (made(common.HealthChanged, service="a"), "health"),
        (made(audit.Envelope), "message"),
        (made(audit.Envelope, message={"type_name": "HealthChanged"}), "message.health"),
        (made(chaos.ApplyPricePath, points=[{}]), "anchor"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_the_path_of_its_field(codec: WireCodec, proto: Any, field: str) -> None:
    expected = RefusalCode.MALFORMED if field == "message" else RefusalCode.INVALID
    assert refusal(codec.from_wire, proto) == (expected, field)


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (QuotePublished("B/U", 1, 1, 1 << 63, 1, 1, 1), "ask_ticks"),
        (QuotePublished("B/U", 1, 1, 1, 10**30, 1, 1), "ask_lots"),
        (CancelOrder("exchange", "desk", "\ud800"), "client_order_id"),
        (account(balances=(RICH,)), "balances[0].free_minor"),
        (Envelope(1, 0, 1, "a", 1, CancelOrder("\ud800", "", "")), "message.to"),
    ],
)
def test_what_the_wire_cannot_carry_is_refused_by_the_path_of_its_field(
    codec: WireCodec, message: Message, field: str
) -> None:
    assert refusal(codec.to_wire, message) == (RefusalCode.INVALID, field)
    assert refusal(codec.encode, message) == (RefusalCode.INVALID, field)


def test_empty_text_and_no_parts_are_carried(codec: WireCodec) -> None:
    for message in (CancelOrder("", "", ""), account(), account(orders=(OPEN,)), Start(memory={})):
        assert codec.decode(*codec.encode(message)) == message


# Commands and events that are not whole, or more than whole.

UNKNOWN = b"\xa0\x3f\x01"  # Field 1012, a number.


def command_with(at: str) -> exchange.ExchangeCommand:
    """A command with a field that nobody here knows, at this place."""
    command = CODEC.wrap_command(exchange.ExchangeCommand, ORDER, HEADER)
    target = getattr(command, at) if at else command
    target.MergeFromString(UNKNOWN)
    return parse(exchange.ExchangeCommand, command.SerializeToString())


@pytest.mark.parametrize("at", ["", "header", "submit_order"])
def test_a_command_with_an_unknown_field_is_refused(codec: WireCodec, at: str) -> None:
    assert refusal(codec.unwrap_command, command_with(at)) == (RefusalCode.INVALID, "")


def test_a_part_of_a_command_with_an_unknown_field_is_refused(codec: WireCodec) -> None:
    point = PathPoint(after_ns=0, value_ppm=1)
    path = ApplyPricePath(to="m", injection_id="i", symbols=(), anchor=PathAnchor.RELATIVE, points=(point,))
    command = codec.wrap_command(chaos.ChaosCommand, path)
    command.apply_price_path.points[0].MergeFromString(UNKNOWN)
    assert refusal(codec.unwrap_command, command) == (RefusalCode.INVALID, "")


def test_a_request_with_an_unknown_field_or_without_a_command_is_refused(codec: WireCodec) -> None:
    request = made(exchange.CancelOrderRequest, command={"to": "exchange"})
    request.MergeFromString(UNKNOWN)
    assert refusal(codec.unwrap_request, request) == (RefusalCode.INVALID, "")
    assert refusal(codec.unwrap_request, exchange.CancelOrderRequest()) == (RefusalCode.INVALID, "command")


def test_an_event_with_an_unknown_field_is_read(codec: WireCodec) -> None:
    accepted = OrderAccepted("a", "v", 1, 2, 3, "c", "s", Side.BUY, 4, 5)
    event = codec.wrap_event(exchange.ExchangeEvent, accepted, HEADER, 1)
    for target in (event, event.header, event.order_accepted):
        target.MergeFromString(UNKNOWN)
    assert codec.unwrap_event(parse(exchange.ExchangeEvent, event.SerializeToString())).message == accepted


def test_an_envelope_without_content_is_refused_by_the_name_of_its_oneof(codec: WireCodec) -> None:
    assert refusal(codec.unwrap_event, exchange.ExchangeEvent(sequence=1)) == (RefusalCode.INVALID, "event")
    assert refusal(codec.unwrap_command, exchange.ExchangeCommand()) == (RefusalCode.INVALID, "command")


@pytest.mark.parametrize("header", [{"message_id": 1 << 63}, {"correlation_id": (1 << 64) - 1}])
def test_an_id_that_is_not_below_2_to_the_63_is_refused(codec: WireCodec, header: dict[str, int]) -> None:
    event = made(exchange.ExchangeEvent, header=header, order_canceled={"reason": 1})
    assert refusal(codec.unwrap_event, event) == (RefusalCode.INVALID, "header")


def test_a_message_that_an_envelope_has_no_place_for_is_a_mistake_of_the_caller(codec: WireCodec) -> None:
    with pytest.raises(KeyError):
        codec.wrap_event(
            market_data.MarketDataEvent, OrderCanceled("a", "v", 1, 2, 3, "c", "s", 4, CancelReason.REQUESTED)
        )


@pytest.mark.parametrize("code", list(RefusalCode))
def test_every_refusal_has_a_code_on_the_wire(code: RefusalCode) -> None:
    told = refusal_to_wire(3, Refused(code, "why", "price_ticks"))
    name = common.RefusalCode.Name(told.code)
    assert name == f"REFUSAL_CODE_{code.name}"
    assert (told.command_index, told.detail, told.field) == (3, "why", "price_ticks")


# What production does not know.


def test_the_production_codec_knows_nothing_of_chaos_and_audit() -> None:
    program = (
        "import json, sys; from trading_ecosystem.live.production_codec import production_codec; production_codec();"
        "from google.protobuf import descriptor_pool as pools; pool = pools.Default();"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={**os.environ}
    )
    own = [name for name in json.loads(done.stdout) if name.startswith("trading_ecosystem.")]
    assert "trading_ecosystem.wire.exchange.v1.exchange_pb2" in own
    told = ("chaos", "audit", "test_coordinator", "messages.codec", "validation", "simulators", "routes")
    assert [name for name in own if any(word in name for word in told)] == []


def test_the_production_codec_refuses_what_only_the_validation_codec_speaks() -> None:
    assert refusal(production_codec().decode, "CrashService", b"") == (RefusalCode.MALFORMED, "")
    changed = HealthChanged(service="a", health=HealthStatus.SERVING, detail="", occurred_ns=1)
    assert production_codec().encode(changed) == validation_codec().encode(changed)


# What had another type when it was released.


def test_a_rule_is_told_by_its_name_and_read_as_it_was_told_before() -> None:
    wire = production_codec()
    resolved = AlertResolved(
        alert_id="own:x:critical:1", rule="own", subject="x", severity=Severity.CRITICAL, episode=1, occurred_ns=5
    )
    told: Any = wire.to_wire(resolved)
    assert (told.rule_name, told.rule) == ("own", 0) and wire.from_wire(told) == resolved
    build: Any = risk_monitor.AlertResolved
    before = build(alert_id="a", rule=5, subject="x", severity=2, episode=1, occurred_ns=5)
    read: Any = wire.from_wire(before)
    assert read.rule == "peg_deviation"
    with pytest.raises(Refused) as caught:
        wire.from_wire(build(alert_id="a", rule=999, subject="x", severity=2, episode=1))
    assert (caught.value.code, caught.value.field) == (RefusalCode.INVALID, "rule")
