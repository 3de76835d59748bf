"""Ends a service just before and just after every commit of one run, lets it recover and go on, and compares the ends.

python checks/kill_commits.py --service exchange|custodian [--every N]

Rule 1: however often a run is broken off, it ends as the one that was not, in its state and in all that it said.
Rule 2: the client repeats only what it got no answer for, and asks first where a repetition would say something new.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, final

from kill_load import KEEPER, VENUE
from kill_stage import ACCOUNTS, SECOND_NS, WORLD, TradeSource, words_in
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from trading_ecosystem.assembly import load_world
from trading_ecosystem.configuration.document import parse_document
from trading_ecosystem.core import JournaledCore
from trading_ecosystem.live import backlog
from trading_ecosystem.live.clock import Clock, Tempo
from trading_ecosystem.live.commits import Commits
from trading_ecosystem.live.historian import Historian
from trading_ecosystem.live.hub import Hub
from trading_ecosystem.live.runner import OUTSIDE, Runner
from trading_ecosystem.live.sealing import WAKE
from trading_ecosystem.live.service import Service
from trading_ecosystem.live.store.faults import StoreFaults, with_faults
from trading_ecosystem.live.store.opening import open_store
from trading_ecosystem.live.telemetry.spans import service_resource
from trading_ecosystem.live.telemetry.spool import Spool
from trading_ecosystem.messages.accounts import AccountReported, QueryAccount, QueryHoldings
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import CancelOrder, OrderType, Side, SubmitOrder, TimeInForce
from trading_ecosystem.orchestrator.documents import DOCUMENT, documents_of
from trading_ecosystem.orchestrator.terms import Terms
from trading_ecosystem.simulators.custodian.server import SERVICE as CUSTODIAN_SERVICE
from trading_ecosystem.simulators.exchange.server import SERVICE as EXCHANGE_SERVICE

STEPS = 24
INPUTS_PER_SNAPSHOT = 60  # So that one run keeps several.
CRASHED = 9
SERVICES: dict[str, Service] = {VENUE: EXCHANGE_SERVICE, KEEPER: CUSTODIAN_SERVICE}
OF_A_LIFE = ("HealthChanged", "VenueHeartbeat", "AccountReported", "HoldingsReported", "QueryTrades")
STATE_OF_A_LIFE = ("session", "heartbeat_due_ns", "asked_ns", "queried_ns")


class Step(NamedTuple):
    """What a client sends at a moment, `after_ns` after the start of the run; and the question that ends it."""

    after_ns: int
    messages: Sequence[Message]
    question: Message


class Crash(NamedTuple):
    commit: int
    after: bool


def venue_steps(start_ns: int) -> list[Step]:
    """Two accounts that trade with each other; some orders rest, some of those are canceled."""
    steps: list[Step] = []
    for number in range(STEPS):
        sent: list[Message] = []
        for account, side in (("alpha", Side.SELL), ("beta", Side.BUY)):
            for name, ticks in (("meets", 6_000_000), ("rests", 9_000_000 if side is Side.SELL else 3_000_000)):
                order = (f"{name}-{number}", "BTC/USD", side, OrderType.LIMIT, TimeInForce.GTC, ticks, 5 + number % 7)
                sent.append(SubmitOrder(VENUE, account, *order))
            if number % 3 == 2:
                sent.append(CancelOrder(VENUE, account, f"rests-{number - 1}"))
        question = QueryAccount(to=VENUE, asker="client", account=("alpha", "beta")[number % 2])
        steps.append(Step(number * SECOND_NS, sent, question))
    return steps


def keeper_steps(start_ns: int) -> list[Step]:
    """Trades in any order and some twice, and the moments at which they are settled."""
    source = TradeSource(VENUE)
    steps: list[Step] = []
    for number in range(STEPS):
        now = start_ns + number * 10 * 60 * SECOND_NS
        sent: list[Message] = [each for each in source.handle(WAKE, now) if type(each).__name__ == "TradeExecuted"]
        question = QueryHoldings(to=KEEPER, asker="client", account=ACCOUNTS[KEEPER][number % 4])
        steps.append(Step(number * 10 * 60 * SECOND_NS, [WAKE, *sent], question))
    return steps


@final
class Life:
    """One life of the service, in this process, on a store and a spool that outlive it."""

    def __init__(self, service: str, folder: Path, crash: Crash | None) -> None:
        described = SERVICES[service]
        start_ns = load_world(WORLD).start_ns
        text = documents_of(WORLD, Terms(seed=7, start_ns=start_ns))[service][DOCUMENT]
        core = described.build(parse_document("document", text).section(described.keys, described.optional), service)
        assert isinstance(core, JournaledCore)
        self.core, self.service = core, service
        self.faults = StoreFaults()
        if crash is not None:
            self.faults.crash_at(crash.commit, after=crash.after, crash=lambda: os._exit(CRASHED))
        self.store = with_faults(open_store(f"sqlite:///{folder}/store.db", service, described.design), self.faults)
        encode = described.codec.encode
        self.spool = Spool(folder / "spool", 64 << 20, service_resource(service, "0"), encode)
        self.clock = Clock(Tempo(start_ns=start_ns, epoch_ns=0, speed=1))
        self.hub = Hub(1)
        self.historian = Historian(self._record)
        self.hub.listen(self.historian.take)
        self.commits = Commits(self.store.journal, self.store.memory, self.clock)
        self.runner = Runner(
            service,
            core,
            self.clock,
            described.codec,
            self.commits,
            self.spool,
            self.hub,
            lambda message, header: False,
            self.historian,
        )
        self.acknowledged = folder / "acknowledged"
        self.steps = (venue_steps if service == VENUE else keeper_steps)(start_ns)

    async def _record(self, messages: Sequence[Message]) -> None:
        await self.commits.on_store(lambda: self.store.history.record(messages))

    async def live(self) -> dict[str, Any]:
        """From the first step that was not acknowledged to the last. What came of it all."""
        done = self._done()
        self.clock.shift(self.steps[min(done, STEPS - 1)].after_ns)
        self.runner.recover(self.store.history.record)
        await self.runner.start()
        for number in range(done, STEPS):
            step = self.steps[number]
            self.clock.shift(step.after_ns)
            again = number == done and done > 0
            await self._send(await self._still_open(step.messages) if again else step.messages)
            await self.runner.ask(step.question)
            self._acknowledge(number + 1)
        await self.runner.settle()
        await self.historian.write()
        await self.runner.close()
        return {"digest": digest_of(self.core), "said": self._said(), "history": self._history()}

    async def _send(self, messages: Sequence[Message]) -> None:
        if self.service == VENUE:
            await self.runner.take_commands([(message, OUTSIDE) for message in messages])
        else:
            for message in messages:
                self.runner.take(message, OUTSIDE)

    async def _still_open(self, messages: Sequence[Message]) -> list[Message]:
        """A cancel that has had its effect is not sent again: it would be refused, and that would be said."""
        cancels = {each.account for each in messages if isinstance(each, CancelOrder)}
        resting: set[tuple[str, str]] = set()
        for account in sorted(cancels):
            for report in await self.runner.ask(QueryAccount(to=VENUE, asker="client", account=account)):
                assert isinstance(report, AccountReported)
                resting |= {(account, order.client_order_id) for order in report.open_orders}
        return [
            each
            for each in messages
            if not isinstance(each, CancelOrder) or (each.account, each.client_order_id) in resting
        ]

    def _done(self) -> int:
        return len(self.acknowledged.read_bytes()) if self.acknowledged.exists() else 0

    def _acknowledge(self, number: int) -> None:
        with self.acknowledged.open("ab") as file:
            file.write(b".")
            file.flush()
            os.fsync(file.fileno())
        assert self._done() == number

    def _said(self) -> dict[str, int]:
        """All that any life has said, out of the spool, but what each life says anew."""
        said: Counter[str] = Counter()
        while (batch := self.spool.next_batch()) is not None:
            for _, words in words_in(ExportTraceServiceRequest.FromString(batch.request)):
                said[words] += words.split(" ")[0] not in OF_A_LIFE
            self.spool.acknowledge(batch)
        return {words: count for words, count in said.items() if count}

    def _history(self) -> list[str]:
        history: Any = self.store.history
        if self.service == VENUE:
            return [str(each) for each in (*history.trades(), *history.orders())]
        return [str(each) for each in (*history.instructions(), *history.transactions(), *history.refusals())]


def digest_of(core: JournaledCore) -> str:
    """Of the state, without what a restart changes: how often it was started, and what its timers wait for."""
    state: Any = core.save()
    return sha256(json.dumps({k: v for k, v in state.items() if k not in STATE_OF_A_LIFE}).encode()).hexdigest()


def in_a_child(work: Callable[[], None]) -> int:
    """Returns the exit code of a process that does this work."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def lived(service: str, folder: Path, crash: Crash | None) -> tuple[int, Path]:
    """The exit code of one life, and where its result is."""
    result = folder / "result"

    def work() -> None:
        backlog.FEWEST_INPUTS = backlog.MOST_INPUTS = INPUTS_PER_SNAPSHOT
        life = Life(service, folder, crash)
        ended = asyncio.run(life.live())
        result.write_text(json.dumps({"commits": life.faults.commits, **ended}))

    return in_a_child(work), result


