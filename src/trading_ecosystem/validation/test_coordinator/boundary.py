"""A scenario just under its critical limits, and just over them.

Rule 1: under: no critical alert that the scenario expects fires. Over: every alert that it expects fires in time.
Rule 2: nothing else that the scenario asks for is judged: no effect, no recovery, no other alert, no count of episodes.
Rule 3: what makes a run worthless makes it INVALID here too: a steady state that did not hold, an injection that was
not carried out, over the limits a condition that never came true. A broken invariant is always a failure.
"""

from dataclasses import replace

import yaml

from trading_ecosystem.configuration.document import Node, text_of
from trading_ecosystem.configuration.scalars import instant_text
from trading_ecosystem.messages.risk import Severity
from trading_ecosystem.validation.results import AlertOutcome, CheckOutcome, Judgement, Verdict
from trading_ecosystem.validation.test_coordinator.parts import AlertPattern, Boundary
from trading_ecosystem.validation.test_coordinator.scenario import Scenario, read
from trading_ecosystem.validation.test_coordinator.settings import changed

UNDER, OVER = "under", "over"


def sides(scenario: Scenario) -> dict[str, Scenario]:
    """The scenarios to be run for the boundary, by side. Raises `Problem` for a change that cannot be."""
    boundary = scenario.boundary
    if boundary is None:
        return {}
    found = {UNDER: replace(side(scenario, boundary, UNDER), expect=())}
    if boundary.over:
        found[OVER] = side(scenario, boundary, OVER)
    return found


def side(scenario: Scenario, boundary: Boundary, name: str) -> Scenario:
    varied = read(changed(scenario.document, entries(boundary, name), f"boundary.{name}"))
    return replace(
        varied,
        name=f"{varied.name}-{name}",
        effect=(),
        expect=tuple(replace(each, episodes=None, resolved_ns=None) for each in varied.expect),
        allow=(AlertPattern(node=boundary.node, rule=None, subject=None, severity=None),),
        forbid=(),
        recovery=None,
        boundary=None,
    )


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


def judged(name: str, judgement: Judgement, scenario: Scenario) -> Judgement:
    """The judgement of a side, with what it must not raise; `scenario` is the one as written."""
    if name != UNDER or judgement.verdict is Verdict.INVALID:
        return judgement
    expected = [each for each in scenario.expect if each.severity == Severity.CRITICAL]
    checks = [under_check(each.rule, each.subject, judgement.alerts) for each in expected]
    broken = tuple(check.detail for check in checks if not check.passed)
    return replace(
        judgement,
        verdict=Verdict.FAIL if broken else judgement.verdict,
        reasons=(*broken, *judgement.reasons),
        checks=(*judgement.checks, *checks),
    )


def under_check(rule: str, subject: str, alerts: tuple[AlertOutcome, ...]) -> CheckOutcome:
    wanted = (rule, subject, Severity.CRITICAL)
    fired = [alert.fired_ns for alert in alerts if (alert.rule, alert.subject, alert.severity) == wanted]
    detail = f"critical {rule} on {subject} fired at {instant_text(fired[0])}" if fired else ""
    return CheckOutcome(kind="boundary", text=f"no critical {rule} on {subject}", passed=not fired, detail=detail)
