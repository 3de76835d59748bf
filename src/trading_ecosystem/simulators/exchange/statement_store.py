"""Statements out of the venue's history: every movement of an account, by kind, and their sums.

An account has a balance of each asset, and a margin wallet of those in which perpetuals are settled.

Rule 1: opening and movements make the closing, for each wallet and asset; the closing is summed up by the store.
Rule 2: a statement is of a period [since, until): where one ends the next begins, and nothing is in both.
Rule 3: history is never changed: what is told of a period that is over is told the same for ever.
"""

from dataclasses import dataclass
from typing import Any, final

from sqlalchemy import Connection, Select, Table, case, func, or_, select

from trading_ecosystem.live.store.database import Database
from trading_ecosystem.reference import Instrument, ReferenceData
from trading_ecosystem.simulators.exchange.movement_history import Kind, Wallet
from trading_ecosystem.simulators.exchange.store import MOVEMENT, POSITION_CHANGE, TRADE

Place = tuple[Wallet, str]  # And asset.
Amounts = dict[Place, int]  # Minor units.


@final
@dataclass(frozen=True, kw_only=True)
class StatementLine:
    """`amount_minor` is what the wallet received (+) or gave (-). `number`: the id of the trade, or the number under
    which the account was told. `symbol` is empty where the movement is of no instrument."""

    occurred_ns: int
    number: int
    kind: Kind
    wallet: Wallet
    symbol: str
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

    def totals(self) -> dict[tuple[Wallet, Kind, str, str], int]:
        """The sum of each kind, by instrument and asset, in the order in which they came first."""
        sums: dict[tuple[Wallet, Kind, str, str], int] = {}
        for line in self.lines:
            key = (line.wallet, line.kind, line.symbol, line.asset)
            sums[key] = sums.get(key, 0) + line.amount_minor
        return sums


@final
class Statements:
    """`held`: account -> asset -> minor units before anything happened; `margin`: what of it was in margin wallets."""

    def __init__(
        self,
        database: Database,
        reference: ReferenceData,
        held: dict[str, dict[str, int]],
        margin: dict[str, dict[str, int]],
    ) -> None:
        self._database = database
        self._reference = reference
        self._held = held
        self._margin = margin

    def knows(self, account: str) -> bool:
        return account in self._held

    def statement(self, account: str, since_ns: int, until_ns: int, most: int) -> Statement | None:
        """None where there are more lines than `most`."""
        with self._database.reading() as connection:
            lines = self._lines(connection, account, since_ns, until_ns, most)
            opening = self._amounts(connection, account, since_ns)
            closing = self._amounts(connection, account, until_ns)
        if len(lines) > most:
            return None
        statement = Statement(
            account=account,
            since_ns=since_ns,
            until_ns=until_ns,
            opening={place: opening.get(place, 0) for place in closing},
            lines=tuple(lines),
            closing=closing,
        )
        check(statement)
        return statement

    # Lines.

    def _lines(
        self, connection: Connection, account: str, since_ns: int, until_ns: int, most: int
    ) -> list[StatementLine]:
        """In the order of their time; of one moment trades come first, and all by their numbers."""
        lines: list[StatementLine] = []
        for row in connection.execute(within(trades_of(account), TRADE, since_ns, until_ns).limit(most + 1)):
            lines.extend(self._of_trade(row, account))
        changes = select(POSITION_CHANGE).where(POSITION_CHANGE.c.account == account)
        for row in connection.execute(within(changes, POSITION_CHANGE, since_ns, until_ns).limit(most + 1)):
            lines.extend(self._of_position(row))
        moves = select(MOVEMENT).where(MOVEMENT.c.account == account)
        for row in connection.execute(within(moves, MOVEMENT, since_ns, until_ns).limit(most + 1)):
            lines.append(self._of_movement(row))
        return sorted(lines, key=lambda line: (line.occurred_ns, line.kind is not Kind.TRADE, line.number))

    def _of_trade(self, row: Any, account: str) -> list[StatementLine]:
        instrument = self._reference.instruments[row.symbol]
        if instrument.terms is not None:
            return []  # It moved a position: what that did to the wallet is told with it.
        lines: list[StatementLine] = []
        for party, sign, fee_minor in (
            (row.buyer_account, 1, row.buyer_fee_minor),
            (row.seller_account, -1, row.seller_fee_minor),
        ):
            if party == account:
                base_minor, quote_minor = gross(instrument, row.quantity_lots, row.price_ticks * row.quantity_lots)
                for kind, asset, amount_minor in (
                    (Kind.TRADE, instrument.base, sign * base_minor),
                    (Kind.TRADE, instrument.quote, -sign * quote_minor),
                    (Kind.FEE, instrument.quote, -fee_minor),
                ):
                    lines.append(line(row, row.trade_id, kind, Wallet.BALANCE, asset, amount_minor))
        return [each for each in lines if each.amount_minor]

    def _of_position(self, row: Any) -> list[StatementLine]:
        asset = self._reference.instruments[row.symbol].quote
        lines = [
            line(row, row.account_sequence, kind, Wallet.MARGIN, asset, amount_minor)
            for kind, amount_minor in (
                (Kind.REALISED, row.realised_minor),
                (Kind.FUNDING, row.funding_minor),
                (Kind.FEE, -row.fee_minor),
            )
        ]
        return [each for each in lines if each.amount_minor]

    def _of_movement(self, row: Any) -> StatementLine:
        asset = row.asset or self._reference.instruments[row.symbol].quote
        return line(row, row.account_sequence, row.kind, row.wallet, asset, row.amount_minor)

    # Sums.

    def _amounts(self, connection: Connection, account: str, before_ns: int) -> Amounts:
        """What the account had at that moment."""
        margin = self._margin.get(account, {})
        amounts: Amounts = {}
        for asset, amount_minor in self._held[account].items():
            amounts[Wallet.BALANCE, asset] = amount_minor - margin.get(asset, 0)
        for asset, amount_minor in margin.items():
            amounts[Wallet.MARGIN, asset] = amount_minor
        for row in connection.execute(sums_of_trades(account, before_ns)):
            self._add_trades(amounts, row)
        for row in connection.execute(sums_of_positions(account, before_ns)):
            add(amounts, (Wallet.MARGIN, self._reference.instruments[row.symbol].quote), int(row.amount_minor))
        for row in connection.execute(sums_of_movements(account, before_ns)):
            asset = row.asset or self._reference.instruments[row.symbol].quote
            add(amounts, (row.wallet, asset), int(row.amount_minor))
        return amounts

    def _add_trades(self, amounts: Amounts, row: Any) -> None:
        instrument = self._reference.instruments[row.symbol]
        if instrument.terms is None:
            base_minor, quote_minor = gross(instrument, int(row.lots), int(row.tick_lots))
            add(amounts, (Wallet.BALANCE, instrument.base), base_minor)
            add(amounts, (Wallet.BALANCE, instrument.quote), -quote_minor - int(row.fees))


