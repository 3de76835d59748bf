"""The engine that stands beside ours in `make bench` is asked for what ours does: both trade the same."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SHORT = "import flow, peer; print(len(peer.checked(*flow.commands(2_000)).trades))"


@pytest.mark.skipif(find_spec("liquibook") is None, reason="no Liquibook for this machine")
def test_the_peer_trades_as_the_venue_does() -> None:
    root = Path(__file__).parents[3]
    path = os.pathsep.join(str(root / folder) for folder in ("src", "benchmarks"))
    ran = subprocess.run(
        [sys.executable, "-c", SHORT],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) > 100
