"""What no client of ours would send over gRPC, sent to real processes: every answer has its code, nothing changes.

The services, their methods and who may call them come from the proto files and the allow-list, so a new method is
tested from its first day.
"""

import asyncio
from typing import Any, cast

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2

from trading_ecosystem.live.flat import varint
from trading_ecosystem.live.production_wire import CUSTODIAN, EXCHANGE, MARKET_DATA, RISK_MONITOR
from trading_ecosystem.live.security.allow_list import load_allow_list
from trading_ecosystem.live.speech import Speech
from trading_ecosystem.wire.exchange.v1 import exchange_pb2 as wire

Code = grpc.StatusCode
DEADLINE_S = 5.0
SPEECHES: dict[str, Speech] = {
    "exchange": EXCHANGE,
    "custodian": CUSTODIAN,
    "market_data": MARKET_DATA,
    "risk_monitor": RISK_MONITOR,
}
CALLERS = {"trading_engine": "trading_engine.alpha"}  # By role, where the instance has another name.
SUBMIT = EXCHANGE.path("SubmitOrder")
DESK = (("x-instance", "trading_engine.alpha"),)
COORDINATOR = (("x-instance", "test_coordinator"),)
INJECT = "/trading_ecosystem.wire.test_coordinator.v1.ChaosService/Inject"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"


def caller_of(instance: str, method: str) -> tuple[tuple[str, str], ...]:
    """Somebody who may call it."""
    rows = load_allow_list(instance, "grpc", production=False)
    roles = ("trading_engine", "risk_monitor", "custodian", "operator")
    role = next(role for role in roles if rows.allows(role, SPEECHES[instance].path(method)))
    return (("x-instance", CALLERS.get(role, role)),)


METHODS = [(instance, method) for instance, speech in SPEECHES.items() for method in speech.methods]


async def answer_of(channel: grpc.aio.Channel, method: str, data: bytes, metadata: Any) -> tuple[Code, str]:
    """Of a call with one request, and one answer or more: a stream is judged by its first line."""
    call: Any = cast(Any, channel.unary_stream(method))(data, metadata=metadata, timeout=DEADLINE_S)
    try:
        async for _ in call:
            call.cancel()
            return Code.OK, ""
    except grpc.aio.AioRpcError as error:
        details = error.details() or ""
        assert "Traceback" not in details and len(details) < 500
        return error.code(), details
    return Code.OK, ""


def ask(stage: Any, instance: str, method: str, data: bytes, metadata: Any, surface: str = "grpc") -> tuple[Code, str]:
    async def work() -> tuple[Code, str]:
        async with stage.channel(instance, surface) as channel:
            return await answer_of(channel, method, data, metadata)

    return asyncio.run(work())


# Bytes.


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def nested(levels: int) -> bytes:
    data = b""
    for _ in range(levels):
        data = field(1, data)
    return data


BAD_BYTES: dict[str, bytes] = {
    "no protobuf": b"\xff\xff\xff",
    "truncated": field(1, b"exchange")[:-3],
    "a length beyond the end": b"\x0a\xff\xff\xff\xff\x07",
    "a length that never ends": b"\x0a" + b"\xff" * 11,
    "field number zero": b"\x02\x00",
    "a group without an end": b"\x0b",
    "the end of no group": b"\x0c",
    "a group in a group in a group": b"\x0b" * 200,
    "a reserved wire type": b"\x0e",
    "text that is no Unicode": field(1, field(1, field(1, b"\xff\xfe"))) + field(1, b"\xff\xfe"),
}
FAR_TOO_LARGE = bytes(5 << 20)


@pytest.mark.parametrize(("instance", "method"), METHODS)
def test_bytes_that_mean_nothing_are_malformed(instance: str, method: str, stage: Any, unchanged: Any) -> None:
    metadata = caller_of(instance, method)

    async def work() -> dict[str, Code]:
        async with stage.channel(instance) as channel:
            path = SPEECHES[instance].path(method)
            return {name: (await answer_of(channel, path, data, metadata))[0] for name, data in BAD_BYTES.items()}

    assert asyncio.run(work()) == dict.fromkeys(BAD_BYTES, Code.INVALID_ARGUMENT)


