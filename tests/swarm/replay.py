"""Runs one seed of the swarm, or a range of them, and says what was wrong: `python tests/swarm/replay.py 17 [40]`."""

import sys
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.swarm.faults import FaultPlan, plan_of
from tests.swarm.runs import run


def main() -> int:
    first, *rest = [int(word) for word in sys.argv[1:]]
    seeds = range(first, rest[0] if rest else first + 1)
    failed = 0
    delivered = 0
    began = time.perf_counter()
    for seed in seeds:
        plan = plan_of(seed)
        if len(seeds) == 1:
            tell(plan)
        try:
            result = run(plan)
        except Exception:
            traceback.print_exc(file=sys.stdout)
            print(f"seed {seed}: raised", flush=True)
            failed += 1
            continue
        delivered += result.delivered
        if (seed - first) % 50 == 49:
            print(f"up to seed {seed}: {failed} failed, {time.perf_counter() - began:.0f} s", flush=True)
        if result.faults:
            failed += 1
            print(f"seed {seed}: {len(result.faults)} faults", *result.faults[:12], sep="\n    ", flush=True)
        elif len(seeds) == 1:
            print(f"seed {seed}: all well; {result.delivered} deliveries, {result.lost} lost, {result.trades} trades")
    seconds = time.perf_counter() - began
    print(f"{len(seeds)} seeds, {failed} failed, {delivered} deliveries, {seconds:.1f} s")
    return 1 if failed else 0


def tell(plan: FaultPlan) -> None:
    for step in plan.steps:
        print(f"{step.at_ns / 1e9:14.6f} {step.command}")
    for ambush in plan.ambushes:
        print(f"{'':14} {ambush}")
    print(f"{plan.quiet_ns / 1e9:14.6f} quiet until {plan.end_ns / 1e9:.0f}")


if __name__ == "__main__":
    sys.exit(main())