def sweep(service: str, every: int, folder: Path) -> str:
    """The last line. Raises AssertionError at the first end that is another one."""
    empty, whole = folder / "empty", folder / "whole"
    empty.mkdir()
    open_store(f"sqlite:///{empty}/store.db", service, SERVICES[service].design).close()
    shutil.copytree(empty, whole)
    code, result = lived(service, whole, None)
    assert code == 0, f"the reference run ended with {code}"
    reference = json.loads(result.read_text())
    crashes = [Crash(n, after) for n in range(1, reference["commits"] + 1, every) for after in (False, True)]
    for crash in crashes:
        place = folder / f"{crash.commit}-{crash.after}"
        shutil.copytree(empty, place)
        code, _ = lived(service, place, crash)
        assert code == CRASHED, f"{crash}: the life that was to be broken off ended with {code}"
        code, result = lived(service, place, None)
        assert code == 0, f"{crash}: the recovered life ended with {code}"
        compare(crash, json.loads(result.read_text()), reference)
        shutil.rmtree(place)
    return f"{service}: boundaries: {len(crashes)}, lost: 0, doubled: 0, digests equal: {len(crashes)}"


def compare(crash: Crash, found: dict[str, Any], reference: dict[str, Any]) -> None:
    """What was said, what the history holds, and the state."""
    said, wanted = Counter(found["said"]), Counter(reference["said"])
    assert not wanted - said, f"{crash}: lost: {len(wanted - said)}, such as {next(iter(wanted - said))}"
    assert not said - wanted, f"{crash}: doubled: {len(said - wanted)}, such as {next(iter(said - wanted))}"
    assert found["history"] == reference["history"], f"{crash}: the history is another one"
    assert found["digest"] == reference["digest"], f"{crash}: the state is another one"


def main() -> int:
    parser = argparse.ArgumentParser(description="Break off a run at each of its commits.")
    parser.add_argument("--service", choices=(VENUE, KEEPER), required=True)
    parser.add_argument("--every", type=int, default=1, help="Every commit is 1, every second one 2, and so on.")
    given = parser.parse_args()
    memory = Path("/dev/shm")  # A process that ends takes nothing with it that it wrote, to whatever disk.
    folder = Path(tempfile.mkdtemp(prefix="kill-commits-", dir=memory if memory.is_dir() else None))
    try:
        print(sweep(given.service, given.every, folder))
    except AssertionError as violation:
        print(f"violated: {violation}")
        return 1
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
