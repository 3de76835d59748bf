"""The plan of a run: what the coordinator does, and when, in the order in which it does it."""

from dataclasses import dataclass
from typing import final

from trading_ecosystem.messages.message import Message
from trading_ecosystem.validation.test_coordinator.checks import last_undo_ns, restored
from trading_ecosystem.validation.test_coordinator.injections import Injection
from trading_ecosystem.validation.test_coordinator.scenario import Scenario


@final
@dataclass(frozen=True, kw_only=True)
class SendCommand:
    command: Message


@final
@dataclass(frozen=True, kw_only=True)
class CheckProbes:
    kind: str  # steady state or recovery
    hold: tuple[str, ...]


Plan = list[tuple[int, SendCommand | CheckProbes]]  # Moments are ns since 1970.


def plan_of(scenario: Scenario, start_ns: int) -> Plan:
    """Sorted by time. At one moment: what is to be judged, then what is undone, then what is injected."""
    duration_ns = scenario.duration_ns
    steady = scenario.steady_state
    checks: Plan = [(start_ns + steady.for_ns, CheckProbes(kind="steady state", hold=steady.hold))]
    if scenario.recovery:
        recovered_ns = last_undo_ns(scenario.method, scenario.rollbacks, duration_ns) + scenario.recovery.within_ns
        checks.append((start_ns + recovered_ns, CheckProbes(kind="recovery", hold=scenario.recovery.hold)))
    undone: Plan = [
        (start_ns + step.at_ns + step.for_ns, SendCommand(command=step.undo(0)))
        for step in scenario.method
        if step.for_ns is not None
    ]
    for rollback in scenario.rollbacks:
        at_ns = start_ns + (duration_ns if rollback.at_ns is None else rollback.at_ns)
        for step in restored(rollback, scenario.method):
            undone.append((at_ns, SendCommand(command=step.undo(rollback.over_ns))))
    injected: Plan = [(start_ns + step.at_ns, SendCommand(command=step.command())) for step in scenario.method]
    return sorted([*checks, *undone, *injected], key=moment)


def begun_by(scenario: Scenario, elapsed_ns: int) -> list[Injection]:
    """The steps of the method that have begun by then, counted from the start, whether or not they have ended."""
    return [step for step in scenario.method if step.at_ns <= elapsed_ns]


def moment(step: tuple[int, SendCommand | CheckProbes]) -> int:
    return step[0]