@pytest.mark.parametrize(("instance", "method"), METHODS)
def test_a_request_that_is_too_large_is_not_read(instance: str, method: str, stage: Any, unchanged: Any) -> None:
    metadata = caller_of(instance, method)
    code, _ = ask(stage, instance, SPEECHES[instance].path(method), FAR_TOO_LARGE, metadata)
    assert code is Code.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(("instance", "method"), [each for each in METHODS if each[1] != "StreamCommands"])
def test_deep_nesting_is_refused(instance: str, method: str, stage: Any, unchanged: Any) -> None:
    code, _ = ask(stage, instance, SPEECHES[instance].path(method), nested(150), caller_of(instance, method))
    assert code is Code.INVALID_ARGUMENT


MINE = {"account": "alpha"}
MINE = {"account": "alpha"}
OF_THE_SHELL = ("Subscribe", "GetQuotes", "GetStatement", "GetSubAccounts")
COMMANDING = [(instance, method) for instance, method in METHODS if method not in OF_THE_SHELL]


@pytest.mark.parametrize(("instance", "method"), COMMANDING)
def test_a_request_in_which_nothing_is_set_is_invalid(instance: str, method: str, stage: Any, unchanged: Any) -> None:
    code, detail = ask(stage, instance, SPEECHES[instance].path(method), b"", caller_of(instance, method))
    assert code is Code.INVALID_ARGUMENT and "command" in detail


@pytest.mark.parametrize("instance", ["exchange", "custodian", "risk_monitor"])
@pytest.mark.parametrize(
    "command", [b"", field(1, b"\x09" + bytes(8)), field(77, b"x"), nested(90)], ids=["none", "header", "other", "deep"]
)
def test_a_line_with_a_command_that_says_nothing_is_answered_and_the_stream_stays(
    instance: str, command: bytes, stage: Any, unchanged: Any
) -> None:
    speech = SPEECHES[instance]

    async def work() -> None:
        async with stage.channel(instance) as channel:
            call = channel.stream_stream(speech.path("StreamCommands"))(
                metadata=caller_of(instance, "StreamCommands"), timeout=DEADLINE_S
            )
            for _ in range(2):
                await call.write(field(1, command) + field(1, command))
                answer = speech.response_type("StreamCommands").FromString(await call.read())
                assert [refusal.command_index for refusal in answer.refusals] == [0, 1]
            await call.done_writing()
            assert await call.read() is grpc.aio.EOF
            assert await call.code() is Code.OK

    asyncio.run(work())


@pytest.mark.parametrize("kinds", [["Nothing"], ["OrderFilled", "SubmitOrder"], [""], ["x" * 100_000], ["é"]])
def test_events_that_no_service_tells_cannot_be_subscribed_to(kinds: list[str], stage: Any, unchanged: Any) -> None:
    for instance, speech in SPEECHES.items():
        request = speech.request_type("Subscribe")(event_types=kinds).SerializeToString()
        code, detail = ask(stage, instance, speech.path("Subscribe"), request, caller_of(instance, "Subscribe"))
        assert code is Code.INVALID_ARGUMENT and len(detail) < 300


@pytest.mark.parametrize(("incarnation", "sequence"), [(1, 5), (2**64 - 1, 0), (7, 2**64 - 1)])
def test_who_comes_back_from_another_life_is_told_to_begin_anew(incarnation: int, sequence: int, stage: Any) -> None:
    async def work() -> Any:
        async with stage.channel("exchange") as channel:
            request = wire.SubscribeRequest(incarnation=incarnation, last_sequence=sequence)
            call = channel.unary_stream(EXCHANGE.path("Subscribe"))(
                request.SerializeToString(), metadata=DESK, timeout=DEADLINE_S
            )
            return wire.SubscribeResponse.FromString(await call.read())

    first = asyncio.run(work())
    assert first.resynchronize and first.incarnation not in (0, incarnation)


# Questions and commands of the other services.


