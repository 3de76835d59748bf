"""Streams over a real WebSocket: what is told, what is missed, and what becomes of a client that misbehaves."""

import asyncio
import json
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from trading_ecosystem.live.door import RefusalCode, Refused
from trading_ecosystem.live.rest import connection

BEARER = {"Authorization": "Bearer token-of-alice"}
QUOTES = {"id": 1, "command": "subscribe", "stream": "quotes.BTC/USD"}


async def say(client: ClientConnection, command: object) -> Any:
    await client.send(json.dumps(command))
    return await hear(client)


async def hear(client: ClientConnection) -> Any:
    async with asyncio.timeout(5):
        return json.loads(await client.recv())


async def closed(client: ClientConnection) -> tuple[int, str]:
    """The close code and reason, whatever comes before."""
    async with asyncio.timeout(10):
        try:
            while True:
                await client.recv()
        except ConnectionClosed as end:
            assert end.rcvd is not None, "cut off without a word"
            return end.rcvd.code, end.rcvd.reason


@pytest.fixture
def served(workshop: Any, request: pytest.FixtureRequest) -> Any:
    return workshop.serve(getattr(request, "param", "market_data"))


@pytest.fixture
def visit(served: Any, over_network: Any) -> Callable[..., Any]:
    """visit(work, headers): work(client) with one connection to the service's streams."""

    def run(work: Callable[[ClientConnection], Coroutine[Any, Any, Any]], **arguments: Any) -> Any:
        async def inside(host: str, port: int) -> Any:
            arguments.setdefault("additional_headers", BEARER)
            async with connect(f"ws://{host}:{port}/api/v1/stream", **arguments) as client:
                return await work(client)

        return over_network(served.app, inside)

    return run


def test_a_subscriber_hears_every_event_in_order(served: Any, visit: Any) -> None:
    async def work(client: ClientConnection) -> None:
        answer = await say(client, QUOTES)
        assert answer["id"] == 1 and answer["result"]["stream"] == "quotes.BTC/USD"
        first = answer["result"]["sequence"]
        assert await say(client, QUOTES) == answer, "again is as good as once"
        served.door.wait(1)
        served.door.wait(1)
        for number in (first + 1, first + 2):
            line = await hear(client)
            assert (line["stream"], line["sequence"]) == ("quotes.BTC/USD", number)
            assert line["data"]["symbol"] == "BTC/USD" and "." in line["data"]["bid"]
        assert await say(client, {"id": "x", "command": "unsubscribe", "stream": "quotes.BTC/USD"}) == {
            "id": "x",
            "result": {"stream": "quotes.BTC/USD"},
        }
        served.door.wait(1)
        assert (await say(client, {"id": 9, "command": "ping"}))["id"] == 9

    visit(work)


def test_who_comes_back_hears_what_they_missed_or_is_told_to_start_anew(served: Any, visit: Any) -> None:
    async def work(client: ClientConnection) -> None:
        told = (await say(client, QUOTES))["result"]
        await say(client, {**QUOTES, "command": "unsubscribe"})
        served.door.wait(1)
        back = {**QUOTES, "id": 2, "epoch": told["epoch"]}
        await client.send(json.dumps({**back, "after": told["sequence"]}))
        assert (await hear(client))["sequence"] == told["sequence"] + 1
        assert (await hear(client))["result"]["sequence"] == told["sequence"] + 1
        await say(client, {**QUOTES, "command": "unsubscribe"})
        for other, code in (
            ({"after": told["sequence"] + 2}, "resynchronize_required"),
            ({"after": told["sequence"], "epoch": "another"}, "resynchronize_required"),
            ({"after": -1}, "invalid_after"),
            ({"after": True}, "invalid_after"),
            ({"after": "1"}, "invalid_after"),
        ):
            assert (await say(client, {**back, **other}))["error"]["code"] == code

    visit(work)


def test_what_is_older_than_what_is_kept_is_not_told_in_part(served: Any, visit: Any) -> None:
    async def work(client: ClientConnection) -> None:
        told = (await say(client, QUOTES))["result"]
        await say(client, {**QUOTES, "command": "unsubscribe"})
        for _ in range(1_001):
            served.door.wait(1)
        answer = await say(client, {**QUOTES, "epoch": told["epoch"], "after": told["sequence"]})
        assert answer["error"]["code"] == "resynchronize_required"

    visit(work)


