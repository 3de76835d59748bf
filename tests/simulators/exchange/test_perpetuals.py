"""What a venue takes and refuses of perpetuals, case by case; what becomes of accounts, the oracle judges."""

from decimal import Decimal

import pytest
from tests.simulators.exchange.test_margin_oracle import REFERENCE, venue

from trading_ecosystem.messages.accounts import AccountReported, QueryAccount
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.order_changes import AmendOrder, AmendRejected, AmendRejectReason
from trading_ecosystem.messages.orders import (
    CancelReason,
    OrderAccepted,
    OrderCanceled,
    OrderRejected,
    OrderType,
    RejectReason,
    Side,
    SubmitOrder,
    TimeInForce,
)
from trading_ecosystem.messages.perpetuals import (
    FundingSettled,
    MarginMoved,
    MarginMoveRejected,
    MarkPriceChanged,
    MoveMargin,
    MoveRejectReason,
    PositionChanged,
)
from trading_ecosystem.messages.runtime import Start, Wake, WakeAt
from trading_ecosystem.simulators.exchange.book import Book
from trading_ecosystem.simulators.exchange.config import DispersionConfig, LiquidityConfig
from trading_ecosystem.simulators.exchange.core import Exchange
from trading_ecosystem.simulators.exchange.mark import Mark
from trading_ecosystem.simulators.exchange.order import Order

R, M = RejectReason, MoveRejectReason
GTC, IOC = TimeInForce.GTC, TimeInForce.IOC
BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def core(silent: LiquidityConfig) -> Exchange:
    """ann has 9,000 of margin and 5,000 beside it; bob 6,000. A lot at 1,000 ticks needs 50."""
    made = venue(silent, 0)
    made.handle(Start(memory={}), 0)
    return made


def test_an_index_is_what_the_provider_quotes_also_where_prices_stray(silent: LiquidityConfig) -> None:
    second_ns = 1_000_000_000
    stray = DispersionConfig(deviation_ppm=10_000, half_life_ns=60 * second_ns)
    plain, strays = venue(silent, 0), venue(silent, 0, dispersion=stray)
    for second in range(1, 60):
        quoted = index(1_000_000 + second, second * second_ns)
        told = [each for each in plain.handle(quoted, quoted.occurred_ns) if isinstance(each, MarkPriceChanged)]
        assert told
        assert told == [
            each for each in strays.handle(quoted, quoted.occurred_ns) if isinstance(each, MarkPriceChanged)
        ]


def index(ticks: int, now: int) -> QuotePublished:
    return QuotePublished("BTC/USD", 2 * ticks, 1, 2 * ticks, 1, 0, now)


def order(
    name: str,
    account: str,
    side: Side,
    lots: int,
    ticks: int = 1_000,
    reduce_only: bool = False,
    life: TimeInForce = GTC,
    symbol: str = "BTC-PERP",
    quote_minor: int = 0,
) -> SubmitOrder:
    kind = OrderType.LIMIT if ticks else OrderType.MARKET
    terms = {"reduce_only": reduce_only, "quote_minor": quote_minor}
    return SubmitOrder("venue", account, name, symbol, side, kind, life, ticks, lots, **terms)  # type: ignore[arg-type]


def refused(said: list[Message]) -> RejectReason | None:
    reasons = [message.reject_reason for message in said if isinstance(message, OrderRejected)]
    return reasons[0] if reasons else None


def short_of(core: Exchange, lots: int, now: int = 5) -> None:
    """ann is long so many lots, bob short."""
    core.handle(index(1_000, now), now)
    core.handle(order("b0", "bob", SELL, lots), now)
    core.handle(order("a0", "ann", BUY, lots), now)


def test_nothing_is_taken_before_the_index_is_known(core: Exchange) -> None:
    for command in (order("1", "ann", BUY, 1), order("2", "ann", BUY, 1, ticks=0, life=IOC)):
        assert refused(core.handle(command, 1)) is R.NO_MARK_PRICE
    assert refused(core.handle(order("3", "ann", SELL, 1, reduce_only=True), 1)) is R.NO_MARK_PRICE, "first of all"
    core.handle(index(1_000, 2), 2)
    assert refused(core.handle(order("4", "ann", BUY, 1), 2)) is None


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (order("1", "ann", BUY, 0, reduce_only=True), R.INVALID_QUANTITY),
        (order("1", "ann", BUY, 11, reduce_only=True), R.WOULD_NOT_REDUCE),  # She is long.
        (order("1", "ann", SELL, 11, reduce_only=True), R.WOULD_NOT_REDUCE),
        (order("1", "ann", SELL, 10, reduce_only=True), None),
        (order("1", "cid", SELL, 1, reduce_only=True), R.WOULD_NOT_REDUCE),
        (order("1", "ann", BUY, 1_000), R.INSUFFICIENT_MARGIN),
        (order("1", "ann", BUY, 1, reduce_only=True, symbol="BTC/USD"), R.INVALID_TERMS),
        (order("1", "ann", BUY, 0, ticks=0, life=IOC, quote_minor=500), R.INVALID_TERMS),
        (order("1", "nobody", BUY, 1), R.UNKNOWN_ACCOUNT),
        (order("1", "ann", BUY, 1, symbol="SOL-PERP"), R.UNKNOWN_SYMBOL),
    ],
)
def test_refusals_and_their_reasons(core: Exchange, command: SubmitOrder, reason: RejectReason | None) -> None:
    short_of(core, 10)
    assert refused(core.handle(command, 9)) is reason