HOLDINGS = {"to": "custodian", "asker": "risk_monitor", "account": "alpha"}
TAKEN_ON = {"to": "risk_monitor", "alert_id": "x", "operator": "operator"}  # Of an alert that is not there.
CANCELED = {"to": "exchange", "account": "alpha", "client_order_id": "nothing"}
TRADES = {"to": "exchange", "asker": "custodian", "from_trade_id": 0}


@pytest.mark.parametrize(
    ("instance", "method", "asked", "code", "at"),
    [
        ("custodian", "QueryHoldings", HOLDINGS | {"account": "gamma"}, Code.NOT_FOUND, "account"),
        ("custodian", "QueryHoldings", HOLDINGS | {"asker": "exchange"}, Code.PERMISSION_DENIED, "asker"),
        ("custodian", "QueryHoldings", HOLDINGS | {"to": "exchange"}, Code.INVALID_ARGUMENT, "to"),
        ("risk_monitor", "AcknowledgeAlert", TAKEN_ON | {"alert_id": ""}, Code.INVALID_ARGUMENT, "alert_id"),
        ("risk_monitor", "AcknowledgeAlert", TAKEN_ON | {"alert_id": "x" * 129}, Code.INVALID_ARGUMENT, "alert_id"),
        ("risk_monitor", "AcknowledgeAlert", TAKEN_ON | {"alert_id": "é"}, Code.INVALID_ARGUMENT, "alert_id"),
        ("risk_monitor", "AcknowledgeAlert", TAKEN_ON | {"operator": "somebody"}, Code.PERMISSION_DENIED, "operator"),
        ("risk_monitor", "AcknowledgeAlert", TAKEN_ON, Code.OK, ""),
        ("exchange", "CancelOrder", CANCELED | {"account": "beta"}, Code.NOT_FOUND, "account"),
        ("exchange", "CancelOrder", CANCELED | {"client_order_id": "a b"}, Code.INVALID_ARGUMENT, "client_order_id"),
        ("exchange", "QueryTrades", TRADES | {"asker": "risk_monitor"}, Code.PERMISSION_DENIED, "asker"),
        ("exchange", "QueryTrades", TRADES | {"from_trade_id": -(2**63)}, Code.OK, ""),
        ("exchange", "QueryTrades", TRADES | {"from_trade_id": 2**63 - 1}, Code.OK, ""),
        ("market_data", "GetQuotes", {"symbols": ["BTC/XXX"]}, Code.NOT_FOUND, "symbols"),
        ("market_data", "GetQuotes", {"symbols": [""]}, Code.NOT_FOUND, "symbols"),
        ("market_data", "GetQuotes", {"symbols": ["BTC/USD"] * 10_000}, Code.OK, ""),
        ("market_data", "GetQuotes", {}, Code.OK, ""),
        ("exchange", "GetStatement", {}, Code.NOT_FOUND, "account"),
        ("exchange", "GetStatement", {"account": "beta"}, Code.NOT_FOUND, "account"),
        ("exchange", "GetStatement", MINE | {"since_ns": 2, "until_ns": 1}, Code.INVALID_ARGUMENT, "until_ns"),
        ("exchange", "GetStatement", MINE | {"since_ns": -1}, Code.INVALID_ARGUMENT, "until_ns"),
        ("exchange", "GetStatement", MINE, Code.OK, ""),
        ("exchange", "GetSubAccounts", {}, Code.NOT_FOUND, "account"),
        ("exchange", "GetSubAccounts", {"account": "beta"}, Code.NOT_FOUND, "account"),
        ("exchange", "GetSubAccounts", MINE, Code.OK, ""),
    ],
)
def test_a_question_that_may_not_be_asked(
    instance: str, method: str, asked: dict[str, Any], code: Code, at: str, stage: Any, unchanged: Any
) -> None:
    request = SPEECHES[instance].request_type(method)
    if "command" in request.DESCRIPTOR.fields_by_name:
        data = request(command=asked).SerializeToString()
    else:
        data = request(**asked).SerializeToString()
    found, detail = ask(stage, instance, SPEECHES[instance].path(method), data, caller_of(instance, method))
    assert found is code and detail.startswith(at), detail


