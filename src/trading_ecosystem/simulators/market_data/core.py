"""The market-data provider: a quote of every instrument at every moment of a fixed grid.

Rule 1: what is published at step k depends on the configuration, the seed, k and what is laid over it. An injection
        changes nothing below it and shifts no draw. The order is: the base process or the record, shapes
        (`shapes.py`), the pair's own dispersion and spread, and then what befalls the quote (`feed.py`).
Rule 2: steps that pass while nobody wakes the core are gone through but not published, so a crash bends no path.
Rule 3: all pairs of an asset move together: an instrument quoted in the numeraire is moved by moving its base asset.
"""

from collections.abc import Sequence
from typing import final

from trading_ecosystem.chance import Dice
from trading_ecosystem.core import JournaledCore
from trading_ecosystem.messages.chaos import (
    ApplyPricePath,
    FaultFeed,
    InjectionEnded,
    InjectionRefused,
    InjectionStarted,
    RestoreFeed,
    RestorePricePath,
    ScaleVolatility,
)
from trading_ecosystem.messages.health import HealthChanged, HealthStatus
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.runtime import Plain, Start, Wake, WakeAt
from trading_ecosystem.reference import Instrument, ReferenceData
from trading_ecosystem.simulators.market_data.config import MarketDataConfig
from trading_ecosystem.simulators.market_data.feed import FeedFaults
from trading_ecosystem.simulators.market_data.pairs import Pair
from trading_ecosystem.simulators.market_data.process import AssetValues, Reverting
from trading_ecosystem.simulators.market_data.recorded import Recorded, Track
from trading_ecosystem.simulators.market_data.shapes import PricePaths

PATH_KIND = "price.path"
VOLATILITY_KIND = "volatility.spike"


