"""Who sees which sub-accounts at the venue, with the real tokens and documents of a world: masters down, nobody up."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trading_ecosystem.assembly import WorldPlan, load_world
from trading_ecosystem.configuration.document import Section, parse_document
from trading_ecosystem.live.access import Access
from trading_ecosystem.live.door import RefusalCode, Refused
from trading_ecosystem.live.security.tokens import SCOPES, Surface, issue_token, read_token, read_tokens
from trading_ecosystem.messages.accounts import AccountReported, QueryAccount
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import OrderType, Side, SubmitOrder, TimeInForce
from trading_ecosystem.messages.transfers import AccountMoved
from trading_ecosystem.orchestrator.documents import DOCUMENT, documents_of
from trading_ecosystem.orchestrator.terms import Terms
from trading_ecosystem.simulators.exchange import server
from trading_ecosystem.simulators.exchange.sub_account_call import SubAccountCall
from trading_ecosystem.wire.exchange.v1 import exchange_pb2 as wire

HOUSE = Path(__file__).parents[3] / "docs" / "examples" / "sub-accounts" / "house-with-sub-accounts.yaml"
MASTER, SUB, STRANGER = "trading_engine.alpha", "trading_engine.hedge", "trading_engine.beta"
HOUSEHOLD = ["alpha", "alpha-hedge", "alpha-reserve"]
SEES: dict[str, list[str]] = {
    MASTER: HOUSEHOLD,
    SUB: ["alpha-hedge"],
    STRANGER: ["beta"],
    "risk_monitor": HOUSEHOLD,
    "operator": [*HOUSEHOLD, "beta", "noise"],
}
TRADES = {MASTER: ["alpha"], SUB: ["alpha-hedge"], STRANGER: ["beta"], "risk_monitor": []}
ACCOUNTS = [*HOUSEHOLD, "beta", "noise", "nobody"]
SUB_ACCOUNTS = {"alpha": ["alpha-hedge", "alpha-reserve"]}
ORDER = {
    "client_order_id": "mine-1",
    "symbol": "USDT/USD",
    "side": "buy",
    "type": "limit",
    "time_in_force": "GTC",
    "quantity": "100",
    "price": "0.9",
}


@pytest.fixture(scope="module")
def plan() -> WorldPlan:
    return load_world(HOUSE)


@pytest.fixture(scope="module")
def document(plan: WorldPlan) -> Section:
    """What the venue of a live run would be told."""
    text = documents_of(HOUSE, Terms(seed=7, start_ns=plan.start_ns))["exchange"][DOCUMENT]
    keys, optional = server.SERVICE.keys, server.SERVICE.optional
    return parse_document("exchange", text).section(required=keys, optional=optional)


@pytest.fixture(scope="module")
def access(document: Section) -> Access:
    return server.SERVICE.access(document)


@pytest.fixture
def token(tmp_path: Path) -> dict[str, str]:
    for name in SEES:
        issue_token(tmp_path, Surface.REST, name, SCOPES[Surface.REST], tmp_path / f"{name}.token")
    return {name: read_token(tmp_path / f"{name}.token") for name in SEES}


@pytest.fixture
def venue(workshop: Any, access: Access, token: dict[str, str], tmp_path: Path) -> Any:
    served = workshop.exchange()
    served.surface = replace(served.surface, authorise=read_tokens(tmp_path, Surface.REST, access).authorise)
    served.restart()
    return served


@pytest.mark.parametrize("caller", SEES)
def test_whoever_sees_a_master_sees_its_sub_accounts_and_never_the_reverse(
    caller: str, venue: Any, token: dict[str, str]
) -> None:
    found: dict[str, list[str]] = {}
    for account in ACCOUNTS:
        answers = [
            venue.call("GET", f"/api/v1/{path.format(account)}", token[caller])
            for path in ("accounts/{}/sub-accounts", "accounts/{}", "accounts/{}/statement", "trades?account={}")
        ]
        told = {answer.status_code for answer in answers}
        assert told in ({200}, {404}), (account, told)
        if told == {200}:
            found[account] = answers[0].json()["sub_accounts"]
            assert answers[0].json()["account"] == answers[1].json()["account"] == account
        else:
            assert answers[0].json() == answers[1].json(), "a foreign account is one that does not exist"
    assert found == {account: SUB_ACCOUNTS.get(account, []) for account in SEES[caller]}


def test_a_sub_account_is_told_nothing_of_its_master_or_siblings(venue: Any, token: dict[str, str]) -> None:
    for path in ("accounts/alpha-hedge/sub-accounts", "accounts/alpha-hedge", "accounts/alpha-hedge/statement"):
        text = venue.call("GET", f"/api/v1/{path}", token[SUB]).text
        assert '"alpha"' not in text and "reserve" not in text


@pytest.mark.parametrize("caller", TRADES)
def test_to_see_is_not_to_trade(caller: str, venue: Any, token: dict[str, str]) -> None:
    taken = []
    for account in ACCOUNTS:
        answer = venue.call("POST", "/api/v1/orders", token[caller], json={**ORDER, "account": account})
        assert answer.status_code in (201, 404)
        if answer.status_code == 201:
            taken.append(account)
    assert taken == TRADES[caller]


def test_orders_and_balances_of_a_sub_account_are_its_own(venue: Any, token: dict[str, str]) -> None:
    venue.call("POST", "/api/v1/orders", token[SUB], json={**ORDER, "account": "alpha-hedge"})
    locked = {}
    for account in HOUSEHOLD:
        balances = venue.call("GET", f"/api/v1/accounts/{account}", token[MASTER]).json()["balances"]
        locked[account] = [each["locked"] for each in balances if each["asset"] == "USD" and float(each["locked"])]
    assert {account for account, amounts in locked.items() if amounts} == {"alpha-hedge"}
    orders = venue.call("GET", "/api/v1/orders?account=alpha-hedge", token[MASTER]).json()["orders"]
    assert [each["client_order_id"] for each in orders] == ["mine-1"]
    assert venue.call("GET", "/api/v1/orders?account=alpha", token[MASTER]).json()["orders"] == []


def test_without_a_token_or_its_scope_nothing_is_told(venue: Any, access: Access, tmp_path: Path) -> None:
    assert venue.call("GET", "/api/v1/accounts/alpha/sub-accounts", "").status_code == 401
    issue_token(tmp_path, Surface.REST, MASTER, [], tmp_path / "poor.token")
    poor = read_token(tmp_path / "poor.token")
    venue.surface = replace(venue.surface, authorise=read_tokens(tmp_path, Surface.REST, access).authorise)
    venue.restart()
    assert venue.call("GET", "/api/v1/accounts/alpha/sub-accounts", poor).status_code == 403


# Over gRPC.


def ask(caller: str, account: str, access: Access, plan: WorldPlan) -> list[str] | RefusalCode:
    call = SubAccountCall(plan.masters, access)
    try:
        told = asyncio.run(call.answer(wire.GetSubAccountsRequest(account=account), caller))
    except Refused as refused:
        return refused.code
    assert told.account == account
    return list(told.sub_accounts)


@pytest.mark.parametrize("caller", SEES)
def test_grpc_tells_the_same(caller: str, access: Access, plan: WorldPlan) -> None:
    for account in ACCOUNTS:
        expected = SUB_ACCOUNTS.get(account, []) if account in SEES[caller] else RefusalCode.NOT_FOUND
        assert ask(caller, account, access, plan) == expected


@pytest.mark.parametrize("caller", SEES)
def test_events_are_heard_like_accounts_are_seen(caller: str, access: Access, plan: WorldPlan) -> None:
    def event(account: str) -> Message:
        return AccountMoved(
            account=account,
            venue="exchange",
            account_sequence=1,
            occurred_ns=1,
            movement_id=1,
            transfer_id=1,
            asset="USD",
            amount_minor=1,
        )

    assert [account for account in ACCOUNTS if access.may_hear(caller, event(account))] == SEES[caller]


def test_the_live_venue_charges_the_group_together(document: Section, plan: WorldPlan) -> None:
    core, now = server.build(document, "exchange"), plan.start_ns
    for account, side in (("alpha", Side.SELL), ("alpha-hedge", Side.BUY)):
        terms = (OrderType.LIMIT, TimeInForce.GTC, 6_000_000, 170_000)  # 17 BTC at 60,000: beyond the first tier.
        core.handle(SubmitOrder("exchange", account, "big", "BTC/USD", side, *terms), now)
    paid = {}
    for account in ("alpha-reserve", "beta"):
        question = QueryAccount(to="exchange", asker="me", account=account)
        [report, *_] = core.handle(question, now + 2 * 3_600 * 10**9)
        assert isinstance(report, AccountReported)
        paid[account] = report.taker_fee_ppm
    assert paid == {"alpha-reserve": 150, "beta": 200}
