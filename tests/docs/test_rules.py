"""The rule that the page shows is one file, and all that it takes: read, judged, told, expected."""

import json
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest
import yaml
from tests.production.trading_engine.test_plugins import install

from trading_ecosystem.assembly import load_world
from trading_ecosystem.cli.scenarios import proofs
from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.preparation import RunRequest, prepare
from trading_ecosystem.production.risk_monitor import fence, plugins
from trading_ecosystem.production.risk_monitor.rest_bodies import limits_body
from trading_ecosystem.production.risk_monitor.rules.plugin import Entry, RulePlugin
from trading_ecosystem.production.risk_monitor.rules.rule import Figure, Rule
from trading_ecosystem.report.coverage import Cover, coverage
from trading_ecosystem.validation.results import Verdict
from trading_ecosystem.virtual.run import run

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(python|toml|yaml)\n(.*?)^```", re.DOTALL | re.MULTILINE)
BLOCKS = {kind: [text for each, text in BLOCK.findall(PAGE) if each == kind] for kind in ("python", "toml", "yaml")}
(MODULE,), (ENTRY, EXPECTATION) = BLOCKS["python"], BLOCKS["yaml"]
MISTAKES = [
    ("USDT/USD:", "USDT/USDD:", "unknown instrument 'USDT/USDD'; did you mean 'USDT/USD'?"),
    ("{at: 10bps}", "{at: 10}", "sudden_move:RULE.USDT/USD.warning.at: '10' is not a share such as 15%"),
    ("warning:", "warnin:", "unknown key 'warnin'; did you mean 'warning'?"),
    ("sudden_move:RULE", "sudden_move:RULES", "the rule sudden_move:RULES cannot be loaded: AttributeError"),
    ("sudden_move:RULE", "suden_move:RULE", "the rule suden_move:RULE cannot be loaded: ModuleNotFoundError"),
    ("sudden_move:RULE", "sudden_move:read", "is no RulePlugin but of the type function"),
    ("sudden_move:RULE", "sudden_move", "unknown key 'sudden_move'"),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """With the module of the page, on Python's path, and the shipped world with the entry of the page."""
    (tmp_path / "sudden_move.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    write_world(tmp_path, ENTRY)
    yield tmp_path
    sys.modules.pop("sudden_move", None)


def write_world(folder: Path, entry: str) -> Path:
    shutil.copy(ROOT / "worlds" / "two-desks.yaml", folder)
    limits = (ROOT / "worlds" / "two-desks-limits.yaml").read_text(encoding="utf-8")
    (folder / "two-desks-limits.yaml").write_text(f"{limits}\n{entry}", encoding="utf-8")
    return folder / "two-desks.yaml"


def scenario_of_the_page(folder: Path) -> Path:
    scenario = yaml.safe_load((ROOT / "docs" / "examples" / "usdt-slips.yaml").read_text(encoding="utf-8"))
    scenario["expect"] += yaml.safe_load(EXPECTATION)["expect"]
    scenario["allow"].append({"alert": "sudden_move", "severity": "warning"})
    path = folder / "usdt-slips.yaml"
    path.write_text(json.dumps(scenario), encoding="utf-8")
    return path


def test_it_fires_in_a_scenario_that_expects_it(folder: Path) -> None:
    path = scenario_of_the_page(folder)
    scenario = prepare(RunRequest(scenario_path=path, with_boundary=False)).scenario
    assert "critical sudden_move on USDT/USD within 30s" in proofs(scenario)
    result = run(RunRequest(scenario_path=path, with_twin=False, with_boundary=False))
    assert result.judgement.verdict is Verdict.PASS, result.judgement.reasons
    [told] = [each for each in result.judgement.expectations if each.rule == "sudden_move"]
    assert told.subject == "USDT/USD"
    assert coverage([result])["sudden_move"] == {"usdt-slips": Cover.CRITICAL}
    chain = next(links for alert_id, links in result.chains.items() if alert_id.startswith("sudden_move"))
    assert chain[0].kind == "injection" and "price.drift" in chain[0].text


def test_without_its_limits_no_scenario_expects_it(folder: Path) -> None:
    path = scenario_of_the_page(folder)
    write_world(folder, "")
    with pytest.raises(Problem, match="alert: the limits of this world have no rule 'sudden_move'; known: "):
        prepare(RunRequest(scenario_path=path))
    write_world(folder, ENTRY.replace("USDT/USD", "BTC/USD"))
    with pytest.raises(Problem, match="sudden_move is never about 'USDT/USD'"):
        prepare(RunRequest(scenario_path=path))


def test_people_see_its_limits(folder: Path) -> None:
    plan = load_world(folder / "two-desks.yaml")
    lines = [each for each in limits_body(plan.limits, plan.reference).limits if each.rule == "sudden_move"]
    told = [(each.subject, each.severity, each.at, each.resolves, each.unit) for each in lines]
    assert told == [
        ("USDT/USD", "warning", "0.001000", "0.001000", "share"),
        ("USDT/USD", "critical", "0.001500", "0.001000", "share"),
    ]


@pytest.mark.parametrize(("right", "wrong", "said"), MISTAKES, ids=[wrong for _, wrong, _ in MISTAKES])
def test_a_mistake_in_its_entry_is_one_line(folder: Path, right: str, wrong: str, said: str) -> None:
    world = write_world(folder, ENTRY.replace(right, wrong, 1))
    with pytest.raises(Problem) as caught:
        load_world(world)
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(folder / "two-desks-limits.yaml:"))


def test_installed_it_is_known_by_its_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (offered,) = re.findall(rf'{plugins.GROUP}"\]\n(\w+) = "(.+)"', BLOCKS["toml"][0])
    install(folder, monkeypatch, "sudden_moves", MODULE, group=plugins.GROUP, **{offered[0]: "sudden_moves:RULE"})
    limits = load_world(write_world(folder, ENTRY.replace("sudden_move:RULE", "sudden_move"))).limits
    assert list(limits.rules)[-1] == "sudden_move" and limits.rules["sudden_move"].path == "sudden_move"
    assert offered == ("sudden_move", "sudden_move:RULE")
    sys.modules.pop("sudden_moves")


def test_it_is_as_short_as_the_page_says() -> None:
    lines = [line for line in MODULE.splitlines() if line.strip()]
    assert len(lines) <= 30


def test_what_the_page_says_of_bounds_and_names_is_so() -> None:
    assert f"more than {fence.MOST_FIGURES:,} subjects" in PAGE
    assert f"more than {fence.MOST_HURRIED:,} times in a row" in PAGE
    rows = set(
        re.findall(r"^\| `(\w+)", PAGE.partition("`RulePlugin`:")[2].partition("`Entry(limits)`")[0], re.MULTILINE)
    )
    assert rows == set(RulePlugin.__dataclass_fields__) - {"read_of_group", "of_desks"}
    calls = set(re.findall(r"^\| `(\w+)\(", PAGE.partition("| call | when |")[2], re.MULTILINE))
    assert {"hear", "look", "due_ns"} <= calls and all(hasattr(Rule, name) for name in ("hear", "look", "due_ns"))


