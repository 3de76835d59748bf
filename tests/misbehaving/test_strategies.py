"""What each of those that misbehave does, worked by hand. The opening of the desk is never theirs."""

from tests.misbehaving.room import SECOND, Room, signed


def waking(kind: str, keys: str) -> Room:
    return Room(kind, f"instrument: BTC/USD, below: 1000, every: 1s, slippage: 1%, {keys}")


def test_the_risk_ignorant_doubles_after_each_loss_and_never_sells() -> None:
    room = waking("risk_ignorant", "size: 1, loss: 1%")
    assert room.fill_all(room.quote(1_000, SECOND)) == [("BTC/USD", 10)]
    assert room.wake() == []
    room.quote(991, 3 * SECOND)
    assert room.wake() == []  # Less than the loss.
    room.quote(990, 4 * SECOND)
    [order] = room.wake()
    assert signed([order]) == [("BTC/USD", 10)]  # 2 are wanted.
    room.fill(order, 3)
    assert room.fill_all(room.wake()) == [("BTC/USD", 7)]  # What the book did not give at first.
    room.quote(1_020, 7 * SECOND)
    assert room.wake() == []  # Up is no reason to sell,
    room.quote(981, 8 * SECOND)
    assert room.wake() == []  # and 1% is counted from the price of the last doubling: 980.1.
    room.quote(980, 9 * SECOND)
    assert room.fill_all(room.wake()) == [("BTC/USD", 20)]
    assert room.desk.positions.excess_minor("BTC") == 4 * 10**8


def test_the_volatility_amplifier_trades_with_the_move_and_in_proportion_to_it() -> None:
    room = waking("volatility_amplifier", "size: 2, move: 1%")
    assert room.quote(1_000, SECOND) == []
    assert room.wake() == []  # The price has not moved.
    room.quote(1_010, 3 * SECOND)
    assert room.fill_all(room.wake()) == [("BTC/USD", 20)]
    room.quote(1_040, 4 * SECOND)
    assert room.fill_all(room.wake()) == [("BTC/USD", 59)]  # 30/1010 of the price, in units of 1%, times 20: 59.4.
    room.quote(1_000, 5 * SECOND)
    assert room.fill_all(room.wake()) == [("BTC/USD", -76)]  # 40/1040: 76.9, rounded towards nothing.


def test_the_correlation_breaker_buys_what_it_should_sell_and_grows() -> None:
    room = waking("correlation_breaker", "hedge: ETH/USD, size: 1")
    assert room.quote(1_000, SECOND) == []  # Its hedge has no price.
    room.quote(50, 2 * SECOND, "ETH/USD")
    assert room.fill_all(room.wake()) == [("BTC/USD", 10)]
    assert room.fill_all(room.wake()) == [("ETH/USD", 2_000)]  # 20 ETH for 1 BTC: long both.
    assert room.fill_all(room.wake()) == [("BTC/USD", 10)]  # It looks flat, so there is room.
    room.quote(40, 13 * SECOND, "ETH/USD")  # So far is believed at once after 10 s.
    assert room.fill_all(room.wake()) == [("ETH/USD", 3_000)]  # 2000 in BTC, and 20 ETH are worth 800.


def test_the_slow_leak_is_back_where_it_was_after_every_second_order() -> None:
    room = waking("slow_leak", "size: 2")
    assert room.fill_all(room.quote(1_000, SECOND)) == [("BTC/USD", 20)]
    [order] = room.wake()
    assert signed([order]) == [("BTC/USD", -20)]
    room.fill(order, 15)
    assert room.fill_all(room.wake()) == [("BTC/USD", -5)]
    assert room.fill_all(room.wake()) == [("BTC/USD", 20)]


def test_the_fat_finger_types_money_as_quantity_and_then_slices_it() -> None:
    room = waking("fat_finger", "notional: 5000, slices: 3")
    orders = room.quote(1_000, SECOND)
    assert room.fill_all(orders) == [("BTC/USD", -50_000)]  # 5000 BTC, where 5 were meant.
    assert [room.fill_all(room.wake()) for _ in range(4)] == [[("BTC/USD", -16_666)]] * 3 + [[]]
