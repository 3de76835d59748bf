"""The gRPC surface of a service: check the shape, decode, hand over, answer when it is durable. It decides nothing.

Rule 1: a call that is refused had no effect, and its status says why; INTERNAL is never an answer to bad input.
Rule 2: a subscriber that does not read is cut off at a bound; nobody waits for it.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, NoReturn, Protocol, final

import grpc

from trading_ecosystem.live.access import Access
from trading_ecosystem.live.codec import parse, refusal_to_wire
from trading_ecosystem.live.command_fields import check_fields
from trading_ecosystem.live.door import Door, Header, RefusalCode, Refused, Told
from trading_ecosystem.live.hub import Hub
from trading_ecosystem.live.security.admission import admission_of
from trading_ecosystem.live.speech import Speech, lines
from trading_ecosystem.live.telemetry.trace_context import cause_in
from trading_ecosystem.messages.message import Message

Context = grpc.aio.ServicerContext[Any, Any]
Answer = Callable[[Any, str], Awaitable[Any]]  # Request and caller to response; raises `Refused`.
Deliver = Callable[[str, Callable[[], None]], None]  # To a recipient: at once, or not, or twice, or later.
MayCall = Callable[[str, str], bool]  # Caller and method.
MOST_WAITING = 20_000  # Events for one subscriber.
MOST_UNANSWERED = 256  # Lines of one stream of commands.
LONGEST_LINE = 512  # Events.
LONGEST_CALL_S = 10.0  # For a caller who sets a later deadline; who sets none has the guard's.
STATUS = {
    RefusalCode.MALFORMED: grpc.StatusCode.INVALID_ARGUMENT,
    RefusalCode.INVALID: grpc.StatusCode.INVALID_ARGUMENT,
    RefusalCode.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
    RefusalCode.FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED,
    RefusalCode.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    RefusalCode.CONFLICT: grpc.StatusCode.ALREADY_EXISTS,
    RefusalCode.TOO_LARGE: grpc.StatusCode.RESOURCE_EXHAUSTED,
    RefusalCode.TOO_MANY: grpc.StatusCode.RESOURCE_EXHAUSTED,
    RefusalCode.NOT_SERVING: grpc.StatusCode.UNAVAILABLE,
    RefusalCode.DEADLINE: grpc.StatusCode.DEADLINE_EXCEEDED,
}


class Line(NamedTuple):
    """A line of commands that were taken, until it is answered."""

    durable: "asyncio.Future[Sequence[Message]] | None"
    refusals: list[Any]


class BatchDoor(Door, Protocol):
    """A door that several commands go through at once."""

    hub: Hub

    def take_commands(self, messages: Sequence[tuple[Message, Header]]) -> "asyncio.Future[Sequence[Message]]": ...


class Passage(Protocol):
    """The way of single messages between this service and others, where faults may strike it."""

    def disturbs(self, sender: str, recipient: str) -> bool:
        """Whether a fault is in force on this link."""

    def pass_on(self, sender: str, recipient: str, deliver: Callable[[], None]) -> None:
        """Deliver a message, or not, or twice, or later."""


@final
class Subscriber:
    """The events that one caller wants and may hear, until it has read them."""

    def __init__(self, caller: str, kinds: frozenset[str], access: Access, deliver: Deliver | None) -> None:
        self._caller, self._kinds, self._access, self._deliver = caller, kinds, access, deliver
        self._waiting: deque[Told] = deque()
        self._arrived = asyncio.Event()
        self.too_slow = False

    def take(self, told: Sequence[Told]) -> None:
        if self.too_slow:
            return
        for each in told:
            if type(each.message).__name__ in self._kinds and self._access.may_hear(self._caller, each.message):
                if self._deliver is None:
                    self._waiting.append(each)
                else:
                    self._deliver(self._caller, partial(self._append, each))
        self._look()

    def _append(self, told: Told) -> None:
        self._waiting.append(told)
        self._look()

    def _look(self) -> None:
        if len(self._waiting) > MOST_WAITING:
            self.too_slow = True
            self._waiting.clear()
        if self._waiting or self.too_slow:
            self._arrived.set()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    async def next_line(self) -> list[Told]:
        """The events that have come since, some at least. Raises `Refused` when they were too many."""
        while not self._waiting:
            if self.too_slow:
                raise Refused(RefusalCode.TOO_MANY, f"the subscriber was {MOST_WAITING} events behind")
            self._arrived.clear()
            await self._arrived.wait()
        return [self._waiting.popleft() for _ in range(min(len(self._waiting), LONGEST_LINE))]


@final
class GrpcSurface:
    """All RPCs of one service, built from its proto file. `answers`: those that the shell answers, not the core."""

    def __init__(
        self,
        door: BatchDoor,
        speech: Speech,
        access: Access,
        answers: Mapping[str, Answer] | None = None,
        may_call: MayCall = lambda caller, method: True,
        passage: Passage | None = None,
    ) -> None:
        """`passage`: what becomes of each message to a subscriber, and of each command of a stream.

        `may_call`: a line of a stream of commands is asked for by the method of its command too."""
        self._door, self._speech, self._access = door, speech, access
        self._answers = answers or {}
        self._may_call = may_call
        self._passage = passage
        self._subscribers: set[Subscriber] = set()
        response = speech.response_type("Subscribe").DESCRIPTOR
        self._events_number = response.fields_by_name["events"].number

    def handler(self) -> grpc.GenericRpcHandler:
        handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
        for method in self._speech.methods:
            if method in self._answers:
                handlers[method] = grpc.unary_unary_rpc_method_handler(self._answered(method))
            elif method == "Subscribe":
                handlers[method] = grpc.unary_stream_rpc_method_handler(self.subscribe)
            elif method == "StreamCommands":
                handlers[method] = grpc.stream_stream_rpc_method_handler(self.stream_commands)
            elif "command" in self._speech.request_type(method).DESCRIPTOR.fields_by_name:
                handlers[method] = grpc.unary_unary_rpc_method_handler(self._unary(method))
        return grpc.method_handlers_generic_handler(self._speech.full_name, handlers)

    def _outward(self) -> Deliver | None:
        passage, own = self._passage, self._door.instance
        return None if passage is None else lambda recipient, deliver: passage.pass_on(own, recipient, deliver)

    # Events.

    async def subscribe(self, data: bytes, context: Context) -> AsyncIterator[bytes]:
        try:
            request = parse(self._speech.request_type("Subscribe"), data)
            caller = admission_of(context).caller
            subscriber = Subscriber(caller, self._kinds(request), self._access, self._outward())
            resynchronize = self._catch_up(subscriber, request.incarnation, request.last_sequence)
            end = self._door.listen(subscriber.take)
            self._subscribers.add(subscriber)
            try:
                yield self._first_line(resynchronize)
                while True:
                    yield lines(self._events_number, [self._bytes_of(told) for told in await subscriber.next_line()])
            finally:
                self._subscribers.remove(subscriber)
                end()
        except Refused as refused:
            await abort(context, refused)

    @property
    def furthest_behind(self) -> int:
        """Events that wait for the subscriber for whom the most wait."""
        return max((each.waiting for each in self._subscribers), default=0)

    def _catch_up(self, subscriber: Subscriber, incarnation: int, last_sequence: int) -> bool:
        """Hand over what was missed by one who comes back, before anything new. True: not all of that is known."""
        if not incarnation:
            return False
        hub = self._door.hub
        missed = hub.since(incarnation, last_sequence)
        # Of an earlier life nothing is known any more; then all of this one is handed over, if it is all there.
        subscriber.take((hub.since(hub.incarnation, 0) if missed is None else missed) or ())
        return missed is None

    def _kinds(self, request: Any) -> frozenset[str]:
        for kind in request.event_types:
            if kind not in self._speech.event_types:
                raise Refused(RefusalCode.INVALID, f"unknown type of event {kind[:64]!r}", "event_types")
        return frozenset(request.event_types) or self._speech.event_types

    def _first_line(self, resynchronize: bool) -> bytes:
        response = self._speech.response_type("Subscribe")
        first = response(incarnation=self._door.hub.incarnation, resynchronize=resynchronize)
        encoded: bytes = first.SerializeToString()
        return encoded

    def _bytes_of(self, told: Told) -> bytes:
        return self._speech.event_bytes(told.message, told.header, told.sequence, told.body)

    # Commands.

    async def stream_commands(self, _: object, context: Context) -> None:
        """Answer each line by one line, in order, when its commands are durable; take the next lines meanwhile."""
        caller = admission_of(context).caller
        unanswered: asyncio.Queue[Line | None] = asyncio.Queue(MOST_UNANSWERED)
        answering = asyncio.create_task(self._answer_lines(unanswered, context))
        try:
            while (data := await context.read()) is not grpc.aio.EOF:
                await unanswered.put(self._take_line(data, caller))
            await unanswered.put(None)
            await answering
        except Refused as refused:
            await unanswered.put(None)
            await answering
            await abort(context, refused)
        finally:
            answering.cancel()

    def _take_line(self, data: bytes, caller: str) -> "Line":
        commands = self._speech.read_line(data)
        if commands and not self._disturbed(caller):
            with suppress(Refused):
                return Line(self._door.take_commands(self._all_checked(caller, commands)), [])
        return self._take_each(data, caller)

    def _all_checked(self, caller: str, commands: Sequence[tuple[Message, Header]]) -> Sequence[tuple[Message, Header]]:
        """The same. Raises `Refused` where one of them is; nothing has happened then."""
        for kind in {type(message) for message, _ in commands}:
            self._permit(caller, kind)
        for message, _ in commands:
            self._check(caller, message)
        return commands

    def _take_each(self, data: bytes, caller: str) -> "Line":
        """Take those of its commands that can be taken, and say why the others are refused."""
        request = parse(self._speech.request_type("StreamCommands"), data)
        if not request.commands:
            raise Refused(RefusalCode.INVALID, "a line without commands", "commands")
        commands: list[tuple[Message, Header]] = []
        refusals: list[Any] = []
        for index, line in enumerate(request.commands):
            try:
                message, header = self._speech.read_command(line)
                self._permit(caller, type(message))
                self._check(caller, message)
                if self._passage is not None and self._disturbed(caller):
                    alone = partial(self._take_alone, message, header)
                    self._passage.pass_on(caller, self._door.instance, alone)
                else:
                    commands.append((message, header))
            except Refused as refused:
                refusals.append(refusal_to_wire(index, refused))
        return Line(self._door.take_commands(commands) if commands else None, refusals)

    def _disturbed(self, caller: str) -> bool:
        return self._passage is not None and self._passage.disturbs(caller, self._door.instance)

    def _permit(self, caller: str, kind: type[Message]) -> None:
        """Raises `Refused` where the caller may not give commands of this kind."""
        if not self._may_call(caller, self._speech.path(kind.__name__)):
            raise Refused(RefusalCode.FORBIDDEN, "not allowed")

    def _check(self, caller: str, command: Message) -> None:
        """Raises `Refused` for what the caller may not ask for, and for what nobody could mean."""
        self._access.check(caller, command)
        check_fields(command, self._door.instance)

    def _take_alone(self, message: Message, header: Header) -> None:
        with suppress(Refused):
            self._door.take_commands([(message, header)])

    async def _answer_lines(self, unanswered: "asyncio.Queue[Line | None]", context: Context) -> None:
        response = self._speech.response_type("StreamCommands")
        while (line := await unanswered.get()) is not None:
            if line.durable is not None:
                await line.durable
            await context.write(response(refusals=line.refusals).SerializeToString() if line.refusals else b"")

    def _unary(self, method: str) -> Callable[[bytes, Context], Any]:
        async def call(data: bytes, context: Context) -> bytes:
            try:
                admitted = admission_of(context)
                command = self._speech.read_request(method, data)
                self._check(admitted.caller, command)
                refuse_late(admitted.remaining_s)
                asked = self._door.ask(command, cause_in(admitted.metadata))
                outputs = await (asked if (admitted.remaining_s or 0.0) <= LONGEST_CALL_S else in_time(asked))
                return self._speech.answer(method, self._access.answers(admitted.caller, command, outputs))
            except Refused as refused:
                await abort(context, refused)

        return call

    def _answered(self, method: str) -> Callable[[bytes, Context], Any]:
        request_type, answer = self._speech.request_type(method), self._answers[method]

        async def call(data: bytes, context: Context) -> bytes:
            try:
                response = await answer(parse(request_type, data), admission_of(context).caller)
                encoded: bytes = response.SerializeToString()
                return encoded
            except Refused as refused:
                await abort(context, refused)

        return call


def refuse_late(remaining_s: float | None) -> None:
    """Raises `Refused` (DEADLINE) where nobody waits for the answer any more."""
    if remaining_s is not None and remaining_s <= 0:
        raise Refused(RefusalCode.DEADLINE, "the deadline had passed before it was handled")


async def in_time(asked: Awaitable[Sequence[Message]]) -> Sequence[Message]:
    """Raises `Refused` (DEADLINE) when it takes too long: the core has it by then, and its effect may still come."""
    try:
        async with asyncio.timeout(LONGEST_CALL_S):
            return await asked
    except TimeoutError:
        raise Refused(RefusalCode.DEADLINE, "it is not known yet whether it will have its effect; ask again") from None


async def abort(context: Context, refused: Refused) -> NoReturn:
    await context.abort(STATUS[refused.code], str(refused))
