"""A desk at a real venue: it trades, its books agree with the venue's, and a restart of either loses nothing."""

import heapq
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from trading_ecosystem.chance import Dice
from trading_ecosystem.configuration.document import parse_document
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Addressed, Message
from trading_ecosystem.messages.orders import OrderAccepted, OrderDenied, OrderFilled, OrderRejected, SubmitOrder
from trading_ecosystem.messages.runtime import Remember, Start, Wake, WakeAt
from trading_ecosystem.production.trading_engine.config import DeskConfig
from trading_ecosystem.production.trading_engine.core import TradingEngine
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.routes import PRIVATE, PUBLISHED, TRADING_ENGINE
from trading_ecosystem.simulators.exchange import config as exchange_config
from trading_ecosystem.simulators.exchange.core import Exchange

HEARD = PUBLISHED | PRIVATE
SECOND = 1_000_000_000
DELAY = 1_000_000
COIN = 10**8
HOLDINGS = {
    "alpha": {"USD": 3_000_000 * COIN, "USDT": 1_000_000 * COIN, "BTC": 20 * COIN, "ETH": 400 * COIN},
    "beta": {"USD": 2_000_000 * COIN, "USDT": 1_500_000 * COIN, "BTC": 15 * COIN, "ETH": 300 * COIN},
    "background": dict.fromkeys(("USD", "USDT", "BTC", "ETH"), 10**9 * COIN),
    "noise": dict.fromkeys(("USD", "USDT", "BTC", "ETH"), 10**9 * COIN),
}
VENUE = """
maker_fee: 1bps
taker_fee: 4bps
heartbeat_every: 1s
background:
  levels: 5
  spacing: 60%
  growth: 50%
  follow: 50%
  stressed_spread: 500%
  stressed_depth: 20%
  noise: 30%
  instruments:
    BTC/USD: {half_spread: 3bps, depth: 0.5, noise: 4, calm: 1.5bps, storm: 60bps}
    BTC/USDT: {half_spread: 3bps, depth: 0.5, noise: 0.2, calm: 1.5bps, storm: 60bps}
    ETH/USD: {half_spread: 3bps, depth: 8, noise: 3, calm: 1.5bps, storm: 60bps}
    ETH/USDT: {half_spread: 3bps, depth: 8, noise: 3, calm: 1.5bps, storm: 60bps}
    USDT/USD: {half_spread: 1bps, depth: 100000, noise: 1000, calm: 0.5bps, storm: 60bps}
"""


