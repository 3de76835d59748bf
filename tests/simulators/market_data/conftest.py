"""A world of four assets and six instruments, as the builders of these tests need it."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from trading_ecosystem.configuration.document import parse_document
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.runtime import Start, Wake, WakeAt
from trading_ecosystem.reference import Asset, AssetKind, ReferenceData, instrument
from trading_ecosystem.simulators.market_data.config import MarketDataConfig, read
from trading_ecosystem.simulators.market_data.core import MarketData

WORLD = """\
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
"""
TICKS = {
    "BTC/USD": ("0.01", "0.0001"),
    "ETH/USD": ("0.01", "0.001"),
    "BTC/USDT": ("0.01", "0.0001"),
    "ETH/USDT": ("0.01", "0.001"),
    "USDT/USD": ("0.0001", "1"),
    "USDC/USD": ("0.0001", "1"),
}
KINDS = {
    "USD": AssetKind.FIAT,
    "USDT": AssetKind.STABLECOIN,
    "USDC": AssetKind.STABLECOIN,
    "BTC": AssetKind.CRYPTO,
    "ETH": AssetKind.CRYPTO,
}

Configure = Callable[..., MarketDataConfig]


class Feed:
    """A core on a clock: wakes it when it asked for it, and keeps what it said."""

    def __init__(self, core: MarketData, now: int) -> None:
        self.core, self.now, self.said = core, now, list[Message]()
        self.wakes = list[int]()
        self.tell(Start(memory={}))

    @property
    def wake_ns(self) -> int:
        return min(self.wakes)

    def tell(self, message: Message) -> list[Message]:
        outputs = list(self.core.handle(message, self.now))
        self.wakes += [output.at_ns for output in outputs if isinstance(output, WakeAt)]
        self.said += outputs
        return outputs

    def run(self, for_ns: int) -> list[QuotePublished]:
        """Let time pass. Returns the quotes of that time."""
        before, until_ns = len(self.said), self.now + for_ns
        while self.wake_ns <= until_ns:
            self.now = self.wake_ns
            self.wakes.remove(self.now)
            self.tell(Wake())
        self.now = until_ns
        return [output for output in self.said[before:] if isinstance(output, QuotePublished)]


@pytest.fixture(scope="session")
def reference() -> ReferenceData:
    assets = {name: Asset(name, kind, 8) for name, kind in KINDS.items()}
    pairs = [instrument(symbol, Decimal(tick), Decimal(lot), assets) for symbol, (tick, lot) in TICKS.items()]
    return ReferenceData("USD", list(assets.values()), pairs)


@pytest.fixture(scope="session")
def world() -> str:
    return WORLD


@pytest.fixture(scope="session")
def configure(reference: ReferenceData) -> Configure:
    """The configuration of the world above, with pieces of its text replaced by others."""

    def configured(**replaced: str) -> MarketDataConfig:
        text = WORLD.replace("quotes_every: 1s", f"quotes_every: {replaced.pop('every', '1s')}")
        assert not replaced
        return read(parse_document("world.yaml", text), reference)

    return configured


@pytest.fixture(scope="session")
def config(configure: Configure) -> MarketDataConfig:
    return configure()


@pytest.fixture(scope="session")
def feed() -> type[Feed]:
    return Feed


@pytest.fixture(scope="session")
def build(config: MarketDataConfig, reference: ReferenceData) -> Callable[..., MarketData]:
    def built(seed: int = 7, start_ns: int = 1_772_409_600_000_000_000, **more: object) -> MarketData:
        return MarketData("market_data", more.pop("config", config), reference, seed, start_ns, **more)  # type: ignore[arg-type]

    return built
