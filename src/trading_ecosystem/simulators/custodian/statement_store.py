"""Statements out of the custodian's history: every posting of an account with its id and reason, and their sums.

Rule 1: opening and postings make the closing, for each asset; the closing is summed up by the store, not by us.
Rule 2: history is never changed: what is told of a period that is over is told the same for ever.
"""

from dataclasses import dataclass
from typing import Any, final

from sqlalchemy import CompoundSelect, Select, and_, case, func, literal, or_, select, union_all

from trading_ecosystem.live.store.database import Database
from trading_ecosystem.messages.custody import SettlementStatus
from trading_ecosystem.simulators.custodian.book_store import NET_POSTING, NETTING
from trading_ecosystem.simulators.custodian.store import INSTRUCTION, PART, POSTING
from trading_ecosystem.simulators.custodian.transfer_store import STEP

Amounts = dict[str, int]  # Minor units by asset.


@final
@dataclass(frozen=True, kw_only=True)
class StatementLine:
    """`amount_minor` is what the account received (+) or gave (-). `number`: of the instruction, of the netting set
    or of the transfer."""

    occurred_ns: int
    transaction_id: int
    reason: str  # "settlement", "profit", "netting" or "transfer".
    number: int
    counterparty: str
    asset: str
    amount_minor: int


@final
@dataclass(frozen=True, kw_only=True)
class Statement:
    """Of one account, from `since_ns` on and before `until_ns`."""

    account: str
    since_ns: int
    until_ns: int
    opening: Amounts
    lines: tuple[StatementLine, ...]
    closing: Amounts


@final
class Statements:
    """`held`: account -> asset -> minor units before the first posting of all."""

    def __init__(self, database: Database, held: dict[str, Amounts]) -> None:
        self._database = database
        self._held = held

    def knows(self, account: str) -> bool:
        return account in self._held

    def statement(self, account: str, since_ns: int, until_ns: int, most: int) -> Statement | None:
        """None where there are more lines than `most`."""
        with self._database.reading() as connection:
            rows = connection.execute(lines_of(account, since_ns, until_ns).limit(most + 1)).mappings().all()
            before = connection.execute(sums_of(account, since_ns)).all()
            after = connection.execute(sums_of(account, until_ns)).all()
        if len(rows) > most:
            return None
        held = self._held[account]
        statement = Statement(
            account=account,
            since_ns=since_ns,
            until_ns=until_ns,
            opening=added(held, before),
            lines=tuple([line_of(row) for row in rows]),
            closing=added(held, after),
        )
        check(statement)
        return statement


def check(statement: Statement) -> None:
    """Opening and postings make the closing."""
    amounts = dict(statement.opening)
    for line in statement.lines:
        amounts[line.asset] = amounts.get(line.asset, 0) + line.amount_minor
    for asset in {**amounts, **statement.closing}:
        assert amounts.get(asset, 0) == statement.closing.get(asset, 0), f"{asset} of {statement.account}"


def added(held: Amounts, sums: Any) -> Amounts:
    amounts = dict(held)
    for asset, amount in sums:
        amounts[asset] = amounts.get(asset, 0) + int(amount)
    return amounts


def line_of(row: Any) -> StatementLine:
    return StatementLine(**{**row, "amount_minor": int(row["amount_minor"])})


def lines_of(account: str, since_ns: int, until_ns: int) -> Select[Any]:
    """In the order in which they were posted."""
    every = all_lines(account).subquery()
    statement = select(every).where(every.c.occurred_ns >= since_ns, every.c.occurred_ns < until_ns)
    return statement.order_by(every.c.occurred_ns, every.c.transaction_id, every.c.asset, every.c.counterparty)


def sums_of(account: str, before_ns: int) -> Select[Any]:
    every = all_lines(account).subquery()
    statement = select(every.c.asset, func.sum(every.c.amount_minor)).where(every.c.occurred_ns < before_ns)
    return statement.group_by(every.c.asset).order_by(every.c.asset)


def all_lines(account: str) -> CompoundSelect[Any]:
    return union_all(settled(account), settled_in_part(account), netted(account), transferred(account))


def settled(account: str) -> Select[Any]:
    """What settled an instruction: its postings, less what was posted of them in part before."""
    parts = (
        select(func.coalesce(func.sum(PART.c.amount_minor), 0))
        .where(
            and_(
                PART.c.instruction_id == POSTING.c.instruction_id,
                PART.c.debit_account == POSTING.c.debit_account,
                PART.c.credit_account == POSTING.c.credit_account,
                PART.c.asset == POSTING.c.asset,
            )
        )
        .correlate(POSTING)
        .scalar_subquery()
    )
    return (
        select(
            INSTRUCTION.c.ended_ns.label("occurred_ns"),
            INSTRUCTION.c.transaction_id.label("transaction_id"),
            case((INSTRUCTION.c.trade_id == 0, literal("profit")), else_=literal("settlement")).label("reason"),
            INSTRUCTION.c.instruction_id.label("number"),
            *seen_by(account, POSTING, POSTING.c.amount_minor - parts),
        )
        .join(POSTING, POSTING.c.instruction_id == INSTRUCTION.c.instruction_id)
        .where(INSTRUCTION.c.settlement_status == SettlementStatus.SETTLED, is_party(account, POSTING))
        .where(INSTRUCTION.c.netting_id.is_(None))
        .where(POSTING.c.amount_minor > parts)
    )


def settled_in_part(account: str) -> Select[Any]:
    return select(
        PART.c.occurred_ns.label("occurred_ns"),
        PART.c.transaction_id.label("transaction_id"),
        literal("settlement").label("reason"),
        PART.c.instruction_id.label("number"),
        *seen_by(account, PART, PART.c.amount_minor),
    ).where(is_party(account, PART))


def netted(account: str) -> Select[Any]:
    """What a netting set moved for all the instructions that it settled."""
    return (
        select(
            NETTING.c.occurred_ns.label("occurred_ns"),
            NETTING.c.transaction_id.label("transaction_id"),
            literal("netting").label("reason"),
            NETTING.c.netting_id.label("number"),
            *seen_by(account, NET_POSTING, NET_POSTING.c.amount_minor),
        )
        .join(NET_POSTING, NET_POSTING.c.netting_id == NETTING.c.netting_id)
        .where(is_party(account, NET_POSTING))
    )


def transferred(account: str) -> Select[Any]:
    return select(
        STEP.c.occurred_ns.label("occurred_ns"),
        STEP.c.transaction_id.label("transaction_id"),
        literal("transfer").label("reason"),
        STEP.c.transfer_id.label("number"),
        *seen_by(account, STEP, STEP.c.amount_minor),
    ).where(is_party(account, STEP))


def is_party(account: str, table: Any) -> Any:
    return or_(table.c.debit_account == account, table.c.credit_account == account)


def seen_by(account: str, table: Any, amount: Any) -> tuple[Any, Any, Any]:
    """Whom it was with, of what, and how much: received (+) or given (-)."""
    receives = table.c.credit_account == account
    return (
        case((receives, table.c.debit_account), else_=table.c.credit_account).label("counterparty"),
        table.c.asset.label("asset"),
        case((receives, amount), else_=-amount).label("amount_minor"),
    )
