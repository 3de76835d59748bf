"""The risk monitor's core alone: what a quote and a fill cost, by how many positions are open.

Arguments: how many positions, how many of them have a limit of concentration, and how many events to measure; prints
one JSON object. With `profile` behind them it prints where the time goes instead, which needs the plain build.
"""

import cProfile
import json
import pstats
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from itertools import cycle, islice
from pathlib import Path

import yaml

from trading_ecosystem.configuration.document import parse_document
from trading_ecosystem.messages.accounts import AccountReported, Balance, VenueHeartbeat
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import Liquidity, OrderFilled, Side
from trading_ecosystem.messages.runtime import Start
from trading_ecosystem.production.risk_monitor.config import Limits, read
from trading_ecosystem.production.risk_monitor.core import RiskMonitor
from trading_ecosystem.reference import Asset, AssetKind, Instrument, ReferenceData, instrument

LIMITS = Path(__file__).parent.parent / "worlds" / "two-desks-limits.yaml"
VENUES: dict[str, tuple[str, ...]] = {"exchange": ("alpha",)}
START_NS = 1_772_409_600_000_000_000
STEP_NS = 1_000  # From event to event, so that nothing falls due while it is measured.
HELD_MINOR, CASH_MINOR, PRICE_TICKS = 10**6, 10**15, 100_000  # 10 USD in each coin, and 10 million in cash.
ROUNDS = 5


def reference(positions: int) -> ReferenceData:
    assets = {"USD": Asset("USD", AssetKind.FIAT, 8)}
    assets |= {f"C{number}": Asset(f"C{number}", AssetKind.CRYPTO, 8) for number in range(positions)}
    pairs = [instrument(f"{each}/USD", Decimal("0.01"), Decimal("0.001"), assets) for each in assets if each != "USD"]
    return ReferenceData("USD", list(assets.values()), pairs)


def limits(known: ReferenceData, coins: list[str], concentrated: int) -> Limits:
    """Those of the shipped firm for these coins; nothing is near them."""
    document = yaml.safe_load(LIMITS.read_text(encoding="utf-8"))
    held, share = document["position_limit"]["BTC"], document["concentration"]["assets"]["BTC"]
    document["position_limit"] = dict.fromkeys(coins, held)
    document["concentration"] = {"assets": dict.fromkeys(coins[:concentrated], share), "issuers": {}}
    document["peg_deviation"] = {}
    return read(parse_document(str(LIMITS), json.dumps(document)), known, VENUES)


class Room:
    """A monitor that knows every price and what the one account has; events of turns through all instruments."""

    def __init__(self, positions: int, concentrated: int) -> None:
        known = reference(positions)
        self.pairs: list[Instrument] = list(known.instruments.values())
        coins = [pair.base for pair in self.pairs]
        wide = limits(known, coins, concentrated)
        self.monitor = RiskMonitor("risk_monitor", wide, known, VENUES, "custodian")
        self.now, self.sequence, self.filled = START_NS, 0, 0
        self.hear(Start(memory={}))
        self.hear(VenueHeartbeat(venue="exchange", session=1, occurred_ns=self.now))
        held = [Balance(asset=coin, free_minor=HELD_MINOR, locked_minor=0) for coin in coins]
        self.hear(
            AccountReported(
                to="risk_monitor",
                venue="exchange",
                account="alpha",
                account_sequence=0,
                balances=(Balance(asset="USD", free_minor=CASH_MINOR, locked_minor=0), *held),
                open_orders=(),
                occurred_ns=self.now,
            )
        )
        for quote in self.quotes(positions):
            self.hear(quote)

    def hear(self, message: Message) -> int:
        """How much it said."""
        return len(self.monitor.handle(message, self.now))

    def quotes(self, count: int) -> list[Message]:
        return [self._quote(pair) for pair in islice(cycle(self.pairs), count)]

    def fills(self, count: int) -> list[Message]:
        return [self._fill(pair) for pair in islice(cycle(self.pairs), count)]

    def _step(self) -> int:
        self.now += STEP_NS
        self.sequence += 1
        return self.sequence

    def _quote(self, pair: Instrument) -> Message:
        bid = PRICE_TICKS + self._step() % 7
        return QuotePublished(pair.symbol, bid, 1, bid + 1, 1, self.sequence, self.now)

    def _fill(self, pair: Instrument) -> Message:
        self._step()
        self.filled += 1
        side = Side.BUY if self.filled // len(self.pairs) % 2 else Side.SELL
        return OrderFilled(
            *("alpha", "exchange", self.filled, self.now, self.filled, "c", pair.symbol, side),
            *(PRICE_TICKS, 1, 0, 0, Liquidity.TAKER, self.filled),
        )


def event_ns(room: Room, made: Callable[[int], list[Message]], events: int) -> float:
    """The best of some rounds, each of other events made beforehand."""
    best = float("inf")
    for _ in range(ROUNDS):
        given = made(events)
        handle, now = room.monitor.handle, room.now
        began = time.perf_counter_ns()
        for message in given:
            handle(message, now)
        best = min(best, (time.perf_counter_ns() - began) / events)
    return best


def profile(positions: int, concentrated: int, events: int) -> None:
    for made in (Room.quotes, Room.fills):
        room = Room(positions, concentrated)
        given, profiler = made(room, events), cProfile.Profile()
        profiler.enable()
        for message in given:
            room.monitor.handle(message, room.now)
        profiler.disable()
        pstats.Stats(profiler).sort_stats("tottime").print_stats(8)


def main() -> None:
    positions, concentrated, events = (int(word) for word in sys.argv[1:4])
    if "profile" in sys.argv:
        profile(positions, concentrated, events)
        return
    room = Room(positions, concentrated)
    quote_ns, fill_ns = event_ns(room, room.quotes, events), event_ns(room, room.fills, events)
    print(json.dumps({"positions": positions, "quote_ns": quote_ns, "fill_ns": fill_ns}))


if __name__ == "__main__":
    main()
