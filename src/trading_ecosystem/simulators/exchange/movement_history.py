"""What moved into an account, out of it and between its wallets, as it was told; trades and positions apart.

Rule 1: a movement is known by its account and the number under which it was told, so it may be told again.
Rule 2: a liquidation fee is told with the other fees of a position (`PositionChanged`): it is taken out of them here,
    and stands under its own name.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import final

from sqlalchemy import Column, MetaData, PrimaryKeyConstraint, Table, Text

from trading_ecosystem.live.store.database import Database
from trading_ecosystem.live.store.history import insert_all
from trading_ecosystem.live.store.tables import Coded, Whole
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.perpetuals import LossCovered, MarginMoved, PositionLiquidated
from trading_ecosystem.messages.transfers import AccountMoved


class Wallet(StrEnum):
    BALANCE = "balance"
    MARGIN = "margin"


class Kind(StrEnum):
    """Of a line of a statement."""

    TRADE = "trade"
    FEE = "fee"
    REALISED = "realised"
    FUNDING = "funding"
    LIQUIDATION = "liquidation"  # The fee for it.
    COVERED = "covered"  # What an account lost beyond what it had, and somebody else paid.
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    MARGIN_TRANSFER = "margin_transfer"


def movement_table(tables: MetaData) -> Table:
    return Table(
        "account_movement",
        tables,
        Column("account", Text, nullable=False),
        Column("account_sequence", Whole, nullable=False),
        Column("line", Whole, nullable=False),
        Column("occurred_ns", Whole, nullable=False),
        Column("kind", Coded(Kind), nullable=False),
        Column("wallet", Coded(Wallet), nullable=False),
        Column("symbol", Text, nullable=False),
        Column("asset", Text, nullable=False),  # Empty where it is the one in which the perpetual is settled.
        Column("amount_minor", Whole, nullable=False),
        PrimaryKeyConstraint("account", "account_sequence", "line"),
    )


@final
class MovementHistory:
    def __init__(self, database: Database, table: Table) -> None:
        self._database = database
        self._table = table

    def record(self, messages: Sequence[Message]) -> None:
        rows = [row for message in messages for row in rows_of(message)]
        if rows:
            with self._database.writing() as connection:
                insert_all(connection, self._database.dialect, self._table, rows)


def rows_of(message: Message) -> list[dict[str, object]]:
    lines: list[tuple[Kind, Wallet, str, str, int]] = []
    if isinstance(message, AccountMoved):
        kind = Kind.DEPOSIT if message.amount_minor > 0 else Kind.WITHDRAWAL
        lines = [(kind, Wallet.BALANCE, "", message.asset, message.amount_minor)]
    elif isinstance(message, MarginMoved):
        lines = [
            (Kind.MARGIN_TRANSFER, Wallet.BALANCE, "", message.asset, -message.amount_minor),
            (Kind.MARGIN_TRANSFER, Wallet.MARGIN, "", message.asset, message.amount_minor),
        ]
    elif isinstance(message, LossCovered):
        lines = [(Kind.COVERED, Wallet.MARGIN, "", message.asset, message.amount_minor)]
    elif isinstance(message, PositionLiquidated) and message.fee_minor:
        lines = [
            (Kind.LIQUIDATION, Wallet.MARGIN, message.symbol, "", -message.fee_minor),
            (Kind.FEE, Wallet.MARGIN, message.symbol, "", message.fee_minor),
        ]
    else:
        return []
    return [
        {
            "account": message.account,
            "account_sequence": message.account_sequence,
            "line": number,
            "occurred_ns": message.occurred_ns,
            "kind": kind,
            "wallet": wallet,
            "symbol": symbol,
            "asset": asset,
            "amount_minor": amount_minor,
        }
        for number, (kind, wallet, symbol, asset, amount_minor) in enumerate(lines)
    ]
