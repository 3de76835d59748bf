"""Transfers and statements over REST: who calls is who asks, four eyes see, and all that was posted adds up."""

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trading_ecosystem.assembly import load_world
from trading_ecosystem.messages.transfers import AccountMoved, MovementAnswered, MovementRefusal
from trading_ecosystem.simulators.custodian.transfer_config import ApprovalConfig
from trading_ecosystem.simulators.exchange.rest_bodies import execution_of

WORLD = Path(__file__).parents[3] / "worlds" / "treasury.yaml"
NEW = {
    "request_id": "mine-1",
    "kind": "withdrawal",
    "account": "alpha",
    "asset": "USD",
    "amount": "100.5",
    "other": "bank.alpha",
}
TRANSFERS = "/api/v1/transfers"
OTHER = "token-of-beth"


@pytest.fixture
def served(workshop: Any) -> Any:
    plan = load_world(WORLD)
    approvals = ApprovalConfig(by=("alice", "beth"), withdrawals=1, within_ns=3600 * 10**9)
    custodian = replace(plan.custodian, transfers=replace(plan.custodian.transfers, approvals=approvals))
    return replace(workshop, plan=replace(plan, custodian=custodian)).custodian()


def answered(served: Any, movement_id: int, refusal: MovementRefusal = MovementRefusal.NONE) -> None:
    """What the venue would say."""
    answer = MovementAnswered(
        to="custodian", venue="exchange", movement_id=movement_id, movement_refusal=refusal, occurred_ns=1
    )
    served.door.hand(answer)


def approve(served: Any, digest: str, token: str = OTHER) -> Any:
    return served.call("POST", f"{TRANSFERS}/mine-1/approve", token, json={"digest": digest})


def test_a_withdrawal_from_request_to_end(served: Any) -> None:
    told = served.call("POST", TRANSFERS, json=NEW)
    assert told.status_code == 201 and told.json()["status"] == "awaiting_approval"
    digest = told.json()["digest"]
    own = approve(served, digest, "token-of-alice")
    assert (own.status_code, own.json()["code"]) == (403, "own_request")
    other = approve(served, "0" * 64)
    assert (other.status_code, other.json()["code"]) == (409, "other_content")
    assert approve(served, digest).json() == {
        "request_id": "mine-1",
        "status": "in_progress",
        "approvals_missing": 0,
    }
    late = approve(served, digest)
    assert (late.status_code, late.json()["code"]) == (409, "too_late")
    answered(served, 1)
    served.door.wait(121)
    [transfer] = served.call("GET", f"{TRANSFERS}?account=alpha").json()["transfers"]
    assert (transfer["status"], transfer["amount"], transfer["place"]) == ("completed", "100.50000000", "bank.alpha")
    changes = served.call("GET", f"{TRANSFERS}/mine-1/changes").json()["changes"]
    assert [(each["status"], each["operator"]) for each in changes] == [
        ("awaiting_approval", ""),
        ("in_progress", "beth"),
        ("confirming", ""),
        ("completed", ""),
    ]
    assert served.call("GET", f"{TRANSFERS}/mine-1/changes", OTHER).status_code == 404
    again = served.call("POST", TRANSFERS, json=NEW)
    assert (again.json()["status"], again.json()["transfer_id"]) == ("completed", 1)
    reused = served.call("POST", TRANSFERS, json={**NEW, "amount": "1"})
    assert (reused.status_code, reused.json()["code"]) == (422, "request_id_reused")


def test_what_the_venue_refuses_has_failed_and_says_why(served: Any) -> None:
    digest = served.call("POST", TRANSFERS, json=NEW).json()["digest"]
    approve(served, digest)
    answered(served, 1, MovementRefusal.INSUFFICIENT_BALANCE)
    [transfer] = served.call("GET", f"{TRANSFERS}?account=alpha").json()["transfers"]
    assert (transfer["status"], transfer["refusal"]) == ("failed", "insufficient_balance")


def test_ones_own_request_can_be_taken_back_and_that_of_another_not(served: Any) -> None:
    served.call("POST", TRANSFERS, json=NEW)
    other = served.call("DELETE", f"{TRANSFERS}/mine-1", OTHER)
    assert (other.status_code, other.json()["code"]) == (403, "not_the_requester")
    assert served.call("DELETE", f"{TRANSFERS}/mine-1").json()["status"] == "canceled"
    unheard = served.call("POST", f"{TRANSFERS}/unheard/reject", OTHER)
    assert (unheard.status_code, unheard.json()["code"]) == (404, "unknown_request")


def test_a_new_destination_says_when_it_can_be_used(served: Any) -> None:
    told = served.call("POST", "/api/v1/destinations", json={"account": "alpha", "destination": "bank.new"})
    assert told.status_code == 201 and told.json()["usable"].startswith("2026-03-03T00:00:0")
    unknown = served.call("POST", TRANSFERS, json={**NEW, "other": "bank.other"})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_destination")


@pytest.mark.parametrize("path", ["/api/v1/accounts/{}/statement", "/api/v1/accounts/{}/statement.csv"])
def test_a_foreign_statement_does_not_exist(path: str, served: Any) -> None:
    foreign, absent = (served.call("GET", path.format(account), OTHER) for account in ("noise", "nobody"))
    assert foreign.status_code == absent.status_code == 404 and foreign.json() == absent.json()


def test_a_statement_opens_posts_and_closes(served: Any) -> None:
    approve(served, served.call("POST", TRANSFERS, json=NEW).json()["digest"])
    answered(served, 1)
    served.door.wait(121)
    statement = served.call("GET", "/api/v1/accounts/alpha/statement").json()
    usd = next(each for each in statement["balances"] if each["asset"] == "USD")
    assert usd == {"asset": "USD", "opening": "3000000.00000000", "closing": "2999899.50000000"}
    [line] = statement["postings"]
    assert (line["reason"], line["number"], line["counterparty"]) == ("transfer", 1, "transit")
    assert line["amount"] == "-100.50000000"
    page = served.call("GET", "/api/v1/accounts/alpha/statement.csv")
    assert page.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(page.text)))
    assert [row["entry"] for row in rows if row["asset"] == "USD"] == ["opening", "posting", "closing"]
    later = served.call("GET", "/api/v1/accounts/alpha/statement?since=2026-03-02T01:00:00Z").json()
    assert later["postings"] == [] and usd["closing"] == next(
        each["opening"] for each in later["balances"] if each["asset"] == "USD"
    )
    backwards = "since=2026-03-03T00:00:00Z&until=2026-03-02T00:00:00Z"
    wrong = served.call("GET", f"/api/v1/accounts/alpha/statement?{backwards}")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_until")


@pytest.mark.parametrize(("minor", "amount"), [(-150_000_000, "-1.50000000"), (150_000_000, "1.50000000")])
def test_an_owner_who_listens_is_told_of_movements(minor: int, amount: str, workshop: Any) -> None:
    event = AccountMoved(
        account="alpha",
        venue="exchange",
        account_sequence=7,
        occurred_ns=workshop.plan.start_ns,
        movement_id=1,
        transfer_id=3,
        asset="USD",
        amount_minor=minor,
    )
    assert execution_of(event, workshop.plan.reference) == {
        "event": "AccountMoved",
        "account": "alpha",
        "account_sequence": 7,
        "occurred": "2026-03-02T00:00:00.000000000Z",
        "movement_id": 1,
        "transfer_id": 3,
        "asset": "USD",
        "amount": amount,
    }
