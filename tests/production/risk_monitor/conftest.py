"""A firm of two accounts, or three, and everything that a risk monitor hears about it, on a clock in seconds."""

import heapq
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from trading_ecosystem.configuration.document import parse_document
from trading_ecosystem.messages.accounts import AccountReported, Balance, VenueHeartbeat
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import Liquidity, OrderFilled, Side
from trading_ecosystem.messages.risk import AlertFired, AlertResolved, RiskReported
from trading_ecosystem.messages.runtime import Plain, Remember, Start, Wake, WakeAt
from trading_ecosystem.production.risk_monitor.config import Limits, read
from trading_ecosystem.production.risk_monitor.core import RiskMonitor
from trading_ecosystem.reference import Asset, AssetKind, ReferenceData, instrument

SECOND = 1_000_000_000
START = 1_772_409_600 * SECOND
WORLD_LIMITS = Path(__file__).parents[3] / "worlds" / "two-desks-limits.yaml"
PAIRS = {
    "BTC/USD": ("0.01", "0.0001"),
    "ETH/USD": ("0.01", "0.001"),
    "BTC/USDT": ("0.01", "0.0001"),
    "ETH/USDT": ("0.01", "0.001"),
    "USDT/USD": ("0.0001", "1"),
    "USDC/USD": ("0.0001", "1"),
}
PRICES = {"BTC/USD": "60000", "ETH/USD": "2500", "BTC/USDT": "60000", "ETH/USDT": "2500"}
PRICES |= {"USDT/USD": "1", "USDC/USD": "1"}
HELD = {
    "alpha": {"USD": 3_000_000, "USDT": 1_000_000, "BTC": 20, "ETH": 400},
    "beta": {"USD": 2_000_000, "USDT": 1_500_000, "BTC": 15, "ETH": 300},
    "gamma": {"USD": 500_000, "USDT": 250_000, "BTC": 5},
}
ONE: dict[str, tuple[str, ...]] = {"exchange": ("alpha", "beta")}
TWO: dict[str, tuple[str, ...]] = {"exchange.north": ("alpha",), "exchange.south": ("beta",)}
THREE: dict[str, tuple[str, ...]] = {"exchange.north": ("alpha",), "exchange.south": ("beta", "gamma")}


@pytest.fixture(scope="session")
def reference() -> ReferenceData:
    kinds = {"USD": (AssetKind.FIAT, ""), "USDT": (AssetKind.STABLECOIN, "Tether")}
    kinds |= {"USDC": (AssetKind.STABLECOIN, "Circle"), "BTC": (AssetKind.CRYPTO, ""), "ETH": (AssetKind.CRYPTO, "")}
    assets = {name: Asset(name, kind, 8, issuer) for name, (kind, issuer) in kinds.items()}
    pairs = [instrument(symbol, Decimal(tick), Decimal(lot), assets) for symbol, (tick, lot) in PAIRS.items()]
    return ReferenceData("USD", list(assets.values()), pairs)


def limits_with(
    reference: ReferenceData, entries: dict[str, object], venues: dict[str, tuple[str, ...]] = ONE
) -> Limits:
    """Those of the shipped firm, with other or more entries, as a file has them."""
    document = yaml.safe_load(WORLD_LIMITS.read_text(encoding="utf-8")) | entries
    return read(parse_document("limits.yaml", json.dumps(document)), reference, venues)


@pytest.fixture(scope="session")
def limits(reference: ReferenceData) -> Limits:
    return limits_with(reference, {})


