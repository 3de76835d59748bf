"""A strategy that buys into rises and sells into falls, the harder the more the price moved.

After the funds that must keep their leverage: their trade is in proportion to the day's return, and goes its way
(Cheng and Madhavan, "The dynamics of leveraged and inverse exchange-traded funds", Journal of Investment Management 7,
2009). On 5 February 2018 those of the VIX drove it up by their own buying. Portfolio insurance sold into the fall of
19 October 1987 (report of the Presidential Task Force on Market Mechanisms, 1988).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.misbehaving.sleeper import Sleeper, Taker, Waking, read_waking
from trading_ecosystem.production.trading_engine.config import Limits
from trading_ecosystem.production.trading_engine.config_values import lots, share_ppm
from trading_ecosystem.production.trading_engine.desk import Desk
from trading_ecosystem.production.trading_engine.strategies.plugin import Plugin
from trading_ecosystem.production.trading_engine.strategies.strategy import PPM, Intention
from trading_ecosystem.reference import ReferenceData


@final
@dataclass(frozen=True, kw_only=True)
class VolatilityAmplifierConfig:
    """It trades `size_lots` for every `move_ppm` that the price moved."""

    waking: Waking
    size_lots: int
    move_ppm: int
    slippage_ppm: int

    @property
    def symbols(self) -> tuple[str, ...]:
        return (self.waking.instrument.symbol,)


def read(node: Node, reference: ReferenceData, limits: Limits) -> VolatilityAmplifierConfig:
    """{kind: ..., instrument: SOL/USD, above: 153, every: 10s, size: 300, move: 1%, slippage: 20bps}. Raises
    `Problem`."""
    section, waking = read_waking(node, reference, "size", "move", "slippage")
    return VolatilityAmplifierConfig(
        waking=waking,
        size_lots=lots(section["size"], waking.instrument),
        move_ppm=share_ppm(section["move"]),
        slippage_ppm=share_ppm(section["slippage"]),
    )


@final
class VolatilityAmplifier(Sleeper):
    """With every interval it trades the way the price went since the last, in proportion to how far that was."""

    def __init__(self, config: VolatilityAmplifierConfig, desk: Desk) -> None:
        super().__init__(config.waking, desk, config.symbols)
        self._taker = Taker(self._market, config.slippage_ppm)
        self._size_lots = config.size_lots
        self._move_ppm = config.move_ppm
        self._last_double_ticks = 0

    def act(self, now: int) -> Sequence[Intention]:
        double_ticks, last_double_ticks = self._market.double_mid_ticks(), self._last_double_ticks
        self._last_double_ticks = double_ticks
        if not last_double_ticks:
            return self._taker.trade(0)
        moved = double_ticks - last_double_ticks
        lots = abs(moved) * PPM * self._size_lots // (last_double_ticks * self._move_ppm)
        return self._taker.trade(lots if moved > 0 else -lots)


PLUGIN: Final = Plugin(read, VolatilityAmplifier)
