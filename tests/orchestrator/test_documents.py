"""What is handed out gives each service the same configuration as the world, and nothing that it may not know."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from trading_ecosystem import routes
from trading_ecosystem.assembly import WorldPlan, load_world
from trading_ecosystem.configuration.document import Problem, Section, parse_document
from trading_ecosystem.configuration.instruments import REFERENCE_KEYS, read_accounts, read_reference
from trading_ecosystem.orchestrator.documents import DOCUMENT, LIMITS, Files, documents_of
from trading_ecosystem.orchestrator.launch import environment_from
from trading_ecosystem.orchestrator.planes import module_of, plane_of, starting_order, stopping_order
from trading_ecosystem.orchestrator.terms import Recording, Terms
from trading_ecosystem.production.risk_monitor import config as risk_config
from trading_ecosystem.production.trading_engine import config as desk_config
from trading_ecosystem.simulators.custodian import config as custodian_config, server as custodian_service
from trading_ecosystem.simulators.exchange import config as exchange_config
from trading_ecosystem.simulators.market_data import config as market_config
from trading_ecosystem.validation.test_coordinator import scenario as scenario_format
from trading_ecosystem.validation.test_coordinator.boundary import changes

ROOT = Path(__file__).parents[2]
WORLD = ROOT / "worlds" / "two-desks.yaml"
HOUSE = ROOT / "docs" / "examples" / "sub-accounts" / "house-with-sub-accounts.yaml"
SCENARIO = ROOT / "scenarios" / "usdt-depeg-36h.yaml"
SEED = 20_260_302_077
HOUR_NS = 3_600_000_000_000
START_NS = 1_772_409_600_000_000_000

KEYS = {
    routes.MARKET_DATA: {"market_data", "start", "seed"},
    routes.EXCHANGE: {"accounts", "exchange", "seed", "clients"},
    routes.CUSTODIAN: {"accounts", "custodian", "venues", "clients"},
    "trading_engine.alpha": {"desk"},
    "trading_engine.beta": {"desk"},
    routes.RISK_MONITOR: {"accounts", "limits", "venue", "custodian"},
    routes.TEST_COORDINATOR: {"replayed", "accounts", "instances", "start", "seed", "duration", "scenario"},
    routes.AUDIT_CORRELATOR: {"accounts", "vaults", "planes", "facts", "replayed"},
}
CANARIES = re.compile(
    rf"scenario|simulat|seed|{SEED}|depeg|two-desks|inject|chaos|coordinator|audit|test|twin|virtual|2026-03-02|noise",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def plan() -> WorldPlan:
    return load_world(WORLD)


@pytest.fixture(scope="module")
def files() -> dict[str, Files]:
    terms = Terms(seed=SEED, start_ns=START_NS, scenario=SCENARIO.read_text("utf-8"), duration_ns=40 * HOUR_NS)
    return documents_of(WORLD, terms)


def read(files: dict[str, Files], instance: str) -> Section:
    keys = (*REFERENCE_KEYS, *KEYS[instance])
    return parse_document(instance, files[instance][DOCUMENT]).section(required=keys)


def texts(section: Section, *keys: str) -> list[str]:
    node = section.node
    for key in keys:
        node = dict(node.entries())[key]
    return [item.text() for item in node.items()]


@pytest.mark.parametrize("instance", KEYS)
def test_each_document_has_its_keys_and_the_same_reference(
    instance: str, files: dict[str, Files], plan: WorldPlan
) -> None:
    reference = read_reference(read(files, instance))
    assert reference.numeraire == plan.reference.numeraire
    assert reference.assets == plan.reference.assets
    assert reference.instruments == plan.reference.instruments


def test_everybody_has_a_document_and_nobody_else(files: dict[str, Files], plan: WorldPlan) -> None:
    assert list(files) == plan.instances() == list(KEYS)
    assert {instance for instance in files if set(files[instance]) != {DOCUMENT}} == {routes.RISK_MONITOR}


def test_simulators_read_what_the_world_says(files: dict[str, Files], plan: WorldPlan) -> None:
    market, venue, custody = (read(files, name) for name in routes.SIMULATORS)
    assert market_config.read(market["market_data"], plan.reference) == plan.market_data
    assert exchange_config.read(venue["exchange"], plan.reference) == plan.venues["exchange"]
    assert custodian_config.read(custody["custodian"], plan.reference) == plan.custodian
    assert read_accounts(venue["accounts"], plan.reference) == plan.accounts
    assert read_accounts(custody["accounts"], plan.reference) == plan.accounts
    assert market["start"].instant_ns() == START_NS
    assert market["seed"].integer(0, 1 << 64) == venue["seed"].integer(0, 1 << 64) == SEED
    assert texts(custody, "venues") == [routes.EXCHANGE]


def test_production_reads_what_the_world_says(files: dict[str, Files], plan: WorldPlan) -> None:
    for desk in plan.desks:
        section = read(files, f"trading_engine.{desk.name}")
        assert desk_config.read(section["desk"], plan.reference) == desk
    monitor = read(files, routes.RISK_MONITOR)
    assert tuple(texts(monitor, "accounts")) == plan.firm_accounts
    assert monitor["limits"].text() == LIMITS
    limits = parse_document(LIMITS, files[routes.RISK_MONITOR][LIMITS])
    assert risk_config.read(limits, plan.reference, plan.firm_accounts_by_venue()) == plan.limits
    assert (monitor["venue"].text(), monitor["custodian"].text()) == (routes.EXCHANGE, routes.CUSTODIAN)


def test_validation_reads_the_whole_scenario(files: dict[str, Files], plan: WorldPlan) -> None:
    section = read(files, routes.TEST_COORDINATOR)
    told, shipped = scenario_format.read(section["scenario"]), scenario_format.load(SCENARIO)
    assert replace(told, boundary=None) == replace(shipped, boundary=None)
    assert [changes(told, side) for side in ("under", "over")] == [changes(shipped, side) for side in ("under", "over")]
    assert section["duration"].duration_ns() == 40 * HOUR_NS
    assert read_accounts(section["accounts"], plan.reference) == plan.firm_balances()
    assert texts(section, "instances") == plan.instances()
    audit = read(files, routes.AUDIT_CORRELATOR)
    planes = {name: node.text() for name, node in audit["planes"].entries()}
    assert planes == {name: plane_of(name) for name in [*plan.instances(), routes.INJECTOR]}
    facts = {name: node.text() for name, node in audit["facts"].entries()}
    assert facts["scenario"] == "usdt-depeg-36h" and facts["seed"] == str(SEED) and facts["world"] == "two-desks"


def test_who_may_see_and_trade_which_account(files: dict[str, Files], plan: WorldPlan) -> None:
    everything, firm = list(plan.accounts), list(plan.firm_accounts)
    watchers: dict[str, tuple[list[str], list[str]]] = {
        "risk_monitor": (firm, []),
        "test_coordinator": (everything, []),
        "operator": (everything, everything),
    }
    desks = {"trading_engine.alpha": (["alpha"], ["alpha"]), "trading_engine.beta": (["beta"], ["beta"])}
    for instance, expected in ((routes.EXCHANGE, desks | watchers), (routes.CUSTODIAN, watchers)):
        section = read(files, instance)
        found = {
            name: (texts(section, "clients", name, "sees"), texts(section, "clients", name, "trades"))
            for name, _ in section["clients"].entries()
        }
        assert found == expected


def with_treasuries(folder: Path, *changes: tuple[str, str]) -> dict[str, Files]:
    """The house with sub-accounts, where the master's desk and that of a sub-account move assets."""
    text = HOUSE.read_text("utf-8").replace("../../../worlds/treasury-limits.yaml", "limits.yaml")
    vault = "      alpha.vault: {owner: alpha, holds: {USD: 500000, BTC: 5}}"
    assert vault in text
    text = text.replace(vault, f"{vault}\n      alpha.cold: {{owner: alpha, holds: {{BTC: 5}}}}")
    keep = "{floor: 1, keep: 2, ceiling: 3, most: 1, vault: alpha.vault}"
    for account in ("alpha", "alpha-hedge"):
        treasury = f"    treasury: {{custodian: custodian, every: 10m, keep: {{USD: {keep}, BTC: {keep}}}}}"
        text = text.replace(f"    account: {account}\n", f"    account: {account}\n{treasury}\n")
    for right, wrong in changes:
        assert right in text
        text = text.replace(right, wrong)
    (folder / "house.yaml").write_text(text, "utf-8")
    (folder / "limits.yaml").write_text((ROOT / "worlds" / "treasury-limits.yaml").read_text("utf-8"), "utf-8")
    return documents_of(folder / "house.yaml", Terms(seed=7, start_ns=START_NS))


