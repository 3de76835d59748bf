"""Reading parameters: types, cache, and what happens while the service is away."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.live.calls import CallFailed
from trading_ecosystem.live.discovery.parameters import CacheStatistics, ConfigurationClient
from trading_ecosystem.live.door import RefusalCode, Refused

Open = Callable[..., Any]
Read = Callable[[ConfigurationClient], Awaitable[object]]
NAME = "exchange.value"

READ: list[tuple[str, Read, object]] = [
    ("word", lambda client: client.text(NAME), "word"),
    ("", lambda client: client.text(NAME), ""),
    ("42", lambda client: client.integer(NAME, 0, 42), 42),
    ("-7", lambda client: client.integer(NAME, -7, 0), -7),
    ("0.10", lambda client: client.decimal(NAME, "0", "0.1"), Decimal("0.1")),
    ("1m30s", lambda client: client.duration_ns(NAME), 90_000_000_000),
    ("true", lambda client: client.flag(NAME), True),
    ("false", lambda client: client.flag(NAME, default=True), False),
    ('{"speed": 60}', lambda client: client.json(NAME), {"speed": 60}),
]
WRONG: list[tuple[str, Read, str]] = [
    ("", lambda client: client.integer(NAME, 0, 9, default=5), "'' is not a whole number"),
    ("1_000", lambda client: client.integer(NAME, 0, 9_999), "'1_000' is not a whole number"),
    ("43", lambda client: client.integer(NAME, 0, 42), "43 is not between 0 and 42"),
    ("NaN", lambda client: client.decimal(NAME, "0", "1"), "'NaN' is not a number"),
    ("-0.1", lambda client: client.decimal(NAME, "0", "1"), "-0.1 is not between 0 and 1"),
    ("90", lambda client: client.duration_ns(NAME), "'90' is not a duration"),
    ("yes", lambda client: client.flag(NAME, default=False), "'yes' is neither true nor false"),
    ("{", lambda client: client.json(NAME), "it is not JSON"),
    ("[" * 4_000, lambda client: client.json(NAME), "it is not JSON"),
]


def test_each_type_is_read(open_place: Open) -> None:
    async def scene() -> None:
        async with open_place() as place:
            web = place.web("administrator")
            for value, read, expected in READ:
                place.configuration.set(NAME, value)
                assert await read(ConfigurationClient(web)) == expected

    asyncio.run(scene())


def test_a_wrong_value_is_named_with_its_parameter_and_version(open_place: Open) -> None:
    async def scene() -> None:
        async with open_place() as place:
            web = place.web("administrator")
            for version, (value, read, problem) in enumerate(WRONG, 1):
                place.configuration.set(NAME, value)
                with pytest.raises(Problem) as raised:
                    await read(ConfigurationClient(web))
                assert str(raised.value).startswith(f"parameter exchange.value (version {version}): {problem}")

    asyncio.run(scene())


def test_what_is_not_set_has_its_default_or_is_a_problem(open_place: Open) -> None:
    async def scene() -> None:
        async with open_place() as place:
            client = ConfigurationClient(place.web("administrator"))
            assert await client.integer(NAME, 0, 9, default=0) == 0
            assert await client.flag(NAME, default=False) is False
            with pytest.raises(Problem, match=r"parameter exchange\.value: it is not set"):
                await client.duration_ns(NAME)
            assert client.statistics == CacheStatistics(hits=2, misses=1)

    asyncio.run(scene())


def test_a_value_is_asked_for_again_when_it_is_old(open_place: Open) -> None:
    now_ns = 0

    async def scene() -> None:
        nonlocal now_ns
        async with open_place() as place:
            client = ConfigurationClient(place.web("exchange.alpha"), ttl_ns=100, now_ns=lambda: now_ns)
            place.configuration.set("clock", "1")
            for at_ns, expected in ((0, "1"), (99, "1"), (100, "2"), (150, "2"), (200, "2")):
                now_ns = at_ns
                assert await client.text("clock") == expected
                place.configuration.set("clock", "2")
            assert client.statistics == CacheStatistics(hits=2, misses=3)
            place.configuration.remove("clock")
            now_ns = 300
            assert await client.text("clock", default="gone") == "gone"

    asyncio.run(scene())


def test_an_old_value_serves_while_the_service_is_away_and_says_so(
    open_place: Open, caplog: pytest.LogCaptureFixture
) -> None:
    now_ns = 0

    async def scene() -> None:
        nonlocal now_ns
        async with open_place() as place:
            client = ConfigurationClient(place.web("exchange.alpha"), ttl_ns=100, now_ns=lambda: now_ns)
            place.configuration.set("clock", "1")
            assert await client.text("clock") == "1"
            port = int(place.url.rpartition(":")[2])
            place.webs.clear()
        now_ns = 100
        assert [await client.text("clock"), await client.text("clock")] == ["1", "1"]
        assert (client.stale, client.statistics.stale) == (["clock"], 2)
        with pytest.raises(CallFailed):
            await client.text("clock.other", default="never told")
        place.configuration.set("clock", "2")
        async with open_place(port=port, place=place):
            await asyncio.sleep(0.1)  # The circuit is half open again.
            assert await client.text("clock") == "2"
        assert client.stale == []

    with caplog.at_level(logging.WARNING):
        asyncio.run(scene())
    assert [record.getMessage()[:37] for record in caplog.records] == ["parameter clock may be out of date: 1"]


def test_a_service_that_refuses_is_not_taken_for_one_that_is_away(open_place: Open) -> None:
    async def scene() -> None:
        async with open_place() as place:
            client = ConfigurationClient(place.web("nobody"))
            with pytest.raises(Refused) as refused:
                await client.text("clock", default="1")
            assert refused.value.code is RefusalCode.UNAUTHENTICATED

    asyncio.run(scene())
