"""A second core beside the one that is killed: it handles the journal again, and says what must have been.

Rule 1: it handles every record once, from the first on; it never sees a snapshot.
Rule 2: whatever the killed process has told anybody, this core says too, word for word; else it was lost.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from typing import Any, final

from sqlalchemy import select

from trading_ecosystem.core import JournaledCore
from trading_ecosystem.live.inputs import unpack
from trading_ecosystem.live.production_wire import CODEC
from trading_ecosystem.live.store.database import Database
from trading_ecosystem.live.store.ports import Record
from trading_ecosystem.live.store.sql import SqlJournal
from trading_ecosystem.live.store.tables import JOURNAL
from trading_ecosystem.messages.custody import SettlementInstructed, TransactionPosted
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import OrderAccepted, OrderRejected, TradeExecuted
from trading_ecosystem.messages.runtime import Remember, WakeAt

Build = Callable[[], JournaledCore]
OWN = (WakeAt, Remember)  # What a core says to its runner alone.


def words(message: Message) -> str:
    """A message as one line of text, the same for equal messages."""
    return words_of(*CODEC.encode(message))


def words_of(kind: str, body: bytes) -> str:
    return f"{kind} {body.hex()}"


def meant(words: str) -> str:
    """The message of these words, for people."""
    kind, _, body = words.partition(" ")
    return repr(CODEC.decode(kind, bytes.fromhex(body)))


def digest(core: JournaledCore) -> str:
    return sha256(json.dumps(core.save(), sort_keys=True).encode()).hexdigest()


def again(core: JournaledCore, record: Record) -> Iterator[Message]:
    """Handle the inputs of a record again. What the core says to others."""
    for each in unpack(record.payload):
        outputs = core.handle(CODEC.decode(each.kind, each.body), each.now_ns)
        yield from [output for output in outputs if not isinstance(output, OWN)]


@final
class Twin:
    def __init__(self, build: Build) -> None:
        self.core = build()
        self.sequence = 0
        self.said: Counter[str] = Counter()
        self.submitted: Counter[tuple[str, str]] = Counter()  # How often an order was accepted or rejected.
        self.orders: dict[int, OrderAccepted] = {}
        self.trades: dict[int, TradeExecuted] = {}
        self.instructed: Counter[int] = Counter()  # By trade.
        self.posted: Counter[int] = Counter()  # By instruction.
        self.transactions: dict[int, TransactionPosted] = {}

    def take(self, records: Iterable[Record]) -> None:
        for record in records:
            assert record.sequence == self.sequence + 1, f"record {self.sequence + 1} was given up before it was read"
            for message in again(self.core, record):
                self._note(message)
            self.sequence = record.sequence

    def _note(self, message: Message) -> None:
        self.said[words(message)] += 1
        if isinstance(message, OrderAccepted):
            assert message.order_id not in self.orders
            self.orders[message.order_id] = message
            self.submitted[message.account, message.client_order_id] += 1
        elif isinstance(message, OrderRejected):
            self.submitted[message.account, message.client_order_id] += 1
        elif isinstance(message, TradeExecuted):
            assert message.trade_id == len(self.trades) + 1
            self.trades[message.trade_id] = message
        elif isinstance(message, SettlementInstructed):
            self.instructed[message.trade_id] += 1
        elif isinstance(message, TransactionPosted):
            self.posted[message.instruction_id] += 1
            self.transactions[message.transaction_id] = message

    def doubled(self) -> list[str]:
        """Everything that happened more than once and may happen only once."""
        counted: tuple[tuple[str, Counter[Any]], ...] = (
            ("order", self.submitted),
            ("instruction of trade", self.instructed),
            ("posting of instruction", self.posted),
        )
        return [f"{what} {key}" for what, counts in counted for key, count in counts.items() if count > 1]

    def totals(self) -> dict[str, int]:
        """Of each asset, the sum over all accounts, in minor units."""
        return totals_of(self.core.save())


def totals_of(state: Any) -> dict[str, int]:
    """From the saved state of an exchange or a custodian."""
    totals: Counter[str] = Counter()
    if "ledger" in state:
        for amounts in state["ledger"]["posted"].values():
            totals.update(amounts)
    else:
        for account in state["accounts"].values():
            totals.update({asset: free + locked for asset, (free, locked) in account["funds"].items()})
    return dict(totals)


def kept_after(database: Database, sequence: int) -> list[Record]:
    """The records after this one, also while the service holds its store."""
    statement = select(*(JOURNAL.c[name] for name in Record._fields)).where(JOURNAL.c.sequence > sequence)
    with database.reading() as connection:
        return [Record(*row) for row in connection.execute(statement.order_by(JOURNAL.c.sequence))]


def recovered(database: Database, build: Build) -> tuple[JournaledCore, int]:
    """The core as the service itself will rebuild it, from its newest snapshot on; and after which record."""
    journal = SqlJournal(database)
    core, after = build(), 0
    found = journal.snapshot()
    if found is not None:
        after, state = found
        core.restore(json.loads(state))
    for record in journal.read(after):
        for _ in again(core, record):
            pass
        after = record.sequence
    return core, after
