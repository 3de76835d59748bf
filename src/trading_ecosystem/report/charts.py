"""Which figures a report has, and in what order: those that matter for the verdict first."""

from dataclasses import dataclass
from math import isfinite

from trading_ecosystem.report.figures import (
    Figure,
    alert_traces,
    bar_trace,
    base_layout,
    limit_labels,
    limit_trace,
    line_trace,
    thinned,
    zoom_menu,
)
from trading_ecosystem.report.words import counted, figure, moment
from trading_ecosystem.validation.results import AlertOutcome, Detection, LimitLine, RunResult, Series

PRIMARY_PRICES = 6
PRIMARY_EXPOSURES = 4


@dataclass(frozen=True, kw_only=True)
class Chart:
    """`primary` ones are drawn at once, others on demand. `description` says in words what the figure shows."""

    name: str
    title: str
    description: str
    figure: Figure
    primary: bool


def charts(result: RunResult) -> list[Chart]:
    """Every figure of the report, the ones that matter first."""
    return [*price_charts(result), *wealth_charts(result), *exposure_charts(result), *count_charts(result)]


# What matters.


def in_group(result: RunResult, *groups: str) -> list[Series]:
    return [series for series in result.series if series.group in groups and series.points]


def price_charts(result: RunResult) -> list[Chart]:
    """Instruments that were injected into or alerted on come first."""
    every = in_group(result, "price")
    touched = {subject for injection in result.judgement.injections for subject in injection.subjects}
    watched = {expectation.subject for expectation in result.judgement.expectations}
    watched |= {alert.subject for alert in result.judgement.alerts if alert.detection is not Detection.ALLOWED}
    central = [series for series in every if series.name in touched and names(series, watched)]
    touching = [series for series in every if series.name in touched or names(series, watched)]
    first = (central or touching or every)[:PRIMARY_PRICES]
    rest = [series for series in every if series not in first]
    return [line_chart(result, series, "Price", series in first) for series in first + rest]


def names(series: Series, subjects: set[str]) -> bool:
    """Whether the instrument is a subject, or its base is: USDT/USD answers for USDT."""
    return series.name in subjects or series.name.partition("/")[0] in subjects


def wealth_charts(result: RunResult) -> list[Chart]:
    drawn = [line_chart(result, series, "Equity", True) for series in in_group(result, "equity")]
    return drawn + [line_chart(result, series, "Drawdown", True) for series in in_group(result, "drawdown")]


def exposure_charts(result: RunResult) -> list[Chart]:
    """The exposures that came nearest to their limits first."""
    every = sorted(in_group(result, "exposure"), key=lambda series: -utilisation(series, result.limits))
    matter = [series for series in every if utilisation(series, result.limits) > 0][:PRIMARY_EXPOSURES]
    return [line_chart(result, series, "Exposure", series in matter) for series in every]


def utilisation(series: Series, limits: tuple[LimitLine, ...]) -> float:
    """The largest value against the tightest limit; 0 where no limit is set."""
    tightest = min((abs(limit.value) for limit in limits if limit.series == series.name and limit.value), default=0)
    return max((abs(value) for _, value in series.points if isfinite(value)), default=0) / tightest if tightest else 0


def count_charts(result: RunResult) -> list[Chart]:
    titles = {"orders": "Orders per hour", "settlement": "Settlements per hour"}
    found = [(title, in_group(result, group)) for group, title in titles.items()]
    return [bar_chart(result, title, series) for title, series in found if series]


# One figure.


def line_chart(result: RunResult, series: Series, noun: str, primary: bool) -> Chart:
    alerts = [alert for alert in result.judgement.alerts if concerns(alert, series)]
    limits = [limit for limit in result.limits if limit.series == series.name]
    scale, unit = (0.0001, "%") if series.unit == "ppm" else (1.0, series.unit)
    points = [(ns, value * scale) for ns, value in thinned(series.points) if isfinite(value)]
    drawn = [line_trace(series.name, points, 0, filled=series.group == "drawdown")]
    drawn += [limit_trace(result, limit, scale, unit) for limit in limits]
    drawn += alert_traces(alerts, points)
    buttons = zoom_menu(alerts, points)
    layout = base_layout(result, unit, limit_labels(limits, scale, unit), buttons) | {"showlegend": bool(alerts)}
    title = noun if noun == series.name.capitalize() else f"{noun}: {series.name}"
    return Chart(
        name=f"{series.group} {series.name}",
        title=title,
        description=in_words(series, limits, alerts),
        figure={"data": drawn, "layout": layout},
        primary=primary,
    )


def concerns(alert: AlertOutcome, series: Series) -> bool:
    """Whether an alert is marked on a line."""
    if series.group == "price":
        return names(series, {alert.subject}) and alert.rule in ("peg_deviation", "stale_data")
    if series.group in ("equity", "drawdown"):
        return alert.rule == "pnl_drawdown"
    words = series.name.replace(":", " ").replace("_", " ").split()
    return alert.subject in words and alert.rule.partition("_")[0] in words


def bar_chart(result: RunResult, title: str, every: list[Series]) -> Chart:
    data = [bar_trace(series.name, series.points, at) for at, series in enumerate(every)]
    layout = base_layout(result, "per hour", [], [])
    layout |= {"barmode": "group", "bargap": 0.1}
    totals = ", ".join(f"{sum(value for _, value in series.points):,.0f} {series.name}" for series in every)
    return Chart(
        name=title,
        title=title,
        description=f"In the whole run: {totals}.",
        figure={"data": data, "layout": layout},
        primary=True,
    )


def in_words(series: Series, limits: list[LimitLine], alerts: list[AlertOutcome]) -> str:
    """What the figure shows, for whoever cannot see it."""
    values = [(value, ns) for ns, value in series.points if isfinite(value)]
    if not values:
        return "No values."
    (low, low_ns), (high, high_ns) = min(values), max(values)
    text = f"Lowest {figure(low, series.unit)} at {moment(low_ns)[:16]}, highest {figure(high, series.unit)} at "
    text += f"{moment(high_ns)[:16]} UTC."
    for limit in limits:
        text += f" {limit.severity.capitalize()} limit {figure(limit.value, series.unit)}."
    return text + (f" {counted(len(alerts), 'alert')} marked." if alerts else "")
