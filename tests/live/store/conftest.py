"""Stores for the tests of this folder. They have the exchange's tables beside those that every store has."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from trading_ecosystem.live.store.database import Database
from trading_ecosystem.live.store.opening import Design, open_store, parse
from trading_ecosystem.live.store.ports import Record, Store
from trading_ecosystem.production.risk_monitor import store as risk_monitor
from trading_ecosystem.production.trading_engine import store as trading_engine
from trading_ecosystem.simulators.custodian import store as custodian
from trading_ecosystem.simulators.exchange import store as exchange
from trading_ecosystem.simulators.market_data import store as market_data
from trading_ecosystem.validation.audit_correlator import store as audit_correlator
from trading_ecosystem.validation.test_coordinator import store as test_coordinator

Opens = Callable[[str], Store[Any]]


@pytest.fixture
def open_here() -> Iterator[Opens]:
    """Opens the exchange's store at a URL; closes what it opened."""
    opened: list[Store[Any]] = []

    def open_exchange(url: str) -> Store[Any]:
        opened.append(open_store(url, "exchange", exchange.DESIGN))
        return opened[-1]

    yield open_exchange
    for store in opened:
        store.close()


@pytest.fixture
def records() -> Callable[[int, int], list[Record]]:
    """The records from one sequence to another, both included."""

    def make(first: int, last: int) -> list[Record]:
        return [
            Record(number, 1_000 + number, "inputs", f"input {number}".encode()) for number in range(first, last + 1)
        ]

    return make


@pytest.fixture
def designs() -> dict[str, Design[Any]]:
    """Of all services, by instance; one of them is a named one."""
    return {
        "market_data": market_data.DESIGN,
        "exchange": exchange.DESIGN,
        "custodian": custodian.DESIGN,
        "trading_engine.alpha": trading_engine.DESIGN,
        "risk_monitor": risk_monitor.DESIGN,
        "test_coordinator": test_coordinator.DESIGN,
        "audit_correlator": audit_correlator.DESIGN,
    }


@pytest.fixture
def connect() -> Iterator[Callable[[str], Database]]:
    """Goes to the tables of an exchange's store past the store, to look or to do harm."""
    made: list[Database] = []

    def to(url: str) -> Database:
        made.append(Database(parse(url), "exchange"))
        return made[-1]

    yield to
    for database in made:
        database.close()
