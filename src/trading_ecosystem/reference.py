"""Reference data: assets, instruments and the exact arithmetic between ticks, lots and minor units."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import final


class AssetKind(StrEnum):
    FIAT = "fiat"
    STABLECOIN = "stablecoin"
    CRYPTO = "crypto"


@final
@dataclass(frozen=True)
class Asset:
    """`decimals`: one unit is 10**decimals minor units."""

    name: str
    kind: AssetKind
    decimals: int
    issuer: str = ""

    def to_minor(self, amount: Decimal) -> int:
        """Exact; raises ValueError where the amount is finer than a minor unit."""
        try:
            return exact(amount.scaleb(self.decimals))
        except ValueError:
            unit = Decimal(1).scaleb(-self.decimals)
            raise ValueError(
                f"{amount:f} is not a whole number of minor units of {self.name}, which are {unit:f}"
            ) from None


@final
@dataclass(frozen=True)
class PerpetualTerms:
    """What makes a perpetual future of an instrument. Shares in parts per million; funding falls due every
    `funding_every_ns` since 1970, and its rate is `interest_ppm` in calm and never beyond `funding_cap_ppm`."""

    index: str  # The pair that it follows, and in whose quote asset it is margined and settled.
    initial_margin_ppm: int
    maintenance_margin_ppm: int
    funding_every_ns: int
    funding_cap_ppm: int
    interest_ppm: int


@final
@dataclass(frozen=True)
class Instrument:
    """A pair, or a perpetual future of one. A price of one tick is `tick` quote units per base unit; one lot is `lot`
    base units, which a perpetual never delivers."""

    symbol: str
    base: str
    quote: str
    tick: Decimal
    lot: Decimal
    base_minor_per_lot: int
    quote_minor_per_tick_lot: int
    terms: PerpetualTerms | None = None  # Of a perpetual.

    def notional_minor(self, price_ticks: int, quantity_lots: int) -> int:
        """What `quantity_lots` cost at `price_ticks`, in minor units of the quote asset. Exact."""
        return price_ticks * quantity_lots * self.quote_minor_per_tick_lot

    def base_minor(self, quantity_lots: int) -> int:
        return quantity_lots * self.base_minor_per_lot

    def to_lots(self, amount: Decimal) -> int:
        """Whole lots in an amount of base units, rounded down."""
        return int(amount / self.lot)

    def price(self, price_ticks: int) -> Decimal:
        return self.tick * price_ticks


@final
class ReferenceData:
    """Everything a world trades. `numeraire` is the asset in which wealth is counted, `perpetuals` those of the
    instruments that are."""

    __slots__ = ("assets", "instruments", "numeraire", "perpetuals")

    def __init__(self, numeraire: str, assets: list[Asset], instruments: list[Instrument]) -> None:
        self.numeraire = numeraire
        self.assets = {asset.name: asset for asset in assets}
        self.instruments = {instrument.symbol: instrument for instrument in instruments}
        self.perpetuals = {instrument.symbol: instrument for instrument in instruments if instrument.terms is not None}


def instrument(symbol: str, tick: Decimal, lot: Decimal, assets: dict[str, Asset]) -> Instrument:
    """Build an instrument named BASE/QUOTE. Raises ValueError where a tick of a lot is not whole minor units."""
    base, _, quote = symbol.partition("/")
    return Instrument(
        symbol,
        base,
        quote,
        tick,
        lot,
        base_minor_per_lot=assets[base].to_minor(lot),
        quote_minor_per_tick_lot=assets[quote].to_minor(tick * lot),
    )


def perpetual(symbol: str, terms: PerpetualTerms, tick: Decimal, lot: Decimal, assets: dict[str, Asset]) -> Instrument:
    """Build a perpetual future of `terms.index`. Raises ValueError like `instrument`."""
    pair = instrument(terms.index, tick, lot, assets)
    return Instrument(
        symbol, pair.base, pair.quote, tick, lot, pair.base_minor_per_lot, pair.quote_minor_per_tick_lot, terms
    )


def exact(value: Decimal) -> int:
    """The integer that a decimal is. Raises ValueError when it is none."""
    whole = int(value)
    if whole != value:
        raise ValueError(f"{value} is not a whole number of minor units")
    return whole