BAD_COMMANDS = [
    ("{", "malformed"),
    ("[]", "malformed"),
    ('{"id": 1, "id": 2, "command": "ping"}', "malformed"),
    ('{"id": NaN, "command": "ping"}', "malformed"),
    ('{"command": "ping"}', "invalid_id"),
    ('{"id": true, "command": "ping"}', "invalid_id"),
    ('{"id": [1], "command": "ping"}', "invalid_id"),
    ('{"id": 1}', "unknown_command"),
    ('{"id": 1, "command": ["subscribe"]}', "unknown_command"),
    ('{"id": 1, "command": "subscribe"}', "invalid_stream"),
    ('{"id": 1, "command": "subscribe", "stream": "quotes.DOGE/USD"}', "unknown_stream"),
    ('{"id": 1, "command": "subscribe", "stream": "BTC/USD"}', "unknown_stream"),
    ('{"id": 1, "command": "unsubscribe", "stream": "quotes.BTC/USD"}', "not_subscribed"),
]


def test_a_bad_command_is_answered_and_the_connection_stays(served: Any, visit: Any) -> None:
    async def work(client: ClientConnection) -> None:
        for text, code in BAD_COMMANDS:
            await client.send(text)
            answer = await hear(client)
            assert answer["error"]["code"] == code and set(answer) == {"id", "error"}, (text, answer)
            assert (await say(client, {"id": 5, "command": "ping", "unknown": 1}))["id"] == 5

    before = served.door.digest()
    visit(work)
    assert served.door.digest() == before


ENDS: list[tuple[str, list[str | bytes], int]] = [
    ("ten bad commands", ["{"] * 10, 1008),
    ("too many commands", ['{"id": 1, "command": "ping"}'] * 200, 1008),
    ("binary", [b'{"id": 1, "command": "ping"}'], 1003),
    ("too large", ["x" * 65_537], 1009),
]


@pytest.mark.parametrize("name,messages,code", ENDS, ids=[name for name, _, _ in ENDS])
def test_a_connection_that_misbehaves_is_closed(name: str, messages: list[str | bytes], code: int, visit: Any) -> None:
    async def work(client: ClientConnection) -> tuple[int, str]:
        try:
            for message in messages:
                await client.send(message)
        except ConnectionClosed:
            pass
        return await closed(client)

    assert visit(work)[0] == code


def test_text_that_is_not_utf8_is_closed(visit: Any) -> None:
    async def work(client: ClientConnection) -> tuple[int, str]:
        await client.send(b"\xff\xfe", text=True)
        return await closed(client)

    assert visit(work)[0] == 1007


