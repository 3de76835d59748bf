"""Prices of a minute to be measured: from the market of a world, from a plain Gaussian walk, and from a record.

The market is `process.AssetValues`, which the core publishes from, at steps of a minute. Its volatility turns once per
minute and noise of a second adds up to noise of a minute, so these returns are distributed as the core's own are when
it quotes every second.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import final

from trading_ecosystem.chance import Dice
from trading_ecosystem.reference import AssetKind, ReferenceData
from trading_ecosystem.simulators.market_data.config import MarketDataConfig
from trading_ecosystem.simulators.market_data.process import MINUTE_NS, YEAR_NS, AssetValues
from trading_ecosystem.simulators.market_data.recorded import Record, Recorded

DAY_MINUTES = 1440

Paths = dict[str, list[float]]  # Closes of minutes without a gap, by asset.


def crypto_assets(reference: ReferenceData) -> list[str]:
    return [name for name, asset in reference.assets.items() if asset.kind is AssetKind.CRYPTO]


def generated(config: MarketDataConfig, reference: ReferenceData, seed: int, start_ns: int, days: int) -> Paths:
    """What the world's market makes of its crypto assets, in the numeraire."""
    values = AssetValues(replace(config, quotes_every_ns=MINUTE_NS), reference, seed, start_ns, Recorded())
    places = [(list(reference.assets).index(name), name) for name in crypto_assets(reference)]
    paths: Paths = {name: [values.values[place]] for place, name in places}
    for _ in range(days * DAY_MINUTES):
        values.advance()
        for place, name in places:
            paths[name].append(values.values[place])
    return paths


def gaussian(config: MarketDataConfig, reference: ReferenceData, seed: int, days: int) -> Paths:
    """The control: the same values, volatilities and correlations, and nothing else of the market's."""
    names = crypto_assets(reference)
    common = Dice(seed, "control.common")
    paths: Paths = {}
    for name in names:
        crypto, own = config.cryptos[name], Dice(seed, f"control.{name}")
        shared = float(crypto.correlation)
        alone = math.sqrt(1.0 - shared * shared)
        sigma = crypto.volatility_ppm / 1e6 * math.sqrt(MINUTE_NS / YEAR_NS)
        price = float(crypto.value)
        path = [price]
        for step in range(1, days * DAY_MINUTES + 1):
            noise = shared * common.normal(step) + alone * own.normal(step)
            price *= math.exp(sigma * (noise - 0.5 * sigma))
            path.append(price)
        paths[name] = path
    return paths


@final
@dataclass(frozen=True, kw_only=True)
class Minutes:
    """The last price of each minute from the first on. `held` of them had none and hold the one before."""

    first: int  # In minutes since 1970.
    closes: list[float]
    held: int


def minutes_of(record: Record) -> Minutes:
    """Gaps hold the last price, as in a replay. A bar's price belongs to the minute in which the bar opens."""
    pieces = record.source.pieces()
    return minutes_from(moment for piece in pieces for moment in zip(piece.times_ns, piece.prices, strict=True))


def minutes_from(moments: Iterable[tuple[int, float]]) -> Minutes:
    """From prices at moments in ns since 1970, in order of time."""
    closes: list[float] = []
    first = last = held = 0
    for at_ns, price in moments:
        minute = at_ns // MINUTE_NS
        if not closes:
            first = minute
        elif minute == last:
            closes[-1] = price
            continue
        else:
            held += minute - last - 1
            closes.extend([closes[-1]] * (minute - last - 1))
        closes.append(price)
        last = minute
    return Minutes(first=first, closes=closes, held=held)


def together(recorded: Mapping[str, Minutes]) -> Paths:
    """The closes of the minutes that all have. Empty where there is no such minute."""
    first = max((minutes.first for minutes in recorded.values()), default=0)
    last = min((minutes.first + len(minutes.closes) for minutes in recorded.values()), default=0)
    if last <= first:
        return {}
    return {name: each.closes[first - each.first : last - each.first] for name, each in recorded.items()}
