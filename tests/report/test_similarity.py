"""The page of a comparison says what the table says, and its charts hold what was measured."""

import json
import re
from dataclasses import replace

import pytest

from trading_ecosystem.chance import Dice
from trading_ecosystem.report.similarity import Similarity, charts, compared, number, render
from trading_ecosystem.simulators.market_data.likeness import BANDS


def walk(name: str, steps: int = 4_000) -> list[float]:
    dice, price, path = Dice(1, name), 100.0, [100.0]
    for step in range(steps):
        price *= 1.0 + 1e-3 * dice.normal(step)
        path.append(price)
    return path


@pytest.fixture(scope="module")
def similarity() -> Similarity:
    generated, recorded = {"BTC": walk("a"), "ETH": walk("b")}, {"BTC": walk("<c>")}
    return Similarity(
        world="two-desks",
        seed=3,
        days=2,
        control="gaussian",
        generated=generated,
        recorded=recorded,
        rows=compared(generated, recorded),
        notes=("a <b>note</b>",),
    )


def test_every_figure_of_every_asset_is_there_and_correlation_of_two(similarity: Similarity) -> None:
    named = [(row.name, row.asset) for row in similarity.rows]
    assert named == [*((name, asset) for asset in ("BTC", "ETH") for name in BANDS), ("correlation", "BTC, ETH")]
    assert [row.recorded is None for row in similarity.rows] == [False] * 6 + [True] * 7


def test_what_is_outside_its_band_decides(similarity: Similarity) -> None:
    assert not similarity.alike
    assert similarity.rows[-1].inside and similarity.rows[-1].band is None
    assert similarity.reason.startswith("plain Gaussian walk, 2 days, seed 3: ")


def test_the_page_stands_alone_and_escapes_what_it_is_given(similarity: Similarity) -> None:
    page = render(similarity)
    assert page == render(similarity)
    assert "a &lt;b&gt;note&lt;/b&gt;" in page and "<b>note" not in page
    assert not re.search(r'(?:src|href)="(?!#)', page.partition("</main>")[0])
    (data,) = re.findall(r'<script type="application/json" id="figures">(.*?)</script>', page)
    assert len(json.loads(data)) == len(charts(similarity)) == 4


def test_a_density_sums_to_one_and_a_tail_falls_from_one(similarity: Similarity) -> None:
    distribution, tails, memory, prices = (chart.figure["data"] for chart in charts(similarity))
    for traces in (distribution, tails, memory, prices):
        assert isinstance(traces, list)
        names = [trace["name"] for trace in traces]
        assert names[:3] == ["BTC generated", "ETH generated", "BTC recorded"]
    assert isinstance(distribution, list) and isinstance(tails, list) and isinstance(prices, list)
    assert sum(value or 0.0 for value in distribution[0]["y"]) * 0.5 == pytest.approx(1.0)
    assert tails[0]["y"] == sorted(tails[0]["y"]) and tails[0]["x"] == sorted(tails[0]["x"], reverse=True)
    assert prices[0]["y"][0] == 100.0


def test_lines_differ_in_more_than_colour_and_shares_are_written_as_powers(similarity: Similarity) -> None:
    for chart in charts(similarity):
        traces = chart.figure["data"]
        assert isinstance(traces, list)
        assert len({trace["line"]["dash"] for trace in traces[:3]}) == 3
    for chart in charts(similarity)[:2]:
        layout = chart.figure["layout"]
        assert isinstance(layout, dict)
        assert layout["yaxis"]["exponentformat"] == "power"


def test_the_page_says_how_long_both_sides_are_and_what_figures_mean(similarity: Similarity) -> None:
    page = render(similarity)
    assert "Returns of one minute, of 2 generated days and 2.8 recorded ones." in page
    assert "A size is the absolute value of a return" in page
    alone = render(replace(similarity, recorded={}))
    assert "Returns of one minute, of 2 generated days." in alone


def test_nothing_is_less_than_nothing() -> None:
    assert [number(value) for value in (-0.0001, 0.0001, -0.0006, 12.34)] == ["0.000", "0.000", "-0.001", "12.3"]