class Rig:
    """A monitor with its memory and its wakes. Times are seconds since the start; whatever it says is kept."""

    def __init__(self, reference: ReferenceData, limits: Limits, venues: dict[str, tuple[str, ...]] = ONE) -> None:
        self.reference, self.limits, self.venues = reference, limits, venues
        self.places = {account: venue for venue, accounts in venues.items() for account in accounts}
        self.dark: tuple[str, ...] = ()  # Venues that say nothing.
        self.memory: dict[str, Plain] = {}
        self.said: list[tuple[float, Message]] = []
        self.at = 0.0
        self.sequence = dict.fromkeys(self.places, 0)
        self.restart(0)

    # Life.

    def restart(self, at: float) -> None:
        """A new incarnation with nothing but what was remembered, as it comes back from a disk."""
        self.at = at
        self.wakes: list[tuple[int, int]] = []
        self.monitor = RiskMonitor("risk", self.limits, self.reference, self.venues, "custodian")
        self.hear(Start(memory=json.loads(json.dumps(self.memory))), at)

    def hear(self, message: Message, at: float) -> list[Message]:
        """Hand over a message after everything that was due before; what it made the monitor say."""
        self.wait(at)
        return self._step(message, ns(at))

    def wait(self, at: float) -> None:
        assert at >= self.at
        while self.wakes and self.wakes[0][0] <= ns(at):
            self._step(Wake(), heapq.heappop(self.wakes)[0])
        self.at = at

    def _step(self, message: Message, now: int) -> list[Message]:
        outputs = list(self.monitor.handle(message, now))
        self.at = (now - START) / SECOND
        for output in outputs:
            if isinstance(output, WakeAt):
                assert output.at_ns >= now
                heapq.heappush(self.wakes, (output.at_ns, len(self.said)))
            elif isinstance(output, Remember):
                self.memory[output.key] = json.loads(json.dumps(output.value))
            self.said.append((self.at, output))
        return outputs

    # What it hears.

    def quote(
        self, symbol: str, price: str, at: float, occurred: float | None = None, spread_ticks: int = 0
    ) -> list[Message]:
        ticks = int(Decimal(price) / self.reference.instruments[symbol].tick)
        occurred_ns = ns(at if occurred is None else occurred)
        return self.hear(QuotePublished(symbol, ticks - spread_ticks, 1, ticks + spread_ticks, 1, 1, occurred_ns), at)

    def quotes(self, at: float, **changed: str) -> None:
        """Everything that comes every second: a quote of each instrument, and a heartbeat."""
        for symbol, price in PRICES.items():
            self.quote(symbol, changed.get(symbol.replace("/", "_"), price), at)
        for venue in self.venues:
            if venue not in self.dark:
                self.heartbeat(at, venue=venue)

    def heartbeat(self, at: float, session: int = 1, venue: str = "exchange") -> None:
        self.hear(VenueHeartbeat(venue=venue, session=session, occurred_ns=ns(at)), at)

    def report(self, account: str, at: float, held: dict[str, str] | None = None, sequence: int = 0) -> list[Message]:
        """An answer of the venue; a tenth of each amount is in open orders."""
        held = held or {asset: str(amount) for asset, amount in HELD[account].items()}
        amounts = {asset: self.minor(asset, amount) for asset, amount in held.items()}
        balances = tuple(Balance(asset=a, free_minor=m - m // 10, locked_minor=m // 10) for a, m in amounts.items())
        self.sequence[account] = sequence
        return self.hear(
            AccountReported(
                to="risk",
                venue=self.places[account],
                account=account,
                account_sequence=sequence,
                balances=balances,
                open_orders=(),
                occurred_ns=ns(at),
            ),
            at,
        )

    def fill(
        self,
        account: str,
        symbol: str,
        side: Side,
        amount: str,
        price: str,
        at: float,
        fee: str = "0",
        skip: int = 0,
        late: float = 0,
    ) -> list[Message]:
        """The next fill of an account, told so many seconds `late`; `skip` events before it are lost."""
        self.sequence[account] += 1 + skip
        pair = self.reference.instruments[symbol]
        return self.hear(
            OrderFilled(
                account=account,
                venue=self.places[account],
                account_sequence=self.sequence[account],
                occurred_ns=ns(at - late),
                order_id=1,
                client_order_id="c",
                symbol=symbol,
                side=side,
                price_ticks=int(Decimal(price) / pair.tick),
                quantity_lots=pair.to_lots(Decimal(amount)),
                leaves_quantity_lots=0,
                fee_minor=self.minor(pair.quote, fee),
                liquidity=Liquidity.TAKER,
                trade_id=1,
            ),
            at,
        )

    def begin(self, at: float = 0, **changed: str) -> None:
        """All accounts answer and every price comes."""
        for account in self.places:
            self.report(account, at)
        self.quotes(at, **changed)

    def stay(self, since: float, until: float, **changed: str) -> None:
        """Quotes every second, from the second after `since` on."""
        for second in range(int(since) + 1, int(until) + 1):
            self.quotes(second, **changed)

    # What it said.

    def fired(self) -> list[str]:
        return [message.alert_id for _, message in self.said if isinstance(message, AlertFired)]

    def resolved(self) -> list[str]:
        return [message.alert_id for _, message in self.said if isinstance(message, AlertResolved)]

    def figures(self, at: float) -> RiskReported:
        """The first report from this moment on."""
        while True:
            for told, message in self.said:
                if told >= at and isinstance(message, RiskReported):
                    return message
            self.wait((self.wakes[0][0] - START) / SECOND)

    def minor(self, asset: str, amount: str) -> int:
        return self.reference.assets[asset].to_minor(Decimal(amount))


def ns(at: float) -> int:
    return START + round(at * SECOND)


@pytest.fixture
def rig(reference: ReferenceData, limits: Limits) -> Rig:
    return Rig(reference, limits)


@pytest.fixture
def two_venues(reference: ReferenceData) -> Rig:
    return Rig(reference, limits_with(reference, {}, TWO), TWO)


@pytest.fixture(scope="session")
def new_rig(reference: ReferenceData, limits: Limits) -> Callable[[], Rig]:
    return lambda: Rig(reference, limits)
