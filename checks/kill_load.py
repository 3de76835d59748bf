"""The client of a service that is killed: it uses it as hard as it can, and keeps a ledger of what it was told.

It reads addresses from its standard input, one per life of the service, and says `down` when that life has ended.

Rule 1: a line of the ledger is on the disk before the next answer is read: what stands there was acknowledged.
Rule 2: what got no answer is sent again in the next life, under the same names.
"""

import argparse
import asyncio
import json
import os
import sys
from collections import deque
from pathlib import Path
from typing import Any, final

import grpc
from kill_twin import words

from trading_ecosystem.live.codec import NOBODY, parse
from trading_ecosystem.live.production_wire import CODEC, CUSTODIAN, EXCHANGE
from trading_ecosystem.live.security.identity import INSTANCE_KEY
from trading_ecosystem.messages.accounts import QueryAccount, QueryHoldings
from trading_ecosystem.messages.message import Addressed
from trading_ecosystem.messages.orders import CancelOrder, OrderType, Side, SubmitOrder, TimeInForce

VENUE, KEEPER = "exchange", "custodian"
DESK, READER = "trading_engine.load", "operator"  # As whom the client calls a venue, and a custodian.
ACCOUNTS = ("alpha", "beta")
PER_LINE = 10
MOST_UNANSWERED = 4
DEADLINE_S = 5.0
PAUSE_S = 0.002  # Between two lines.
TICKS_PER_UNIT = 100  # Of BTC/USD.
FAR_BELOW, FAR_ABOVE = 20_000 * TICKS_PER_UNIT, 200_000 * TICKS_PER_UNIT
LOTS = 10  # A thousandth of a BTC.


