"""One table of bad orders, sent to every surface of a real exchange process: each surface's answer is a column.

What is refused at the door has changed nothing at all. What the venue rejects by name has changed no balance, no order
and no book: the venue remembers that it rejected it.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import grpc
import httpx
import pytest
from websockets.asyncio.client import connect

from trading_ecosystem.wire.common.v1 import common_pb2
from trading_ecosystem.wire.exchange.v1 import exchange_pb2 as wire

SERVICE = "/trading_ecosystem.wire.exchange.v1.ExchangeService"
DESK = (("x-instance", "trading_engine.alpha"),)
DEADLINE_S = 5.0
TICK, LOT = Decimal("0.01"), Decimal("0.0001")  # Of BTC/USD.
BOUGHT_FAR_BELOW = {
    "account": "alpha",
    "symbol": "BTC/USD",
    "side": "buy",
    "type": "limit",
    "price": "100.00",
    "quantity": "0.5",
}
KEPT = "kept"  # The name of an order that was placed before.
UNSAID = "unsaid"  # A field that is left out.
SIDES = {"buy": wire.SIDE_BUY, "sell": wire.SIDE_SELL, UNSAID: 0}
TYPES = {"limit": wire.ORDER_TYPE_LIMIT, "market": wire.ORDER_TYPE_MARKET, UNSAID: 0}
TIMES = {"GTC": wire.TIME_IN_FORCE_GTC, "IOC": wire.TIME_IN_FORCE_IOC, UNSAID: 0}
NO_OTHER_WORDS: Mapping[str, Any] = {}


class Case(NamedTuple):
    """`changes` are those of a good order, in the words of REST; `wire` says what gRPC can say otherwise or not at all.

    `rest`: status and code. `grpc`: a status, with the field that is to blame in `at`, or the reason of the venue's
    rejection; a line of StreamCommands is answered alike, but of a rejection hears nothing. Empty: this surface cannot
    say it. `stream`: what a WebSocket is asked for instead of an order.
    """

    name: str
    changes: dict[str, Any]
    rest: str
    grpc: str
    at: str = ""
    wire: Mapping[str, Any] = NO_OTHER_WORDS
    stream: str = ""


LONG = "x" * 65
HUGE = 2**63 - 1
INVALID = "INVALID_ARGUMENT"
CASES = [
    # Quantity.
    Case("quantity zero", {"quantity": "0"}, "422 invalid_quantity", "INVALID_QUANTITY"),
    Case(
        "quantity below zero",
        {"quantity": "-1"},
        "422 invalid_quantity",
        "INVALID_QUANTITY",
        wire={"quantity_lots": -1},
    ),
    Case(
        "quantity lowest",
        {"quantity": "-9" * 9},
        "422 invalid_quantity",
        INVALID,
        "quantity_lots",
        {"quantity_lots": -(2**63)},
    ),
    Case(
        "quantity huge",
        {"quantity": "9" * 18},
        "422 invalid_quantity",
        INVALID,
        "quantity_lots",
        {"quantity_lots": HUGE},
    ),
    Case("quantity off the lot", {"quantity": "0.00005"}, "422 invalid_quantity", ""),
    Case("quantity no number", {"quantity": "NaN"}, "422 invalid_quantity", ""),
    Case("quantity of a wrong type", {"quantity": 1}, "422 invalid_quantity", ""),
    Case(
        "quantity unsaid", {"quantity": UNSAID}, "422 invalid_quantity", "INVALID_QUANTITY", wire={"quantity_lots": 0}
    ),
    Case("more than is there", {"quantity": "1000000000"}, "409 insufficient_funds", "INSUFFICIENT_FUNDS"),
    # Price.
    Case("price zero", {"price": "0"}, "422 invalid_price", "INVALID_PRICE"),
    Case("price below zero", {"price": "-100"}, "422 invalid_price", "INVALID_PRICE", wire={"price_ticks": -1}),
    Case("price huge", {"price": "9" * 18}, "422 invalid_price", INVALID, "price_ticks", {"price_ticks": HUGE}),
    Case("price off the tick", {"price": "100.001"}, "422 invalid_price", ""),
    Case("price with an exponent", {"price": "1e3"}, "422 invalid_price", ""),
    Case("price in other digits", {"price": "\u0661\u0660\u0660"}, "422 invalid_price", ""),
    Case("price of a wrong type", {"price": 100.0}, "422 invalid_price", ""),
    Case("limit without a price", {"price": UNSAID}, "422 invalid_price", "INVALID_PRICE", wire={"price_ticks": 0}),
    Case("market with a price", {"type": "market"}, "422 invalid_price", "INVALID_PRICE"),
    # Whose, and of what.
    Case(
        "account of somebody else",
        {"account": "beta"},
        "404 unknown_account",
        "NOT_FOUND",
        "account",
        stream="executions.beta",
    ),
    Case(
        "account of the venue",
        {"account": "background"},
        "404 unknown_account",
        "NOT_FOUND",
        "account",
        stream="executions.background",
    ),
    Case(
        "account unknown",
        {"account": "gamma"},
        "404 unknown_account",
        "NOT_FOUND",
        "account",
        stream="executions.gamma",
    ),
    Case("account empty", {"account": ""}, "422 invalid_account", "NOT_FOUND", "account", stream="executions."),
    Case("account unsaid", {"account": UNSAID}, "422 missing_field", "NOT_FOUND", "account", {"account": ""}),
    Case("account of a wrong type", {"account": ["alpha"]}, "422 invalid_account", ""),
    Case(
        "account no ASCII",
        {"account": "álpha"},
        "422 invalid_account",
        "NOT_FOUND",
        "account",
        stream="executions.álpha",
    ),
    Case("symbol unknown", {"symbol": "BTC/XXX"}, "404 unknown_symbol", "UNKNOWN_SYMBOL", stream="tops.BTC/XXX"),
    Case("symbol empty", {"symbol": ""}, "422 invalid_symbol", INVALID, "symbol", stream="tops."),
    Case("symbol too long", {"symbol": LONG}, "422 invalid_symbol", INVALID, "symbol", stream=f"tops.{LONG}"),
    Case("symbol no ASCII", {"symbol": "БТЦ/USD"}, "404 unknown_symbol", INVALID, "symbol", stream="tops.БТЦ/USD"),
    Case(
        "symbol with an end", {"symbol": "BTC/USD\0"}, "404 unknown_symbol", INVALID, "symbol", stream="tops.BTC/USD\0"
    ),
    Case("another venue", {}, "", INVALID, "to", {"to": "exchange.beta"}),
    Case("venue unsaid", {}, "", INVALID, "to", {"to": ""}),
    # The name of the order.
    Case(
        "id unsaid",
        {"client_order_id": UNSAID},
        "400 missing_client_order_id",
        INVALID,
        "client_order_id",
        {"client_order_id": ""},
    ),
    Case("id empty", {"client_order_id": ""}, "422 invalid_client_order_id", INVALID, "client_order_id"),
    Case("id too long", {"client_order_id": LONG}, "422 invalid_client_order_id", INVALID, "client_order_id"),
    Case("id of a megabyte", {"client_order_id": "x" * (1 << 20)}, "413 too_large", INVALID, "client_order_id"),
    Case("id no ASCII", {"client_order_id": "é"}, "422 invalid_client_order_id", INVALID, "client_order_id"),
    Case("id of two lines", {"client_order_id": "a\nb"}, "422 invalid_client_order_id", INVALID, "client_order_id"),
    Case("id with an end", {"client_order_id": "a\0"}, "422 invalid_client_order_id", INVALID, "client_order_id"),
    Case(
        "id used for another order",
        {"client_order_id": KEPT, "quantity": "0.6"},
        "422 key_reused",
        "CLIENT_ORDER_ID_REUSED",
    ),
    Case("id used for this order", {"client_order_id": KEPT}, "201", "OK"),
    # Kinds.
    Case("side unsaid", {"side": UNSAID}, "422 missing_field", INVALID, "side"),
    Case("side unknown", {"side": "hold"}, "422 invalid_side", INVALID, "side", {"side": 9}),
    Case("type unsaid", {"type": UNSAID}, "422 missing_field", INVALID, "order_type"),
    Case("type unknown", {"type": "peg"}, "422 invalid_type", INVALID, "order_type", {"order_type": 9}),
    Case(
        "time in force unknown",
        {"time_in_force": "GFD"},
        "422 invalid_time_in_force",
        INVALID,
        "time_in_force",
        {"time_in_force": 9},
    ),
    Case("time in force unsaid", {}, "", INVALID, "time_in_force", {"time_in_force": 0}),
    Case("post only of a wrong type", {"post_only": "yes"}, "422 invalid_post_only", ""),
    Case(
        "post only that would take",
        {"price": "5000000.00", "quantity": "0.001", "post_only": True},
        "409 would_take",
        "WOULD_TAKE",
    ),
    Case(
        "post only that may not rest", {"post_only": True, "time_in_force": "IOC"}, "422 invalid_terms", "INVALID_TERMS"
    ),
    # The terms that most orders leave out.
    Case(
        "more shown than there is",
        {"display": "0.6"},
        "422 invalid_display",
        "INVALID_DISPLAY",
        wire={"display_lots": 6_000},
    ),
    Case("display off the lot", {"display": "0.00001"}, "422 invalid_display", ""),
    Case("display below zero", {}, "", "INVALID_DISPLAY", wire={"display_lots": -1}),
    Case(
        "an end without GTD",
        {"expires": "2100-01-01T00:00:00Z"},
        "422 invalid_expiry",
        "INVALID_EXPIRY",
        wire={"expires_ns": 1},
    ),
    Case(
        "GTD without an end",
        {"time_in_force": "GTD"},
        "422 invalid_expiry",
        "INVALID_EXPIRY",
        wire={"time_in_force": 5},
    ),
    Case("GTD that is over", {"time_in_force": "GTD", "expires": "2001-01-01T00:00:00Z"}, "422 invalid_expiry", ""),
    Case("an end that is no moment", {"time_in_force": "GTD", "expires": "tomorrow"}, "422 invalid_expires", ""),
    Case(
        "quantity and quote amount",
        {"quote_amount": "50.00"},
        "422 invalid_quantity",
        "INVALID_TERMS",
        wire={"quote_minor": 5},
    ),
    Case(
        "own orders unknown", {"self_trade": "hope"}, "422 invalid_self_trade", INVALID, "self_trade", {"self_trade": 9}
    ),
    Case("a stop without its price", {"type": "stop"}, "422 invalid_trigger", ""),
    Case("a trail beyond half the price", {"type": "trailing_stop", "trail": "60%"}, "422 invalid_trigger", ""),
    Case("a stop with a trail", {"type": "stop", "trigger_price": "90.00", "trail": "1%"}, "422 invalid_trigger", ""),
    Case("a limit order that waits", {"trigger_price": "90.00"}, "422 invalid_terms", ""),
    Case("a field nobody knows", {"leverage": 10}, "422 unknown_field", INVALID, wire={"": b"\xfa\x3f\x01x"}),
]
REJECTED = (
    "INVALID_QUANTITY",
    "INVALID_PRICE",
    "UNKNOWN_SYMBOL",
    "INVALID_TERMS",
    "INVALID_DISPLAY",
    "INVALID_EXPIRY",
    "CLIENT_ORDER_ID_REUSED",
    "WOULD_TAKE",
    "INSUFFICIENT_FUNDS",
)

BY_THE_VENUE = (
    *("409 insufficient_funds", "409 would_take", "422 invalid_terms"),
    *("422 invalid_display", "422 invalid_expiry", "422 invalid_trigger"),
)


# What is sent.


def body_of(case: Case, name: str) -> dict[str, Any]:
    told = {**BOUGHT_FAR_BELOW, "client_order_id": name, **case.changes}
    return {key: value for key, value in told.items() if value != UNSAID}


def order_of(case: Case, name: str) -> bytes:
    """The order as protobuf, with what only bytes can say behind it."""
    told = {**BOUGHT_FAR_BELOW, "client_order_id": name, "time_in_force": "GTC", "post_only": False, **case.changes}
    usual = {
        "to": "exchange",
        "account": told["account"],
        "client_order_id": told["client_order_id"],
        "symbol": told["symbol"],
        "side": SIDES.get(told["side"], 9),
        "order_type": TYPES.get(told["type"], 9),
        "time_in_force": TIMES.get(told["time_in_force"], 9),
        "post_only": told["post_only"],
    }
    said = {key: value for key, value in case.wire.items() if key}
    if "price_ticks" not in said:
        usual["price_ticks"] = int(Decimal(told["price"]) / TICK)
    if "quantity_lots" not in said:
        usual["quantity_lots"] = int(Decimal(told["quantity"]) / LOT)
    return wire.SubmitOrder(**{**usual, **said}).SerializeToString() + bytes(case.wire.get("", b""))


# What is answered.


def over_rest(stage: Any, body: dict[str, Any]) -> str:
    """Status and code."""
    answer = httpx.post(
        f"{stage.url('exchange')}/api/v1/orders",
        content=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {stage.token('desk')}", "Content-Type": "application/json"},
        timeout=DEADLINE_S,
    )
    told = answer.json()
    if answer.status_code >= 400:
        assert len(answer.content) < 1_000 and "Traceback" not in answer.text
    return f"{answer.status_code} {told.get('code', '')}".strip()


async def over_call(stage: Any, order: bytes) -> tuple[str, str]:
    """A status and its words; or the reason of the venue's rejection."""
    request = wire.SubmitOrderRequest(command=wire.SubmitOrder.FromString(order)).SerializeToString()
    async with stage.channel("exchange") as channel:
        try:
            data = await channel.unary_unary(f"{SERVICE}/SubmitOrder")(request, metadata=DESK, timeout=DEADLINE_S)
        except grpc.aio.AioRpcError as error:
            assert len(error.details() or "") < 300 and "Traceback" not in (error.details() or "")
            return error.code().name, error.details() or ""
    for event in wire.SubmitOrderResponse.FromString(data).events:
        if event.HasField("order_rejected"):
            reason = wire.RejectReason.Name(event.order_rejected.reject_reason)
            return reason.removeprefix("REJECT_REASON_"), ""
    return "OK", ""


