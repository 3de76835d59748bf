"""Figures: what is drawn, in which order, and that plotly knows every word of them."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import nan
from typing import Any, cast

import plotly.graph_objects as plotly_objects  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings, strategies as st

from trading_ecosystem.report.charts import Chart, charts
from trading_ecosystem.report.figures import closeup, thinned, tidy, value_at
from trading_ecosystem.validation.results import InjectionOutcome, LimitLine, RunResult, Series


def traces(chart: Chart) -> dict[str, dict[str, Any]]:
    return {trace["name"]: trace for trace in cast(list[dict[str, Any]], chart.figure["data"])}


def layout(chart: Chart) -> dict[str, Any]:
    return cast(dict[str, Any], chart.figure["layout"])


def named(drawn: Sequence[Chart], title: str) -> Chart:
    return next(chart for chart in drawn if chart.title == title)


def test_plotly_accepts_every_figure(result: RunResult) -> None:
    for chart in charts(result):
        plotly_objects.Figure(chart.figure, skip_invalid=False)


def test_what_matters_comes_first(result: RunResult) -> None:
    drawn = charts(result)
    assert [chart.title for chart in drawn if chart.primary] == [
        "Price: USDT/USD", "Equity", "Drawdown", "Exposure: concentration Tether", "Exposure: delta BTC",
        "Orders per hour", "Settlements per hour",
    ]  # fmt: skip
    assert [chart.title for chart in drawn if not chart.primary] == [
        "Price: BTC/USD", "Price: BTC/USDT", "Exposure: position ETH",
    ]  # fmt: skip


def test_breach_and_alert_stand_where_they_happened(result: RunResult) -> None:
    marks = traces(named(charts(result), "Price: USDT/USD"))
    critical = result.judgement.alerts[1]
    assert marks["breach"]["x"][1] == critical.breach_ns // 1_000_000  # type: ignore[operator]
    assert marks["alert"]["x"][1] == critical.fired_ns // 1_000_000
    assert marks["alert"]["y"][1] == pytest.approx(0.99, abs=0.002)
    assert marks["breach"]["marker"]["symbol"] != marks["alert"]["marker"]["symbol"]
    assert "60.9 s after the breach" in marks["alert"]["text"][1]


def test_injections_are_marked_on_every_figure(result: RunResult) -> None:
    for chart in charts(result):
        words = [label["text"] for label in layout(chart)["annotations"]]
        assert "▼ price.drift begins" in words and "▽ price.drift ends" in words
        assert [shape["line"]["dash"] for shape in layout(chart)["shapes"]] == ["solid", "dash"]


def test_labels_of_near_injections_get_rows_of_their_own(result: RunResult) -> None:
    began = result.judgement.injections[0]
    near = tuple(
        InjectionOutcome(
            injection_id=f"i{n}", kind="process.crash", target="x", subjects=(), ended_ns=None,
            started_ns=(began.started_ns or 0) + n * 1_000_000_000,
        )
        for n in range(3)
    )  # fmt: skip
    crowded = replace(result, judgement=replace(result.judgement, injections=near))
    labels = layout(charts(crowded)[0])["annotations"][:3]
    assert sorted({label["yshift"] for label in labels}) == [2, 18, 34]


def test_limits_are_lines_with_their_words(result: RunResult) -> None:
    chart = named(charts(result), "Drawdown")
    assert traces(chart)["critical limit 5 %"]["y"] == [5.0, 5.0]
    assert traces(chart)["warning limit 3 %"]["line"]["dash"] != traces(chart)["critical limit 5 %"]["line"]["dash"]
    assert "Critical limit 5 %." in chart.description


def test_values_that_are_no_numbers_are_left_out(result: RunResult) -> None:
    odd = Series(name="equity", group="equity", unit="USD", points=((result.start_ns, nan), (result.start_ns + 1, 2.0)))
    chart = charts(replace(result, series=(odd,)))[0]
    assert traces(chart)["equity"]["y"] == [2.0]
    empty = replace(odd, points=((result.start_ns, nan),))
    assert charts(replace(result, series=(empty,)))[0].description == "No values."


def test_an_exposure_without_a_limit_is_drawn_on_demand(result: RunResult) -> None:
    for value, primary in ((0.0, False), (10.0, True)):
        limits = (LimitLine(series="position ETH", severity="critical", value=value),)
        chart = named(charts(replace(result, limits=limits)), "Exposure: position ETH")
        assert chart.primary is primary


def test_zoom_shows_the_minutes_around_an_alert(result: RunResult) -> None:
    (menu,) = layout(named(charts(result), "Price: USDT/USD"))["updatemenus"]
    assert [button["label"] for button in menu["buttons"]] == [
        "Whole run", "Around warning alert", "Around critical alert",
    ]  # fmt: skip
    critical = result.judgement.alerts[1]
    start, end = menu["buttons"][2]["args"][0]["xaxis.range"]
    assert start < (critical.breach_ns or 0) // 1_000_000 < critical.fired_ns // 1_000_000 < end


def test_closeup_of_nothing_shows_the_whole_height() -> None:
    assert closeup([(0, 1.0), (10, 3.0)], 20, 30)["yaxis.range"] == pytest.approx([0.4, 3.6])


points = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=400).map(lambda ys: tuple(enumerate(ys)))


@given(points, st.integers(8, 60))
@settings(max_examples=100)
def test_thinning_keeps_ends_order_peaks_and_troughs(line: tuple[tuple[int, float], ...], most: int) -> None:
    thin = thinned(line, most)
    assert set(thin) <= set(line)
    assert all(a[0] < b[0] for a, b in pairwise(thin))
    assert (thin[0], thin[-1]) == (line[0], line[-1])
    assert max(y for _, y in thin) == max(y for _, y in line)
    assert min(y for _, y in thin) == min(y for _, y in line)
    assert len(thin) <= most + 4


@given(points, st.integers(-5, 500))
@settings(max_examples=60)
def test_value_at_is_the_last_one_before(line: tuple[tuple[int, float], ...], ns: int) -> None:
    expected = line[0][1]
    for at, value in line:
        if at <= ns:
            expected = value
    assert value_at(list(line), ns) == tidy(expected)


def test_no_value_where_there_is_no_line() -> None:
    assert value_at([], 5) is None
