"""What a statement of an account at the venue says over REST, as JSON and as a table."""

from collections.abc import Iterator
from functools import partial

from fastapi import APIRouter
from pydantic import BaseModel

from trading_ecosystem.live.rest.amounts import amount_text, moment_text
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.exchange.statement_store import Statement, Statements
from trading_ecosystem.simulators.statement_routes import statement_routes

COLUMNS = ("entry", "occurred", "number", "kind", "wallet", "symbol", "asset", "amount")


class WalletBody(BaseModel):
    """`wallet`: `balance`, or `margin` for what stands for perpetuals."""

    wallet: str
    asset: str
    opening: str
    closing: str


class TotalBody(BaseModel):
    """All movements of a kind together; `symbol` is null where they are of no instrument."""

    kind: str
    wallet: str
    symbol: str | None
    asset: str
    amount: str


class MovementBody(BaseModel):
    """What the wallet received (+) or gave (-). `number` is the id of a trade; of all else, the number under which the
    account was told."""

    occurred: str
    number: int
    kind: str
    wallet: str
    symbol: str | None
    asset: str
    amount: str


class AccountStatementBody(BaseModel):
    """For each wallet and asset, the opening and the movements make the closing."""

    account: str
    wallets: list[WalletBody]
    totals: list[TotalBody]
    movements: list[MovementBody]


def statements_over_rest(reference: ReferenceData, statements: Statements) -> APIRouter:
    return statement_routes(
        statements, "movements", AccountStatementBody, partial(body_of, reference=reference), rows_of
    )


def body_of(statement: Statement, reference: ReferenceData) -> AccountStatementBody:
    def told(amount_minor: int, asset: str) -> str:
        return amount_text(amount_minor, reference.assets[asset])

    return AccountStatementBody(
        account=statement.account,
        wallets=[
            WalletBody(
                wallet=wallet.value,
                asset=asset,
                opening=told(statement.opening[wallet, asset], asset),
                closing=told(closing, asset),
            )
            for (wallet, asset), closing in statement.closing.items()
        ],
        totals=[
            TotalBody(
                kind=kind.value, wallet=wallet.value, symbol=symbol or None, asset=asset, amount=told(amount, asset)
            )
            for (wallet, kind, symbol, asset), amount in statement.totals().items()
        ],
        movements=[
            MovementBody(
                occurred=moment_text(line.occurred_ns),
                number=line.number,
                kind=line.kind.value,
                wallet=line.wallet.value,
                symbol=line.symbol or None,
                asset=line.asset,
                amount=told(line.amount_minor, line.asset),
            )
            for line in statement.lines
        ],
    )


def rows_of(body: AccountStatementBody) -> Iterator[tuple[object, ...]]:
    """One row per opening, movement and closing."""
    yield COLUMNS
    for each in body.wallets:
        yield "opening", "", "", "", each.wallet, "", each.asset, each.opening
    for line in body.movements:
        yield "movement", *line.model_dump().values()
    for each in body.wallets:
        yield "closing", "", "", "", each.wallet, "", each.asset, each.closing
