"""What a custodian tells of netting sets and of comparisons of books: each inserted once, and never updated."""

from collections import defaultdict
from collections.abc import Sequence
from typing import final

from sqlalchemy import Column, Index, Table, Text, or_, select

from trading_ecosystem.live.store.database import Database
from trading_ecosystem.live.store.history import insert_all, of_type
from trading_ecosystem.live.store.tables import Whole
from trading_ecosystem.messages.books import BooksCompared, Break, NettingSettled
from trading_ecosystem.messages.custody import Posting
from trading_ecosystem.messages.message import Message
from trading_ecosystem.simulators.custodian.transfer_store import TABLES

NETTING = Table(
    "netting",
    TABLES,
    Column("netting_id", Whole, primary_key=True, autoincrement=False),
    Column("custodian", Text, nullable=False),
    Column("transaction_id", Whole, nullable=False),
    Column("cut_off_ns", Whole, nullable=False),
    Column("instruction_count", Whole, nullable=False),
    Column("occurred_ns", Whole, nullable=False),
)
NET_POSTING = Table(
    "netting_posting",
    TABLES,
    Column("netting_id", Whole, primary_key=True, autoincrement=False),
    Column("line", Whole, primary_key=True, autoincrement=False),
    Column("debit_account", Text, nullable=False),
    Column("credit_account", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("amount_minor", Whole, nullable=False),
    Index("netting_posting_of_debit_account", "debit_account", "netting_id"),
    Index("netting_posting_of_credit_account", "credit_account", "netting_id"),
)
COMPARISON = Table(
    "comparison",
    TABLES,
    Column("venue", Text, primary_key=True),
    Column("occurred_ns", Whole, primary_key=True, autoincrement=False),
    Column("custodian", Text, nullable=False),
    Column("last_trade_id", Whole, nullable=False),
    Column("last_movement_id", Whole, nullable=False),
    Column("entry_count", Whole, nullable=False),
    Column("break_count", Whole, nullable=False),
)
BREAK = Table(
    "comparison_break",
    TABLES,
    Column("venue", Text, primary_key=True),
    Column("occurred_ns", Whole, primary_key=True, autoincrement=False),
    Column("account", Text, primary_key=True),
    Column("asset", Text, primary_key=True),
    Column("venue_minor", Whole, nullable=False),
    Column("custody_minor", Whole, nullable=False),
)


@final
class BookHistory:
    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, messages: Sequence[Message]) -> None:
        settled, compared = of_type(messages, NettingSettled), of_type(messages, BooksCompared)
        if not (settled or compared):
            return
        dialect = self._database.dialect
        with self._database.writing() as connection:
            insert_all(connection, dialect, NETTING, map(netting_row, settled))
            insert_all(connection, dialect, NET_POSTING, [row for each in settled for row in net_lines_of(each)])
            insert_all(connection, dialect, COMPARISON, map(comparison_row, compared))
            insert_all(connection, dialect, BREAK, [row for each in compared for row in breaks_of(each)])

    def nettings(self, *, account: str = "", after: int = 0, limit: int = 1000) -> list[NettingSettled]:
        """In the order of their ids, without the instructions that they settled; `account`: has a posting of them."""
        statement = select(NETTING).where(NETTING.c.netting_id > after)
        if account:
            party = or_(NET_POSTING.c.debit_account == account, NET_POSTING.c.credit_account == account)
            statement = statement.where(NETTING.c.netting_id.in_(select(NET_POSTING.c.netting_id).where(party)))
        with self._database.reading() as connection:
            rows = connection.execute(statement.order_by(NETTING.c.netting_id).limit(limit)).all()
            lines = select(NET_POSTING).where(NET_POSTING.c.netting_id.in_([row.netting_id for row in rows]))
            postings: defaultdict[int, list[Posting]] = defaultdict(list)
            for line in connection.execute(lines.order_by(NET_POSTING.c.netting_id, NET_POSTING.c.line)):
                postings[line.netting_id].append(
                    Posting(
                        debit_account=line.debit_account,
                        credit_account=line.credit_account,
                        asset=line.asset,
                        amount_minor=line.amount_minor,
                    )
                )
        return [
            NettingSettled(
                custodian=row.custodian,
                netting_id=row.netting_id,
                transaction_id=row.transaction_id,
                cut_off_ns=row.cut_off_ns,
                netted=(),
                postings=tuple(postings[row.netting_id]),
                occurred_ns=row.occurred_ns,
            )
            for row in rows
        ]

    def comparisons(self, *, since_ns: int = 0, limit: int = 1000) -> list[BooksCompared]:
        """In the order of their time, from then on, each with its breaks."""
        statement = select(COMPARISON).where(COMPARISON.c.occurred_ns >= since_ns)
        with self._database.reading() as connection:
            rows = connection.execute(statement.order_by(COMPARISON.c.occurred_ns).limit(limit)).all()
            lines = select(BREAK).where(BREAK.c.occurred_ns.in_([row.occurred_ns for row in rows]))
            breaks: defaultdict[tuple[str, int], list[Break]] = defaultdict(list)
            for line in connection.execute(lines.order_by(BREAK.c.account, BREAK.c.asset)):
                each = Break(
                    account=line.account,
                    asset=line.asset,
                    venue_minor=line.venue_minor,
                    custody_minor=line.custody_minor,
                )
                breaks[line.venue, line.occurred_ns].append(each)
        return [
            BooksCompared(
                custodian=row.custodian,
                venue=row.venue,
                last_trade_id=row.last_trade_id,
                last_movement_id=row.last_movement_id,
                entry_count=row.entry_count,
                breaks=tuple(breaks[row.venue, row.occurred_ns]),
                occurred_ns=row.occurred_ns,
            )
            for row in rows
        ]


def netting_row(settled: NettingSettled) -> dict[str, object]:
    return {
        "netting_id": settled.netting_id,
        "custodian": settled.custodian,
        "transaction_id": settled.transaction_id,
        "cut_off_ns": settled.cut_off_ns,
        "instruction_count": len(settled.netted),
        "occurred_ns": settled.occurred_ns,
    }


def net_lines_of(settled: NettingSettled) -> list[dict[str, object]]:
    return [
        {
            "netting_id": settled.netting_id,
            "line": number,
            "debit_account": posting.debit_account,
            "credit_account": posting.credit_account,
            "asset": posting.asset,
            "amount_minor": posting.amount_minor,
        }
        for number, posting in enumerate(settled.postings)
    ]


def comparison_row(compared: BooksCompared) -> dict[str, object]:
    return {
        "venue": compared.venue,
        "occurred_ns": compared.occurred_ns,
        "custodian": compared.custodian,
        "last_trade_id": compared.last_trade_id,
        "last_movement_id": compared.last_movement_id,
        "entry_count": compared.entry_count,
        "break_count": len(compared.breaks),
    }


def breaks_of(compared: BooksCompared) -> list[dict[str, object]]:
    return [
        {
            "venue": compared.venue,
            "occurred_ns": compared.occurred_ns,
            "account": each.account,
            "asset": each.asset,
            "venue_minor": each.venue_minor,
            "custody_minor": each.custody_minor,
        }
        for each in compared.breaks
    ]
