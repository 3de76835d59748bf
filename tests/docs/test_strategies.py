"""The strategy that the page shows is installed and trades; what the page says of bounds and keys is so."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
import yaml

from trading_ecosystem.assembly import load_world
from trading_ecosystem.configuration.document import parse_document
from trading_ecosystem.configuration.scalars import instant_ns
from trading_ecosystem.messages.orders import Side
from trading_ecosystem.preparation import RunRequest
from trading_ecosystem.production.trading_engine import config, guard, plugins
from trading_ecosystem.virtual.run import run

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "strategies.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(python|toml|yaml)\n(.*?)^```", re.DOTALL | re.MULTILINE)
BLOCKS = {kind: [text for each, text in BLOCK.findall(PAGE) if each == kind] for kind in ("python", "toml", "yaml")}
MINUTE = 60 * 10**9


def install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a person would, but into a folder of its own."""
    (folder / "saver").mkdir()
    (folder / "saver" / "saver.py").write_text(BLOCKS["python"][0], encoding="utf-8")
    (folder / "saver" / "pyproject.toml").write_text(BLOCKS["toml"][0], encoding="utf-8")
    words = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target", str(folder / "site")]
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", *words, str(folder / "saver")]
    subprocess.run(command, check=True, timeout=300)
    monkeypatch.syspath_prepend(str(folder / "site"))


def world_of_the_page(folder: Path) -> Path:
    """The shipped world, in which beta trades by the strategy of the page."""
    for name in ("two-desks.yaml", "two-desks-limits.yaml"):
        shutil.copy(ROOT / "worlds" / name, folder)
    path = folder / "two-desks.yaml"
    world = yaml.safe_load(path.read_text(encoding="utf-8"))
    world["desks"][1]["strategies"] = yaml.safe_load(dedent(BLOCKS["yaml"][1]))["strategies"]
    path.write_text(yaml.safe_dump(world, sort_keys=False), encoding="utf-8")
    return path


def test_the_strategy_of_the_page_is_installed_and_trades(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch)
    world_of_the_page(tmp_path)
    scenario = Path(shutil.copy(ROOT / "docs" / "examples" / "usdt-slips.yaml", tmp_path))
    result = run(RunRequest(scenario_path=scenario, report_folder=tmp_path / "out", with_twin=False))
    lines = [json.loads(line) for line in Path(result.trail).read_text(encoding="ascii").splitlines()]
    names = lines[0][1]["fields"]["OrderFilled"]
    fills = [dict(zip(names, line[7], strict=True)) for line in lines[1:] if line[6] == "OrderFilled"]
    bought = [fill for fill in fills if fill["account"] == "beta"]
    assert {(fill["symbol"], Side(fill["side"])) for fill in bought} == {("BTC/USD", Side.BUY)}
    assert sum(fill["quantity_lots"] for fill in bought) == 10 * len({fill["client_order_id"] for fill in bought})
    times = sorted({fill["occurred_ns"] - instant_ns("2026-03-02T00:00:00Z") for fill in bought})
    assert len(times) == 40 and times[0] < MINUTE and times[-1] > 19 * MINUTE  # Twenty minutes, every thirty seconds.


def test_it_is_found_by_its_path_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "saver.py").write_text(BLOCKS["python"][0], encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    path = world_of_the_page(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace("kind: saver", "kind: saver:PLUGIN"), encoding="utf-8")
    assert load_world(path).desks[1].strategies[0].kind == "saver:PLUGIN"
    sys.modules.pop("saver")


def test_it_is_as_short_as_the_page_says() -> None:
    after_imports = BLOCKS["python"][0].partition("@dataclass")[2]
    lines = [line for line in after_imports.splitlines() if line.strip()]
    assert len(lines) <= 22


def test_the_bounds_are_those_of_the_fence() -> None:
    rows = re.findall(r"^\| (.+?) \| ([\d,]+) \|$", PAGE.partition("| without end |")[2], re.MULTILINE)
    told = [int(count.replace(",", "")) for _, count in rows]
    assert told == [guard.MOST_WANTED, guard.MOST_RETRIES, guard.MOST_HURRIED]
    assert "within 1 ms" in rows[2][0] and guard.HURRY_NS == 1_000_000


def test_every_built_in_strategy_is_on_the_page() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.partition("## The built-in ones")[2].partition("\n## ")[0], re.MULTILINE)
    assert sorted(rows) == ["arbitrage", "basis", "kind", "market_maker", "mean_reversion", "momentum"]
    assert set(rows) - {"kind"} == set(plugins.BUILT_IN)


def test_the_configuration_that_the_page_shows_is_read() -> None:
    reference = load_world(ROOT / "worlds" / "two-desks.yaml").reference
    desk = yaml.safe_load((ROOT / "worlds" / "two-desks.yaml").read_text(encoding="utf-8"))["desks"][0]
    desk["strategies"] = yaml.safe_load(dedent(BLOCKS["yaml"][0]))
    read = config.read(parse_document("page.yaml", yaml.safe_dump(desk)), reference)
    assert [part.kind for part in read.strategies] == ["momentum", "mean_reversion"]
