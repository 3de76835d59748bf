"""A venue whose store was replaced by an older copy of it does not start, unless somebody wants just that."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from trading_ecosystem.live.engine import Engine
from trading_ecosystem.live.store.ports import StoreRefused
from trading_ecosystem.messages.orders import SubmitOrder

Submit = Callable[..., SubmitOrder]
Assemble = Callable[..., Engine]


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
def overtaken(tmp_path: Path, assemble: Assemble, submit: Submit) -> tuple[int, int]:
    """An older copy of the store was put back: where that ends, and where the newer one ended."""
    store, backup = tmp_path / "exchange.db", tmp_path / "backup.db"
    older = asyncio.run(lived(assemble(), submit("one")))
    shutil.copy(store, backup)
    newer = asyncio.run(lived(assemble(), submit("two"), submit("three")))
    for path in tmp_path.glob("exchange.db*"):
        path.unlink()
    shutil.copy(backup, store)
    return older, newer


def test_it_does_not_start_and_names_both_ends(assemble: Assemble, overtaken: tuple[int, int]) -> None:
    older, newer = overtaken
    detail = refused(assemble())
    assert f"ends with record {older}, but what record {newer} led to has left" in detail
    assert "accept_rollback: true" in detail
    assert refused(assemble()) == detail, "asking again changes nothing"


def test_it_does_not_start_on_a_new_store_either(
    assemble: Assemble, overtaken: tuple[int, int], tmp_path: Path
) -> None:
    (tmp_path / "exchange.db").unlink()
    assert f"ends with record 0, but what record {overtaken[1]} led to" in refused(assemble())


def test_accepted_it_goes_on_from_there_and_is_an_ordinary_store_again(
    assemble: Assemble, overtaken: tuple[int, int], submit: Submit
) -> None:
    went_on = asyncio.run(lived(assemble(accept_rollback=True), submit("two")))  # Which is new to it.
    assert overtaken[0] < went_on < asyncio.run(lived(assemble(), submit("four")))
    assert [order.client_order_id for order in orders_of(assemble())] == ["one", "two", "four"]


def orders_of(engine: Engine) -> list[SubmitOrder]:
    found = engine.store.history.orders()
    engine.spool.close()
    engine.store.close()
    return list(found)


def test_what_keeps_nothing_has_nothing_to_compare(assemble: Assemble, submit: Submit) -> None:
    for _ in range(2):
        asyncio.run(lived(assemble(store="memory:"), submit("one")))
