"""Netting sets and comparisons of books over REST, as far as they are of one account."""

from asyncio import to_thread

from fastapi import APIRouter
from pydantic import BaseModel

from trading_ecosystem.live.rest.access import Scope, TheCaller
from trading_ecosystem.live.rest.amounts import amount_text, moment_text
from trading_ecosystem.live.rest.application import router
from trading_ecosystem.live.rest.guard import needs
from trading_ecosystem.live.rest.parameters import Account, Limit, Moment, Number, moment_of
from trading_ecosystem.messages.books import BooksCompared, Break, NettingSettled
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.custodian.book_store import BookHistory


class NetLegBody(BaseModel):
    """What the account received (+) or gave (-), net of all instructions of the set."""

    asset: str
    amount: str


class NettingBody(BaseModel):
    netting_id: int
    transaction_id: int
    cut_off: str
    settled: str
    legs: list[NetLegBody]


class NettingPage(BaseModel):
    """`next` is the `after` of the page that follows; null on the last."""

    nettings: list[NettingBody]
    next: int | None


class BreakBody(BaseModel):
    asset: str
    venue: str
    custody: str


class ComparisonBody(BaseModel):
    """As of this trade and movement of the venue; what differs of the account."""

    venue: str
    occurred: str
    last_trade_id: int
    last_movement_id: int
    breaks: list[BreakBody]


class ComparisonPage(BaseModel):
    """Oldest first."""

    comparisons: list[ComparisonBody]


def book_routes(reference: ReferenceData, history: BookHistory) -> APIRouter:
    routes = router()

    @routes.get("/nettings", summary="The netting sets of an account, oldest first", **needs(Scope.READ))
    async def nettings(account: Account, caller: TheCaller, after: Number = 0, limit: Limit = 100) -> NettingPage:
        caller.confine(account)
        found = await to_thread(history.nettings, account=account, after=after, limit=limit)
        more = found[-1].netting_id if len(found) == limit else None
        return NettingPage(nettings=[netting_body(each, account, reference) for each in found], next=more)

    @routes.get("/comparisons", summary="How the venue's books compared with these, oldest first", **needs(Scope.READ))
    async def comparisons(
        account: Account, caller: TheCaller, since: Moment | None = None, limit: Limit = 100
    ) -> ComparisonPage:
        caller.confine(account)
        found = await to_thread(history.comparisons, since_ns=moment_of(since, "since", 0), limit=limit)
        return ComparisonPage(comparisons=[comparison_body(each, account, reference) for each in found])

    return routes


def netting_body(settled: NettingSettled, account: str, reference: ReferenceData) -> NettingBody:
    legs: list[NetLegBody] = []
    for posting in settled.postings:
        if account in (posting.debit_account, posting.credit_account):
            signed = posting.amount_minor if account == posting.credit_account else -posting.amount_minor
            legs.append(NetLegBody(asset=posting.asset, amount=amount_text(signed, reference.assets[posting.asset])))
    return NettingBody(
        netting_id=settled.netting_id,
        transaction_id=settled.transaction_id,
        cut_off=moment_text(settled.cut_off_ns),
        settled=moment_text(settled.occurred_ns),
        legs=legs,
    )


def comparison_body(compared: BooksCompared, account: str, reference: ReferenceData) -> ComparisonBody:
    return ComparisonBody(
        venue=compared.venue,
        occurred=moment_text(compared.occurred_ns),
        last_trade_id=compared.last_trade_id,
        last_movement_id=compared.last_movement_id,
        breaks=[break_body(each, reference) for each in compared.breaks if each.account == account],
    )


def break_body(found: Break, reference: ReferenceData) -> BreakBody:
    asset = reference.assets[found.asset]
    return BreakBody(
        asset=found.asset, venue=amount_text(found.venue_minor, asset), custody=amount_text(found.custody_minor, asset)
    )
