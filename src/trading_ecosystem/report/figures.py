"""Traces, marks and layout for plotly.js, as plain data. Times are milliseconds since 1970, UTC.

Rule 1: a mark is told by its shape and its words, never by colour alone.
Rule 2: a long line is thinned, but no peak and no trough of it is lost.
"""

from bisect import bisect_right
from math import isfinite

from trading_ecosystem.report.words import MINUTE_NS, duration, figure, moment
from trading_ecosystem.validation.results import AlertOutcome, LimitLine, RunResult

Figure = dict[str, object]
Point = tuple[int, float]

MOST_POINTS = 3_000
INK, LINE, BREACH, ALERT, GREY = "#1b1f24", "#0b4f8a", "#8a5a00", "#b3360b", "#6a737d"
LINES = (LINE, "#b3360b", "#00705a", "#6b4c9a", "#8a5a00", "#3d4852")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
PATTERNS = ("", "/", ".", "x", "-", "+")
LIMIT_DASHES = {"warning": "dot", "critical": "dash"}
ZOOM_NS = 10 * MINUTE_NS


def line_trace(name: str, points: list[Point], at: int, filled: bool) -> Figure:
    trace: Figure = {
        "type": "scatter",
        "mode": "lines",
        "name": plain(name),
        "x": [ns // 1_000_000 for ns, _ in points],
        "y": [tidy(value) for _, value in points],
        "line": {"color": LINES[at % 6], "width": 1.6, "dash": DASHES[at % 6]},
        "hovertemplate": "%{y}<extra></extra>",
    }
    return trace | {"fill": "tozeroy", "fillcolor": "rgba(11,79,138,0.10)"} if filled else trace


def bar_trace(name: str, points: tuple[Point, ...], at: int) -> Figure:
    """Counts; each line of a stack has its own pattern."""
    return {
        "type": "bar",
        "xperiod": 3_600_000,
        "xperiodalignment": "middle",
        "name": plain(name),
        "x": [ns // 1_000_000 for ns, _ in points],
        "y": [tidy(value) for _, value in points],
        "marker": {"color": LINES[at % 6], "pattern": {"shape": PATTERNS[at % 6], "fillmode": "overlay", "size": 6}},
        "opacity": 0.85,
        "hovertemplate": "%{y:,}<extra></extra>",
    }


def limit_trace(result: RunResult, limit: LimitLine, scale: float, unit: str) -> Figure:
    label = plain(f"{limit.severity} limit {figure(limit.value * scale, unit)}")
    start, end = result.start_ns // 1_000_000, (result.start_ns + result.simulated_ns) // 1_000_000
    return {
        "type": "scatter",
        "mode": "lines",
        "name": label,
        "x": [start, end],
        "y": [tidy(limit.value * scale)] * 2,
        "line": {
            "color": ALERT if limit.severity == "critical" else BREACH,
            "width": 1.4,
            "dash": LIMIT_DASHES.get(limit.severity, "dashdot"),
        },
        "hoverinfo": "skip",
        "showlegend": False,
    }


def limit_labels(limits: list[LimitLine], scale: float, unit: str) -> list[Figure]:
    """Above their lines at the left; the lowest below its own, so that two near ones can both be read."""
    rising = sorted(limits, key=lambda limit: limit.value)
    return [
        {
            "xref": "paper",
            "x": 0.004,
            "xanchor": "left",
            "y": tidy(limit.value * scale),
            "yanchor": "top" if limit is rising[0] and len(rising) > 1 else "bottom",
            "showarrow": False,
            "text": plain(f"{limit.severity} limit {figure(limit.value * scale, unit)}"),
            "font": {"size": 11, "color": ALERT if limit.severity == "critical" else BREACH},
            "bgcolor": "rgba(255,255,255,0.8)",
            "borderpad": 1,
        }
        for limit in rising
    ]


def alert_traces(alerts: list[AlertOutcome], points: list[Point]) -> list[Figure]:
    """A hollow diamond where the breach was, a filled triangle where the alert came, a ring where it ended."""
    breaches = [(alert.breach_ns, f"breach before {called(alert)}") for alert in alerts if alert.breach_ns is not None]
    fired = [(alert.fired_ns, f"alert: {called(alert)}, {delay(alert)}") for alert in alerts]
    resolved = [(alert.resolved_ns, f"resolved: {called(alert)}") for alert in alerts if alert.resolved_ns is not None]
    return [
        marker_trace(name, found, points, symbol, colour, size)
        for name, found, symbol, colour, size in (
            ("breach", breaches, "diamond-open", BREACH, 15),
            ("alert", fired, "triangle-up", ALERT, 10),
            ("resolved", resolved, "circle-open", GREY, 11),
        )
        if found
    ]


def marker_trace(
    name: str, found: list[tuple[int, str]], points: list[Point], symbol: str, colour: str, size: int
) -> Figure:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [ns // 1_000_000 for ns, _ in found],
        "y": [value_at(points, ns) for ns, _ in found],
        "text": [f"{plain(words)}<br>{moment(ns)}" for ns, words in found],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"symbol": symbol, "color": colour, "size": size, "line": {"width": 2, "color": colour}},
    }


def called(alert: AlertOutcome) -> str:
    return f"{alert.severity} {alert.rule} on {alert.subject}"


def delay(alert: AlertOutcome) -> str:
    return "no breach seen" if alert.latency_ns is None else f"{duration(alert.latency_ns)} after the breach"


def plain(text: str) -> str:
    """Plotly reads a few tags in labels; ours have none."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def value_at(points: list[Point], ns: int) -> float | None:
    """The value that held at a moment."""
    at = bisect_right(points, ns, key=lambda point: point[0]) - 1
    return tidy(points[max(at, 0)][1]) if points else None


def tidy(value: float) -> float | None:
    """Ten significant digits; None, a gap, for what is no number."""
    return float(f"{value:.10g}") if isfinite(value) else None


# Layout.


def base_layout(result: RunResult, unit: str, extra_labels: list[Figure], buttons: list[Figure]) -> Figure:
    """`buttons` lie below the legend, so that both are there on a narrow screen."""
    below = 120 if buttons else 80
    start, end = result.start_ns // 1_000_000, (result.start_ns + result.simulated_ns) // 1_000_000
    shapes, labels = injection_marks(result)
    grid = {"gridcolor": "#e3e6ea", "linecolor": "#9aa3ad", "zeroline": False, "ticks": "outside"}
    return {
        "height": 296 + below,
        "margin": {"l": 72, "r": 16, "t": 30 + 16 * (1 + max((label[0] for label in labels), default=0)), "b": below},
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": INK},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "hovermode": "x unified" if unit == "per hour" else "closest",
        "dragmode": "zoom",
        "updatemenus": buttons,
        "legend": {"orientation": "h", "y": -0.2, "x": 0, "bgcolor": "rgba(0,0,0,0)"},
        "xaxis": grid | {"type": "date", "range": [start, end], "hoverformat": "%Y-%m-%d %H:%M:%S UTC"},
        "yaxis": grid | {"title": {"text": plain(unit)}, "automargin": True, "separatethousands": True},
        "shapes": shapes,
        "annotations": [label[1] for label in labels] + extra_labels,
    }


def injection_marks(result: RunResult) -> tuple[list[Figure], list[tuple[int, Figure]]]:
    """Vertical lines where injections begin (solid) and end (dashed), their labels in as many rows as they need."""
    marks = []
    for injection in result.judgement.injections:
        if injection.started_ns is not None:
            marks.append((injection.started_ns, f"▼ {injection.kind} begins", "solid"))
        if injection.ended_ns is not None:
            marks.append((injection.ended_ns, f"▽ {injection.kind} ends", "dash"))
    marks.sort()
    shapes: list[Figure] = []
    labels: list[tuple[int, Figure]] = []
    row_ends: list[float] = []
    for ns, words, dash in marks:
        at = (ns - result.start_ns) / max(result.simulated_ns, 1)
        width = 0.012 * len(words)
        left = max(0.0, min(at, 1.0 - width))
        row = next((i for i, end in enumerate(row_ends) if left > end), len(row_ends))
        row_ends[row : row + 1] = [left + width]
        shapes.append(mark_line(ns, dash))
        labels.append((row, mark_label(ns, words, row, "right" if at > 1.0 - width else "left")))
    return shapes, labels


def mark_line(ns: int, dash: str) -> Figure:
    at = ns // 1_000_000
    line = {"color": INK, "width": 1.2, "dash": dash}
    return {"type": "line", "xref": "x", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1, "line": line}


def mark_label(ns: int, words: str, row: int, anchor: str) -> Figure:
    return {
        "x": ns // 1_000_000,
        "y": 1,
        "xref": "x",
        "yref": "paper",
        "yanchor": "bottom",
        "yshift": 2 + 16 * row,
        "xanchor": anchor,
        "showarrow": False,
        "text": plain(words),
        "font": {"size": 11},
    }


def zoom_menu(alerts: list[AlertOutcome], points: list[Point]) -> list[Figure]:
    """Buttons that show the whole run, or the minutes around the first alerts."""
    if not alerts or not points:
        return []
    whole = [points[0][0] // 1_000_000, points[-1][0] // 1_000_000]
    buttons: list[Figure] = [zoom_button("Whole run", {"xaxis.range": whole, "yaxis.autorange": True})]
    for alert in alerts[:3]:
        first = alert.fired_ns if alert.breach_ns is None else alert.breach_ns
        view = closeup(points, first - ZOOM_NS, alert.fired_ns + ZOOM_NS)
        buttons.append(zoom_button(f"Around {alert.severity} alert", view))
    return [{"type": "buttons", "direction": "right", "buttons": buttons, "showactive": True} | ZOOM_PLACE]


def zoom_button(label: str, view: Figure) -> Figure:
    return {"label": plain(label), "method": "relayout", "args": [view]}


def closeup(points: list[Point], start_ns: int, end_ns: int) -> Figure:
    """The ranges of both axes that show the line between two moments."""
    values = [value for ns, value in points if start_ns <= ns <= end_ns] or [point[1] for point in points]
    low, high = min(values), max(values)
    margin = 0.3 * (high - low) or abs(high) * 0.001 or 1.0
    times = [start_ns // 1_000_000, end_ns // 1_000_000]
    return {"xaxis.range": times, "yaxis.range": [tidy(low - margin), tidy(high + margin)]}


ZOOM_PLACE: Figure = {
    "x": 0,
    "xanchor": "left",
    "y": -0.32,
    "yanchor": "top",
    "bgcolor": "#ffffff",
    "bordercolor": "#9aa3ad",
    "font": {"size": 12},
    "pad": {"t": 6, "r": 0, "b": 0, "l": 0},
}


# Long lines.


def thinned(points: tuple[Point, ...], most: int = MOST_POINTS) -> list[Point]:
    """At most about `most` points: of each stretch of time its first, lowest, highest and last one."""
    if len(points) <= most:
        return list(points)
    stretch = -(-len(points) * 4 // most)
    kept: list[Point] = []
    for start in range(0, len(points), stretch):
        part = points[start : start + stretch]
        at = range(len(part))
        chosen = {0, min(at, key=lambda i: part[i][1]), max(at, key=lambda i: part[i][1]), len(part) - 1}
        kept += [part[i] for i in sorted(chosen)]
    return kept