async def over_line(stage: Any, order: bytes) -> tuple[str, str]:
    """As a call would be answered, where the line is refused; OK where the venue has the command."""
    command = wire.ExchangeCommand(submit_order=wire.SubmitOrder.FromString(order))
    async with stage.channel("exchange") as channel:
        call = channel.stream_stream(f"{SERVICE}/StreamCommands")(metadata=DESK, timeout=DEADLINE_S)
        await call.write(wire.StreamCommandsRequest(commands=[command]).SerializeToString())
        await call.done_writing()
        answer = wire.StreamCommandsResponse.FromString(await call.read())
        assert await call.read() is grpc.aio.EOF
    if not answer.refusals:
        return "OK", ""
    (refusal,) = answer.refusals
    assert refusal.command_index == 0 and len(refusal.detail) < 300
    code = common_pb2.RefusalCode.Name(refusal.code).removeprefix("REFUSAL_CODE_")
    return {"INVALID": "INVALID_ARGUMENT"}.get(code, code), f"{refusal.field}: {refusal.detail}"


async def over_websocket(stage: Any, stream: str) -> str:
    bearer = {"Authorization": f"Bearer {stage.token('desk')}"}
    address = stage.addresses["exchange"]["rest"]
    async with (
        asyncio.timeout(DEADLINE_S),
        connect(f"ws://{address}/api/v1/stream", additional_headers=bearer) as client,
    ):
        await client.send(json.dumps({"id": 1, "command": "subscribe", "stream": stream}))
        answer = json.loads(await client.recv())
        await client.send(json.dumps({"id": 2, "command": "ping"}))
        assert json.loads(await client.recv())["id"] == 2, "the connection goes on"
    return str(answer["error"]["code"])