# Who calls what.


@pytest.mark.parametrize(
    ("instance", "method", "metadata", "code"),
    [
        ("exchange", SUBMIT, (), Code.UNAUTHENTICATED),
        ("exchange", SUBMIT, (*DESK, *DESK), Code.UNAUTHENTICATED),
        ("exchange", SUBMIT, (("x-instance", "Trading Engine"),), Code.UNAUTHENTICATED),
        ("exchange", SUBMIT, (("x-instance-bin", b"\0\xff"),), Code.UNAUTHENTICATED),
        ("exchange", SUBMIT, (*DESK, ("x-more", "x" * 8_200)), Code.RESOURCE_EXHAUSTED),
        ("exchange", SUBMIT, COORDINATOR, Code.PERMISSION_DENIED),
        ("exchange", SUBMIT, (("x-instance", "injector"),), Code.PERMISSION_DENIED),
        ("exchange", SUBMIT, (("x-instance", "risk_monitor"),), Code.PERMISSION_DENIED),
        ("risk_monitor", RISK_MONITOR.path("Subscribe"), COORDINATOR, Code.PERMISSION_DENIED),
        ("risk_monitor", RISK_MONITOR.path("AcknowledgeAlert"), COORDINATOR, Code.PERMISSION_DENIED),
        ("risk_monitor", INJECT, COORDINATOR, Code.UNIMPLEMENTED),
        ("exchange", INJECT, COORDINATOR, Code.UNIMPLEMENTED),
        ("exchange audit", INJECT, DESK, Code.PERMISSION_DENIED),
        ("exchange audit", INJECT, (("x-instance", "risk_monitor"),), Code.PERMISSION_DENIED),
        ("exchange audit", INJECT, (), Code.UNAUTHENTICATED),
        ("exchange audit", SUBMIT, DESK, Code.UNIMPLEMENTED),
        ("custodian audit", INJECT, DESK, Code.PERMISSION_DENIED),
        ("exchange", f"{SUBMIT}s", DESK, Code.UNIMPLEMENTED),
        ("exchange", "/nobody.Service/Nothing", DESK, Code.UNIMPLEMENTED),
        ("exchange", CUSTODIAN.path("QueryHoldings"), DESK, Code.UNIMPLEMENTED),
        ("risk_monitor", REFLECTION, DESK, Code.UNIMPLEMENTED),  # It runs as it does in production.
    ],
)
def test_who_may_not_is_told_so(
    instance: str, method: str, metadata: Any, code: Code, stage: Any, unchanged: Any
) -> None:
    name, _, surface = instance.partition(" ")
    found, detail = ask(stage, name, method, stage.good_order("never"), metadata, surface or "grpc")
    assert found is code, detail
    told = dict(metadata).get("x-instance", "") if code is Code.PERMISSION_DENIED else ""
    assert not told or any(
        '"a call is refused"' in line and f'"caller": "{told}"' in line for line in stage.log(name).splitlines()
    )


def test_reflection_is_there_outside_of_production(stage: Any) -> None:
    request = reflection_pb2.ServerReflectionRequest(list_services="").SerializeToString()
    assert ask(stage, "exchange", REFLECTION, request, DESK) == (Code.OK, "")


# Calls that are given up.


async def open_orders(channel: grpc.aio.Channel) -> list[str]:
    question = wire.QueryAccount(to="exchange", asker="trading_engine.alpha", account="alpha")
    asking: Any = channel.unary_unary(EXCHANGE.path("QueryAccount"))
    data = await asking(
        wire.QueryAccountRequest(command=question).SerializeToString(), metadata=DESK, timeout=DEADLINE_S
    )
    (event,) = wire.QueryAccountResponse.FromString(data).events
    return [order.client_order_id for order in event.account_reported.open_orders]


