"""What a runner promises: durable before it leaves, nothing lost while the store is away, one core before and after."""

import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from trading_ecosystem.core import Core
from trading_ecosystem.live import backlog, runner as module
from trading_ecosystem.live.door import Header, RefusalCode, Refused, Told
from trading_ecosystem.live.inputs import unpack
from trading_ecosystem.live.production_wire import CODEC
from trading_ecosystem.live.runner import OUTSIDE
from trading_ecosystem.live.sealing import WAKE
from trading_ecosystem.live.store.faults import StoreFault
from trading_ecosystem.live.store.opening import memory_store
from trading_ecosystem.live.store.ports import StoreAway
from trading_ecosystem.messages.accounts import AccountReported, QueryAccount, VenueHeartbeat
from trading_ecosystem.messages.health import HealthChanged, HealthStatus
from trading_ecosystem.messages.message import Addressed, Message
from trading_ecosystem.messages.orders import (
    AccountEvent,
    CancelOrder,
    OrderAccepted,
    OrderFilled,
    OrderType,
    Side,
    SubmitOrder,
    TimeInForce,
)
from trading_ecosystem.messages.runtime import Remember, Start, WakeAt
from trading_ecosystem.simulators.exchange.server import SERVICE

Live = Callable[..., Any]
Submit = Callable[..., SubmitOrder]
Until = Callable[..., Any]
SECOND_NS = 1_000_000_000
STORES = pytest.mark.parametrize("kind", ["memory", "sqlite", "postgresql"])


def accepted(messages: Sequence[Message]) -> list[str]:
    return [message.client_order_id for message in messages if isinstance(message, OrderAccepted)]


def beats(life: Any) -> list[int]:
    return [each.occurred_ns for each in life.words if isinstance(each, VenueHeartbeat)]


