"""A venue whose store was replaced by an older copy of it does not start, unless somebody wants just that."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from trading_ecosystem.assembly import load_world
from trading_ecosystem.configuration.document import parse_document
from trading_ecosystem.live.clock import Clock, Tempo
from trading_ecosystem.live.engine import Engine
from trading_ecosystem.live.store.ports import StoreRefused
from trading_ecosystem.messages.orders import SubmitOrder
from trading_ecosystem.orchestrator.documents import DOCUMENT, documents_of
from trading_ecosystem.orchestrator.terms import Terms
from trading_ecosystem.simulators.exchange.server import SERVICE

Submit = Callable[..., SubmitOrder]
WORLD = Path(__file__).parents[2] / "worlds" / "two-desks.yaml"
START_NS = load_world(WORLD).start_ns


def venue(folder: Path, *, store: str = "", accept_rollback: bool = False) -> Engine:
    text = documents_of(WORLD, Terms(seed=7, start_ns=START_NS))["exchange"][DOCUMENT]
    document = parse_document("document", text).section(SERVICE.keys, SERVICE.optional)

    async def find(instance: str, surface: str) -> str:
        raise AssertionError("nobody is called")

    def connect(address: str, instance: str, caller: str) -> grpc.aio.Channel:
        raise AssertionError("nobody is called")

    return Engine(
        service=SERVICE,
        core=SERVICE.build(document, "exchange"),
        instance="exchange",
        version="0",
        store_url=store or f"sqlite:///{folder}/store.db",
        data=folder / "data",
        clock=Clock(Tempo(start_ns=START_NS, epoch_ns=0, speed=1)),
        targets={},
        find=find,
        connect=connect,
        audit="",
        audit_credentials=None,
        accept_rollback=accept_rollback,
    )


async def lived(engine: Engine, *orders: SubmitOrder) -> int:
    """One life, in which these orders come. Returns the last record of its journal."""
    engine.recover()
    await engine.runner.start()
    for order in orders:
        await engine.runner.ask(order)
    last = engine.store.journal.last_sequence()
    await engine.stop()
    return last


def refused(engine: Engine) -> str:
    with pytest.raises(StoreRefused) as found:
        engine.recover()
    engine.spool.close()
    engine.store.close()
    return str(found.value)


@pytest.fixture
def overtaken(tmp_path: Path, submit: Submit) -> tuple[Path, int, int]:
    """A folder in which an older copy of the store was put back, where that ends, and where the newer one ended."""
    older = asyncio.run(lived(venue(tmp_path), submit("one")))
    shutil.copy(tmp_path / "store.db", tmp_path / "backup.db")
    newer = asyncio.run(lived(venue(tmp_path), submit("two"), submit("three")))
    for path in tmp_path.glob("store.db*"):
        path.unlink()
    shutil.copy(tmp_path / "backup.db", tmp_path / "store.db")
    return tmp_path, older, newer


def test_it_does_not_start_and_names_both_ends(overtaken: tuple[Path, int, int]) -> None:
    folder, older, newer = overtaken
    detail = refused(venue(folder))
    assert f"ends with record {older}, but what record {newer} led to has left" in detail
    assert "accept_rollback: true" in detail
    assert refused(venue(folder)) == detail, "asking again changes nothing"


def test_it_does_not_start_on_a_new_store_either(overtaken: tuple[Path, int, int]) -> None:
    folder, _, newer = overtaken
    (folder / "store.db").unlink()
    assert f"ends with record 0, but what record {newer} led to" in refused(venue(folder))


def test_accepted_it_goes_on_from_there_and_is_an_ordinary_store_again(
    overtaken: tuple[Path, int, int], submit: Submit
) -> None:
    folder, older, _ = overtaken
    engine = venue(folder, accept_rollback=True)
    went_on = asyncio.run(lived(engine, submit("two")))  # Which is new to it.
    assert older < went_on < asyncio.run(lived(venue(folder), submit("four")))
    assert [order.client_order_id for order in venue_orders(folder)] == ["one", "two", "four"]


def venue_orders(folder: Path) -> list[SubmitOrder]:
    engine = venue(folder)
    found = engine.store.history.orders()
    engine.spool.close()
    engine.store.close()
    return list(found)


def test_what_keeps_nothing_has_nothing_to_compare(tmp_path: Path, submit: Submit) -> None:
    for _ in range(2):
        asyncio.run(lived(venue(tmp_path, store="memory:"), submit("one")))
