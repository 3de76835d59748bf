"""A small process that is well behaved or not, and ways to wait for what happens to it."""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from trading_ecosystem.orchestrator import launch
from trading_ecosystem.orchestrator.child import Command
from trading_ecosystem.orchestrator.request import Stores, UpRequest

ROOT = Path(__file__).parents[2]
PROGRAMS = {
    "well behaved": "print('here', flush=True)\nwhile True: time.sleep(60)",
    "deaf": "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('here', flush=True)\nwhile True: time.sleep(60)",
    "short": "print('here', flush=True)\nsys.exit(3)",
    "parent": "import subprocess\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "print('child', child.pid, flush=True)\nwhile True: time.sleep(60)",
}


@pytest.fixture
def command(tmp_path: Path) -> Callable[[str], Command]:
    """How to run one of `PROGRAMS`."""

    def make(program: str) -> Command:
        code = f"import signal, sys, time\n{PROGRAMS[program]}"
        return Command(
            arguments=(sys.executable, "-c", code),
            folder=tmp_path,
            environment=dict(os.environ),
            log=tmp_path / f"{program.replace(' ', '-')}.log",
        )

    return make


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    async def wait(holds: Callable[[], bool]) -> None:
        ends_s = time.monotonic() + 15
        while not holds():
            assert time.monotonic() < ends_s, "it never came to this"
            await asyncio.sleep(0.02)

    return wait


@pytest.fixture
def alive() -> Callable[[int], bool]:
    """Whether a process runs: one that has ended and waits to be reaped does not."""

    def look(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] not in "ZX"
        except (FileNotFoundError, ProcessLookupError):
            return False

    return look


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every service is played by `stand_in/stand_in.py`."""
    monkeypatch.setattr(launch, "module_of", lambda instance: "stand_in")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "stand_in"))


@pytest.fixture
def request_in(tmp_path: Path) -> Callable[..., UpRequest]:
    """A request for two desks in a folder of its own, with whatever is to be otherwise."""

    def make(**changes: object) -> UpRequest:
        usual = UpRequest(
            folder=tmp_path / "run",
            world=ROOT / "worlds" / "two-desks.yaml",
            seed=7,
            speed=60,
            profile=Stores.EMBEDDED,
            postgres="",
            valkey="",
            port=0,
            tls=False,
            ready_within_s=20,
        )
        return replace(usual, **changes)  # type: ignore[arg-type]

    return make
