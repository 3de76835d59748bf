"""What a custodian tells about its past: settlement instructions with what became of them, and ledger transactions.

Rule 1: an instruction ends once, settled or canceled; its postings are kept as they were instructed.
Rule 2: what is told after its end, because it is told again, changes nothing of it.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from sqlalchemy import Column, Index, Select, Table, Text, bindparam, or_, select, update

from trading_ecosystem.live.store.database import Database
from trading_ecosystem.live.store.history import insert_all, of_type, write_all
from trading_ecosystem.live.store.opening import Design
from trading_ecosystem.live.store.tables import UPDATED, Coded, Whole
from trading_ecosystem.messages.books import NettingSettled
from trading_ecosystem.messages.custody import (
    FailReason,
    PartPosted,
    Posting,
    SettlementCanceled,
    SettlementFailed,
    SettlementInstructed,
    SettlementStatus,
    TransactionPosted,
)
from trading_ecosystem.messages.message import Message
from trading_ecosystem.simulators.custodian.book_store import BookHistory
from trading_ecosystem.simulators.custodian.transfer_store import TABLES, TransferHistory

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
    Column("settlement_status", Coded(SettlementStatus)),
    Column("age_days", Whole),
    Column("retry_ns", Whole),
    Column("netting_id", Whole),
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
PART = Table(  # The lines of what was posted before the rest was.
    "part",
    TABLES,
    Column("transaction_id", Whole, primary_key=True, autoincrement=False),
    Column("line", Whole, primary_key=True, autoincrement=False),
    Column("custodian", Text, nullable=False),
    Column("instruction_id", Whole, nullable=False),
    Column("debit_account", Text, nullable=False),
    Column("credit_account", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("amount_minor", Whole, nullable=False),
    Column("occurred_ns", Whole, nullable=False),
    Index("part_of_instruction", "instruction_id"),
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
    """Open while `ended_ns` is None; then posted as `transaction_id`, or settled by the netting set `netting_id`, or
    canceled for `fail_reason`. `trade_id` 0: a profit in perpetuals.

    `fail_reason`, `age_days` and `retry_ns` are of its last fail, None where it never failed.
    """

    instruction_id: int
    custodian: str
    trade_id: int
    venue: str
    due_ns: int
    instructed_ns: int
    ended_ns: int | None
    transaction_id: int | None
    fail_reason: FailReason | None
    settlement_status: SettlementStatus
    age_days: int | None
    retry_ns: int | None
    netting_id: int | None
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
    """`transfers`, `books`: the parts of it that are about transfers, and about netting and comparisons. `database`:
    for whoever reads it in another way."""

    def __init__(self, database: Database) -> None:
        self.transfers = TransferHistory(database)
        self.books = BookHistory(database)
        self.database = self._database = database
        self._end = (
            update(INSTRUCTION)
            .where(INSTRUCTION.c.instruction_id == bindparam("instruction"))
            .values(
                ended_ns=bindparam("at_ns"),
                transaction_id=bindparam("transaction"),
                settlement_status=bindparam("status"),
                retry_ns=None,
            )
        )
        self._end_netted = (
            update(INSTRUCTION)
            .where(INSTRUCTION.c.instruction_id == bindparam("instruction"))
            .values(
                ended_ns=bindparam("at_ns"),
                netting_id=bindparam("netting"),
                settlement_status=SettlementStatus.SETTLED,
                retry_ns=None,
            )
        )
        still_open = (INSTRUCTION.c.instruction_id == bindparam("instruction"), INSTRUCTION.c.ended_ns.is_(None))
        self._note_part = (
            update(INSTRUCTION)
            .where(*still_open)
            .values(settlement_status=bindparam("status"), retry_ns=bindparam("retry"))
        )
        self._note_fail = (
            update(INSTRUCTION)
            .where(*still_open)
            .values(fail_reason=bindparam("reason"), age_days=bindparam("age"), retry_ns=bindparam("retry"))
        )
        self._fail_whole = (
            update(INSTRUCTION)
            .where(*still_open, INSTRUCTION.c.settlement_status == bindparam("before"))
            .values(settlement_status=bindparam("status"))
        )

    def record(self, messages: Sequence[Message]) -> None:
        self.transfers.record(messages)
        self.books.record(messages)
        netted = of_type(messages, NettingSettled)
        instructed, posted = of_type(messages, SettlementInstructed), of_type(messages, TransactionPosted)
        failed, parts = of_type(messages, SettlementFailed), of_type(messages, PartPosted)
        canceled = of_type(messages, SettlementCanceled)
        if not (instructed or posted or failed or parts or canceled or netted):
            return
        dialect = self._database.dialect
        with self._database.writing() as connection:
            insert_all(connection, dialect, INSTRUCTION, map(new_instruction, instructed))
            insert_all(connection, dialect, POSTING, [row for each in instructed for row in lines_of(each)])
            insert_all(connection, dialect, PART, [row for each in parts for row in part_lines_of(each)])
            write_all(connection, self._note_part, map(part_note, parts))
            fails = [each for each in failed if each.instruction_id]
            write_all(connection, self._note_fail, map(fail_note, fails))
            write_all(connection, self._fail_whole, map(whole_fail, fails))
            ends = [end(each, SettlementStatus.SETTLED, each.transaction_id) for each in posted]
            ends += [end(each, SettlementStatus.CANCELED) for each in canceled]
            write_all(connection, self._end, ends)
            write_all(connection, self._end_netted, [row for each in netted for row in netted_ends(each)])
            refused = [each for each in failed if not each.instruction_id]
            insert_all(connection, dialect, REFUSAL, map(new_refusal, refused))

    def instructions(self, *, account: str = "", after: int = 0, limit: int = 1000) -> list[Instruction]:
        """In the order of instruction ids. `account` is a party of one of their postings; empty: all."""
        statement = select(INSTRUCTION).where(INSTRUCTION.c.instruction_id > after)
        if account:
            statement = statement.where(INSTRUCTION.c.instruction_id.in_(of_account(account)))
        return self._instructions(statement.order_by(INSTRUCTION.c.instruction_id).limit(limit))

    def transactions(self, *, account: str = "", after: int = 0, limit: int = 1000) -> list[TransactionPosted]:
        """What settled its instruction, in the order of transaction ids; parts before it are not among them.

        `account` is a party of one of their postings; empty: all.
        """
        statement = select(INSTRUCTION).where(INSTRUCTION.c.transaction_id > after)
        if account:
            statement = statement.where(INSTRUCTION.c.instruction_id.in_(of_account(account)))
        ordered = statement.order_by(INSTRUCTION.c.transaction_id).limit(limit)
        found = self._instructions(ordered)
        parts = self.parts([each.instruction_id for each in found])
        return [
            posted for each in found if (posted := transaction_of(each, parts.get(each.instruction_id, []))) is not None
        ]

    def parts(self, instruction_ids: Sequence[int]) -> dict[int, list[Posting]]:
        """All lines that were posted before the rest of their instruction was, by instruction."""
        statement = select(PART).where(PART.c.instruction_id.in_(instruction_ids))
        lines: defaultdict[int, list[Posting]] = defaultdict(list)
        with self._database.reading() as connection:
            for line in connection.execute(statement.order_by(PART.c.transaction_id, PART.c.line)):
                lines[line.instruction_id].append(posting_of(line))
        return lines

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
                postings[line.instruction_id].append(posting_of(line))
        return [Instruction(**row, postings=tuple(postings[row["instruction_id"]])) for row in rows]


def new_instruction(instructed: SettlementInstructed) -> dict[str, object]:
    return {
        "instruction_id": instructed.instruction_id,
        "custodian": instructed.custodian,
        "trade_id": instructed.trade_id,
        "venue": instructed.venue,
        "due_ns": instructed.due_ns,
        "instructed_ns": instructed.occurred_ns,
        "settlement_status": SettlementStatus.MATCHED,
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


def part_lines_of(part: PartPosted) -> list[dict[str, object]]:
    return [
        {
            "transaction_id": part.transaction_id,
            "line": number,
            "custodian": part.custodian,
            "instruction_id": part.instruction_id,
            "debit_account": posting.debit_account,
            "credit_account": posting.credit_account,
            "asset": posting.asset,
            "amount_minor": posting.amount_minor,
            "occurred_ns": part.occurred_ns,
        }
        for number, posting in enumerate(part.postings)
    ]


def part_note(part: PartPosted) -> dict[str, object]:
    return {
        "instruction": part.instruction_id,
        "status": SettlementStatus.PARTIALLY_SETTLED,
        "retry": part.retry_ns,
    }


def fail_note(failed: SettlementFailed) -> dict[str, object]:
    return {
        "instruction": failed.instruction_id,
        "reason": failed.fail_reason,
        "age": failed.age_days,
        "retry": failed.retry_ns or None,
    }


def whole_fail(failed: SettlementFailed) -> dict[str, object]:
    """A fail of what has settled in part leaves it partially settled."""
    return {
        "instruction": failed.instruction_id,
        "before": SettlementStatus.MATCHED,
        "status": SettlementStatus.FAILED,
    }


def posting_of(line: Any) -> Posting:
    """Of a row that has the columns of one."""
    return Posting(
        debit_account=line.debit_account,
        credit_account=line.credit_account,
        asset=line.asset,
        amount_minor=line.amount_minor,
    )


def new_refusal(failed: SettlementFailed) -> dict[str, object]:
    return {"trade_id": failed.trade_id, "fail_reason": failed.fail_reason, "occurred_ns": failed.occurred_ns}


def end(
    ended: TransactionPosted | SettlementCanceled, status: SettlementStatus, transaction: int | None = None
) -> dict[str, object]:
    return {
        "instruction": ended.instruction_id,
        "at_ns": ended.occurred_ns,
        "transaction": transaction,
        "status": status,
    }


def netted_ends(settled: NettingSettled) -> list[dict[str, object]]:
    return [
        {"instruction": each.instruction_id, "at_ns": settled.occurred_ns, "netting": settled.netting_id}
        for each in settled.netted
    ]


def of_account(account: str) -> Select[tuple[int]]:
    """The instructions that move something from or to this account."""
    party = or_(POSTING.c.debit_account == account, POSTING.c.credit_account == account)
    return select(POSTING.c.instruction_id).where(party)


def transaction_of(instruction: Instruction, parts: list[Posting]) -> TransactionPosted | None:
    """`parts`: what of the instruction was posted before."""
    if instruction.transaction_id is None or instruction.ended_ns is None:
        return None
    return TransactionPosted(
        custodian=instruction.custodian,
        transaction_id=instruction.transaction_id,
        instruction_id=instruction.instruction_id,
        postings=rest_of(instruction.postings, parts),
        occurred_ns=instruction.ended_ns,
    )


def rest_of(postings: tuple[Posting, ...], parts: list[Posting]) -> tuple[Posting, ...]:
    """Parts move between the same accounts as what they are of, each kind of line once in each."""
    left: list[Posting] = []
    for posting in postings:
        same = [part.amount_minor for part in parts if of_amount(part, posting.amount_minor) == posting]
        if posting.amount_minor > sum(same):
            left.append(of_amount(posting, posting.amount_minor - sum(same)))
    return tuple(left)


def of_amount(posting: Posting, amount_minor: int) -> Posting:
    """So much of the same, from the same account to the same."""
    return Posting(
        debit_account=posting.debit_account,
        credit_account=posting.credit_account,
        asset=posting.asset,
        amount_minor=amount_minor,
    )


DESIGN = Design(
    schema="custodian",
    prefix="custodian",
    tables=TABLES,
    steps=Path(__file__).parent / "migrations",
    history=SettlementHistory,
)
