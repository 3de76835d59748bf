"""One WebSocket connection: JSON commands in, answers and events out.

    {"id": 1, "command": "subscribe", "stream": "quotes.BTC/USD"}
    {"id": 2, "command": "subscribe", "stream": "quotes.BTC/USD", "epoch": "5f0c...", "after": 118}
    {"id": 3, "command": "unsubscribe", "stream": "quotes.BTC/USD"}      {"id": 4, "command": "ping"}

Rule 1: what waits for a client is bounded; one that does not read is closed (1013), and nobody else notices.
Rule 2: a bad command is answered with its id and a code; ten in a row, or too many in a second, end the connection.
Rule 3: a token that is valid no more ends the connection within five seconds.
"""

import asyncio
import json
import time
from collections import deque
from typing import NoReturn, final

from starlette.websockets import WebSocket, WebSocketDisconnect

from trading_ecosystem.live.door import Refused
from trading_ecosystem.live.rest.access import Caller
from trading_ecosystem.live.rest.json_text import read_json
from trading_ecosystem.live.rest.problems import Trouble
from trading_ecosystem.live.rest.rates import Bucket, Rate
from trading_ecosystem.live.rest.streams import Resynchronize, Streams

MOST_LINES = 2_000
MOST_CHARACTERS = 1 << 20
MOST_SUBSCRIPTIONS = 64
MOST_BAD_COMMANDS = 10
COMMANDS = Rate(per_second=20, burst=100)
CHECK_TOKEN_S = 4.0
UNSUPPORTED, POLICY, TRY_LATER, REVOKED = 1003, 1008, 1013, 4401


class Closing(Exception):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class BadCommand(Exception):
    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@final
class Connection:
    def __init__(self, websocket: WebSocket, streams: Streams, caller: Caller) -> None:
        self._websocket = websocket
        self._streams = streams
        self._caller = caller
        self._lines: deque[str] = deque()
        self._characters = 0
        self._filled = asyncio.Event()
        self._overrun = asyncio.Event()
        self._subscribed: dict[str, str] = {}  # Stream -> account.
        self._commands = Bucket(COMMANDS, time.monotonic_ns())
        self._bad = 0

    async def run(self) -> int:
        """Serve until one side has enough. Returns the close code."""
        work = (self._read(), self._write(), self._cut(), self._watch())
        tasks = [asyncio.ensure_future(each) for each in work]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._streams.leave(self)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return await self._end([task.exception() for task in done])

    async def _end(self, reasons: list[BaseException | None]) -> int:
        for reason in reasons:
            if isinstance(reason, Closing):
                await self._websocket.close(reason.code, reason.reason)
                return reason.code
        for reason in reasons:
            if isinstance(reason, WebSocketDisconnect):
                return reason.code
        assert reasons[0] is not None, "a part of a connection ends by raising"
        raise reasons[0]

    # Out.

    def offer(self, text: str) -> None:
        self._characters += len(text)
        if len(self._lines) >= MOST_LINES or self._characters > MOST_CHARACTERS:
            self._overrun.set()
            return
        self._lines.append(text)
        self._filled.set()

    async def _write(self) -> NoReturn:
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self._lines:
                text = self._lines.popleft()
                await self._websocket.send_text(text)
                self._characters -= len(text)

    async def _cut(self) -> NoReturn:
        await self._overrun.wait()
        raise Closing(TRY_LATER, "the client does not read what it subscribed to")

    async def _watch(self) -> NoReturn:
        while True:
            await asyncio.sleep(CHECK_TOKEN_S)
            try:
                self._caller.confine("")
                for account in self._subscribed.values():
                    self._caller.confine(account)
            except (Refused, Trouble):
                raise Closing(REVOKED, "the token is valid no more") from None

    # In.

    async def _read(self) -> NoReturn:
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1005))
            text = message.get("text")
            if text is None:
                raise Closing(UNSUPPORTED, "commands are text")
            if self._commands.take(time.monotonic_ns()):
                raise Closing(POLICY, "too many commands")
            self._take(text)

    def _take(self, text: str) -> None:
        command_id: object = None
        try:
            command = read_command(text)
            command_id = command.get("id")
            self._answer({"id": command_id, "result": self._perform(command)})
            self._bad = 0
        except BadCommand as bad:
            self._answer({"id": command_id, "error": {"code": bad.code, "detail": bad.detail}})
            self._bad += 1
            if self._bad >= MOST_BAD_COMMANDS:
                raise Closing(POLICY, f"{MOST_BAD_COMMANDS} bad commands in a row") from None

    def _answer(self, answer: dict[str, object]) -> None:
        self.offer(json.dumps(answer, separators=(",", ":")))

    def _perform(self, command: dict[str, object]) -> dict[str, object]:
        identifier = command.get("id")
        if isinstance(identifier, bool) or not isinstance(identifier, int | str) or len(str(identifier)) > 64:
            raise BadCommand("invalid_id", "a command has an id: a number or a text of at most 64 characters")
        name = command.get("command")
        if name == "ping":
            return {"epoch": self._streams.epoch}
        if name == "subscribe":
            return self._subscribe(text_of(command, "stream"), command)
        if name == "unsubscribe":
            return self._unsubscribe(text_of(command, "stream"))
        raise BadCommand("unknown_command", "known: subscribe, unsubscribe, ping")

    def _subscribe(self, name: str, command: dict[str, object]) -> dict[str, object]:
        account = self._streams.feed.account_of(name)
        if account is None or not self._may_see(account):
            raise BadCommand("unknown_stream", "there is no such stream")
        stream = self._streams.stream(name)
        missed = self._missed(name, command) if "after" in command else ()
        if name not in self._subscribed:
            if len(self._subscribed) >= MOST_SUBSCRIPTIONS:
                raise BadCommand("too_many_subscriptions", f"at most {MOST_SUBSCRIPTIONS} streams at once")
            self._subscribed[name] = account
            stream.listeners.append(self)
            for line in missed:
                self.offer(line)
        return {"stream": name, "epoch": self._streams.epoch, "sequence": stream.sequence}

    def _missed(self, name: str, command: dict[str, object]) -> tuple[str, ...]:
        after = command["after"]
        if isinstance(after, bool) or not isinstance(after, int) or after < 0:
            raise BadCommand("invalid_after", "after is a sequence number: 0 or more")
        try:
            if command.get("epoch") != self._streams.epoch:
                raise Resynchronize
            return tuple(self._streams.stream(name).after(after))
        except Resynchronize:
            raise BadCommand("resynchronize_required", "what came after is not known; subscribe anew") from None

    def _unsubscribe(self, name: str) -> dict[str, object]:
        if name not in self._subscribed:
            raise BadCommand("not_subscribed", "this stream is not subscribed to")
        del self._subscribed[name]
        self._streams.stream(name).listeners.remove(self)
        return {"stream": name}

    def _may_see(self, account: str) -> bool:
        try:
            self._caller.confine(account)
        except (Refused, Trouble):
            return False
        return True


def read_command(text: str) -> dict[str, object]:
    try:
        command = read_json(text)
    except Refused as refused:
        raise BadCommand("malformed", refused.detail) from None
    if not isinstance(command, dict):
        raise BadCommand("malformed", "a command is an object")
    return command


def text_of(command: dict[str, object], name: str) -> str:
    value = command.get(name)
    if not isinstance(value, str):
        raise BadCommand(f"invalid_{name}", f"{name} is a text")
    return value
