"""The gRPC surface of a real exchange, on loopback: what callers get, and what they never get."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import grpc
import pytest

from trading_ecosystem.live import server as module
from trading_ecosystem.live.access import Access
from trading_ecosystem.live.codec import NOBODY, parse
from trading_ecosystem.live.door import Told
from trading_ecosystem.live.hub import KEPT
from trading_ecosystem.live.production_wire import CODEC, EXCHANGE
from trading_ecosystem.live.runner import OUTSIDE
from trading_ecosystem.live.security.admission import ADMITTED, Admission
from trading_ecosystem.live.store.faults import StoreFault
from trading_ecosystem.messages.accounts import AccountReported, QueryAccount, VenueHeartbeat
from trading_ecosystem.messages.message import Addressed, Message
from trading_ecosystem.messages.orders import CancelOrder, OrderAccepted, Side, SubmitOrder

Live = Callable[..., Any]
Serve = Callable[..., Any]
Submit = Callable[..., SubmitOrder]
Until = Callable[..., Any]
ALPHA, BETA, MONITOR = "trading_engine.alpha", "trading_engine.beta", "risk_monitor"


def called_by(caller: str) -> tuple[tuple[str, str], ...]:
    return (("x-instance", caller),)


async def call(channel: Any, command: Addressed, caller: str = ALPHA, **more: Any) -> list[Message]:
    method = type(command).__name__
    request = EXCHANGE.request_type(method)(command=CODEC.to_wire(command)).SerializeToString()
    data = await channel.unary_unary(EXCHANGE.path(method))(request, metadata=called_by(caller), **more)
    response = parse(EXCHANGE.response_type(method), data)
    return [EXCHANGE.read_event(event).message for event in response.events]


async def code_of(work: Any) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await work
    code = error.value.code()
    assert isinstance(code, grpc.StatusCode)
    return code


def names_in(messages: Sequence[Message]) -> list[str]:
    return [message.client_order_id for message in messages if isinstance(message, OrderAccepted)]


def line(*commands: Addressed) -> bytes:
    encoded: bytes = EXCHANGE.request_type("StreamCommands")(
        commands=[EXCHANGE.command(command, NOBODY) for command in commands]
    ).SerializeToString()
    return encoded


def read(data: bytes) -> Any:
    return parse(EXCHANGE.response_type("StreamCommands"), data)


class Subscription:
    """What one subscriber is told."""

    def __init__(self, channel: Any, caller: str = ALPHA, **asked: Any) -> None:
        request = EXCHANGE.request_type("Subscribe")(subscriber=caller, **asked).SerializeToString()
        self.call = channel.unary_stream(EXCHANGE.path("Subscribe"))(request, metadata=called_by(caller))
        self.incarnation = 0
        self.resynchronize: bool | None = None

    async def begun(self) -> "Subscription":
        """Return when its first line has come."""
        self._take(await self.call.read())
        return self

    async def told(self) -> AsyncIterator[Told]:
        while (data := await self.call.read()) is not grpc.aio.EOF:
            for event in self._take(data).events:
                yield EXCHANGE.read_event(event)

    async def next(self, count: int) -> list[Told]:
        found: list[Told] = []
        async with asyncio.timeout(5):
            async for each in self.told():
                found.append(each)
                if len(found) == count:
                    break
        assert len(found) == count  # A line that brings more would lose the rest.
        return found

    def _take(self, data: Any) -> Any:
        response = parse(EXCHANGE.response_type("Subscribe"), data)
        if response.incarnation:
            self.incarnation, self.resynchronize = response.incarnation, response.resynchronize
        return response


# Calls.


def test_a_call_is_answered_with_what_concerns_its_caller(live: Live, serve: Serve, submit: Submit) -> None:
    async def scene() -> None:
        life = await live().begin()
        async with serve(life) as channel:
            await call(channel, submit("rests", "beta", ticks=6_000_000), BETA)
            events = await call(channel, submit("meets", "alpha", Side.SELL, 6_000_000))
            assert {event.account for event in events if hasattr(event, "account")} == {"alpha"}
            assert names_in(events) == ["meets"]
            (report,) = await call(channel, QueryAccount(to="exchange", asker=ALPHA, account="alpha"))
            assert isinstance(report, AccountReported) and report.account == "alpha"
        await life.end()

    asyncio.run(scene())


REFUSED: list[tuple[str, Any, str, grpc.StatusCode]] = [
    ("another's account", CancelOrder("exchange", "beta", "x"), ALPHA, grpc.StatusCode.NOT_FOUND),
    ("no account", CancelOrder("exchange", "nowhere", "x"), ALPHA, grpc.StatusCode.NOT_FOUND),
    (
        "another's name",
        QueryAccount(to="exchange", asker=BETA, account="alpha"),
        ALPHA,
        grpc.StatusCode.PERMISSION_DENIED,
    ),
    ("sees, may not trade", CancelOrder("exchange", "alpha", "x"), MONITOR, grpc.StatusCode.NOT_FOUND),
    ("nobody", CancelOrder("exchange", "alpha", "x"), "", grpc.StatusCode.UNAUTHENTICATED),
]


@pytest.mark.parametrize(("command", "caller", "code"), [case[1:] for case in REFUSED], ids=[c[0] for c in REFUSED])
def test_what_is_not_the_callers_is_refused_and_has_no_effect(
    command: Addressed, caller: str, code: grpc.StatusCode, live: Live, serve: Serve
) -> None:
    async def scene() -> None:
        life = await live().begin()
        async with serve(life) as channel:
            before = life.store.journal.last_sequence()
            assert await code_of(call(channel, command, caller)) is code
            assert life.store.journal.last_sequence() == before
        await life.end()

    asyncio.run(scene())


@pytest.mark.parametrize(
    "data",
    [b"\xff\xff\xff", b"", EXCHANGE.request_type("CancelOrder")().SerializeToString() + b"\xa2\x06\x01x"],
    ids=["no protobuf", "no command", "an unknown field"],
)
def test_what_cannot_be_read_is_the_callers_mistake(data: bytes, live: Live, serve: Serve) -> None:
    async def scene() -> None:
        life = await live().begin()
        async with serve(life) as channel:
            method = channel.unary_unary(EXCHANGE.path("CancelOrder"))
            assert await code_of(method(data, metadata=called_by(ALPHA))) is grpc.StatusCode.INVALID_ARGUMENT
        await life.end()

    asyncio.run(scene())


def test_before_it_serves_and_while_its_store_is_away_it_is_unavailable(
    live: Live, serve: Serve, submit: Submit, until: Until
) -> None:
    async def scene() -> None:
        life = live()
        async with serve(life) as channel:
            assert await code_of(call(channel, submit("early"))) is grpc.StatusCode.UNAVAILABLE
            await life.begin()
            await call(channel, submit("first"))
            life.faults.inject(StoreFault.AWAY)
            caught = asyncio.create_task(call(channel, submit("caught")))
            await until(lambda: "away" in life.runner.health()[1])
            assert await code_of(call(channel, submit("refused"))) is grpc.StatusCode.UNAVAILABLE
            life.faults.restore(StoreFault.AWAY)
            assert names_in(await caught) == ["caught"]
            assert names_in(await call(channel, submit("refused"))) == ["refused"]
        await life.end()

    asyncio.run(scene())


@pytest.mark.parametrize("own", [True, False], ids=["the caller's deadline", "the server's"])
def test_a_call_ends_at_its_deadline_and_asking_again_tells_what_became_of_it(
    own: bool, live: Live, serve: Serve, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not own:
        monkeypatch.setattr(module, "LONGEST_CALL_S", 0.1)

    async def scene() -> None:
        life = await live().begin()
        async with serve(life) as channel:
            await call(channel, submit("first"))
            life.faults.inject(StoreFault.SLOW, 30.0)
            late = call(channel, submit("late"), timeout=0.1 if own else 20.0)
            assert await code_of(late) is grpc.StatusCode.DEADLINE_EXCEEDED
            life.faults.restore(StoreFault.SLOW)
            (report,) = await call(channel, QueryAccount(to="exchange", asker=ALPHA, account="alpha"))
            assert isinstance(report, AccountReported)
            assert [order.client_order_id for order in report.open_orders] == ["first", "late"]
            assert await call(channel, submit("late")) == []  # It is known; there is no second one.
        await life.end()

    asyncio.run(scene())


# Lines of commands.


def test_lines_are_answered_in_order_when_they_are_durable(live: Live, serve: Serve, submit: Submit) -> None:
    async def scene() -> None:
        life = await live().begin()
        async with serve(life) as channel:
            stream = channel.stream_stream(EXCHANGE.path("StreamCommands"))(metadata=called_by(ALPHA))
            await stream.write(line(submit("one"), submit("two")))
            assert not read(await stream.read()).refusals
            life.faults.inject(StoreFault.SLOW, 30.0)
            for name in ("three", "four"):
                await stream.write(line(submit(name)))
            answer = asyncio.ensure_future(stream.read())
            await asyncio.sleep(0.1)
            assert not answer.done()
            life.faults.restore(StoreFault.SLOW)
            assert not read(await answer).refusals and not read(await stream.read()).refusals
            await stream.done_writing()
            assert await stream.read() is grpc.aio.EOF
            assert await stream.code() is grpc.StatusCode.OK
        await life.end()
        assert names_in(life.words) == ["one", "two", "three", "four"]

    asyncio.run(scene())


def test_refused_commands_come_back_by_their_place_and_the_others_are_taken(
    live: Live, serve: Serve, submit: Submit
) -> None:
    async def scene() -> None:
        life = await live().begin()
        async with serve(life) as channel:
            stream = channel.stream_stream(EXCHANGE.path("StreamCommands"))(metadata=called_by(ALPHA))
            await stream.write(line(submit("one"), submit("foreign", "beta"), submit("two"), submit("none", "nowhere")))
            refusals = read(await stream.read()).refusals
            assert [(each.command_index, each.field) for each in refusals] == [(1, "account"), (3, "account")]
            assert len({(each.code, each.detail) for each in refusals}) == 1  # Another's account is as none.
            await stream.write(line(submit("foreign", "beta")))
            assert [each.command_index for each in read(await stream.read()).refusals] == [0]
        await life.end()
        assert names_in(life.words) == ["one", "two"]

    asyncio.run(scene())


def test_a_stream_that_cannot_be_served_ends_and_what_was_taken_is_answered(
    live: Live, serve: Serve, submit: Submit, until: Until
) -> None:
    async def scene() -> None:
        life = await live().begin()
        async with serve(life) as channel:
            stream = channel.stream_stream(EXCHANGE.path("StreamCommands"))(metadata=called_by(ALPHA))
            await stream.write(line(submit("one")))
            await stream.read()
            life.faults.inject(StoreFault.AWAY)
            await stream.write(line(submit("caught")))
            await until(lambda: "away" in life.runner.health()[1])
            answer = asyncio.ensure_future(stream.read())
            await stream.write(line(submit("refused")))
            await asyncio.sleep(0.05)
            life.faults.restore(StoreFault.AWAY)
            assert not read(await answer).refusals
            assert await code_of(stream.read()) is grpc.StatusCode.UNAVAILABLE
        await life.end()
        assert names_in(life.words) == ["one", "caught"]

    asyncio.run(scene())


def test_the_same_line_again_has_no_second_effect(live: Live, serve: Serve, submit: Submit) -> None:
    async def scene() -> None:
        life = await live().begin()
        async with serve(life) as channel:
            for _ in range(2):
                stream = channel.stream_stream(EXCHANGE.path("StreamCommands"))(metadata=called_by(ALPHA))
                for _ in range(3):
                    await stream.write(line(submit("one"), submit("two")))
                    assert not read(await stream.read()).refusals
                stream.cancel()
        await life.end()
        assert names_in(life.words) == ["one", "two"]

    asyncio.run(scene())


# Subscriptions.


def test_who_comes_back_is_told_exactly_what_was_missed(live: Live, serve: Serve, submit: Submit) -> None:
    async def scene() -> None:
        life = await live().begin()
        async with serve(life) as channel:
            first = await Subscription(channel, event_types=["OrderAccepted"]).begun()
            await call(channel, submit("one"))
            (one,) = await first.next(1)
            first.call.cancel()
            for name in ("two", "three"):
                await call(channel, submit(name))
            back = Subscription(channel, incarnation=first.incarnation, last_sequence=one.sequence)
            await call(channel, submit("four"))
            found = await back.next(life.runner.hub.sequence - one.sequence)
            assert names_in([each.message for each in found]) == ["two", "three", "four"]
            assert [each.sequence for each in found] == list(range(one.sequence + 1, life.runner.hub.sequence + 1))
            assert back.resynchronize is False
        await life.end()

    asyncio.run(scene())


def test_what_was_missed_comes_before_what_is_new_however_busy_the_service_is(
    live: Live, serve: Serve, submit: Submit
) -> None:
    async def scene() -> None:
        life = await live().begin()
        async with serve(life) as channel:
            await call(channel, submit("first"))
            for _ in range(10):
                publishing = asyncio.create_task(publish(life, KEPT // 20))
                back = Subscription(channel, incarnation=1, last_sequence=1)
                found = await back.next(60)
                assert [each.sequence for each in found] == list(range(2, 62))
                back.call.cancel()
                publishing.cancel()
        await life.end()

    asyncio.run(scene())


async def publish(life: Any, most: int) -> None:
    """Without a pause, but so little that what was missed is still kept, however slow the listener is."""
    for _ in range(most):
        beat = VenueHeartbeat(venue="exchange", session=1, occurred_ns=life.runner.hub.sequence)
        life.runner.hub.publish([(OUTSIDE, beat)])
        await asyncio.sleep(0)


@pytest.mark.parametrize("incarnation", [0, 99])
def test_who_knew_another_life_hears_all_of_this_one_and_who_knew_none_only_what_is_new(
    incarnation: int, live: Live, serve: Serve, submit: Submit
) -> None:
    async def scene() -> None:
        life = await live().begin()
        async with serve(life) as channel:
            for name in ("one", "two"):
                await call(channel, submit(name))
            other = Subscription(channel, incarnation=incarnation, last_sequence=1_000)
            expected = ["one", "two", "three"] if incarnation else ["three"]
            if not incarnation:
                await other.begun()
            await call(channel, submit("three"))
            found = [each async for each in first_orders(other, len(expected))]
            assert found == expected
            assert other.incarnation == life.runner.hub.incarnation
            assert other.resynchronize is (incarnation != 0)
        await life.end()

    asyncio.run(scene())


async def first_orders(subscription: Subscription, count: int) -> AsyncIterator[str]:
    async with asyncio.timeout(5):
        async for told in subscription.told():
            if isinstance(told.message, OrderAccepted):
                yield told.message.client_order_id
                count -= 1
                if count == 0:
                    return


def test_events_of_an_account_are_for_those_who_see_it(live: Live, serve: Serve, submit: Submit) -> None:
    async def scene() -> None:
        life = await live().begin()
        async with serve(life) as channel:
            names = ("alpha", "beta")
            watchers = {
                who: Subscription(channel, who, event_types=["OrderAccepted"]) for who in (ALPHA, BETA, MONITOR)
            }
            for watcher in watchers.values():
                await watcher.begun()
            for account, caller in zip(names, (ALPHA, BETA), strict=True):
                await call(channel, submit(f"of-{account}", account), caller)
            heard = {
                who: [each.message.account for each in await watcher.next(2 if who == MONITOR else 1)]  # type: ignore[attr-defined]
                for who, watcher in watchers.items()
            }
            assert heard == {ALPHA: ["alpha"], BETA: ["beta"], MONITOR: ["alpha", "beta"]}
        await life.end()

    asyncio.run(scene())


def test_an_unknown_kind_of_event_is_refused_by_name(live: Live, serve: Serve) -> None:
    async def scene() -> None:
        life = await live().begin()
        async with serve(life) as channel:
            subscription = Subscription(channel, event_types=["OrderAccepted", "InjectionStarted"])
            with pytest.raises(grpc.aio.AioRpcError, match="InjectionStarted") as error:
                await subscription.next(1)
            assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        await life.end()

    asyncio.run(scene())


def test_who_does_not_read_is_cut_off_and_nobody_else_notices(
    live: Live, serve: Serve, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 200)
    detail = "x" * 20_000  # So that it takes few events to fill what the transport buffers.

    async def scene() -> None:
        life = await live().begin()
        async with serve(life) as channel:
            slow, quick = Subscription(channel, ALPHA), Subscription(channel, BETA)
            await slow.begun()
            await quick.begun()
            heard: list[int] = []

            async def listen() -> None:
                async for told in quick.told():
                    heard.append(told.sequence)

            listening = asyncio.create_task(listen())
            began = life.runner.hub.sequence
            for number in range(1_200):
                beat = VenueHeartbeat(venue=detail, session=1, occurred_ns=number)
                life.runner.hub.publish([(OUTSIDE, beat)])
                if number % 20 == 0:
                    await asyncio.sleep(0.005)
            async with asyncio.timeout(10):
                while len(heard) < 1_200:
                    await asyncio.sleep(0.01)
            assert heard == list(range(began + 1, began + 1_201))
            read_late: list[Told] = []
            with pytest.raises(grpc.aio.AioRpcError) as error:
                async for told in slow.told():
                    read_late.append(told)
            assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            sequences = [told.sequence for told in read_late]
            assert sequences == list(range(began + 1, began + 1 + len(sequences)))  # Cut off, with no hole before it.
            assert len(sequences) < 1_200
            listening.cancel()
        await life.end()

    asyncio.run(scene())


def test_it_is_known_how_far_the_slowest_subscriber_is_behind(live: Live) -> None:
    async def scene() -> None:
        life = await live().begin()
        ADMITTED.set(Admission("alpha", (), None))
        surface = module.GrpcSurface(life.runner, EXCHANGE, Access())
        subscribe: Any = surface.subscribe  # Of its context nothing is asked, as long as nothing is refused.
        one, other = subscribe(b"", None), subscribe(b"", None)
        await anext(one)
        await anext(other)
        beat = VenueHeartbeat(venue="exchange", session=1, occurred_ns=1)
        life.runner.hub.publish([(OUTSIDE, beat)] * 3)
        assert surface.furthest_behind == 3
        await anext(one)
        assert surface.furthest_behind == 3
        await other.aclose()
        assert surface.furthest_behind == 0
        await one.aclose()
        await life.end()

    asyncio.run(scene())


def test_a_subscriber_that_was_cut_off_comes_back_to_where_it_was(
    live: Live, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 5)

    async def scene() -> list[int]:
        life = await live().begin()
        async with serve(life) as channel:
            first = Subscription(channel)
            await first.begun()
            beats: Sequence[Any] = [
                (OUTSIDE, VenueHeartbeat(venue="exchange", session=1, occurred_ns=number)) for number in range(20)
            ]
            begun = life.runner.hub.sequence
            life.runner.hub.publish(beats)  # All at once: more than may wait.
            with pytest.raises(grpc.aio.AioRpcError):
                await first.next(1)
            monkeypatch.setattr(module, "MOST_WAITING", 100)
            back = Subscription(channel, incarnation=first.incarnation, last_sequence=begun)
            found = await back.next(20)
        await life.end()
        return [each.sequence - begun for each in found]

    assert asyncio.run(scene()) == list(range(1, 21))
