"""The monitor knows margin, positions and their worth as the venue does, whatever happens to them."""

from pathlib import Path

import pytest
from tests.simulators.exchange.conftest import SILENT
from tests.simulators.exchange.margin_crowd import MarginCrowd
from tests.simulators.exchange.test_margin_oracle import REFERENCE, WALLETS, venue

from trading_ecosystem.configuration.document import read_document
from trading_ecosystem.messages.accounts import AccountReported, Holding, HoldingsReported, QueryAccount, VenueHeartbeat
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import AccountEvent
from trading_ecosystem.messages.perpetuals import (
    MarginBalance,
    MarginMoved,
    MarginRatesChanged,
    MarkPriceChanged,
    OpenPosition,
    PositionChanged,
)
from trading_ecosystem.messages.risk import AlertFired
from trading_ecosystem.messages.runtime import Start
from trading_ecosystem.production.risk_monitor.accounts import Custody
from trading_ecosystem.production.risk_monitor.config import read
from trading_ecosystem.production.risk_monitor.core import RiskMonitor

LIMITS = read(
    read_document(Path(__file__).parents[3] / "worlds" / "spot-and-futures-limits.yaml"),
    REFERENCE,
    {"venue": ("ann", "bob")},
)
FIRM = ("ann", "bob")
PRICES = {"BTC/USD": 2_000, "ETH/USD": 800, "BTC-PERP": 1_000, "ETH-PERP": 400}


