"""A scenario: read from YAML, changed by settings, checked against a world, and turned into its negative twin."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from trading_ecosystem.configuration.document import Node, read_document
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.validation.test_coordinator import checks, format
from trading_ecosystem.validation.test_coordinator.conditions import Condition
from trading_ecosystem.validation.test_coordinator.injections import Injection, PricePath
from trading_ecosystem.validation.test_coordinator.parts import (
    AlertPattern,
    Boundary,
    Expectation,
    Recovery,
    Replay,
    Rollback,
    SteadyState,
)
from trading_ecosystem.validation.test_coordinator.settings import edited


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """All of `format.py`, typed. `start_ns` is ns since 1970, None where the world's start is taken."""

    name: str
    title: str
    story: str
    incident: str | None
    sources: tuple[str, ...]
    family: str
    severity: str
    world: str
    duration_ns: int
    start_ns: int | None
    seed: int
    quotes_every_ns: int | None
    replay: Replay | None
    steady_state: SteadyState
    method: tuple[Injection, ...]
    effect: tuple[Condition, ...]
    expect: tuple[Expectation, ...]
    allow: tuple[AlertPattern, ...]
    forbid: tuple[AlertPattern, ...]
    rollbacks: tuple[Rollback, ...]
    recovery: Recovery | None
    document: Node = field(compare=False, repr=False)
    boundary: Boundary | None = None
    replayed_symbols: tuple[str, ...] = ()  # Whose prices are recorded ones in this run.
    measured: tuple[Condition, ...] = ()  # What is measured besides, and judged by whoever asked for it.

    def check(
        self,
        reference: ReferenceData,
        instances: Collection[str],
        accounts: Collection[str],
        rules: Mapping[str, Collection[str]],
    ) -> None:
        """`accounts` are the firm's, `rules` what each of its rules can be about.

        Raises `Problem` for what the world does not have.

        That is injecting into nothing, and expecting of nobody.
        """
        checks.check_world(self.method, self.conditions(), self.patterns(), reference, instances, accounts, rules)

    def with_settings(self, settings: Iterable[str]) -> "Scenario":
        """This scenario with KEY=VALUE changes, keys joined by dots, list items by number. Raises `Problem`."""
        return read(edited(self.document, settings))

    def replayed(self, symbols: Collection[str]) -> "Scenario":
        """As run on recorded prices of `symbols`: these are not injected unless told, and the replay's times rule.

        Raises `Problem` where the times do not go together.
        """
        keeps = self.replay is not None and self.replay.prices == "overlaid"
        method = tuple(step for step in self.method if keeps or not replaced(step, symbols))
        start_ns, duration_ns = self.start_ns, self.duration_ns
        if self.replay and self.replay.from_ns is not None:
            start_ns = self.replay.from_ns
            duration_ns = (self.replay.until_ns or start_ns + duration_ns) - start_ns
        scenario = replace(
            self,
            method=method,
            rollbacks=tuple(each for each in self.rollbacks if checks.restored(each, method)),
            start_ns=start_ns,
            duration_ns=duration_ns,
            recovery=self.recovery if method else None,
            replayed_symbols=tuple(sorted(symbols)),
        )
        check_times(scenario)
        return scenario

    def conditions(self) -> tuple[Condition, ...]:
        """Everything that is measured, in the order of the file."""
        return (*self.effect, *(expectation.when for expectation in self.expect), *self.measured)

    def patterns(self) -> tuple[AlertPattern, ...]:
        return (*(each.as_pattern() for each in self.expect), *self.allow, *self.forbid)


def load(path: Path) -> Scenario:
    """Read a scenario file. Raises `Problem` for whatever is wrong with it."""
    return read(read_document(path))


def read(node: Node) -> Scenario:
    """Read a scenario. Raises `Problem` for whatever is wrong with it, whatever the world."""
    values = format.SCENARIO.read(node)
    values["method"] = with_ids(values["method"])
    scenario = Scenario(document=node, **values)
    check_times(scenario)
    checks.check_words(scenario.method, scenario.rollbacks, scenario.conditions())
    checks.check_contradictions(scenario.expect, scenario.forbid)
    if scenario.method and not scenario.effect:
        node.fail("effect: name what must be seen of the injections, such as a price, or nothing is tested")
    checks.check_boundary(scenario.boundary, scenario.expect)
    return scenario


def twin(scenario: Scenario) -> Scenario:
    """The negative twin: the same world and seed, nothing injected or replayed; what was expected must not come."""
    return replace(
        scenario,
        name=f"{scenario.name}-twin",
        method=(),
        effect=(),
        expect=(),
        forbid=(*scenario.forbid, *(each.as_pattern() for each in scenario.expect)),
        rollbacks=(),
        recovery=None,
        boundary=None,
        replay=None,
        replayed_symbols=(),
    )


def with_ids(method: tuple[Injection, ...]) -> tuple[Injection, ...]:
    """Every injection with an id: its own, or its kind and the how-manieth of that kind it is."""
    seen: dict[str, int] = {}
    named: list[Injection] = []
    for step in method:
        seen[step.kind] = seen.get(step.kind, 0) + 1
        injection_id = step.injection_id or f"{step.kind}-{seen[step.kind]}"
        if any(other.injection_id == injection_id for other in named):
            step.node.fail(f"id: a second injection with the id {injection_id!r}")
        named.append(replace(step, injection_id=injection_id))
    return tuple(named)


def replaced(step: Injection, symbols: Collection[str]) -> bool:
    return isinstance(step, PricePath) and all(symbol in symbols for symbol in step.symbols)


def check_times(scenario: Scenario) -> None:
    checks.check_method_times(scenario.method, scenario.rollbacks, scenario.steady_state, scenario.duration_ns)
    checks.check_windows(scenario.expect, scenario.steady_state, scenario.duration_ns)
    checks.check_recovery(scenario.method, scenario.rollbacks, scenario.recovery, scenario.duration_ns)
    checks.check_replay(scenario.replay)
