"""What a custodian tells about its past: settlement instructions with what became of them, and ledger transactions.

Rule 1: an instruction ends once, posted or failed; its postings are kept as they were instructed.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from sqlalchemy import Column, Index, MetaData, Select, Table, Text, bindparam, or_, select, update

from trading_ecosystem.live.store.database import Database
from trading_ecosystem.live.store.history import insert_all, of_type, write_all
from trading_ecosystem.live.store.opening import Design
from trading_ecosystem.live.store.tables import UPDATED, Coded, Whole
from trading_ecosystem.messages.custody import (
    FailReason,
    Posting,
    SettlementFailed,
    SettlementInstructed,
    TransactionPosted,
)
from trading_ecosystem.messages.message import Message

TABLES = MetaData()
INSTRUCTION = Table(
    "instruction",
    TABLES,
    Column("instruction_id", Whole, primary_key=True, autoincrement=False),
    Column("custodian", Text, nullable=False),
    Column("trade_id", Whole, nullable=False),
    Column("venue", Text, nullable=False),
    Column("due_ns", Whole, nullable=False),
    Column("instructed_ns", Whole, nullable=False),
    Column("ended_ns", Whole),
    Column("transaction_id", Whole, unique=True),
    Column("fail_reason", Coded(FailReason)),
    info=UPDATED,
)
POSTING = Table(
    "posting",
    TABLES,
    Column("instruction_id", Whole, primary_key=True, autoincrement=False),
    Column("line", Whole, primary_key=True, autoincrement=False),
    Column("debit_account", Text, nullable=False),
    Column("credit_account", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("amount_minor", Whole, nullable=False),
    Index("posting_of_debit_account", "debit_account", "instruction_id"),
    Index("posting_of_credit_account", "credit_account", "instruction_id"),
)
REFUSAL = Table(
    "refusal",
    TABLES,
    Column("trade_id", Whole, primary_key=True, autoincrement=False),
    Column("fail_reason", Coded(FailReason), primary_key=True),
    Column("occurred_ns", Whole, nullable=False),
)


@final
@dataclass(frozen=True, kw_only=True)
class Instruction:
    """Pending while `ended_ns` is None; then posted as `transaction_id`, or failed for `fail_reason`."""

    instruction_id: int
    custodian: str
    trade_id: int
    venue: str
    due_ns: int
    instructed_ns: int
    ended_ns: int | None
    transaction_id: int | None
    fail_reason: FailReason | None
    postings: tuple[Posting, ...]


@final
@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A trade that never became an instruction."""

    trade_id: int
    fail_reason: FailReason
    occurred_ns: int


