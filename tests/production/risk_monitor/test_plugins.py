"""A limits file names a rule by its name or its path; what cannot be had is one line that says why."""

import ast
import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import yaml
from tests.production.risk_monitor.conftest import ONE, WORLD_LIMITS
from tests.production.trading_engine.test_plugins import install

from trading_ecosystem import routes
from trading_ecosystem.configuration.document import Problem, parse_document
from trading_ecosystem.production.risk_monitor import plugins
from trading_ecosystem.production.risk_monitor.config import Limits, read
from trading_ecosystem.production.risk_monitor.heard import HEARD
from trading_ecosystem.production.risk_monitor.rules.plugin import RulePlugin
from trading_ecosystem.production.risk_monitor.server import SERVICE
from trading_ecosystem.reference import ReferenceData

RULES = Path(__file__).parents[3] / "src" / Path(*plugins.HERE.split("."))
STRANGER = """
from trading_ecosystem.messages.market import BookTopChanged
from trading_ecosystem.messages.orders import OrderDenied, TradeExecuted
from trading_ecosystem.production.risk_monitor.levels import read_bare, read_count
from trading_ecosystem.production.risk_monitor.rules.plugin import Entry, Limit, RulePlugin, one_limit
from trading_ecosystem.production.risk_monitor.rules.rule import Rule


def read(node, firm):
    return one_limit("firm", "things", read_bare(node, read_count))


def build(entry, sight):
    return Rule()


RULE = RulePlugin(name="strange", read=read, build=build)
BOOKS = RulePlugin(name="of_books", read=read, build=build, hears=(BookTopChanged,))
DESKS = RulePlugin(name="of_desks", read=read, build=build, hears=(OrderDenied,))
DEAF = RulePlugin(name="deaf", read=read, build=build, hears=(TradeExecuted,))
LOUD = RulePlugin(name="Loud Rule", read=read, build=build)
CARELESS = RulePlugin(name="careless", read=lambda node, firm: dict(node.entries())["pair"], build=build)
EMPTY = RulePlugin(name="empty", read=lambda node, firm: None, build=build)
TWICE = RulePlugin(name="twice", read=lambda node, firm: Entry(read(node, firm).limits * 2), build=build)
ODD = RulePlugin(name="odd", read=lambda node, firm: one_limit("a b", "x", read_bare(node, read_count)), build=build)
DOUBLE = RulePlugin(name="venue_down", read=read, build=build)
"""
ENTRY = {"critical": 3}


