"""Brings the ecosystem up, runs two scenarios against it, and proves that nothing of it stays behind.

The scenarios are the shipped ones; the crash is shortened so that both fit into a few minutes at 60x.
"""

import json
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
            processes = running(folder)
            verdicts = [run(folder, scenario, settings) for scenario, settings in RUNS]
            processes |= running(folder)
        finally:
            down = tse("down", "--folder", str(folder))
        left = [str(pid) for pid, began in processes if began and began_at(pid) == began]
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


def running(folder: Path) -> set[tuple[int, str]]:
    """The processes of the ecosystem, its supervisor among them, each with its beginning: a pid may be given again."""
    told = subprocess.run([TSE, "status", "--json", "--folder", str(folder)], capture_output=True, check=True)
    status = json.loads(told.stdout)
    pids = [status["pid"], *(each["pid"] for each in status["services"] if each["pid"])]
    return {(pid, began_at(pid)) for pid in pids}


def began_at(pid: int) -> str:
    """In clock ticks since the machine's start; empty for a process that is not there, or has ended unnoticed."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except FileNotFoundError:
        return ""
    state, *facts = text.rpartition(")")[2].split()
    return "" if state == "Z" else facts[18]


if __name__ == "__main__":
    sys.exit(main())
