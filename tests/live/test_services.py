"""The seven services as they are put together: whom each hears is what the routes say, on both sides of the wire."""

import importlib

import pytest

from trading_ecosystem import routes
from trading_ecosystem.live.service import Service
from trading_ecosystem.messages.accounts import AccountReported, HoldingsReported, TradesReported
from trading_ecosystem.messages.books import BooksReported, ProfitsReported
from trading_ecosystem.messages.custody import SettlementsReported
from trading_ecosystem.messages.health import HealthChanged
from trading_ecosystem.messages.kill_switch import KillSwitchReported
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.transfers import MovementAnswered, TransfersReported

MODULES = {
    routes.MARKET_DATA: "simulators.market_data",
    routes.EXCHANGE: "simulators.exchange",
    routes.CUSTODIAN: "simulators.custodian",
    routes.TRADING_ENGINE: "production.trading_engine",
    routes.RISK_MONITOR: "production.risk_monitor",
    routes.TEST_COORDINATOR: "validation.test_coordinator",
}
ANSWERS: dict[str, set[type[Message]]] = {
    routes.TRADING_ENGINE: {AccountReported, TransfersReported},
    routes.RISK_MONITOR: {
        *(AccountReported, HoldingsReported, SettlementsReported, TransfersReported, KillSwitchReported),
    },
    routes.CUSTODIAN: {TradesReported, MovementAnswered, ProfitsReported, BooksReported},
}


def service_of(role: str) -> Service:
    service = importlib.import_module(f"trading_ecosystem.{MODULES[role]}.server").SERVICE
    assert isinstance(service, Service)
    return service


@pytest.mark.parametrize("role", MODULES)
def test_a_service_hears_what_the_routes_bring_to_it(role: str) -> None:
    audiences = [*routes.PUBLISHED.items(), *routes.PRIVATE.items()]
    audiences += [*routes.OF_WATCHED_BOOKS.items(), *routes.OF_WATCHED_DESKS.items()]
    routed = {kind for kind, roles in audiences if role in roles}
    heard = {kind for upstream in service_of(role).hears for kind in upstream.kinds}
    assert heard == routed | ANSWERS.get(role, set())


@pytest.mark.parametrize("role", MODULES)
def test_what_is_wanted_of_a_service_is_what_it_says(role: str) -> None:
    for upstream in service_of(role).hears:
        assert all(upstream.speech.says(kind) for kind in upstream.kinds), upstream.role


@pytest.mark.parametrize("role", MODULES)
def test_every_service_says_how_it_is(role: str) -> None:
    assert service_of(role).speech.says(HealthChanged)


@pytest.mark.parametrize("role", MODULES)
def test_the_service_is_named_after_its_role(role: str) -> None:
    assert service_of(role).role == role


def test_only_simulators_can_be_broken_from_inside() -> None:
    breakable = [role for role in MODULES if service_of(role).breaking is not None]
    assert breakable == list(routes.SIMULATORS)
