"""The market maker quotes both sides, leans against its inventory, and re-quotes seldom."""

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given, settings, strategies as st

from trading_ecosystem.chance import Dice
from trading_ecosystem.messages.accounts import AccountReported, Balance
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.orders import Side, TimeInForce
from trading_ecosystem.production.trading_engine.desk import Desk
from trading_ecosystem.production.trading_engine.orders import Order, OrderStatus
from trading_ecosystem.production.trading_engine.strategies.market_maker import MarketMaker, Quoting
from trading_ecosystem.production.trading_engine.strategies.market_maker_config import MarketMakerConfig, QuotingConfig
from trading_ecosystem.production.trading_engine.strategies.strategy import Intention, Place, Withdraw
from trading_ecosystem.reference import Asset, AssetKind, ReferenceData, instrument

SECOND = 1_000_000_000
MID = 6_000_000  # 60,000 USD in ticks.
COIN = 10**8
QUOTING = QuotingConfig(
    symbol="BTC/USD",
    size_lots=5_000,
    maximum_minor=5 * COIN,
    half_spread_ppm=1_000,
    skew_ppm=500,
    requote_ppm=800,
)


class Stage:
    """A market maker in BTC/USD, whose wishes come true at once."""

    def __init__(self) -> None:
        assets = {"BTC": Asset("BTC", AssetKind.CRYPTO, 8), "USD": Asset("USD", AssetKind.FIAT, 8)}
        pair = instrument("BTC/USD", Decimal("0.01"), Decimal("0.0001"), assets)
        self.desk = Desk(ReferenceData("USD", list(assets.values()), [pair]), ("BTC/USD",), 10 * SECOND)
        self.hold(20 * COIN)
        config = MarketMakerConfig(instruments=(QUOTING,), interval_ns=SECOND, retry_ns=30 * SECOND)
        self.maker = MarketMaker(config, self.desk)
        self.market = self.desk.markets["BTC/USD"]
        self.now = 0

    def hold(self, bitcoin_minor: int) -> None:
        report = AccountReported(
            to="desk",
            venue="exchange",
            account="alpha",
            account_sequence=1,
            balances=(Balance(asset="BTC", free_minor=bitcoin_minor, locked_minor=0),),
            open_orders=(),
            occurred_ns=0,
        )
        self.desk.positions.report(report)

    def quote(self, mid: int, half_spread: int = 100, at: int | None = None) -> tuple[list[Order], list[Order]]:
        """The orders placed and withdrawn in answer to a quote one second later."""
        self.now += SECOND
        occurred_ns = self.now if at is None else at
        news = QuotePublished("BTC/USD", mid - half_spread, 1, mid + half_spread, 1, 1, occurred_ns)
        self.market.take_quote(news)
        return self.settle(self.maker.on_quote(self.market, self.now))

    def settle(self, intentions: Sequence[Intention]) -> tuple[list[Order], list[Order]]:
        placed: list[Order] = []
        withdrawn: list[Order] = []
        for intention in intentions:
            if isinstance(intention, Place):
                placed += intention.orders
            else:
                assert isinstance(intention, Withdraw)
                intention.order.status = OrderStatus.CANCELED
                withdrawn.append(intention.order)
        for order in placed:
            order.status = OrderStatus.OPEN
        return placed, withdrawn


def test_it_quotes_both_sides_of_the_middle_without_taking() -> None:
    placed, withdrawn = Stage().quote(MID)
    assert [(order.side, order.price_ticks, order.quantity_lots) for order in placed] == [
        (Side.BUY, 5_994_000, 5_000),
        (Side.SELL, 6_006_000, 5_000),
    ]
    assert all(order.post_only and order.time_in_force is TimeInForce.GTC for order in placed)
    assert not withdrawn


def test_a_small_move_is_left_alone_and_a_large_one_replaces_both() -> None:
    stage = Stage()
    first, _ = stage.quote(MID)
    assert stage.quote(MID + 4_799) == ([], [])
    assert stage.quote(MID - 4_799) == ([], [])
    placed, withdrawn = stage.quote(MID + 4_800)
    assert withdrawn == first
    assert [order.price_ticks for order in placed] == [5_998_795, 6_010_805]  # Rounded away from the middle.


def test_long_inventory_lowers_both_quotes_and_short_inventory_raises_them() -> None:
    prices = []
    for bitcoin in (16, 20, 24):
        stage = Stage()
        stage.hold(bitcoin * COIN)
        prices.append([order.price_ticks for order in stage.quote(MID)[0]])
    assert prices == [[5_996_397, 6_008_403], [5_994_000, 6_006_000], [5_991_602, 6_003_598]]


