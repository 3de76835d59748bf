"""What became of positions in perpetuals: every change that an account was told, with what it did to the wallet.

Rule 1: a change is known by its account and the number under which it was told, so it may be told again.
"""

from collections.abc import Sequence
from typing import final

from sqlalchemy import Column, Index, MetaData, PrimaryKeyConstraint, Table, Text, select

from trading_ecosystem.live.store.database import Database
from trading_ecosystem.live.store.history import insert_all, of_type, row_of
from trading_ecosystem.live.store.tables import Whole
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.perpetuals import PositionChanged


def position_change_table(tables: MetaData) -> Table:
    return Table(
        "position_change",
        tables,
        Column("account", Text, nullable=False),
        Column("venue", Text, nullable=False),
        Column("account_sequence", Whole, nullable=False),
        Column("occurred_ns", Whole, nullable=False),
        Column("symbol", Text, nullable=False),
        Column("position_lots", Whole, nullable=False),
        Column("cost_minor", Whole, nullable=False),
        Column("realised_minor", Whole, nullable=False),
        Column("funding_minor", Whole, nullable=False),
        Column("fee_minor", Whole, nullable=False),
        Column("wallet_minor", Whole, nullable=False),
        PrimaryKeyConstraint("account", "account_sequence"),
        Index("position_change_of_symbol", "account", "symbol", "account_sequence"),
    )


@final
class MarginHistory:
    def __init__(self, database: Database, table: Table) -> None:
        self._database = database
        self._table = table

    def record(self, messages: Sequence[Message]) -> None:
        changes = of_type(messages, PositionChanged)
        if changes:
            with self._database.writing() as connection:
                insert_all(connection, self._database.dialect, self._table, map(row_of, changes))

    def changes(self, account: str, symbol: str, after: int, limit: int) -> list[PositionChanged]:
        """In the order in which they were told; empty: all symbols."""
        column = self._table.c
        statement = select(self._table).where(column.account == account, column.account_sequence > after)
        if symbol:
            statement = statement.where(column.symbol == symbol)
        with self._database.reading() as connection:
            rows = connection.execute(statement.order_by(column.account_sequence).limit(limit)).mappings().all()
        return [PositionChanged(**row) for row in rows]
