"""The message rate of the whole ecosystem, beside its goal and beside nautilus_trader's where that is there.

NAUTILUS_PYTHON=/path/to/python .venv/bin/python benchmarks/message_figures.py
"""

import json
import os
import subprocess
import sys
from typing import Any

from builds import HERE, builds, run

MESSAGES_KPS = {"plain": 200, "compiled": 1_000}
CALM_HOURS = 3
NAMED = "NAUTILUS_PYTHON"
HOW = f"install it in an environment of its own (pip install nautilus_trader) and name that one's python in {NAMED}"


def show_messages() -> None:
    print("\nThe whole ecosystem in one process, two desks, nothing broken: delivered messages, best of 3 rounds")
    rows: dict[str, dict[str, Any]] = {}
    for build in builds():
        row = rows[build] = json.loads(run(build, "messages.py", CALM_HOURS))
        rate_kps, core_kps = (row["messages"] / row[seconds] / 1e3 for seconds in ("wall_s", "cpu_s"))
        print(
            f"  {build:9} {rate_kps:6,.0f} k messages/s ({rate_kps / MESSAGES_KPS[build]:.2f} of the goal)"
            f"   {core_kps:,.0f} k per core second   {row['messages']:,} in {row['wall_s']:.2f} s,"
            f" {row['hours']} hours simulated",
            flush=True,
        )
    show_nautilus(rows)
    print("  ABIDES left out: no package abides, abides-core or abides-markets could be installed")


def show_nautilus(ours: dict[str, dict[str, Any]]) -> None:
    python, absent = interpreter()
    if absent:
        print(f"  nautilus_trader left out: {absent}; {HOW}", flush=True)
        return
    command = [python, "-P", str(HERE / "nautilus.py"), str(CALM_HOURS)]
    theirs = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    print(f"  Beside nautilus_trader {theirs['version']}, a backtest of as many quotes and orders; by processor time")
    for name, row in {"nautilus_trader": theirs, **ours}.items():
        desks, quotes = (row[count] / row["cpu_s"] / 1e3 for count in ("to_desks", "quotes"))
        both = (theirs["cpu_s"] / row["cpu_s"] * row[count] / theirs[count] for count in ("to_desks", "quotes"))
        ratios = " and ".join(f"{ratio:.2f}" for ratio in both)
        print(
            f"    {name:15} {desks:5,.0f} k messages/s to its two strategies   {quotes:5,.0f} k quotes/s simulated"
            f"   ratio {ratios}   {row['quotes']:,} quotes, {row['orders']:,} orders",
            flush=True,
        )
    show_bus(theirs["bus_hz"])


def show_bus(bus_hz: float) -> None:
    print(f"    its bus alone, to a handler in Python {bus_hz / 1e3:9,.0f} k messages/s, at once")
    for build in builds():
        heard_hz = float(run(build, "interpreted.py"))
        print(
            f"    the kernel alone, {build}, to a core in Python {heard_hz / 1e3:5,.0f} k messages/s,"
            f" through a queue and a link   ratio {heard_hz / bus_hz:.2f}",
            flush=True,
        )


def interpreter() -> tuple[str, str]:
    """One that has nautilus_trader: the one that is named, else this one. Else why there is none."""
    named = os.environ.get(NAMED, "")
    python = named or sys.executable
    try:
        has = subprocess.run([python, "-P", "-c", "import nautilus_trader"], stderr=subprocess.DEVNULL).returncode == 0
    except OSError as error:
        return "", f"{NAMED} names no program ({error})"
    if has:
        return python, ""
    return "", f"{named} has none" if named else "it is not installed"


if __name__ == "__main__":
    show_messages()
