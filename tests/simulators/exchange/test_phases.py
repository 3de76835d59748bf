"""Halts, price bands and auctions, one rule at a time. A lot costs its price; a tick is 1 USD."""

import json
from collections.abc import Callable

import pytest
from tests.simulators.exchange.crowd import Crowd

from trading_ecosystem.messages.chaos import FaultVenue, RestoreVenue, VenueFault
from trading_ecosystem.messages.market import BookTopChanged, MarketPhaseChanged, QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.order_changes import AmendOrder, AmendRejected
from trading_ecosystem.messages.orders import (
    CancelOrder,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    OrderType,
    SelfTradeMode,
    Side,
    SubmitOrder,
    TimeInForce,
    TradeExecuted,
)
from trading_ecosystem.messages.runtime import Start, Wake, WakeAt
from trading_ecosystem.messages.triggers import OrderTriggered, SubmitTriggerOrder, TriggerKind
from trading_ecosystem.simulators.exchange.config import LiquidityConfig
from trading_ecosystem.simulators.exchange.core import Exchange
from trading_ecosystem.simulators.exchange.phases import TRANSITIONS
from trading_ecosystem.simulators.exchange.rules import BandRule, MarketRules

Make = Callable[..., Exchange]
BUY, SELL = Side.BUY, Side.SELL
GTC, IOC, FOK = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK
RICH = {name: {"USD": 1_000_000, "BTC": 100_000, "ETH": 100_000} for name in ("ann", "bob", "cid")}
BAND = MarketRules(band=BandRule(width_ppm=100_000, over_ns=600, halt_ns=50, auction_ns=20))