@final
class Ledger:
    """What was acknowledged, one JSON object per line."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, entry: dict[str, Any]) -> None:
        os.write(self._file, json.dumps(entry).encode() + b"\n")
        os.fsync(self._file)


@final
class VenueLoad:
    """Lines of ten orders over a stream, and single calls beside it."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._count = 0
        self._unanswered: deque[list[Addressed]] = deque()
        self._last_answered: list[Addressed] = []
        self._resting: deque[SubmitOrder] = deque()
        self._single: SubmitOrder | None = None  # Not answered yet.

    async def run(self, address: str) -> None:
        """One life of the service. Raises AioRpcError at its end."""
        async with grpc.aio.insecure_channel(address) as channel, asyncio.TaskGroup() as group:
            group.create_task(self._stream(channel))
            group.create_task(self._call(channel))

    async def _stream(self, channel: grpc.aio.Channel) -> None:
        again = [line for line in (self._last_answered, *self._unanswered) if line]
        self._unanswered.clear()
        self._unanswered.extend(again)
        stream: Any = channel.stream_stream(EXCHANGE.path("StreamCommands"))
        call = stream(metadata=called_by(DESK))
        room = asyncio.Semaphore(0)
        sending = asyncio.create_task(self._send(call, again, room))
        response_type = EXCHANGE.response_type("StreamCommands")
        try:
            async for data in call:
                self._answered(parse(response_type, data))
                room.release()
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _send(self, call: Any, again: list[list[Addressed]], room: asyncio.Semaphore) -> None:
        """What had no answer, all at once, and then new lines."""
        for line in again:
            await call.write(line_of(line))
        for _ in range(MOST_UNANSWERED - len(again)):
            room.release()
        while True:
            await room.acquire()
            line = self._next_line()
            self._unanswered.append(line)
            await call.write(line_of(line))
            await asyncio.sleep(PAUSE_S)

    def _answered(self, response: Any) -> None:
        line = self._last_answered = self._unanswered.popleft()
        submitted = [order for order in line if isinstance(order, SubmitOrder)]
        if response.refusals:
            self._ledger.note({"refused": [refusal.detail for refusal in response.refusals]})
        self._ledger.note({"orders": [[order.account, order.client_order_id] for order in submitted]})
        self._resting.extend(order for order in submitted if order.time_in_force is TimeInForce.GTC)

    def _next_line(self) -> list[Addressed]:
        """Ten new orders; or, when many rest, as many cancels."""
        if len(self._resting) > 10 * PER_LINE:
            resting = [self._resting.popleft() for _ in range(PER_LINE)]
            return [CancelOrder(VENUE, order.account, order.client_order_id) for order in resting]
        return [self._order() for _ in range(PER_LINE)]

    def _order(self) -> SubmitOrder:
        """Of five, two meet the market at once and three rest far from it; each fourth account's turn is the other."""
        self._count += 1
        number = self._count
        is_buy, takes = number % 2 == 0, number % 5 < 2
        side = Side.BUY if is_buy else Side.SELL
        price_ticks = FAR_BELOW + number % 1000 if is_buy is not takes else FAR_ABOVE - number % 1000
        return SubmitOrder(
            VENUE,
            ACCOUNTS[number // 4 % 2],
            f"load-{number}",
            "BTC/USD",
            side,
            OrderType.LIMIT,
            TimeInForce.IOC if takes else TimeInForce.GTC,
            price_ticks,
            LOTS,
        )

    async def _call(self, channel: grpc.aio.Channel) -> None:
        while True:
            self._single = self._single or self._order()
            events = await ask(channel, self._single)
            self._ledger.note({"orders": [[self._single.account, self._single.client_order_id]], "said": events})
            self._single = None
            report = QueryAccount(to=VENUE, asker=DESK, account=ACCOUNTS[self._count % 2])
            self._ledger.note({"said": await ask(channel, report)})
            await asyncio.sleep(5 * PAUSE_S)


@final
class KeeperLoad:
    """Listens to everything a custodian settles, and asks what it holds."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._incarnation = self._sequence = 0

    async def run(self, address: str) -> None:
        """One life of the service. Raises AioRpcError at its end."""
        async with grpc.aio.insecure_channel(address) as channel, asyncio.TaskGroup() as group:
            group.create_task(self._listen(channel))
            group.create_task(self._call(channel))

    async def _listen(self, channel: grpc.aio.Channel) -> None:
        wanted = ["SettlementInstructed", "TransactionPosted", "SettlementFailed"]
        request = CUSTODIAN.request_type("Subscribe")(
            subscriber=READER, event_types=wanted, incarnation=self._incarnation, last_sequence=self._sequence
        )
        call: Any = channel.unary_stream(CUSTODIAN.path("Subscribe"))(
            request.SerializeToString(), metadata=called_by(READER)
        )
        async for data in call:
            line = parse(CUSTODIAN.response_type("Subscribe"), data)
            if line.incarnation and line.incarnation != self._incarnation:
                self._incarnation, self._sequence = line.incarnation, 0
            told = [CUSTODIAN.read_event(event) for event in line.events]
            if told:
                self._ledger.note({"heard": [words(each.message) for each in told]})
                self._sequence = told[-1].sequence

    async def _call(self, channel: grpc.aio.Channel) -> None:
        while True:
            for account in (*ACCOUNTS, "fees", "external"):
                question = QueryHoldings(to=KEEPER, asker=READER, account=account)
                self._ledger.note({"said": await ask(channel, question)})
            await asyncio.sleep(PAUSE_S)


def line_of(line: list[Addressed]) -> bytes:
    commands = [EXCHANGE.command(command, NOBODY) for command in line]
    encoded: bytes = EXCHANGE.request_type("StreamCommands")(commands=commands).SerializeToString()
    return encoded


def called_by(caller: str) -> tuple[tuple[str, str], ...]:
    return ((INSTANCE_KEY, caller),)


async def ask(channel: grpc.aio.Channel, command: Addressed) -> list[str]:
    """What the service says to this command, when it is durable. Raises AioRpcError."""
    speech, caller = (CUSTODIAN, READER) if isinstance(command, QueryHoldings) else (EXCHANGE, DESK)
    method = type(command).__name__
    request = speech.request_type(method)(command=CODEC.to_wire(command))
    call: Any = channel.unary_unary(speech.path(method))
    data = await call(request.SerializeToString(), metadata=called_by(caller), timeout=DEADLINE_S)
    return [words(speech.read_event(event).message) for event in parse(speech.response_type(method), data).events]


async def serve(load: VenueLoad | KeeperLoad) -> None:
    while address := (await asyncio.to_thread(sys.stdin.readline)).strip():
        try:
            await load.run(address)
        except* grpc.aio.AioRpcError:
            pass
        print("down", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="The client of a service that is killed.")
    parser.add_argument("--service", choices=(VENUE, KEEPER), required=True)
    parser.add_argument("--ledger", type=Path, required=True)
    arguments = parser.parse_args()
    ledger = Ledger(arguments.ledger)
    asyncio.run(serve(VenueLoad(ledger) if arguments.service == VENUE else KeeperLoad(ledger)))


if __name__ == "__main__":
    main()
