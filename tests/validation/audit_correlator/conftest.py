"""Builders shared by the tests of this folder: a world of messages, sent by hand, and a correlator that hears them."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from trading_ecosystem.messages.audit import DeliveryLost, Envelope, InvariantViolated, LossReason
from trading_ecosystem.messages.market import BookTopChanged, QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.runtime import Wake
from trading_ecosystem.reference import Asset, AssetKind, ReferenceData, instrument
from trading_ecosystem.validation.audit_correlator.core import AuditCorrelator
from trading_ecosystem.validation.audit_correlator.invariants import Checker
from trading_ecosystem.validation.audit_correlator.trail import MemorySink

START_NS = 1_772_409_600_000_000_000  # 2026-03-02T00:00:00Z
SECOND_NS = 1_000_000_000
PLANES = {
    "market_data": "simulators",
    "exchange": "simulators",
    "custodian": "simulators",
    "trading_engine.alpha": "production",
    "risk_monitor": "production",
    "test_coordinator": "validation",
    "audit_correlator": "validation",
}


class SilentChecker(Checker):
    """Finds what it is told to find."""

    def __init__(self) -> None:
        self.at_end: list[InvariantViolated] = []
        self.seen = 0

    def is_checked(self, message_type: type) -> bool:
        return True

    def observe(self, envelope: Envelope) -> list[InvariantViolated]:
        self.seen += 1
        return []

    def finish(self, now: int) -> list[InvariantViolated]:
        return self.at_end

    def figures(self) -> dict[str, int]:
        return {"seen": self.seen}


class Stream:
    """Sends messages to a correlator, as a runner does; `at` is in seconds after the start."""

    def __init__(self, facts: dict[str, object] | None = None, replayed: tuple[str, ...] = ()) -> None:
        self.sink = MemorySink()
        self.checker = SilentChecker()
        self.correlator = AuditCorrelator(
            "audit_correlator", self.sink, facts or {"seed": 7}, PLANES, self.checker, reference_data(), replayed
        )
        self.last_id = 0
        self.sequence = 0

    def send(self, sender: str, at: float, message: Message, cause: int = 0) -> int:
        self.last_id += 1
        sent_ns = self.ns(at)
        self.correlator.handle(Envelope(self.last_id, cause, 1, sender, sent_ns, message), sent_ns)
        return self.last_id

    def quote(self, at: float, symbol: str = "USDT/USD", bid_ticks: int = 9_999, cause: int = 0) -> int:
        self.sequence += 1
        ticks = (bid_ticks, 100, bid_ticks + 2, 100)
        return self.send("market_data", at, QuotePublished(symbol, *ticks, self.sequence, self.ns(at)), cause)

    def top(self, at: float, symbol: str = "USDT/USD", bid_ticks: int = 9_999, cause: int = 0) -> int:
        self.sequence += 1
        ticks = (bid_ticks, 100, bid_ticks + 2, 100)
        return self.send("exchange", at, BookTopChanged("exchange", symbol, *ticks, self.sequence, self.ns(at)), cause)

    def wake(self, sender: str, at: float, cause: int = 0) -> int:
        return self.send(sender, at, Wake(), cause)

    def lose(self, at: float, message_id: int, recipient: str, reason: LossReason) -> None:
        fact = DeliveryLost(message_id=message_id, recipient=recipient, loss_reason=reason, occurred_ns=self.ns(at))
        self.correlator.handle(fact, self.ns(at))

    def close(self, at: float = 0) -> list[str]:
        """All lines of the trail."""
        self.correlator.close(self.ns(at))
        return self.sink.lines

    @staticmethod
    def ns(at: float) -> int:
        return START_NS + round(at * SECOND_NS)


def reference_data() -> ReferenceData:
    kinds = {"USD": AssetKind.FIAT, "USDT": AssetKind.STABLECOIN, "BTC": AssetKind.CRYPTO, "ETH": AssetKind.CRYPTO}
    assets = {name: Asset(name, kind, 8) for name, kind in kinds.items()}
    listed = [("BTC/USD", "0.01", "0.0001"), ("ETH/USD", "0.01", "0.001"), ("BTC/USDT", "0.01", "0.0001")]
    listed.append(("USDT/USD", "0.0001", "1"))
    instruments = [instrument(symbol, Decimal(tick), Decimal(lot), assets) for symbol, tick, lot in listed]
    return ReferenceData("USD", list(assets.values()), instruments)


@pytest.fixture(scope="module")
def new_stream() -> Callable[[], Stream]:
    return Stream


@pytest.fixture
def stream() -> Stream:
    return Stream()
