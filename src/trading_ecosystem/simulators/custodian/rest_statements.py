"""What a statement of an account in custody says over REST, as JSON and as a table."""

from collections.abc import Iterator
from functools import partial

from fastapi import APIRouter
from pydantic import BaseModel

from trading_ecosystem.live.rest.amounts import amount_text, moment_text
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.custodian.statement_store import Amounts, Statement, Statements
from trading_ecosystem.simulators.statement_routes import statement_routes

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


def statements_over_rest(reference: ReferenceData, statements: Statements) -> APIRouter:
    return statement_routes(statements, "postings", StatementBody, partial(body_of, reference=reference), rows_of)


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


def rows_of(body: StatementBody) -> Iterator[tuple[object, ...]]:
    """One row per opening, posting and closing."""
    yield COLUMNS
    for balance in body.balances:
        yield "opening", "", "", "", "", "", balance.asset, balance.opening
    for line in body.postings:
        yield "posting", *line.model_dump().values()
    for balance in body.balances:
        yield "closing", "", "", "", "", "", balance.asset, balance.closing


def told(amounts: Amounts, asset: str, reference: ReferenceData) -> str:
    return amount_text(amounts.get(asset, 0), reference.assets[asset])
