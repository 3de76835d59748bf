"""A desk leaves a market alone that takes no orders, and comes back when it does, or when it may have missed that."""

from collections.abc import Callable

import pytest
from tests.production.trading_engine.test_core import SECOND, Bench, only

from trading_ecosystem.messages.market import MarketPhase, MarketPhaseChanged, PhaseReason
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import CancelOrder, OrderRejected, RejectReason, SubmitOrder
from trading_ecosystem.production.trading_engine.config import DeskConfig
from trading_ecosystem.reference import ReferenceData


@pytest.fixture
def bench(desk_config: Callable[[str], DeskConfig], maker_text: str, reference: ReferenceData) -> Bench:
    made = Bench(desk_config(maker_text), reference)
    made.serving()
    return made


def phase(bench: Bench, which: MarketPhase, until_ns: int = 0) -> MarketPhaseChanged:
    return MarketPhaseChanged(
        venue="exchange",
        symbol="BTC/USD",
        market_phase=which,
        phase_reason=PhaseReason.VENUE_HALT,
        until_ns=until_ns,
        occurred_ns=bench.now,
    )


def quiet(bench: Bench, seconds: int) -> bool:
    """Whether it sends no order, however prices move; the venue is heard, and answers."""
    sent: list[Message] = []
    for second in range(seconds):
        bench.beat()
        sent += bench.report()
        sent += bench.quote(6_000_000 + 40_000 * (second % 3))
    return not only(SubmitOrder, sent)


def test_it_takes_its_orders_back_and_waits(bench: Bench) -> None:
    orders = only(SubmitOrder, bench.quote())
    for order in orders:
        bench.accept(order)
    sent = bench.give(phase(bench, MarketPhase.HALTED, bench.now + 90 * SECOND))
    assert len(only(CancelOrder, sent)) == len(orders) == 2
    assert quiet(bench, 60)
    assert not only(SubmitOrder, bench.give(phase(bench, MarketPhase.OPEN)))
    assert not quiet(bench, 3)


def test_an_opening_that_was_lost_does_not_keep_it_away_for_ever(bench: Bench) -> None:
    bench.quote()
    bench.give(phase(bench, MarketPhase.HALTED))
    assert quiet(bench, 29)
    assert not quiet(bench, 5)


def test_a_rejected_order_tells_it_too(bench: Bench) -> None:
    [order, *_] = only(SubmitOrder, bench.quote())
    bench.sequence += 1
    bench.give(
        OrderRejected(
            account=order.account,
            venue="exchange",
            account_sequence=bench.sequence,
            occurred_ns=bench.now,
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            reject_reason=RejectReason.MARKET_HALTED,
        )
    )
    assert quiet(bench, 29)


def test_a_late_word_does_not_close_what_is_open(bench: Bench) -> None:
    bench.quote()
    late = phase(bench, MarketPhase.HALTED)
    bench.wait(SECOND)
    bench.give(phase(bench, MarketPhase.OPEN))
    assert not only(CancelOrder, bench.give(late))


def test_another_venue_and_an_absurd_time_do_not_stop_it(bench: Bench) -> None:
    bench.quote()
    bench.give(phase(bench, MarketPhase.HALTED, 1 << 61))
    market = bench.engine._desk.markets["BTC/USD"]
    assert not market.is_open(bench.now + 3_599 * SECOND)
    assert market.is_open(bench.now + 3_600 * SECOND)


def test_a_new_session_of_the_venue_forgets_what_the_old_one_said(bench: Bench) -> None:
    bench.quote()
    bench.give(phase(bench, MarketPhase.HALTED, bench.now + 900 * SECOND))
    bench.beat(session=2)
    assert bench.engine._desk.markets["BTC/USD"].is_open(bench.now)
