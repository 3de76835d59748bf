"""A scenario just under its critical limits, and just over them.

Rule 1: under: no critical alert that the scenario expects fires. Over: every alert that it expects fires in time.
Where no critical alert is expected, the warnings are meant; where the boundary is `of` some rules, only theirs.
Rule 2: nothing else that the scenario asks for is judged: no effect, no recovery, no other alert, no count of episodes.
Rule 3: what makes a run worthless makes it INVALID here too: a steady state that did not hold, an injection that was
not carried out, over the limits a condition that never came true; and a side that is far from its limit. A broken
invariant is always a failure.
"""

from collections.abc import Mapping
from dataclasses import replace

import yaml

from trading_ecosystem.configuration.document import Node, text_of
from trading_ecosystem.configuration.scalars import instant_text
from trading_ecosystem.messages.risk import Severity
from trading_ecosystem.validation.results import AlertOutcome, CheckOutcome, Judgement, Nearness, Verdict
from trading_ecosystem.validation.test_coordinator.conditions import Condition
from trading_ecosystem.validation.test_coordinator.measures import Breach
from trading_ecosystem.validation.test_coordinator.nearness import OVER, UNDER, ladders, nearness
from trading_ecosystem.validation.test_coordinator.parts import AlertPattern, Boundary, Expectation
from trading_ecosystem.validation.test_coordinator.scenario import Scenario, read
from trading_ecosystem.validation.test_coordinator.settings import changed


def sides(scenario: Scenario) -> dict[str, Scenario]:
    """The scenarios to be run for the boundary, by side. Raises `Problem` for a change that cannot be."""
    boundary = scenario.boundary
    if boundary is None:
        return {}
    return {UNDER: replace(side(scenario, boundary, UNDER), expect=()), OVER: side(scenario, boundary, OVER)}


def side(scenario: Scenario, boundary: Boundary, name: str) -> Scenario:
    varied = read(changed(scenario.document, entries(boundary, name), f"boundary.{name}"))
    return replace(
        varied,
        name=f"{varied.name}-{name}",
        effect=(),
        expect=tuple(replace(each, episodes=None, resolved_ns=None) for each in meant(varied)),
        allow=(AlertPattern(node=boundary.node, rule=None, subject=None, severity=None),),
        forbid=(),
        recovery=None,
        boundary=None,
        measured=measured(name, scenario),
    )


def measured(name: str, scenario: Scenario) -> tuple[Condition, ...]:
    """What is watched on a side for nothing but its nearness."""
    found = [ladder for limit, deadline_ns in limits(scenario) for ladder in ladders(name, limit, deadline_ns)]
    return tuple(rung for ladder in found for _, rung in ladder)


def meant(scenario: Scenario) -> tuple[Expectation, ...]:
    """The expected alerts of the rules that the boundary is of."""
    of = scenario.boundary.of if scenario.boundary else ()
    return tuple(each for each in scenario.expect if not of or each.rule in of)


def limited(scenario: Scenario) -> tuple[Expectation, ...]:
    """Those of them whose limit it is: the critical ones, or all where none is."""
    critical = tuple(each for each in meant(scenario) if each.severity == Severity.CRITICAL)
    return critical or meant(scenario)


def limits(scenario: Scenario) -> tuple[tuple[Condition, int], ...]:
    """What is to be come near to, and how long it may then be until the alert, each once."""
    assert scenario.boundary is not None
    limit, owed = scenario.boundary.limit, limited(scenario)
    if limit is not None:
        return ((limit, limit.sustain_ns + max(each.within_ns for each in owed)),)
    return tuple({each.when.text: (each.when, each.deadline_ns) for each in owed}.values())


def entries(boundary: Boundary, name: str) -> tuple[tuple[str, Node], ...]:
    return boundary.under if name == UNDER else boundary.over


def changes(scenario: Scenario, name: str) -> tuple[str, ...]:
    """What a side changes, as lines such as `method.0.to: 0.9905`."""
    assert scenario.boundary is not None
    return tuple(f"{key}: {value_words(value)}" for key, value in entries(scenario.boundary, name))


def value_words(value: Node) -> str:
    """A value on one line."""
    tree = value.tree()
    if isinstance(tree, yaml.ScalarNode):
        return str(tree.value)
    return " ".join(text_of(value).split())


def reached(name: str, scenario: Scenario, breaches: Mapping[str, tuple[Breach, ...]]) -> tuple[Nearness, ...]:
    """How near a side came to each limit; `scenario` is the one as written."""
    return tuple(nearness(name, limit, deadline_ns, breaches) for limit, deadline_ns in limits(scenario))


def judged(name: str, judgement: Judgement, scenario: Scenario, near: tuple[Nearness, ...]) -> Judgement:
    """The judgement of a side, with what it must not raise and how near it came; `scenario` is the one as written."""
    if judgement.verdict is Verdict.INVALID:
        return judgement
    silent = with_silence(judgement, scenario) if name == UNDER else judgement
    checks = [near_check(name, each) for each in near]
    far = tuple(check.detail for check in checks if not check.passed)
    return replace(
        silent,
        verdict=Verdict.INVALID if far and silent.verdict is Verdict.PASS else silent.verdict,
        reasons=(*silent.reasons, *far),
        checks=(*silent.checks, *checks),
    )


def with_silence(judgement: Judgement, scenario: Scenario) -> Judgement:
    checks = [under_check(each, judgement.alerts) for each in limited(scenario)]
    broken = tuple(check.detail for check in checks if not check.passed)
    return replace(
        judgement,
        verdict=Verdict.FAIL if broken else judgement.verdict,
        reasons=(*broken, *judgement.reasons),
        checks=(*judgement.checks, *checks),
    )


def under_check(owed: Expectation, alerts: tuple[AlertOutcome, ...]) -> CheckOutcome:
    wanted = (owed.rule, owed.subject, owed.severity)
    fired = [alert.fired_ns for alert in alerts if (alert.rule, alert.subject, alert.severity) == wanted]
    words = f"{owed.severity} {owed.rule} on {owed.subject}"
    detail = f"{words} fired at {instant_text(fired[0])}" if fired else ""
    return CheckOutcome(kind="boundary", text=f"no {words}", passed=not fired, detail=detail)


def near_check(name: str, near: Nearness) -> CheckOutcome:
    detail = "" if near.near else f"{near.percent}% of the limit was reached, {near.limit}: not just {name} it"
    return CheckOutcome(kind="nearness", text=f"just {name} {near.limit}", passed=near.near, detail=detail)
