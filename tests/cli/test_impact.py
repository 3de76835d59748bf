"""`tse impact` measures the ladders of a world, or one of them, and refuses what has none."""

import json

import pytest

from trading_ecosystem.cli import main as door


def test_every_pair_of_a_world_has_an_exponent(capsys: pytest.CaptureFixture[str]) -> None:
    assert door.main(["impact", "spot-and-futures", "--orders", "4", "--json"]) == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert list(found["pairs"]) == ["BTC/USD", "ETH/USD"]  # Perpetuals are margined, and left out.
    assert found["far_exponent"] == pytest.approx(1.16, abs=0.01)
    for curves in found["pairs"].values():
        assert [0.4 < curves[weather]["exponent"] < 0.7 for weather in ("calm", "storm")] == [True, True]
    assert "far out the exponent comes to 1.16" in captured.err


def test_one_pair_is_shown_with_every_size(capsys: pytest.CaptureFixture[str]) -> None:
    assert door.main(["impact", "crosses", "--instrument", "ETH/BTC", "--orders", "2"]) == 0
    shown = capsys.readouterr().err
    assert "2769.46 ETH" in shown and "BTC/USD" not in shown
    assert shown.count(" bps") == 24


def test_each_of_several_venues_has_its_own_ladders(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["impact", "two-venues", "--venue", "exchange.south", "--instrument", "BTC/USD", "--orders", "2"]
    assert door.main(words) == 0
    assert "BTC/USD" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["crossses"], "no such world; did you mean 'crosses'?"),
        (
            ["crosses", "--instrument", "ETH/BTX"],
            "--instrument ETH/BTX: no pair of crosses with a background; known: BTC/USD",
        ),
        (["spot-and-futures", "--instrument", "BTC-PERP"], "known: BTC/USD, ETH/USD"),
        (["crosses", "--orders", "1"], "--orders"),
        (["two-venues"], "--venue is needed: two-venues has exchange.north, exchange.south"),
        (["crosses", "--venue", "exchange.north"], "--venue exchange.north: crosses has exchange"),
        ([], "WORLD"),
    ],
)
def test_wrong_words_are_one_line(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert door.main(["impact", *words]) == 2
    captured = capsys.readouterr()
    assert says in captured.err and len(captured.err.splitlines()) == 1 and captured.out == ""
