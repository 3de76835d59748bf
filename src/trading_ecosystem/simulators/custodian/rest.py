"""The custodian's REST surface: what is held for an account, and what is being settled for it.

Rule 1: of a settlement, an owner sees the postings of their own account.
"""

from asyncio import to_thread
from typing import Literal

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

from trading_ecosystem.live.rest.access import Scope, TheCaller
from trading_ecosystem.live.rest.amounts import amount_text, moment_or_none, moment_text
from trading_ecosystem.live.rest.application import application, router
from trading_ecosystem.live.rest.guard import needs
from trading_ecosystem.live.rest.parameters import Account, AccountInPath, Limit, Number
from trading_ecosystem.live.rest.problems import unknown
from trading_ecosystem.live.rest.surface import Surface
from trading_ecosystem.messages.accounts import Holding, HoldingsReported, QueryHoldings
from trading_ecosystem.messages.custody import QuerySettlements, Settlement, SettlementsReported
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.custodian.rest_books import book_routes
from trading_ecosystem.simulators.custodian.rest_statements import statements_over_rest
from trading_ecosystem.simulators.custodian.rest_transfers import decision_routes, transfer_routes
from trading_ecosystem.simulators.custodian.statement_store import Statements
from trading_ecosystem.simulators.custodian.store import Instruction, SettlementHistory

ASKER = "rest"
StatusWord = Literal["matched", "pending", "partially_settled", "failed", "settled", "canceled"]


class HoldingBody(BaseModel):
    """`pending` is net of what comes in (+) and goes out (-) when everything instructed settles."""

    asset: str
    posted: str
    pending: str


class HoldingsBody(BaseModel):
    account: str
    holdings: list[HoldingBody]
    occurred: str


class LegBody(BaseModel):
    """What the account receives (+) or gives (-)."""

    asset: str
    amount: str


class SettlementBody(BaseModel):
    """`fail_reason` and `age_days` (business days since it was due) are of the last fail, `retry` is the next try.
    `netting_id` is of the netting set that settled it, null where none did. `trade_id` 0: a profit in perpetuals."""

    instruction_id: int
    trade_id: int
    venue: str
    status: StatusWord
    fail_reason: str | None
    age_days: int | None
    retry: str | None
    netting_id: int | None
    legs: list[LegBody]
    due: str
    instructed: str
    ended: str | None


class UnsettledBody(BaseModel):
    """`age_days`: business days since it was due."""

    instruction_id: int
    trade_id: int
    venue: str
    status: StatusWord
    due: str
    retry: str
    age_days: int


class UnsettledPage(BaseModel):
    """The oldest by due time; `count` is of all that has not settled."""

    settlements: list[UnsettledBody]
    count: int
    occurred: str


class SettlementPage(BaseModel):
    """`next` is the `after` of the page that follows; null on the last."""

    settlements: list[SettlementBody]
    next: int | None


def rest_app(
    surface: Surface, reference: ReferenceData, history: SettlementHistory, held: dict[str, dict[str, int]]
) -> FastAPI:
    """`held`: what each account has at the start, in minor units by asset."""
    return application(
        surface,
        "Custodian",
        holding_routes(surface, reference),
        settlement_routes(reference, history),
        book_routes(reference, history.books),
        transfer_routes(surface, reference, history.transfers),
        decision_routes(surface),
        statements_over_rest(reference, Statements(history.database, held)),
    )


def holding_routes(surface: Surface, reference: ReferenceData) -> APIRouter:
    routes = router()
    custodian = surface.door.instance

    @routes.get("/accounts/{account}/holdings", summary="What is held for an account", **needs(Scope.READ))
    async def holdings(account: AccountInPath, caller: TheCaller) -> HoldingsBody:
        caller.confine(account)
        question = QueryHoldings(to=custodian, asker=ASKER, account=account)
        report = await caller.ask_for(question, HoldingsReported)
        if not report.holdings:
            raise unknown("account")
        bodies = [holding_body(holding, reference) for holding in report.holdings]
        return HoldingsBody(account=account, holdings=bodies, occurred=moment_text(report.occurred_ns))

    @routes.get("/accounts/{account}/unsettled", summary="What has not settled, by due time", **needs(Scope.READ))
    async def unsettled(account: AccountInPath, caller: TheCaller) -> UnsettledPage:
        caller.confine(account)
        question = QuerySettlements(to=custodian, asker=ASKER, account=account)
        report = await caller.ask_for(question, SettlementsReported)
        bodies = [unsettled_body(settlement) for settlement in report.settlements]
        return UnsettledPage(settlements=bodies, count=report.unsettled_count, occurred=moment_text(report.occurred_ns))

    return routes


def settlement_routes(reference: ReferenceData, history: SettlementHistory) -> APIRouter:
    routes = router()

    @routes.get("/settlements", summary="The settlements of an account, oldest first", **needs(Scope.READ))
    async def settlements(account: Account, caller: TheCaller, after: Number = 0, limit: Limit = 100) -> SettlementPage:
        caller.confine(account)
        found = await to_thread(history.instructions, account=account, after=after, limit=limit)
        more = found[-1].instruction_id if len(found) == limit else None
        return SettlementPage(settlements=[settlement_body(each, account, reference) for each in found], next=more)

    return routes


def holding_body(holding: Holding, reference: ReferenceData) -> HoldingBody:
    asset = reference.assets[holding.asset]
    return HoldingBody(
        asset=holding.asset,
        posted=amount_text(holding.posted_minor, asset),
        pending=amount_text(holding.pending_minor, asset),
    )


def settlement_body(instruction: Instruction, account: str, reference: ReferenceData) -> SettlementBody:
    failed = instruction.fail_reason
    return SettlementBody(
        instruction_id=instruction.instruction_id,
        trade_id=instruction.trade_id,
        venue=instruction.venue,
        status=instruction.settlement_status.value,
        fail_reason=None if failed is None else failed.value,
        age_days=instruction.age_days,
        retry=moment_or_none(instruction.retry_ns),
        netting_id=instruction.netting_id,
        legs=legs_of(instruction, account, reference),
        due=moment_text(instruction.due_ns),
        instructed=moment_text(instruction.instructed_ns),
        ended=moment_or_none(instruction.ended_ns),
    )


def unsettled_body(settlement: Settlement) -> UnsettledBody:
    return UnsettledBody(
        instruction_id=settlement.instruction_id,
        trade_id=settlement.trade_id,
        venue=settlement.venue,
        status=settlement.settlement_status.value,
        due=moment_text(settlement.due_ns),
        retry=moment_text(settlement.retry_ns),
        age_days=settlement.age_days,
    )


def legs_of(instruction: Instruction, account: str, reference: ReferenceData) -> list[LegBody]:
    legs: list[LegBody] = []
    for posting in instruction.postings:
        if account in (posting.debit_account, posting.credit_account):
            signed = posting.amount_minor if account == posting.credit_account else -posting.amount_minor
            legs.append(LegBody(asset=posting.asset, amount=amount_text(signed, reference.assets[posting.asset])))
    return legs
