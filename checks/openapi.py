"""Writes the OpenAPI description of every REST surface to docs/api/openapi/, or says which is not fresh.

python checks/openapi.py            # exit code 1 if a description differs from its surface
python checks/openapi.py --write
"""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from trading_ecosystem import __version__, routes
from trading_ecosystem.assembly import WorldPlan, load_world
from trading_ecosystem.live.clock import Clock
from trading_ecosystem.live.door import Header, Listener, RefusalCode, Refused
from trading_ecosystem.live.rest.application import describe
from trading_ecosystem.live.rest.audit import Insight, audit_app
from trading_ecosystem.live.rest.surface import Surface
from trading_ecosystem.live.settings import Profile
from trading_ecosystem.live.store.opening import memory_store
from trading_ecosystem.messages.health import HealthStatus
from trading_ecosystem.messages.message import Message
from trading_ecosystem.production.risk_monitor import rest as risk_rest, store as risk_store
from trading_ecosystem.production.trading_engine import rest as desk_rest, store as desk_store
from trading_ecosystem.production.trading_engine.portfolio import Statement
from trading_ecosystem.simulators.custodian import rest as custodian_rest, store as custodian_store
from trading_ecosystem.simulators.exchange import rest as exchange_rest, store as exchange_store
from trading_ecosystem.simulators.exchange.statement_store import Statements
from trading_ecosystem.simulators.market_data import rest as market_rest, store as market_store
from trading_ecosystem.validation.audit_correlator import rest as audit_rest, store as audit_store
from trading_ecosystem.validation.results import ChainLink, TimelineEntry
from trading_ecosystem.validation.test_coordinator import rest as coordinator_rest, store as coordinator_store

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "api" / "openapi"
WORLD = ROOT / "worlds" / "two-desks.yaml"


class ClosedDoor:
    """Leads to no core: a description is made without one."""

    clock = Clock()

    def __init__(self, instance: str) -> None:
        self.instance = instance

    async def ask(self, message: Message, cause: Header | None = None) -> Sequence[Message]:
        raise Refused(RefusalCode.NOT_SERVING, "closed")

    def listen(self, listener: Listener) -> Callable[[], None]:
        return lambda: None

    def health(self) -> tuple[HealthStatus, str]:
        return HealthStatus.NOT_SERVING, "closed"


def nothing_traded() -> Statement:
    return Statement(0, 0, 0, True, ())


class NoStory:
    def timeline(self) -> Sequence[TimelineEntry]:
        return ()

    def chains(self) -> dict[str, Sequence[ChainLink]]:
        return {}

    def counts(self) -> dict[str, int]:
        return {}

    losses = figures = counts


def surface_of(service: str) -> Surface:
    return Surface(
        door=ClosedDoor(service),
        service=service,
        version=__version__,
        environment=Profile.PRODUCTION.value,
        authorise=lambda token, scope, account: "",
        observe=lambda method, route, status, seconds: None,
        metrics=CollectorRegistry(),
    )


def surfaces(plan: WorldPlan) -> dict[str, FastAPI]:
    """Every REST surface, by the name of its description."""
    reference, accounts = plan.reference, list(plan.accounts)
    of, trades = surface_of, memory_store(exchange_store.DESIGN).history
    statements = Statements(trades.database, reference, plan.accounts, plan.margin)
    return {
        routes.MARKET_DATA: market_rest.rest_app(
            of(routes.MARKET_DATA), reference, memory_store(market_store.DESIGN).history
        ),
        routes.EXCHANGE: exchange_rest.rest_app(
            of(routes.EXCHANGE), reference, accounts, trades, statements, plan.masters
        ),
        routes.CUSTODIAN: custodian_rest.rest_app(
            of(routes.CUSTODIAN), reference, memory_store(custodian_store.DESIGN).history, plan.accounts
        ),
        routes.TRADING_ENGINE: desk_rest.rest_app(
            of(routes.TRADING_ENGINE), reference, memory_store(desk_store.DESIGN).history, dict, nothing_traded
        ),
        routes.RISK_MONITOR: risk_rest.rest_app(
            of(routes.RISK_MONITOR), reference, plan.limits, memory_store(risk_store.DESIGN).history
        ),
        routes.TEST_COORDINATOR: coordinator_rest.rest_app(
            of(routes.TEST_COORDINATOR), memory_store(coordinator_store.DESIGN).history, lambda: None
        ),
        routes.AUDIT_CORRELATOR: audit_rest.rest_app(
            of(routes.AUDIT_CORRELATOR), NoStory(), lambda since, until: (), memory_store(audit_store.DESIGN).history
        ),
        "audit": audit_app(
            of("service"),
            Profile.SIMULATION,
            Insight(state=lambda: None, journal=lambda limit: (), faults=lambda: ()),
        ),
    }


def main(arguments: list[str]) -> int:
    stale = 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, made in surfaces(load_world(WORLD)).items():
        path = FOLDER / f"{name}.json"
        text = json.dumps(describe(made), indent=2, sort_keys=True) + "\n"
        if arguments == ["--write"]:
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale += 1
            print(f"{path.relative_to(ROOT)} is not what the surface says; run: python checks/openapi.py --write")
    print(f"{len(list(FOLDER.glob('*.json')))} descriptions, {stale} stale")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
