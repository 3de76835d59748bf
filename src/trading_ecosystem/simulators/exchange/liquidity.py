"""Background liquidity: a market maker's ladder and noise traders, around the reference price of one instrument.

Rule 1: both know nothing but the reference quotes. Stress is how much these move, against what is usual in calm.
Rule 2: their orders are like any other, in the same book, paid from accounts that can run dry; nobody is told of them.
Rule 3: a noise trader decides by the seed, the instrument and the quote's time and price, never by what others did.
Rule 4: in a market that is halted nothing of this is done, and in an auction no noise. Each phase has a new ladder.
Rule 5: a single print is not a price: what is far from the quote before it is followed when the next one says the same.
"""

from typing import Final, final

from trading_ecosystem.chance import Dice
from trading_ecosystem.messages.market import MarketPhase, QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import CancelReason, TimeInForce
from trading_ecosystem.messages.runtime import Plain
from trading_ecosystem.simulators.exchange.accounts import Account
from trading_ecosystem.simulators.exchange.config import InstrumentLiquidityConfig, LiquidityConfig
from trading_ecosystem.simulators.exchange.market import PPM, Market
from trading_ecosystem.simulators.exchange.matching import Matching
from trading_ecosystem.simulators.exchange.order import OPEN, Order
from trading_ecosystem.simulators.exchange.prints import DOUBTS_NS, is_far

STRESS_QUOTES: Final = 32  # The memory of the mean move, in quotes.
MOVE_UNITS: Final = 1_024  # The mean move is kept in parts of a ppm, so that it decays to nothing.

# Lanes of the noise dice: the draws of one quote.
OCCURS: Final = 0
SIDE: Final = 1
SIZE: Final = 2


