"""Runs one scenario in several processes that differ in all that must not matter, and compares the digests."""

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parent.parent
SCENARIO = ROOT / "features" / "scenarios" / "usdt-depeg-short.yaml"
COMPILED = ROOT / ".compiled"
SURROUNDINGS = (
    {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C"},
    {"PYTHONHASHSEED": "4242", "TZ": "Asia/Kathmandu", "LC_ALL": "C.UTF-8"},
)


def digest(path: Path, surroundings: dict[str, str]) -> str:
    """The digest of a run, from a folder of its own, with the package found under `path` first."""
    environment = {**os.environ, **surroundings, "PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "trading_ecosystem.cli.main", "run", str(SCENARIO), "--json"]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    return str(json.loads(done.stdout)["digest"])


def main() -> int:
    builds = {"plain": ROOT / "src"}
    if (COMPILED / "trading_ecosystem").exists():
        builds["compiled"] = COMPILED
    runs = {
        f"{build}, {' '.join(f'{k}={v}' for k, v in surroundings.items())}": (path, surroundings)
        for build, path in builds.items()
        for surroundings in SURROUNDINGS
    }
    digests = set()
    with ThreadPoolExecutor(max_workers=2) as pool:
        for name, found in zip(runs, pool.map(lambda each: digest(*each), runs.values()), strict=True):
            digests.add(found)
            print(f"{found[:16]}  {name}", flush=True)
    same = len(digests) == 1
    print("one history" if same else "the histories differ")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
