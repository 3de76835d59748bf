"""What a world says of one desk's links is laid on the live ones: its bytes come later, and nobody else's."""

import time
from dataclasses import replace
from pathlib import Path

from tests.orchestrator.test_links import DESK, MONITOR, VENUE, Town, run

from trading_ecosystem.assembly import Latency, WorldPlan, load_world
from trading_ecosystem.live.faults.terms import StreamFault
from trading_ecosystem.orchestrator.links import from_to
from trading_ecosystem.orchestrator.standing import lay, standing

WORLD = Path(__file__).parents[2] / "worlds" / "two-desks.yaml"
OTHER = "trading_engine.beta"
MILLISECOND = 1_000_000


def plan(*lines: Latency) -> WorldPlan:
    shipped = load_world(WORLD)
    return replace(shipped, latencies=(*shipped.latencies, *lines))


def line(sender: str, recipient: str, milliseconds: int) -> Latency:
    return Latency(
        senders=(sender,), recipients=(recipient,), base_ns=milliseconds * MILLISECOND, jitter_ns=2 * MILLISECOND
    )


def test_a_world_that_names_no_desk_lays_nothing() -> None:
    assert standing(plan(), plan().instances(), 1) == {}


def test_only_links_that_a_line_with_a_desk_decides_are_laid_on_at_the_speed_of_the_run() -> None:
    named = plan(line("market_data", DESK, 40), line(VENUE, DESK, 60), line(VENUE, "trading_engine", 2))
    late = StreamFault(latency_ns=4 * MILLISECOND, jitter_ns=400_000)
    ways = from_to("market_data", DESK)
    assert standing(named, named.instances(), 10) == {f"world.market_data>{DESK}": (ways, late)}


def test_its_answers_come_later_and_those_of_others_do_not() -> None:
    async def story(town: Town) -> None:
        await lay(town.links, plan(line(DESK, VENUE, 120)), [DESK, OTHER, MONITOR, VENUE], 1)
        took = {}
        for asker in (DESK, OTHER):
            await town.ask(asker, VENUE)
            best = 1.0
            for _ in range(3):
                begun = time.monotonic()
                assert await town.ask(asker, VENUE) == b"e\n"
                best = min(best, time.monotonic() - begun)
            took[asker] = best
        assert took[DESK] >= 0.12 > took[OTHER]

    run(story)
