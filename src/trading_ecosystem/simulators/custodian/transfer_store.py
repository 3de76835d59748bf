"""What a custodian tells of transfers: each with how far it has come, every change of it, and its ledger postings.

Rule 1: changes and postings are inserted once and never updated; a transfer knows the last of its changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from sqlalchemy import Column, Index, MetaData, Select, Table, Text, bindparam, or_, select, update

from trading_ecosystem.live.store.database import Database
from trading_ecosystem.live.store.history import insert_all, of_type, write_all
from trading_ecosystem.live.store.tables import UPDATED, Coded, Whole
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.transfers import (
    MovementRefusal,
    TransferApproved,
    TransferChanged,
    TransferKind,
    TransferPosted,
    TransferRequested,
    TransferStatus,
)

TABLES = MetaData()
TRANSFER = Table(
    "transfer",
    TABLES,
    Column("transfer_id", Whole, primary_key=True, autoincrement=False),
    Column("custodian", Text, nullable=False),
    Column("request_id", Text, nullable=False, unique=True),
    Column("operator", Text, nullable=False),
    Column("transfer_kind", Coded(TransferKind), nullable=False),
    Column("debit_account", Text, nullable=False),
    Column("credit_account", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("amount_minor", Whole, nullable=False),
    Column("approvals_needed", Whole, nullable=False),
    Column("digest", Text, nullable=False),
    Column("requested_ns", Whole, nullable=False),
    Column("approvals_missing", Whole, nullable=False),
    Column("transfer_status", Coded(TransferStatus), nullable=False),
    Column("movement_refusal", Coded(MovementRefusal), nullable=False),
    Column("expected_ns", Whole, nullable=False),
    Column("changed_ns", Whole, nullable=False),
    Column("change_number", Whole, nullable=False),
    Index("transfer_of_debit_account", "debit_account", "transfer_id"),
    Index("transfer_of_credit_account", "credit_account", "transfer_id"),
    info=UPDATED,
)
CHANGE = Table(
    "transfer_change",
    TABLES,
    Column("transfer_id", Whole, primary_key=True, autoincrement=False),
    Column("change_number", Whole, primary_key=True, autoincrement=False),
    Column("transfer_status", Coded(TransferStatus), nullable=False),
    Column("occurred_ns", Whole, nullable=False),
    Column("operator", Text, nullable=False),
    Column("movement_refusal", Coded(MovementRefusal), nullable=False),
    Column("expected_ns", Whole, nullable=False),
)
STEP = Table(
    "transfer_posting",
    TABLES,
    Column("transaction_id", Whole, primary_key=True, autoincrement=False),
    Column("line", Whole, primary_key=True, autoincrement=False),
    Column("transfer_id", Whole, nullable=False),
    Column("movement_id", Whole, nullable=False),
    Column("debit_account", Text, nullable=False),
    Column("credit_account", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("amount_minor", Whole, nullable=False),
    Column("occurred_ns", Whole, nullable=False),
    Index("transfer_posting_of_debit_account", "debit_account", "transaction_id"),
    Index("transfer_posting_of_credit_account", "credit_account", "transaction_id"),
)


@final
@dataclass(frozen=True, kw_only=True)
class PastTransfer:
    """A transfer as of its last change; `expected_ns` is 0 where it waits for people."""

    transfer_id: int
    custodian: str
    request_id: str
    operator: str
    transfer_kind: TransferKind
    debit_account: str
    credit_account: str
    place: str
    asset: str
    amount_minor: int
    approvals_needed: int
    digest: str
    requested_ns: int
    approvals_missing: int
    transfer_status: TransferStatus
    movement_refusal: MovementRefusal
    expected_ns: int
    changed_ns: int
    change_number: int


@final
class TransferHistory:
    def __init__(self, database: Database) -> None:
        self._database = database
        of_one = TRANSFER.c.transfer_id == bindparam("transfer")
        self._change = (
            update(TRANSFER)
            .where(of_one, TRANSFER.c.change_number < bindparam("number"))
            .values(
                transfer_status=bindparam("status"),
                movement_refusal=bindparam("refusal"),
                expected_ns=bindparam("expected"),
                changed_ns=bindparam("at_ns"),
                change_number=bindparam("number"),
            )
        )
        self._approve = (
            update(TRANSFER)
            .where(of_one, TRANSFER.c.approvals_missing > bindparam("missing"))
            .values(approvals_missing=bindparam("missing"))
        )

    def record(self, messages: Sequence[Message]) -> None:
        requested, changed = of_type(messages, TransferRequested), of_type(messages, TransferChanged)
        approved, posted = of_type(messages, TransferApproved), of_type(messages, TransferPosted)
        if not (requested or changed or approved or posted):
            return
        dialect = self._database.dialect
        with self._database.writing() as connection:
            insert_all(connection, dialect, TRANSFER, map(new_transfer, requested))
            insert_all(connection, dialect, CHANGE, map(new_change, changed))
            insert_all(connection, dialect, STEP, [row for each in posted for row in steps_of(each)])
            write_all(connection, self._approve, map(approval, approved))
            write_all(connection, self._change, map(last_change, changed))

    def transfers(self, *, account: str = "", after: int = 0, limit: int = 1000) -> list[PastTransfer]:
        """In the order of transfer ids. `account` gives or gets; empty: all."""
        statement = select(TRANSFER).where(TRANSFER.c.transfer_id > after)
        if account:
            statement = statement.where(or_(TRANSFER.c.debit_account == account, TRANSFER.c.credit_account == account))
        return self._transfers(statement.order_by(TRANSFER.c.transfer_id).limit(limit))

    def transfer(self, request_id: str) -> PastTransfer | None:
        found = self._transfers(select(TRANSFER).where(TRANSFER.c.request_id == request_id))
        return found[0] if found else None

    def changes(self, transfer_id: int) -> list[tuple[TransferStatus, int, str]]:
        """Status, moment and who made it so, one after the other."""
        statement = select(CHANGE).where(CHANGE.c.transfer_id == transfer_id).order_by(CHANGE.c.change_number)
        with self._database.reading() as connection:
            return [(row.transfer_status, row.occurred_ns, row.operator) for row in connection.execute(statement)]

    def _transfers(self, statement: Select[tuple[object, ...]]) -> list[PastTransfer]:
        with self._database.reading() as connection:
            return [PastTransfer(**row) for row in connection.execute(statement).mappings().all()]


def new_transfer(requested: TransferRequested) -> dict[str, object]:
    return {
        "transfer_id": requested.transfer_id,
        "custodian": requested.custodian,
        "request_id": requested.request_id,
        "operator": requested.operator,
        "transfer_kind": requested.transfer_kind,
        "debit_account": requested.debit_account,
        "credit_account": requested.credit_account,
        "place": requested.place,
        "asset": requested.asset,
        "amount_minor": requested.amount_minor,
        "approvals_needed": requested.approvals_needed,
        "digest": requested.digest,
        "requested_ns": requested.occurred_ns,
        "approvals_missing": requested.approvals_needed,
        "transfer_status": TransferStatus.REQUESTED,
        "movement_refusal": MovementRefusal.NONE,
        "expected_ns": 0,
        "changed_ns": requested.occurred_ns,
        "change_number": 0,
    }


def new_change(changed: TransferChanged) -> dict[str, object]:
    return {
        "transfer_id": changed.transfer_id,
        "change_number": changed.change_number,
        "transfer_status": changed.transfer_status,
        "occurred_ns": changed.occurred_ns,
        "operator": changed.operator,
        "movement_refusal": changed.movement_refusal,
        "expected_ns": changed.expected_ns,
    }


def last_change(changed: TransferChanged) -> dict[str, object]:
    return {
        "transfer": changed.transfer_id,
        "status": changed.transfer_status,
        "refusal": changed.movement_refusal,
        "expected": changed.expected_ns,
        "at_ns": changed.occurred_ns,
        "number": changed.change_number,
    }


def approval(approved: TransferApproved) -> dict[str, object]:
    return {"transfer": approved.transfer_id, "missing": approved.approvals_missing}


def steps_of(posted: TransferPosted) -> list[dict[str, object]]:
    return [
        {
            "transaction_id": posted.transaction_id,
            "line": number,
            "transfer_id": posted.transfer_id,
            "movement_id": posted.movement_id,
            "debit_account": posting.debit_account,
            "credit_account": posting.credit_account,
            "asset": posting.asset,
            "amount_minor": posting.amount_minor,
            "occurred_ns": posted.occurred_ns,
        }
        for number, posting in enumerate(posted.postings)
    ]
