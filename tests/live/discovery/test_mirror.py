"""The copy in a real Valkey: restart, flush, and Valkey away."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from trading_ecosystem.live.discovery.client import RegistryClient
from trading_ecosystem.live.discovery.configuration import Configuration
from trading_ecosystem.live.discovery.mirror import Mirror
from trading_ecosystem.live.discovery.registration import Registration, to_plain
from trading_ecosystem.live.discovery.registry import LIFETIME_NS, Registry, Superseded

Make = Callable[..., Registration]
Open = Callable[..., Any]


def ignore(reason: str) -> None:
    raise AssertionError(reason)


CLOCK = "/api/v1/configuration/clock"


@pytest.fixture
def store(valkey: Any) -> Any:
    """An empty Valkey, for looking into it."""
    client = valkey.client(decode_responses=True)
    client.flushall()
    return client


class Process:
    """What a registry process has: its memory and its copy."""

    def __init__(self, url: str, lifetime_ns: int = LIFETIME_NS) -> None:
        self.registry = Registry(time.monotonic_ns, lifetime_ns)
        self.configuration = Configuration(time.time_ns)
        self.mirror = Mirror(url, self.registry, self.configuration)


def test_a_new_process_takes_over_what_an_earlier_one_left(valkey: Any, store: Any, make: Make) -> None:
    async def scene() -> None:
        first, second = Process(valkey.connection_url), Process(valkey.connection_url)
        first.registry.register(make(epoch=4))
        first.configuration.set("clock", "1")
        first.configuration.set("exchange.depth", "5")
        first.configuration.remove("exchange.depth")
        await first.mirror.copy()
        await second.mirror.load()
        assert second.registry.all() == [make(epoch=4)]
        assert second.configuration.all() == first.configuration.all()
        assert second.configuration.set("clock", "2").version == 3
        with pytest.raises(Superseded):
            second.registry.register(make(epoch=3))
        await first.mirror.close()
        await second.mirror.close()

    asyncio.run(scene())


def test_who_leaves_is_taken_out_and_who_dies_expires(valkey: Any, store: Any, make: Make) -> None:
    async def scene() -> None:
        process = Process(valkey.connection_url, lifetime_ns=200_000_000)
        process.registry.register(make())
        process.registry.register(make("custodian"))
        await process.mirror.copy()
        assert len(store.keys("registry:service:*")) == 2
        assert 0 < store.pttl("registry:service:custodian") <= 200
        process.registry.deregister("custodian", 1)
        await process.mirror.copy()
        assert store.keys("registry:service:*") == ["registry:service:exchange.alpha"]
        await process.mirror.close()
        await asyncio.sleep(0.3)  # Nobody copies any more.
        assert store.keys("registry:service:*") == []

    asyncio.run(scene())


def test_a_flushed_valkey_and_an_empty_registry_heal_by_heartbeats(
    valkey: Any, store: Any, open_place: Open, make: Make
) -> None:
    async def scene() -> None:
        async with open_place(valkey=valkey.connection_url) as place:
            client = RegistryClient(place.web("exchange.alpha"), ignore, period_s=0.05)
            await client.register(make())
            async with place.http("administrator") as http:
                await http.put(CLOCK, json={"value": "1"})
            await seen(store, "registry:service:exchange.alpha")
            store.flushall()
            await seen(store, "registry:service:exchange.alpha")
            assert json.loads(store.get("registry:parameter:clock"))["value"] == "1"
            port = int(place.url.rpartition(":")[2])
            place.webs.clear()
        store.flushall()
        async with open_place(valkey=valkey.connection_url, port=port) as empty:
            await seen(store, "registry:service:exchange.alpha")
            assert empty.registry.all() == [make()]
            await client.deregister()

    asyncio.run(scene())


async def seen(store: Any, key: str) -> None:
    async with asyncio.timeout(5):
        while not store.exists(key):
            await asyncio.sleep(0.02)


def test_a_parameter_is_in_the_copy_before_its_setter_is_told(valkey: Any, store: Any, open_place: Open) -> None:
    async def scene() -> None:
        async with open_place(valkey=valkey.connection_url) as place, place.http("administrator") as http:
            for value in ("1", "2", "3"):
                assert (await http.put(CLOCK, json={"value": value})).status_code == 200
                assert json.loads(store.get("registry:parameter:clock"))["value"] == value
            assert (await http.delete(CLOCK)).status_code == 204
            assert store.get("registry:parameter:clock") is None

    asyncio.run(scene())


def test_while_valkey_is_away_services_come_and_go_and_no_parameter_changes(open_place: Open, make: Make) -> None:
    async def scene() -> None:
        async with open_place(valkey="redis://127.0.0.1:1") as place, place.http("administrator") as http:
            place.configuration.set("clock", "1")
            client = RegistryClient(place.web("exchange.alpha"), ignore)
            await client.register(make())
            assert [each.instance for each in await client.find("exchange.alpha")] == ["exchange.alpha"]
            for answer in (await http.put(CLOCK, json={"value": "2"}), await http.delete(CLOCK)):
                assert (answer.status_code, answer.json()["code"]) == (503, "not_serving")
            assert (await http.get(CLOCK)).json()["value"] == "1"
            health = await http.get("/api/v1/health")
            assert (health.status_code, health.json()["status"]) == (200, "degraded")
            await client.deregister()

    asyncio.run(scene())


def test_entries_of_another_hand_are_left_out_and_counted(valkey: Any, store: Any, make: Make) -> None:
    async def scene() -> None:
        store.set("registry:version", "9")
        store.set("registry:service:a", "{")
        store.set("registry:service:b", json.dumps(to_plain(make("Wrong"))))
        store.set("registry:service:c", b"\xff")
        store.set("registry:service:exchange.alpha", json.dumps(to_plain(make())))
        store.set("registry:parameter:a", '{"name": "a", "value": 5}')
        store.set("other:parameter:b", "[]")
        process = Process(valkey.connection_url)
        await process.mirror.load()
        assert process.registry.all() == [make()]
        assert process.configuration.all() == []
        assert process.mirror.unreadable == 4
        assert process.configuration.set("clock", "1").version == 10
        await process.mirror.close()

    asyncio.run(scene())


def test_keys_of_the_wrong_kind_are_trouble_and_no_crash(valkey: Any, store: Any) -> None:
    async def scene() -> None:
        store.lpush("registry:version", "1")
        process = Process(valkey.connection_url)
        await process.mirror.load()
        assert process.mirror.trouble
        await process.mirror.copy()  # Writes over it.
        assert not process.mirror.trouble
        assert store.get("registry:version") == "0"
        await process.mirror.close()

    asyncio.run(scene())