def check(statement: Statement) -> None:
    """Opening and movements make the closing."""
    amounts = dict(statement.opening)
    for each in statement.lines:
        add(amounts, (each.wallet, each.asset), each.amount_minor)
    for place in {**amounts, **statement.closing}:
        assert amounts.get(place, 0) == statement.closing.get(place, 0), f"{place[1]} of {statement.account}"


def line(row: Any, number: int, kind: Kind, wallet: Wallet, asset: str, amount_minor: int) -> StatementLine:
    return StatementLine(
        occurred_ns=row.occurred_ns,
        number=number,
        kind=kind,
        wallet=wallet,
        symbol=row.symbol,
        asset=asset,
        amount_minor=amount_minor,
    )


def gross(instrument: Instrument, lots: int, tick_lots: int) -> tuple[int, int]:
    """What lots are, and what they cost, in minor units; `tick_lots`: the sum of price x lots. Both may be below 0."""
    return lots * instrument.base_minor_per_lot, tick_lots * instrument.quote_minor_per_tick_lot


def add(amounts: Amounts, place: Place, minor: int) -> None:
    amounts[place] = amounts.get(place, 0) + minor


def trades_of(account: str) -> Select[Any]:
    return select(TRADE).where(or_(TRADE.c.buyer_account == account, TRADE.c.seller_account == account))


def within(statement: Select[Any], table: Table, since_ns: int, until_ns: int) -> Select[Any]:
    moment = table.c.occurred_ns
    return statement.where(moment >= since_ns, moment < until_ns).order_by(moment, *table.primary_key.columns)


def sums_of_trades(account: str, before_ns: int) -> Select[Any]:
    """By symbol: lots bought less sold, price x lots alike, and fees."""
    buys, sells = TRADE.c.buyer_account == account, TRADE.c.seller_account == account
    signed = case((buys, 1), else_=0) - case((sells, 1), else_=0)
    fees = case((buys, TRADE.c.buyer_fee_minor), else_=0) + case((sells, TRADE.c.seller_fee_minor), else_=0)
    return (
        select(
            TRADE.c.symbol,
            func.sum(signed * TRADE.c.quantity_lots).label("lots"),
            func.sum(signed * TRADE.c.price_ticks * TRADE.c.quantity_lots).label("tick_lots"),
            func.sum(fees).label("fees"),
        )
        .where(or_(buys, sells), TRADE.c.occurred_ns < before_ns)
        .group_by(TRADE.c.symbol)
        .order_by(TRADE.c.symbol)
    )


def sums_of_positions(account: str, before_ns: int) -> Select[Any]:
    column = POSITION_CHANGE.c
    gained = column.realised_minor + column.funding_minor - column.fee_minor
    return (
        select(column.symbol, func.sum(gained).label("amount_minor"))
        .where(column.account == account, column.occurred_ns < before_ns)
        .group_by(column.symbol)
        .order_by(column.symbol)
    )


def sums_of_movements(account: str, before_ns: int) -> Select[Any]:
    column = MOVEMENT.c
    return (
        select(column.wallet, column.symbol, column.asset, func.sum(column.amount_minor).label("amount_minor"))
        .where(column.account == account, column.occurred_ns < before_ns)
        .group_by(column.wallet, column.symbol, column.asset)
        .order_by(column.wallet, column.symbol, column.asset)
    )