def test_at_its_maximum_it_only_quotes_the_side_that_leads_back() -> None:
    for bitcoin, side in ((25, Side.SELL), (15, Side.BUY), (26, Side.SELL)):
        stage = Stage()
        stage.hold(bitcoin * COIN)
        assert [order.side for order in stage.quote(MID)[0]] == [side]
    stage = Stage()
    stage.hold(24 * COIN + COIN * 9 // 10)
    assert [order.quantity_lots for order in stage.quote(MID)[0]] == [1_000, 5_000]


def test_a_fill_asks_for_new_quotes_and_what_is_still_right_stays() -> None:
    stage = Stage()
    bid, ask = stage.quote(MID)[0]
    bid.leaves_lots, bid.status = 0, OrderStatus.FILLED
    assert not stage.maker.on_fill(bid, stage.now)
    placed, withdrawn = stage.quote(MID)  # The positions of this stage did not move: the ask is still right.
    assert [order.side for order in placed] == [Side.BUY] and not withdrawn
    placed[0].leaves_lots = 4_000
    stage.maker.on_fill(placed[0], stage.now)
    again, withdrawn = stage.quote(MID)
    assert [order.side for order in again] == [Side.BUY] and withdrawn == placed
    assert not ask.closed


def test_a_crossed_or_stale_reference_ends_its_quotes_until_there_is_a_price() -> None:
    stage = Stage()
    first, _ = stage.quote(MID)
    assert stage.quote(MID, half_spread=-1) == ([], first)
    assert stage.quote(MID, half_spread=-1) == ([], [])
    second, _ = stage.quote(MID)
    assert len(second) == 2
    assert stage.maker.due_ns(10**18) == stage.now + 10 * SECOND
    assert not stage.maker.on_wake(stage.now + 10 * SECOND - 1)
    assert stage.settle(stage.maker.on_wake(stage.now + 10 * SECOND)) == ([], second)
    assert stage.maker.due_ns(10**18) == 10**18


def test_a_fresh_arrival_of_an_old_price_is_stale() -> None:
    stage = Stage()
    stage.now = 100 * SECOND
    assert stage.quote(MID, at=91 * SECOND - 1) == ([], [])


def test_a_refused_quote_is_tried_again_only_after_a_rest() -> None:
    stage = Stage()
    bid, _ = stage.quote(MID)[0]
    bid.status = OrderStatus.REJECTED
    stage.maker.on_close(bid, stage.now)
    tries = [len(stage.quote(MID + 10_000 * step)[0]) for step in range(30)]
    assert tries[:29] == [0] * 29
    assert tries[29] == 2


def test_it_quotes_an_instrument_at_most_once_per_interval() -> None:
    stage = Stage()
    stage.quote(MID)
    stage.now -= SECOND // 2  # Half a second after the last quotes.
    assert stage.quote(MID + 50_000) == ([], [])
    assert len(stage.quote(MID + 50_001)[0]) == 2


def test_the_end_of_an_order_it_has_replaced_is_no_news() -> None:
    stage = Stage()
    first, _ = stage.quote(MID)
    stage.quote(MID + 10_000)
    stage.maker.on_close(first[0], stage.now)
    assert stage.quote(MID + 10_000) == ([], [])


def test_it_requotes_about_two_thousand_times_in_36_hours_of_60_percent_volatility() -> None:
    stage, dice, price = Stage(), Dice(7, "walk"), float(MID)
    requotes = 0
    for second in range(36 * 3600 // 6):  # A sixth of the time, and of the number.
        price *= 1 + 0.6 / 5616 * dice.normal(second)
        requotes += bool(stage.quote(round(price))[0])
    assert 200 < requotes < 460


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 10**8), min_size=1, max_size=40))
def test_under_a_wild_price_it_never_has_more_than_two_orders_nor_crosses_itself(mids: list[int]) -> None:
    stage = Stage()
    resting: list[Order] = []
    for mid in mids:
        placed, withdrawn = stage.quote(mid, half_spread=0)
        resting = [order for order in resting if order not in withdrawn] + placed
        assert len(resting) <= 2 and len(placed) <= 2
        bids = [order.price_ticks for order in resting if order.side is Side.BUY]
        asks = [order.price_ticks for order in resting if order.side is Side.SELL]
        assert not bids or not asks or bids[0] < asks[0]


@given(st.integers(10**3, 10**9), st.integers(-(10**10), 10**10))
def test_quotes_are_as_far_from_the_reservation_price_as_the_exact_formula_says(mid: int, excess: int) -> None:
    bid, ask = Quoting(QUOTING, Stage().market).prices(2 * mid, excess)
    clamped = min(max(excess, -QUOTING.maximum_minor), QUOTING.maximum_minor)
    reservation = Decimal(mid) * (1 - Decimal(500 * clamped // QUOTING.maximum_minor) / 10**6)
    assert 0 <= reservation * Decimal("0.999") - bid < 1
    assert 0 <= ask - reservation * Decimal("1.001") < 1
