"""What a world says of a triangular arbitrage."""

from dataclasses import dataclass
from typing import final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.production.trading_engine.config import Limits
from trading_ecosystem.production.trading_engine.config_values import (
    LARGEST_SHARE_PPM,
    MILLISECOND_NS,
    amount_minor,
    non_empty,
    share_ppm,
    unique,
)
from trading_ecosystem.reference import ReferenceData


@final
@dataclass(frozen=True, kw_only=True)
class TriangleConfig:
    """`direct` is BASE/NUMERAIRE, `cross` BASE/OTHER, `bridge` OTHER/NUMERAIRE; `size_minor` of BASE at most."""

    direct: str
    cross: str
    bridge: str
    size_minor: int


@final
@dataclass(frozen=True, kw_only=True)
class ArbitrageConfig:
    triangles: tuple[TriangleConfig, ...]
    taker_fee_ppm: int
    threshold_ppm: int
    slippage_ppm: int
    cooldown_ns: int
    hedge_above_minor: int  # In the numeraire.
    largest_minor: int  # The value, in the numeraire, above which no single hedge goes.

    @property
    def symbols(self) -> tuple[str, ...]:
        return unique([s for t in self.triangles for s in (t.direct, t.cross, t.bridge)])


def read(node: Node, reference: ReferenceData, limits: Limits) -> ArbitrageConfig:
    section = node.section(
        required=("kind", "triangles", "taker_fee", "threshold", "slippage", "cooldown", "hedge_above"),
    )
    taker_fee_ppm = section["taker_fee"].fraction_ppm()
    if not 0 <= taker_fee_ppm <= LARGEST_SHARE_PPM:
        section["taker_fee"].fail("a fee from 0% to 50% is expected")
    slippage_ppm = share_ppm(section["slippage"])
    if slippage_ppm >= limits.price_collar_ppm:
        section["slippage"].fail("is not below the price collar: every hedge would be denied")
    return ArbitrageConfig(
        triangles=tuple(read_triangle(item, reference) for item in non_empty(section["triangles"], "triangle")),
        taker_fee_ppm=taker_fee_ppm,
        threshold_ppm=share_ppm(section["threshold"]),
        slippage_ppm=slippage_ppm,
        cooldown_ns=section["cooldown"].duration_ns(MILLISECOND_NS),
        hedge_above_minor=amount_minor(section["hedge_above"], reference.numeraire, reference),
        largest_minor=limits.order_value_minor,
    )


def read_triangle(node: Node, reference: ReferenceData) -> TriangleConfig:
    section = node.section(required=("direct", "cross", "bridge", "size"))
    known = reference.instruments
    direct, cross, bridge = (known[section[leg].word(known, "instrument")] for leg in ("direct", "cross", "bridge"))
    if direct.quote != reference.numeraire or bridge.quote != reference.numeraire:
        node.fail(f"the direct pair and the bridge must be priced in {reference.numeraire}")
    if cross.base != direct.base or cross.quote != bridge.base:
        node.fail(f"the cross pair must be {direct.base}/{bridge.base}")
    size_minor = amount_minor(section["size"], direct.base, reference)
    if size_minor < max(direct.base_minor_per_lot, cross.base_minor_per_lot):
        section["size"].fail("is smaller than a lot")
    return TriangleConfig(direct=direct.symbol, cross=cross.symbol, bridge=bridge.symbol, size_minor=size_minor)
