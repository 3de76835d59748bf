"""Momentum goes with the move, mean reversion against it, and neither is larger than its risk and its maximum."""

from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from trading_ecosystem.chance import Dice
from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.messages.accounts import AccountReported, Balance
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.orders import Liquidity, OrderFilled, Side, TimeInForce
from trading_ecosystem.production.trading_engine.config import DeskConfig
from trading_ecosystem.production.trading_engine.desk import Desk
from trading_ecosystem.production.trading_engine.orders import Order, OrderStatus
from trading_ecosystem.production.trading_engine.strategies.mean_reversion import MeanReversion, beyond
from trading_ecosystem.production.trading_engine.strategies.momentum import Momentum
from trading_ecosystem.production.trading_engine.strategies.samples import Samples
from trading_ecosystem.production.trading_engine.strategies.strategy import Place
from trading_ecosystem.reference import ReferenceData

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
COIN = 10**8
MID = 6_000_000  # 60,000 in ticks.
HEAD = """
name: gamma
account: gamma
venue: exchange
limits:
  order_value: 250000
  position: {BTC: 60, ETH: 600, USDT: 3000000}
  price_collar: 3%
  quote_age: 90s
  orders_per_minute: 60
strategies:
"""
SIZING = "sample: 1m, risk: 5000, slippage: 20bps, instruments: {BTC/USD: {maximum: 10}}"
MOMENTUM = HEAD + f"  - {{kind: momentum, look_back: 10m, adjust_above: 25%, {SIZING}}}\n"
REVERSION = HEAD + f"  - {{kind: mean_reversion, window: 20m, entry: 2, exit: 0.5, {SIZING}}}\n"
Build = Callable[[str], DeskConfig]
MakeFloor = Callable[[str], "Floor"]


class Floor:
    """A desk whose orders are filled at the touch, as much of them as `depth_lots`."""

    def __init__(self, config: DeskConfig, reference: ReferenceData) -> None:
        self.desk = Desk(reference, config.symbols, config.limits.quote_age_ns)
        (part,) = config.strategies
        self.strategy = part.plugin.build(part.config, self.desk)
        (self.symbol,) = part.config.symbols
        self.pair = reference.instruments[self.symbol]
        self.market = self.desk.markets[self.symbol]
        self.depth_lots = 10**9
        self.sent: list[Order] = []
        self.now = 0
        held = {"USD": 9_000_000, "USDT": 9_000_000, "BTC": 20, "ETH": 300}
        balances = tuple(Balance(asset=a, free_minor=units * COIN, locked_minor=0) for a, units in held.items())
        report = AccountReported(
            to="desk",
            venue="exchange",
            account="gamma",
            account_sequence=1,
            balances=balances,
            open_orders=(),
            occurred_ns=0,
        )
        self.desk.positions.report(report)

    def quote(self, mid: int, half: int = 100, symbol: str = "") -> list[Order]:
        """What it sends in answer to a quote; it is done before the next one."""
        market = self.desk.markets[symbol or self.symbol]
        market.take_quote(QuotePublished(market.instrument.symbol, mid - half, 1, mid + half, 1, 1, self.now))
        orders: list[Order] = []
        if market is self.market:
            for intention in self.strategy.on_quote(market, self.now):
                assert isinstance(intention, Place)
                orders += intention.orders
        for order in orders:
            self.end(order, mid)
        self.sent += orders
        return orders

    def end(self, order: Order, mid: int) -> None:
        lots = min(order.quantity_lots, self.depth_lots)
        if lots:
            ticks = mid + 100 if order.side is Side.BUY else mid - 100
            self.desk.positions.fill(
                OrderFilled(
                    "gamma", "exchange", 1, 0, 1, "", order.symbol, order.side, ticks, lots, 0, 0, Liquidity.TAKER, 1
                ),
                self.pair,
            )
        order.status = OrderStatus.FILLED if lots == order.quantity_lots else OrderStatus.CANCELED

    def minute(self, mid: int) -> list[Order]:
        self.now += MINUTE
        return self.quote(mid)

    def walk(self, minutes: int, drift_ppm: int, noise_ppm: int, start: int = MID, seed: int = 1) -> int:
        """A price that moves by so much a minute; the last one."""
        dice, price = Dice(seed, "walk"), float(start)
        for step in range(minutes):
            price *= 1 + (drift_ppm + noise_ppm * dice.normal(step)) * 1e-6
            self.minute(round(price))
        return round(price)

    def position(self) -> Decimal:
        return Decimal(self.desk.positions.excess_minor("BTC")) / COIN


