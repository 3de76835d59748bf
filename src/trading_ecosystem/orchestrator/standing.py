"""What a world says of single desks' links, laid on the live ones. Its virtual twin is in `virtual/build.py`.

A live link has the latency of the machine. A line of the world's network section that names a desk adds its own to
that; a line of roles alone adds nothing, for it says what the machine has by itself.
"""

from collections.abc import Sequence

from trading_ecosystem.assembly import WorldPlan
from trading_ecosystem.live.faults.terms import StreamFault
from trading_ecosystem.orchestrator.links import Links, Way, from_to

Standing = dict[str, tuple[tuple[Way, ...], StreamFault]]


def standing(plan: WorldPlan, instances: Sequence[str], speed: int) -> Standing:
    """By the link's name: its ways, and its latency on the machine's clock, than which simulated time is faster."""
    found: Standing = {}
    for sender in instances:
        for recipient in instances:
            latency = plan.latency(sender, recipient)
            if sender == recipient or latency is None or not latency.names_a_desk:
                continue
            # A proxy draws evenly from nothing to the most, of which the mean is half.
            late = StreamFault(latency_ns=latency.base_ns // speed, jitter_ns=2 * latency.jitter_ns // speed)
            found[f"world.{sender}>{recipient}"] = from_to(sender, recipient), late
    return found


async def lay(links: Links, plan: WorldPlan, instances: Sequence[str], speed: int) -> None:
    for name, (ways, late) in standing(plan, instances, speed).items():
        await links.impose(name, ways, late)
