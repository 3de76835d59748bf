"""Who shares a commit: the callers of the last one who ask again, and nobody waits in vain for long."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from trading_ecosystem.live import gathering as module
from trading_ecosystem.live.gathering import callers_in, gather
from trading_ecosystem.live.inputs import unpack
from trading_ecosystem.live.runner import OUTSIDE
from trading_ecosystem.live.sealing import Departures
from trading_ecosystem.messages.orders import CancelOrder, SubmitOrder


def of_caller() -> Departures:
    departures = Departures(())
    departures.answered = asyncio.get_running_loop().create_future()
    return departures


@pytest.fixture(autouse=True)
def long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that it shows on a busy machine who is waited for."""
    monkeypatch.setattr(module, "PAUSE_S", 0.05)


@pytest.mark.parametrize(
    ("company", "there", "coming", "pauses"),
    [
        (0, 1, 0, 0),
        (1, 0, 0, 0),  # An event, after a single caller.
        (2, 2, 0, 0),
        (2, 5, 0, 0),
        (3, 1, 2, 2),
        (3, 1, 1, module.PAUSES),
    ],
)
def test_it_waits_for_the_callers_of_the_last_commit_and_not_for_long(
    company: int, there: int, coming: int, pauses: int
) -> None:
    """One of those who are `coming` comes in each pause."""

    async def scene() -> tuple[int, float]:
        waiting = [Departures(()), *(of_caller() for _ in range(there))]

        async def come() -> None:
            for _ in range(coming):
                await asyncio.sleep(module.PAUSE_S * 0.8)
                waiting.append(of_caller())

        arriving = asyncio.create_task(come())
        began = time.monotonic()
        await gather(waiting, company)
        taken_s = time.monotonic() - began
        await arriving
        return callers_in(waiting), taken_s

    callers, taken_s = asyncio.run(scene())
    assert callers == there + coming
    assert pauses * module.PAUSE_S <= taken_s + 0.001 < (pauses + 3) * module.PAUSE_S


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
        assert time.monotonic() - began < module.PAUSES * module.PAUSE_S
        sizes = [len(list(unpack(record.payload))) for record in life.store.journal.read(1)]
        await life.end()
        return sizes

    assert asyncio.run(scene()) == [3, 3, 1, 1]
