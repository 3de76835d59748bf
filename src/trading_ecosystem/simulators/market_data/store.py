"""What a feed tells about its past: of each instrument the first quote of each minute.

Rule 1: a minute that is kept is never looked at again, so a quick feed costs its store no more than a slow one.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, final

from sqlalchemy import Column, MetaData, Table, Text, select

from trading_ecosystem.live.store.database import Database
from trading_ecosystem.live.store.history import insert_all, of_type, row_of
from trading_ecosystem.live.store.opening import Design
from trading_ecosystem.live.store.tables import Whole
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message

MINUTE_NS: Final = 60_000_000_000

TABLES = MetaData()
QUOTE = Table(
    "quote",
    TABLES,
    Column("symbol", Text, primary_key=True),
    Column("minute_ns", Whole, primary_key=True, autoincrement=False),  # When the minute began.
    Column("bid_ticks", Whole, nullable=False),
    Column("bid_lots", Whole, nullable=False),
    Column("ask_ticks", Whole, nullable=False),
    Column("ask_lots", Whole, nullable=False),
    Column("sequence", Whole, nullable=False),
    Column("occurred_ns", Whole, nullable=False),
)
FIELDS = [column for column in QUOTE.columns if column.name != "minute_ns"]


@final
class PriceHistory:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept_ns: dict[str, int] = {}  # The last minute kept of each symbol.

    def record(self, messages: Sequence[Message]) -> None:
        firsts = self._firsts(of_type(messages, QuotePublished))
        if not firsts:
            return
        with self._database.writing() as connection:
            rows = [{**row_of(quote), "minute_ns": minute_of(quote.occurred_ns)} for quote in firsts]
            insert_all(connection, self._database.dialect, QUOTE, rows)
        for quote in firsts:
            self._kept_ns[quote.symbol] = minute_of(quote.occurred_ns)

    def _firsts(self, quotes: Sequence[QuotePublished]) -> list[QuotePublished]:
        firsts: dict[tuple[str, int], QuotePublished] = {}
        for quote in quotes:
            minute_ns = minute_of(quote.occurred_ns)
            if minute_ns > self._kept_ns.get(quote.symbol, -1):
                firsts.setdefault((quote.symbol, minute_ns), quote)
        return list(firsts.values())

    def history(self, symbol: str, from_ns: int, until_ns: int, limit: int = 1000) -> list[QuotePublished]:
        """The quotes of the minutes that begin at or after `from_ns` and before `until_ns`, oldest first."""
        statement = (
            select(*FIELDS)
            .where(QUOTE.c.symbol == symbol, QUOTE.c.minute_ns >= from_ns, QUOTE.c.minute_ns < until_ns)
            .order_by(QUOTE.c.minute_ns)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [QuotePublished(**row) for row in connection.execute(statement).mappings().all()]


def minute_of(at_ns: int) -> int:
    return at_ns - at_ns % MINUTE_NS


DESIGN = Design(
    schema="market_data",
    prefix="market",
    tables=TABLES,
    steps=Path(__file__).parent / "migrations",
    history=PriceHistory,
)