@pytest.mark.parametrize("served", ["exchange"], indirect=True)
def test_there_are_at_most_64_subscriptions(served: Any, over_network: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MOST_SUBSCRIPTIONS", 2)

    async def inside(host: str, port: int) -> None:
        async with connect(f"ws://{host}:{port}/api/v1/stream", additional_headers=BEARER) as client:
            for symbol in ("BTC/USD", "ETH/USD"):
                await say(client, {"id": 1, "command": "subscribe", "stream": f"tops.{symbol}"})
            answer = await say(client, {"id": 1, "command": "subscribe", "stream": "tops.BTC/USDT"})
            assert answer["error"]["code"] == "too_many_subscriptions"

    assert connection.MOST_SUBSCRIPTIONS == 2
    over_network(served.app, inside)


@pytest.mark.parametrize("served", ["exchange"], indirect=True)
def test_executions_are_told_to_their_owner_alone(served: Any, over_network: Any) -> None:
    order = {
        "account": "alpha",
        "client_order_id": "mine-1",
        "symbol": "BTC/USD",
        "side": "buy",
        "type": "limit",
        "price": "50000.00",
        "quantity": "0.5",
    }

    async def inside(host: str, port: int) -> None:
        async with connect(f"ws://{host}:{port}/api/v1/stream", additional_headers=BEARER) as client:
            for foreign in ("executions.beta", "executions.nobody", "executions.", "executions"):
                answer = await say(client, {"id": 1, "command": "subscribe", "stream": foreign})
                assert answer["error"] == {"code": "unknown_stream", "detail": "there is no such stream"}
            await say(client, {"id": 2, "command": "subscribe", "stream": "executions.alpha"})
            await served.call_in_loop("POST", "/api/v1/orders", json=order)
            await served.call_in_loop("POST", "/api/v1/orders", "token-of-beth", json={**order, "account": "beta"})
            await served.call_in_loop("DELETE", "/api/v1/orders/mine-1?account=alpha")
            await served.call_in_loop("DELETE", "/api/v1/orders/mine-1?account=alpha")
            market = {**order, "type": "market", "client_order_id": "mine-2", "quantity": "0.01"}
            await served.call_in_loop("POST", "/api/v1/orders", json={k: v for k, v in market.items() if k != "price"})
            await served.call_in_loop(
                "POST", "/api/v1/orders", json={**order, "client_order_id": "mine-3", "quantity": "900000"}
            )
            lines = [await hear(client) for _ in range(6)]
        told = [line["data"] for line in lines]
        assert [each["event"] for each in told] == [
            "OrderAccepted",
            "OrderCanceled",
            "CancelRejected",
            "OrderAccepted",
            "OrderFilled",
            "OrderRejected",
        ]
        assert {each["account"] for each in told} == {"alpha"}
        assert [each["account_sequence"] for each in told] == [1, 2, 3, 4, 5, 6]
        assert (told[0]["price"], told[3]["price"], told[4]["leaves_quantity"]) == ("50000.00", None, "0.0000")

    over_network(served.app, inside)


@pytest.mark.parametrize(
    "headers,status",
    [
        ({}, 401),
        ({"Authorization": "Bearer token-of-mallory"}, 401),
        ({"Authorization": "Bearer token-of-nora"}, 403),
        ({**BEARER, "Origin": "https://elsewhere.example"}, 403),
    ],
)
def test_who_may_not_come_in_is_told_before_the_upgrade(headers: dict[str, str], status: int, visit: Any) -> None:
    async def work(client: ClientConnection) -> None:
        raise AssertionError("it came in")

    with pytest.raises(InvalidStatus) as refused:
        visit(work, additional_headers=headers)
    response = refused.value.response
    assert response.status_code == status
    assert json.loads(response.body or b"")["status"] == status


def test_a_token_that_is_revoked_ends_the_connection(
    workshop: Any, over_network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CHECK_TOKEN_S", 0.1)
    served = workshop.market_data()
    revoked: list[str] = []
    authorise = served.surface.authorise

    def strict(token: str, scope: str, account: str) -> str:
        if token in revoked:
            raise Refused(RefusalCode.UNAUTHENTICATED, "revoked")
        return str(authorise(token, scope, account))

    object.__setattr__(served.surface, "authorise", strict)

    async def inside(host: str, port: int) -> tuple[int, str]:
        async with connect(f"ws://{host}:{port}/api/v1/stream", additional_headers=BEARER) as client:
            await say(client, QUOTES)
            revoked.append("token-of-alice")
            return await closed(client)

    assert over_network(served.app, inside)[0] == 4401


def test_a_client_that_does_not_read_is_cut_off_and_the_others_hear_everything(served: Any, over_network: Any) -> None:
    rounds = 6_000

    async def inside(host: str, port: int) -> tuple[int, int, str]:
        address = f"ws://{host}:{port}/api/v1/stream"
        small = socket.socket()
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        small.connect((host, port))
        async with (
            connect(address, additional_headers=BEARER) as quick,
            connect(address, additional_headers=BEARER, sock=small) as lazy,
        ):
            await say(quick, QUOTES)
            await say(lazy, QUOTES)
            heard = 0
            lazy.transport.pause_reading()
            for _ in range(rounds // 100):
                for _ in range(100):
                    served.door.wait(1)
                for _ in range(100):
                    await hear(quick)
                    heard += 1
            await asyncio.sleep(0.2)
            lazy.transport.resume_reading()
            code, reason = await closed(lazy)
            return heard, code, reason

    heard, code, reason = over_network(served.app, inside)
    assert heard == rounds
    assert (code, reason) == (1013, "the client does not read what it subscribed to")
    assert ("WEBSOCKET", "/api/v1/stream", 1013) in served.observed
