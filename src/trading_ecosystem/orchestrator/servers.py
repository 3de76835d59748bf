"""Makes the schemas and roles of a deployment in its database servers, once before its services start.

Rule 1: the store of an instance that is running is left as it is.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from trading_ecosystem import routes
from trading_ecosystem.configuration.document import Section, parse_document
from trading_ecosystem.live.security.private_files import read_private
from trading_ecosystem.live.store.opening import Design
from trading_ecosystem.live.store.ports import StoreTaken
from trading_ecosystem.live.store.roles import prepare_servers
from trading_ecosystem.orchestrator.planes import role_of
from trading_ecosystem.production.risk_monitor import store as risk_monitor
from trading_ecosystem.production.trading_engine import store as trading_engine
from trading_ecosystem.simulators.custodian import store as custodian
from trading_ecosystem.simulators.exchange import store as exchange
from trading_ecosystem.simulators.market_data import store as market_data
from trading_ecosystem.validation.audit_correlator import store as audit_correlator
from trading_ecosystem.validation.test_coordinator import store as test_coordinator

DESIGNS: Mapping[str, Design[Any]] = {
    routes.MARKET_DATA: market_data.DESIGN,
    routes.EXCHANGE: exchange.DESIGN,
    routes.CUSTODIAN: custodian.DESIGN,
    routes.TRADING_ENGINE: trading_engine.DESIGN,
    routes.RISK_MONITOR: risk_monitor.DESIGN,
    routes.TEST_COORDINATOR: test_coordinator.DESIGN,
    routes.AUDIT_CORRELATOR: audit_correlator.DESIGN,
}


def prepare_stores(path: Path, tell: Callable[[str], None]) -> None:
    """From a file: server -> {url: of its owner, passwords: instance -> password}.

    Raises `Problem` for a wrong file, and what `open_store` raises, but for StoreTaken.
    """
    document = parse_document(str(path), read_private(path).decode("utf-8", "replace"))
    for server, node in document.entries():
        section = node.section(required=("url", "passwords"))
        for instance, password in read_passwords(section).items():
            try:
                prepare_servers(section["url"].text(), {instance: DESIGNS[role_of(instance)]}, {instance: password})
                tell(f"{server}: {instance} is ready")
            except StoreTaken:
                tell(f"{server}: {instance} is running; its store is left as it is")


def read_passwords(section: Section) -> dict[str, str]:
    passwords: dict[str, str] = {}
    for instance, node in section["passwords"].entries():
        if role_of(instance) not in DESIGNS:
            node.fail(f"there is no service {role_of(instance)!r}")
        passwords[instance] = node.text()
    return passwords
