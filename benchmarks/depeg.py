"""The 36-hour depeg as one process: wall time, peak memory, quotes and messages per second. Without twin and report.

Arguments: hours (of the 40) and instruments (6, or more with made-up coins), for the growth table.
"""

import json
import resource
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from trading_ecosystem.configuration.scalars import UNITS_NS
from trading_ecosystem.preparation import RunRequest, prepare
from trading_ecosystem.virtual.queue import COMPILED
from trading_ecosystem.virtual.run import execute

ROOT = Path(__file__).parent.parent
SCENARIO = ROOT / "scenarios" / "usdt-depeg-36h.yaml"
WORLD = ROOT / "worlds" / "two-desks.yaml"
COIN_LINES = {
    "assets:\n": "  {coin}: {{kind: crypto, decimals: 8}}\n",
    "instruments:\n": "  {coin}/USD: {{tick: 0.01, lot: 0.001}}\n",
    "  assets:\n": "    {coin}: {{value: 100, volatility: 70%, correlation: 0.8, jumps_per_day: 2, jump_size: 1%}}\n",
    "  instruments:\n": "    {coin}/USD: {{spread: 2bps, size: {{from: 5, to: 400}}}}\n",
    "    instruments:": "      {coin}/USD: {{half_spread: 5bps, depth: 50, noise: 40, calm: 2bps, storm: 8bps}}\n",
}


def write_world(folder: Path, instruments: int) -> None:
    """The first world with coins added until it has that many instruments."""
    lines: list[str] = []
    seen: set[str] = set()
    for line in WORLD.read_text(encoding="utf-8").splitlines(keepends=True):
        lines.append(line)
        key = next((key for key in COIN_LINES if line.startswith(key)), None)
        if key is not None and key not in seen:
            seen.add(key)
            lines += [COIN_LINES[key].format(coin=f"C{n:02}") for n in range(instruments - 6)]
    (folder / "two-desks.yaml").write_text("".join(lines), encoding="utf-8")
    limits = WORLD.with_name("two-desks-limits.yaml")
    (folder / limits.name).write_text(limits.read_text(encoding="utf-8"), encoding="utf-8")


def measure(hours: int, instruments: int) -> dict[str, float | str]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_world(folder, instruments)
        scenario = folder / SCENARIO.name
        scenario.write_text(SCENARIO.read_text(encoding="utf-8"), encoding="utf-8")
        prepared = prepare(RunRequest(scenario_path=scenario))
        shortened = replace(prepared.scenario, duration_ns=hours * UNITS_NS["h"])
        began = time.perf_counter()
        ended = execute(replace(prepared, scenario=shortened), None, None)
        wall_s = time.perf_counter() - began
    quotes = ended.audit.counts()["QuotePublished"]
    return {
        "build": "compiled" if COMPILED else "plain",
        "verdict": ended.judgement.verdict.value,
        "hours": hours,
        "instruments": instruments,
        "wall_s": wall_s,
        "quotes": quotes,
        "messages": int(ended.world.delivered),
        "trades": ended.audit.figures()["trades"],
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "digest": ended.audit.digest,
    }


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]))))
