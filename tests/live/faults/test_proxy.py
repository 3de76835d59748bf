"""Every fault on real sockets, on connections that exist and on new ones, with its undo."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from statistics import median
from typing import Any

import pytest

from trading_ecosystem.chance import Dice
from trading_ecosystem.live.faults.proxy import Address, LinkProxy
from trading_ecosystem.live.faults.terms import Direction, Gate, StreamFault

REQUEST, RESPONSE = Direction.REQUEST, Direction.RESPONSE
MILLISECOND_NS = 1_000_000
SHORT = 0.15
Places = Callable[[], AbstractAsyncContextManager[Any]]


def run(places: Places, story: Callable[[Any], Awaitable[None]]) -> None:
    async def told() -> None:
        async with asyncio.timeout(20), places() as place:
            await story(place)

    asyncio.run(told())


async def silent(reader: asyncio.StreamReader, seconds: float = SHORT) -> bool:
    """Whether nothing comes: no byte, no end, no reset."""
    try:
        async with asyncio.timeout(seconds):
            await reader.read(1)
    except TimeoutError:
        return True
    return False


async def refused(place: Any) -> bool:
    try:
        _, writer = await place.connect()
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


async def seconds_for(place: Any, streams: Any, words: bytes = b"x") -> float:
    began = time.monotonic()
    assert await place.say(streams, words) == words
    return time.monotonic() - began


def test_without_a_fault_it_carries_everything_and_ends_as_the_ends_do(place: Places) -> None:
    async def story(place: Any) -> None:
        streams = await place.connect()
        words = bytes(range(256)) * 8_192
        streams[1].write(words)
        streams[1].write_eof()
        assert await streams[0].read() == words
        assert bytes(place.heard) == words
        streams[1].close()
        await asyncio.sleep(0.05)
        assert place.proxy.open_connections == 0
        assert (place.proxy.counts.resets, place.proxy.counts.connections) == (0, 1)

    run(place, story)


def test_what_follows_a_piece_does_not_wait_until_that_is_acknowledged() -> None:
    """Else each would come 40 ms late: ten seconds, where time runs 240 times as fast."""

    async def say_twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1):
            writer.write(b"1")
            await asyncio.sleep(0.002)
            writer.write(b"2")
        writer.close()

    async def story() -> None:
        server = await asyncio.start_server(say_twice, "127.0.0.1", 0)
        proxy = LinkProxy(lambda: server.sockets[0].getsockname(), {way: Dice(1, way.value) for way in Direction})
        await proxy.start()
        reader, writer = await asyncio.open_connection(*proxy.address)
        took_s: list[float] = []
        for _ in range(40):
            began_s = time.monotonic()
            writer.write(b"?")
            await reader.readexactly(2)
            took_s.append(time.monotonic() - began_s)
        writer.close()
        await proxy.close()
        server.close()
        assert median(took_s[20:]) < 0.03, "acknowledgements are quick only at first"

    asyncio.run(story())


@pytest.mark.parametrize("ways", [(REQUEST,), (RESPONSE,), (REQUEST, RESPONSE)])
def test_latency_is_added_in_each_direction_and_taken_away(place: Places, ways: tuple[Direction, ...]) -> None:
    async def story(place: Any) -> None:
        old = await place.connect()
        await place.proxy.impose("slow", StreamFault(latency_ns=80 * MILLISECOND_NS), *ways)
        new = await place.connect()
        for streams in (old, new):
            assert 0.08 * len(ways) <= await seconds_for(place, streams) < 0.08 * len(ways) + 0.07
        await place.proxy.undo("slow")
        for streams in (old, new):
            assert await seconds_for(place, streams) < 0.05

    run(place, story)


def test_what_was_late_comes_at_once_and_in_order_when_latency_ends(place: Places) -> None:
    async def story(place: Any) -> None:
        reader, writer = await place.connect()
        await place.proxy.impose("slow", StreamFault(latency_ns=60_000 * MILLISECOND_NS), REQUEST)
        for number in range(10):
            writer.write(bytes([number]))
            await asyncio.sleep(0.002)
        assert await silent(reader)
        await place.proxy.undo("slow")
        async with asyncio.timeout(1):
            assert await reader.readexactly(10) == bytes(range(10))

    run(place, story)


def test_jitter_varies_the_delay_and_keeps_the_order(place: Places) -> None:
    async def story(place: Any) -> None:
        fault = StreamFault(latency_ns=5 * MILLISECOND_NS, jitter_ns=40 * MILLISECOND_NS)
        await place.proxy.impose("uneven", fault, RESPONSE)
        streams = await place.connect()
        spans = [await seconds_for(place, streams) for _ in range(12)]
        assert min(spans) >= 0.005
        assert max(spans) - min(spans) > 0.008
        words = bytes(range(256))
        for word in words:
            streams[1].write(bytes([word]))
            await asyncio.sleep(0)
        assert await streams[0].readexactly(256) == words

    run(place, story)


def test_bandwidth_is_what_it_is_set_to(place: Places) -> None:
    async def story(place: Any) -> None:
        streams = await place.connect()
        await place.proxy.impose("narrow", StreamFault(bytes_per_second=100_000), REQUEST)
        assert 0.27 < await seconds_for(place, streams, bytes(30_000)) < 0.5
        await place.proxy.impose("narrower", StreamFault(bytes_per_second=50_000), REQUEST)
        assert 0.36 < await seconds_for(place, streams, bytes(20_000)) < 0.6
        await place.proxy.undo("narrow")
        await place.proxy.undo("narrower")
        assert await seconds_for(place, streams, bytes(30_000)) < 0.1

    run(place, story)


def test_bytes_come_in_slices(place: Places) -> None:
    async def story(place: Any) -> None:
        await place.proxy.impose("sliced", StreamFault(slice_bytes=1), RESPONSE)
        reader, writer = await place.connect()
        words = bytes(range(200))
        writer.write(words)
        read: list[bytes] = []
        while sum(len(each) for each in read) < len(words):
            read.append(await reader.read(65_536))
        assert b"".join(read) == words
        assert len(read) > 20

    run(place, story)


def test_what_is_held_comes_whole_when_released_and_is_bounded_meanwhile(place: Places) -> None:
    async def story(place: Any) -> None:
        reader, writer = await place.connect()
        assert await place.say((reader, writer), b"before") == b"before"
        await place.proxy.impose("hold", StreamFault(held=True), REQUEST)
        words = bytes(range(256)) * 65_536  # More than pipe and sockets take.
        writer.write(words)
        assert await silent(reader)
        assert len(place.heard) == 6
        assert writer.transport.get_write_buffer_size() > 0  # The writer is made to wait.
        await place.proxy.undo("hold")
        assert await reader.readexactly(len(words)) == words

    run(place, story)


def test_a_connection_that_is_opened_under_a_hold_gets_through_afterwards(place: Places) -> None:
    async def story(place: Any) -> None:
        await place.proxy.impose("hold", StreamFault(held=True), RESPONSE)
        reader, writer = await place.connect()
        writer.write(b"hello")
        assert await silent(reader)
        await place.proxy.undo("hold")
        assert await reader.readexactly(5) == b"hello"

    run(place, story)


def test_a_black_hole_takes_everything_and_leaves_the_connection_half_open(place: Places) -> None:
    async def story(place: Any) -> None:
        old = await place.connect()
        assert await place.say(old, b"before") == b"before"
        await place.proxy.impose("hole", StreamFault(dropped=True), REQUEST, RESPONSE)
        new = await place.connect()  # Accepted, and nobody is there.
        for reader, writer in (old, new):
            writer.write(bytes(300_000))
            await writer.drain()
            assert await silent(reader)
        assert bytes(place.heard) == b"before"
        await place.proxy.undo("hole")
        for reader, _ in (old, new):
            with pytest.raises(ConnectionResetError):  # A stream with a hole cannot go on.
                await reader.read(1)
        assert place.proxy.counts.dropped_bytes == 600_000
        assert await place.say(await place.connect(), b"after") == b"after"

    run(place, story)


def test_a_connection_that_lost_nothing_survives_a_black_hole(place: Places) -> None:
    async def story(place: Any) -> None:
        streams = await place.connect()
        assert await place.say(streams, b"before") == b"before"
        await place.proxy.impose("hole", StreamFault(dropped=True), REQUEST, RESPONSE)
        await place.proxy.undo("hole")
        assert await place.say(streams, b"after") == b"after"

    run(place, story)


@pytest.mark.parametrize(("cut", "arrives"), [(REQUEST, b""), (RESPONSE, b"order")])
def test_one_way_cuts_one_way(place: Places, cut: Direction, arrives: bytes) -> None:
    async def story(place: Any) -> None:
        reader, writer = await place.connect()
        assert await place.say((reader, writer), b"!") == b"!"
        await place.proxy.impose("cut", StreamFault(dropped=True), cut)
        writer.write(b"order")
        assert await silent(reader)
        assert bytes(place.heard[1:]) == arrives

    run(place, story)


def test_an_answer_can_be_lost_after_the_request_arrived(place: Places) -> None:
    async def story(place: Any) -> None:
        reader, writer = await place.connect()
        assert await place.say((reader, writer), b"!") == b"!"
        lost = StreamFault(dropped=True, reset_after_ns=100 * MILLISECOND_NS)
        await place.proxy.impose("lost", lost, RESPONSE)
        writer.write(b"order")
        assert await silent(reader, 0.05)
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        assert bytes(place.heard) == b"!order"
        await place.proxy.undo("lost")
        assert await place.say(await place.connect(), b"after") == b"after"

    run(place, story)


def test_a_reset_is_seen_as_rst_on_both_sides_until_it_is_undone(place: Places) -> None:
    async def story(place: Any) -> None:
        old = await place.connect()
        assert await place.say(old, b"before") == b"before"
        await place.proxy.impose("reset", Gate.RESET)
        with pytest.raises(ConnectionResetError):
            await old[0].read(1)
        await asyncio.sleep(0.05)
        assert place.broken == [ConnectionResetError]
        new = await place.connect()
        with pytest.raises(ConnectionResetError):
            await new[0].read(1)
        await place.proxy.undo("reset")
        assert await place.say(await place.connect(), b"after") == b"after"

    run(place, story)


def test_a_refusal_breaks_what_is_there_and_keeps_the_port(place: Places) -> None:
    async def story(place: Any) -> None:
        address = place.proxy.address
        old = await place.connect()
        assert await place.say(old, b"before") == b"before"
        await place.proxy.impose("refuse", Gate.REFUSE)
        with pytest.raises(ConnectionResetError):
            await old[0].read(1)
        assert await refused(place)
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(address)
        await place.proxy.undo("refuse")
        assert place.proxy.address == address
        assert await place.say(await place.connect(), b"after") == b"after"

    run(place, story)


def test_faults_add_up_and_each_undo_takes_only_its_own(place: Places) -> None:
    async def story(place: Any) -> None:
        streams = await place.connect()
        for fault_id in ("one", "two", "two"):  # A repeated fault changes nothing.
            await place.proxy.impose(fault_id, StreamFault(latency_ns=50 * MILLISECOND_NS), REQUEST)
        assert 0.1 <= await seconds_for(place, streams) < 0.15
        await place.proxy.undo("one")
        await place.proxy.undo("one")
        assert 0.05 <= await seconds_for(place, streams) < 0.1
        await place.proxy.undo("two")
        assert await seconds_for(place, streams) < 0.05

    run(place, story)


def test_a_target_that_moved_is_found_and_one_that_is_gone_is_a_reset(place: Places) -> None:
    async def story(place: Any) -> None:
        home = place.target[0]
        place.target[0] = None
        reader, _ = await place.connect()
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            place.target[0] = free.getsockname()  # Bound, and nobody listens.
            reader, _ = await place.connect()
            with pytest.raises(ConnectionResetError):
                await reader.read(1)
        assert place.proxy.counts.unreached == 2
        place.target[0] = home
        assert await place.say(await place.connect(), b"found") == b"found"

    run(place, story)


@pytest.mark.parametrize("delay_ns", [0, 30 * MILLISECOND_NS])
def test_an_end_goes_through_with_the_delay_and_the_other_direction_goes_on(place: Places, delay_ns: int) -> None:
    async def story(place: Any) -> None:
        await place.proxy.impose("slow", StreamFault(latency_ns=delay_ns), REQUEST, RESPONSE)
        reader, writer = await place.connect()
        writer.write(b"last words")
        writer.write_eof()
        assert await reader.read() == b"last words"
        await asyncio.sleep(0.02)
        assert place.proxy.open_connections == 0

    run(place, story)


def test_a_reader_that_does_not_read_is_not_read_for(place: Places) -> None:
    """Back-pressure: the writer's bytes wait with the writer, not in the proxy."""

    async def story(place: Any) -> None:
        reader, writer = await place.connect()
        for _ in range(64):
            writer.write(bytes(1 << 20))
        await asyncio.sleep(0.5)
        assert writer.transport.get_write_buffer_size() > 16 << 20
        writer.write_eof()
        total = 0
        while data := await reader.read(1 << 20):
            total += len(data)
        assert total == 64 << 20

    run(place, story)


def test_when_it_closes_nothing_stays_open() -> None:
    async def story() -> None:
        nowhere: Address | None = None
        proxy = LinkProxy(lambda: nowhere, {})
        address = await proxy.start()
        await proxy.impose("refuse", Gate.REFUSE)
        await proxy.close()
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(address)

    asyncio.run(story())
