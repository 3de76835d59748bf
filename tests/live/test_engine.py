"""A custodian whole, as its process has it, beside a venue on loopback: what it hears, keeps, tells and recovers."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from prometheus_client import generate_latest

from trading_ecosystem.live.engine import Engine
from trading_ecosystem.live.links import Reach
from trading_ecosystem.live.runner import OUTSIDE
from trading_ecosystem.messages.accounts import QueryTrades
from trading_ecosystem.messages.custody import SettlementInstructed
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import Side, SubmitOrder
from trading_ecosystem.simulators.custodian.server import SERVICE

Live = Callable[..., Any]
Serve = Callable[..., Any]
Submit = Callable[..., SubmitOrder]
Until = Callable[..., Any]
Assemble = Callable[..., Engine]


def on(port: int) -> Reach:
    """A venue on this port, and nobody else."""

    async def find(instance: str, surface: str) -> str:
        return f"127.0.0.1:{port}"

    def connect(address: str, instance: str, caller: str) -> grpc.aio.Channel:
        assert (instance, caller) == ("exchange", "custodian")
        return grpc.aio.insecure_channel(address)

    return Reach(find=find, connect=connect)


def died(engine: Engine) -> None:
    """As at a crash."""
    assert engine.runner._committing is not None
    for task in (engine.runner._committing, *engine._tasks):
        task.cancel()
    for timer in engine.runner._timers:
        timer.cancel()
    engine.commits._writer.shutdown(wait=True, cancel_futures=True)
    engine.spool.close()
    engine.store.close()


async def begun(engine: Engine) -> Engine:
    engine.recover()
    await engine.connect()
    await engine.runner.start()
    return engine


def state_of(engine: Engine) -> str:
    core: Any = engine.core
    kept = {key: value for key, value in core.save().items() if key not in ("asked_ns", "queried_ns")}
    return json.dumps(kept, sort_keys=True)


def instructed(engine: Engine) -> list[int]:
    told = engine.runner.hub.since(engine.runner.hub.incarnation, 0) or ()
    return [each.message.trade_id for each in told if isinstance(each.message, SettlementInstructed)]


Scene = Callable[..., Any]


@pytest.fixture
def venue(live: Live, serve: Serve, submit: Submit, free_port: Callable[[], int]) -> Scene:
    """A venue that serves, and what makes it trade."""

    @asynccontextmanager
    async def open_venue() -> AsyncIterator[tuple[int, Callable[[int], Any]]]:
        life = await live().begin()

        async def trade(count: int) -> None:
            for _ in range(count):
                number = life.runner.hub.sequence
                line = [
                    submit(f"sell-{number}", "alpha", Side.SELL, 6_000_000),
                    submit(f"buy-{number}", "beta", Side.BUY, 6_000_000),
                ]
                await life.runner.take_commands([(order, OUTSIDE) for order in line])

        port = free_port()
        async with serve(life, port=port):
            yield port, trade
        await life.end()

    return open_venue


def test_trades_are_instructed_once_whether_they_are_heard_or_asked_for(
    venue: Scene, assemble: Assemble, until: Until
) -> None:
    async def scene() -> None:
        async with venue() as (port, trade):
            await trade(3)  # Before anybody listens: they will be asked for.
            engine = await begun(assemble(SERVICE, reach=on(port)))
            await until(lambda: instructed(engine) == [1, 2, 3])
            await trade(2)
            await until(lambda: instructed(engine) == [1, 2, 3, 4, 5])
            assert engine.links[0].sent == 1  # The question of its start.
            await engine.stop()

    asyncio.run(scene())


def test_a_scrape_shows_what_went_out_what_waits_and_how_long_commits_took(
    venue: Scene, assemble: Assemble, until: Until
) -> None:
    async def scene() -> None:
        async with venue() as (port, trade):
            await trade(3)
            engine = await begun(assemble(SERVICE, reach=on(port)))
            await until(lambda: instructed(engine) == [1, 2, 3])
            engine.links[0].lost_commands = 7
            shown = generate_latest(engine.meter.registry).decode().splitlines()
            await engine.stop()
        assert 'tse_messages_published_total{kind="SettlementInstructed"} 3.0' in shown
        assert 'tse_messages_published_total{kind="QueryTrades"} 1.0' in shown  # Sent to the venue alone.
        (commits,) = [line for line in shown if line.startswith("tse_journal_commit_seconds_count")]
        assert float(commits.split()[1]) == engine.commits.record >= 1
        lost = {line for line in shown if line.startswith("tse_messages_lost_total{") and not line.endswith(" 0.0")}
        assert lost == {'tse_messages_lost_total{reason="link"} 7.0'}
        queues = {"held", "uncommitted", "history", "spool_bytes", "logs"}
        for name in ("tse_queue_length", "tse_queue_bound"):
            assert {line.split('"')[1] for line in shown if line.startswith(name + "{")} == queues

    asyncio.run(scene())


def test_after_an_end_in_order_the_next_life_begins_with_its_snapshot(
    venue: Scene, assemble: Assemble, until: Until
) -> None:
    async def scene() -> None:
        async with venue() as (port, trade):
            first = await begun(assemble(SERVICE, reach=on(port)))
            await trade(4)
            await until(lambda: len(instructed(first)) == 4)
            await first.stop()
            second = assemble(SERVICE, reach=on(port))
            assert second.runner.recover(second.store.history.record) == 0
            assert state_of(second) == state_of(first)
            assert len(second.store.history.instructions()) == 4
            second.spool.close()
            second.store.close()

    asyncio.run(scene())


def test_after_a_crash_state_and_history_are_whole_and_nothing_is_instructed_twice(
    venue: Scene, assemble: Assemble, until: Until
) -> None:
    async def scene() -> None:
        async with venue() as (port, trade):
            for number in range(1, 4):
                engine = assemble(SERVICE, reach=on(port))
                engine.recover()
                history = engine.store.history.instructions()
                assert [each.trade_id for each in history] == list(range(1, 4 * (number - 1) + 1))
                before = state_of(engine)
                await engine.connect()
                await engine.runner.start()
                assert state_of(engine) == before
                await trade(4)
                await until(lambda engine=engine, last=4 * number: instructed(engine)[-1:] == [last])
                died(engine)

    asyncio.run(scene())


def test_a_question_that_is_sent_goes_into_the_history_too(
    venue: Scene, assemble: Assemble, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        async with venue() as (port, _):
            engine = assemble(SERVICE, reach=on(port))
            noted: list[Message] = []
            monkeypatch.setattr(engine.historian, "note", noted.append)
            await begun(engine)
            await until(lambda: any(isinstance(each, QueryTrades) for each in noted))
            await engine.stop()

    asyncio.run(scene())
