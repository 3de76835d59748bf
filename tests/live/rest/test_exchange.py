"""The venue's REST surface: orders in, answers in the units that people use, nothing of anybody else."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from trading_ecosystem.live.door import Header, RefusalCode, Refused
from trading_ecosystem.messages.orders import OrderType, Side, SubmitOrder, TimeInForce

ORDER = {
    "account": "alpha",
    "client_order_id": "mine-1",
    "symbol": "BTC/USD",
    "side": "buy",
    "type": "limit",
    "time_in_force": "GTC",
    "price": "50000.00",
    "quantity": "0.5",
}


@pytest.fixture
def venue(workshop: Any) -> Any:
    return workshop.exchange()


@pytest.fixture
def place(venue: Any) -> Callable[..., Any]:
    """place(**other fields, token=...): POST an order."""

    def post(token: str = "token-of-alice", **other: Any) -> Any:
        body = {name: value for name, value in {**ORDER, **other}.items() if value is not None}
        return venue.call("POST", "/api/v1/orders", token, json=body)

    return post


def test_a_resting_order_is_open_in_decimal_units(venue: Any, place: Any) -> None:
    answer = place()
    assert answer.status_code == 201
    order = answer.json()
    assert order.pop("order_id") > 0
    assert order == {
        "account": "alpha",
        "client_order_id": "mine-1",
        "symbol": "BTC/USD",
        "side": "buy",
        "price": "50000.00",
        "quantity": "0.5000",
        "status": "open",
        "filled_quantity": "0.0000",
        "leaves_quantity": "0.5000",
        "fills": [],
    }
    assert venue.door.asked == [
        SubmitOrder(
            "exchange",
            "alpha",
            "mine-1",
            "BTC/USD",
            Side.BUY,
            OrderType.LIMIT,
            TimeInForce.GTC,
            5_000_000,
            5_000,
            False,
        )
    ]
    [shown] = venue.call("GET", "/api/v1/orders?account=alpha").json()["orders"]
    assert (shown["client_order_id"], shown["leaves_quantity"]) == ("mine-1", "0.5000")
    balances = {each["asset"]: each for each in venue.call("GET", "/api/v1/accounts/alpha").json()["balances"]}
    locked, free = (float(balances["USD"][name]) for name in ("locked", "free"))
    assert 25_000 <= locked <= 25_010 and locked + free == 3_000_000  # With what it may cost in fees.


def test_an_order_that_trades_at_once_tells_its_fills_and_is_in_the_trades(venue: Any, place: Any) -> None:
    order = place(type="market", price=None, quantity="0.1").json()
    assert order["status"] == "filled" and order["price"] is None
    assert order["filled_quantity"] == "0.1000" and order["leaves_quantity"] == "0.0000"
    assert sum(float(fill["quantity"]) for fill in order["fills"]) == pytest.approx(0.1)
    assert {fill["liquidity"] for fill in order["fills"]} == {"taker"}
    page = venue.call("GET", "/api/v1/trades?account=alpha&limit=1").json()
    [trade] = page["trades"]
    assert (trade["side"], trade["liquidity"], trade["order_id"]) == ("buy", "taker", order["order_id"])
    assert trade["price"] == order["fills"][0]["price"] and trade["fee"] == order["fills"][0]["fee"]
    assert not [name for name in trade if "account" in name or "buyer" in name or "seller" in name]
    assert page["next"] == trade["trade_id"]
    rest = venue.call("GET", f"/api/v1/trades?account=alpha&after={page['next']}").json()
    assert len(rest["trades"]) == len(order["fills"]) - 1 and rest["next"] is None


def test_the_rest_of_an_order_that_may_not_wait_is_canceled(place: Any) -> None:
    order = place(time_in_force="IOC").json()
    assert (order["status"], order["leaves_quantity"]) == ("canceled", "0.0000")


REJECTED = [
    ({"quantity": "90000000"}, 409, "insufficient_funds"),
    ({"price": "90000.00", "post_only": True, "quantity": "0.1"}, 409, "would_take"),
    ({"symbol": "DOGE/USD"}, 404, "unknown_symbol"),
    ({"account": "beta"}, 404, "unknown_account"),
    ({"account": "nobody"}, 404, "unknown_account"),
    ({"price": "50000.001"}, 422, "invalid_price"),
    ({"quantity": "0.00001"}, 422, "invalid_quantity"),
    ({"price": "99999999999999999"}, 422, "invalid_price"),
    ({"price": None}, 422, "invalid_price"),
    ({"type": "market"}, 422, "invalid_price"),
    ({"client_order_id": None}, 400, "missing_client_order_id"),
    ({"client_order_id": "a b"}, 422, "invalid_client_order_id"),
    ({"side": "BUY"}, 422, "invalid_side"),
    ({"post_only": 1}, 422, "invalid_post_only"),
    ({"post_only": "true"}, 422, "invalid_post_only"),
]


@pytest.mark.parametrize("other,status,code", REJECTED)
def test_an_order_is_rejected_by_name(other: dict[str, Any], status: int, code: str, place: Any) -> None:
    answer = place(**other)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_a_repeated_order_gets_the_first_answer_and_no_second_order(venue: Any, place: Any) -> None:
    first, again = place(), place()
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert len(venue.door.asked) == 1
    other = place(quantity="0.6")
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    assert len(venue.door.asked) == 1


def test_a_rejection_is_repeated_too(venue: Any, place: Any) -> None:
    first, again = place(quantity="90000000"), place(quantity="90000000")
    assert (first.status_code, first.content) == (again.status_code, again.content) and len(venue.door.asked) == 1


def test_an_order_of_an_earlier_life_is_told_as_it_stands(venue: Any, place: Any) -> None:
    """The surface is made anew, as after a restart; the core and its history know the order still."""
    first = place(quantity="0.5").json()
    venue.restart()
    assert place(quantity="0.5").json() == first
    assert place(client_order_id="mine-2", quantity="90000000").status_code == 409
    venue.restart()
    again = place(client_order_id="mine-2", quantity="90000000")
    assert (again.status_code, again.json()["code"]) == (409, "already_answered")
    other = place(quantity="0.6")
    assert (other.status_code, other.json()["code"]) == (422, "client_order_id_reused")


def test_the_same_order_twice_at_once_is_one_order(venue: Any) -> None:
    gate = asyncio.Event()
    ask = venue.door.ask

    async def slow(message: Any, cause: Any = None) -> Any:
        await gate.wait()
        return await ask(message, cause)

    async def both() -> list[int]:
        venue.door.ask = slow
        first = asyncio.create_task(venue.call_in_loop("POST", "/api/v1/orders", json=ORDER))
        await asyncio.sleep(0.05)
        second = await venue.call_in_loop("POST", "/api/v1/orders", json=ORDER)
        third = await venue.call_in_loop("POST", "/api/v1/orders", json={**ORDER, "quantity": "0.7"})
        gate.set()
        return [(await first).status_code, second.status_code, third.status_code]

    assert asyncio.run(both()) == [201, 409, 422]
    assert len(venue.door.asked) == 1


def test_a_call_that_failed_for_a_passing_reason_may_be_made_again(venue: Any, place: Any) -> None:
    venue.door.refusal = Refused(RefusalCode.NOT_SERVING, "the store is away")
    answer = place()
    assert (answer.status_code, answer.json()["code"]) == (503, "not_serving")
    assert answer.headers["retry-after"] == "1"
    venue.door.refusal = None
    assert place().status_code == 201


def test_an_order_is_canceled_by_its_owner_alone(venue: Any, place: Any) -> None:
    placed = place().json()
    address = "/api/v1/orders/mine-1"
    foreign = venue.call("DELETE", f"{address}?account=alpha", "token-of-beth")
    absent = venue.call("DELETE", f"{address}?account=nobody", "token-of-beth")
    assert foreign.status_code == absent.status_code == 404 and foreign.content == absent.content
    done = venue.call("DELETE", f"{address}?account=alpha").json()
    assert (done["order_id"], done["quantity"], done["reason"]) == (placed["order_id"], "0.5000", "requested")
    again = venue.call("DELETE", f"{address}?account=alpha")
    assert (again.status_code, again.json()["code"]) == (404, "unknown_order")


@pytest.mark.parametrize("path", ["/api/v1/accounts/{}", "/api/v1/orders?account={}", "/api/v1/trades?account={}"])
def test_a_foreign_account_is_one_that_does_not_exist(path: str, venue: Any) -> None:
    foreign, absent = (venue.call("GET", path.format(account)) for account in ("beta", "nobody"))
    assert foreign.status_code == absent.status_code == 404
    assert foreign.content == absent.content
    assert venue.door.asked == []


def test_the_top_of_a_book_is_told(venue: Any) -> None:
    top = venue.call("GET", "/api/v1/books/BTC-USD").json()
    assert top["symbol"] == "BTC/USD" and float(top["bid"]) < float(top["ask"])
    assert venue.call("GET", "/api/v1/books/BTC_USD").status_code == 404


def test_the_callers_own_span_is_the_cause(venue: Any, place: Any) -> None:
    ours = "00-00000000000000000000000000000abc-0000000000000def-01"
    foreign = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    for name, trace in (("first", ours), ("second", foreign), ("third", "garbage")):
        answer = venue.call(
            "POST", "/api/v1/orders", json={**ORDER, "client_order_id": name}, headers={"traceparent": trace}
        )
        assert answer.headers.get("traceparent") == (trace if trace != "garbage" else None)
    assert venue.door.causes == [Header(message_id=0xDEF, correlation_id=0xABC), None, None]