@pytest.fixture(scope="module", autouse=True)
def kept(stage: Any) -> None:
    """An order that is there, and was placed over every surface that places one."""
    assert over_rest(stage, body_of(Case("kept", {}, "201", "OK"), KEPT)) == "201"


def whole(stage: Any) -> str:
    return str(stage.digest("exchange"))


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_every_surface_says_no_in_its_own_words_and_nothing_changes(case: Case, stage: Any) -> None:
    names = [f"{CASES.index(case)}-{surface}" for surface in ("rest", "call", "line")]
    is_the_venues = case.grpc in REJECTED or case.rest in BY_THE_VENUE
    look: Callable[[Any], str] = balances_and_book if is_the_venues else whole
    before, orders = look(stage), open_orders(stage)
    if case.rest:
        strict = "" if case.rest in BY_THE_VENUE else whole(stage)
        assert over_rest(stage, body_of(case, names[0])) == case.rest
        assert not strict or whole(stage) == strict
    if case.grpc:
        code, detail = asyncio.run(over_call(stage, order_of(case, names[1])))
        assert code == case.grpc, detail
        assert detail.startswith(case.at), detail
        line, detail = asyncio.run(over_line(stage, order_of(case, names[2])))
        assert line == ("OK" if case.grpc in REJECTED else case.grpc), detail
        assert detail.startswith(case.at), detail
    if case.stream:
        assert asyncio.run(over_websocket(stage, case.stream)) == "unknown_stream"
    assert stage.alive()
    assert look(stage) == before
    assert open_orders(stage) == orders


def balances_and_book(stage: Any) -> str:
    """All but the count of alpha's events and the names that alpha has used: the memory of what was rejected."""
    state = stage.state("exchange")
    state.pop("submissions")
    state["accounts"] = without_counts(state["accounts"])
    return json.dumps(state, sort_keys=True)


def without_counts(accounts: Any) -> Any:
    found = {name: dict(values) if isinstance(values, dict) else list(values) for name, values in accounts.items()}
    alpha = found["alpha"]
    assert isinstance(alpha, dict) and isinstance(alpha.pop("sequence"), int)
    return found


def open_orders(stage: Any) -> list[str]:
    answer = httpx.get(
        f"{stage.url('exchange')}/api/v1/orders",
        params={"account": "alpha"},
        headers={"Authorization": f"Bearer {stage.token('desk')}"},
        timeout=DEADLINE_S,
    )
    return sorted(order["client_order_id"] for order in answer.json()["orders"])