def geometric(count: int, step_ppm: int) -> list[int]:
    """1, 1 + step, (1 + step)**2, ... in parts per million, rounded down."""
    factors = [PPM]
    while len(factors) < count:
        factors.append(factors[-1] * (PPM + step_ppm) // PPM)
    return factors


@final
class Liquidity:
    """The background of one market. A `middle` is bid plus ask in ticks: twice the mid price, so that it is whole."""

    __slots__ = (
        "_asks",
        "_background",
        "_bids",
        "_calm",
        "_depth_lots",
        "_depth_scale_ppm",
        "_dice",
        "_distances_ppm",
        "_doubted",
        "_follow_ppm",
        "_half_spread_ppm",
        "_laid_middle",
        "_laid_phase",
        "_matching",
        "_middle",
        "_move",
        "_noise",
        "_noise_lots",
        "_noise_ppm",
        "_occurred_ns",
        "_sizes_ppm",
        "_spread_scale_ppm",
        "_storm",
        "_stressed_depth_ppm",
        "_stressed_spread_ppm",
        "_was_hit",
        "is_scaled",
        "market",
    )

    def __init__(
        self,
        matching: Matching,
        market: Market,
        background: Account,
        noise: Account,
        config: LiquidityConfig,
        own: InstrumentLiquidityConfig,
        dice: Dice,
    ) -> None:
        self._matching = matching
        self.market = market
        self._background = background
        self._noise = noise
        self._dice = dice
        self._distances_ppm = geometric(config.levels, config.spacing_ppm)
        self._sizes_ppm = geometric(config.levels, config.growth_ppm)
        self._follow_ppm = config.follow_ppm
        self._stressed_spread_ppm = config.stressed_spread_ppm
        self._stressed_depth_ppm = config.stressed_depth_ppm
        self._noise_ppm = config.noise_ppm
        self._half_spread_ppm = own.half_spread_ppm
        self._depth_lots = own.depth_lots
        self._noise_lots = own.noise_lots
        self._calm = own.calm_move_ppm * MOVE_UNITS
        self._storm = own.storm_move_ppm * MOVE_UNITS
        self._spread_scale_ppm = PPM
        self._depth_scale_ppm = PPM
        self.is_scaled = False  # The ladder as it was laid last.
        self._occurred_ns = 0
        self._middle = 0
        self._doubted = 0  # The middle of a quote that the next one has to confirm.
        self._move = 0
        self._laid_middle = 0
        self._laid_phase = 0  # How often the phase had changed.
        self._was_hit = False
        self._bids: list[Order] = []
        self._asks: list[Order] = []

    def follow(self, quote: QuotePublished, now: int, out: list[Message]) -> bool:
        """Take in a reference quote; True when orders were placed. A late, one-sided or crossed one changes nothing."""
        if quote.occurred_ns <= self._occurred_ns or quote.bid_ticks <= 0 or quote.ask_ticks < quote.bid_ticks:
            return False
        middle = quote.bid_ticks + quote.ask_ticks
        is_doubtful = self._doubts(middle, quote.occurred_ns)
        self._occurred_ns = quote.occurred_ns
        if is_doubtful:
            return False
        self._measure(middle)
        if self.market.phase is MarketPhase.HALTED:
            return False
        stress_ppm = self._stress_ppm()
        half_spread_ppm = self._spread_ppm(quote, stress_ppm)
        is_due = self._is_due(middle, half_spread_ppm)
        if is_due:
            self._lay(middle, half_spread_ppm, stress_ppm, now, out)
        if not self.market.is_open or self._dice.below(PPM, self._occurred_ns, OCCURS) >= self._noise_ppm:
            return is_due
        self._trade_noise(middle, half_spread_ppm, now, out)
        return True

    def _doubts(self, middle: int, occurred_ns: int) -> bool:
        """Whether a move is too far to be followed before a second quote says the same."""
        is_news = self._middle > 0 and occurred_ns - self._occurred_ns <= DOUBTS_NS and is_far(middle, self._middle)
        if is_news and (self._doubted == 0 or is_far(middle, self._doubted)):
            self._doubted = middle
            return True
        self._doubted = 0
        return False

    # Stress.

    def _measure(self, middle: int) -> None:
        if self._middle:
            move_ppm = abs(middle - self._middle) * PPM // self._middle
            self._move += (move_ppm * MOVE_UNITS - self._move) // STRESS_QUOTES
        self._middle = middle

    def _stress_ppm(self) -> int:
        """0 in calm, a million in full storm."""
        if self._move <= self._calm:
            return 0
        return min(PPM, (self._move - self._calm) * PPM // (self._storm - self._calm))

    def _spread_ppm(self, quote: QuotePublished, stress_ppm: int) -> int:
        """Half the spread to lay: the calm one, widened by stress, and never inside the reference's own."""
        widened = self._half_spread_ppm * (PPM + (self._stressed_spread_ppm - PPM) * stress_ppm // PPM) // PPM
        reference = (quote.ask_ticks - quote.bid_ticks) * PPM // (quote.ask_ticks + quote.bid_ticks)
        return min(max(widened, reference) * self._spread_scale_ppm // PPM, PPM - 1)

    def scale(self, spread_ppm: int, depth_ppm: int) -> None:
        """Quote so much of the spread and the depth from the next quote on."""
        self._spread_scale_ppm = spread_ppm
        self._depth_scale_ppm = depth_ppm
        self._was_hit = True

    # The ladder.

    def _is_due(self, middle: int, half_spread_ppm: int) -> bool:
        """The reference has moved far enough, or somebody took from the ladder since it was laid."""
        if self._laid_phase != self.market.phase_changes:
            return True
        moved = abs(middle - self._laid_middle)
        if moved * PPM * PPM >= half_spread_ppm * self._follow_ppm * middle:
            return moved > 0
        return self._is_hit()

    def _is_hit(self) -> bool:
        return self._was_hit or was_taken(self._bids) or was_taken(self._asks)

    def _lay(self, middle: int, half_spread_ppm: int, stress_ppm: int, now: int, out: list[Message]) -> None:
        phase = self.market.phase_changes
        for order in self._bids:
            self._withdraw(order, now, out)
        for order in self._asks:
            self._withdraw(order, now, out)
        self._bids.clear()
        self._asks.clear()
        self.is_scaled = self._spread_scale_ppm != PPM or self._depth_scale_ppm != PPM
        depth_lots = (
            self._depth_lots
            * self._depth_scale_ppm
            // PPM
            * (PPM - (PPM - self._stressed_depth_ppm) * stress_ppm // PPM)
        )
        for i, factor_ppm in enumerate(self._distances_ppm):
            distance_ppm = half_spread_ppm * factor_ppm // PPM
            lots = max(1, depth_lots * self._sizes_ppm[i] // (PPM * PPM))
            if distance_ppm < PPM:
                self._quote(self._bids, True, middle * (PPM - distance_ppm) // (2 * PPM), lots, now, out)
            self._quote(self._asks, False, -(-middle * (PPM + distance_ppm) // (2 * PPM)), lots, now, out)
        self._laid_middle = middle
        self._laid_phase = phase
        self._was_hit = False

    def _withdraw(self, order: Order, now: int, out: list[Message]) -> None:
        if order.leaves_lots > 0:
            self._matching.cancel(order, CancelReason.REQUESTED, now, out)

    def _quote(
        self, ladder: list[Order], is_buy: bool, price_ticks: int, lots: int, now: int, out: list[Message]
    ) -> None:
        if price_ticks < 1 or self.market.phase is MarketPhase.HALTED:
            return
        lots = min(lots, self.market.covered_lots(self._background, is_buy, price_ticks))
        if lots > 0:
            order = self._matching.own_order(self.market, self._background, is_buy, price_ticks, lots)
            self._matching.place(self.market, order, TimeInForce.GTC, now, out)
            if order.leaves_lots > 0:
                ladder.append(order)

    # Noise.

    def _trade_noise(self, middle: int, half_spread_ppm: int, now: int, out: list[Message]) -> None:
        """Take up to a random size, at prices no worse than the ladder's last level."""
        is_buy = self._dice.below(2, self._occurred_ns, SIDE) == 0
        lots = 1 + self._dice.below(self._noise_lots, self._occurred_ns, SIZE)
        reach_ppm = min(half_spread_ppm * self._distances_ppm[-1] // PPM, PPM - 1)
        if is_buy:
            price_ticks = -(-middle * (PPM + reach_ppm) // (2 * PPM))
        else:
            price_ticks = max(1, middle * (PPM - reach_ppm) // (2 * PPM))
        lots = min(lots, self.market.covered_lots(self._noise, is_buy, price_ticks))
        if lots > 0 and self.market.is_open:  # Laying the ladder may have halted it.
            order = self._matching.own_order(self.market, self._noise, is_buy, price_ticks, lots)
            self._matching.place(self.market, order, TimeInForce.IOC, now, out)

    # State.

    def save(self) -> Plain:
        return {
            "occurred_ns": self._occurred_ns,
            "middle": self._middle,
            "doubted": self._doubted,
            "move": self._move,
            "laid_middle": self._laid_middle,
            "laid_phase": self._laid_phase,
            "was_hit": self._is_hit(),
            "scales": [self._spread_scale_ppm, self._depth_scale_ppm, self.is_scaled],
            "bids": [order.order_id for order in self._bids if order.leaves_lots > 0],
            "asks": [order.order_id for order in self._asks if order.leaves_lots > 0],
        }

    def restore(self, state: Plain) -> None:
        """Take over a state whose orders are open again in the restored books."""
        assert isinstance(state, dict)
        self._occurred_ns = state["occurred_ns"]
        self._middle = state["middle"]
        self._doubted = state["doubted"]
        self._move = state["move"]
        self._laid_middle = state["laid_middle"]
        self._laid_phase = state["laid_phase"]
        self._was_hit = state["was_hit"]
        self._spread_scale_ppm, self._depth_scale_ppm, self.is_scaled = state["scales"]
        own = self._matching.open_orders[self._background.number]
        self._bids = [own[str(order_id)] for order_id in state["bids"]]
        self._asks = [own[str(order_id)] for order_id in state["asks"]]


def was_taken(ladder: list[Order]) -> bool:
    """Whoever takes from a ladder takes from its first order first."""
    return len(ladder) > 0 and ladder[0].status != OPEN
