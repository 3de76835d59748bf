"""Measures the market of a world over many seeds: in how many of them each figure is in its band.

.venv/bin/python checks/likeness.py --seeds 20 --days 90      # exit code 1 if a figure is outside in any of them
"""

import argparse
import sys
from pathlib import Path

from trading_ecosystem.assembly import load_world
from trading_ecosystem.simulators.market_data.likeness import BANDS, log_returns, measured
from trading_ecosystem.simulators.market_data.samples import gaussian, generated

WORLD = Path(__file__).parent.parent / "worlds" / "two-desks.yaml"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--world", type=Path, default=WORLD)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--control", choices=("gaussian",))
    given = parser.parse_args()
    plan = load_world(given.world)
    found: list[dict[str, float]] = []
    for seed in range(1, given.seeds + 1):
        if given.control:
            paths = gaussian(plan.market_data, plan.reference, seed, given.days)
        else:
            paths = generated(plan.market_data, plan.reference, seed, plan.start_ns, given.days)
        found += [measured(log_returns(path)) for path in paths.values()]
    whole = sum(all(band.holds(figures[name]) for name, band in BANDS.items()) for figures in found)
    print(
        f"{given.seeds} seeds of {given.days} days, {len(found)} samples; all in their bands: {whole / len(found):.0%}"
    )
    for name, band in BANDS.items():
        values = sorted(figures[name] for figures in found)
        inside = sum(band.holds(value) for value in values) / len(values)
        middle = values[len(values) // 2]
        print(f"  {name:38} {inside:4.0%}   {values[0]:7.3f} to {values[-1]:7.3f}, median {middle:7.3f}   {band}")
    return 0 if whole == len(found) else 1


if __name__ == "__main__":
    sys.exit(main())