@final
class MarketData(JournaledCore):
    """Publishes prices from `start_ns` (ns since 1970, UTC) on: generated, or replayed where `recorded` has them."""

    __slots__ = ("_due_ns", "_every_ns", "_feed", "_name", "_pairs", "_paths", "_start_ns", "_values")

    def __init__(
        self,
        name: str,
        config: MarketDataConfig,
        reference: ReferenceData,
        seed: int,
        start_ns: int,
        recorded: Recorded | None = None,
    ) -> None:
        recorded = recorded or Recorded()
        self._name = name
        self._every_ns = config.quotes_every_ns
        self._start_ns = start_ns
        self._due_ns = start_ns
        self._values = AssetValues(config, reference, seed, start_ns, recorded)
        self._pairs = [
            build_pair(place, instrument, config, reference, seed, recorded)
            for place, instrument in enumerate(reference.instruments.values(), start=len(reference.assets))
        ]
        moves = {pair.symbol: pair.path for pair in self._pairs}
        for pair, instrument in zip(self._pairs, reference.instruments.values(), strict=True):
            if instrument.quote == reference.numeraire and instrument.terms is None:
                moves[pair.symbol] = pair.base
        self._paths = PricePaths(moves, reference.numeraire, len(reference.assets))
        self._feed = FeedFaults([pair.symbol for pair in self._pairs])

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        if isinstance(message, Wake):
            return self._publish_due(now)
        if isinstance(message, Start):
            return self._start(now)
        if isinstance(message, ApplyPricePath | ScaleVolatility):
            return self._apply(message, now)
        if isinstance(message, FaultFeed):
            return self._disturb(message, now)
        if isinstance(message, RestoreFeed):
            return self._restore_feed(message, now)
        assert isinstance(message, RestorePricePath), f"nothing here is for {type(message).__name__}"
        return self._restore(message, now)

    def _start(self, now: int) -> list[Message]:
        self._due_ns = self._moment(self._step(now) + 1)
        serving = HealthChanged(service=self._name, health=HealthStatus.SERVING, detail="", occurred_ns=now)
        return [serving, WakeAt(self._due_ns), *self._wakes_between(now)]

    # Quotes.

    def _publish_due(self, now: int) -> list[Message]:
        if now < self._due_ns:
            return [*self._leaving(now), *self._wakes_between(now)] if self._feed.active else []
        self._advance(now)
        step = self._values.step
        at_ns = self._moment(step)
        outputs = self._disturbed(step, at_ns, now) if self._feed.active else self._quotes(step, at_ns)
        for injection_id in self._paths.end_undone(at_ns):
            outputs.append(InjectionEnded(injection_id=injection_id, occurred_ns=now))
        self._due_ns = at_ns + self._every_ns
        outputs.append(WakeAt(self._due_ns))
        if self._feed.active:
            outputs += self._wakes_between(now)
        return outputs

    def _quotes(self, step: int, at_ns: int) -> list[Message]:
        quotes: list[Message] = []
        values = self._values.values
        paths = self._paths
        stress = self._values.stress()
        overlaid = paths.active
        if overlaid:
            paths.multiply(at_ns, self._bases(at_ns))
        for pair in self._pairs:
            price = pair.price(values, at_ns)
            if overlaid:
                price = pair.overlaid(price, paths.multipliers)
            quotes.append(pair.publish(price, step, at_ns, stress))
        return quotes

    def _disturbed(self, step: int, at_ns: int, now: int) -> list[Message]:
        """The same through the feed, whose faults may change them, keep them back or lose them."""
        self._paths.multiply(at_ns, self._bases(at_ns))
        for pair in self._pairs:
            price = pair.overlaid(pair.price(self._values.values, at_ns), self._paths.multipliers)
            self._feed.take(pair.quoted(price, step, at_ns, self._values.stress(), 0))
        outputs = self._leaving(now)
        for injection_id in self._feed.end_printed():
            outputs.append(InjectionEnded(injection_id=injection_id, occurred_ns=now))
        return outputs

    def _leaving(self, now: int) -> list[Message]:
        left: list[Message] = []
        for pair in self._pairs:
            for quote in self._feed.leaving(pair.symbol, now):
                left.append(pair.numbered(quote))
        return left

    def _wakes_between(self, now: int) -> list[Message]:
        """The next moment at which a late quote is due, if that is before the next step."""
        next_ns = self._feed.next_ns()
        return [WakeAt(max(next_ns, now))] if next_ns < self._due_ns else []

    # Injections.

    def _apply(self, command: ApplyPricePath | ScaleVolatility, now: int) -> list[Message]:
        if self._paths.is_repeated(command):
            return []
        refusal = self._used_by_feed(command.injection_id) or self._paths.refusal(command)
        if refusal:
            return [InjectionRefused(injection_id=command.injection_id, detail=refusal, occurred_ns=now)]
        self._advance(now)
        if isinstance(command, ScaleVolatility):
            self._paths.scale(command, self._bases(self._moment(self._values.step)))
            return [self._started(command.injection_id, VOLATILITY_KIND, command.symbols, now)]
        self._paths.lay(command, self._prices(command.symbols, now), now)
        return [self._started(command.injection_id, PATH_KIND, command.symbols, now)]

    def _restore(self, command: RestorePricePath, now: int) -> list[Message]:
        self._advance(now)
        refusal = self._paths.undo(command, self._bases(self._moment(self._values.step)), now)
        if refusal:
            return [InjectionRefused(injection_id=command.injection_id, detail=refusal, occurred_ns=now)]
        return [
            InjectionEnded(injection_id=injection_id, occurred_ns=now) for injection_id in self._paths.end_undone(now)
        ]

    def _disturb(self, command: FaultFeed, now: int) -> list[Message]:
        if self._feed.is_repeated(command):
            return []
        refusal = self._used_by_paths(command.injection_id) or self._feed.refusal(command)
        if refusal:
            return [InjectionRefused(injection_id=command.injection_id, detail=refusal, occurred_ns=now)]
        self._feed.begin(command)
        return [self._started(command.injection_id, command.feed_fault.value, command.symbols, now)]

    def _restore_feed(self, command: RestoreFeed, now: int) -> list[Message]:
        was_active = self._feed.is_active(command.injection_id)
        refusal = self._feed.undo(command)
        if refusal:
            return [InjectionRefused(injection_id=command.injection_id, detail=refusal, occurred_ns=now)]
        if not was_active:
            return []
        ended = InjectionEnded(injection_id=command.injection_id, occurred_ns=now)
        return [*self._leaving(now), ended, *self._wakes_between(now)]

    def _used_by_feed(self, injection_id: str) -> str:
        return f"the injection id {injection_id} is one of the feed" if self._feed.is_known(injection_id) else ""

    def _used_by_paths(self, injection_id: str) -> str:
        return f"the injection id {injection_id} is one of a price" if self._paths.is_known(injection_id) else ""

    def _started(self, injection_id: str, kind: str, symbols: tuple[str, ...], now: int) -> InjectionStarted:
        return InjectionStarted(
            injection_id=injection_id, kind=kind, target=self._name, subjects=symbols, occurred_ns=now
        )

    # Prices.

    def _prices(self, symbols: tuple[str, ...], now: int) -> list[float]:
        """The middle prices now, with all that lies over them and without dispersion."""
        at_ns = self._moment(self._values.step)
        self._paths.multiply(now, self._bases(at_ns))
        by_symbol = {pair.symbol: pair for pair in self._pairs}
        found = [by_symbol[symbol] for symbol in symbols]
        return [pair.overlaid(pair.price(self._values.values, at_ns), self._paths.multipliers) for pair in found]

    def _bases(self, at_ns: int) -> list[float]:
        """The values of assets and the prices of pairs, before anything is laid over them."""
        values = self._values.values
        return values + [pair.price(values, at_ns) for pair in self._pairs]

    def _advance(self, now: int) -> None:
        """Go through all steps up to now."""
        step = self._step(now)
        while self._values.step < step:
            self._values.advance()
            for pair in self._pairs:
                pair.advance(self._values.step)

    def _step(self, now: int) -> int:
        return max(0, (now - self._start_ns) // self._every_ns)

    def _moment(self, step: int) -> int:
        return self._start_ns + step * self._every_ns

    def save(self) -> Plain:
        return [
            self._due_ns,
            self._values.save(),
            [pair.save() for pair in self._pairs],
            self._paths.save(),
            self._feed.save(),
        ]

    def restore(self, state: Plain) -> None:
        assert isinstance(state, list)
        self._due_ns = state[0]
        self._values.restore(state[1])
        for pair, saved in zip(self._pairs, state[2], strict=True):
            pair.restore(saved)
        self._paths.restore(state[3])
        self._feed.restore(state[4])


def build_pair(
    place: int,
    instrument: Instrument,
    config: MarketDataConfig,
    reference: ReferenceData,
    seed: int,
    recorded: Recorded,
) -> Pair:
    """A pair with its own recording, unless it is the price of an asset, which the asset's value then has already."""
    symbol = instrument.symbol
    settings = config.pairs[symbol]
    record = recorded.records.get(symbol)
    dispersion = None
    if settings.dispersion is not None and record is None:
        dice = Dice(seed, f"market.dispersion.{symbol}")
        dispersion = Reverting(settings.dispersion, dice, config.quotes_every_ns, 0.0)
    names = list(reference.assets)
    is_cross = instrument.quote != reference.numeraire
    return Pair(
        instrument,
        settings,
        (names.index(instrument.base), names.index(instrument.quote), place),
        Dice(seed, f"market.{symbol}"),
        dispersion,
        Track(record, config.quotes_every_ns) if record is not None and is_cross else None,
    )