@final
class SettlementHistory:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._end = (
            update(INSTRUCTION)
            .where(INSTRUCTION.c.instruction_id == bindparam("instruction"))
            .values(
                ended_ns=bindparam("at_ns"), transaction_id=bindparam("transaction"), fail_reason=bindparam("reason")
            )
        )

    def record(self, messages: Sequence[Message]) -> None:
        instructed, posted = of_type(messages, SettlementInstructed), of_type(messages, TransactionPosted)
        failed = of_type(messages, SettlementFailed)
        if not (instructed or posted or failed):
            return
        dialect = self._database.dialect
        with self._database.writing() as connection:
            insert_all(connection, dialect, INSTRUCTION, map(new_instruction, instructed))
            insert_all(connection, dialect, POSTING, [row for each in instructed for row in lines_of(each)])
            ends = [end(each, transaction=each.transaction_id) for each in posted]
            ends += [end(each, reason=each.fail_reason) for each in failed if each.instruction_id]
            write_all(connection, self._end, ends)
            refused = [each for each in failed if not each.instruction_id]
            insert_all(connection, dialect, REFUSAL, map(new_refusal, refused))

    def instructions(self, *, account: str = "", after: int = 0, limit: int = 1000) -> list[Instruction]:
        """In the order of instruction ids. `account` is a party of one of their postings; empty: all."""
        statement = select(INSTRUCTION).where(INSTRUCTION.c.instruction_id > after)
        if account:
            statement = statement.where(INSTRUCTION.c.instruction_id.in_(of_account(account)))
        return self._instructions(statement.order_by(INSTRUCTION.c.instruction_id).limit(limit))

    def transactions(self, *, account: str = "", after: int = 0, limit: int = 1000) -> list[TransactionPosted]:
        """In the order of transaction ids. `account` is a party of one of their postings; empty: all."""
        statement = select(INSTRUCTION).where(INSTRUCTION.c.transaction_id > after)
        if account:
            statement = statement.where(INSTRUCTION.c.instruction_id.in_(of_account(account)))
        ordered = statement.order_by(INSTRUCTION.c.transaction_id).limit(limit)
        return [posted for each in self._instructions(ordered) if (posted := transaction_of(each)) is not None]

    def refusals(self, *, after: int = 0, limit: int = 1000) -> list[Refusal]:
        """In the order of trade ids."""
        statement = select(REFUSAL).where(REFUSAL.c.trade_id > after).order_by(REFUSAL.c.trade_id).limit(limit)
        with self._database.reading() as connection:
            return [Refusal(**row) for row in connection.execute(statement).mappings().all()]

    def _instructions(self, statement: Select[tuple[object, ...]]) -> list[Instruction]:
        with self._database.reading() as connection:
            rows = connection.execute(statement).mappings().all()
            lines = select(POSTING).where(POSTING.c.instruction_id.in_([row["instruction_id"] for row in rows]))
            postings: defaultdict[int, list[Posting]] = defaultdict(list)
            for line in connection.execute(lines.order_by(POSTING.c.instruction_id, POSTING.c.line)):
                postings[line.instruction_id].append(
                    Posting(
                        debit_account=line.debit_account,
                        credit_account=line.credit_account,
                        asset=line.asset,
                        amount_minor=line.amount_minor,
                    )
                )
        return [Instruction(**row, postings=tuple(postings[row["instruction_id"]])) for row in rows]


def new_instruction(instructed: SettlementInstructed) -> dict[str, object]:
    return {
        "instruction_id": instructed.instruction_id,
        "custodian": instructed.custodian,
        "trade_id": instructed.trade_id,
        "venue": instructed.venue,
        "due_ns": instructed.due_ns,
        "instructed_ns": instructed.occurred_ns,
    }


def lines_of(instructed: SettlementInstructed) -> list[dict[str, object]]:
    return [
        {
            "instruction_id": instructed.instruction_id,
            "line": number,
            "debit_account": posting.debit_account,
            "credit_account": posting.credit_account,
            "asset": posting.asset,
            "amount_minor": posting.amount_minor,
        }
        for number, posting in enumerate(instructed.postings)
    ]


def new_refusal(failed: SettlementFailed) -> dict[str, object]:
    return {"trade_id": failed.trade_id, "fail_reason": failed.fail_reason, "occurred_ns": failed.occurred_ns}


def end(
    ended: TransactionPosted | SettlementFailed, transaction: int | None = None, reason: FailReason | None = None
) -> dict[str, object]:
    return {
        "instruction": ended.instruction_id,
        "at_ns": ended.occurred_ns,
        "transaction": transaction,
        "reason": reason,
    }


def of_account(account: str) -> Select[tuple[int]]:
    """The instructions that move something from or to this account."""
    party = or_(POSTING.c.debit_account == account, POSTING.c.credit_account == account)
    return select(POSTING.c.instruction_id).where(party)


def transaction_of(instruction: Instruction) -> TransactionPosted | None:
    if instruction.transaction_id is None or instruction.ended_ns is None:
        return None
    return TransactionPosted(
        custodian=instruction.custodian,
        transaction_id=instruction.transaction_id,
        instruction_id=instruction.instruction_id,
        postings=instruction.postings,
        occurred_ns=instruction.ended_ns,
    )


DESIGN = Design(
    schema="custodian",
    prefix="custodian",
    tables=TABLES,
    steps=Path(__file__).parent / "migrations",
    history=SettlementHistory,
)
