"""Asleep until a price, then for good; one order at a time, beyond the quote by the slippage."""

import pytest
from tests.misbehaving.room import REFERENCE, SECOND, Room, desk_of

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.messages.orders import Side, TimeInForce
from trading_ecosystem.production.trading_engine.desk import Desk

KINDS = {
    "risk_ignorant": "size: 1, loss: 1%, slippage: 1%",
    "volatility_amplifier": "size: 1, move: 1%, slippage: 1%",
    "correlation_breaker": "hedge: ETH/USD, size: 1, slippage: 1%",
    "slow_leak": "size: 1, slippage: 1%",
    "fat_finger": "notional: 5000, slices: 3, slippage: 1%",
}


@pytest.mark.parametrize("kind", KINDS)
def test_it_sleeps_until_its_price_and_never_again(kind: str) -> None:
    room = Room(kind, f"instrument: BTC/USD, below: 1000, every: 2s, {KINDS[kind]}")
    never = room.due_ns()
    assert room.quote(1_001, SECOND) == [] and room.due_ns() == never and room.wake() == []
    room.quote(1_000, 3 * SECOND)
    assert room.due_ns() == 5 * SECOND
    assert room.quote(1_030, 4 * SECOND) == [] and room.due_ns() == 5 * SECOND
    room.wake()
    assert room.due_ns() == 7 * SECOND


def test_it_wakes_above_a_price_and_not_just_under_it() -> None:
    room = Room("slow_leak", "instrument: BTC/USD, above: 1000.001, every: 2s, size: 1, slippage: 1%")
    assert room.quote(1_000, SECOND) == []
    assert len(room.quote(1_001, 2 * SECOND)) == 1


def test_a_price_of_its_hedge_wakes_nobody() -> None:
    room = Room(
        "correlation_breaker", "instrument: BTC/USD, hedge: ETH/USD, below: 1000, every: 2s, size: 1, slippage: 1%"
    )
    assert room.quote(999, SECOND, "ETH/USD") == [] and room.due_ns() > 10 * SECOND


def test_an_order_takes_beyond_the_quote_and_the_next_waits_for_its_end() -> None:
    room = Room("slow_leak", "instrument: BTC/USD, below: 1000, every: 2s, size: 1, slippage: 1%")
    [order] = room.quote(1_000, SECOND)
    assert (order.side, order.time_in_force, order.price_ticks) == (
        Side.BUY,
        TimeInForce.IOC,
        101_002,
    )  # Of 1000.01, up.
    assert room.wake() == []
    room.fill(order, order.quantity_lots)
    [sale] = room.wake()
    assert (sale.side, sale.price_ticks) == (Side.SELL, 98_999)  # Of 999.99, down.


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("below: 1000", "below: 1000, above: 2000", "a price that wakes it is expected: either above or below"),
        ("below: 1000, ", "", "a price that wakes it is expected: either above or below"),
        ("below: 1000", "below: 0", "0 is not above zero"),
        ("BTC/USD", "BTC/EUR", "unknown instrument 'BTC/EUR'"),
        ("hedge: ETH/USD", "hedge: BTC/USD", "the hedge of BTC/USD is another instrument in USD"),
        ("size: 1", "size: 0.05", "0.05 is not a multiple of the lot"),
        ("every: 2s", "every: 0s", "the shortest time allowed is 1ms"),
        ("slippage: 1%", "slippage: 60%", "a share above 0% and up to 50% is expected"),
        ("slippage: 1%", "slipage: 1%", "unknown key 'slipage'; did you mean 'slippage'?"),
    ],
)
def test_what_is_wrong_with_it_is_named(old: str, new: str, problem: str) -> None:
    keys = f"instrument: BTC/USD, below: 1000, every: 2s, {KINDS['correlation_breaker']}"
    text = f"{{kind: trading_ecosystem.misbehaving.correlation_breaker:PLUGIN, {keys}}}"
    desk_of(text)
    assert old in text
    with pytest.raises(Problem) as caught:
        desk_of(text.replace(old, new))
    assert problem in str(caught.value)


@pytest.mark.parametrize(("slices", "problem"), [("0", "0 is not between 1 and 1000"), ("1001", "1001 is not between")])
def test_a_fat_finger_has_so_many_slices(slices: str, problem: str) -> None:
    keys = "instrument: BTC/USD, below: 1000, every: 2s, notional: 5000, slippage: 1%"
    with pytest.raises(Problem, match=problem):
        desk_of(f"{{kind: trading_ecosystem.misbehaving.fat_finger:PLUGIN, {keys}, slices: {slices}}}")


def test_a_desk_that_was_just_made_has_no_price_to_wake_anybody() -> None:
    keys = "instrument: BTC/USD, below: 1000, every: 2s, size: 1, slippage: 1%"
    config = desk_of(f"{{kind: trading_ecosystem.misbehaving.slow_leak:PLUGIN, {keys}}}")
    desk, [part] = Desk(REFERENCE, config.symbols, SECOND), config.strategies
    assert part.plugin.build(part.config, desk).on_quote(desk.markets["BTC/USD"], SECOND) == ()