def snapshots_every(inputs: int, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(backlog, "FEWEST_INPUTS", inputs)
    patch.setattr(backlog, "MOST_INPUTS", inputs)


def state_of(core: Any) -> str:
    return json.dumps(core.save(), sort_keys=True)


# Durable, then out.


def test_nothing_leaves_and_nobody_is_answered_before_the_commit(live: Live, submit: Submit, until: Until) -> None:
    async def scene() -> None:
        life = await live().begin()
        await until(lambda: life.said)
        life.faults.inject(StoreFault.SLOW, 30.0)
        begun = len(life.said)
        asked = asyncio.create_task(life.runner.ask(submit("one")))
        await asyncio.sleep(0)
        line = life.runner.take_commands([(submit("two"), OUTSIDE), (submit("three"), OUTSIDE)])
        life.runner.take(CancelOrder("exchange", "alpha", "one"), OUTSIDE)
        await asyncio.sleep(0.05)
        assert len(life.said) == begun and not asked.done() and not line.done()
        assert life.store.journal.last_sequence() == 1  # The start alone.
        life.faults.restore(StoreFault.SLOW)
        assert accepted(await asked) == ["one"]
        await line
        await until(lambda: len(accepted(life.words)) == 3)
        await life.end()
        assert accepted(life.words) == ["one", "two", "three"]

    asyncio.run(scene())


def test_what_comes_during_a_commit_goes_together_into_the_next(live: Live, submit: Submit, until: Until) -> None:
    async def scene() -> list[int]:
        life = await live().begin()
        await until(lambda: life.said)
        life.faults.inject(StoreFault.SLOW, 30.0)
        futures = [life.runner.take_commands([(submit("first"), OUTSIDE)])]
        await asyncio.sleep(0.02)
        futures += [life.runner.take_commands([(submit(f"next-{at}"), OUTSIDE)]) for at in range(5)]
        life.faults.restore(StoreFault.SLOW)
        await asyncio.gather(*futures)
        sizes = [len(list(unpack(record.payload))) for record in life.store.journal.read(1)]
        await life.end()
        return sizes

    assert asyncio.run(scene()) == [1, 5]


def test_a_caller_who_goes_away_takes_no_effect_with_him(live: Live, submit: Submit, until: Until) -> None:
    async def scene() -> None:
        life = await live().begin()
        life.faults.inject(StoreFault.SLOW, 30.0)
        asked = asyncio.create_task(life.runner.ask(submit("one")))
        await asyncio.sleep(0.02)
        asked.cancel()
        life.faults.restore(StoreFault.SLOW)
        await until(lambda: accepted(life.words) == ["one"])
        assert await life.runner.ask(submit("one")) == []  # It is known.
        await life.end()

    asyncio.run(scene())


# A store that is away.


@STORES
@pytest.mark.parametrize("fault", [StoreFault.AWAY, StoreFault.FULL, StoreFault.UNANSWERED])
def test_while_the_store_is_away_commands_are_refused_events_held_and_nothing_is_lost(
    kind: str, fault: StoreFault, request: pytest.FixtureRequest, live: Live, submit: Submit, until: Until
) -> None:
    url = {"memory": "memory:", "sqlite": ""}.get(kind) if kind != "postgresql" else None
    if url is None:
        url = request.getfixturevalue("make_postgresql")()

    async def scene() -> None:
        life = await live(url).begin()
        await life.runner.ask(submit("before"))
        life.faults.inject(fault)
        caught = asyncio.create_task(life.runner.ask(submit("caught")))
        await until(lambda: life.runner.health()[0] is HealthStatus.NOT_SERVING)
        assert "the store is away" in life.runner.health()[1]
        for refused in (life.runner.ask, lambda each: life.runner.take_commands([(each, OUTSIDE)])):
            with pytest.raises(Refused) as why:
                await refused(submit("refused"))
            assert why.value.code is RefusalCode.NOT_SERVING
        for number in range(3):
            life.runner.take(submit(f"held-{number}"), OUTSIDE)
        assert not caught.done() and accepted(life.words) == ["before"]
        life.faults.restore(fault)
        assert accepted(await caught) == ["caught"]
        await until(lambda: len(accepted(life.words)) == 5)
        assert life.runner.health() == (HealthStatus.SERVING, "session 1")
        assert accepted(await life.runner.ask(submit("after"))) == ["after"]
        await life.end()
        assert accepted(life.words) == ["before", "caught", "held-0", "held-1", "held-2", "after"]
        assert life.runner.lost == 0

    asyncio.run(scene())


def test_events_beyond_the_bound_are_lost_and_counted_but_no_wake(
    live: Live, submit: Submit, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_HELD", 2)

    async def scene() -> None:
        life = await live().begin()
        await until(lambda: life.said)
        life.faults.inject(StoreFault.AWAY)
        caught = life.runner.take_commands([(submit("caught"), OUTSIDE)])
        await until(lambda: life.runner.health()[0] is HealthStatus.NOT_SERVING)
        for number in range(4):
            life.runner.take(submit(f"held-{number}"), OUTSIDE)
        life.runner.clock.shift(SECOND_NS)
        life.runner.take(WAKE, OUTSIDE)
        life.faults.restore(StoreFault.AWAY)
        await caught
        await until(lambda: len(beats(life)) == 2)
        await life.end()
        assert accepted(life.words) == ["caught", "held-0", "held-1"]
        assert life.runner.lost == 2

    asyncio.run(scene())


# Before it begins, and after it was told to end.


def test_what_comes_before_the_start_waits_for_it_and_commands_do_not(live: Live, submit: Submit, until: Until) -> None:
    async def scene() -> None:
        life = live()
        life.runner.recover(life.store.history.record)
        life.runner.take(submit("early"), OUTSIDE)
        with pytest.raises(Refused) as refused:
            await life.runner.ask(submit("refused"))
        assert refused.value.code is RefusalCode.NOT_SERVING
        await life.runner.start()
        await until(lambda: accepted(life.words) == ["early"])
        assert isinstance(life.words[0], HealthChanged)
        await life.end()

    asyncio.run(scene())


def test_the_end_lets_out_what_was_taken_and_takes_nothing_more(live: Live, submit: Submit) -> None:
    async def scene() -> None:
        life = await live().begin()
        taken = life.runner.take_commands([(submit("taken"), OUTSIDE)])
        ending = asyncio.create_task(life.runner.settle())
        await asyncio.sleep(0)
        with pytest.raises(Refused):
            await life.runner.ask(submit("refused"))
        life.runner.take(submit("late"), OUTSIDE)
        await ending
        assert taken.done() and accepted(life.words) == ["taken"] and life.runner.lost == 1
        await life.runner.close()
        assert life.store.journal.snapshot()[0] == life.store.journal.last_sequence()
        life.die()

    asyncio.run(scene())


def test_an_end_while_held_events_are_taken_keeps_state_and_journal_one(
    live: Live, submit: Submit, until: Until
) -> None:
    async def scene() -> None:
        life = await live().begin()
        await until(lambda: life.said)
        life.faults.inject(StoreFault.AWAY)
        life.runner.take_commands([(submit("caught"), OUTSIDE)])
        await until(lambda: life.runner.health()[0] is HealthStatus.NOT_SERVING)
        life.runner.take(submit("held"), OUTSIDE)
        ending = asyncio.create_task(life.end())
        await asyncio.sleep(0.01)
        life.faults.restore(StoreFault.AWAY)
        await ending
        assert accepted(life.words) == ["caught", "held"]
        second = live()
        second.runner.recover(second.store.history.record)
        assert state_of(second.core) == state_of(life.core)
        second.spool.close()
        second.store.close()

    asyncio.run(scene())


# One core before and after.

NAMES = st.integers(0, 6).map(lambda number: f"order-{number}")
ACCOUNTS = st.sampled_from(["alpha", "beta"])
ORDERS = st.builds(
    lambda account, name, side, rests, tight, lots: SubmitOrder(
        "exchange",
        account,
        name,
        "BTC/USD",
        side,
        OrderType.LIMIT,
        TimeInForce.GTC if rests else TimeInForce.IOC,
        6_000_000 + tight,
        lots,
    ),
    ACCOUNTS,
    NAMES,
    st.sampled_from(Side),
    st.booleans(),
    st.integers(-2, 2),
    st.integers(0, 20),
)
COMMANDS = st.one_of(
    ORDERS,
    st.builds(lambda account, name: CancelOrder("exchange", account, name), ACCOUNTS, NAMES),
    st.builds(lambda account: QueryAccount(to="exchange", asker="me", account=account), ACCOUNTS),
    st.just(WAKE),
)
PENDING = st.lists(COMMANDS, max_size=3)
GROUPS = st.lists(st.lists(COMMANDS, min_size=1, max_size=5), min_size=1, max_size=6)


@given(groups=GROUPS, snapshot_every=st.integers(1, 40), lives=st.integers(1, 3), pending=PENDING)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_however_inputs_and_commits_interleave_the_recovered_core_is_the_live_one(
    live: Live, groups: list[list[Message]], snapshot_every: int, lives: int, pending: list[Message]
) -> None:
    kept = memory_store(SERVICE.design)

    async def one_life(folder: Path, before: str, number: int) -> str:
        life = live(folder=folder, kept=kept)
        life.runner.recover(life.store.history.record)
        assert not before or state_of(life.core) == before
        await life.runner.start()
        for group in groups:
            await life.runner.take_commands([(message, OUTSIDE) for message in group])
            life.runner.clock.shift(number * SECOND_NS)
        durable = state_of(life.core)
        for message in pending:
            life.runner.take(message, OUTSIDE)  # Handled, and never committed.
        life.die()
        return durable

    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        snapshots_every(snapshot_every, patch)
        before = ""
        for number in range(lives):
            before = asyncio.run(one_life(Path(folder), before, number))
        last = live(folder=Path(folder), kept=kept)
        asyncio.run(recover_in_a_loop(last))
        assert state_of(last.core) == before
        last.spool.close()


async def recover_in_a_loop(life: Any) -> None:
    life.runner.recover(life.store.history.record)


@given(sent=st.lists(ORDERS, min_size=1, max_size=12), repeats=st.lists(st.integers(0, 11), max_size=12))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_order_that_comes_again_has_no_second_effect_in_this_life_or_the_next(
    live: Live, sent: list[SubmitOrder], repeats: list[int]
) -> None:
    first_of: dict[tuple[str, str], SubmitOrder] = {}
    for order in sent:
        first_of.setdefault((order.account, order.client_order_id), order)
    orders = list(first_of.values())

    async def scene(folder: Path) -> None:
        kept = memory_store(SERVICE.design)
        for number in range(2):
            life = await live(folder=folder, kept=kept).begin()
            if number == 0:
                await life.runner.take_commands([(order, OUTSIDE) for order in orders])
            before = without_session(life.core)
            for at in repeats:
                order = orders[at % len(orders)]
                assert not [each for each in await life.runner.ask(order) if isinstance(each, AccountEvent)]
            assert without_session(life.core) == before
            life.die()

    with tempfile.TemporaryDirectory() as name:
        asyncio.run(scene(Path(name)))


def without_session(core: Any) -> str:
    return json.dumps({key: value for key, value in core.save().items() if key not in ("session", "heartbeat_due_ns")})


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_core_outlives_its_process_on_a_real_store(
    kind: str, request: pytest.FixtureRequest, live: Live, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots_every(7, monkeypatch)
    url = request.getfixturevalue("make_postgresql")() if kind == "postgresql" else ""

    async def scene() -> None:
        state = ""
        for number in range(3):
            life = live(url)
            life.runner.recover(life.store.history.record)
            assert not state or state_of(life.core) == state
            await life.runner.start()
            for at in range(5):
                line = [submit(f"{number}-{at}-{side}", "alpha" if side else "beta", Side(side)) for side in (0, 1)]
                await life.runner.take_commands([(order, OUTSIDE) for order in line])
            state = state_of(life.core)
            life.die()

    asyncio.run(scene())


# What an earlier life committed and did not tell any more.


def said_of_orders(life: Any) -> list[Message]:
    return [message for message in life.words if isinstance(message, AccountEvent)]


def test_what_lies_beyond_the_mark_of_the_spool_is_told_once_by_the_next_life(
    live: Live, submit: Submit, tmp_path: Path
) -> None:
    async def scene() -> None:
        first = await live().begin()
        for number in range(3):
            await first.runner.ask(submit(f"one-{number}"))
        first.die()
        for file in (tmp_path / "spool").iterdir():
            file.unlink()  # As if it had died after its commits and before it told of any.
        second = await live().begin()
        await second.runner.ask(submit("two"))
        assert said_of_orders(second) == said_of_orders(first) + said_of_orders(second)[3:]
        assert accepted(second.words) == ["one-0", "one-1", "one-2", "two"]
        second.die()
        third = await live().begin()
        await third.runner.ask(submit("three"))
        assert accepted(third.words) == ["three"]
        third.die()

    asyncio.run(scene())


def test_what_the_next_life_tells_is_told_of_the_same_cause_and_moment(
    live: Live, submit: Submit, tmp_path: Path
) -> None:
    async def scene() -> None:
        first = await live().begin()
        cause = Header(message_id=41, correlation_id=42)
        await first.runner.ask(submit("one"), cause)
        first.die()
        for file in (tmp_path / "spool").iterdir():
            file.unlink()
        second = live()
        second.runner.clock.shift(3_600 * SECOND_NS)
        await second.begin()
        (told,) = [told for told in second.said if isinstance(told.message, OrderAccepted)]
        assert told.header.correlation_id == 42
        assert told.message.occurred_ns == said_of_orders(first)[0].occurred_ns  # type: ignore[attr-defined]
        second.die()

    asyncio.run(scene())


def test_the_history_is_whole_after_a_death_before_it_was_written(live: Live, submit: Submit) -> None:
    async def scene() -> None:
        first = await live().begin()
        for number in range(3):
            await first.runner.ask(submit(f"rests-{number}", "alpha", Side.SELL, 6_000_000))
        await first.runner.ask(submit("meets", "beta", Side.BUY, 6_000_000, 12))
        assert first.store.history.trades() == []  # Nothing has written it in this life.
        first.die()
        second = live()
        second.runner.recover(second.store.history.record)
        assert [order.client_order_id for order in second.store.history.orders()] == [
            "rests-0",
            "rests-1",
            "rests-2",
            "meets",
        ]
        fills = [each for each in first.words if isinstance(each, OrderFilled) and each.account == "beta"]
        assert [trade.trade_id for trade in second.store.history.trades()] == [fill.trade_id for fill in fills]
        assert [order.leaves_quantity_lots for order in second.store.history.orders()] == [0, 0, 3, 0]
        second.spool.close()
        second.store.close()

    asyncio.run(scene())


def test_no_snapshot_is_kept_before_the_history_has_what_led_to_it(
    live: Live, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots_every(3, monkeypatch)

    async def scene() -> None:
        life = live()
        away = [True]

        async def record(messages: Sequence[Message]) -> None:
            if away[0]:
                raise StoreAway("the history")
            life.store.history.record(messages)

        life.historian._record = record
        await life.begin()
        for number in range(5):
            await life.runner.ask(submit(f"one-{number}"))
        assert life.store.journal.snapshot() is None
        away[0] = False
        await life.runner.ask(submit("two"))
        await life.runner.ask(submit("three"))
        sequence, _ = life.store.journal.snapshot()
        assert sequence == life.store.journal.last_sequence() - 1
        assert [order.client_order_id for order in life.store.history.orders()][-1] == "two"
        life.die()

    asyncio.run(scene())


# Time.


def test_a_wake_comes_when_its_moment_has_come_and_not_before(live: Live, until: Until) -> None:
    async def scene() -> None:
        life = await live().begin()
        await until(lambda: beats(life))
        await asyncio.sleep(1.1)  # Of the machine; simulated time stands still.
        assert len(beats(life)) == 1
        life.runner.clock.shift(SECOND_NS)
        await until(lambda: len(beats(life)) == 2)
        assert beats(life)[1] - beats(life)[0] >= SECOND_NS
        await life.end()

    asyncio.run(scene())


# A core that keeps no journal.


class Counting(Core):
    """Counts the questions it is asked, over its lives."""

    def __init__(self) -> None:
        self.count = 0

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        if isinstance(message, Start):
            told = message.memory.get("count", 0)
            assert isinstance(told, int)
            self.count = told
            return [HealthChanged(service="exchange", health=HealthStatus.SERVING, detail=str(told), occurred_ns=now)]
        if isinstance(message, QueryAccount):
            self.count += 1
            report = AccountReported(
                to=message.asker,
                venue="exchange",
                account=str(self.count),
                account_sequence=self.count,
                balances=(),
                open_orders=(),
                occurred_ns=now,
            )
            return [Remember(key="count", value=self.count), report] if message.account else [report]
        return [WakeAt(now)]


def question(remembered: bool) -> QueryAccount:
    return QueryAccount(to="exchange", asker="me", account="yes" if remembered else "")


def test_what_a_core_remembers_is_durable_before_what_comes_after_it(live: Live, until: Until) -> None:
    async def scene() -> None:
        life = await live(core=Counting()).begin()
        life.faults.inject(StoreFault.SLOW, 30.0)
        quick = await life.runner.ask(question(False))
        slow = asyncio.create_task(life.runner.ask(question(True)))
        behind = asyncio.create_task(life.runner.ask(question(False)))
        await asyncio.sleep(0.03)
        assert len(quick) == 1 and not slow.done() and not behind.done()  # Nobody overtakes what waits.
        life.faults.restore(StoreFault.SLOW)
        await asyncio.gather(slow, behind)
        told = [each.account_sequence for each in life.words if isinstance(each, AccountReported)]
        assert told == [1, 2, 3]
        life.die()
        second = await live(core=Counting()).begin()
        assert second.core.count == 2
        assert second.store.journal.last_sequence() == 0
        second.die()

    asyncio.run(scene())


def test_what_is_for_another_process_is_sent_and_not_published(live: Live) -> None:
    def mine(message: Addressed) -> bool:
        return message.to == "me"

    async def scene() -> None:
        life = await live(mine=mine).begin()
        await life.runner.ask(QueryAccount(to="exchange", asker="me", account="alpha"))
        await life.runner.ask(QueryAccount(to="exchange", asker="you", account="alpha"))
        await life.end()
        assert [message.to for message in life.posted] == ["me"]
        assert [message.to for message in life.words if isinstance(message, Addressed)] == ["you"]

    asyncio.run(scene())


def test_the_journal_keeps_every_input_with_its_moment_and_its_cause(live: Live, submit: Submit) -> None:
    async def scene() -> None:
        life = await live().begin()
        cause = Header(message_id=5, correlation_id=6)
        life.runner.clock.shift(SECOND_NS)
        await life.runner.ask(submit("one"), cause)
        inputs = [each for record in life.store.journal.read(0) for each in unpack(record.payload)]
        start, one = inputs[0], inputs[-1]
        assert CODEC.decode(start.kind, start.body) == Start(memory={})
        assert (CODEC.decode(one.kind, one.body), one.cause) == (submit("one"), cause)
        assert one.now_ns == life.runner.clock.now_ns()
        life.die()

    asyncio.run(scene())


def test_the_health_is_what_the_core_said_of_itself(live: Live, until: Until) -> None:
    async def scene() -> None:
        life = live()
        assert life.runner.health() == (HealthStatus.NOT_SERVING, "starting")
        await life.begin()
        await until(lambda: life.runner.health() == (HealthStatus.SERVING, "session 1"))
        await life.runner.settle()
        assert life.runner.health() == (HealthStatus.NOT_SERVING, "draining")
        life.die()

    asyncio.run(scene())


def test_every_trace_is_in_the_spool_before_its_message_is_told(live: Live, submit: Submit) -> None:
    async def scene() -> None:
        life = live()
        written: Counter[int] = Counter()
        write = life.spool.write

        def spy(spans: Sequence[Any], mark: int) -> None:
            write(spans, mark)
            written.update(span.header.message_id for span in spans)

        life.runner._spool = _Spool(spy, life.spool.last_mark)
        late: list[int] = []

        def look(told: Sequence[Told]) -> None:
            late.extend(each.sequence for each in told if not written[each.header.message_id])

        life.runner.listen(look)
        await life.begin()
        await life.runner.take_commands([(submit(f"one-{at}"), OUTSIDE) for at in range(20)])
        assert len(life.said) > 20 and late == []
        assert not [number for number, count in written.items() if count > 1]
        life.die()

    asyncio.run(scene())


class _Spool:
    def __init__(self, write: Callable[[Sequence[Any], int], None], last_mark: Callable[[], int]) -> None:
        self.write, self.last_mark = write, last_mark
