"""Runs pairs of risk monitors on one production stream and two simulations, and compares all that comes out of them.

`python checks/planes.py --pairs 50 --processes 5`: pairs in this process, and pairs of processes of their own.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.planes.monitor import Inside, Monitor, Process
from tests.planes.pairs import Pair, run_pair
from tests.planes.recording import record
from tests.planes.schedule import Schedule, schedule_of

FIRST = 1_000  # Of the numbers of the pairs; tests have those below.


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=50, help="Pairs in this process.")
    parser.add_argument("--processes", type=int, default=5, help="Pairs of processes.")
    asked = parser.parse_args()
    schedule = schedule_of(record())
    print(f"{len(schedule.stream.told)} messages in {len(schedule.steps)} steps, {len(schedule.published)} published")
    began_s = time.monotonic()
    inside = run_pairs(schedule, "in one process", Inside, range(FIRST, FIRST + asked.pairs))
    apart = run_pairs(schedule, "as processes", Process, range(2 * FIRST, 2 * FIRST + asked.processes))
    count, size = len(inside) + len(apart), sum(map(size_of, inside + apart))
    differing = sum(bool(pair.differences) for pair in inside + apart)
    print(
        f"{count} pairs, {differing} with a difference; {size:,} bytes on each side, {time.monotonic() - began_s:.0f} s"
    )
    return 1 if differing else 0


def run_pairs(schedule: Schedule, name: str, make: Callable[[], Monitor], numbers: range) -> list[Pair]:
    pairs: list[Pair] = []
    for number in numbers:
        with tempfile.TemporaryDirectory(prefix="planes-") as folder:
            pair = asyncio.run(run_pair(schedule, Path(folder), number, make))
        pairs.append(pair)
        print(f"pair {number} {name}: {'; '.join(pair.differences) or 'the same'} ({pair.seconds:.1f} s)", flush=True)
    return pairs


def size_of(pair: Pair) -> int:
    return sum(len(line) for lines in pair.first.values() for line in lines)


if __name__ == "__main__":
    sys.exit(main())
