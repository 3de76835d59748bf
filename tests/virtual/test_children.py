"""How a run starts a process of its own."""

import subprocess
import sys
from threading import Event, Thread

import pytest

from trading_ecosystem.virtual.children import child_context

ASK = "from trading_ecosystem.virtual.children import child_context as c; print(c().get_start_method())"


def test_beside_another_thread_it_is_a_new_process() -> None:
    over = Event()
    other = Thread(target=over.wait)
    other.start()
    try:
        assert child_context().get_start_method() == "spawn"
    finally:
        over.set()
        other.join()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a fork is not safe")
def test_alone_it_is_a_fork() -> None:
    said = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.strip() == "fork"
