"""Single faults of a real process: its store is damaged, taken, full or broken, its port taken, its files too many."""

import asyncio
import os
import resource
import shutil
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from trading_ecosystem.live.store.opening import open_store
from trading_ecosystem.orchestrator.processes import State
from trading_ecosystem.simulators.market_data.server import SERVICE as MARKET_DATA

Open = Callable[..., Any]
Live = Callable[..., Any]
Submit = Callable[..., Any]
FEED, VENUE = "market_data", "exchange"
GARBAGE = b"this is no database\n" * 500
HARM = {
    "UPDATE journal SET payload = 'x' WHERE sequence = 2": "journal record 2: expected checksum",
    "DELETE FROM journal WHERE sequence = 2": "journal: expected record 2, found record 3",
    "": "expected a SQLite database",
}


async def traded(live: Live, submit: Submit, folder: Path) -> None:
    """A store that a venue has left, with a few orders in its journal, as after a crash."""
    life = await live(folder=folder).begin()
    for number in range(5):
        await life.runner.ask(submit(f"order-{number}"))
    life.die()


def journal_of(house: Any, instance: str) -> list[int]:
    """Every record that is in it, read back and checked."""
    store = open_store(f"sqlite:///{house.data(instance)}/store.db", instance, MARKET_DATA.design)
    try:
        return [record.sequence for record in store.journal.read(0)]
    finally:
        store.close()


@pytest.mark.parametrize("harm", HARM)
def test_a_damaged_store_is_named_and_not_served(
    harm: str, live: Live, submit: Submit, house: Open, tmp_path: Path
) -> None:
    async def scene() -> None:
        await traded(live, submit, tmp_path)
        if harm:
            with closing(sqlite3.connect(tmp_path / "store.db")) as database, database:
                database.execute(harm)
        else:
            (tmp_path / "store.db").write_bytes(GARBAGE)
        async with house(VENUE) as home:
            shutil.copy(tmp_path / "store.db", home.data(VENUE) / "store.db")
            assert await home.exit_of(VENUE) == "ended with code 65"
            said = home.log(VENUE).splitlines()[-1]
            assert "data/store.db" in said and HARM[harm] in said
            assert VENUE not in home.registry.ready()

    asyncio.run(scene())


def test_a_store_that_what_was_said_has_overtaken_is_not_served(
    live: Live, submit: Submit, house: Open, tmp_path: Path
) -> None:
    async def scene() -> None:
        await traded(live, submit, tmp_path)
        async with house(VENUE) as home:
            shutil.copytree(tmp_path / "spool", home.data(VENUE) / "spool")
            assert await home.exit_of(VENUE) == "ended with code 2"
            said = home.log(VENUE).splitlines()[-1]
            assert "data/store.db: the journal ends with record 0, but what record 6 led to has left" in said
            assert VENUE not in home.registry.ready()

    asyncio.run(scene())


def test_a_second_process_on_the_same_store_is_refused_and_harms_nobody(
    live: Live, submit: Submit, house: Open
) -> None:
    async def scene() -> None:
        async with house(VENUE) as home:
            life = await live(folder=home.data(VENUE)).begin()
            assert await home.exit_of(VENUE) == "ended with code 74"
            assert "another process holds this store" in home.log(VENUE).splitlines()[-1]
            assert len(await life.runner.ask(submit("order-1"))) > 0
            life.die()

    asyncio.run(scene())


def test_a_broken_store_ends_the_process_and_it_is_started_again(house: Open) -> None:
    """A limit on the size of files makes every write beyond it fail, as a broken disk would."""

    async def scene() -> None:
        async with house(FEED) as home:
            await home.start(FEED)
            first, written = home.pid(FEED), home.data(FEED) / "store.db-wal"
            await home.until(lambda: written.exists() and written.stat().st_size > 0)
            resource.prlimit(first, resource.RLIMIT_FSIZE, (written.stat().st_size, resource.RLIM_INFINITY))
            await home.until(lambda: home.processes.restarts(FEED) == 1)
            ended = next(each for each in home.notices if each.unexpected)
            assert ended.state is State.WAITING and ended.detail.startswith("ended with code 74")
            await home.until(lambda: FEED in home.registry.ready())
            await home.until_serving(FEED)
            assert home.pid(FEED) != first
            await home.processes.kill(FEED)
            kept = journal_of(home, FEED)
            assert kept == list(range(1, len(kept) + 1))

    asyncio.run(scene())


@pytest.mark.parametrize("surface", ["grpc", "rest", "audit"])
def test_a_taken_port_is_one_line(surface: str, house: Open) -> None:
    async def scene() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            async with house(FEED, market_data={f"TSE_{surface.upper()}": address}) as home:
                assert await home.exit_of(FEED) == "ended with code 2"
                assert address in home.log(FEED).splitlines()[-1]

    asyncio.run(scene())


def test_a_process_that_has_no_files_left_answers_when_it_has_some_again(house: Open) -> None:
    async def scene() -> None:
        async with house(FEED) as home:
            await home.start(FEED)
            await home.until_serving(FEED)
            pid = home.pid(FEED)
            used = len(os.listdir(f"/proc/{pid}/fd"))
            soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 4, hard))
            surfaces = [home.registry.lookup(FEED, surface) for surface in ("grpc", "rest")]
            callers = [socket.create_connection(surface, timeout=5) for surface in surfaces for _ in range(20)]
            await asyncio.sleep(1)
            for caller in callers:
                caller.close()
            await home.until_serving(FEED)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
            assert (home.pid(FEED), home.notices[-1].unexpected) == (pid, False)

    asyncio.run(scene())
