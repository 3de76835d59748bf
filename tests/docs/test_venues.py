"""The figures on the page about several venues are those of the world that it speaks of."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from trading_ecosystem.assembly import load_world
from trading_ecosystem.chance import Dice
from trading_ecosystem.messages.accounts import AccountReported, Balance
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.risk import RiskReported
from trading_ecosystem.messages.runtime import Start, Wake
from trading_ecosystem.production.risk_monitor.core import RiskMonitor
from trading_ecosystem.simulators.exchange.config import DispersionConfig
from trading_ecosystem.simulators.exchange.dispersion import Dispersion

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "venues.md").read_text(encoding="utf-8")
WORLD = load_world(ROOT / "worlds" / "two-venues.yaml")
PRICES = {"BTC/USD": 6_000_000, "ETH/USD": 250_000, "USDT/USD": 10_000, "USDC/USD": 10_000}  # Ticks.
START_NS = WORLD.start_ns


def table(name: str) -> list[list[str]]:
    """The rows of a table below its heading."""
    found = re.search(rf"<!-- numbers: {name} -->\n\n(.*?)\n\n<!-- numbers end -->", PAGE, re.DOTALL)
    assert found is not None
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found[1].splitlines()[2:]]


def test_a_venue_moves_the_quote_as_a_whole() -> None:
    (_, bid, ask), *rows = table("prices")
    quote = QuotePublished("BTC/USD", ticks(bid), 1, ticks(ask), 1, 1, START_NS)
    for words, moved_bid, moved_ask in rows:
        bps, side = re.fullmatch(r"a venue (\d+) bps (above|below)", words).groups()  # type: ignore[union-attr]
        venue = Dispersion(DispersionConfig(deviation_ppm=200, half_life_ns=60 * 10**9), Dice(1, "x"))
        venue.moved(quote)
        venue.deviation_ppb = int(bps) * 100_000 * (1 if side == "above" else -1)
        moved = venue.moved(quote)
        assert (moved.bid_ticks, moved.ask_ticks) == (ticks(moved_bid), ticks(moved_ask))


def ticks(price: str) -> int:
    return int(Decimal(price) * 100)


def test_exposures_at_the_opening() -> None:
    lines = {(each.measure, each.subject): each.value for each in opening().exposures}
    for measure, subject, value in table("exposures"):
        told = lines[measure, subject]
        if value.endswith("%"):
            assert told // 100 == ticks(value.removesuffix("%"))  # Hundredths of a per cent, rounded down.
        else:
            assert told == int(value) * 10**8


def opening() -> RiskReported:
    monitor = RiskMonitor("risk", WORLD.limits, WORLD.reference, WORLD.firm_accounts_by_venue(), "custodian")
    monitor.handle(Start(memory={}), START_NS)
    for symbol, price in PRICES.items():
        monitor.handle(QuotePublished(symbol, price - 1, 1, price + 1, 1, 1, START_NS), START_NS)
    for account, held in WORLD.firm_balances().items():
        balances = tuple(Balance(asset=asset, free_minor=minor, locked_minor=0) for asset, minor in held.items())
        told = AccountReported(
            to="risk",
            venue=WORLD.places[account],
            account=account,
            account_sequence=0,
            balances=balances,
            open_orders=(),
            occurred_ns=START_NS,
        )
        monitor.handle(told, START_NS)
    reports = [
        said
        for second in range(1, 62)
        for _ in range(5)
        for said in monitor.handle(Wake(), START_NS + second * 10**9)
        if isinstance(said, RiskReported)
    ]
    return reports[0]
