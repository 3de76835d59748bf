"""The same scenario and seed are the same bytes of history; what is injected shifts nothing but what it touches."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from trading_ecosystem import routes
from trading_ecosystem.assembly import core_builders
from trading_ecosystem.core import Core
from trading_ecosystem.messages.audit import Envelope
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message, values_of
from trading_ecosystem.preparation import RunRequest, prepare
from trading_ecosystem.validation.audit_correlator.core import AuditCorrelator
from trading_ecosystem.validation.audit_correlator.trail import MemorySink
from trading_ecosystem.validation.test_coordinator.core import TestCoordinator
from trading_ecosystem.virtual.build import build_world
from trading_ecosystem.virtual.run import checker_of, execute, facts_of, plane_of

Ran = Callable[..., Path]
Quote = tuple[object, ...]
SCENARIO = Path(__file__).parents[2] / "features" / "scenarios" / "usdt-cliff-9m.yaml"
MINUTE = 60_000_000_000
LOSSES = """
  - at: 150s
    inject: network.lose
    from: [risk_monitor]
    to: [custodian]
    probability: 50%
    for: 2m
"""


def digest_of(folder: Path) -> str:
    found: dict[str, Any] = json.loads((folder / "stdout").read_text(encoding="utf-8"))
    return str(found["digest"])


def test_nothing_around_a_process_is_in_its_history(ran: Ran) -> None:
    elsewhere = ran(PYTHONHASHSEED="4242", TZ="Asia/Kathmandu", LC_ALL="C", COLUMNS="40")
    assert digest_of(elsewhere) == digest_of(ran(PYTHONHASHSEED="0"))
    trails = [folder / "out" / "usdt-cliff-9m" / "trail.jsonl" for folder in (elsewhere, ran(PYTHONHASHSEED="0"))]
    assert trails[0].read_bytes() == trails[1].read_bytes()


def test_neither_is_the_folder_it_runs_in(ran: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = execute(prepare(RunRequest(scenario_path=Path(os.path.relpath(SCENARIO)))), MemorySink(), None)
    assert ended.audit.digest == digest_of(ran(PYTHONHASHSEED="0"))


def test_another_seed_is_another_history(ran: Ran) -> None:
    assert digest_of(ran("--seed", "2")) != digest_of(ran(PYTHONHASHSEED="0"))


# What an injection shifts.


@pytest.fixture
def calm(place: Path) -> Path:
    """The scenario without its injection, and without what is expected of it."""
    text = (place / "usdt-cliff-9m.yaml").read_text(encoding="utf-8")
    parts = [part for part in text.split("\n\n") if part.startswith(("name", "steady_state", "allow", "forbid"))]
    assert len(parts) == 4
    path = place / "calm.yaml"
    path.write_text("\n\n".join(parts), encoding="utf-8")
    return path


def blocks_before(moment_ns: int, path: Path, *settings: str) -> list[list[object]]:
    """The digests of all blocks of quotes that ended before a moment, from the trail."""
    sink = MemorySink()
    ended = execute(prepare(RunRequest(scenario_path=path, settings=settings)), sink, None)
    assert ended.judgement.reasons == ()
    entries = [json.loads(line) for line in sink.lines[1:]]
    blocks: list[list[object]] = [entry[7] for entry in entries if entry[6] == "Block"]
    return [block for block in blocks if block[0] == "QuotePublished" and int(str(block[6])) < moment_ns]


def start_ns() -> int:
    return prepare(RunRequest(scenario_path=SCENARIO)).plan.start_ns


def test_before_an_injection_history_is_as_with_another(place: Path) -> None:
    """To the last byte, message numbers included. A block holds an hour, so the injection comes later than that."""
    moment_ns = start_ns() + 65 * MINUTE
    late = ("duration=70m", "quotes_every=5s", "method.0.at=65m", "rollbacks.0.at=68m")
    upwards = (
        "method.0.to=1.02",
        "effect.0={price: USDT/USD, above: 1.015}",
        "expect.0.when={price: USDT/USD, above: 1.01, for: 60s}",
    )
    before = blocks_before(moment_ns, SCENARIO, *late)
    assert len(before) == 6 and all(block[2] == 720 for block in before)
    assert before == blocks_before(moment_ns, SCENARIO, *late, *upwards)


class Listener(Core):
    """Hears what the audit hears, and keeps the quotes."""

    def __init__(self, audit: Core) -> None:
        self._audit = audit
        self.quotes: list[Quote] = []

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        if isinstance(message, Envelope) and isinstance(message.message, QuotePublished):
            self.quotes.append((now, *values_of(message.message)))
        return self._audit.handle(message, now)


def quotes_of(path: Path) -> list[Quote]:
    """Every quote of a run, with the moment it was sent."""
    prepared = prepare(RunRequest(scenario_path=path))
    scenario, plan = prepared.scenario, prepared.plan
    instances = plan.instances()
    planes = {name: plane_of(name) for name in [*instances, routes.INJECTOR]}
    audit = AuditCorrelator(
        routes.AUDIT_CORRELATOR, MemorySink(), facts_of(prepared), planes, checker_of(plan), plan.reference
    )
    coordinator = TestCoordinator(
        routes.TEST_COORDINATOR, scenario, plan.reference, plan.firm_balances(), plan.start_ns, tuple(instances)
    )
    builders = core_builders(plan, prepared.seed, prepared.recorded)
    builders[routes.TEST_COORDINATOR] = lambda: coordinator
    builders[routes.AUDIT_CORRELATOR] = lambda: audit
    listener = Listener(audit)
    build_world(plan, builders, listener, prepared.seed).run(plan.start_ns + scenario.duration_ns)
    return listener.quotes


def test_an_injection_moves_its_own_prices_and_a_fault_of_the_network_moves_none(place: Path, calm: Path) -> None:
    drift = place / "usdt-cliff-9m.yaml"
    lossy = place / "lossy.yaml"
    lossy.write_text(drift.read_text(encoding="utf-8").replace("\neffect:", f"{LOSSES}\neffect:"), encoding="utf-8")

    drifting = quotes_of(drift)
    assert len(drifting) == 6 * 539 and drifting == quotes_of(lossy)
    pairs = zip(drifting, quotes_of(calm), strict=True)
    differing = [(int(str(one[0])), one[1]) for one, other in pairs if one != other]
    assert {symbol for _, symbol in differing} == {"USDT/USD", "BTC/USDT", "ETH/USDT"}
    assert min(differing)[0] > start_ns() + 2 * MINUTE
