"""Statements of an account over REST, as JSON and as CSV.

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
from trading_ecosystem.simulators.custodian.statement_store import Amounts, Statement, Statements

MOST_LINES = 10_000
CSV = "text/csv"
COLUMNS = ("entry", "occurred", "transaction_id", "reason", "number", "counterparty", "asset", "amount")


class BalanceBody(BaseModel):
    asset: str
    opening: str
    closing: str


class StatementLineBody(BaseModel):
    """What the account received (+) or gave (-); `number` is that of the settlement instruction, of the
    netting set or of the transfer, as `reason` says."""

    occurred: str
    transaction_id: int
    reason: str
    number: int
    counterparty: str
    asset: str
    amount: str


class StatementBody(BaseModel):
    """For each asset, the opening and the postings make the closing."""

    account: str
    balances: list[BalanceBody]
    postings: list[StatementLineBody]


def statement_routes(reference: ReferenceData, statements: Statements) -> APIRouter:
    routes = router()

    @routes.get("/accounts/{account}/statement", summary="All postings of an account in a period", **needs(Scope.READ))
    async def as_json(
        account: AccountInPath, caller: TheCaller, since: Moment | None = None, until: Moment | None = None
    ) -> StatementBody:
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
        raise Trouble(422, "too_long", f"it has more than {MOST_LINES} postings; ask for less of it", "/query/since")
    return statement


def body_of(statement: Statement, reference: ReferenceData) -> StatementBody:
    return StatementBody(
        account=statement.account,
        balances=[
            BalanceBody(
                asset=asset,
                opening=told(statement.opening, asset, reference),
                closing=told(statement.closing, asset, reference),
            )
            for asset in statement.closing
        ],
        postings=[
            StatementLineBody(
                occurred=moment_text(line.occurred_ns),
                transaction_id=line.transaction_id,
                reason=line.reason,
                number=line.number,
                counterparty=line.counterparty,
                asset=line.asset,
                amount=amount_text(line.amount_minor, reference.assets[line.asset]),
            )
            for line in statement.lines
        ],
    )


def csv_of(statement: Statement, reference: ReferenceData) -> str:
    """One row per opening, posting and closing. Names hold nothing that a spreadsheet would take for a formula."""
    page = io.StringIO()
    table = csv.writer(page, lineterminator="\r\n")
    table.writerow(COLUMNS)
    body = body_of(statement, reference)
    for balance in body.balances:
        table.writerow(("opening", "", "", "", "", "", balance.asset, balance.opening))
    for line in body.postings:
        table.writerow(("posting", *line.model_dump().values()))
    for balance in body.balances:
        table.writerow(("closing", "", "", "", "", "", balance.asset, balance.closing))
    return page.getvalue()


def told(amounts: Amounts, asset: str, reference: ReferenceData) -> str:
    return amount_text(amounts.get(asset, 0), reference.assets[asset])