@pytest.fixture
def floor(desk_config: Build, reference: ReferenceData) -> MakeFloor:
    return lambda text: Floor(desk_config(text), reference)


# Momentum.


def test_it_is_built_as_its_kind_says(floor: MakeFloor) -> None:
    assert isinstance(floor(MOMENTUM).strategy, Momentum) and isinstance(floor(REVERSION).strategy, MeanReversion)


def test_momentum_waits_for_a_whole_look_back(floor: MakeFloor) -> None:
    trend = floor(MOMENTUM)
    sent = [bool(trend.minute(MID + 1_000 * minute)) for minute in range(11)]
    assert sent == [False] * 10 + [True]


@pytest.mark.parametrize(("drift_ppm", "side", "sign"), [(300, Side.BUY, 1), (-300, Side.SELL, -1)])
def test_momentum_goes_with_the_move_and_turns_with_it(floor: MakeFloor, drift_ppm: int, side: Side, sign: int) -> None:
    trend = floor(MOMENTUM)
    last = trend.walk(30, drift_ppm, 50)
    assert trend.sent and all(order.side is side for order in trend.sent)
    assert trend.position() * sign > 0
    trend.walk(40, -2 * drift_ppm, 50, start=last)
    assert trend.position() * sign < 0


def test_momentum_does_nothing_in_a_market_that_stands_still(floor: MakeFloor) -> None:
    trend = floor(MOMENTUM)
    for _ in range(40):
        trend.minute(MID)
    assert trend.sent == []


def test_a_position_costs_its_risk_in_a_day_of_one_deviation(floor: MakeFloor) -> None:
    trend = floor(MOMENTUM.replace("look_back: 10m", "look_back: 300m").replace("maximum: 10", "maximum: 50"))
    trend.walk(1_000, 30, 500)
    day_volatility = 500e-6 * 1_440**0.5  # 1.9%, and a position of 5,000 / 1.9% = 264,000 USD.
    worth = float(abs(trend.position())) * float(trend.market.double_mid_ticks()) / 200
    assert worth * day_volatility == pytest.approx(5_000, rel=0.3)


def test_twice_the_volatility_is_half_the_position(floor: MakeFloor) -> None:
    text = MOMENTUM.replace("look_back: 10m", "look_back: 200m").replace("maximum: 10", "maximum: 50")
    calm, wild = floor(text), floor(text)
    sizes = []
    for trend, noise_ppm in ((calm, 300), (wild, 600)):
        trend.walk(400, 0, noise_ppm)
        sizes.append(
            trend.strategy._sizings["BTC/USD"].size_minor(  # type: ignore[attr-defined]
                trend.strategy._samples["BTC/USD"].day_volatility_ppb()  # type: ignore[attr-defined]
            )
            * trend.market.double_mid_ticks()
        )
    assert sizes[0] / sizes[1] == pytest.approx(2, rel=0.02)


def test_no_position_is_above_its_maximum(floor: MakeFloor) -> None:
    trend = floor(MOMENTUM.replace("maximum: 10", "maximum: 0.5"))
    trend.walk(100, 100, 100)
    assert trend.position() == Decimal("0.5")


def test_a_small_change_of_the_size_is_left_alone(floor: MakeFloor) -> None:
    trend = floor(MOMENTUM)
    last = trend.walk(200, 200, 300)
    kept, before = trend.position(), len(trend.sent)
    trend.walk(30, 200, 300, start=last, seed=2)
    loose = len(trend.sent) - before
    tight = floor(MOMENTUM.replace("adjust_above: 25%", "adjust_above: 1bps"))
    last = tight.walk(200, 200, 300)
    before = len(tight.sent)
    tight.walk(30, 200, 300, start=last, seed=2)
    assert kept > 0 and loose * 3 < len(tight.sent) - before


# Mean reversion.


def swing(floor: Floor, minutes: int, height: int = 3_000) -> None:
    """Up and down by the same, so that the average is the middle."""
    for minute in range(minutes):
        floor.minute(MID + (height if minute % 2 else -height))


