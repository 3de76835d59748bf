"""What a world says of trading pairs against their perpetuals."""

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
class BasisLegsConfig:
    """Amounts of the base asset: of one round, and of all that is open, at most."""

    spot: str
    perpetual: str
    size_minor: int
    maximum_minor: int


@final
@dataclass(frozen=True, kw_only=True)
class BasisConfig:
    legs: tuple[BasisLegsConfig, ...]
    open_ppm: int
    close_ppm: int
    slippage_ppm: int
    cooldown_ns: int
    hedge_above_minor: int  # In the numeraire.
    largest_minor: int  # The value, in the numeraire, above which no single hedge goes.

    @property
    def symbols(self) -> tuple[str, ...]:
        return unique([symbol for legs in self.legs for symbol in (legs.spot, legs.perpetual)])


def read(node: Node, reference: ReferenceData, limits: Limits) -> BasisConfig:
    section = node.section(
        required=("kind", "legs", "open_above", "close_below", "slippage", "cooldown", "hedge_above"),
    )
    open_ppm, close_ppm = section["open_above"].fraction_ppm(), section["close_below"].fraction_ppm()
    if not -LARGEST_SHARE_PPM <= close_ppm < open_ppm <= LARGEST_SHARE_PPM:
        section["close_below"].fail("is not below 'open_above': what is opened would be closed at once")
    slippage_ppm = share_ppm(section["slippage"])
    if slippage_ppm >= limits.price_collar_ppm:
        section["slippage"].fail("is not below the price collar: every hedge would be denied")
    return BasisConfig(
        legs=tuple(read_basis_legs(item, reference) for item in non_empty(section["legs"], "pair of legs")),
        open_ppm=open_ppm,
        close_ppm=close_ppm,
        slippage_ppm=slippage_ppm,
        cooldown_ns=section["cooldown"].duration_ns(MILLISECOND_NS),
        hedge_above_minor=amount_minor(section["hedge_above"], reference.numeraire, reference),
        largest_minor=limits.order_value_minor,
    )


def read_basis_legs(node: Node, reference: ReferenceData) -> BasisLegsConfig:
    section = node.section(required=("spot", "perpetual", "size", "maximum"))
    spot = reference.instruments[section["spot"].word(reference.instruments, "instrument")]
    perpetual = reference.perpetuals[section["perpetual"].word(reference.perpetuals, "perpetual")]
    if perpetual.terms is None or perpetual.terms.index != spot.symbol or spot.quote != reference.numeraire:
        node.fail(f"{perpetual.symbol} is no perpetual of {spot.symbol}, priced in {reference.numeraire}")
    size_minor, maximum_minor = (amount_minor(section[key], spot.base, reference) for key in ("size", "maximum"))
    if size_minor < max(spot.base_minor_per_lot, perpetual.base_minor_per_lot):
        section["size"].fail("is smaller than a lot")
    if maximum_minor < size_minor:
        section["maximum"].fail("is smaller than the size of one round")
    return BasisLegsConfig(
        spot=spot.symbol, perpetual=perpetual.symbol, size_minor=size_minor, maximum_minor=maximum_minor
    )