async def resubmitted(stage: Any, channel: grpc.aio.Channel, name: str) -> int:
    """How many events the repetition of an order leads to: none where the venue knows it."""
    placing: Any = channel.unary_unary(SUBMIT)
    data = await placing(stage.good_order(name), metadata=DESK, timeout=DEADLINE_S)
    return len(wire.SubmitOrderResponse.FromString(data).events)


def test_a_call_that_is_given_up_has_its_effect_or_none_and_both_can_be_asked(stage: Any) -> None:
    names = [f"given-up-{number}" for number in range(40)]

    async def work() -> None:
        async with stage.channel("exchange") as channel:
            for number, name in enumerate(names):
                call = channel.unary_unary(SUBMIT)(stage.good_order(name), metadata=DESK, timeout=DEADLINE_S)
                await asyncio.sleep(number / 10_000)
                call.cancel()
            seen = await open_orders(channel)
            while (again := await open_orders(channel)) != seen:
                seen = again
            placed = [name for name in names if name in seen]
            events = {name: await resubmitted(stage, channel, name) for name in names}
            assert [name for name in names if not events[name]] == placed
            after = await open_orders(channel)
            assert [after.count(name) for name in names] == [1] * len(names)

    asyncio.run(work())


# Streams.


async def opened(channel: grpc.aio.Channel) -> Any:
    return channel.stream_stream(EXCHANGE.path("StreamCommands"))(metadata=DESK, timeout=2 * DEADLINE_S)


@pytest.mark.parametrize("first", [b"\xff\xff", b"", field(77, b"x"), field(1, b"x")[:-1]])
def test_a_wrong_first_line_ends_the_stream(first: bytes, stage: Any, unchanged: Any) -> None:
    async def work() -> None:
        async with stage.channel("exchange") as channel:
            call = await opened(channel)
            await call.write(first)
            assert await call.code() is Code.INVALID_ARGUMENT

    asyncio.run(work())


def test_what_was_taken_before_a_wrong_line_is_answered_and_stays(stage: Any) -> None:
    order = wire.SubmitOrderRequest.FromString(stage.good_order("before-a-wrong-line")).command

    async def work() -> None:
        async with stage.channel("exchange") as channel:
            call = await opened(channel)
            line = wire.StreamCommandsRequest(commands=[wire.ExchangeCommand(submit_order=order)])
            await call.write(line.SerializeToString())
            await call.write(b"\xff")
            assert wire.StreamCommandsResponse.FromString(await call.read()).refusals == []
            assert await call.code() is Code.INVALID_ARGUMENT
            assert "before-a-wrong-line" in await open_orders(channel)

    asyncio.run(work())


def test_silence_is_allowed_and_a_stream_without_a_line_ends_in_order(stage: Any, unchanged: Any) -> None:
    async def work() -> None:
        async with stage.channel("exchange") as channel:
            call = await opened(channel)
            await asyncio.sleep(1.0)
            assert not call.done()
            await call.done_writing()
            assert await call.read() is grpc.aio.EOF
            assert await call.code() is Code.OK
            with pytest.raises(asyncio.InvalidStateError, match="finished"):
                await call.write(b"")

    asyncio.run(work())


def test_one_connection_has_so_many_streams_and_others_are_served(stage: Any, unchanged: Any) -> None:
    most, asked = 200, 230

    async def work() -> None:
        async with stage.channel("exchange") as crowd, stage.channel("exchange") as other:
            request = wire.SubscribeRequest(event_types=["OrderFilled"]).SerializeToString()
            calls = [crowd.unary_stream(EXCHANGE.path("Subscribe"))(request, metadata=DESK) for _ in range(asked)]
            firsts = [asyncio.ensure_future(call.read()) for call in calls]
            await asyncio.wait(firsts, timeout=DEADLINE_S)
            assert sum(first.done() for first in firsts) == most
            assert await open_orders(other) is not None
            for call in calls[:40]:
                call.cancel()
            await asyncio.wait(firsts, timeout=DEADLINE_S)
            assert all(first.done() for first in firsts), "a place that is free is taken"
            for call in calls:
                call.cancel()
            await asyncio.gather(*firsts, return_exceptions=True)

    asyncio.run(work())
