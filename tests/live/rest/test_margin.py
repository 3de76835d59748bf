"""Margin and perpetuals on the venue's REST surface, in units that people use."""

from pathlib import Path
from typing import Any

import pytest

from trading_ecosystem.assembly import WorldPlan, load_world

ORDER = {
    "account": "alpha",
    "client_order_id": "mine-1",
    "symbol": "BTC-PERP",
    "side": "buy",
    "type": "market",
    "time_in_force": "IOC",
    "quantity": "0.25",
}
MOVE = {"account": "alpha", "move_id": "m-1", "asset": "USD", "amount": "1000.5"}


@pytest.fixture(scope="module")
def plan() -> WorldPlan:
    return load_world(Path(__file__).parents[3] / "worlds" / "spot-and-futures.yaml")


@pytest.fixture
def venue(workshop: Any) -> Any:
    return workshop.exchange()


def account(venue: Any) -> Any:
    answer = venue.call("GET", "/api/v1/accounts/alpha")
    assert answer.status_code == 200
    return answer.json()


def test_a_perpetual_is_traded_like_anything_else_and_shows_as_a_position(venue: Any) -> None:
    answer = venue.call("POST", "/api/v1/orders", json=ORDER)
    assert answer.status_code == 201 and answer.json()["status"] == "filled"
    told = account(venue)
    [position], [margin] = told["positions"], told["margins"]
    assert (position["symbol"], position["quantity"]) == ("BTC-PERP", "0.250")
    assert margin["asset"] == "USD" and margin["moved_in"] == "300000.00000000"
    assert float(margin["wallet"]) < 300_000 and float(margin["initial"]) > 700
    held = {each["asset"]: each["free"] for each in told["balances"]}
    assert held["BTC"] == "15.00000000", "nothing was delivered"


def test_the_changes_of_positions_are_kept_and_told_in_pages(venue: Any) -> None:
    for number in range(3):
        venue.call("POST", "/api/v1/orders", json={**ORDER, "client_order_id": f"mine-{number}"})
    page = venue.call("GET", "/api/v1/positions?account=alpha&limit=2").json()
    assert [each["quantity"] for each in page["changes"]] == ["0.250", "0.500"]
    rest = venue.call("GET", f"/api/v1/positions?account=alpha&after={page['next']}").json()
    assert [each["quantity"] for each in rest["changes"]] == ["0.750"] and rest["next"] is None
    assert float(rest["changes"][0]["fee"]) > 0
    assert venue.call("GET", "/api/v1/positions?account=beta").status_code == 404
    assert venue.call("GET", "/api/v1/positions?account=alpha&symbol=NO-PERP").status_code == 404
    assert venue.call("GET", "/api/v1/positions?account=alpha&symbol=").status_code in (400, 422)
    assert len(venue.call("GET", "/api/v1/positions?account=alpha&symbol=BTC-PERP").json()["changes"]) == 3


def test_margin_moves_in_and_out_once(venue: Any) -> None:
    moved = venue.call("POST", "/api/v1/margin", json=MOVE)
    assert moved.status_code == 200 and moved.json()["wallet"] == "301000.50000000"
    again = venue.call("POST", "/api/v1/margin", json=MOVE)
    assert (again.status_code, again.json()["code"]) == (409, "already_answered")
    other = venue.call("POST", "/api/v1/margin", json={**MOVE, "amount": "7"})
    assert (other.status_code, other.json()["code"]) == (422, "move_id_reused")
    out = venue.call("POST", "/api/v1/margin", json={**MOVE, "move_id": "m-2", "amount": "301000.5", "out": True})
    assert out.json()["wallet"] == "0.00000000"
    assert account(venue)["balances"][0]["free"] == "3000000.00000000"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"amount": "0"}, 422, ""),
        ({"amount": "-1"}, 422, ""),
        ({"amount": "0.000000001"}, 422, ""),
        ({"asset": "EUR"}, 404, ""),
        ({"asset": "BTC"}, 404, "unknown_asset"),
        ({"amount": "2700000.5"}, 409, "insufficient_funds"),
        ({"amount": "300001", "out": True}, 409, "insufficient_funds"),
        ({"account": "beta"}, 404, ""),
        ({"extra": 1}, 422, ""),
    ],
)
def test_what_cannot_be_moved_is_refused_by_name(venue: Any, change: dict[str, Any], status: int, code: str) -> None:
    answer = venue.call("POST", "/api/v1/margin", json={**MOVE, **change})
    assert answer.status_code == status, answer.text
    assert not code or answer.json()["code"] == code
    assert account(venue)["margins"][0]["wallet"] == "300000.00000000"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"reduce_only": True}, "would_not_reduce"),
        ({"type": "limit", "price": "60000", "quantity": "150"}, "insufficient_margin"),
        ({"symbol": "BTC/USD", "reduce_only": True}, "invalid_terms"),
        ({"type": "stop", "trigger_price": "70000", "reduce_only": True, "time_in_force": "GTC"}, "invalid_terms"),
    ],
)
def test_an_order_is_refused_by_name(venue: Any, change: dict[str, Any], code: str) -> None:
    answer = venue.call("POST", "/api/v1/orders", json={**ORDER, **change})
    assert answer.status_code in (409, 422) and answer.json()["code"] == code, answer.text
