"""The firm's limits as lines to be drawn over the series that they limit, under the same names."""

from trading_ecosystem.assembly import WorldPlan
from trading_ecosystem.production.risk_monitor.levels import Level, Levels
from trading_ecosystem.production.risk_monitor.rules.plugin import FIRM
from trading_ecosystem.validation.results import LimitLine


def limit_lines(plan: WorldPlan) -> tuple[LimitLine, ...]:
    """In whole units of the series: shares in ppm, positions in units of the asset, money in the numeraire."""
    limits, assets = plan.limits, plan.reference.assets
    money = 10.0 ** -assets[plan.reference.numeraire].decimals
    lines = levels("drawdown", limits.levels("pnl_drawdown")[FIRM], 1.0)
    lines += levels("delta:firm", limits.levels("delta_exposure")[FIRM], money)
    for asset, each in limits.levels("position_limit").items():
        lines += levels(f"position:{asset}", each, 10.0 ** -assets[asset].decimals)
    for subject, each in limits.levels("concentration").items():
        if subject not in plan.venues:
            lines += levels(f"concentration:{subject}", each, 1.0)
    return tuple(lines)


def levels(series: str, of_rule: Levels, scale: float) -> list[LimitLine]:
    return line(series, "warning", of_rule.warning, scale) + line(series, "critical", of_rule.critical, scale)


def line(series: str, severity: str, level: Level | None, scale: float) -> list[LimitLine]:
    return [] if level is None else [LimitLine(series=series, severity=severity, value=level.at * scale)]
