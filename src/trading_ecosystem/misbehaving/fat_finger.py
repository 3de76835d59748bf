"""An order whose amount of money was typed into the field of the quantity; and then the same again, in slices.

After Citigroup, 2 May 2022: 58 million USD were meant, 444 billion entered, 255 of them blocked and 189 handed to an
algorithm in slices, of which 1.4 billion were sold (Financial Conduct Authority, final notice of 22 May 2024). A market
order alone did the same at GDAX on 21 June 2017: Ether from 317 to 0.10 USD within 45 ms.
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
from trading_ecosystem.production.trading_engine.strategies.strategy import NOTHING, Intention
from trading_ecosystem.reference import ReferenceData

MOST_SLICES = 1_000


@final
@dataclass(frozen=True, kw_only=True)
class FatFingerConfig:
    """`typed_lots`: as many units of the base asset as units of the quote asset were meant."""

    waking: Waking
    typed_lots: int
    slices: int
    slippage_ppm: int

    @property
    def symbols(self) -> tuple[str, ...]:
        return (self.waking.instrument.symbol,)


def read(node: Node, reference: ReferenceData, limits: Limits) -> FatFingerConfig:
    """{kind: ..., instrument: ETH/USD, below: 2440, every: 250ms, notional: 50000, slices: 20, slippage: 20bps}. Raises
    `Problem`."""
    section, waking = read_waking(node, reference, "notional", "slices", "slippage")
    return FatFingerConfig(
        waking=waking,
        typed_lots=lots(section["notional"], waking.instrument),
        slices=section["slices"].integer(1, MOST_SLICES),
        slippage_ppm=share_ppm(section["slippage"]),
    )


@final
class FatFinger(Sleeper):
    """It sells the whole in one order, and then, slice by slice, the same once more."""

    def __init__(self, config: FatFingerConfig, desk: Desk) -> None:
        super().__init__(config.waking, desk, config.symbols)
        self._taker = Taker(self._market, config.slippage_ppm)
        self._typed_lots = config.typed_lots
        self._slices = config.slices
        self._sent = 0  # Orders: the whole, and then its slices.

    def act(self, now: int) -> Sequence[Intention]:
        if self._sent > self._slices:
            return NOTHING
        lots = self._typed_lots if self._sent == 0 else self._typed_lots // self._slices
        self._sent += 1
        return self._taker.trade(-lots)


PLUGIN: Final = Plugin(read, FatFinger)
