"""Whether a scenario says the same in both modes: the same alerts, in the same order, per subject.

Times are not compared: a message takes other ways through a real network than through a simulated one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from trading_ecosystem.validation.results import Judgement, RunResult

Story = tuple[str, ...]  # What was said of one subject, in order.


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One scenario in both modes. `differences` is empty where they are equivalent."""

    scenario: str
    virtual: RunResult
    live: RunResult
    differences: tuple[str, ...]

    @property
    def alerts(self) -> int:
        return len(self.virtual.judgement.alerts)


def compare(virtual: RunResult, live: RunResult) -> Comparison:
    differences = [*different_stories(virtual.judgement, live.judgement)]
    verdicts = virtual.judgement.verdict, live.judgement.verdict
    if verdicts[0] is not verdicts[1]:
        differences.append(f"{verdicts[0]} in virtual time, {verdicts[1]} live")
    return Comparison(scenario=virtual.scenario, virtual=virtual, live=live, differences=tuple(differences))


def different_stories(virtual: Judgement, live: Judgement) -> list[str]:
    """One line for each subject of which something else was said."""
    one, other = stories(virtual), stories(live)
    lines: list[str] = []
    for subject in sorted({*one, *other}):
        if one.get(subject) != other.get(subject):
            lines.append(f"{subject}: {said(one.get(subject))} in virtual time, {said(other.get(subject))} live")
    return lines


def stories(judgement: Judgement) -> dict[str, Story]:
    """By subject: what fired and what was over, in the order in which it came."""
    moments: list[tuple[int, int, str, str]] = []
    for alert in judgement.alerts:
        name = f"{alert.rule} {alert.severity}"
        moments.append((alert.fired_ns, 0, alert.subject, name))
        if alert.resolved_ns is not None:
            moments.append((alert.resolved_ns, 1, alert.subject, f"{name} resolved"))
    told: dict[str, list[str]] = {}
    for _, _, subject, words in sorted(moments):
        told.setdefault(subject, []).append(words)
    return {subject: tuple(words) for subject, words in told.items()}


def said(story: Story | None) -> str:
    return "; ".join(story) if story else "nothing"


def table(comparisons: Sequence[Comparison]) -> str:
    """As Markdown, for the documentation."""
    lines = [
        "| scenario | simulated | virtual | live | alerts | differences | digest (virtual) |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in comparisons:
        hours = each.virtual.simulated_ns / 3_600_000_000_000
        lines.append(
            f"| {each.scenario} | {hours:g} h | {each.virtual.judgement.verdict}, {each.virtual.wall_s:.0f} s "
            f"| {each.live.judgement.verdict}, {each.live.wall_s:.0f} s | {each.alerts} "
            f"| {'; '.join(each.differences) or 'none'} | {each.virtual.digest[:16]} |"
        )
    return "\n".join(lines) + "\n"
