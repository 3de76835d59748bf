"""Statements of the venue over REST, and netting sets and comparisons of the custodian: whole, and of one's own."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from trading_ecosystem.assembly import WorldPlan, load_world
from trading_ecosystem.messages.books import BooksCompared, Break, NettingSettled
from trading_ecosystem.messages.custody import Posting
from trading_ecosystem.simulators.custodian import store as custodian_store

ORDER = {
    "account": "alpha",
    "client_order_id": "mine-1",
    "symbol": "BTC/USD",
    "side": "buy",
    "type": "market",
    "time_in_force": "IOC",
    "quantity": "0.25",
}
OTHER = {"account": "alpha", "move_id": "m-1", "asset": "USD", "amount": "1000.5"}
PATH = "/api/v1/accounts/alpha/statement"


@pytest.fixture(scope="module")
def plan() -> WorldPlan:
    return load_world(Path(__file__).parents[3] / "worlds" / "spot-and-futures.yaml")


def test_a_statement_opens_moves_and_closes_as_the_account_is(workshop: Any) -> None:
    venue = workshop.exchange()
    venue.call("POST", "/api/v1/orders", json=ORDER)
    venue.call("POST", "/api/v1/orders", json={**ORDER, "client_order_id": "mine-2", "symbol": "BTC-PERP"})
    venue.call("POST", "/api/v1/margin", json=OTHER)
    told = venue.call("GET", PATH).json()
    kinds = {(each["kind"], each["wallet"], each["symbol"], each["asset"]): each["amount"] for each in told["totals"]}
    assert kinds["trade", "balance", "BTC/USD", "BTC"] == "0.25000000"
    assert float(kinds["trade", "balance", "BTC/USD", "USD"]) < -10_000
    assert kinds["margin_transfer", "balance", None, "USD"] == "-1000.50000000"
    assert kinds["margin_transfer", "margin", None, "USD"] == "1000.50000000"
    assert float(kinds["fee", "margin", "BTC-PERP", "USD"]) < 0 > float(kinds["fee", "balance", "BTC/USD", "USD"])
    closing = {(each["wallet"], each["asset"]): each["closing"] for each in told["wallets"]}
    account = venue.call("GET", "/api/v1/accounts/alpha").json()
    held = {each["asset"]: each for each in account["balances"]}
    assert closing["balance", "BTC"] == held["BTC"]["free"] == "15.25000000"
    assert closing["balance", "USD"] == held["USD"]["free"]
    assert closing["margin", "USD"] == account["margins"][0]["wallet"]
    rows = list(csv.DictReader(io.StringIO(venue.call("GET", f"{PATH}.csv").text)))
    assert [row["entry"] for row in rows][:1] == ["opening"] and rows[-1]["entry"] == "closing"
    assert len([row for row in rows if row["entry"] == "movement"]) == len(told["movements"])


def test_the_next_period_opens_as_the_last_one_closed(workshop: Any) -> None:
    venue = workshop.exchange()
    venue.call("POST", "/api/v1/orders", json=ORDER)
    middle = "2026-03-02T12:00:00Z"
    first = venue.call("GET", f"{PATH}?until={middle}").json()
    second = venue.call("GET", f"{PATH}?since={middle}").json()
    assert first["movements"] and second["movements"] == []
    openings = {(each["wallet"], each["asset"]): each["opening"] for each in second["wallets"]}
    assert {(each["wallet"], each["asset"]): each["closing"] for each in first["wallets"]} == openings
    wrong = venue.call("GET", f"{PATH}?since={middle}&until=2026-03-02T00:00:00Z")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_until")


@pytest.mark.parametrize("path", ["/api/v1/accounts/{}/statement", "/api/v1/accounts/{}/statement.csv"])
def test_a_foreign_statement_does_not_exist(path: str, workshop: Any) -> None:
    venue = workshop.exchange()
    foreign, absent = (venue.call("GET", path.format(account)) for account in ("noise", "nobody"))
    assert foreign.status_code == absent.status_code == 404 and foreign.json() == absent.json()


def test_a_custodian_tells_its_netting_sets_and_comparisons(workshop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (("alpha", "clearing", "USD", 150_000_000), ("clearing", "noise", "USD", 150_000_000))
    postings = [
        Posting(debit_account=debit, credit_account=credit, asset=asset, amount_minor=minor)
        for debit, credit, asset, minor in lines
    ]
    settled = NettingSettled(
        custodian="custodian",
        netting_id=1,
        transaction_id=2,
        cut_off_ns=0,
        netted=(),
        postings=tuple(postings),
        occurred_ns=5,
    )
    breaks = tuple(Break(account=name, asset="USD", venue_minor=1, custody_minor=2) for name in ("alpha", "noise"))
    compared = BooksCompared(
        custodian="custodian",
        venue="exchange",
        last_trade_id=7,
        last_movement_id=1,
        entry_count=9,
        breaks=breaks,
        occurred_ns=6,
    )
    made: list[Any] = []
    memory_store = custodian_store.SettlementHistory.__init__

    def kept(self: Any, database: Any) -> None:
        memory_store(self, database)
        made.append(self)

    monkeypatch.setattr(custodian_store.SettlementHistory, "__init__", kept)
    custodian = workshop.custodian()
    made[-1].record([settled, compared])
    page = custodian.call("GET", "/api/v1/nettings?account=alpha").json()
    assert page["next"] is None and page["nettings"][0]["legs"] == [{"asset": "USD", "amount": "-1.50000000"}]
    [told] = custodian.call("GET", "/api/v1/comparisons?account=alpha").json()["comparisons"]
    assert told["breaks"] == [{"asset": "USD", "venue": "0.00000001", "custody": "0.00000002"}]
    for path in ("nettings", "comparisons"):
        assert custodian.call("GET", f"/api/v1/{path}?account=noise").status_code == 404