@pytest.mark.parametrize(("away", "side", "sign"), [(-12_000, Side.BUY, 1), (12_000, Side.SELL, -1)])
def test_mean_reversion_goes_against_the_move_and_closes_near_the_average(
    floor: MakeFloor, away: int, side: Side, sign: int
) -> None:
    fade = floor(REVERSION)
    swing(fade, 30)
    assert fade.sent == []
    (opened,) = fade.minute(MID + away)
    assert opened.side is side and fade.position() * sign > 0
    held = fade.position()
    assert fade.minute(MID + away * 2 // 3) == [] and fade.position() == held  # Between the bands it waits.
    (closed,) = fade.minute(MID)
    assert closed.side is not side and fade.position() == 0
    assert fade.minute(MID) == []


def test_a_price_that_leaps_over_the_average_turns_the_position(floor: MakeFloor) -> None:
    fade = floor(REVERSION)
    swing(fade, 30)
    fade.minute(MID - 12_000)
    assert fade.position() > 0
    fade.minute(MID + 20_000)
    assert fade.position() < 0


def test_a_price_that_never_moved_is_on_no_side(floor: MakeFloor) -> None:
    fade = floor(REVERSION)
    for _ in range(40):
        fade.minute(MID)
    assert fade.sent == []


@settings(max_examples=300)
@given(
    st.lists(st.integers(5_900_000, 6_100_000), min_size=3, max_size=30),
    st.sampled_from([1, -1]),
    st.integers(0, 3_000),
)
def test_a_score_is_compared_exactly(prices: list[int], side: int, score_milli: int) -> None:
    samples = Samples(MINUTE, len(prices))
    for at, price in enumerate(prices):
        samples.take(price, at * MINUTE)
    mean = Fraction(sum(prices), len(prices))
    variance = Fraction(sum((price - mean) ** 2 for price in prices)) / len(prices)
    distance = side * (prices[-1] - mean)
    expected = distance > 0 and distance**2 >= Fraction(score_milli, 1_000) ** 2 * variance
    assert beyond(samples, side, score_milli) == expected
    if variance:
        with localcontext() as context:
            context.prec = 60
            score = (Decimal(distance.numerator) / distance.denominator) / (
                Decimal(variance.numerator) / variance.denominator
            ).sqrt()
        if abs(score - Decimal(score_milli) / 1_000) > Decimal("1e-40"):
            assert beyond(samples, side, score_milli) == (score > 0 and score >= Decimal(score_milli) / 1_000)


def test_a_score_on_the_band_is_beyond_it() -> None:
    samples = Samples(MINUTE, 2)
    samples.take(MID, 0)
    samples.take(MID + 2, MINUTE)  # The last of two is one deviation away.
    assert beyond(samples, 1, 1_000) and not beyond(samples, 1, 1_001) and not beyond(samples, -1, 0)


# Both.


def worth_minor(floor: Floor, order: Order) -> int:
    """At its price or the middle, whichever is higher, as the desk's own check reckons."""
    double_ticks = max(2 * order.price_ticks, floor.market.double_mid_ticks())
    return floor.pair.notional_minor(double_ticks, order.quantity_lots) // 2


@pytest.mark.parametrize("text", [MOMENTUM, REVERSION], ids=["momentum", "mean_reversion"])
class TestBoth:
    def ready(self, floor: Floor) -> int:
        """One sample before it opens a position; the price at which it does."""
        swing(floor, 30)
        return MID - 12_000

    def test_an_order_takes_what_is_there_up_to_the_slippage(self, floor: MakeFloor, text: str) -> None:
        desk = floor(text)
        (order,) = desk.minute(self.ready(desk))
        assert order.time_in_force is TimeInForce.IOC and not order.post_only
        touch = desk.market.quote
        assert touch is not None
        if order.side is Side.BUY:
            assert order.price_ticks == -(-touch.ask_ticks * 1_002 // 1_000)
        else:
            assert order.price_ticks == touch.bid_ticks * 998 // 1_000
        value = worth_minor(desk, order)
        assert value <= 250_000 * COIN

    def test_an_order_is_never_larger_than_the_desk_allows(self, floor: MakeFloor, text: str) -> None:
        desk = floor(text.replace("order_value: 250000", "order_value: 20000"))
        (order,) = desk.minute(self.ready(desk))
        value = worth_minor(desk, order)
        assert 19_000 * COIN < value <= 20_000 * COIN

    def test_what_did_not_fill_is_tried_again_a_sample_later(self, floor: MakeFloor, text: str) -> None:
        desk = floor(text)
        price = self.ready(desk)
        desk.depth_lots = 0
        (first,) = desk.minute(price)
        desk.now += SECOND
        assert desk.quote(price) == []  # Not in the same minute.
        (second,) = desk.minute(price)
        assert second.side is first.side and desk.position() == 0

    def test_there_is_one_order_at_a_time(self, floor: MakeFloor, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
        desk = floor(text)
        price = self.ready(desk)
        monkeypatch.setattr(desk, "end", lambda *_: None)
        assert len(desk.minute(price)) == 1
        assert desk.minute(price) == []

    @pytest.mark.parametrize("trouble", ["crossed", "stale", "closed"])
    def test_without_a_price_or_a_market_it_does_nothing(self, floor: MakeFloor, text: str, trouble: str) -> None:
        desk = floor(text)
        price = self.ready(desk)
        desk.now += MINUTE
        if trouble == "crossed":
            assert desk.quote(price, half=-100) == []
        elif trouble == "closed":
            desk.market.close(desk.now)
            assert desk.quote(price) == []
        else:
            quote = QuotePublished("BTC/USD", price - 100, 1, price + 100, 1, 1, desk.now)
            desk.market.take_quote(quote)
            assert list(desk.strategy.on_quote(desk.market, desk.now + 90 * SECOND)) == []
        assert desk.sent == []

    def test_risk_is_counted_in_the_numeraire(self, floor: MakeFloor, text: str) -> None:
        """A dollar that is worth half makes the same amount of a coin half as risky, and orders twice as large."""
        orders: list[Order] = []
        for peg in (10_000, 5_000):
            desk = floor(text.replace("BTC/USD", "BTC/USDT").replace("risk: 5000", "risk: 500"))
            desk.quote(peg, half=1, symbol="USDT/USD")
            for minute in range(30):
                desk.now += MINUTE
                desk.quote(peg, half=1, symbol="USDT/USD")
                desk.quote(MID + (3_000 if minute % 2 else -3_000))
            desk.now += 2 * MINUTE
            assert desk.quote(MID - 12_000) == []  # What it is paid in has a price that is too old.
            desk.quote(peg, half=1, symbol="USDT/USD")
            desk.now += MINUTE
            desk.quote(peg, half=1, symbol="USDT/USD")
            orders += desk.quote(MID - 12_000)
        dear, cheap = orders
        assert cheap.quantity_lots == pytest.approx(2 * dear.quantity_lots, rel=0.01)

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(seed=st.integers(0, 10**6), noise_ppm=st.integers(1, 5_000), drift_ppm=st.integers(-300, 300))
    def test_whatever_the_market_does_the_position_stays_within_its_maximum(
        self, floor: MakeFloor, text: str, seed: int, noise_ppm: int, drift_ppm: int
    ) -> None:
        desk = floor(text.replace("maximum: 10", "maximum: 1"))
        dice, price = Dice(seed, "walk"), float(MID)
        for step in range(60):
            price *= 1 + (drift_ppm + noise_ppm * dice.normal(step)) * 1e-6
            desk.minute(round(price))
            assert abs(desk.position()) <= 1


MISTAKES: list[tuple[str, str, str, str]] = [
    (
        MOMENTUM,
        "look_back: 10m",
        "look_back: 90s",
        "look_back: from 2 to 10000 samples are expected in it; there are 1",
    ),
    (MOMENTUM, "sample: 1m", "sample: 0s", "sample: the shortest time allowed is 1s"),
    (MOMENTUM, "risk: 5000", "risk: 0", "risk: 0 is not above zero"),
    (MOMENTUM, "slippage: 20bps", "slippage: 3%", "every order would be denied"),
    (MOMENTUM, "adjust_above: 25%", "adjust_above: 0%", "adjust_above: a share above 0%"),
    (MOMENTUM, "BTC/USD", "BTC/USB", "unknown instrument 'BTC/USB'"),
    (MOMENTUM, "maximum: 10", "maximum: 0.00001", "BTC/USD.maximum: is smaller than a lot"),
    (MOMENTUM, "{BTC/USD: {maximum: 10}}", "{}", "at least one instrument is needed"),
    (MOMENTUM, "look_back: 10m, ", "", "the key 'look_back' is missing"),
    (REVERSION, "entry: 2", "entry: 0.5", "exit: is not below 'entry'"),
    (REVERSION, "entry: 2", "entry: 4.4", "no price can be so far from an average of 20 samples"),
    (REVERSION, "entry: 2", "entry: 2.0001", "entry: is finer than a thousandth"),
    (REVERSION, "exit: 0.5", "exit: -1", "exit: -1 is not between 0 and 10"),
    (REVERSION, "window: 20m", "window: 200d", "samples are expected in it"),
    (REVERSION, "BTC: 60, ", "", "no position limit for BTC"),
]


@pytest.mark.parametrize(("text", "right", "wrong", "line"), MISTAKES)
def test_a_mistake_names_its_field(desk_config: Build, text: str, right: str, wrong: str, line: str) -> None:
    assert right in text
    with pytest.raises(Problem) as problem:
        desk_config(text.replace(right, wrong))
    assert line in str(problem.value) and "\n" not in str(problem.value)
