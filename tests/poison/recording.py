"""What each core of the first world is handed in its first minutes, by a run on the virtual clock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

from trading_ecosystem import routes
from trading_ecosystem.assembly import core_builders
from trading_ecosystem.core import Core
from trading_ecosystem.messages.message import Message
from trading_ecosystem.preparation import Prepared
from trading_ecosystem.validation.test_coordinator.core import TestCoordinator
from trading_ecosystem.virtual.build import build_world

LENGTH_NS = 90_000_000_000
Handed = tuple[int, Message]  # When, and what.
Build = Callable[[], Core]


@final
class Ear(Core):
    """A core, and what it was handed."""

    def __init__(self, build: Build) -> None:
        self._core = build()
        self.handed: list[Handed] = []

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        self.handed.append((now, message))
        return self._core.handle(message, now)


@final
class Silent(Core):
    """Stands where the audit correlator would."""

    def handle(self, message: Message, now: int) -> tuple[Message, ...]:
        return ()


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One core: how to build it, and what it was handed."""

    build: Build
    handed: list[Handed]


def record(prepared: Prepared) -> dict[str, Recorded]:
    """By instance, of all whose messages come from other services."""
    plan = prepared.plan
    builders = core_builders(plan, prepared.seed, prepared.recorded)
    builders[routes.TEST_COORDINATOR] = lambda: TestCoordinator(
        *(routes.TEST_COORDINATOR, prepared.scenario, plan.reference, plan.firm_balances(), plan.start_ns),
        tuple(plan.instances()),
    )
    ears = {name: Ear(build) for name, build in builders.items()}
    audit = Silent()
    listening: dict[str, Build] = {name: partial(ears.__getitem__, name) for name in ears}
    listening[routes.AUDIT_CORRELATOR] = lambda: audit
    build_world(plan, listening, audit, prepared.seed).run(plan.start_ns + LENGTH_NS)
    return {name: Recorded(build=builders[name], handed=ear.handed) for name, ear in ears.items()}
