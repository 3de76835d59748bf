"""Who shares a commit: the callers of the last one who ask again, and nobody waits in vain for long."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from trading_ecosystem.live import gathering as module, runner
from trading_ecosystem.live.gathering import Company
from trading_ecosystem.live.inputs import unpack
from trading_ecosystem.live.runner import OUTSIDE
from trading_ecosystem.messages.orders import CancelOrder, OrderAccepted, SubmitOrder

LONGEST_S, EVERY_S = 0.4, 0.1


@pytest.fixture(autouse=True)
def long_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that it shows on a busy machine who is waited for."""
    monkeypatch.setattr(module, "LONGEST_S", LONGEST_S)


@pytest.mark.parametrize(
    ("before", "there", "coming", "waits"),
    [
        (0, 1, 0, 0.0),
        (1, 0, 0, 0.0),  # An event, after a single caller.
        (2, 2, 0, 0.0),
        (2, 5, 0, 0.0),
        (3, 1, 2, 2 * EVERY_S),
        (3, 1, 1, LONGEST_S),
        (2, 0, 0, LONGEST_S),
    ],
)
def test_it_waits_for_the_callers_of_the_last_commit_and_not_for_long(
    before: int, there: int, coming: int, waits: float
) -> None:
    """One of those who are `coming` comes every so often."""

    async def scene() -> float:
        company = Company()
        for _ in range(before):
            company.join()
        company.depart()
        for _ in range(there):
            company.join()

        async def come() -> None:
            for _ in range(coming):
                await asyncio.sleep(EVERY_S)
                company.join()

        arriving = asyncio.create_task(come())
        began = time.monotonic()
        await company.gather()
        taken_s = time.monotonic() - began
        await arriving
        return taken_s

    assert waits <= asyncio.run(scene()) + 0.001 < waits + 0.15


def test_who_joins_behind_the_departure_is_of_the_next_commit() -> None:
    async def scene() -> None:
        company = Company()
        for _ in range(3):
            company.join()
        company.depart()
        company.join()
        company.depart()
        began = time.monotonic()
        await company.gather()
        assert time.monotonic() - began < LONGEST_S / 2, "one caller waits for nobody"

    asyncio.run(scene())


def test_callers_who_ask_again_share_a_commit_and_a_single_one_waits_for_nobody(
    live: Callable[..., Any], submit: Callable[..., SubmitOrder], until: Callable[..., Any]
) -> None:
    async def scene() -> list[int]:
        life = await live().begin()
        await until(lambda: life.said)

        async def ask(name: str, after_s: float) -> None:
            await asyncio.sleep(after_s)
            await life.runner.ask(submit(name))

        await asyncio.gather(*(life.runner.ask(submit(f"first-{at}")) for at in range(3)))
        await asyncio.gather(*(ask(f"again-{at}", 0.02 * at) for at in range(3)))
        await life.runner.ask(submit("alone"))
        began = time.monotonic()
        life.runner.take(CancelOrder("exchange", "alpha", "alone"), OUTSIDE)
        await until(lambda: not life.runner.uncommitted)
        assert time.monotonic() - began < LONGEST_S
        sizes = [len(list(unpack(record.payload))) for record in life.store.journal.read(1)]
        await life.end()
        return sizes

    assert asyncio.run(scene()) == [3, 3, 1, 1]


def test_what_comes_at_once_is_handled_in_turns_that_are_not_too_long(
    live: Callable[..., Any], submit: Callable[..., SubmitOrder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "MOST_AT_ONCE", 3)

    async def scene() -> list[int]:
        life = await live().begin()
        orders = [(submit(f"order-{number}"), OUTSIDE) for number in range(7)]
        assert await life.runner.take_commands(orders), "the answer to the last one"
        sizes = [len(list(unpack(record.payload))) for record in life.store.journal.read(1)]
        accepted = [each.client_order_id for each in life.words if isinstance(each, OrderAccepted)]
        assert accepted == [order.client_order_id for order, _ in orders]
        await life.end()
        return sizes

    assert asyncio.run(scene()) == [3, 3, 1]
