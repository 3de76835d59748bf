"""The page on perpetuals tells what the venue does: its worked example is done here, figure by figure."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from trading_ecosystem.configuration.document import parse_document
from trading_ecosystem.configuration.instruments import read_accounts, read_margin, read_reference
from trading_ecosystem.messages.accounts import AccountReported, QueryAccount
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import (
    OrderRejected,
    OrderType,
    RejectReason,
    Side,
    SubmitOrder,
    TimeInForce,
)
from trading_ecosystem.messages.perpetuals import FundingSettled, PositionChanged, PositionLiquidated
from trading_ecosystem.messages.runtime import Start, Wake
from trading_ecosystem.simulators.exchange.config import ExchangeConfig, LiquidityConfig
from trading_ecosystem.simulators.exchange.core import Exchange

pytestmark = pytest.mark.whole

PAGE = (Path(__file__).parents[2] / "docs" / "perpetuals.md").read_text(encoding="utf-8")
HOUR_NS = 3_600_000_000_000
MINOR = Decimal("1e8")
WORLD = """
numeraire: USD
assets:
  USD: {kind: fiat, decimals: 8}
  BTC: {kind: crypto, decimals: 8}
instruments:
  BTC/USD: {tick: 0.01, lot: 0.0001}
accounts:
  ann: {USD: 5000}
  bob: {USD: 20000}
"""
SILENT = LiquidityConfig(
    levels=1,
    spacing_ppm=500_000,
    growth_ppm=0,
    follow_ppm=500_000,
    stressed_spread_ppm=1_000_000,
    stressed_depth_ppm=1_000_000,
    noise_ppm=0,
    instruments={},
)


def table(name: str) -> dict[str, list[str]]:
    """The rows of a table of the page, by their first cell."""
    found = re.search(rf"<!-- numbers: {name} -->(.*?)<!-- numbers end -->", PAGE, re.DOTALL)
    assert found is not None, f"docs/perpetuals.md has no table {name}"
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in found[1].strip().splitlines()]
    return {row[0]: row[1:] for row in rows[2:]}


class Venue:
    def __init__(self) -> None:
        section = re.search(r"```yaml\n(perpetuals:.*?)```", PAGE, re.DOTALL)
        assert section is not None
        top = parse_document("page", WORLD + section[1]).section(
            ("numeraire", "assets", "instruments", "accounts"), ("perpetuals", "margin")
        )
        reference = read_reference(top)
        accounts = read_accounts(top["accounts"], reference)
        config = ExchangeConfig(maker_fee_ppm=500, taker_fee_ppm=500, heartbeat_ns=10 * HOUR_NS, liquidity=SILENT)
        margin = read_margin(top.get("margin"), accounts, reference)
        self.core = Exchange("venue", config, reference, accounts, 1, margin)
        self.now = HOUR_NS
        self.orders = 0
        self.said = [*self.core.handle(Start(memory={}), self.now)]

    def handle(self, message: Message, after_ns: int = 1_000_000_000) -> list[Message]:
        self.now += after_ns
        said = list(self.core.handle(message, self.now))
        self.said += said
        return said

    def index(self, dollars: int) -> list[Message]:
        ticks = dollars * 100
        at_ns = self.now + 1_000_000_000
        return self.handle(QuotePublished("BTC/USD", ticks - 1, 1, ticks + 1, 1, 0, at_ns))

    def order(self, account: str, side: Side, lots: int, dollars: int) -> list[Message]:
        self.orders += 1
        terms = (OrderType.LIMIT, TimeInForce.GTC, dollars * 10, lots)
        return self.handle(SubmitOrder("venue", account, str(self.orders), "BTC-PERP", side, *terms))

    def report(self, account: str) -> AccountReported:
        [report] = self.handle(QueryAccount(to="me", asker="me", account=account), 0)
        assert isinstance(report, AccountReported)
        return report

    def figures(self, account: str) -> dict[str, str]:
        report = self.report(account)
        [position], [margin] = report.positions, report.margins
        money = {
            "cost": position.cost_minor,
            "wallet": margin.wallet_minor,
            "equity": margin.equity_minor,
            "initial margin": margin.initial_minor,
            "maintenance margin": margin.maintenance_minor,
        }
        told = {name: text(Decimal(minor) / MINOR) for name, minor in money.items()}
        return {"position": f"{text(Decimal(position.position_lots) / 1000)} BTC", **told}


def text(value: Decimal) -> str:
    return f"{value.normalize():f}"


@pytest.fixture
def venue() -> Venue:
    made = Venue()
    made.index(60_000)
    made.order("bob", Side.SELL, 1_000, 60_000)
    made.order("ann", Side.BUY, 1_000, 60_000)
    return made


def test_the_trade(venue: Venue) -> None:
    told = table("bought")
    for place, account in enumerate(("ann", "bob")):
        assert venue.figures(account) == {name: row[place] for name, row in told.items()}


def test_the_most_that_she_can_buy(venue: Venue) -> None:
    assert "Another 0.65 BTC at 60,000.0" in PAGE and "is the most that she can buy" in PAGE
    [refused] = venue.order("ann", Side.BUY, 651, 60_000)
    assert isinstance(refused, OrderRejected) and refused.reject_reason is RejectReason.INSUFFICIENT_MARGIN
    assert not any(isinstance(said, OrderRejected) for said in venue.order("ann", Side.BUY, 650, 60_000))


def fund(venue: Venue) -> list[Message]:
    return venue.handle(Wake(), 8 * HOUR_NS - venue.now)


def test_the_funding(venue: Venue) -> None:
    told = table("funded")
    said = fund(venue)
    [settled] = [message for message in said if isinstance(message, FundingSettled)]
    assert [f"{settled.funding_ppb / 10**7:g}%"] * 2 == told["rate"]
    changes = {message.account: message for message in said if isinstance(message, PositionChanged)}
    for place, account in enumerate(("ann", "bob")):
        assert text(Decimal(-changes[account].funding_minor) / MINOR) == told["payment"][place]
        assert venue.figures(account)["wallet"] == told["wallet"][place]


def test_the_liquidation(venue: Venue) -> None:
    told = table("liquidated")
    fund(venue)
    venue.index(60_000)
    venue.order("bob", Side.BUY, 250, 56_400)
    assert venue.index(56_400) == [], "a single print is not a price"
    said = venue.index(56_400)
    [liquidated] = [message for message in said if isinstance(message, PositionLiquidated)]
    assert f"The bankruptcy price was {liquidated.limit_ticks / 10:,.1f}" in PAGE
    assert text(Decimal(liquidated.fee_minor) / MINOR) == told["fee to the insurance fund"][1]
    after = venue.figures("ann")
    for name in ("position", "wallet", "equity", "maintenance margin"):
        assert after[name] == told[name][1], name


def test_what_it_was_before_the_liquidation(venue: Venue) -> None:
    """The same, with nobody to buy: nothing is closed, and the figures are those of the first column."""
    told = table("liquidated")
    fund(venue)
    for _ in range(2):
        venue.index(56_400)
    before = venue.figures("ann")
    for name in ("position", "wallet", "equity", "maintenance margin"):
        assert before[name] == told[name][0], name
