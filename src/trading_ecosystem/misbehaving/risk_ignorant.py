"""A strategy that doubles its position after each loss, whatever the market does: the price must come back some day.

After Barings, 1992 to 1995: the trader doubled what he held as it lost. Brown and Steenbeek, "Doubling: Nick Leeson's
trading strategy", Pacific-Basin Finance Journal 9 (2001): many small gains, and the ruin of the bank in the end.
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
class RiskIgnorantConfig:
    """`loss_ppm`: how far the price falls from one doubling to the next."""

    waking: Waking
    size_lots: int
    loss_ppm: int
    slippage_ppm: int

    @property
    def symbols(self) -> tuple[str, ...]:
        return (self.waking.instrument.symbol,)


def read(node: Node, reference: ReferenceData, limits: Limits) -> RiskIgnorantConfig:
    """{kind: ..., instrument: BTC/USD, below: 58500, every: 1s, size: 0.5, loss: 50bps, slippage: 20bps}. Raises
    `Problem`."""
    section, waking = read_waking(node, reference, "size", "loss", "slippage")
    return RiskIgnorantConfig(
        waking=waking,
        size_lots=lots(section["size"], waking.instrument),
        loss_ppm=share_ppm(section["loss"]),
        slippage_ppm=share_ppm(section["slippage"]),
    )


@final
class RiskIgnorant(Sleeper):
    """Long its size; twice of what it wanted before, each time the price has fallen by the loss. It never sells."""

    def __init__(self, config: RiskIgnorantConfig, desk: Desk) -> None:
        super().__init__(config.waking, desk, config.symbols)
        self._taker = Taker(self._market, config.slippage_ppm)
        self._positions = desk.positions
        self._loss_ppm = config.loss_ppm
        self._wanted_lots = config.size_lots
        self._paid_double_ticks = 0  # The middle at which it last wanted more.

    def act(self, now: int) -> Sequence[Intention]:
        market = self._market
        double_ticks = market.double_mid_ticks()
        if not self._paid_double_ticks:
            self._paid_double_ticks = double_ticks
        elif double_ticks * PPM <= self._paid_double_ticks * (PPM - self._loss_ppm):
            self._paid_double_ticks = double_ticks
            self._wanted_lots *= 2
        has_lots = self._positions.excess_minor(market.holding) // market.instrument.base_minor_per_lot
        return self._taker.trade(self._wanted_lots - has_lots)


PLUGIN: Final = Plugin(read, RiskIgnorant)
