"""Whether a scenario says the same in both modes: the same alerts, in the same order, per subject.

Times are not compared: a message takes other ways through a real network than through a simulated one. Of what is said
at one moment nothing comes first; where the other mode has an order there, it is as good as any.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from trading_ecosystem.validation.results import Judgement, RunResult, Verdict

Saying = tuple[str, int]  # The words, and how often they were said of the subject before.
Story = dict[Saying, int]  # What was said of one subject, in order, and when.


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
    one, other = virtual.judgement, live.judgement
    if one.verdict is not other.verdict:
        differences.append(f"{verdict_of(one)} in virtual time, {verdict_of(other)} live")
    return Comparison(scenario=virtual.scenario, virtual=virtual, live=live, differences=tuple(differences))


def verdict_of(judgement: Judgement) -> str:
    """With its reasons, where it is not a PASS."""
    reasons = "" if judgement.verdict is Verdict.PASS else "; ".join(judgement.reasons)
    return f"{judgement.verdict}{reasons and f' ({reasons})'}"


def different_stories(virtual: Judgement, live: Judgement) -> list[str]:
    """One line for each subject of which something else was said."""
    one, other = stories(virtual), stories(live)
    lines: list[str] = []
    for subject in sorted({*one, *other}):
        mine, theirs = one.get(subject, {}), other.get(subject, {})
        if mine.keys() != theirs.keys() or contradict(mine, theirs):
            lines.append(f"{subject}: {said(mine)} in virtual time, {said(theirs)} live")
    return lines


def contradict(one: Story, other: Story) -> bool:
    """Whether something comes before something in one of them, and after it in the other."""
    return any((one[a] - one[b]) * (other[a] - other[b]) < 0 for a, b in combinations(one, 2))


def stories(judgement: Judgement) -> dict[str, Story]:
    """By subject: what fired and what was over, in the order in which it came."""
    moments: list[tuple[int, int, str, str]] = []
    for alert in judgement.alerts:
        name = f"{alert.rule} {alert.severity}"
        moments.append((alert.fired_ns, 0, alert.subject, name))
        if alert.resolved_ns is not None:
            moments.append((alert.resolved_ns, 1, alert.subject, f"{name} resolved"))
    told: dict[str, Story] = {}
    for moment_ns, _, subject, words in sorted(moments):
        story = told.setdefault(subject, {})
        story[(words, sum(1 for known, _ in story if known == words))] = moment_ns
    return told


def said(story: Story) -> str:
    return "; ".join(words for words, _ in story) or "nothing"


def table(comparisons: Sequence[Comparison]) -> str:
    """As Markdown, for the documentation."""
    lines = [
        "| scenario | simulated | virtual | live | alerts | differences | digest (virtual) |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in comparisons:
        simulated_s, virtual, live = each.virtual.simulated_ns / 1_000_000_000, each.virtual, each.live
        lines.append(
            f"| {each.scenario} | {simulated_s / 3600:.3g} h | {virtual.judgement.verdict}, {virtual.wall_s:.0f} s "
            f"| {live.judgement.verdict}, {live.wall_s:.0f} s ({simulated_s / live.wall_s:.0f}x) | {each.alerts} "
            f"| {'; '.join(each.differences) or 'none'} | {virtual.digest[:16]} |"
        )
    return "\n".join(lines) + "\n"
