"""What a world says about its prices.

    market_data:
      quotes_every: 1s
      assets:
        BTC: {value: 65000, volatility: 55%, correlation: 0.85, jumps_per_day: 2, jump_size: 65bps}
        ETH: {value: 3200, volatility: 70%, correlation: 0.85, jumps_per_day: 2, jump_size: 80bps}
        USDT: {deviation: 1bps, half_life: 30m}
        USDC: {deviation: 0.5bps, half_life: 30m}
      instruments:
        BTC/USD: {spread: 1bps, size: {from: 0.5, to: 3}}
        ETH/USD: {spread: 1bps, size: {from: 5, to: 40}}
        BTC/USDT: {spread: 1bps, size: {from: 0.5, to: 3}, dispersion: {deviation: 2bps, half_life: 30s}}
        ETH/USDT: {spread: 1bps, size: {from: 5, to: 40}, dispersion: {deviation: 2bps, half_life: 30s}}
        USDT/USD: {spread: 2bps, size: {from: 20000, to: 200000}}
        USDC/USD: {spread: 2bps, size: {from: 20000, to: 200000}}
      longest_gap: 6h   # Optional: how long a replay holds a price for which no bar is recorded.

A crypto asset starts at `value`. Its `volatility` is that of a year, without jumps; `correlation` is to the factor
that all crypto assets share, so two assets correlate by the product of theirs. `jump_size` is the mean absolute jump.
A pair may have a `stressed_spread` beside its `spread`: its quotes widen from the one to the other as the volatility of
the market goes from its mean to three times that.
A stablecoin reverts to 1 and a fiat asset to its `value`; `deviation` is the standard deviation around it.
`dispersion` is how far a pair strays from the ratio of its assets. A spread of an even number of ticks keeps the middle
of a quote where the price is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import final

from trading_ecosystem.configuration.document import Node
from trading_ecosystem.configuration.scalars import UNITS_NS
from trading_ecosystem.reference import Asset, AssetKind, Instrument, ReferenceData

CRYPTO_KEYS = ("value", "volatility", "correlation", "jumps_per_day", "jump_size")
LONGEST_GAP_NS = 6 * UNITS_NS["h"]


@final
@dataclass(frozen=True, kw_only=True)
class Reversion:
    """Noise that dies away: its standard deviation, and the time in which half of a deviation is gone."""

    deviation_ppm: int
    half_life_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class CryptoConfig:
    value: Decimal  # In the numeraire, at the start.
    volatility_ppm: int  # Of a year.
    correlation: Decimal
    jumps_per_day: Decimal
    jump_size_ppm: int


@final
@dataclass(frozen=True, kw_only=True)
class PeggedConfig:
    """A stablecoin, or a fiat asset that is not the numeraire. Both values are in the numeraire."""

    value: Decimal
    anchor: Decimal
    reversion: Reversion


@final
@dataclass(frozen=True, kw_only=True)
class PairConfig:
    spread_ppm: int
    stressed_spread_ppm: int  # As `spread_ppm` where it does not depend on volatility.
    smallest_lots: int
    largest_lots: int
    dispersion: Reversion | None


@final
@dataclass(frozen=True, kw_only=True)
class MarketDataConfig:
    quotes_every_ns: int
    cryptos: dict[str, CryptoConfig]
    pegged: dict[str, PeggedConfig]
    pairs: dict[str, PairConfig]
    longest_gap_ns: int = LONGEST_GAP_NS


def read(node: Node, reference: ReferenceData) -> MarketDataConfig:
    """Read the section `market_data` of a world. Raises `Problem` for every mistake in it."""
    section = node.section(("quotes_every", "assets", "instruments"), ("longest_gap",))
    every_ns = section["quotes_every"].duration_ns(UNITS_NS["ms"])
    if every_ns > UNITS_NS["h"]:
        section["quotes_every"].fail("the longest time between quotes is 1h")
    assets = {name: asset for name, asset in reference.assets.items() if name != reference.numeraire}
    asset_nodes = complete(section["assets"], assets, "asset")
    pair_nodes = complete(section["instruments"], reference.instruments, "instrument")
    gap = section.get("longest_gap")
    return MarketDataConfig(
        quotes_every_ns=every_ns,
        cryptos={n: read_crypto(asset_nodes[n]) for n, asset in assets.items() if asset.kind is AssetKind.CRYPTO},
        pegged={
            n: read_pegged(asset_nodes[n], asset) for n, asset in assets.items() if asset.kind is not AssetKind.CRYPTO
        },
        pairs={s: read_pair(pair_nodes[s], instrument) for s, instrument in reference.instruments.items()},
        longest_gap_ns=gap.duration_ns(UNITS_NS["s"]) if gap else LONGEST_GAP_NS,
    )


def complete(node: Node, names: Iterable[str], what: str) -> dict[str, Node]:
    """The entries of a mapping that has one for each of `names` and no others."""
    names = tuple(names)
    found = dict(node.entries())
    for name, value in found.items():
        if name not in names:
            value.fail_word(f"unknown {what}", name, names)
    for name in names:
        if name not in found:
            node.fail(f"the {what} {name} is missing")
    return found


def read_crypto(node: Node) -> CryptoConfig:
    section = node.section(CRYPTO_KEYS)
    return CryptoConfig(
        value=section["value"].positive("1e9"),
        volatility_ppm=fraction_ppm(section["volatility"], "1%", "1000%", 10_000, 10_000_000),
        correlation=section["correlation"].decimal("0", "1"),
        jumps_per_day=section["jumps_per_day"].decimal("0", "100"),
        jump_size_ppm=fraction_ppm(section["jump_size"], "1bps", "20%", 100, 200_000),
    )


def read_pegged(node: Node, asset: Asset) -> PeggedConfig:
    stable = asset.kind is AssetKind.STABLECOIN
    required = ("deviation", "half_life")
    section = node.section(required, ("value",)) if stable else node.section(("value", *required))
    written = section.get("value")
    value = written.positive("1e9") if written else Decimal(1)
    reversion = read_reversion(section["deviation"], section["half_life"])
    return PeggedConfig(value=value, anchor=Decimal(1) if stable else value, reversion=reversion)


def read_pair(node: Node, instrument: Instrument) -> PairConfig:
    section = node.section(("spread", "size"), ("dispersion", "stressed_spread"))
    size = section["size"].section(("from", "to"))
    smallest, largest = (instrument.to_lots(size[key].positive()) for key in ("from", "to"))
    if smallest < 1:
        size["from"].fail(f"smaller than one lot, which is {instrument.lot} {instrument.base}")
    if largest < smallest:
        size["to"].fail("smaller than the size in 'from'")
    spread_ppm = fraction_ppm(section["spread"], "0.01bps", "10%", 1, 100_000)
    stressed = section.get("stressed_spread")
    stressed_ppm = fraction_ppm(stressed, "0.01bps", "10%", 1, 100_000) if stressed else spread_ppm
    if stressed and stressed_ppm < spread_ppm:
        stressed.fail(f"narrower than the calm spread, which is {section['spread'].text()}")
    written = section.get("dispersion")
    noise = written.section(("deviation", "half_life")) if written else None
    return PairConfig(
        spread_ppm=spread_ppm,
        stressed_spread_ppm=stressed_ppm,
        smallest_lots=smallest,
        largest_lots=largest,
        dispersion=read_reversion(noise["deviation"], noise["half_life"]) if noise else None,
    )


def read_reversion(deviation: Node, half_life: Node) -> Reversion:
    return Reversion(
        deviation_ppm=fraction_ppm(deviation, "0.01bps", "5%", 1, 50_000),
        half_life_ns=half_life.duration_ns(UNITS_NS["s"]),
    )


def fraction_ppm(node: Node, lowest: str, highest: str, minimum_ppm: int, maximum_ppm: int) -> int:
    """A share within the bounds, which are included and are also given in words."""
    value = node.fraction_ppm()
    if not minimum_ppm <= value <= maximum_ppm:
        node.fail(f"{node.text()} is not between {lowest} and {highest}")
    return value