def test_what_is_refused_changes_nothing_but_what_is_remembered_of_it(core: Exchange) -> None:
    short_of(core, 10)
    before = core.save()
    core.handle(order("1", "ann", BUY, 1_000), 9)
    after = core.save()
    assert isinstance(before, dict) and isinstance(after, dict)
    assert {key for key in before if before[key] != after[key]} == {"accounts", "submissions"}
    assert before["perpetuals"] == after["perpetuals"] and before["matching"] == after["matching"]


def test_the_most_that_is_covered_is_taken_and_one_lot_more_is_not(core: Exchange) -> None:
    """9,000 of margin; each lot needs 50 and loses a fee of 1: 176 lots."""
    core.handle(index(1_000, 1), 1)
    assert refused(core.handle(order("1", "ann", BUY, 177), 2)) is R.INSUFFICIENT_MARGIN
    assert refused(core.handle(order("2", "ann", BUY, 176), 2)) is None
    assert refused(core.handle(order("3", "ann", BUY, 4), 2)) is R.INSUFFICIENT_MARGIN, "200 are left, without fees"
    assert refused(core.handle(order("4", "ann", SELL, 176, ticks=1_010), 2)) is None, "the other side is no worse"


def test_amendments_are_covered_like_orders(core: Exchange) -> None:
    core.handle(index(1_000, 1), 1)
    core.handle(order("1", "ann", BUY, 100), 2)

    def amend(lots: int) -> list[Message]:
        command = AmendOrder(to="venue", account="ann", client_order_id="1", price_ticks=1_000, quantity_lots=lots)
        return core.handle(command, 3)

    [answer] = amend(177)
    assert isinstance(answer, AmendRejected)
    assert answer.amend_reject_reason is AmendRejectReason.INSUFFICIENT_MARGIN
    assert not any(isinstance(message, AmendRejected) for message in amend(176))


def test_reduce_only_orders_go_when_the_position_does_the_newest_first(core: Exchange) -> None:
    short_of(core, 10)
    for name, ticks in (("r1", 1_003), ("r2", 1_002), ("r3", 1_001)):
        assert refused(core.handle(order(name, "ann", SELL, 3, ticks=ticks, reduce_only=True), 6)) is None
    core.handle(order("b1", "bob", BUY, 3), 7)
    said = core.handle(order("a1", "ann", SELL, 3), 8)
    gone = [(each.client_order_id, each.reason) for each in said if isinstance(each, OrderCanceled)]
    assert gone == [("r3", CancelReason.NOTHING_TO_REDUCE)], "seven lots are left for nine"


def move(name: str, amount: int, asset: str = "USD", account: str = "ann") -> MoveMargin:
    return MoveMargin(to="venue", account=account, move_id=name, asset=asset, amount_minor=amount)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (move("1", 1, account="nobody"), M.UNKNOWN_ACCOUNT),
        (move("1", 1, account="background"), M.UNKNOWN_ACCOUNT),
        (move("1", 1, asset="BTC"), M.UNKNOWN_ASSET),
        (move("1", 0), M.INVALID_AMOUNT),
        (move("1", 5_001), M.INSUFFICIENT_FUNDS),
        (move("1", -9_001), M.INSUFFICIENT_FUNDS),
        (move("1", -8_500), M.INSUFFICIENT_MARGIN),  # 10 lots need 500, and the fee was 10.
    ],
)
def test_moves_that_are_refused(core: Exchange, command: MoveMargin, reason: MoveRejectReason) -> None:
    short_of(core, 10)
    [answer] = core.handle(command, 9)
    assert isinstance(answer, MarginMoveRejected) and answer.move_reject_reason is reason


def test_a_move_moves_once_and_its_id_is_no_other_move(core: Exchange) -> None:
    def amounts() -> tuple[int, int]:
        [report] = core.handle(QueryAccount(to="venue", asker="me", account="ann"), 1)
        assert isinstance(report, AccountReported)
        return report.balances[0].free_minor, report.margins[0].wallet_minor

    [moved] = core.handle(move("1", 2_000), 1)
    assert isinstance(moved, MarginMoved) and moved.wallet_minor == 11_000
    assert core.handle(move("1", 2_000), 1) == []
    [reused] = core.handle(move("1", 2_001), 1)
    assert isinstance(reused, MarginMoveRejected) and reused.move_reject_reason is M.MOVE_ID_REUSED
    assert amounts() == (3_000, 11_000)
    core.handle(move("2", -11_000), 1)
    assert amounts() == (14_000, 0)


