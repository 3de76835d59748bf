"""The engine trades only on certain ground: it reconciles first, checks every order, and loses count of nothing."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from trading_ecosystem.messages.accounts import AccountReported, Balance, OpenOrder, QueryAccount, VenueHeartbeat
from trading_ecosystem.messages.health import HealthChanged, HealthStatus
from trading_ecosystem.messages.market import BookTopChanged, QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import (
    CancelOrder,
    CancelReason,
    DenyReason,
    Liquidity,
    OrderAccepted,
    OrderCanceled,
    OrderDenied,
    OrderFilled,
    OrderRejected,
    RejectReason,
    Side,
    SubmitOrder,
)
from trading_ecosystem.messages.runtime import Remember, Start, Wake, WakeAt
from trading_ecosystem.production.trading_engine.config import DeskConfig
from trading_ecosystem.production.trading_engine.core import TradingEngine
from trading_ecosystem.reference import ReferenceData

SECOND = 1_000_000_000
COIN = 10**8
MID = 6_000_000
HOLDINGS = {"USD": 3_000_000 * COIN, "USDT": 1_000_000 * COIN, "BTC": 20 * COIN}
M = TypeVar("M", bound=Message)
Build = Callable[[str], DeskConfig]


class Bench:
    """An engine, and a hand that plays the venue: it counts the account's events and keeps what was remembered."""

    def __init__(self, config: DeskConfig, reference: ReferenceData) -> None:
        self.config, self.reference = config, reference
        self.now = 0
        self.sequence = 0
        self.memory: dict[str, object] = {}
        self.wakes: list[int] = []
        self.start()

    def start(self) -> Sequence[Message]:
        self.engine = TradingEngine("desk", self.config, self.reference)
        self.wakes = []
        return self.give(Start(memory=dict(self.memory)))

    def give(self, message: Message) -> Sequence[Message]:
        answer = self.engine.handle(message, self.now)
        submitted = False
        for sent in answer:
            submitted = submitted or isinstance(sent, SubmitOrder)
            if isinstance(sent, Remember):
                assert not submitted, "what must be kept leaves before the orders that rest on it"
                self.memory[sent.key] = sent.value
            if isinstance(sent, WakeAt):
                assert sent.at_ns > self.now
                self.wakes.append(sent.at_ns)
        return answer

    def wait(self, duration_ns: int) -> list[Message]:
        """Let time pass, waking the engine whenever it asked for it."""
        until = self.now + duration_ns
        sent: list[Message] = []
        while self.wakes and min(self.wakes) <= until:
            self.now = max(self.now, min(self.wakes))
            self.wakes.remove(min(self.wakes))
            sent += self.give(Wake())
        self.now = until
        return sent

    def beat(self, session: int = 1) -> Sequence[Message]:
        return self.give(VenueHeartbeat(venue="exchange", session=session, occurred_ns=self.now))

    def report(self, *open_orders: OpenOrder, **holdings: int) -> Sequence[Message]:
        amounts = HOLDINGS | holdings
        balances = tuple(Balance(asset=a, free_minor=m, locked_minor=0) for a, m in amounts.items())
        answer = AccountReported(
            to="desk",
            venue="exchange",
            account=self.config.account,
            account_sequence=self.sequence,
            balances=balances,
            open_orders=open_orders,
            occurred_ns=self.now,
        )
        return self.give(answer)

    def quote(self, mid: int = MID, symbol: str = "BTC/USD", half: int = 100, wait: int = SECOND) -> list[Message]:
        sent = self.wait(wait)
        quote = QuotePublished(symbol, mid - half, 1, mid + half, 1, 1, self.now)
        return sent + list(self.give(quote))

    def serving(self) -> None:
        self.beat()
        self.report()

    def accept(self, order: SubmitOrder) -> Sequence[Message]:
        self.sequence += 1
        event = OrderAccepted(
            order.account,
            "exchange",
            self.sequence,
            self.now,
            self.sequence,
            order.client_order_id,
            order.symbol,
            order.side,
            order.price_ticks,
            order.quantity_lots,
        )
        return self.give(event)

    def fill(self, order: SubmitOrder, lots: int, leaves: int) -> OrderFilled:
        self.sequence += 1
        return OrderFilled(
            order.account,
            "exchange",
            self.sequence,
            self.now,
            self.sequence,
            order.client_order_id,
            order.symbol,
            order.side,
            order.price_ticks,
            lots,
            leaves,
            0,
            Liquidity.MAKER,
            self.sequence,
        )

    def position(self, asset: str) -> int:
        return self.engine._desk.positions.total_minor(asset)


