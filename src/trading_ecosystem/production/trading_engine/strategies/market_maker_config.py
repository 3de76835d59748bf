"""What a world says of a market maker."""

from dataclasses import dataclass
from typing import final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.production.trading_engine.config import Limits
from trading_ecosystem.production.trading_engine.config_values import amount_minor, duration, lots, share_ppm
from trading_ecosystem.reference import ReferenceData

SECOND_NS = 1_000_000_000


@final
@dataclass(frozen=True, kw_only=True)
class QuotingConfig:
    """How one instrument is quoted; all shares are of its price.

    `maximum_minor` is how far the position may go from its opening, either way, and there the quotes are shifted by
    `skew_ppm`. `requote_ppm` is the move of the middle that asks for new quotes.
    """

    symbol: str
    size_lots: int
    maximum_minor: int
    half_spread_ppm: int
    skew_ppm: int
    requote_ppm: int


@final
@dataclass(frozen=True, kw_only=True)
class MarketMakerConfig:
    """`interval_ns` is the shortest time between quotes of an instrument, `retry_ns` after a refusal."""

    instruments: tuple[QuotingConfig, ...]
    interval_ns: int
    retry_ns: int

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(quoting.symbol for quoting in self.instruments)


def read(node: Node, reference: ReferenceData, limits: Limits) -> MarketMakerConfig:
    section = node.section(required=("kind", "instruments"), optional=("interval", "retry"))
    entries = section["instruments"].entries()
    if not entries:
        section["instruments"].fail("at least one instrument is needed")
    return MarketMakerConfig(
        instruments=tuple(read_quoting(symbol, value, reference, limits) for symbol, value in entries),
        interval_ns=duration(section, "interval", SECOND_NS),
        retry_ns=duration(section, "retry", 30 * SECOND_NS),
    )


def read_quoting(symbol: str, node: Node, reference: ReferenceData, limits: Limits) -> QuotingConfig:
    if symbol not in reference.instruments:
        node.fail_word("unknown instrument", symbol, reference.instruments)
    instrument = reference.instruments[symbol]
    section = node.section(required=("size", "maximum", "half_spread", "skew", "requote"))
    half_spread_ppm = share_ppm(section["half_spread"])
    skew_ppm = section["skew"].fraction_ppm()
    if not 0 <= skew_ppm <= half_spread_ppm:
        section["skew"].fail(
            "a skew from zero to the half spread is expected; beyond it a quote would cross the middle"
        )
    if half_spread_ppm + skew_ppm >= limits.price_collar_ppm:
        section["half_spread"].fail("half spread and skew reach beyond the price collar: every quote would be denied")
    size_lots = lots(section["size"], instrument)
    maximum_minor = amount_minor(section["maximum"], instrument.base, reference)
    if maximum_minor < instrument.base_minor(size_lots):
        section["maximum"].fail("is smaller than the size of one quote")
    return QuotingConfig(
        symbol=symbol,
        size_lots=size_lots,
        maximum_minor=maximum_minor,
        half_spread_ppm=half_spread_ppm,
        skew_ppm=skew_ppm,
        requote_ppm=share_ppm(section["requote"]),
    )