def test_funding_is_due_by_the_clock_and_asked_for(core: Exchange) -> None:
    short_of(core, 10)
    said = core.handle(Wake(), 1_000_000)
    assert [type(each) for each in said if isinstance(each, (FundingSettled, PositionChanged))] == [
        FundingSettled,
        PositionChanged,
        PositionChanged,
    ]
    assert WakeAt(2_000_000).at_ns in [each.at_ns for each in said if isinstance(each, WakeAt)]
    assert not any(isinstance(each, FundingSettled) for each in core.handle(Wake(), 1_000_001))


def book_around(silent: LiquidityConfig, bid: int, ask: int) -> Book:
    core = venue(silent, 0)
    market = core._matching.markets["BTC-PERP"]
    account = core._accounts.by_name["ann"]
    for is_buy, ticks in ((True, bid), (False, ask)):
        made: Order = market.order(1 + ask, account, "", is_buy, ticks, 1)
        market.book.side(is_buy).add(made)
    return market.book


def test_the_mark_stays_within_its_band_even_when_the_index_falls_away(silent: LiquidityConfig) -> None:
    mark = Mark(REFERENCE.instruments["BTC-PERP"], REFERENCE.instruments["BTC/USD"], 10_000)
    book = book_around(silent, 1_990, 2_010)
    for moment in range(1, 200):
        assert mark.hear(index(1_900, moment), book)
    assert mark.ticks == 1_919, "the sample was cut at 19"
    assert mark.hear(index(1_806, 200), book)
    assert mark.ticks == 1_824, "18 is 1% of it, though the basis is still 19"


def test_a_single_print_is_no_index_and_a_second_one_is(silent: LiquidityConfig) -> None:
    mark, book = Mark(REFERENCE.instruments["BTC-PERP"], REFERENCE.instruments["BTC/USD"], 10_000), Book("BTC-PERP")
    assert mark.hear(index(1_000, 1), book)
    assert not mark.hear(index(1_051, 2), book)
    assert mark.index_ticks == 1_000
    assert not mark.hear(index(940, 3), book), "another print says something else"
    assert mark.hear(index(941, 4), book) and mark.index_ticks == 941
    for odd in (
        QuotePublished("BTC/USD", 0, 0, 2_000, 1, 0, 5),
        QuotePublished("BTC/USD", 2_002, 1, 2_000, 1, 0, 5),
        index(941, 4),
    ):
        assert not mark.hear(odd, book)


def test_a_funding_rate_is_the_premium_drawn_to_the_interest_within_its_cap(silent: LiquidityConfig) -> None:
    for bid, ask, rate_ppb in (
        (1_000, 1_000, 100_000),  # No premium: the interest.
        (1_002, 1_002, 1_500_000),  # 0.2%, drawn down by 0.05%.
        (998, 998, -1_500_000),
        (1_009, 1_009, 7_500_000),  # 0.9% less 0.05% is beyond the cap of 0.75%.
        (991, 991, -7_500_000),
    ):
        mark = Mark(REFERENCE.instruments["BTC-PERP"], REFERENCE.instruments["BTC/USD"], 10_000)
        mark.hear(index(1_000, 1), book_around(silent, bid - 1, ask + 1))
        assert mark.funding_ppb() == rate_ppb, (bid, ask)
        mark.begin_funding()
        assert mark.funding_ppb() == 100_000


def test_a_world_without_perpetuals_says_nothing_of_them(make_exchange: object) -> None:
    assert callable(make_exchange)
    core = make_exchange({"ann": {"USD": 1_000}})
    [report] = core.handle(QueryAccount(to="venue", asker="me", account="ann"), 1)
    assert (report.positions, report.margins) == ((), ())
    assert core.save()["perpetuals"] is None
    [refusal] = core.handle(move("1", 5), 1)
    assert refusal.move_reject_reason is M.UNKNOWN_ASSET


def test_liquidation_orders_are_accepted_like_any_other(core: Exchange) -> None:
    """10 lots for cid, who has 4,000: at 985 he is below what they need, and ann bids for a quarter."""
    core.handle(index(1_000, 1), 1)
    core.handle(order("1", "ann", SELL, 70), 2)
    core.handle(order("1", "cid", BUY, 70), 2)
    core.handle(order("2", "ann", BUY, 18, ticks=960), 3)
    said = core.handle(index(960, 4), 4)
    [accepted] = [each for each in said if isinstance(each, OrderAccepted)]
    assert accepted.client_order_id.startswith("liquidation-") and accepted.quantity_lots == 18
    assert Decimal(accepted.price_ticks) < 960
    assert isinstance(said[0], MarkPriceChanged)
