"""A process in the registry, through a registry that goes away, comes back empty, or belongs to another process."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from trading_ecosystem.live.calls import CallFailed, Policy
from trading_ecosystem.live.discovery.client import RegistryClient, read_services
from trading_ecosystem.live.discovery.registration import Registration, Status
from trading_ecosystem.live.door import RefusalCode, Refused
from trading_ecosystem.live.web import Web

Make = Callable[..., Registration]
Open = Callable[..., Any]


def ignore(reason: str) -> None:
    raise AssertionError(reason)


LIFETIME_NS = 300_000_000
PERIOD_S = 0.05


def client_of(place: Any, name: str, lost: list[str] | None = None) -> RegistryClient:
    return RegistryClient(place.web(name), (lost if lost is not None else []).append, PERIOD_S)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def gone(open_place: Open) -> AsyncIterator[tuple[Any, int]]:
    """A place whose registry has just gone away, and the port where it was."""
    async with open_place(lifetime_ns=LIFETIME_NS) as place:
        port = int(place.url.rpartition(":")[2])
    yield place, port


def test_a_process_stays_there_by_its_heartbeats_and_leaves(open_place: Open, make: Make) -> None:
    async def scene() -> None:
        async with open_place(lifetime_ns=LIFETIME_NS) as place:
            client = client_of(place, "exchange.alpha")
            await client.register(make(status=Status.STARTING))
            await asyncio.sleep(3 * LIFETIME_NS / 1e9)
            assert place.registry.all() == [make(status=Status.STARTING)]
            client.announce(Status.READY, {"grpc": "127.0.0.1:7000"})
            await until(lambda: place.registry.all() == [make(addresses={"grpc": "127.0.0.1:7000"})])
            await client.deregister()
            assert place.registry.all() == []
            assert client.statistics.heartbeats > 6
            assert client.statistics.missed_heartbeats == 0

    asyncio.run(scene())


def test_what_is_announced_is_told_at_once(open_place: Open, make: Make) -> None:
    async def scene() -> None:
        async with open_place() as place:
            client = RegistryClient(place.web("exchange.alpha"), ignore, period_s=60)
            await client.register(make(status=Status.STARTING))
            client.announce(Status.DRAINING)
            await until(lambda: place.registry.all() == [make(status=Status.DRAINING)])
            await client.deregister()

    asyncio.run(scene())


def test_who_is_superseded_is_told_once_and_falls_silent(open_place: Open, make: Make) -> None:
    async def scene() -> None:
        async with open_place(lifetime_ns=LIFETIME_NS) as place:
            lost: list[str] = []
            older, newer = client_of(place, "exchange.alpha", lost), client_of(place, "exchange.alpha")
            await older.register(make(epoch=1))
            await newer.register(make(epoch=2))
            await until(lambda: bool(lost))
            heartbeats = older.statistics.heartbeats
            await asyncio.sleep(4 * PERIOD_S)
            assert len(lost) == 1 and "exchange.alpha belongs to epoch 2" in lost[0]
            assert older.statistics.heartbeats == heartbeats
            assert place.registry.all() == [make(epoch=2)]
            with pytest.raises(Refused) as refused:
                await client_of(place, "exchange.alpha").register(make(epoch=1))
            assert refused.value.code is RefusalCode.CONFLICT
            await older.deregister()  # Leaves the name to the newer one.
            assert place.registry.all() == [make(epoch=2)]
            await newer.deregister()

    asyncio.run(scene())


def test_a_registry_that_forgot_everything_is_whole_after_one_heartbeat(open_place: Open, make: Make) -> None:
    async def scene() -> None:
        async with open_place() as first:
            client = client_of(first, "exchange.alpha")
            await client.register(make())
            port = int(first.url.rpartition(":")[2])
            first.webs.clear()  # The process and its connections outlive the registry.
        await until(lambda: client.statistics.missed_heartbeats > 0)
        assert client.away
        async with open_place(port=port) as second:
            assert second.registry.all() == []
            await until(lambda: second.registry.all() == [make()] and not client.away)
            await client.deregister()

    asyncio.run(scene())


def test_while_the_registry_is_away_the_last_answer_is_used_and_counted(open_place: Open, make: Make) -> None:
    async def scene() -> None:
        async with open_place() as place:
            place.registry.register(make())
            client = client_of(place, "risk_monitor")
            assert [each.instance for each in await client.find("exchange.alpha")] == ["exchange.alpha"]
            assert await client.find("market_data") == []
            place.webs.clear()
        found = await client.find("exchange.alpha")
        assert [each.instance for each in found] == ["exchange.alpha"]
        assert await client.address("exchange.alpha") == "127.0.0.1:5001"
        assert (client.statistics.lookups, client.statistics.stale_lookups) == (4, 2)
        assert client.away
        with pytest.raises(CallFailed):
            await client.find("exchange.beta")

    asyncio.run(scene())


def test_waiting_ends_when_there_is_one_that_suits(open_place: Open, make: Make) -> None:
    async def scene() -> None:
        async with open_place() as place:
            client = client_of(place, "risk_monitor")
            ready = asyncio.create_task(client.wait_for("exchange"))
            address = asyncio.create_task(client.address("exchange.alpha"))
            await asyncio.sleep(0.05)
            place.registry.register(make(status=Status.STARTING))
            assert await asyncio.wait_for(address, 5) == "127.0.0.1:5001"
            assert not ready.done()
            place.registry.register(make("exchange.beta"))
            assert (await asyncio.wait_for(ready, 5)).instance == "exchange.beta"

    asyncio.run(scene())


def test_leaving_without_a_registry_is_no_trouble(open_place: Open, make: Make) -> None:
    async def scene() -> None:
        async with open_place() as place:
            client = client_of(place, "exchange.alpha")
            await client.register(make())
            place.webs.clear()
        await asyncio.wait_for(client.deregister(), 5)

    asyncio.run(scene())


def test_registering_without_a_registry_says_so(open_place: Open, make: Make) -> None:
    async def scene() -> None:
        async with gone(open_place) as (place, _):
            client = client_of(place, "exchange.alpha")
            with pytest.raises(CallFailed, match=r"127\.0\.0\.1"):
                await client.register(make())
            await client.deregister()

    asyncio.run(scene())


def test_heartbeats_do_not_end_in_silence(open_place: Open, make: Make, caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        async with open_place() as place:
            client = RegistryClient(place.web("exchange.alpha"), ignore, PERIOD_S)  # Cannot bear to be superseded.
            await client.register(make())
            place.registry.register(make(epoch=2))
            await until(lambda: bool(caplog.records))
            await client.deregister()

    asyncio.run(scene())
    assert caplog.records[0].getMessage() == "there are no more heartbeats"


def test_a_wrong_token_is_no_absence(open_place: Open) -> None:
    async def scene() -> None:
        async with open_place() as place:
            client = client_of(place, "nobody")
            with pytest.raises(Refused) as refused:
                await client.find("exchange")
            assert refused.value.code is RefusalCode.UNAUTHENTICATED
            assert not client.away

    asyncio.run(scene())


ANSWERS = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{]}", "no JSON"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "no list of services"),
    (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", "302"),
    (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", "503"),
    (b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n", "429"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}", "."),
    (b"SSH-2.0-OpenSSH_9.6\r\n", "."),
    (b"", "."),
]


@pytest.mark.parametrize(("answer", "detail"), ANSWERS)
def test_what_is_no_registry_is_a_failed_call(answer: bytes, detail: str) -> None:
    async def scene() -> None:
        async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            writer.close()

        server = await asyncio.start_server(speak, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        web = Web(f"http://127.0.0.1:{port}", "token", policy=Policy(attempts=1))
        async with server:
            with pytest.raises(CallFailed, match=detail):
                await RegistryClient(web, ignore).find("exchange")
        await web.close()

    asyncio.run(scene())


def test_a_registration_that_cannot_be_is_not_used(make: Make) -> None:
    with pytest.raises(CallFailed):
        read_services({"services": [{"instance": "exchange", "epoch": 1}]})


@pytest.mark.parametrize("url", ["127.0.0.1:8500", "ftp://127.0.0.1", "http://", "https://127.0.0.1:8500"])
def test_an_address_that_cannot_be_called_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"is not an http:// address"):
        Web(url, "token")


def test_the_client_brings_no_server_along() -> None:
    """Each of seven processes imports it."""
    program = (
        "import sys, trading_ecosystem.live.discovery.client, trading_ecosystem.live.discovery.parameters\n"
        "heavy = {'fastapi', 'pydantic', 'uvicorn', 'redis', 'httpx', 'grpc', 'sqlalchemy', 'prometheus_client'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("[]\n", "")