class Town:
    """A venue and a desk, with a network that takes a millisecond and a feed that is always on time."""

    def __init__(self, config: DeskConfig, reference: ReferenceData) -> None:
        self.config, self.reference = config, reference
        settings = exchange_config.read(parse_document("venue.yaml", VENUE), reference)
        self.venue = Exchange("exchange", settings, reference, HOLDINGS, seed=3)
        self.now, self.sequence = 0, 0
        self.queue: list[tuple[int, int, str, Message]] = []
        self.memory: dict[str, object] = {}
        self.counts: Counter[str] = Counter()
        self.ids: list[str] = []
        self.lose: Callable[[Message], bool] = lambda message: False
        self.put(0, "exchange", Start(memory={}))
        self.restart_desk()

    def restart_desk(self) -> None:
        self.desk = TradingEngine("desk", self.config, self.reference)
        self.queue = [entry for entry in self.queue if entry[2] != "desk"]
        heapq.heapify(self.queue)
        self.put(self.now, "desk", Start(memory=dict(self.memory)))

    def restart_venue(self) -> None:
        """What was on its way to the venue is lost; its own state is in its journal."""
        self.queue = [entry for entry in self.queue if entry[2] != "exchange"]
        heapq.heapify(self.queue)
        self.put(self.now, "exchange", Start(memory={}))

    def put(self, due_ns: int, to: str, message: Message) -> None:
        self.sequence += 1
        heapq.heappush(self.queue, (due_ns, self.sequence, to, message))

    def publish(self, symbol: str, mid: int, half: int) -> None:
        quote = QuotePublished(symbol, mid - half, 10, mid + half, 10, 1, self.now)
        self.put(self.now + DELAY, "exchange", quote)
        self.put(self.now + DELAY, "desk", quote)

    def run(self, until_ns: int) -> None:
        while self.queue and self.queue[0][0] <= until_ns:
            self.now, _, to, message = heapq.heappop(self.queue)
            core = self.desk if to == "desk" else self.venue
            self.send(to, core.handle(message, self.now))
        self.now = until_ns

    def send(self, sender: str, messages: Sequence[Message]) -> None:
        for message in messages:
            self.counts[type(message).__name__] += 1
            if isinstance(message, WakeAt):
                self.put(message.at_ns, sender, Wake())
            elif isinstance(message, Remember):
                self.memory[message.key] = message.value
            elif self.lose(message):
                continue
            elif isinstance(message, Addressed):
                self.note(message)
                self.put(self.now + DELAY, message.to, message)
            elif TRADING_ENGINE in HEARD.get(type(message), ()):
                self.put(self.now + DELAY, "desk", message)

    def note(self, message: Message) -> None:
        if isinstance(message, SubmitOrder):
            self.ids.append(message.client_order_id)

    def agrees(self) -> bool:
        """The desk's positions and orders are those of the venue."""
        account = self.venue._accounts.by_name[self.config.account]
        at_venue = {asset: funds.free_minor + funds.locked_minor for asset, funds in account.funds.items()}
        at_desk = {asset: self.desk._desk.positions.total_minor(asset) for asset in at_venue}
        open_orders = self.venue._matching.open_orders[account.number].values()
        ours = {order.client_order_id for order in open_orders}
        return at_venue == at_desk and ours == set(self.desk._orders.working)