def test_a_master_moves_what_its_sub_accounts_have_and_a_sub_account_what_it_is_given(tmp_path: Path) -> None:
    document = parse_document("custodian", with_treasuries(tmp_path)[routes.CUSTODIAN][DOCUMENT])
    custody = document.section(required=custodian_service.SERVICE.keys, optional=custodian_service.SERVICE.optional)
    access = custodian_service.SERVICE.access(custody)
    master, sub = "trading_engine.alpha", "trading_engine.hedge"
    everything = {"alpha", "alpha-hedge", "alpha-reserve", "alpha.vault", "alpha.cold"}
    assert access.trades[master] == access.sees[master] == everything
    assert access.trades[sub] == access.sees[sub] == {"alpha-hedge", "alpha.vault"}
    assert access.confined == {master, sub} and "trading_engine.beta" not in access.sees
    reference = read_reference(custody)
    config = custodian_service.read_config(custody, reference, read_accounts(custody["accounts"], reference))
    assert config == load_world(tmp_path / "house.yaml").custodian


def test_a_monitor_that_watches_a_master_may_see_what_is_below_it(tmp_path: Path) -> None:
    firm = "accounts: [alpha, alpha-hedge, alpha-reserve]"
    for listed, seen in (("[alpha]", ["alpha", "alpha-hedge", "alpha-reserve"]), ("[alpha-hedge]", ["alpha-hedge"])):
        for instance in (routes.EXCHANGE, routes.CUSTODIAN):
            text = with_treasuries(tmp_path, (firm, f"accounts: {listed}"))[instance][DOCUMENT]
            clients = dict(dict(parse_document(instance, text).entries())["clients"].entries())
            sees = dict(clients[routes.RISK_MONITOR].entries())["sees"]
            assert [item.text() for item in sees.items()] == seen


