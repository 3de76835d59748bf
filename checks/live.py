"""Brings the ecosystem up, runs two scenarios against it, and proves that nothing of it stays behind.

The scenarios are the shipped ones; the crash is shortened so that both fit into a few minutes at 60x.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

TSE = Path(sys.executable).with_name("tse")
SPEED = "60"
CRASH = ("duration=100m", "rollbacks.0.at=80m", "rollbacks.0.over=5m", "recovery.within=10m")
RUNS = (("market-crash-15pct", CRASH), ("exchange-killed", ()))


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="tse-live-") as parent:
        folder = Path(parent) / "ecosystem"
        try:
            if tse("up", "--speed", SPEED, "--folder", str(folder)) != 0:
                return 1
            pids = running(folder)
            verdicts = [run(folder, scenario, settings) for scenario, settings in RUNS]
            pids |= running(folder)
        finally:
            down = tse("down", "--folder", str(folder))
        left = [str(pid) for pid in pids if alive(pid)]
        if down != 0 or left or folder.exists():
            print(f"left behind: processes {left}, files {folder.exists()}")
            return 1
    print("no process and no file is left behind")
    return max(verdicts)


def run(folder: Path, scenario: str, settings: tuple[str, ...]) -> int:
    words = [word for setting in settings for word in ("--set", setting)]
    return tse("run", "--live", scenario, "--folder", str(folder), *words)


def tse(*words: str) -> int:
    print(f"== tse {' '.join(words)}", flush=True)
    return subprocess.run([TSE, *words]).returncode


def running(folder: Path) -> set[int]:
    """The processes of the ecosystem, its supervisor among them."""
    told = subprocess.run([TSE, "status", "--json", "--folder", str(folder)], capture_output=True, check=True)
    status = json.loads(told.stdout)
    return {status["pid"], *(each["pid"] for each in status["services"] if each["pid"])}


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
