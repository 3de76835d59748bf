"""Acknowledged is durable: a writer is killed again and again, and its parent knows what it was told."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trading_ecosystem.live.store.ports import Record, Store

Opens = Callable[[str], Store[Any]]
Makes = Callable[[int, int], list[Record]]

CYCLES = 15
WRITER = """
import sys
from trading_ecosystem.live.store.opening import open_store
from trading_ecosystem.live.store.ports import Record
from trading_ecosystem.simulators.exchange.store import DESIGN
store = open_store(sys.argv[1], "exchange", DESIGN)
last = store.journal.last_sequence()
while True:
    batch = [Record(n, 1_000 + n, "inputs", f"input {n}".encode()) for n in range(last + 1, last + 1 + last % 7 + 1)]
    store.journal.append(batch)
    last = batch[-1].sequence
    if last % 5 == 0:
        store.journal.save_snapshot(last, str(last).encode())
    print(last, flush=True)
"""
CRASHING_WRITER = """
import os, sys
from trading_ecosystem.live.store.faults import StoreFaults, with_faults
from trading_ecosystem.live.store.opening import open_store
from trading_ecosystem.live.store.ports import Record
from trading_ecosystem.simulators.exchange.store import DESIGN
faults = StoreFaults()
store = with_faults(open_store(sys.argv[1], "exchange", DESIGN), faults)
faults.crash_at(int(sys.argv[2]), after=sys.argv[3] == "after", crash=lambda: os._exit(9))
for n in range(store.journal.last_sequence() + 1, 100):
    store.journal.append([Record(n, 1_000 + n, "inputs", f"input {n}".encode())])
    print("record", n, flush=True)
    store.memory.remember([("mark", str(n))])
    print("mark", n, flush=True)
    if n % 2 == 0:
        store.journal.save_snapshot(n, str(n).encode())
        print("snapshot", n, flush=True)
"""


def acknowledged_until_killed(url: str, acknowledgements: int) -> int:
    """Start a writer, kill it after that many acknowledgements; returns the last that arrived."""
    writer = subprocess.Popen([sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    for _ in range(acknowledgements):
        assert writer.stdout.readline()
    os.kill(writer.pid, signal.SIGKILL)
    rest = writer.stdout.read().split()  # What it was told before the signal came, and nothing half told.
    writer.wait(10)
    writer.stdout.close()
    return int(rest[-1]) if rest else 0


def test_a_writer_killed_again_and_again_loses_nothing_that_was_acknowledged(
    durable_store_url: str, open_here: Opens, records: Makes
) -> None:
    for cycle in range(CYCLES if durable_store_url.startswith("sqlite") else CYCLES // 3):
        acknowledged = acknowledged_until_killed(durable_store_url, 3 + 5 * (cycle % 4))
        store = open_here(durable_store_url)
        last = store.journal.last_sequence()
        assert last >= acknowledged
        found = store.journal.snapshot()
        after = 0 if found is None else found[0]
        assert found is None or found[1] == str(after).encode()
        assert list(store.journal.read(after)) == records(after + 1, last)
        store.close()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_every_commit_it_comes_back_whole(
    tmp_path: Path, open_here: Opens, records: Makes, moment: str
) -> None:
    for commit in range(1, 6):
        url = f"sqlite:///{tmp_path}/{commit}.sqlite"
        command = [sys.executable, "-c", CRASHING_WRITER, url, str(commit), moment]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 9, done.stderr
        told = [line.split() for line in done.stdout.splitlines()]
        assert len(told) == commit - 1
        expected = ["record 1", "mark 1", "record 2", "mark 2", "snapshot 2"][
            : commit if moment == "after" else commit - 1
        ]
        store = open_here(url)
        assert store.journal.last_sequence() == sum(line.startswith("record") for line in expected)
        assert list(store.journal.read(0)) == records(1, store.journal.last_sequence())
        marks = [line.split()[1] for line in expected if line.startswith("mark")]
        assert store.memory.recall() == ({"mark": marks[-1]} if marks else {})
        assert store.journal.snapshot() == ((2, b"2") if "snapshot 2" in expected else None)
