"""The way from a service to another one that it listens to and commands: two streams that come back by themselves.

Rule 1: what was published while a link was down is asked for when it is back; what is gone is said to be gone.
Rule 2: a command that finds its link down is lost, counted and told; its sender asks again, as it would of a venue.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from trading_ecosystem.live.codec import parse
from trading_ecosystem.live.door import Header, Refused
from trading_ecosystem.live.speech import Speech
from trading_ecosystem.live.telemetry.lines import Log
from trading_ecosystem.live.telemetry.logs import handling
from trading_ecosystem.messages.message import Message

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 2.0
ALIVE = [
    ("grpc.keepalive_time_ms", 5_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 1_000),
]
MOST_COMMANDS = 500  # In one line.

Take = Callable[[Message, Header], None]
Connect = Callable[[str, str, str], grpc.aio.Channel]  # Address, instance there, and as whom it is called.
Find = Callable[[str, str], Awaitable[str]]  # Instance and surface to its address; waits until there is one.


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How a service reaches others. `audit`: the address of the audit correlator, empty where nobody listens."""

    find: Find
    connect: Connect
    audit: str = ""
    audit_credentials: grpc.ChannelCredentials | None = None


log = Log(__name__)


class Link:
    """From this process to the instance `target`. `kinds`: what it wants to hear."""

    def __init__(
        self,
        caller: str,
        target: str,
        speech: Speech,
        kinds: Sequence[type[Message]],
        take: Take,
        reach: Reach,
        surface: str = "grpc",
    ) -> None:
        self.target = target
        self._surface = surface
        self.speech = speech
        self._caller, self._take = caller, take
        self._kinds = [kind.__name__ for kind in kinds]
        self._find, self._connect = reach.find, reach.connect
        self._incarnation = 0
        self._sequence = 0
        self._commands: list[Any] = []
        self._has_commands = asyncio.Event()
        self.heard = asyncio.Event()  # The first line has come.
        self.up = False
        self.received = 0
        self.sent = 0
        self.lost_commands = 0
        self.refused_commands = 0
        self.unreadable = 0
        self.resynchronized = 0

    # Commands.

    def send(self, message: Message, header: Header) -> bool:
        """False: the link is down, and the command is lost."""
        if not self.up:
            self.lost_commands += 1
            with handling(header):
                log.warning("a command is lost: the link is down", target=self.target, kind=type(message).__name__)
            return False
        self._commands.append(self.speech.command(message, header))
        self._has_commands.set()
        return True

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Who calls, where there is no certificate to say it."""
        return (("x-instance", self._caller),)

    # The life of a link.

    async def run(self) -> None:
        """Connect, and come back after every break, until cancelled."""
        pause_s = FIRST_PAUSE_S
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self._connected_once()
            except grpc.aio.AioRpcError as error:
                log.info("link down", target=self.target, code=error.code().name, detail=error.details())
            except Refused as refused:
                log.error("link down: the other side cannot be understood", target=self.target, reason=str(refused))
            finally:
                self._go_down()
            lasted = asyncio.get_running_loop().time() - began
            pause_s = FIRST_PAUSE_S if lasted > LONGEST_PAUSE_S else min(2 * pause_s, LONGEST_PAUSE_S)
            await asyncio.sleep(pause_s * (0.5 + secrets.randbelow(1000) / 1000))

    def _go_down(self) -> None:
        self.up = False
        self.lost_commands += len(self._commands)
        self._commands.clear()

    async def _connected_once(self) -> None:
        channel = self._connect(await self._find(self.target, self._surface), self.target, self._caller)
        async with channel:
            tasks = [asyncio.create_task(self._listen(channel)), asyncio.create_task(self._command(channel))]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self, channel: grpc.aio.Channel) -> None:
        request = self.speech.request_type("Subscribe")(
            subscriber=self._caller,
            event_types=self._kinds,
            incarnation=self._incarnation,
            last_sequence=self._sequence,
        )
        call: Any = channel.unary_stream(self.speech.path("Subscribe"))(
            request.SerializeToString(), metadata=self.metadata
        )
        response_type = self.speech.response_type("Subscribe")
        async for data in call:
            self._hear(parse(response_type, data))

    def _hear(self, line: Any) -> None:
        if not self.up:
            self._greet(line)
        for event in line.events:
            self._sequence = event.sequence
            try:
                told = self.speech.read_event(event)
            except Refused as refused:
                self.unreadable += 1
                log.error("an event cannot be read here", target=self.target, reason=str(refused))
                continue
            self.received += 1
            self._take(told.message, told.header)

    def _greet(self, line: Any) -> None:
        """The first line of a subscription says which life of the other process this is."""
        if line.resynchronize:
            self.resynchronized += 1
            log.warning("events of the time without a link are gone", target=self.target)
        if line.incarnation != self._incarnation:
            self._incarnation, self._sequence = line.incarnation, 0
        self.up = True
        self.heard.set()

    async def _command(self, channel: grpc.aio.Channel) -> None:
        """Send commands as long as the channel lasts; the stream is opened for the first of them."""
        await self._has_commands.wait()
        stream: Any = channel.stream_stream(self.speech.path("StreamCommands"))
        call = stream(metadata=self.metadata)
        sending = asyncio.create_task(self._send_lines(call))
        response_type = self.speech.response_type("StreamCommands")
        try:
            while (data := await call.read()) is not grpc.aio.EOF:
                for refusal in parse(response_type, data).refusals:
                    self.refused_commands += 1
                    log.warning("a command is refused", target=self.target, reason=refusal.detail, field=refusal.field)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _send_lines(self, call: Any) -> None:
        """An iterator in its place would outlive its call, and take the commands that are meant for the next one."""
        request_type = self.speech.request_type("StreamCommands")
        while True:
            commands = await self._next_commands(MOST_COMMANDS)
            try:
                await call.write(request_type(commands=commands).SerializeToString())
            except BaseException:
                self.lost_commands += len(commands)
                log.warning("commands are lost: the link broke", target=self.target, commands=len(commands))
                raise
            self.sent += len(commands)

    async def _next_commands(self, most: int) -> list[Any]:
        """Some commands at least, that were sent since."""
        while not self._commands:
            self._has_commands.clear()
            await self._has_commands.wait()
        batch, self._commands = self._commands[:most], self._commands[most:]
        return batch
