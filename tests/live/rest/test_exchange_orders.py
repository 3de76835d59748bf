"""Every kind of order over REST, in the words and units that people use, and what its owner can change of it."""

from collections.abc import Callable
from typing import Any

import pytest

from trading_ecosystem.messages.orders import SelfTradeMode, TimeInForce
from trading_ecosystem.messages.triggers import TriggerKind

ORDER = {
    "account": "alpha",
    "client_order_id": "mine-1",
    "symbol": "BTC/USD",
    "side": "buy",
    "type": "limit",
    "price": "50000.00",
    "quantity": "0.5",
}
PAIR = {
    "account": "alpha",
    "symbol": "BTC/USD",
    "side": "sell",
    "quantity": "0.2",
    "client_order_id": "aim",
    "price": "90000.00",
    "trigger_client_order_id": "guard",
    "trigger_type": "stop",
    "trigger_price": "40000.00",
}
AMENDMENT = {"account": "alpha", "symbol": "BTC/USD", "price": "50000.00", "quantity": "0.3"}


@pytest.fixture
def venue(workshop: Any) -> Any:
    return workshop.exchange()


@pytest.fixture
def place(venue: Any) -> Callable[..., Any]:
    """place(**other fields): POST an order; None leaves a field out."""

    def post(**other: Any) -> Any:
        body = {name: value for name, value in {**ORDER, **other}.items() if value is not None}
        return venue.call("POST", "/api/v1/orders", json=body)

    return post


def open_names(venue: Any) -> list[str]:
    return [order["client_order_id"] for order in venue.call("GET", "/api/v1/orders?account=alpha").json()["orders"]]


def test_all_terms_of_an_order_arrive(venue: Any, place: Any) -> None:
    answer = place(time_in_force="GTD", expires="2099-01-01T00:00:00Z", display="0.1", self_trade="decrement")
    assert (answer.status_code, answer.json()["status"]) == (201, "open")
    [command] = venue.door.asked
    assert (command.time_in_force, command.self_trade) == (TimeInForce.GTD, SelfTradeMode.DECREMENT)
    assert (command.display_lots, command.expires_ns) == (1_000, 4_070_908_800_000_000_000)


def test_a_market_order_may_say_what_it_spends(venue: Any, place: Any) -> None:
    order = place(type="market", price=None, quantity=None, quote_amount="1000").json()
    spent = sum(float(fill["price"]) * float(fill["quantity"]) + float(fill["fee"]) for fill in order["fills"])
    assert order["status"] == "filled" and float(order["quantity"]) == float(order["filled_quantity"])
    assert 990 < spent <= 1_000


def test_an_order_that_is_not_filled_at_once_is_killed(place: Any) -> None:
    order = place(price="90000.00", quantity="1000", time_in_force="FOK")
    assert (order.status_code, order.json()["code"]) == (409, "insufficient_funds")
    order = place(client_order_id="mine-2", time_in_force="FOK").json()
    assert (order["status"], order["filled_quantity"]) == ("canceled", "0.0000")


def test_an_order_that_waits_is_told_as_one(venue: Any, place: Any) -> None:
    order = place(type="stop", price=None, trigger_price="90000.00").json()
    assert (order["status"], order["price"], order["quantity"]) == ("waiting", None, "0.5000")
    place(client_order_id="mine-2", type="trailing_stop", price="51000.00", trail="2.5%")
    stop, trail = venue.door.asked
    assert (stop.trigger_kind, stop.trigger_ticks) == (TriggerKind.STOP, 9_000_000)
    assert (trail.trigger_kind, trail.trail_ppm, trail.price_ticks) == (TriggerKind.TRAILING, 25_000, 5_100_000)
    shown, _ = venue.call("GET", "/api/v1/orders?account=alpha").json()["orders"]
    assert (shown["waiting"], shown["trigger_price"], shown["price"]) == (True, "90000.00", None)
    canceled = venue.call("DELETE", "/api/v1/orders/mine-1?account=alpha").json()
    assert (canceled["quantity"], canceled["reason"]) == ("0.5000", "requested")


def test_of_a_pair_one_ends_the_other(venue: Any) -> None:
    pair = venue.call("POST", "/api/v1/pairs", json=PAIR)
    assert pair.status_code == 201, pair.text
    assert (pair.json()["order"]["status"], pair.json()["trigger"]["status"]) == ("open", "waiting")
    assert venue.call("POST", "/api/v1/pairs", json=PAIR).content == pair.content
    assert open_names(venue) == ["guard", "aim"]
    venue.call("DELETE", "/api/v1/orders/guard?account=alpha")
    assert open_names(venue) == []


def test_a_pair_is_told_again_after_a_restart(venue: Any) -> None:
    first = venue.call("POST", "/api/v1/pairs", json=PAIR).json()
    venue.restart()
    again = venue.call("POST", "/api/v1/pairs", json=PAIR).json()
    assert [again[name]["order_id"] for name in ("order", "trigger")] == [
        first[name]["order_id"] for name in ("order", "trigger")
    ]