class Venue:
    """Its `told` are the answers to what was said last."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.told: list[Message] = []
        self.now = 0
        self.count = 0

    def say(self, message: Message, after: int = 1) -> list[Message]:
        self.now += after
        self.told = self.exchange.handle(message, self.now)
        return self.told

    def order(
        self,
        account: str,
        side: Side,
        lots: int,
        price: int,
        lives: TimeInForce = GTC,
        post_only: bool = False,
        display: int = 0,
        mode: SelfTradeMode = SelfTradeMode.UNSPECIFIED,
    ) -> str:
        self.count += 1
        name = f"o{self.count}"
        kind = OrderType.LIMIT if price else OrderType.MARKET
        terms = (kind, lives, price, lots, post_only, display, 0, 0, mode)
        self.say(SubmitOrder("venue", account, name, "BTC/USD", side, *terms))
        return name

    def halt(self, auction: int = 20, symbols: tuple[str, ...] = ()) -> None:
        self.say(fault(VenueFault.HALT, "halt", by_ns=auction, symbols=symbols))

    def restore(self, name: str = "halt") -> None:
        self.say(RestoreVenue(to="venue", injection_id=name))

    def uncross(self) -> list[tuple[int, int]]:
        """Let the auction end; price and lots of its trades."""
        self.say(Wake(), after=100)
        return [(each.price_ticks, each.quantity_lots) for each in self.told if isinstance(each, TradeExecuted)]

    def of(self, kind: type) -> list[Message]:
        return [each for each in self.told if isinstance(each, kind)]

    def reasons(self) -> list[str]:
        return [each.reject_reason.value for each in self.told if isinstance(each, OrderRejected)]

    def phases(self) -> list[tuple[str, str]]:
        return [(each.symbol, each.market_phase.value) for each in self.told if isinstance(each, MarketPhaseChanged)]


def fault(
    kind: VenueFault,
    name: str = "fault",
    by_ns: int = 0,
    share_ppm: int = 0,
    spread_ppm: int = 0,
    account: str = "",
    symbols: tuple[str, ...] = (),
    cancels: bool = False,
) -> FaultVenue:
    return FaultVenue(
        to="venue",
        injection_id=name,
        venue_fault=kind,
        symbols=symbols,
        only_account=account,
        by_ns=by_ns,
        share_ppm=share_ppm,
        spread_ppm=spread_ppm,
        cancels=cancels,
    )


@pytest.fixture
def venue(make_exchange: Make) -> Venue:
    return Venue(make_exchange(RICH))


@pytest.fixture
def banded(make_exchange: Make) -> Venue:
    return Venue(make_exchange(RICH, rules={"BTC/USD": BAND}))


@pytest.fixture
def auction(venue: Venue) -> Venue:
    venue.halt()
    venue.restore()
    return venue


def test_every_phase_is_reached_and_can_be_left() -> None:
    assert {became for became in TRANSITIONS.values()} == {phase for phase, _ in TRANSITIONS}


# Halted.


def test_a_halted_market_takes_nothing_and_lets_go(venue: Venue) -> None:
    resting = venue.order("ann", SELL, 5, 100)
    venue.halt(symbols=("BTC/USD",))
    assert venue.phases() == [("BTC/USD", "halted")]
    for price, lives in ((100, GTC), (100, FOK), (0, IOC)):
        venue.order("bob", BUY, 5, price, lives)
        assert venue.reasons() == ["market_halted"]
    amend = AmendOrder(to="venue", account="ann", client_order_id=resting, price_ticks=99, quantity_lots=5)
    [refused] = [each for each in venue.say(amend) if isinstance(each, AmendRejected)]
    assert refused.amend_reject_reason.value == "market_halted"
    assert any(isinstance(each, OrderCanceled) for each in venue.say(CancelOrder("venue", "ann", resting)))


def test_a_halt_is_of_its_markets_alone(venue: Venue) -> None:
    venue.halt(symbols=("ETH/USD",))
    venue.order("bob", BUY, 5, 100)
    assert venue.of(OrderAccepted)


def test_what_nobody_can_take_is_not_shown(venue: Venue) -> None:
    venue.order("ann", SELL, 5, 100)
    venue.halt()
    [top] = [each for each in venue.told if isinstance(each, BookTopChanged)]
    assert (top.ask_ticks, top.ask_lots) == (0, 0)
    venue.restore()
    venue.uncross()
    [top] = [each for each in venue.told if isinstance(each, BookTopChanged)]
    assert (top.ask_ticks, top.ask_lots) == (100, 5)


def test_an_order_expires_in_a_halt(venue: Venue) -> None:
    venue.say(
        SubmitOrder("venue", "ann", "a", "BTC/USD", SELL, OrderType.LIMIT, TimeInForce.GTD, 100, 5, expires_ns=30)
    )
    venue.halt()
    venue.say(Wake(), after=40)
    [ended] = [each for each in venue.told if isinstance(each, OrderCanceled)]
    assert ended.reason.value == "expired"


def test_a_halt_in_an_auction_sends_away_what_crosses_the_last_first(auction: Venue) -> None:
    auction.order("ann", SELL, 5, 100)
    kept = auction.order("bob", BUY, 5, 99)
    auction.order("bob", BUY, 5, 101)
    late = auction.order("cid", SELL, 2, 98)
    auction.say(fault(VenueFault.HALT, "again", by_ns=10))
    gone = [(each.client_order_id, each.reason.value) for each in auction.told if isinstance(each, OrderCanceled)]
    assert gone == [(late, "market_halted"), ("o3", "market_halted")]
    auction.restore("again")
    assert auction.uncross() == []
    assert kept not in [name for name, _ in gone]


# Auctions.


def test_an_auction_collects_and_trades_at_one_price(auction: Venue) -> None:
    """Five at 103 and five at 101 want; four at 99, four at 100 and five at 102 are offered.

    At 100 and at 101 eight trade and two are left over; the reference is 102, and 101 nearer to it.
    """
    auction.say(QuotePublished("BTC/USD", 101, 1, 103, 1, 0, auction.now))
    auction.order("ann", BUY, 5, 103)
    auction.order("ann", BUY, 5, 101)
    for lots, price in ((4, 99), (4, 100), (5, 102)):
        auction.order("bob", SELL, lots, price)
        assert not auction.of(TradeExecuted)
    assert auction.uncross() == [(101, 4), (101, 1), (101, 3)]
    assert auction.phases() == [("BTC/USD", "open"), ("ETH/USD", "open")]


@pytest.mark.parametrize(
    ("reference", "price"),
    [(0, 100), (90, 100), (103, 103), (120, 105)],
    ids=["without one the lowest", "below all", "between", "above all"],
)
def test_of_equal_prices_the_nearest_to_the_reference(auction: Venue, reference: int, price: int) -> None:
    auction.order("ann", BUY, 5, 105)
    auction.order("bob", SELL, 5, 100)
    if reference:
        auction.say(QuotePublished("BTC/USD", reference - 1, 1, reference + 1, 1, 0, auction.now))
    assert auction.uncross() == [(price, 5)]


def test_less_left_over_comes_before_nearer(auction: Venue) -> None:
    """At 100 and at 101 to 104 five trade; at 100 fifteen want, between only five do."""
    auction.say(QuotePublished("BTC/USD", 99, 1, 101, 1, 0, auction.now))
    auction.order("ann", BUY, 5, 104)
    auction.order("ann", BUY, 10, 100)
    auction.order("bob", SELL, 5, 99)
    assert auction.uncross() == [(101, 5)]


@pytest.mark.parametrize(("price", "lives"), [(0, IOC), (0, GTC), (100, IOC), (100, FOK)])
def test_what_can_only_trade_at_once_is_not_for_an_auction(auction: Venue, price: int, lives: TimeInForce) -> None:
    auction.order("bob", BUY, 5, price, lives)
    assert auction.reasons() == ["not_in_auction"]


def test_post_only_takes_nothing_in_an_auction_and_pays_as_a_maker(auction: Venue) -> None:
    auction.order("ann", SELL, 5, 100)
    auction.order("bob", BUY, 5, 100, post_only=True)
    assert auction.reasons() == ["would_take"]
    auction.order("bob", BUY, 5, 99, post_only=True)
    auction.say(AmendOrder(to="venue", account="ann", client_order_id="o1", price_ticks=99, quantity_lots=5))
    auction.uncross()
    fees = {each.account: each.fee_minor for each in auction.told if isinstance(each, OrderFilled)}
    assert fees == {"bob": 1, "ann": 2}  # 0.1% and 0.3% of 495, rounded up.


def test_all_of_an_iceberg_counts_and_its_parts_queue(auction: Venue) -> None:
    auction.order("ann", SELL, 9, 100, display=3)
    auction.order("bob", SELL, 3, 100)
    auction.order("cid", BUY, 10, 100)
    assert auction.uncross() == [(100, 3), (100, 3), (100, 3), (100, 1)]
    assert [each.account for each in auction.told if isinstance(each, OrderFilled)][::2] == ["ann", "bob", "ann", "ann"]


@pytest.mark.parametrize(
    ("mode", "canceled", "traded"),
    [
        (SelfTradeMode.CANCEL_RESTING, ["o1"], [(100, 3)]),
        (SelfTradeMode.CANCEL_INCOMING, ["o2"], []),
        (SelfTradeMode.CANCEL_BOTH, ["o1", "o2"], []),
        (SelfTradeMode.DECREMENT, ["o1"], [(100, 2)]),
    ],
)
def test_own_orders_are_parted_before_the_price(
    auction: Venue, mode: SelfTradeMode, canceled: list[str], traded: list[tuple[int, int]]
) -> None:
    """Ann wants at 101 and offers at 100, and bob would take what she offers."""
    auction.order("ann", BUY, 1, 101)
    auction.order("ann", SELL, 3, 100, mode=mode)
    auction.order("bob", BUY, 3, 100)
    assert auction.uncross() == traded
    assert [each.client_order_id for each in auction.told if isinstance(each, OrderCanceled)] == canceled


def test_a_stop_goes_at_the_price_of_the_auction(auction: Venue) -> None:
    auction.say(
        SubmitTriggerOrder(
            to="venue",
            account="cid",
            client_order_id="stop",
            symbol="BTC/USD",
            side=SELL,
            trigger_kind=TriggerKind.STOP,
            trigger_ticks=100,
            trail_ppm=0,
            price_ticks=0,
            quantity_lots=2,
            time_in_force=GTC,
            expires_ns=0,
            self_trade=SelfTradeMode.UNSPECIFIED,
        )
    )
    auction.order("ann", SELL, 5, 100)
    auction.order("bob", BUY, 6, 100)
    assert auction.uncross() == [(100, 5), (100, 1)]
    assert [type(each).__name__ for each in auction.of(OrderTriggered)] == ["OrderTriggered"]


def test_an_order_that_expires_as_the_auction_ends_is_not_in_it(auction: Venue) -> None:
    ends = auction.now + 20
    auction.say(
        SubmitOrder("venue", "ann", "a", "BTC/USD", SELL, OrderType.LIMIT, TimeInForce.GTD, 100, 5, expires_ns=ends)
    )
    auction.say(
        SubmitOrder("venue", "cid", "c", "BTC/USD", SELL, OrderType.LIMIT, TimeInForce.GTD, 100, 3, expires_ns=ends + 1)
    )
    auction.order("bob", BUY, 9, 100)
    assert auction.uncross() == [(100, 3)]


def test_a_phase_asks_to_be_woken(auction: Venue) -> None:
    assert WakeAt(auction.now + 20) in auction.told


# Bands.


def trade(venue: Venue, price: int, lots: int = 1) -> None:
    venue.order("ann", SELL, lots, price)
    venue.order("bob", BUY, lots, price)


@pytest.mark.parametrize("price", [90, 110])
def test_the_last_price_within_the_band_trades(banded: Venue, price: int) -> None:
    trade(banded, 100)
    trade(banded, price)
    assert [each.price_ticks for each in banded.told if isinstance(each, TradeExecuted)] == [price]
    assert banded.phases() == []


@pytest.mark.parametrize("price", [89, 111])
def test_the_first_beyond_it_does_not(banded: Venue, price: int) -> None:
    trade(banded, 100)
    trade(banded, price)
    assert banded.phases() == [("BTC/USD", "halted")]
    assert not banded.of(TradeExecuted)
    [rest] = [each for each in banded.told if isinstance(each, OrderCanceled)]
    assert (rest.account, rest.reason.value) == ("bob", "market_halted")
    banded.say(Wake(), after=50)
    assert banded.phases() == [("BTC/USD", "auction")]
    banded.say(Wake(), after=20)
    assert banded.phases() == [("BTC/USD", "open")]


def test_the_reference_is_the_mean_by_lots_of_what_is_not_too_old(banded: Venue) -> None:
    """Of one at 100 and three at 108 it is 106: 116 is within 10% and 117 is not. Ten minutes later 108 is gone."""
    trade(banded, 100)
    trade(banded, 108, lots=3)
    trade(banded, 116)
    assert banded.of(TradeExecuted)
    banded.say(Wake(), after=700)
    banded.say(QuotePublished("BTC/USD", 129, 1, 131, 1, 0, banded.now))
    trade(banded, 140)
    assert banded.of(TradeExecuted)
    trade(banded, 155)
    assert banded.phases() == [("BTC/USD", "halted")]


def test_an_order_trades_as_far_as_the_band(banded: Venue) -> None:
    trade(banded, 100)
    for price in (105, 110, 111):
        banded.order("ann", SELL, 2, price)
    banded.order("bob", BUY, 6, 120)
    assert [each.price_ticks for each in banded.told if isinstance(each, TradeExecuted)] == [105, 110]
    assert [each.quantity_lots for each in banded.told if isinstance(each, OrderCanceled)] == [2]


def test_all_or_nothing_stays_so_at_the_band(banded: Venue) -> None:
    trade(banded, 100)
    banded.order("ann", SELL, 2, 105)
    banded.order("ann", SELL, 2, 120)
    banded.order("bob", BUY, 4, 120, FOK)
    assert not banded.of(TradeExecuted)
    assert banded.phases() == [("BTC/USD", "halted")]


def test_after_a_halt_prices_begin_anew(banded: Venue) -> None:
    trade(banded, 100)
    trade(banded, 150)
    banded.say(Wake(), after=50)
    banded.order("ann", SELL, 2, 160)
    banded.order("bob", BUY, 3, 160)
    banded.say(Wake(), after=20)
    trades = [(each.price_ticks, each.quantity_lots) for each in banded.told if isinstance(each, TradeExecuted)]
    assert trades == [(160, 1), (160, 2)]
    trade(banded, 165)
    assert banded.phases() == []


# The background.


def test_the_background_stands_still_in_a_halt_and_collects_in_the_auction(
    make_exchange: Make, ladder: LiquidityConfig
) -> None:
    world = {**RICH, "background": {"USD": 1_000_000_000, "BTC": 1_000_000}}
    venue = Venue(make_exchange(world, ladder))
    background = venue.exchange._matching.open_orders[len(RICH)]

    def prices(middle: int) -> list[int]:
        venue.say(QuotePublished("BTC/USD", middle - 1, 1, middle + 1, 1, 0, venue.now + 1))
        return [order.price_ticks for order in background.values()]

    laid = prices(100_000)
    assert len(laid) == 6
    venue.halt(auction=1_000)
    assert prices(90_000) == laid
    venue.restore()
    assert len(prices(91_000)) == 6 and max(prices(91_000)) < min(laid)


# In all phases.


def test_a_market_that_stops_is_the_same_after_a_restart(make_exchange: Make, ladder: LiquidityConfig) -> None:
    """Saved and restored at every hundredth command of a crowd, with a ladder that is laid and withdrawn."""
    world = {**RICH, "background": {"USD": 10_000_000, "BTC": 1_000_000}, "noise": {"USD": 500_000, "BTC": 50_000}}
    rules = {"BTC/USD": MarketRules(band=BandRule(width_ppm=25_000, over_ns=90, halt_ns=20, auction_ns=40))}
    original = make_exchange(world, ladder, rules=rules)
    restored = make_exchange(world, ladder, rules=rules)
    seen: set[tuple[str, str]] = set()
    for number, (now, command) in enumerate(Crowd(5, rare=150).commands(1_500)):
        said = original.handle(command, now)
        assert restored.handle(command, now) == said
        seen |= {
            (each.market_phase.value, each.phase_reason.value) for each in said if isinstance(each, MarketPhaseChanged)
        }
        if number % 100 == 0:
            saved = json.dumps(original.save(), sort_keys=True)
            restored = make_exchange(world, ladder, rules=rules)
            restored.restore(json.loads(saved))
            assert json.dumps(restored.save(), sort_keys=True) == saved
    assert seen >= {
        ("halted", "out_of_band"),
        ("halted", "venue_halt"),
        ("auction", "halt_over"),
        ("open", "auction_over"),
    }


def test_a_venue_that_starts_says_which_markets_are_not_open(venue: Venue) -> None:
    venue.halt(symbols=("ETH/USD",))
    venue.say(Start(memory={}))
    assert venue.phases() == [("ETH/USD", "halted")]
