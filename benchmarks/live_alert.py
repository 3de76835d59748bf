"""From a breach to its alert: a real risk monitor, fed with 1,000 quotes a second, and who listens to its alerts.

Measured from the moment at which the quote that breaches is published to the one at which the alert is read by a
subscriber. Argument: seconds. Prints one JSON object.
"""

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import quantiles
from typing import Any, final

import grpc
from live_stand import WORLD, Feed, Wanted, as_caller, stand

from trading_ecosystem.live.codec import parse
from trading_ecosystem.live.production_wire import RISK_MONITOR
from trading_ecosystem.messages.risk import AlertFired
from trading_ecosystem.virtual.queue import COMPILED

QUOTES_PER_S = 1_000
COINS = [f"S{number:02}" for number in range(20)]  # Stablecoins of our own, so that one can break while others mend.
QUOTES_PER_BREACH = 110  # From one coin's breach to that of the next. A coin's turn comes again when its alert is over.
MENDED = {300: (9_999, 10_001), 1_600: (9_998, 10_002)}  # Bid and ask, so many quotes after the breach.
WAIT_S = 1.0  # For the subscription to stand, and for the last alerts.
LISTENER = "operator"
BROKEN = (9_799, 9_801)
OTHERS = (("BTC/USD", 6_000_000), ("ETH/USD", 250_000), ("BTC/USDT", 6_000_000), ("ETH/USDT", 250_000))
COIN_LINES = {
    "assets:\n": "  {coin}: {{kind: stablecoin, decimals: 8, issuer: Tether}}\n",
    "instruments:\n": "  {coin}/USD: {{tick: 0.0001, lot: 1}}\n",
    "  assets:\n": "    {coin}: {{deviation: 1bps, half_life: 30m}}\n",
    "  instruments:\n": "    {coin}/USD: {{spread: 2bps, size: {{from: 20000, to: 200000}}}}\n",
}
LEVELS = "    warning: {{at: 50bps, resolves: 35bps}}\n    critical: {{at: 100bps, resolves: 80bps}}\n"
LIMIT_LINES = {"peg_deviation:\n": "  {coin}:\n" + LEVELS}
QUICK = {"resolves_after: 2m": "resolves_after: 1s", "fires_at_most_every: 10m": "fires_at_most_every: 1s"}


def with_coins(text: str, lines: dict[str, str]) -> str:
    """The document with every coin added behind the first line of each kind."""
    for before, line in lines.items():
        head, found, tail = text.partition(f"\n{before}")
        assert found, before
        text = head + found + "".join(line.format(coin=coin) for coin in COINS) + tail
    return text


def write_world(folder: Path) -> Path:
    """The first world with more coins, whose alerts fire at once and are over soon."""
    world = folder / WORLD.name
    world.write_text(with_coins(WORLD.read_text(encoding="utf-8"), COIN_LINES), encoding="utf-8")
    limits = WORLD.with_name("two-desks-limits.yaml")
    text = with_coins(limits.read_text(encoding="utf-8"), LIMIT_LINES)
    for usual, quick in QUICK.items():
        assert usual in text, usual
        text = text.replace(usual, quick)
    (folder / limits.name).write_text(text, encoding="utf-8")
    return world


@final
class Pegs:
    """Breaks one coin after the other. `delays_s`: of each breach, until its alert was read."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._broken_s: dict[str, float] = {}  # When a coin broke, on the machine's clock.
        self.delays_s: list[float] = []
        self.breaches = self.quotes = 0

    async def tell(self, seconds: float) -> None:
        """One quote each millisecond; those that were missed while others had the core come together."""
        began = time.perf_counter()
        for number in range(int(seconds * QUOTES_PER_S)):
            due_s = began + number / QUOTES_PER_S
            if due_s > time.perf_counter():
                await asyncio.sleep(due_s - time.perf_counter())
            self._feed.tell([self._quote(number)])
            self.quotes += 1

    def _quote(self, number: int) -> tuple[str, int, int]:
        turn, place = divmod(number, QUOTES_PER_BREACH)
        if place == 0:
            coin = COINS[turn % len(COINS)]
            self.breaches += 1
            self._broken_s[coin] = time.perf_counter()
            return f"{coin}/USD", *BROKEN
        for after, prices in MENDED.items():
            mended, place = divmod(number - after, QUOTES_PER_BREACH)
            if place == 0:
                return f"{COINS[mended % len(COINS)]}/USD", *prices
        symbol, bid_ticks = OTHERS[number % len(OTHERS)]
        return symbol, bid_ticks + number % 3, bid_ticks + number % 3 + 10

    async def listen(self, address: str) -> None:
        request = RISK_MONITOR.request_type("Subscribe")(subscriber=LISTENER, event_types=[AlertFired.__name__])
        response_type = RISK_MONITOR.response_type("Subscribe")
        async with grpc.aio.insecure_channel(address) as channel:
            call: Any = channel.unary_stream(RISK_MONITOR.path("Subscribe"))
            async for line in call(request.SerializeToString(), metadata=as_caller(LISTENER)):
                for event in parse(response_type, line).events:
                    self._hear(RISK_MONITOR.read_event(event).message)

    def _hear(self, message: object) -> None:
        assert isinstance(message, AlertFired)
        broken_s = self._broken_s.pop(message.subject, None)
        if broken_s is not None:
            self.delays_s.append(time.perf_counter() - broken_s)


async def measure(seconds: float) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="tse-bench-") as place:
        wanted = Wanted(instances=("exchange", "custodian", "risk_monitor"), world=write_world(Path(place)))
        async with stand(wanted) as made:
            pegs = Pegs(made.feed)
            listening = asyncio.create_task(pegs.listen(made.address("risk_monitor")))
            await asyncio.sleep(WAIT_S)
            began, began_cpu = time.perf_counter(), made.cpu_s("risk_monitor")
            await pegs.tell(seconds)
            wall_s, cpu_s = time.perf_counter() - began, made.cpu_s("risk_monitor") - began_cpu
            await asyncio.sleep(WAIT_S)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
    assert len(pegs.delays_s) == pegs.breaches, f"{len(pegs.delays_s)} alerts for {pegs.breaches} breaches"
    cuts = quantiles(pegs.delays_s, n=100)
    return {
        "build": "compiled" if COMPILED else "plain",
        "breaches": pegs.breaches,
        "quotes_per_s": pegs.quotes / wall_s,
        "p50_ms": cuts[49] * 1e3,
        "p99_ms": cuts[98] * 1e3,
        "worst_ms": max(pegs.delays_s) * 1e3,
        "cores": cpu_s / wall_s,
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(float(sys.argv[1])))))
