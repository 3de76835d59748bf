"""Of several venues each service is told what it may know: a venue nothing of its neighbours, a desk of its own."""

from pathlib import Path
from typing import Any

import pytest

from trading_ecosystem import routes
from trading_ecosystem.assembly import WorldPlan, core_builders, load_world
from trading_ecosystem.configuration.document import Section, parse_document
from trading_ecosystem.core import JournaledCore
from trading_ecosystem.orchestrator.documents import DOCUMENT, LIMITS, Files, documents_of
from trading_ecosystem.orchestrator.planes import module_of, starting_order
from trading_ecosystem.orchestrator.registry import holder_of
from trading_ecosystem.orchestrator.servers import DESIGNS
from trading_ecosystem.orchestrator.terms import Terms
from trading_ecosystem.production.risk_monitor import server as risk_monitor
from trading_ecosystem.production.trading_engine import server as trading_engine
from trading_ecosystem.simulators.custodian import server as custodian
from trading_ecosystem.simulators.exchange import server as exchange
from trading_ecosystem.validation.test_coordinator import server as test_coordinator

WORLD = Path(__file__).parents[2] / "worlds" / "two-venues.yaml"
NORTH, SOUTH = "exchange.north", "exchange.south"
SEED = 7
SERVICES: dict[str, Any] = {
    "exchange": exchange.SERVICE,
    "custodian": custodian.SERVICE,
    "trading_engine": trading_engine.SERVICE,
    "risk_monitor": risk_monitor.SERVICE,
    "test_coordinator": test_coordinator.SERVICE,
}


@pytest.fixture(scope="module")
def plan() -> WorldPlan:
    return load_world(WORLD)


@pytest.fixture(scope="module")
def files(plan: WorldPlan) -> dict[str, Files]:
    return documents_of(WORLD, Terms(seed=SEED, start_ns=plan.start_ns))


def document(instance: str, files: dict[str, Files], folder: Path) -> Section:
    """As the process reads it: beside its other files, and with no key that it does not know."""
    service = SERVICES[instance.partition(".")[0]]
    for name, text in files[instance].items():
        (folder / name).write_text(text, encoding="utf-8")
    node = parse_document(str(folder / DOCUMENT), files[instance][DOCUMENT])
    return node.section(required=service.keys, optional=service.optional)


@pytest.mark.parametrize("instance", [NORTH, SOUTH, "custodian"])
def test_a_simulator_is_the_one_that_virtual_time_has(
    instance: str, plan: WorldPlan, files: dict[str, Files], tmp_path: Path
) -> None:
    live = SERVICES[instance.partition(".")[0]].build(document(instance, files, tmp_path), instance)
    virtual = core_builders(plan, SEED, None)[instance]()
    assert isinstance(virtual, JournaledCore) and live.save() == virtual.save()


def test_a_venue_knows_nothing_of_its_neighbour(files: dict[str, Files]) -> None:
    assert "south" not in files[NORTH][DOCUMENT] and "north" not in files[SOUTH][DOCUMENT]
    assert "south" not in files["trading_engine.alpha"][DOCUMENT]
    assert "north" not in files["trading_engine.beta"][DOCUMENT]


@pytest.mark.parametrize(
    ("instance", "venues"),
    [
        ("risk_monitor", [NORTH, SOUTH]),
        ("custodian", [NORTH, SOUTH]),
        ("trading_engine.alpha", [NORTH]),
        ("trading_engine.beta", [SOUTH]),
        ("test_coordinator", [NORTH, SOUTH]),
    ],
)
def test_who_is_connected_with_which(instance: str, venues: list[str], files: dict[str, Files], tmp_path: Path) -> None:
    targets = SERVICES[instance.partition(".")[0]].targets(document(instance, files, tmp_path))
    assert list(targets["exchange"]) == venues


def test_who_may_see_and_trade_what_at_a_venue(files: dict[str, Files], tmp_path: Path) -> None:
    access = exchange.SERVICE.access(document(SOUTH, files, tmp_path))
    assert access.sees["trading_engine.beta"] == access.trades["trading_engine.beta"] == {"south.beta"}
    assert access.sees["risk_monitor"] == {"south.beta"} and not access.trades["risk_monitor"]
    assert "trading_engine.alpha" not in access.sees
    assert access.sees["operator"] == {"south.beta", "south.background", "south.noise"}


def test_the_monitor_watches_what_lies_where(files: dict[str, Files], tmp_path: Path) -> None:
    found = risk_monitor.read_venues(document("risk_monitor", files, tmp_path))
    assert found == {NORTH: ("north.alpha",), SOUTH: ("south.beta",)}
    assert risk_monitor.build(document("risk_monitor", files, tmp_path), "risk_monitor") is not None
    assert LIMITS in files["risk_monitor"]


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("venues: {exchange: [a]}\nvenue: exchange", "venue: 'venues' says which accounts lie where"),
        ("venues: {exchange: [a]}\naccounts: [a]", "accounts: 'venues' says which accounts lie where"),
        ("accounts: [a]", "the key 'venue' is missing"),
        ("venue: exchange", "the key 'accounts' is missing"),
    ],
)
def test_a_monitor_is_told_of_one_venue_or_of_several(lines: str, problem: str) -> None:
    section = parse_document("monitor.yaml", lines).section(optional=("venues", "venue", "accounts"))
    with pytest.raises(Exception, match=problem):
        risk_monitor.read_venues(section)


def test_each_venue_is_a_process_with_a_store_and_a_name_of_its_own(plan: WorldPlan) -> None:
    instances = plan.instances()
    assert starting_order(instances)[0][:3] == ["market_data", NORTH, SOUTH]
    assert {module_of(venue) for venue in (NORTH, SOUTH)} == {"trading_ecosystem.simulators.exchange"}
    design = DESIGNS["exchange"]
    assert [design.schema_of(venue) for venue in (NORTH, SOUTH)] == ["exchange_north", "exchange_south"]
    assert holder_of(NORTH).sees == holder_of(SOUTH).sees and routes.EXCHANGE not in holder_of(NORTH).sees
