"""A link between two processes, on loopback: it comes back by itself, to where it was, and says what it lost."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import grpc
import pytest

from trading_ecosystem.live import links as module
from trading_ecosystem.live.door import Header
from trading_ecosystem.live.links import Link, Reach
from trading_ecosystem.live.production_wire import EXCHANGE
from trading_ecosystem.live.runner import OUTSIDE
from trading_ecosystem.messages.accounts import VenueHeartbeat
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import CancelOrder, OrderAccepted, SubmitOrder

Live = Callable[..., Any]
Serve = Callable[..., Any]
Submit = Callable[..., SubmitOrder]
Until = Callable[..., Any]
HEADER = Header(message_id=3, correlation_id=4)


class Reader:
    """The other end of a link: what it heard, and where it looks for the service."""

    def __init__(self, kinds: Sequence[type[Message]] = (OrderAccepted, VenueHeartbeat)) -> None:
        self.heard: list[Message] = []
        self.causes: list[Header] = []
        self.port = 0
        self._reach = Reach(find=self._find, connect=self._connect)
        self.link = Link("trading_engine.alpha", "exchange", EXCHANGE, kinds, self._take, self._reach)
        self.running: asyncio.Task[None] | None = None

    async def begin(self) -> "Reader":
        self.running = asyncio.create_task(self.link.run())
        return self

    async def end(self) -> None:
        assert self.running is not None
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)

    @property
    def names(self) -> list[str]:
        return [message.client_order_id for message in self.heard if isinstance(message, OrderAccepted)]

    def _take(self, message: Message, cause: Header) -> None:
        self.heard.append(message)
        self.causes.append(cause)

    async def _find(self, instance: str, surface: str) -> str:
        assert (instance, surface) == ("exchange", "grpc")
        return f"127.0.0.1:{self.port}"

    def _connect(self, address: str, instance: str, caller: str) -> grpc.aio.Channel:
        return grpc.aio.insecure_channel(address, options=module.ALIVE)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(module, "LONGEST_PAUSE_S", 0.02)


def test_it_hears_what_it_wants_and_its_commands_arrive(
    live: Live, serve: Serve, submit: Submit, until: Until, port: int
) -> None:
    async def scene() -> None:
        life = await live().begin()
        reader = Reader((OrderAccepted,))
        reader.port = port
        async with serve(life, port=reader.port):
            await reader.begin()
            await reader.link.heard.wait()
            for number in range(1_200):  # More than one line holds.
                assert reader.link.send(CancelOrder("exchange", "alpha", f"none-{number}"), HEADER)
            assert reader.link.send(submit("one"), HEADER)
            await until(lambda: reader.names == ["one"])
            assert reader.causes[-1].correlation_id == HEADER.correlation_id
            assert {type(message) for message in reader.heard} == {OrderAccepted}
            assert (reader.link.sent, reader.link.lost_commands) == (1_201, 0)
            await reader.end()
        await life.end()

    asyncio.run(scene())


def test_after_a_break_it_gets_what_was_said_meanwhile_once_and_in_order(
    live: Live, serve: Serve, submit: Submit, until: Until, port: int
) -> None:
    async def scene() -> None:
        life = await live().begin()
        reader = Reader()
        reader.port = port
        said = 0
        for round_number in range(4):
            async with serve(life, port=reader.port):
                if round_number == 0:
                    await reader.begin()
                await until(lambda: reader.link.up)
                for _ in range(5):
                    await life.runner.ask(submit(f"order-{said}"))
                    said += 1
                if round_number % 2:  # Else it is cut off before it has read everything.
                    await until(lambda last=said - 1: reader.names[-1:] == [f"order-{last}"])
            await until(lambda: not reader.link.up)
            for _ in range(3):
                await life.runner.ask(submit(f"order-{said}"))
                said += 1
        async with serve(life, port=reader.port):
            await until(lambda: len(reader.names) >= said)
            await asyncio.sleep(0.05)
            assert reader.names == [f"order-{number}" for number in range(said)]
            assert reader.link.resynchronized == 0
            await reader.end()
        await life.end()

    asyncio.run(scene())


def test_after_a_restart_it_hears_all_of_the_new_life_and_says_that_the_old_ones_end_is_gone(
    live: Live, serve: Serve, submit: Submit, until: Until, port: int
) -> None:
    async def scene() -> None:
        first = await live().begin()
        reader = Reader()
        reader.port = port
        async with serve(first, port=reader.port):
            await reader.begin()
            await reader.link.heard.wait()
            await first.runner.ask(submit("one"))
            await until(lambda: reader.names == ["one"])
        await first.runner.ask(submit("unheard"))
        first.die()
        second = await live().begin()
        await second.runner.ask(submit("two"))  # Before the link is back.
        async with serve(second, port=reader.port):
            await until(lambda: "two" in reader.names)
            assert reader.names == ["one", "two"]
            assert [each.session for each in reader.heard if isinstance(each, VenueHeartbeat)] == [2]
            assert reader.link.resynchronized == 1
            await reader.end()
        await second.end()

    asyncio.run(scene())


def test_a_command_while_the_link_is_down_is_lost_and_counted(
    live: Live, serve: Serve, submit: Submit, until: Until, port: int
) -> None:
    async def scene() -> None:
        life = await live().begin()
        reader = Reader()
        reader.port = port
        assert not reader.link.send(submit("never"), HEADER)
        async with serve(life, port=reader.port):
            await reader.begin()
            await reader.link.heard.wait()
            assert reader.link.send(submit("one"), HEADER)
            await until(lambda: reader.names == ["one"])
        await until(lambda: not reader.link.up)
        assert not reader.link.send(submit("lost"), HEADER)
        async with serve(life, port=reader.port):
            await until(lambda: reader.link.up)
            assert reader.link.send(submit("two"), HEADER)
            await until(lambda: reader.names == ["one", "two"])
            await reader.end()
        assert reader.link.lost_commands == 2
        await life.end()

    asyncio.run(scene())


def test_a_refused_command_is_counted_and_the_link_lives_on(
    live: Live, serve: Serve, submit: Submit, until: Until, port: int
) -> None:
    async def scene() -> None:
        life = await live().begin()
        reader = Reader()
        reader.port = port
        async with serve(life, port=reader.port):
            await reader.begin()
            await reader.link.heard.wait()
            for order in (submit("foreign", "beta"), submit("one")):
                reader.link.send(order, HEADER)
            await until(lambda: reader.names == ["one"])
            await until(lambda: reader.link.refused_commands == 1)
            assert reader.link.up
            await reader.end()
        await life.end()

    asyncio.run(scene())


class Garbled:
    """Answers a subscription with what nobody can read, first; then as it should."""

    def __init__(self, good: Any) -> None:
        self.calls = 0
        self._good = good

    def handler(self) -> grpc.GenericRpcHandler:
        method: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_stream_rpc_method_handler(self._subscribe)
        return grpc.method_handlers_generic_handler(EXCHANGE.full_name, {"Subscribe": method})

    async def _subscribe(self, data: bytes, context: Any) -> Any:
        self.calls += 1
        if self.calls < 3:
            yield b"\xff\xff\xff\xff"
        yield self._good(incarnation=9).SerializeToString()
        unknown = EXCHANGE.event(VenueHeartbeat(venue="exchange", session=1, occurred_ns=1), OUTSIDE, 1)
        unknown.ClearField("event")
        known = EXCHANGE.event(VenueHeartbeat(venue="exchange", session=7, occurred_ns=1), OUTSIDE, 2)
        yield self._good(events=[unknown, known]).SerializeToString()
        await asyncio.sleep(60)


def test_what_cannot_be_read_breaks_a_link_but_does_not_end_it(until: Until) -> None:
    async def scene() -> None:
        garbled = Garbled(EXCHANGE.response_type("Subscribe"))
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((garbled.handler(),))
        reader = Reader()
        reader.port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        await reader.begin()
        await until(lambda: bool(reader.heard))
        assert garbled.calls == 3
        assert [each.session for each in reader.heard if isinstance(each, VenueHeartbeat)] == [7]
        assert reader.link.unreadable == 1  # An event of a kind that is not known here: counted, and passed over.
        await reader.end()
        await server.stop(None)

    asyncio.run(scene())