@pytest.fixture(autouse=True)
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "stranger_rules.py").write_text(STRANGER, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("stranger_rules", None)


def limits_of(reference: ReferenceData, **entries: object) -> Limits:
    document = yaml.safe_load(WORLD_LIMITS.read_text(encoding="utf-8"))
    more = {key.replace("__", ":"): entry for key, entry in entries.items()}
    return read(parse_document("limits.yaml", json.dumps(document | more)), reference, ONE)


def problem_of(reference: ReferenceData, **entries: object) -> str:
    with pytest.raises(Problem) as caught:
        limits_of(reference, **entries)
    assert "\n" not in str(caught.value) and str(caught.value).startswith("limits.yaml:")
    return str(caught.value)


def test_a_rule_is_found_by_its_path(reference: ReferenceData) -> None:
    limits = limits_of(reference, stranger_rules__RULE=ENTRY)
    assert limits.rules["strange"].path == "stranger_rules:RULE"
    assert limits.subjects()["strange"] == ["firm"] and limits.levels("strange")["firm"].critical is not None
    assert not limits.watches_books and not limits.about_desks


def test_what_it_hears_decides_whom_the_monitor_hears(reference: ReferenceData) -> None:
    assert limits_of(reference, stranger_rules__BOOKS=ENTRY).watches_books
    assert limits_of(reference, stranger_rules__DESKS=ENTRY).about_desks


WRONG = [
    ("stranger_rules__NONE", "the rule stranger_rules:NONE cannot be loaded: AttributeError"),
    ("strangr__RULE", "the rule strangr:RULE cannot be loaded: ModuleNotFoundError"),
    ("stranger_rules__read", "the rule stranger_rules:read is no RulePlugin but of the type function"),
    ("stranger_rules__DEAF", "hears TradeExecuted, which no monitor is told"),
    ("stranger_rules__LOUD", "has no name of small letters, digits and _: 'Loud Rule'"),
    ("stranger_rules__CARELESS", "the rule careless cannot read this: KeyError: 'pair'"),
    ("stranger_rules__EMPTY", "the rule empty read no Entry but a NoneType"),
    ("stranger_rules__TWICE", "the rule twice has the subject 'firm' twice, or one that no alert can have"),
    ("stranger_rules__ODD", "has the subject 'a b' twice, or one that no alert can have"),
    ("stranger_rules__DOUBLE", "a second rule of the name 'venue_down'"),
    ("strange", "unknown key 'strange'"),
    ("pric_collar", "unknown key 'pric_collar'; did you mean 'price_collar'?"),
]


@pytest.mark.parametrize(("key", "said"), WRONG, ids=[key for key, _ in WRONG])
def test_what_cannot_be_had_is_one_line(reference: ReferenceData, key: str, said: str) -> None:
    assert said in problem_of(reference, **{key: ENTRY})


def test_an_installed_rule_is_named_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: ReferenceData
) -> None:
    install(tmp_path, monkeypatch, "package_a", STRANGER, group=plugins.GROUP, strange="package_a:RULE")
    limits = limits_of(reference, strange=ENTRY)
    assert list(limits.rules)[-1] == "strange" and limits.rules["strange"].path == "strange"
    assert "a second rule of the name 'strange'" in problem_of(reference, strange=ENTRY, stranger_rules__RULE=ENTRY)
    assert "careless cannot read" in problem_of(reference, stranger_rules__CARELESS=ENTRY, strange=ENTRY)


def test_one_name_is_one_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: ReferenceData) -> None:
    install(tmp_path, monkeypatch, "package_a", STRANGER, group=plugins.GROUP, strange="package_a:RULE")
    install(tmp_path, monkeypatch, "package_b", STRANGER, group=plugins.GROUP, strange="package_b:RULE")
    assert "more than one package offers the rule 'strange'" in problem_of(reference, strange=ENTRY)
    install(
        tmp_path,
        monkeypatch,
        "package_c",
        STRANGER,
        group=plugins.GROUP,
        venue_down="package_c:RULE",
        other="package_c:RULE",
    )
    assert "more than one package offers the rule 'venue_down'" in problem_of(reference)


def test_a_rule_goes_by_the_name_that_it_is_offered_under(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: ReferenceData
) -> None:
    install(tmp_path, monkeypatch, "package_a", STRANGER, group=plugins.GROUP, other="package_a:RULE")
    assert "is offered as 'other' and calls itself 'strange'" in problem_of(reference, other=ENTRY)


@pytest.mark.parametrize("name", plugins.BUILT_IN)
def test_a_built_in_rule_is_a_module_of_its_name(name: str) -> None:
    module = import_module(f"{plugins.HERE}.{name}")
    assert isinstance(module.RULE, RulePlugin) and module.RULE.name == name
    source = (RULES / f"{name}.py").read_text(encoding="utf-8")  # A compiled module has no docstring.
    title = (ast.get_docstring(ast.parse(source)) or "").partition(":")[0].lower().replace("&", "n")
    assert title == name.replace("_", " ")
    assert set(module.RULE.hears) <= set(HEARD)


def test_what_a_monitor_hears_is_what_it_is_sent() -> None:
    kinds = {kind for upstream in SERVICE.hears for kind in upstream.kinds}
    assert kinds == set(HEARD)
    tables = (routes.PUBLISHED, routes.PRIVATE, routes.OF_WATCHED_BOOKS, routes.OF_WATCHED_DESKS)
    routed = {kind for table in tables for kind, roles in table.items() if routes.RISK_MONITOR in roles}
    assert routed <= set(HEARD)
