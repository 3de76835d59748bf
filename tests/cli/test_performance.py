"""`tse performance` on the trail of a short run, and what it refuses."""

import json
from pathlib import Path

import pytest

from trading_ecosystem.cli.main import main

ROOT = Path(__file__).parents[2]
SHORT = ["--set", "duration=20m", "--set", "steady_state.for=2m", "--set", "method.0.at=2m"]

pytestmark = [pytest.mark.whole, pytest.mark.xdist_group("performance")]  # One run for all.


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report folder of a slow leak of twenty minutes; its verdict is none of our business."""
    folder = tmp_path_factory.mktemp("performance")
    settings = [*SHORT, "--set", "rollbacks.0.at=15m", "--set", "recovery.within=2m"]
    main(["run", str(ROOT / "scenarios" / "slow-leak-strategy.yaml"), "--report", str(folder), *settings])
    return folder / "slow-leak-strategy"


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["performance", *words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_people_read_a_table_and_programs_an_object(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, str(place), "--every", "1m", "--json")
    assert code == 0 and "Sharpe" in err and "leak" in err
    told = json.loads(out)
    assert (told["scenario"], told["numeraire"]) == ("slow-leak-strategy", "USD")
    leak = told["desks"]["leak"]
    assert len(leak["returns"]) == 20 and leak["sharpe"] < 0 and leak["hit_rate"] == 0.0
    assert leak["returns"][0] == 0.0 and leak["max_drawdown"] == pytest.approx(leak["return"])
    assert float(leak["profit"]) == pytest.approx(
        float(leak["realised"]) + float(leak["unrealised"]) - float(leak["fees"]), abs=1e-6
    )
    asleep = told["desks"]["ignorant"]
    assert (asleep["trades"], asleep["sharpe"], asleep["hit_rate"], asleep["profit"]) == (0, None, None, "0.00000000")


def test_the_page_holds_the_figures_and_loads_nothing(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = said(capsys, str(place / "trail.jsonl"), "--plots", str(tmp_path / "plots"))
    page = (tmp_path / "plots" / "performance.html").read_text(encoding="utf-8")
    assert code == 0 and "performance.html" in err
    assert (
        "Drawdown of leak" in page
        and "default-src &#x27;none&#x27;" in page
        and "http://" not in page.split("<script")[0]
    )


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["nowhere.jsonl"], "nowhere.jsonl: No such file or directory"),
        (["."], "trail.jsonl: No such file or directory"),
        (["TRAIL", "--every", "soon"], "--every soon: "),
        (["TRAIL", "--every", "10ms"], "--every 10ms: the shortest period is 1s"),
        (["TRAIL", "--every", "2d"], "--every: from one to 1,000,000 periods are expected in 1200 s"),
        (["TRAIL", "--world", "atlantis"], "atlantis: no such world"),
        (["TRAIL", "--world", "two-desks"], "SOL/USD is traded in this trail, but is not in the world"),
        (["TRAIL", "--plots", "README.md"], "--plots README.md: is a file, not a folder"),
    ],
)
def test_a_mistake_is_one_line(
    words: list[str],
    problem: str,
    place: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "README.md").touch()
    code, out, err = said(capsys, *[str(place) if word == "TRAIL" else word for word in words])
    assert (code, out, err.count("\n")) == (2, "", 1) and problem in err