def only(kind: type[M], messages: Sequence[Message]) -> list[M]:
    return [message for message in messages if isinstance(message, kind)]


def still_open(order: SubmitOrder, leaves: int | None = None) -> OpenOrder:
    return OpenOrder(
        order_id=1,
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        price_ticks=order.price_ticks,
        leaves_quantity_lots=order.quantity_lots if leaves is None else leaves,
    )


@pytest.fixture
def bench(desk_config: Build, maker_text: str, reference: ReferenceData) -> Bench:
    return Bench(desk_config(maker_text), reference)


# Before it trades.


def test_it_asks_before_it_trades_and_says_so(bench: Bench) -> None:
    answer = bench.start()
    assert only(QueryAccount, answer) == [QueryAccount(to="exchange", asker="desk", account="alpha")]
    assert [(h.health, h.detail) for h in only(HealthChanged, answer)] == [(HealthStatus.DEGRADED, "reconciling")]
    assert only(WakeAt, answer)
    assert not only(SubmitOrder, bench.quote())
    bench.beat()
    assert not only(SubmitOrder, bench.quote())
    assert [h.health for h in only(HealthChanged, bench.report())] == [HealthStatus.SERVING]
    assert len(only(SubmitOrder, bench.quote())) == 2


def test_the_question_is_repeated_until_it_is_answered(bench: Bench) -> None:
    sent: list[Message] = []
    for _ in range(10):
        bench.beat()
        sent += bench.wait(SECOND)
    assert len(only(QueryAccount, sent)) == 3
    bench.report()
    bench.beat()
    assert not only(QueryAccount, bench.wait(9 * SECOND))


def test_health_is_said_on_changes_only(bench: Bench) -> None:
    bench.serving()
    sent: list[Message] = []
    for _ in range(30):
        sent += bench.beat()
        quoted = bench.quote()
        for order in only(SubmitOrder, quoted):
            sent += bench.accept(order)
        sent += quoted
    assert only(SubmitOrder, sent) and not only(HealthChanged, sent)


def test_quotes_of_others_cost_nothing(bench: Bench) -> None:
    bench.serving()
    assert bench.quote(symbol="ETH/USD") == []
    book = BookTopChanged("exchange", "BTC/USD", 1, 1, 2, 1, 1, bench.now)
    assert bench.give(book) == ()


# A restart.


def test_after_a_restart_it_cancels_what_it_does_not_want_and_reuses_no_id(bench: Bench) -> None:
    bench.serving()
    before = only(SubmitOrder, bench.quote())
    for order in before:
        bench.accept(order)
    bench.start()
    bench.beat()
    answer = bench.report(*[still_open(order) for order in before])
    assert [cancel.client_order_id for cancel in only(CancelOrder, answer)] == ["alpha-1", "alpha-2"]
    after = only(SubmitOrder, bench.quote())
    assert [order.client_order_id for order in after] == ["alpha-1001", "alpha-1002"]


def test_the_opening_position_is_the_same_after_a_restart(bench: Bench) -> None:
    bench.serving()
    flat = [order.price_ticks for order in only(SubmitOrder, bench.quote())]
    bench.start()
    bench.beat()
    bench.report(BTC=22 * COIN)
    long = [order.price_ticks for order in only(SubmitOrder, bench.quote())]
    assert long[0] < flat[0] and long[1] < flat[1]


# Events of the account.


def test_fills_move_the_position_once_whatever_is_repeated(bench: Bench) -> None:
    bench.serving()
    bid, ask = only(SubmitOrder, bench.quote())
    bench.accept(bid)
    bench.accept(ask)
    fill = bench.fill(bid, 1_000, 4_000)
    bench.give(fill)
    assert bench.position("BTC") == 20 * COIN + COIN // 10
    assert bench.position("USD") == HOLDINGS["USD"] - 5_994_000 * 1_000 * 100
    assert bench.give(fill) == []
    assert bench.position("BTC") == 20 * COIN + COIN // 10
    again = bench.quote()
    assert [cancel.client_order_id for cancel in only(CancelOrder, again)] == ["alpha-1", "alpha-2"]


