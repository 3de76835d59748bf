"""The history is written a little behind, whole and in order, or what it lacks is counted."""

import asyncio
from collections.abc import Sequence

import pytest

from trading_ecosystem.live import historian as module
from trading_ecosystem.live.door import Header, Told
from trading_ecosystem.live.historian import Historian
from trading_ecosystem.live.store.ports import StoreAway
from trading_ecosystem.messages.accounts import VenueHeartbeat
from trading_ecosystem.messages.message import Message

NOBODY = Header(message_id=0, correlation_id=0)


def beat(number: int) -> Message:
    return VenueHeartbeat(venue="exchange", session=1, occurred_ns=number)


def told(*numbers: int) -> list[Told]:
    return [Told(sequence=number, header=NOBODY, message=beat(number)) for number in numbers]


class Book:
    """Takes what is recorded, but for some failures first."""

    def __init__(self) -> None:
        self.written: list[Message] = []
        self.failures = 0  # That are still to come.
        self.open = asyncio.Event()
        self.open.set()

    async def record(self, messages: Sequence[Message]) -> None:
        await self.open.wait()
        if self.failures:
            self.failures -= 1
            raise StoreAway("somewhere")
        self.written.extend(messages)


def test_everything_is_written_in_order_also_what_waited_for_the_store() -> None:
    async def scene() -> list[Message]:
        book = Book()
        historian = Historian(book.record)
        historian.take(told(1, 2))
        book.failures = 1
        with pytest.raises(StoreAway):
            await historian.write()
        historian.note(beat(3))
        historian.take(told(4))
        await historian.write()
        await historian.write()
        return book.written

    assert asyncio.run(scene()) == [beat(number) for number in (1, 2, 3, 4)]


def test_whoever_waits_for_a_write_waits_for_the_one_before_it_too() -> None:
    async def scene() -> tuple[bool, list[Message]]:
        book = Book()
        historian = Historian(book.record)
        book.open.clear()
        historian.take(told(1))
        first = asyncio.create_task(historian.write())
        await asyncio.sleep(0)
        historian.take(told(2))
        second = asyncio.create_task(historian.write())
        await asyncio.sleep(0.01)
        waited = not second.done()
        book.failures = 1
        book.open.set()
        with pytest.raises(StoreAway):
            await first
        await second
        return waited, book.written

    waited, written = asyncio.run(scene())
    assert waited
    assert written == [beat(1), beat(2)]


def test_it_goes_on_by_itself_when_the_store_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY_S", 0.005)

    async def scene() -> list[Message]:
        book = Book()
        historian = Historian(book.record)
        running = asyncio.create_task(historian.run())
        book.failures = 3
        historian.take(told(1))
        async with asyncio.timeout(5):
            while not book.written:
                await asyncio.sleep(0.005)
        running.cancel()
        return book.written

    assert asyncio.run(scene()) == [beat(1)]


def test_what_finds_no_room_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 3)

    async def scene() -> tuple[int, list[Message]]:
        book = Book()
        historian = Historian(book.record)
        historian.take(told(1, 2))
        historian.take(told(3, 4))
        historian.note(beat(5))
        historian.note(beat(6))
        await historian.write()
        return historian.lost, book.written

    lost, written = asyncio.run(scene())
    assert lost == 3
    assert written == [beat(1), beat(2), beat(5)]
