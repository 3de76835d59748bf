"""Statements of an account at the venue over REST, as JSON and as CSV.

Rule 1: a statement is whole or it is refused: nobody is handed a part that looks like all of it.
"""

import csv
import io
from asyncio import to_thread

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel

from trading_ecosystem.live.rest.access import Caller, Scope, TheCaller
from trading_ecosystem.live.rest.amounts import amount_text, moment_text
from trading_ecosystem.live.rest.application import router
from trading_ecosystem.live.rest.guard import needs
from trading_ecosystem.live.rest.parameters import LATEST_NS, AccountInPath, Moment, moment_of
from trading_ecosystem.live.rest.problems import Trouble, unknown
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.exchange.statement_store import Statement, Statements

MOST_LINES = 10_000
CSV = "text/csv"
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


def statement_routes(reference: ReferenceData, statements: Statements) -> APIRouter:
    routes = router()

    @routes.get("/accounts/{account}/statement", summary="All movements of an account in a period", **needs(Scope.READ))
    async def as_json(
        account: AccountInPath, caller: TheCaller, since: Moment | None = None, until: Moment | None = None
    ) -> AccountStatementBody:
        return body_of(await ask(account, since, until, caller, statements), reference)

    @routes.get(
        "/accounts/{account}/statement.csv",
        summary="The same as a table",
        response_class=Response,
        **{**needs(Scope.READ), "responses": {**needs(Scope.READ)["responses"], 200: {"content": {CSV: {}}}}},
    )
    async def as_csv(
        account: AccountInPath, caller: TheCaller, since: Moment | None = None, until: Moment | None = None
    ) -> Response:
        statement = await ask(account, since, until, caller, statements)
        return Response(csv_of(statement, reference), media_type=CSV)

    return routes


async def ask(account: str, since: str | None, until: str | None, caller: Caller, statements: Statements) -> Statement:
    caller.confine(account)
    if not statements.knows(account):
        raise unknown("account")
    since_ns, until_ns = moment_of(since, "since", 0), moment_of(until, "until", LATEST_NS)
    if since_ns > until_ns:
        raise Trouble(422, "invalid_until", "it ends before it begins", "/query/until")
    statement = await to_thread(statements.statement, account, since_ns, until_ns, MOST_LINES)
    if statement is None:
        raise Trouble(422, "too_long", f"it has more than {MOST_LINES} movements; ask for less of it", "/query/since")
    return statement


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


def csv_of(statement: Statement, reference: ReferenceData) -> str:
    """One row per opening, movement and closing. Names hold nothing that a spreadsheet would take for a formula."""
    page = io.StringIO()
    table = csv.writer(page, lineterminator="\r\n")
    table.writerow(COLUMNS)
    body = body_of(statement, reference)
    for each in body.wallets:
        table.writerow(("opening", "", "", "", each.wallet, "", each.asset, each.opening))
    for line in body.movements:
        table.writerow(("movement", *line.model_dump().values()))
    for each in body.wallets:
        table.writerow(("closing", "", "", "", each.wallet, "", each.asset, each.closing))
    return page.getvalue()