def test_a_pair_is_refused_for_the_order_that_is_wrong(venue: Any) -> None:
    answer = venue.call("POST", "/api/v1/pairs", json={**PAIR, "quantity": "90000000"})
    assert (answer.status_code, answer.json()["code"]) == (409, "insufficient_funds")
    assert open_names(venue) == []


def test_an_order_is_amended_by_its_owner(venue: Any, place: Any) -> None:
    placed = place().json()
    amended = venue.call("PATCH", "/api/v1/orders/mine-1", json=AMENDMENT).json()
    assert (amended["order_id"], amended["quantity"], amended["leaves_quantity"]) == (
        placed["order_id"],
        "0.3000",
        "0.3000",
    )
    for path, changes, status, code in (
        ("mine-2", {}, 404, "unknown_order"),
        ("mine-1", {"account": "beta"}, 404, "unknown_account"),
        ("mine-1", {"symbol": "DOGE/USD"}, 404, "unknown_symbol"),
        ("mine-1", {"price": "50000.001"}, 422, "invalid_price"),
        ("mine-1", {"quantity": "0"}, 422, "invalid_quantity"),
        ("mine-1", {"quantity": "90000000"}, 409, "insufficient_funds"),
    ):
        answer = venue.call("PATCH", f"/api/v1/orders/{path}", json={**AMENDMENT, **changes})
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_all_orders_are_canceled_together(venue: Any, place: Any) -> None:
    place()
    place(client_order_id="mine-2", symbol="ETH/USD", price="1000.00")
    place(client_order_id="mine-3", type="stop", price=None, trigger_price="90000.00")
    canceled = venue.call("DELETE", "/api/v1/orders?account=alpha&symbol=BTC/USD").json()["canceled"]
    assert [order["client_order_id"] for order in canceled] == ["mine-1", "mine-3"]
    assert open_names(venue) == ["mine-2"]
    assert venue.call("DELETE", "/api/v1/orders?account=beta").status_code == 404
    assert [order["symbol"] for order in venue.call("DELETE", "/api/v1/orders?account=alpha").json()["canceled"]] == [
        "ETH/USD"
    ]


def test_silence_is_announced_in_seconds(venue: Any) -> None:
    answer = venue.call("PUT", "/api/v1/silence", json={"account": "alpha", "timeout_s": 60})
    assert answer.json() == {"account": "alpha", "timeout_s": 60}
    [command] = venue.door.asked
    assert command.timeout_ns == 60_000_000_000
    for wrong in (-1, 86_401, "60"):
        answer = venue.call("PUT", "/api/v1/silence", json={"account": "alpha", "timeout_s": wrong})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_timeout_s")


REFUSED = [
    ({"trigger_price": "1.00"}, "invalid_terms"),
    ({"trail": "1%"}, "invalid_terms"),
    ({"type": "stop", "trigger_price": "90000.00", "display": "0.1"}, "invalid_terms"),
    ({"type": "stop", "trigger_price": "90000.00", "post_only": True}, "invalid_terms"),
    ({"type": "stop"}, "invalid_trigger"),
    ({"type": "stop", "trigger_price": "90000.001"}, "invalid_trigger_price"),
    ({"type": "stop", "trigger_price": "90000.00", "trail": "1%"}, "invalid_trigger"),
    ({"type": "trailing_stop", "trail": "60%"}, "invalid_trigger"),
    ({"type": "trailing_stop", "trail": "some"}, "invalid_trigger"),
    ({"type": "stop", "trigger_price": "90000.00", "quantity": None}, "invalid_quantity"),
    ({"quantity": None}, "invalid_quantity"),
    ({"quote_amount": "5"}, "invalid_quantity"),
    ({"quantity": None, "quote_amount": "5"}, "invalid_terms"),
    ({"type": "market", "price": None, "quantity": None, "quote_amount": "5.123456789"}, "invalid_quote_amount"),
    ({"display": "0.001"}, "invalid_display"),
    ({"display": "0.1", "time_in_force": "IOC"}, "invalid_display"),
    ({"expires": "2099-01-01T00:00:00Z"}, "invalid_expiry"),
    ({"time_in_force": "GTD"}, "invalid_expiry"),
    ({"time_in_force": "GTD", "expires": "2001-01-01T00:00:00Z"}, "invalid_expiry"),
    ({"time_in_force": "GTD", "expires": "2099-02-30T00:00:00Z"}, "invalid_expiry"),
    ({"time_in_force": "GFD"}, "invalid_time_in_force"),
    ({"self_trade": "none"}, "invalid_self_trade"),
]


@pytest.mark.parametrize(("other", "code"), REFUSED)
def test_terms_that_no_order_can_have_are_refused_by_name(other: dict[str, Any], code: str, place: Any) -> None:
    answer = place(**other)
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