class Firm:
    """A monitor of two accounts at a venue, which it hears as live routes would bring it."""

    def __init__(self) -> None:
        self.core = venue(SILENT, 300)
        self.monitor = RiskMonitor("risk", LIMITS, REFERENCE, {"venue": FIRM}, "custodian")
        self.prices = dict(PRICES)
        self.fired: list[AlertFired] = []
        self.core.handle(Start(memory={}), 0)
        self.tell(self.monitor.handle(Start(memory={}), 0), 0)
        for symbol in PRICES:
            self.quote(symbol, PRICES[symbol], 1)

    def quote(self, symbol: str, ticks: int, now: int) -> None:
        self.prices[symbol] = ticks
        self.hear(QuotePublished(symbol, ticks, 1, ticks, 1, 0, now), now)

    def hear(self, message: Message, now: int) -> None:
        self.tell(self.monitor.handle(message, now), now)

    def tell(self, outputs: object, now: int) -> None:
        assert isinstance(outputs, (list, tuple))
        for output in outputs:
            if isinstance(output, QueryAccount):
                for answer in self.core.handle(output, now):
                    self.hear(answer, now)
            elif isinstance(output, AlertFired):
                self.fired.append(output)

    def pass_on(self, command: Message, now: int) -> None:
        for said in self.core.handle(command, now):
            mine = isinstance(said, AccountEvent) and said.account in FIRM
            if mine or isinstance(said, MarkPriceChanged):
                self.hear(said, now)
        if isinstance(command, QuotePublished):
            self.quote(command.symbol, (command.bid_ticks + command.ask_ticks) // 2, now)
            perpetual = command.symbol.replace("/USD", "-PERP")
            self.quote(perpetual, (command.bid_ticks + command.ask_ticks) // 4 + 1, now)

    def report(self, account: str, now: int) -> AccountReported:
        [report] = self.core.handle(QueryAccount(to="venue", asker="test", account=account), now)
        assert isinstance(report, AccountReported)
        return report

    def worth(self, now: int) -> int:
        """What both accounts are worth, one figure after the other. Nobody holds crypto."""
        worth = 0
        for account in FIRM:
            report = self.report(account, now)
            worth += sum(balance.free_minor + balance.locked_minor for balance in report.balances)
            worth += sum(margin.wallet_minor for margin in report.margins)
            for position in report.positions:
                perpetual = REFERENCE.instruments[position.symbol]
                worth += perpetual.notional_minor(self.prices[position.symbol], position.position_lots)
                worth -= position.cost_minor
        return worth


@pytest.mark.parametrize("seed", range(4))
def test_equity_margin_and_custody_are_those_of_the_venue(seed: int) -> None:
    firm = Firm()
    opening = {name: WALLETS[name] + 5_000 for name in FIRM}
    for now, command in MarginCrowd(seed).commands(1_500):
        firm.pass_on(command, now + 1)
        report = firm.monitor.statement.report(now + 1)
        assert report.equity_minor == firm.worth(now + 1), command
        assert report.realised_minor + report.unrealised_minor == report.equity_minor - sum(opening.values())
        for account in FIRM:
            known = firm.monitor._accounts[account]
            assert not known.doubt
            books = dict(known.amounts)
            known.margin.add_moved_in(books)
            assert books["USD"] == opening[account], "custody never heard of profit or loss"
            [margin] = firm.report(account, now + 1).margins
            told = margin.maintenance_minor * 1_000_000 // margin.equity_minor if margin.maintenance_minor else 0
            value = firm.monitor._rulebook.buffers[account].value()
            assert value == told or (value == 100_000_000 and told > 100_000_000)


def test_the_custodian_agrees_with_what_was_moved() -> None:
    firm = Firm()
    for now, command in MarginCrowd(1).commands(400):
        firm.pass_on(command, now + 1)
    custody = Custody(firm.monitor._accounts["ann"])

    for posted_minor, disputes in ((WALLETS["ann"] + 5_000, False), (WALLETS["ann"] + 4_999, True)):
        holding = Holding(account="ann", asset="USD", posted_minor=posted_minor, pending_minor=0)
        custody.take(
            HoldingsReported(to="risk", custodian="custodian", account="ann", holdings=(holding,), occurred_ns=9)
        )
        assert bool(custody.difference) is disputes


@pytest.mark.parametrize(("ticks", "fires"), [(1_019, False), (1_020, True), (981, False), (980, True)])
def test_basis_divergence_at_two_percent_for_five_seconds(ticks: int, fires: bool) -> None:
    firm = Firm()
    second = 1_000_000_000
    for moment in range(1, 8):
        firm.quote("BTC/USD", 2_000, moment * second)
        firm.quote("BTC-PERP", ticks, moment * second)
    assert ("basis_divergence:BTC-PERP:critical:1" in [alert.alert_id for alert in firm.fired]) is fires


def test_a_divergence_that_ends_in_time_is_none() -> None:
    firm = Firm()
    second = 1_000_000_000
    for moment, ticks in ((1, 1_050), (2, 1_050), (3, 1_000), (4, 1_050), (6, 1_050), (8, 1_000)):
        firm.quote("BTC/USD", 2_000, moment * second)
        firm.quote("BTC-PERP", ticks, moment * second)
    assert [alert for alert in firm.fired if alert.subject == "BTC-PERP"] == []


def position(lots: int, cost_minor: int, wallet_minor: int, sequence: int) -> PositionChanged:
    return PositionChanged(
        account="ann",
        venue="venue",
        account_sequence=sequence,
        occurred_ns=10 + sequence,
        symbol="BTC-PERP",
        position_lots=lots,
        cost_minor=cost_minor,
        realised_minor=0,
        funding_minor=0,
        fee_minor=0,
        wallet_minor=wallet_minor,
    )


@pytest.mark.parametrize(
    ("wallet_minor", "warning", "critical"),
    [(50_001, False, False), (50_000, True, False), (35_715, True, False), (35_714, True, True), (0, True, True)],
)
@pytest.mark.parametrize("lots", [1_000, -1_000])
def test_margin_buffer_at_half_and_at_seven_tenths(wallet_minor: int, warning: bool, critical: bool, lots: int) -> None:
    """1,000 lots at 1,000 ticks need 25,000 of maintenance margin, long or short."""
    firm = Firm()
    firm.hear(mark(1_000, 5), 5)
    firm.hear(position(lots, lots * 1_000, wallet_minor, 1), 20)
    fired = [alert.alert_id for alert in firm.fired if alert.rule == "margin_buffer"]
    assert ("margin_buffer:ann:warning:1" in fired) is warning
    assert ("margin_buffer:ann:critical:1" in fired) is critical


def test_margin_buffer_follows_the_mark_and_says_nothing_without_one() -> None:
    firm = Firm()
    firm.hear(position(1_000, 1_000_000, 60_000, 1), 20)
    assert firm.monitor._rulebook.buffers["ann"].value() is None
    firm.hear(mark(1_000, 30), 30)
    assert not firm.fired
    firm.hear(mark(970, 40), 40)  # 30,000 lost: 24,250 of 30,000 is needed.
    assert {alert.alert_id for alert in firm.fired} >= {"margin_buffer:ann:warning:1", "margin_buffer:ann:critical:1"}


def rates(maintenance_ppm: int, at_ns: int, venue: str = "venue", symbol: str = "BTC-PERP") -> MarginRatesChanged:
    return MarginRatesChanged(
        venue=venue, symbol=symbol, initial_ppm=500_000, maintenance_ppm=maintenance_ppm, occurred_ns=at_ns
    )


def test_margin_buffer_goes_by_the_rates_that_the_venue_asks_for_now() -> None:
    """1,000 lots at 1,000 ticks with 100,000 in the wallet: 25,000 of it are needed, then 70,000."""
    firm = Firm()
    firm.hear(mark(1_000, 5), 5)
    firm.hear(position(1_000, 1_000_000, 100_000, 1), 20)
    firm.hear(rates(70_000, 25, venue="elsewhere"), 25)
    firm.hear(rates(70_000, 25, symbol="ETH-PERP"), 25)
    for beyond in (-1, 1_000_001):
        firm.hear(rates(beyond, 25), 25)
    firm.hear(rates(49_999, 26), 26)
    assert not firm.fired
    firm.hear(rates(70_000, 30), 30)
    assert {alert.alert_id for alert in firm.fired} == {"margin_buffer:ann:warning:1", "margin_buffer:ann:critical:1"}
    assert firm.monitor._rulebook.buffers["ann"].value() == 700_000
    firm.hear(rates(25_000, 40), 40)
    assert firm.monitor._rulebook.buffers["ann"].value() == 250_000


def test_rates_of_a_venue_that_was_away_are_those_of_the_terms_until_it_says_otherwise() -> None:
    firm = Firm()
    firm.hear(mark(1_000, 5), 5)
    firm.hear(position(1_000, 1_000_000, 100_000, 1), 20)
    firm.hear(VenueHeartbeat(venue="venue", session=1, occurred_ns=25), 25)
    firm.hear(rates(40_000, 30), 30)
    firm.hear(VenueHeartbeat(venue="venue", session=2, occurred_ns=40), 40)
    assert firm.monitor._rulebook.buffers["ann"]._rates == {}
    firm.hear(rates(40_000, 50), 50)
    assert firm.monitor._rulebook.buffers["ann"]._rates == {"BTC-PERP": 40_000}


def mark(ticks: int, at_ns: int) -> MarkPriceChanged:
    return MarkPriceChanged(
        venue="venue",
        symbol="BTC-PERP",
        index_ticks=ticks,
        mark_ticks=ticks,
        funding_ppb=0,
        funding_due_ns=0,
        occurred_ns=at_ns,
    )


def test_moved_margin_is_neither_profit_nor_loss() -> None:
    firm = Firm()
    before = firm.monitor.statement.report(30)
    moved = MarginMoved(
        account="ann",
        venue="venue",
        account_sequence=1,
        occurred_ns=20,
        move_id="1",
        asset="USD",
        amount_minor=700,
        wallet_minor=WALLETS["ann"] + 700,
    )
    firm.hear(moved, 20)
    after = firm.monitor.statement.report(30)
    assert (after.equity_minor, after.realised_minor) == (before.equity_minor, before.realised_minor)
    assert firm.monitor._accounts["ann"].amounts["USD"] == 4_300


def test_a_report_that_says_something_else_is_doubted_and_taken() -> None:
    firm = Firm()
    balance = firm.report("ann", 30)
    odd = AccountReported(
        to="risk",
        venue="venue",
        account="ann",
        account_sequence=balance.account_sequence,
        balances=balance.balances,
        open_orders=(),
        occurred_ns=30,
        positions=(OpenPosition(symbol="BTC-PERP", position_lots=7, cost_minor=6_000, mark_ticks=1_000),),
        margins=tuple(
            MarginBalance(
                asset=each.asset,
                wallet_minor=each.wallet_minor,
                moved_in_minor=each.moved_in_minor,
                equity_minor=0,
                initial_minor=0,
                maintenance_minor=0,
            )
            for each in balance.margins
        ),
    )
    equity = firm.monitor.statement.report(31).equity_minor
    firm.hear(odd, 31)
    assert firm.monitor._accounts["ann"].doubt
    assert firm.monitor.statement.report(31).equity_minor == equity + 7 * 1_000 - 6_000
