"""A process that must not go on ends at once, with a code that says why, and keeps nothing of what it died of."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from trading_ecosystem.live.inputs import unpack
from trading_ecosystem.live.store.opening import open_store
from trading_ecosystem.simulators.exchange.server import SERVICE

BROKEN_RULE, BROKEN_STORE = 70, 74

SCRIPT = """
import asyncio, sys
from pathlib import Path
from trading_ecosystem.core import JournaledCore
from trading_ecosystem.live.clock import Clock
from trading_ecosystem.live.door import Header
from trading_ecosystem.live.ending import end_with
from trading_ecosystem.live.historian import Historian
from trading_ecosystem.live.hub import Hub
from trading_ecosystem.live.production_wire import CODEC
from trading_ecosystem.live.commits import Commits
from trading_ecosystem.live.runner import OUTSIDE, Runner
from trading_ecosystem.live.store.faults import StoreFault, StoreFaults, with_faults
from trading_ecosystem.live.store.opening import open_store
from trading_ecosystem.live.telemetry.logs import set_up_logs
from trading_ecosystem.live.telemetry.redaction import Redaction
from trading_ecosystem.live.telemetry.spans import service_resource
from trading_ecosystem.live.telemetry.spool import Spool
from trading_ecosystem.messages.accounts import QueryAccount, QueryTrades, VenueHeartbeat
from trading_ecosystem.simulators.exchange.server import SERVICE

class Fragile(JournaledCore):
    def handle(self, message, now):
        assert not isinstance(message, QueryTrades), "a rule of the core"
        return [VenueHeartbeat(venue="exchange", session=1, occurred_ns=now)]
    def save(self):
        return {}

async def main(case, folder):
    faults = StoreFaults()
    store = with_faults(open_store(f"sqlite:///{folder}/store.db", "exchange", SERVICE.design), faults)
    spool = Spool(folder / "spool", 1 << 20, service_resource("exchange", "0"), CODEC.encode)
    hub = Hub(1)
    hub.listen(lambda told: print(*(f"said {each.sequence}" for each in told), flush=True))
    async def record(messages):
        await commits.on_store(lambda: store.history.record(messages))
    historian = Historian(record)
    commits = Commits(store.journal, store.memory, Clock())
    runner = Runner("exchange", Fragile(), Clock(), CODEC, commits, spool, hub,
                    lambda message, header: False, historian)
    runner.recover(store.history.record)
    await runner.start()
    question = QueryAccount(to="exchange", asker="me", account="alpha")
    await runner.ask(question)
    if case == "core":
        runner.take(question, OUTSIDE)
        cause = Header(message_id=5, correlation_id=4)
        runner.take(QueryTrades(to="exchange", asker="me", from_trade_id=1), cause)
    elif case == "store":
        faults.inject(StoreFault.BROKEN)
        runner.take(question, OUTSIDE)
    elif case == "schema":
        import sqlite3
        with sqlite3.connect(folder / "store.db") as other:
            other.execute("ALTER TABLE journal RENAME TO gone")
        runner.take(question, OUTSIDE)
    elif case == "task":
        async def work():
            raise KeyError("nobody expected it")
        end_with(asyncio.create_task(work()))
    await asyncio.sleep(10)
    print("it goes on", flush=True)

set_up_logs("exchange", "info", Clock(), sys.stderr, Redaction())
asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
"""


@pytest.mark.parametrize(
    ("case", "code", "why"),
    [
        ("core", BROKEN_RULE, "the core has failed at a QueryTrades"),
        ("store", BROKEN_STORE, "the store is broken"),
        ("schema", BROKEN_STORE, "the store is broken"),
        ("task", BROKEN_RULE, "a task of this process has failed"),
    ],
)
def test_it_ends_at_once_and_nothing_of_it_is_kept_or_told(case: str, code: int, why: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, case, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == code, done.stderr
    assert why in done.stdout + done.stderr
    assert "it goes on" not in done.stdout
    last = json.loads(done.stderr.splitlines()[-1])
    assert last["level"] == "critical"
    assert last.get("span_id") == (f"{5:016x}" if case == "core" else None)  # What the core failed at.
    said = [line for line in done.stdout.splitlines() if line.startswith("said")]
    assert " ".join(said).split() == ["said", "1", "said", "2"]  # The start and the one question before it.
    if case != "schema":
        store = open_store(f"sqlite:///{tmp_path}/store.db", "exchange", SERVICE.design)
        kinds = [each.kind for record in store.journal.read(0) for each in unpack(record.payload)]
        store.close()
        assert kinds == ["Start", "QueryAccount"]