def test_a_document_without_sub_accounts_says_nothing_of_them(files: dict[str, Files]) -> None:
    assert not [name for name, own in files.items() if "sub_accounts" in own[DOCUMENT]]


@pytest.mark.parametrize("instance", [name for name in KEYS if plane_of(name) == "production"])
def test_production_is_told_nothing_of_a_test(instance: str, files: dict[str, Files]) -> None:
    for name, text in files[instance].items():
        assert CANARIES.findall(text) == [], name


def test_the_canaries_would_sing(files: dict[str, Files]) -> None:
    assert {name for name in files if CANARIES.search(files[name][DOCUMENT])} == set(KEYS) - {
        "trading_engine.alpha",
        "trading_engine.beta",
        "risk_monitor",
    }


def test_without_a_scenario_nobody_hears_of_one() -> None:
    files = documents_of(WORLD, Terms(seed=7, start_ns=START_NS))
    assert not [text for own in files.values() for text in own.values() if "scenario" in text]


def test_a_recording_and_a_pace_reach_the_provider_alone(tmp_path: Path) -> None:
    recording = Recording(
        files=(tmp_path / "usdtusd.csv",),
        from_ns=START_NS,
        until_ns=START_NS + HOUR_NS,
        columns={"time": "open_time"},
        symbols={},
        instruments=("USDT/USD",),
    )
    terms = Terms(seed=7, start_ns=START_NS, quotes_every_ns=250_000_000, recording=recording)
    files = documents_of(WORLD, terms)
    document = dict(parse_document("market_data", files[routes.MARKET_DATA][DOCUMENT]).entries())
    replay = document["replay"].section(required=("files", "from", "until", "columns", "symbols"))
    assert [item.text() for item in replay["files"].items()] == [str(tmp_path / "usdtusd.csv")]
    assert replay["until"].instant_ns() - replay["from"].instant_ns() == HOUR_NS
    assert dict(document["market_data"].entries())["quotes_every"].duration_ns() == 250_000_000
    audit = dict(parse_document("audit", files[routes.AUDIT_CORRELATOR][DOCUMENT]).entries())
    assert [item.text() for item in audit["replayed"].items()] == ["USDT/USD"]
    assert [name for name in files if str(tmp_path) in files[name][DOCUMENT]] == [routes.MARKET_DATA]


def test_a_broken_world_is_a_problem_with_its_line(tmp_path: Path) -> None:
    for name in ("two-desks.yaml", "two-desks-limits.yaml"):
        (tmp_path / name).write_text((ROOT / "worlds" / name).read_text("utf-8"), "utf-8")
    world = tmp_path / "two-desks.yaml"
    world.write_text(world.read_text("utf-8").replace("maker_fee: 0.5bps", "maker_fee: 50%"), "utf-8")
    with pytest.raises(Problem, match=r"two-desks\.yaml:\d+: exchange.maker_fee"):
        documents_of(world, Terms(seed=7, start_ns=START_NS))


# Where each belongs.


def test_whoever_is_asked_or_told_starts_first_and_stops_last(plan: WorldPlan) -> None:
    production = ["trading_engine.alpha", "trading_engine.beta", "risk_monitor"]
    simulators = ["market_data", "exchange", "custodian"]
    assert starting_order(plan.instances()) == [[*simulators, "audit_correlator"], production, ["test_coordinator"]]
    assert stopping_order(plan.instances()) == [["test_coordinator"], production, simulators, ["audit_correlator"]]
    assert module_of("trading_engine.alpha") == "trading_ecosystem.production.trading_engine"


def test_no_variable_is_inherited_that_could_override_or_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    kept = environment_from(
        {"PATH": "/bin", "TSE_GRPC": "0.0.0.0:1", "SCENARIO": "crash", "PYTHONPATH": ".compiled", "LANG": "C"},
        tls=False,
    )
    assert kept == {"PATH": "/bin", "LANG": "C", "PYTHONPATH": str(ROOT / ".compiled"), "PYTHONUNBUFFERED": "1"}
