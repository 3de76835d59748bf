"""A whole ecosystem through `tse up`: seconds until it is ready, and what its services hold when nobody asks anything.

RSS counts what services share once for each of them; PSS counts it once. Prints one JSON object.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

LIMIT_S, LIMIT_MIB = 10.0, 700.0
SECOND_DESK = "trading_engine.beta"  # The world has two: eight processes of seven services.
QUIET_S = 5.0  # Between ready and idle.
TSE = Path(sys.executable).with_name("tse")


def tse(*arguments: str) -> str:
    done = subprocess.run([TSE, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"tse {' '.join(arguments)}: {done.stderr}")
    return done.stdout


def held_kib(pid: int) -> dict[str, int]:
    """Rss and Pss, as the kernel sums them up."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    found = dict(line.split(":", 1) for line in lines[1:])
    return {name: int(found[name].split()[0]) for name in ("Rss", "Pss")}


def measure(folder: str) -> dict[str, Any]:
    began = time.perf_counter()
    tse("up", "--folder", folder)
    try:
        ready_s = time.perf_counter() - began
        time.sleep(QUIET_S)
        services = json.loads(tse("status", "--json", "--folder", folder))["services"]
        held = {each["instance"]: held_kib(each["pid"]) for each in services}
    finally:
        tse("down", "--folder", folder)
    mib = {name: {kind: round(kib / 1024, 1) for kind, kib in sizes.items()} for name, sizes in held.items()}
    total = {kind: round(sum(sizes[kind] for sizes in held.values()) / 1024, 1) for kind in ("Rss", "Pss")}
    return {
        "ready_s": round(ready_s, 2),
        "limit_s": LIMIT_S,
        "rss_mib": total["Rss"],
        "one_desk_mib": round(total["Rss"] - mib[SECOND_DESK]["Rss"], 1),
        "pss_mib": total["Pss"],
        "limit_mib": LIMIT_MIB,
        "services": mib,
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="tse-bench-") as place:
        print(json.dumps(measure(f"{place}/run")))
