"""The builds of the package that are there, and how a benchmark is run with one of them."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
COMPILED = ROOT / ".compiled"


def builds() -> dict[str, list[Path]]:
    """Where each build's packages are found first."""
    found = {"plain": [ROOT / "src", HERE, ROOT]}
    if (COMPILED / "trading_ecosystem").exists():
        found["compiled"] = [COMPILED, HERE, ROOT]
    return found


def fastest() -> str:
    return list(builds())[-1]


def run(build: str, script: str, *arguments: object) -> str:
    """What it prints."""
    path = os.pathsep.join(str(folder) for folder in builds()[build])
    command = [sys.executable, "-P", str(HERE / script), *[str(argument) for argument in arguments]]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout
