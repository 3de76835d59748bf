"""What one order of the stream costs, step by step, each step alone and in one thread: microseconds of a core.

Argument: what becomes of the orders (resting, unfilled, matched). Prints one JSON object.
"""

import gc
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from live_stand import SEED, WORLD, write_world
from live_stream import lines

from trading_ecosystem.assembly import load_world
from trading_ecosystem.configuration.document import parse_document
from trading_ecosystem.live.command_fields import check_fields
from trading_ecosystem.live.door import Header
from trading_ecosystem.live.hub import Hub
from trading_ecosystem.live.identifiers import Identifiers
from trading_ecosystem.live.inputs import KIND, pack
from trading_ecosystem.live.production_wire import CODEC, EXCHANGE
from trading_ecosystem.live.sealing import Departures, seal
from trading_ecosystem.live.store.opening import open_store
from trading_ecosystem.live.store.ports import Record
from trading_ecosystem.live.telemetry.spans import service_resource
from trading_ecosystem.live.telemetry.spool import Spool
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.runtime import Remember, Start, WakeAt
from trading_ecosystem.orchestrator.documents import DOCUMENT, documents_of
from trading_ecosystem.orchestrator.terms import Terms
from trading_ecosystem.simulators.exchange.server import SERVICE
from trading_ecosystem.virtual.queue import COMPILED

ORDERS, PER_COMMIT, PER_HISTORY = 30_000, 1_280, 5_000
CALLERS = {"alpha": "trading_engine.alpha", "beta": "trading_engine.beta"}
Commands = list[tuple[Message, Header]]
spent_s: dict[str, float] = {}


@contextmanager
def step(name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    spent_s[name] = spent_s.get(name, 0.0) + time.perf_counter() - began


def in_groups(size: int, items: list[Departures], act: Callable[[list[Departures]], None]) -> None:
    for first in range(0, len(items), size):
        act(items[first : first + size])


def received(kind: str) -> list[bytes]:
    """Lines of both desks by turns, as the process reads them."""
    each = [lines(kind, desk, 0, ORDERS // 2) for desk in CALLERS]
    return [line for pair in zip(*each, strict=True) for line in pair]


def measure(kind: str, folder: Path) -> None:
    world = folder / WORLD.name
    write_world(WORLD, world)
    start_ns = load_world(world).start_ns
    told = documents_of(world, Terms(seed=SEED, start_ns=start_ns))["exchange"][DOCUMENT]
    document = parse_document("document", told).section(SERVICE.keys, SERVICE.optional)
    core, access, sent = SERVICE.build(document, "exchange"), SERVICE.access(document), received(kind)
    core.handle(Start(memory={}), start_ns)
    gc.disable()  # Here everything is kept to the end; in the process it goes at once.
    commands: Commands = []
    with step("read the line"):
        for line in sent:
            commands.extend(EXCHANGE.read_line(line) or [])
    assert len(commands) == ORDERS
    with step("check the command"):
        for message, _ in commands:
            access.check(CALLERS[message.account], message)  # type: ignore[attr-defined]
            check_fields(message, "exchange")
    with step("encode for the journal"):
        frames = [pack(start_ns, header, *CODEC.encode(message)) for message, header in commands]
    said: list[list[Message]] = []
    with step("match"):
        for message, _ in commands:
            said.append(list(core.handle(message, start_ns)))
    identifiers, sealed = Identifiers(), list[Departures]()
    with step("seal"):
        for outputs, (_, header) in zip(said, commands, strict=True):
            sealed.append(seal("exchange", identifiers, outputs, header, start_ns))
    leave(folder, frames, sealed)


def leave(folder: Path, frames: list[bytes], sealed: list[Departures]) -> None:
    store = open_store(f"sqlite:///{folder}/store.db", "exchange", SERVICE.design)
    spool = Spool(folder / "spool", 256 << 20, service_resource("exchange", "0"), CODEC.encode)
    hub = Hub(1)
    with step("commit, with the disk"):
        for number, first in enumerate(range(0, ORDERS, PER_COMMIT), 1):
            payload = b"".join(frames[first : first + PER_COMMIT])
            store.journal.append([Record(number, 0, KIND, payload)])
    with step("trace"):
        in_groups(PER_COMMIT, sealed, lambda group: spool.write([each for one in group for each in one.sealed], 1))
    with step("publish"):
        in_groups(
            PER_COMMIT,
            sealed,
            lambda group: hub.tell([(each.header, each.message, each.body()) for one in group for each in one.sealed]),
        )
    with step("write the history, with the disk"):
        in_groups(
            PER_HISTORY,
            sealed,
            lambda group: store.history.record(
                [each for one in group for each in one.outputs if not isinstance(each, (WakeAt, Remember))]
            ),
        )
    spool.close()
    store.close()


def main(kind: str) -> None:
    with tempfile.TemporaryDirectory(prefix="tse-bench-") as folder:
        measure(kind, Path(folder))
    us = {name: seconds / ORDERS * 1e6 for name, seconds in spent_s.items()}
    print(json.dumps({"build": "compiled" if COMPILED else "plain", "kind": kind, "us": us}))


if __name__ == "__main__":
    main(sys.argv[1])