def test_a_gap_stops_trading_until_the_report(bench: Bench) -> None:
    bench.serving()
    bid, ask = only(SubmitOrder, bench.quote())
    bench.accept(bid)
    bench.sequence += 1  # The acceptance of the ask is lost.
    late = bench.fill(bid, 5_000, 0)
    answer = bench.give(late)
    assert len(only(QueryAccount, answer)) == 1 and only(HealthChanged, answer)
    assert bench.position("BTC") == 20 * COIN
    assert not only(SubmitOrder, bench.quote(MID + 50_000))
    answer = bench.report(still_open(ask), BTC=20 * COIN + COIN // 2)
    assert only(HealthChanged, answer)[0].health is HealthStatus.SERVING
    assert bench.position("BTC") == 20 * COIN + COIN // 2
    assert bench.give(late) == []  # A copy of the late one is below the report.
    assert bench.position("BTC") == 20 * COIN + COIN // 2
    assert len(only(SubmitOrder, bench.quote(MID + 50_000))) == 2


def test_a_price_from_the_future_is_none(bench: Bench) -> None:
    bench.serving()
    quote = QuotePublished("BTC/USD", MID - 100, 1, MID + 100, 1, 1, bench.now + 3600 * SECOND)
    assert not bench.give(quote)
    assert len(only(SubmitOrder, bench.quote())) == 2


def test_a_fill_of_what_nobody_knows_is_asked_about(bench: Bench) -> None:
    bench.serving()
    bid, ask = only(SubmitOrder, bench.quote())
    bench.accept(bid)
    bench.accept(ask)
    fill = bench.fill(bid, 1_000, 4_000)
    fill.symbol = "DOGE/USD"
    answer = bench.give(fill)
    assert only(QueryAccount, answer) and only(HealthChanged, answer)[0].health is HealthStatus.DEGRADED
    assert bench.position("BTC") == 20 * COIN
    answer = bench.report(still_open(bid), still_open(ask), BTC=20 * COIN + 1)
    assert only(HealthChanged, answer)[0].health is HealthStatus.SERVING
    assert bench.position("BTC") == 20 * COIN + 1
    assert only(CancelOrder, bench.quote(MID + 50_000))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fates=st.lists(st.sampled_from(["arrives", "twice", "lost", "late"]), min_size=1, max_size=12))
