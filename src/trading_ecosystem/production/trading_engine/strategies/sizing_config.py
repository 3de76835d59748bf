"""What a world says of how large positions may be, whatever opens them.

sample: 1m            # One price in each such time is looked at.
risk: 3000            # What a day's standard deviation may cost, in the numeraire, per instrument.
slippage: 20bps       # How far beyond the quote an order may go.
instruments:
  BTC/USD: {maximum: 3}
"""

from dataclasses import dataclass
from typing import final

from trading_ecosystem.configuration.document import Node, Section
from trading_ecosystem.production.trading_engine.config import Limits
from trading_ecosystem.production.trading_engine.config_values import amount_minor, share_ppm
from trading_ecosystem.reference import ReferenceData

SECOND_NS = 1_000_000_000
MOST_SAMPLES = 10_000
SIZING_KEYS = ("kind", "sample", "risk", "slippage", "instruments")


@final
@dataclass(frozen=True, kw_only=True)
class SizingConfig:
    """`risk_minor` and `largest_minor`, of a single order, are values in the numeraire. `maximum_minor` is how far
    the position may go from its opening, either way, in the base asset of each symbol."""

    sample_ns: int
    risk_minor: int
    slippage_ppm: int
    largest_minor: int
    maximum_minor: dict[str, int]

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(self.maximum_minor)


def read_sizing(section: Section, reference: ReferenceData, limits: Limits) -> SizingConfig:
    slippage_ppm = share_ppm(section["slippage"])
    if slippage_ppm >= limits.price_collar_ppm:
        section["slippage"].fail("is not below the price collar: every order would be denied")
    maximum_minor = {symbol: read_maximum(symbol, node, reference) for symbol, node in section["instruments"].entries()}
    if not maximum_minor:
        section["instruments"].fail("at least one instrument is needed")
    return SizingConfig(
        sample_ns=section["sample"].duration_ns(SECOND_NS),
        risk_minor=amount_minor(section["risk"], reference.numeraire, reference),
        slippage_ppm=slippage_ppm,
        largest_minor=limits.order_value_minor,
        maximum_minor=maximum_minor,
    )


def read_maximum(symbol: str, node: Node, reference: ReferenceData) -> int:
    if symbol not in reference.instruments:
        node.fail_word("unknown instrument", symbol, reference.instruments)
    instrument = reference.instruments[symbol]
    section = node.section(required=("maximum",))
    maximum_minor = amount_minor(section["maximum"], instrument.base, reference)
    if maximum_minor < instrument.base_minor_per_lot:
        section["maximum"].fail("is smaller than a lot")
    return maximum_minor


def samples_in(node: Node, sample_ns: int) -> int:
    """How many samples a time spans: two or more."""
    count = node.duration_ns(SECOND_NS) // sample_ns
    if not 2 <= count <= MOST_SAMPLES:
        node.fail(f"from 2 to {MOST_SAMPLES} samples are expected in it; there are {count}")
    return count