def test_a_failing_rule_is_named_and_ended_and_the_run_goes_on(folder: Path) -> None:
    """Its alert was expected and cannot come; everything else comes as before."""
    broken = MODULE.replace("lowest, highest =", "assert quote.bid_ticks > 9_990, 'below'\n        lowest, highest =")
    (folder / "sudden_move.py").write_text(broken, encoding="utf-8")
    result = run(RunRequest(scenario_path=scenario_of_the_page(folder), with_twin=False, report_folder=folder / "out"))
    assert result.judgement.verdict is Verdict.FAIL
    trail = Path(result.trail).read_text(encoding="ascii").splitlines()
    told = [json.loads(line)[7] for line in trail[1:] if '"HealthChanged"' in line and "sudden_move" in line]
    assert "rule sudden_move failed in hear: AssertionError" in str(told[0]) and "degraded" in str(told[0])
    [peg] = [each for each in result.judgement.expectations if each.rule == "peg_deviation"]
    assert peg.detection.value == "detected"


def test_the_page_and_the_code_mean_one_interface() -> None:
    entry = Entry(())
    assert (entry.subjects, entry.levels) == ((), {})
    figure = Figure("x", None, 1)
    assert (figure.subject, figure.value, figure.at_ns) == ("x", None, 1)
    assert replace(RulePlugin(name="x", read=lambda node, firm: entry), hears=(QuotePublished,)).at_once is False
    assert dedent(MODULE) == MODULE