def test_whatever_happens_to_fills_the_position_ends_at_the_truth(
    desk_config: Build, maker_text: str, reference: ReferenceData, fates: list[str]
) -> None:
    bench = Bench(desk_config(maker_text), reference)
    bench.serving()
    bid, _ = only(SubmitOrder, bench.quote())
    bench.accept(bid)
    held: list[OrderFilled] = []
    for count, fate in enumerate(fates, start=1):
        fill = bench.fill(bid, 100, 5_000 - 100 * count)
        if fate == "late":
            held.append(fill)
        elif fate != "lost":
            bench.give(fill)
            if fate == "twice":
                bench.give(fill)
    for fill in held:
        bench.give(fill)
    truth = 20 * COIN + len(fates) * COIN // 100
    bench.give(bench.fill(bid, 1, 5_000 - 100 * len(fates) - 1))
    bench.report(still_open(bid, 5_000 - 100 * len(fates) - 1), BTC=truth + COIN // 10_000)
    assert bench.position("BTC") == truth + COIN // 10_000
    assert bench.engine._link.trusted


def test_what_the_venue_still_has_of_a_closed_order_is_canceled(bench: Bench) -> None:
    bench.serving()
    bid, ask = only(SubmitOrder, bench.quote())
    bench.wait(5 * SECOND)  # Unanswered for too long: it has asked.
    bench.report()  # Neither order has come to the venue: both are closed.
    answer = bench.accept(bid)  # And yet one does.
    assert [cancel.client_order_id for cancel in only(CancelOrder, answer)] == [bid.client_order_id]
    assert ask.client_order_id not in bench.engine._orders.working


@pytest.mark.parametrize("accepted", [True, False])
def test_a_refused_repetition_does_not_end_the_first_order(bench: Bench, accepted: bool) -> None:
    bench.serving()
    bid, _ = only(SubmitOrder, bench.quote())
    if accepted:
        bench.accept(bid)
    bench.sequence += 1
    refused = OrderRejected(
        account="alpha",
        venue="exchange",
        account_sequence=bench.sequence,
        occurred_ns=bench.now,
        client_order_id=bid.client_order_id,
        symbol="BTC/USD",
        reject_reason=RejectReason.CLIENT_ORDER_ID_REUSED,
    )
    bench.give(refused)
    assert bid.client_order_id in bench.engine._orders.working


# Unanswered, away, back.


def test_an_unanswered_order_is_asked_about_and_not_sent_again(bench: Bench) -> None:
    bench.serving()
    bid, ask = only(SubmitOrder, bench.quote())
    sent: list[Message] = []
    for _ in range(5):
        bench.beat()
        sent += bench.wait(SECOND)
    assert len(only(QueryAccount, sent)) == 1
    assert not only(SubmitOrder, sent)
    bench.report(still_open(bid), still_open(ask))
    assert not only(QueryAccount, bench.wait(4 * SECOND))


def test_a_lost_cancel_is_repeated_after_the_report(bench: Bench) -> None:
    bench.serving()
    orders = only(SubmitOrder, bench.quote())
    for order in orders:
        bench.accept(order)
    replaced = bench.quote(MID + 50_000)
    for order in only(SubmitOrder, replaced):
        bench.accept(order)
    bench.beat()
    assert len(only(QueryAccount, bench.wait(5 * SECOND))) == 1
    everything = [still_open(order) for order in orders + only(SubmitOrder, replaced)]
    again = only(CancelOrder, bench.report(*everything))
    assert [cancel.client_order_id for cancel in again] == [order.client_order_id for order in orders]


def test_silence_ends_trading_and_a_heartbeat_leads_to_a_new_reconciliation(bench: Bench) -> None:
    bench.serving()
    orders = only(SubmitOrder, bench.quote())
    for order in orders:
        bench.accept(order)
    sent: list[Message] = []
    for step in range(12):
        sent += bench.quote(MID + step)
    assert [h.detail for h in only(HealthChanged, sent)] == ["venue away"]
    sent = bench.quote(MID + 50_000)
    assert not only(SubmitOrder, sent) and not only(CancelOrder, sent) and not only(QueryAccount, sent)
    assert {order.status.value for order in bench.engine._orders.working.values()} == {"unknown"}
    assert len(only(QueryAccount, bench.beat())) == 1
    assert not only(SubmitOrder, bench.quote(MID + 50_000))
    answer = bench.report(still_open(orders[1]))
    assert [h.health for h in only(HealthChanged, answer)] == [HealthStatus.SERVING]
    sent = bench.quote(MID + 50_000)
    assert [cancel.client_order_id for cancel in only(CancelOrder, sent)] == [orders[1].client_order_id]
    assert len(only(SubmitOrder, sent)) == 2


def test_a_new_session_is_reconciled_even_without_silence(bench: Bench) -> None:
    bench.serving()
    orders = only(SubmitOrder, bench.quote())
    answer = bench.beat(session=2)
    assert len(only(QueryAccount, answer)) == 1
    assert only(HealthChanged, answer)[0].health is HealthStatus.DEGRADED
    assert {order.status.value for order in bench.engine._orders.working.values()} == {"unknown"}
    assert not only(SubmitOrder, bench.quote(MID + 50_000))
    bench.report()
    assert not bench.engine._orders.working
    fresh = only(SubmitOrder, bench.quote(MID + 50_000))
    assert len(fresh) == 2 and not {o.client_order_id for o in fresh} & {o.client_order_id for o in orders}


def test_quotes_are_withdrawn_when_the_feed_falls_silent(bench: Bench) -> None:
    bench.serving()
    for order in only(SubmitOrder, bench.quote()):
        bench.accept(order)
    sent: list[Message] = []
    for _ in range(10):
        bench.beat()
        sent += bench.wait(SECOND)
    assert len(only(CancelOrder, sent)) == 2


def test_wakes_do_not_pile_up(bench: Bench) -> None:
    bench.serving()
    for step in range(300):
        bench.beat()
        for order in only(SubmitOrder, bench.quote(MID + step % 7 * 20_000)):
            bench.accept(order)
        assert len(bench.wakes) <= 4


# Checks.


def denials(bench: Bench, mid: int = MID) -> list[DenyReason]:
    sent = bench.quote(mid)
    assert not only(SubmitOrder, sent) or not only(OrderDenied, sent)
    return [denied.deny_reason for denied in only(OrderDenied, sent)]


def test_a_full_hand_of_denials(desk_config: Build, maker_text: str, reference: ReferenceData) -> None:
    def bench_of(old: str, new: str) -> Bench:
        assert old in maker_text
        bench = Bench(desk_config(maker_text.replace(old, new)), reference)
        bench.serving()
        return bench

    assert denials(bench_of("order_value: 100000", "order_value: 29000")) == [DenyReason.ORDER_VALUE] * 2
    bench = bench_of("BTC: 30", "BTC: 20.4")
    sent = bench.quote()
    assert [denied.deny_reason for denied in only(OrderDenied, sent)] == [DenyReason.POSITION_LIMIT]
    assert [order.side for order in only(SubmitOrder, sent)] == [Side.SELL]
    bench = bench_of("size", "size")
    bench.sequence = 1
    bench.beat(2)
    bench.report(USD=1_000 * COIN)
    sent = bench.quote()
    assert [denied.deny_reason for denied in only(OrderDenied, sent)] == [DenyReason.INSUFFICIENT_FUNDS]
    assert [order.side for order in only(SubmitOrder, sent)] == [Side.SELL]
    bench = bench_of("orders_per_minute: 60", "orders_per_minute: 3")
    assert denials(bench) == []
    sent = bench.quote(MID + 50_000)
    assert len(only(SubmitOrder, sent)) == 1
    assert [denied.deny_reason for denied in only(OrderDenied, sent)] == [DenyReason.ORDER_RATE]
    bench = bench_of("BTC/USD:", "BTC/USDT:")
    sent = bench.quote(symbol="BTC/USDT")
    assert [denied.deny_reason for denied in only(OrderDenied, sent)] == [DenyReason.STALE_QUOTE] * 2
    bench = bench_of("BTC/USD:", "BTC/USDT:")
    bench.quote(10_000, symbol="USDT/USD", half=-1)
    sent = bench.quote(symbol="BTC/USDT")
    assert [denied.deny_reason for denied in only(OrderDenied, sent)] == [DenyReason.CROSSED_QUOTE] * 2


BOOKS = {
    "BTC/USD": (5_999_900, 6_000_100, 10_000),
    "BTC/USDT": (6_040_000, 6_040_200, 10_000),
    "USDT/USD": (9_999, 10_001, 100_000),
    "ETH/USD": (300_000, 300_010, 50_000),
    "ETH/USDT": (300_000, 300_010, 50_000),
}


class Venue:
    """Books for the arbitrage desk, with a planted mispricing of BTC/USDT."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        bench.serving()
        for symbol, (bid, ask, _) in BOOKS.items():
            mid = (bid + ask) // 2
            bench.quote(mid, symbol, half=ask - mid)

    def show(self) -> list[Message]:
        sent: list[Message] = []
        for symbol, (bid, ask, lots) in BOOKS.items():
            bench = self.bench
            bench.now += 1
            sent += bench.give(BookTopChanged("exchange", symbol, bid, lots, ask, lots, bench.now, bench.now))
        return sent


@pytest.fixture
def arbitrage(desk_config: Build, arbitrage_text: str, reference: ReferenceData) -> Venue:
    return Venue(Bench(desk_config(arbitrage_text), reference))


def test_three_legs_go_together(arbitrage: Venue) -> None:
    sent = arbitrage.show()
    assert [order.symbol for order in only(SubmitOrder, sent)] == ["BTC/USD", "BTC/USDT", "USDT/USD"]


def test_books_from_before_the_venue_went_away_are_not_traded_on(arbitrage: Venue) -> None:
    bench = arbitrage.bench
    assert only(SubmitOrder, arbitrage.show())
    bench.beat(session=2)
    bench.report()  # None of the legs is known: the round is over.
    for symbol, (bid, ask, _) in BOOKS.items():
        bench.quote((bid + ask) // 2, symbol, half=1, wait=2 * SECOND + 1)
        bench.beat(session=2)
    bench.now += 1
    bid, ask, lots = BOOKS["BTC/USD"]
    assert bench.give(BookTopChanged("exchange", "BTC/USD", bid, lots, ask, lots, bench.now, bench.now)) == ()
    assert only(SubmitOrder, arbitrage.show())


def test_one_leg_outside_the_collar_holds_back_all(arbitrage: Venue) -> None:
    arbitrage.bench.quote(5_800_000, "BTC/USDT")
    sent = arbitrage.show()
    assert not only(SubmitOrder, sent)
    assert [(d.symbol, d.deny_reason) for d in only(OrderDenied, sent)] == [
        ("BTC/USD", DenyReason.GROUP_DENIED),
        ("BTC/USDT", DenyReason.PRICE_COLLAR),
        ("USDT/USD", DenyReason.GROUP_DENIED),
    ]


def test_legs_that_are_refused_are_not_tried_again_at_every_book(arbitrage: Venue) -> None:
    bench, sent = arbitrage.bench, arbitrage.show()
    for _ in range(60):
        bench.beat()
        for order in only(SubmitOrder, sent):
            bench.sequence += 1
            canceled = OrderCanceled(
                "beta",
                "exchange",
                bench.sequence,
                bench.now,
                1,
                order.client_order_id,
                order.symbol,
                order.quantity_lots,
                CancelReason.NOT_FILLED,
            )
            bench.give(canceled)
        bench.quote(6_000_000, "BTC/USD", wait=SECOND // 2)
        bench.quote(6_040_100, "BTC/USDT", wait=0)
        bench.quote(10_000, "USDT/USD", half=1, wait=SECOND // 2)
        sent = arbitrage.show()
    first = bench.engine._orders._next_number
    assert first <= 1 + 3 * 7  # Once in ten seconds, three legs.


def test_an_order_that_never_rests_is_asked_about_when_only_its_acceptance_comes(arbitrage: Venue) -> None:
    """The loss of an account's last event leaves no gap; without the question the round would never end."""
    bench = arbitrage.bench
    for order in only(SubmitOrder, arbitrage.show()):
        bench.accept(order)
    sent: list[Message] = []
    for _ in range(5):
        bench.beat()
        sent += bench.wait(SECOND)
    assert len(only(QueryAccount, sent)) == 1
    bench.sequence += 3  # Their ends, which were lost.
    bench.report()
    assert not bench.engine._orders.working


def test_a_wish_that_comes_while_the_account_is_in_doubt_is_denied(arbitrage: Venue) -> None:
    """The end of the legs asks for a hedge, and comes together with a gap."""
    bench = arbitrage.bench
    direct, cross, bridge = only(SubmitOrder, arbitrage.show())
    for order in (direct, cross, bridge):
        bench.accept(order)
    bench.give(bench.fill(direct, direct.quantity_lots, 0))
    bench.give(bench.fill(cross, cross.quantity_lots - 2_000, 0))
    last = bench.fill(bridge, bridge.quantity_lots, 0)
    bench.sequence += 1
    bench.give(bench.fill(bridge, 1, 0))  # Early: two events are missing before it.
    sent = bench.give(last)
    assert not only(SubmitOrder, sent)
    assert [(d.symbol, d.deny_reason) for d in only(OrderDenied, sent)] == [
        ("BTC/USD", DenyReason.NOT_TRADING),
        ("USDT/USD", DenyReason.NOT_TRADING),
    ]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mids=st.lists(st.integers(100_000, 50_000_000), min_size=20, max_size=90))
def test_orders_stay_within_their_rate_under_a_wild_price(
    desk_config: Build, maker_text: str, reference: ReferenceData, mids: list[int]
) -> None:
    bench = Bench(desk_config(maker_text), reference)
    bench.serving()
    placed: list[int] = []
    refused = 0
    for mid in mids:
        bench.beat()
        sent = bench.quote(mid)
        for order in only(SubmitOrder, sent):
            bench.accept(order)
            placed.append(bench.now)
            assert order.price_ticks * order.quantity_lots * 100 <= 100_000 * COIN
            assert abs(order.price_ticks - mid) * 100 <= 3 * mid
        for cancel in only(CancelOrder, sent):
            bench.sequence += 1
            gone = OrderCanceled(
                "alpha", "exchange", bench.sequence, bench.now, 1, cancel.client_order_id, "BTC/USD", 1,
                CancelReason.REQUESTED,
            )  # fmt: skip
            bench.give(gone)
        refused += len(only(OrderDenied, sent))
    for moment in placed:
        assert sum(moment <= other < moment + 60 * SECOND for other in placed) <= 2 * 60
    assert refused <= 2 * (1 + len(mids) // 30)
