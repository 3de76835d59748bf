"""A world names a strategy by its entry point or its path; what cannot be had is one line that says why."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from trading_ecosystem.configuration import plugins as finder
from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.production.trading_engine import plugins
from trading_ecosystem.production.trading_engine.config import DeskConfig
from trading_ecosystem.production.trading_engine.core import TradingEngine
from trading_ecosystem.reference import ReferenceData

Build = Callable[[str], DeskConfig]
ROOT = Path(__file__).parents[3]
STRANGER = """
from dataclasses import dataclass

from trading_ecosystem.production.trading_engine.strategies.plugin import Plugin
from trading_ecosystem.production.trading_engine.strategies.strategy import Strategy


@dataclass(frozen=True)
class Config:
    symbols: tuple[str, ...]


class Idle(Strategy):
    def __init__(self, config, desk):
        super().__init__(config.symbols, ())


def read(node, reference, limits):
    section = node.section(required=("kind", "instrument"))
    return Config((section["instrument"].text(),))


def careless(node, reference, limits):
    return Config((dict(node.entries())["pair"].text(),))


IDLE = Plugin(read, Idle)
CARELESS = Plugin(careless, Idle)
"""


def install(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    package: str,
    module: str,
    group: str = plugins.GROUP,
    **offered: str,
) -> None:
    """As an installer would: a module, and the metadata that names its entry points."""
    site = folder / package
    metadata = site / f"{package}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (site / f"{package}.py").write_text(module, encoding="utf-8")
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8")
    lines = [f"{name} = {path}" for name, path in offered.items()]
    text = "\n".join([f"[{group}]", *lines]) + "\n"
    (metadata / "entry_points.txt").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(site))


def with_kind(maker_text: str, kind: str, more: str = "instrument: BTC/USD") -> str:
    return maker_text[: maker_text.index("  - kind")] + f"  - kind: {kind}\n    {more}\n"


def problem_of(desk_config: Build, text: str) -> str:
    with pytest.raises(Problem) as problem:
        desk_config(text)
    assert "\n" not in str(problem.value)
    return str(problem.value)


def test_an_installed_strategy_is_named_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, desk_config: Build, maker_text: str, reference: ReferenceData
) -> None:
    install(tmp_path, monkeypatch, "stranger_idle", STRANGER, idle="stranger_idle:IDLE")
    config = desk_config(with_kind(maker_text, "idle"))
    assert config.symbols == ("BTC/USD",)
    (part,) = config.strategies
    assert (part.kind, part.config.symbols) == ("idle", ("BTC/USD",))
    assert TradingEngine("desk", config, reference)._guards[0].failure == ""
    assert config == desk_config(with_kind(maker_text, "idle"))


def test_a_strategy_is_named_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, desk_config: Build, maker_text: str
) -> None:
    install(tmp_path, monkeypatch, "stranger_path", STRANGER)
    (part,) = desk_config(with_kind(maker_text, "stranger_path:IDLE")).strategies
    assert part.kind == "stranger_path:IDLE"


def test_a_strategys_own_reader_names_the_field(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, desk_config: Build, maker_text: str
) -> None:
    install(tmp_path, monkeypatch, "stranger_fields", STRANGER)
    text = with_kind(maker_text, "stranger_fields:IDLE", "instrumnt: BTC/USD")
    assert "strategies.0.instrumnt: unknown key 'instrumnt'; did you mean 'instrument'?" in problem_of(
        desk_config, text
    )


def test_an_unknown_kind_is_told_with_all_that_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, desk_config: Build, maker_text: str
) -> None:
    install(tmp_path, monkeypatch, "stranger_known", STRANGER, zigzag="stranger_known:IDLE")
    said = problem_of(desk_config, with_kind(maker_text, "marketmaker"))
    assert said.startswith("world.yaml:") and "strategies.0.kind: unknown kind of strategy 'marketmaker'" in said
    assert said.endswith(f"did you mean 'market_maker'? known: {', '.join(sorted([*plugins.BUILT_IN, 'zigzag']))}")


def test_a_name_that_two_packages_offer_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, desk_config: Build, maker_text: str
) -> None:
    install(tmp_path, monkeypatch, "one_maker", STRANGER, market_maker="one_maker:IDLE")
    said = problem_of(desk_config, maker_text)
    assert f"more than one package offers the strategy 'market_maker': {plugins.BUILT_IN['market_maker']}" in said
    assert said.endswith("one_maker:IDLE")


@pytest.mark.parametrize(
    ("module", "path", "line"),
    [
        ("raise RuntimeError('no\\nway')", ":IDLE", "broken_0:IDLE cannot be loaded: RuntimeError: no way"),
        (STRANGER, ":OTHER", "broken_1:OTHER cannot be loaded: AttributeError: module 'broken_1' has no attribute"),
        (STRANGER, ":Idle", "the strategy broken_2:Idle is no Plugin but of the type"),
        (STRANGER, ":CARELESS", "the reader of the strategy broken_3:CARELESS failed: KeyError: 'pair'"),
    ],
)
def test_a_plugin_that_cannot_be_used_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    desk_config: Build,
    maker_text: str,
    module: str,
    path: str,
    line: str,
) -> None:
    name = line[line.index("broken_") :].partition(":")[0]
    install(tmp_path, monkeypatch, name, module)
    assert line in problem_of(desk_config, with_kind(maker_text, name + path))


def test_a_module_that_is_not_there_is_one_line(desk_config: Build, maker_text: str) -> None:
    assert "ModuleNotFoundError: No module named 'nowhere_at_all'" in problem_of(
        desk_config, with_kind(maker_text, "nowhere_at_all:PLUGIN")
    )


def test_an_instrument_that_only_the_plugin_knows_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, desk_config: Build, maker_text: str
) -> None:
    install(tmp_path, monkeypatch, "stranger_symbols", STRANGER)
    text = with_kind(maker_text, "stranger_symbols:IDLE", "instrument: BTC/EUR")
    assert "asks for an unknown instrument 'BTC/EUR'; did you mean 'BTC/USD'?" in problem_of(desk_config, text)


def test_the_built_in_strategies_are_there_without_metadata(
    monkeypatch: pytest.MonkeyPatch, desk_config: Build, maker_text: str
) -> None:
    monkeypatch.setattr(finder, "installed", lambda group, path: ())
    assert desk_config(maker_text).strategies[0].kind == "market_maker"
    assert set(plugins.offers()) == set(plugins.BUILT_IN)


def test_the_built_in_strategies_are_entry_points_as_any_other() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"] == {plugins.GROUP: plugins.BUILT_IN}
