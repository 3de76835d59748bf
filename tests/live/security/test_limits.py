"""Whoever takes too long is ended in time, and nobody else."""

import asyncio
import time

import pytest

from trading_ecosystem.live.security.limits import Limits, OutOfTime

SHORT = 0.1


async def takes(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds


def test_each_has_its_own_time_from_its_own_beginning() -> None:
    async def scene() -> None:
        limits = Limits(SHORT)

        async def ended(after_s: float, takes_s: float) -> float:
            await asyncio.sleep(after_s)
            began_s = time.monotonic()
            with pytest.raises(OutOfTime):
                await limits.within(takes(takes_s))
            return time.monotonic() - began_s

        begins = [SHORT * number / 3 for number in range(6)]
        for taken_s in await asyncio.gather(*(ended(begin, 5) for begin in begins)):
            assert SHORT * 0.9 <= taken_s < SHORT + 0.2
        assert await limits.within(takes(0.001)) == 0.001
        assert not limits._ends_s and not limits._overdue

    asyncio.run(scene())


def test_after_a_quiet_time_it_watches_again() -> None:
    async def scene() -> None:
        limits = Limits(SHORT)
        assert await limits.within(takes(0)) == 0
        await asyncio.sleep(2 * SHORT)
        with pytest.raises(OutOfTime):
            await limits.within(takes(5))

    asyncio.run(scene())


def test_what_it_raises_is_its_own() -> None:
    async def breaks() -> None:
        raise TimeoutError("of somebody else")

    async def scene() -> None:
        with pytest.raises(TimeoutError, match="of somebody else"):
            await Limits(SHORT).within(breaks())

    asyncio.run(scene())


def test_who_is_cancelled_by_others_stays_cancelled() -> None:
    async def scene() -> None:
        limits = Limits(SHORT)
        task = asyncio.create_task(limits.within(takes(5)))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled() and not limits._ends_s

    asyncio.run(scene())


def test_what_is_done_afterwards_is_not_cancelled() -> None:
    async def scene() -> None:
        limits = Limits(SHORT)
        with pytest.raises(OutOfTime):
            await limits.within(takes(5))
        task = asyncio.current_task()
        assert task is not None and task.cancelling() == 0
        await asyncio.sleep(0)

    asyncio.run(scene())