def walk(town: Town, seconds: int, seed: int = 1, cross_ppm: int = 0) -> None:
    """Prices wander; BTC/USDT is `cross_ppm` dearer than it should be in every second half minute."""
    dice, bitcoin = Dice(seed, "bitcoin"), 6_000_000.0
    for _ in range(seconds):
        step = town.now // SECOND
        bitcoin *= 1 + 0.0001 * dice.normal(step)
        cross = bitcoin * (1 + (cross_ppm / 10**6 if step // 30 % 2 else 0))
        for symbol, mid, half in (
            ("BTC/USD", bitcoin, 300),
            ("BTC/USDT", cross, 300),
            ("ETH/USD", bitcoin / 20, 15),
            ("ETH/USDT", bitcoin / 20, 15),
            ("USDT/USD", 10_000, 1),
        ):
            town.publish(symbol, round(mid), half)
        town.run(town.now + SECOND)


@pytest.fixture
def maker_town(desk_config: Callable[[str], DeskConfig], maker_text: str, reference: ReferenceData) -> Town:
    return Town(desk_config(maker_text), reference)


@pytest.fixture
def arbitrage_town(desk_config: Callable[[str], DeskConfig], arbitrage_text: str, reference: ReferenceData) -> Town:
    return Town(desk_config(arbitrage_text), reference)


def test_the_market_maker_makes_a_market(maker_town: Town) -> None:
    walk(maker_town, 900)
    counts = maker_town.counts
    assert counts[OrderFilled.__name__] >= 20
    assert counts[OrderAccepted.__name__] >= counts[SubmitOrder.__name__] - 4
    assert not counts[OrderDenied.__name__] and counts[OrderRejected.__name__] <= 2
    assert counts["QueryAccount"] == 1 and counts["HealthChanged"] == 3  # The venue's and twice the desk's.
    assert maker_town.agrees()


def test_the_arbitrage_trades_only_where_there_is_a_mispricing_and_earns(arbitrage_town: Town) -> None:
    walk(arbitrage_town, 120)
    assert not arbitrage_town.counts[SubmitOrder.__name__]
    positions = arbitrage_town.desk._desk.positions
    walk(arbitrage_town, 240, cross_ppm=5_000)
    walk(arbitrage_town, 60)
    assert arbitrage_town.counts[OrderFilled.__name__] >= 9
    assert abs(positions.excess_minor("BTC")) < COIN // 100
    assert abs(positions.excess_minor("USDT")) < 600 * COIN
    assert positions.excess_minor("USD") + positions.excess_minor("USDT") > 100 * COIN
    assert arbitrage_town.agrees()


def traded_wealth(town: Town) -> int:
    """What the desk has beyond its opening, in dollars at today's prices."""
    desk = town.desk._desk
    wealth = desk.positions.excess_minor("USD")
    for symbol in ("BTC/USD", "ETH/USD", "USDT/USD"):
        if symbol in desk.markets:
            wealth += desk.markets[symbol].value_minor(desk.positions.excess_minor(symbol.partition("/")[0]))
    return wealth


@pytest.mark.parametrize("name", ["maker_town", "arbitrage_town"])
def test_profit_is_the_wealth_that_trading_brought(name: str, request: pytest.FixtureRequest) -> None:
    town: Town = request.getfixturevalue(name)
    walk(town, 400, cross_ppm=5_000)
    told = town.desk.portfolio()
    assert town.counts["OrderFilled"] >= 9 and told.realised_minor and told.certain
    assert told.realised_minor + told.unrealised_minor == traded_wealth(town)


@pytest.mark.parametrize("crashes", [("desk",), ("venue",), ("desk", "venue", "desk")])
def test_a_restart_of_either_side_in_the_middle_of_trading_ends_in_agreement(
    maker_town: Town, crashes: tuple[str, ...]
) -> None:
    for seed, crash in enumerate(crashes, start=2):
        walk(maker_town, 100, seed)
        before = len(maker_town.ids)
        maker_town.publish("BTC/USD", 6_100_000 + 20_000 * seed, 300)
        maker_town.run(maker_town.now + 2 * DELAY - 1)  # New orders and cancels are on their way.
        assert len(maker_town.ids) > before
        if crash == "desk":
            maker_town.restart_desk()
        else:
            maker_town.restart_venue()
        walk(maker_town, 20, seed)
        assert maker_town.agrees()
        assert maker_town.desk._link.trusted
    assert len(set(maker_town.ids)) == len(maker_town.ids)
    assert len(maker_town.desk._orders.working) <= 2


@pytest.mark.parametrize("share", [2, 5])
def test_lost_messages_in_both_directions_are_made_good(maker_town: Town, share: int) -> None:
    dice = Dice(9, "loss")

    def lost(message: Message) -> bool:
        if isinstance(message, QuotePublished) or type(message).__name__ == "VenueHeartbeat":
            return False
        return dice.below(share, maker_town.sequence + maker_town.now) == 0

    maker_town.lose = lost
    walk(maker_town, 300)
    maker_town.lose = lambda message: False
    walk(maker_town, 60)
    assert maker_town.agrees()
    assert maker_town.desk._link.trusted
    assert maker_town.counts["QueryAccount"] < 200
    (bitcoin,) = maker_town.desk.portfolio().positions
    assert bitcoin.amount_minor == maker_town.desk._desk.positions.excess_minor("BTC") != 0


def test_a_venue_that_is_away_is_left_alone(maker_town: Town) -> None:
    walk(maker_town, 30)
    maker_town.lose = lambda message: not isinstance(message, QuotePublished)
    walk(maker_town, 20)
    before = Counter(maker_town.counts)
    walk(maker_town, 100, seed=4)
    for kind in ("SubmitOrder", "CancelOrder", "QueryAccount", "OrderDenied"):
        assert maker_town.counts[kind] == before[kind]
    maker_town.lose = lambda message: False
    walk(maker_town, 30)
    assert maker_town.agrees() and maker_town.counts["SubmitOrder"] > before["SubmitOrder"]


def test_agreement_is_about_something(maker_town: Town) -> None:
    walk(maker_town, 60)
    assert len(maker_town.desk._orders.working) == 2 and maker_town.agrees()
    maker_town.desk._orders.working.popitem()
    assert not maker_town.agrees()
