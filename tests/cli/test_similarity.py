"""`tse similarity` measures the market of a world, fails a plain walk, and refuses what it cannot compare with."""

import json
import math
import os
from pathlib import Path

import pytest

from trading_ecosystem.chance import Dice
from trading_ecosystem.cli import main as door

DATA = Path(os.environ.get("TSE_DATA", Path(__file__).parents[3] / "shared" / "data"))
SVB = DATA / "svb_2023"
needs_svb = pytest.mark.skipif(not SVB.is_dir(), reason=f"no recorded data in {SVB} (set TSE_DATA)")


def record(folder: Path, name: str = "btcusd.csv", minutes: int = 3_000, every_s: int = 60) -> Path:
    """A walk, one bar after the other."""
    dice, price, rows = Dice(4, name), 20_000.0, ["time,open,high,low,close"]
    for step in range(minutes):
        price *= math.exp(5e-4 * dice.normal(step))
        rows.append(f"{1_678_406_400 + every_s * step},{price},{price},{price},{price}")
    path = folder / name
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_the_shipped_market_is_in_every_band(capsys: pytest.CaptureFixture[str]) -> None:
    assert door.main(["similarity", "--json"]) == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert (found["world"], found["seed"], found["days"], found["alike"]) == ("two-desks", 7, 90, True)
    assert [row["inside"] for row in found["figures"]] == [True] * 12 + [None]
    assert "✓ market of two-desks, 90 days, seed 7: all of 12 figures in their bands" in captured.err


def test_a_plain_walk_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert door.main(["similarity", "--control", "gaussian", "--days", "10"]) == 1
    assert "✗ plain Gaussian walk, 10 days, seed 7: 10 of 12 figures outside their bands" in capsys.readouterr().err


def test_a_record_stands_beside_it_and_charts_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["similarity", str(record(tmp_path)), "--days", "5", "--plots", str(tmp_path / "out"), "--json"]
    assert door.main(words) in (0, 1)
    found = json.loads(capsys.readouterr().out)
    kurtosis = found["figures"][0]
    assert (kurtosis["figure"], kurtosis["asset"]) == ("kurtosis", "BTC")
    assert kurtosis["recorded"] == pytest.approx(3.0, abs=0.4)
    assert found["notes"] == ["BTC/USD: btcusd.csv, 3000 bars of 1m"]
    page = Path(found["plots"]).read_text(encoding="utf-8")
    assert "BTC recorded" in page


@needs_svb
def test_recorded_weeks_of_march_2023_are_in_their_own_bands(capsys: pytest.CaptureFixture[str]) -> None:
    assert door.main(["similarity", str(SVB), "--json"]) == 0
    for row in json.loads(capsys.readouterr().out)["figures"][:6]:
        assert row["recorded"] > row["above"]
        assert row["below"] is None or row["recorded"] < row["below"]


@pytest.mark.parametrize(
    ("name", "more", "says"),
    [
        ("usdtusd.csv", {}, "no price of BTC or ETH in it"),
        ("btcusd.csv", {"every_s": 3_600}, "BTC/USD has bars longer than a minute"),
        ("btcusd.csv", {"minutes": 100}, "100 minutes; a comparison needs more than 2880, which is two days"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    tmp_path: Path, name: str, more: dict[str, int], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert door.main(["similarity", str(record(tmp_path, name, **more))]) == 2
    captured = capsys.readouterr()
    assert says in captured.err and len(captured.err.splitlines()) == 1 and captured.out == ""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["none.csv"], "none.csv: no such file or folder"),
        (["--world", "two-desk"], "no such world; did you mean 'two-desks'?"),
        (["--days", "1"], "--days"),
        (["--control", "gausian"], "'gausian' is not"),
        (["--plots", __file__], f"--plots {__file__}: is a file, not a folder"),
    ],
)
def test_wrong_words_are_one_line(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert door.main(["similarity", *words]) == 2
    captured = capsys.readouterr()
    assert says in captured.err and len(captured.err.splitlines()) == 1 and captured.out == ""
