"""Series are thin, true, and in units that people read."""

from hypothesis import HealthCheck, given, settings, strategies as st

from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.risk import Exposure, RiskReported
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.validation.results import Series
from trading_ecosystem.validation.test_coordinator.recorder import MINUTE_NS, MOST_POINTS, Recorder

LIMITS = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def report(ns: int, mark: int) -> RiskReported:
    exposures = (
        Exposure(measure="position", subject="USDT", value=2_500_000, limit=0, unit="USDT minor", certain=True),
        Exposure(measure="concentration", subject="Tether", value=250_000, limit=0, unit="ppm", certain=True),
    )
    return RiskReported(
        equity_minor=99 * 10**8,
        high_water_mark_minor=mark,
        drawdown_ppm=10_000,
        realised_minor=0,
        unrealised_minor=0,
        exposures=exposures,
        certain=True,
        occurred_ns=ns,
    )


def by_name(recorder: Recorder) -> dict[str, Series]:
    return {series.name: series for series in recorder.series()}


@LIMITS
@given(gaps=st.lists(st.integers(0, 200), min_size=1, max_size=80), hours=st.integers(1, 100))
def test_the_last_value_of_each_stretch_is_kept(gaps: list[int], hours: int, reference: ReferenceData) -> None:
    duration_ns = hours * 3_600 * 10**9
    recorder = Recorder(reference, duration_ns)
    stretch_ns = max(MINUTE_NS, duration_ns // MOST_POINTS)
    last: dict[int, tuple[int, float]] = {}
    ns = 0
    for sequence, gap in enumerate(gaps, start=1):
        ns += gap * 10**9
        recorder.quote(QuotePublished("BTC/USD", 6_000_000 + sequence, 1, 6_000_002 + sequence, 1, sequence, ns))
        last[ns // stretch_ns] = (ns, 60_000.01 + sequence / 100)
    points = by_name(recorder)["BTC/USD"].points
    assert [moment for moment, _ in points] == [moment for moment, _ in last.values()]
    assert all(abs(value - expected) < 1e-6 for (_, value), (_, expected) in zip(points, last.values(), strict=True))


@LIMITS
@given(gaps=st.lists(st.integers(0, 200), min_size=1, max_size=80))
def test_bars_count_every_event_once(gaps: list[int], reference: ReferenceData) -> None:
    recorder = Recorder(reference, MINUTE_NS)
    ns = 0
    for gap in gaps:
        ns += gap * 10**9
        recorder.count("fills", "orders", ns)
    points = by_name(recorder)["fills"].points
    assert sum(value for _, value in points) == len(gaps)
    assert all(moment % MINUTE_NS == 0 for moment, _ in points)


def test_figures_are_in_whole_units_and_wait_for_a_first_mark(reference: ReferenceData) -> None:
    recorder = Recorder(reference, MINUTE_NS)
    recorder.report(report(1, mark=0))
    assert "equity" not in by_name(recorder)
    recorder.report(report(2, mark=100 * 10**8))
    found = by_name(recorder)
    assert found["equity"].points == ((2, 99.0),)
    assert found["high-water mark"].points == ((2, 100.0),)
    assert (found["drawdown"].unit, found["drawdown"].points) == ("ppm", ((2, 10_000.0),))
    assert (found["position:USDT"].unit, found["position:USDT"].points) == ("USDT", ((2, 2.5),))
    assert (found["concentration:Tether"].unit, found["concentration:Tether"].points) == ("ppm", ((2, 250_000.0),))
