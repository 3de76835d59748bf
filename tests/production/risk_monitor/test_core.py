"""The monitor asks until it knows, says what it does not know, and its figures are those of a slow recount."""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from trading_ecosystem.messages.accounts import (
    AccountReported,
    Balance,
    Holding,
    HoldingsReported,
    QueryAccount,
    QueryHoldings,
)
from trading_ecosystem.messages.custody import FailReason, SettlementFailed
from trading_ecosystem.messages.health import HealthChanged, HealthStatus
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import AccountEvent, Liquidity, OrderFilled, Side
from trading_ecosystem.messages.risk import AcknowledgeAlert, AlertAcknowledged, AlertFired, RiskReported
from trading_ecosystem.messages.runtime import Start, Wake, WakeAt
from trading_ecosystem.production.risk_monitor.config import Limits
from trading_ecosystem.production.risk_monitor.core import RiskMonitor
from trading_ecosystem.reference import ReferenceData

SECOND = 1_000_000_000
UNIT = 10**8
HELD = {
    "alpha": {"USD": 3_000_000, "USDT": 1_000_000, "BTC": 20, "ETH": 400},
    "beta": {"USD": 2_000_000, "USDT": 1_500_000, "BTC": 15, "ETH": 300},
}


def asked(messages: list[Message]) -> list[str]:
    """The accounts asked about, those at the custodian with a star."""
    accounts = [message.account for message in messages if isinstance(message, QueryAccount)]
    return accounts + [f"{message.account}*" for message in messages if isinstance(message, QueryHoldings)]


def health(rig: Any) -> list[tuple[HealthStatus, str]]:
    return [(each.health, each.detail) for _, each in rig.said if isinstance(each, HealthChanged)]


def unpriced(*assets: str) -> str:
    return "; ".join(f"no price yet of {asset}" for asset in assets)


def holdings(rig: Any, account: str, at: float) -> None:
    held = tuple(
        Holding(account=account, asset=asset, posted_minor=amount * UNIT, pending_minor=0)
        for asset, amount in HELD[account].items()
    )
    rig.hear(HoldingsReported(to="risk", custodian="custodian", account=account, holdings=held, occurred_ns=0), at)


# What it knows, and what it says of it.


def test_it_asks_at_the_start_and_again_until_it_is_answered(rig: Any) -> None:
    assert asked([message for _, message in rig.said]) == ["alpha", "beta", "alpha*", "beta*"]
    rig.report("alpha", 1)
    holdings(rig, "alpha", 1)
    rig.wait(4)
    rig.said.clear()
    rig.wait(6)
    assert asked([message for _, message in rig.said]) == ["beta", "beta*"]
    rig.report("beta", 7)
    holdings(rig, "beta", 7)
    rig.said.clear()
    rig.stay(7, 899)
    assert [name for name in asked([message for _, message in rig.said]) if not name.endswith("*")] == []
    rig.stay(899, 901)
    assert [name for name in asked([message for _, message in rig.said]) if not name.endswith("*")] == ["alpha", "beta"]


def test_nothing_fires_from_what_is_not_complete(rig: Any) -> None:
    """A tenth of the firm is there, and it is all in one asset: no figure yet."""
    rig.report("alpha", 0, held={"BTC": "90"})
    rig.quotes(0)
    rig.quotes(1, BTC_USD="20000")
    assert rig.fired() == []
    assert not rig.monitor.statement.report(0).certain
    rig.report("beta", 2, held={"ETH": "1"})
    assert "concentration:BTC:critical:1" in rig.fired()
    assert "position_limit:BTC:critical:1" in rig.fired()


def test_health_says_what_is_missing_until_nothing_is(rig: Any) -> None:
    rig.begin()
    told = health(rig)
    assert told[:3] == [
        (HealthStatus.DEGRADED, "no answer yet about account alpha; no answer yet about account beta"),
        (HealthStatus.DEGRADED, f"no answer yet about account beta; {unpriced('USDT', 'BTC', 'ETH')}"),
        (HealthStatus.DEGRADED, unpriced("USDT", "BTC", "ETH")),
    ]
    assert told[-1] == (HealthStatus.SERVING, "")
    rig.quotes(1)
    rig.report("alpha", 2)
    assert len(health(rig)) == len(told)


def test_a_gap_is_asked_about_at_once_and_doubted_until_answered(rig: Any) -> None:
    rig.begin()
    assert asked(rig.fill("alpha", "BTC/USD", Side.BUY, "1", "60000", 1, skip=1)) == ["alpha"]
    assert health(rig)[-1] == (HealthStatus.DEGRADED, "events of account alpha are missing")
    assert not rig.monitor.statement.report(0).certain
    rig.report("alpha", 2, held={"USD": "2880000", "USDT": "1000000", "BTC": "22", "ETH": "400"}, sequence=2)
    assert health(rig)[-1] == (HealthStatus.SERVING, "")
    figures = rig.monitor.statement.report(0)
    assert (figures.certain, figures.equity_minor) == (True, 11_350_000 * UNIT)


def test_a_stale_price_makes_figures_uncertain_but_takes_no_alert_back(rig: Any) -> None:
    rig.begin()
    rig.quotes(1, BTC_USD="45000")
    fired = [alert_id for alert_id in rig.fired() if alert_id.startswith("pnl")]
    rig.wait(30)
    assert health(rig)[-1][0] == (HealthStatus.DEGRADED)
    assert "no fresh quote of BTC/USD" in health(rig)[-1][1]
    figures = rig.monitor.statement.report(0)
    assert not figures.certain
    certain = {(line.measure, line.subject): line.certain for line in figures.exposures}
    assert not certain["delta", "firm"] and not certain["concentration", "BTC"]
    assert not [alert_id for alert_id in rig.resolved() if alert_id in fired]


def test_one_stale_price_makes_uncertain_what_rests_on_it_and_nothing_else(rig: Any) -> None:
    rig.begin()
    for second in range(1, 12):
        rig.heartbeat(second)
        for symbol in ("ETH/USD", "USDT/USD"):
            rig.quote(symbol, {"ETH/USD": "2500", "USDT/USD": "1"}[symbol], second)
    figures = rig.monitor.statement.report(0)
    certain = {(line.measure, line.subject): line.certain for line in figures.exposures}
    assert not figures.certain
    assert certain["position", "BTC"] and not certain["delta", "firm"]
    assert "no fresh quote of USDC/USD" in health(rig)[-1][1]  # Not held, but watched.
    rig.quote("BTC/USD", "60000", 12)
    assert rig.monitor.statement.report(0).certain


def test_a_custodian_that_keeps_differing_makes_amounts_uncertain(rig: Any) -> None:
    rig.begin()
    rig.fill("alpha", "BTC/USD", Side.BUY, "1", "60000", 1)
    for at in (2, 3):
        holdings(rig, "alpha", at)
        assert rig.monitor.statement.report(0).certain
    holdings(rig, "alpha", 4)
    figures = rig.monitor.statement.report(0)
    assert not figures.certain and not figures.exposures[0].certain
    assert health(rig)[-1] == (
        HealthStatus.DEGRADED,
        "the custodian's books of account alpha differ from the venue's",
    )


def test_a_fill_of_an_unknown_instrument_is_what_the_venue_reports_it_to_be(rig: Any) -> None:
    rig.begin()
    strange = OrderFilled("alpha", "exchange", 1, 0, 1, "c", "DOGE/USD", Side.BUY, 1, 1, 0, 0, Liquidity.TAKER, 1)
    assert asked(rig.hear(strange, 1)) == ["alpha"]
    assert health(rig)[-1][0] is HealthStatus.DEGRADED


def test_another_venue_or_another_account_is_none_of_its_business(rig: Any) -> None:
    rig.begin()
    for account, venue in (("alpha", "elsewhere"), ("stranger", "exchange")):
        fill = OrderFilled(
            account, venue, 1, 0, 1, "c", "BTC/USD", Side.BUY, 5_000_000, 10_000, 0, 0, Liquidity.TAKER, 1
        )
        report = AccountReported(
            to="risk", venue=venue, account=account, account_sequence=9, balances=(), open_orders=(), occurred_ns=0
        )
        assert list(rig.hear(fill, 1)) == [] and list(rig.hear(report, 1)) == []
    assert rig.monitor.statement.report(0).equity_minor == 11_350_000 * UNIT


def test_a_venue_that_was_away_is_asked_what_was_missed(rig: Any) -> None:
    rig.begin()
    rig.wait(10)
    assert "venue_down:exchange:critical:1" in rig.fired()
    assert "no heartbeat of exchange" in health(rig)[-1][1]
    rig.said.clear()
    rig.heartbeat(11)
    assert asked([message for _, message in rig.said])[:2] == ["alpha", "beta"]
    assert "events of account alpha may be missing since the venue was away" in health(rig)[-1][1]
    for account in HELD:
        rig.report(account, 12)
    assert "account" not in health(rig)[-1][1]
    rig.said.clear()
    rig.heartbeat(12, session=2)
    assert asked([message for _, message in rig.said]) == ["alpha", "beta"]


def test_a_position_that_differs_from_its_fills_is_said_corrected_and_confirmed(rig: Any) -> None:
    rig.begin()
    rig.report("alpha", 1, held={"USD": "3000000", "USDT": "1000000", "BTC": "19", "ETH": "400"})
    assert health(rig)[-1][0] is HealthStatus.DEGRADED
    figures = rig.monitor.statement.report(0)
    assert (figures.certain, figures.equity_minor) == (False, 11_290_000 * UNIT)
    rig.report("alpha", 2, held={"USD": "3000000", "USDT": "1000000", "BTC": "19", "ETH": "400"})
    assert health(rig)[-1][0] is HealthStatus.SERVING


def test_a_report_comes_every_minute_and_names_its_limits(rig: Any) -> None:
    rig.begin()
    rig.wait(600)
    moments = [at for at, message in rig.said if isinstance(message, RiskReported)]
    assert moments == [60.0 * minute for minute in range(1, 11)]
    lines = {(line.measure, line.subject): line for line in rig.monitor.statement.report(0).exposures}
    btc = lines["position", "BTC"]
    assert (btc.value, btc.limit, btc.unit) == (35 * UNIT, 60 * UNIT, "BTC minor")
    assert (lines["position", "USD"].limit, lines["delta", "firm"].value) == (0, 3_850_000 * UNIT)
    assert (lines["concentration", "Tether"].value, lines["concentration", "Tether"].limit) == (220_264, 450_000)


def test_an_acknowledgement_is_told_and_an_unknown_one_is_not(rig: Any) -> None:
    rig.begin()
    rig.wait(10)
    alert_id = "venue_down:exchange:critical:1"
    told = rig.hear(AcknowledgeAlert(to="risk", alert_id=alert_id, operator="ann"), 11)
    assert [message.alert_id for message in told if isinstance(message, AlertAcknowledged)] == [alert_id]
    for other in (alert_id, "venue_down:exchange:critical:2", "nonsense"):
        assert not rig.hear(AcknowledgeAlert(to="risk", alert_id=other, operator="ann"), 11)


# Time.


def test_an_alert_comes_from_the_wake_that_the_first_quote_in_breach_asked_for(
    reference: ReferenceData, limits: Limits
) -> None:
    """Other wakes are due at the very same moment; each does its own task, in the order they were asked for."""
    monitor = RiskMonitor("risk", limits, reference, {"exchange": ()}, "custodian")
    wakes: list[tuple[int, int, str]] = []
    told: dict[str, list[str]] = {}  # What was told in the handling of a wake, by what had asked for the wake.

    def step(message: Message, now: int, name: str, asker: str = "") -> None:
        for each in monitor.handle(message, now):
            if isinstance(each, WakeAt):
                heappush(wakes, (each.at_ns, next(numbers), name))
            elif asker and isinstance(each, AlertFired):
                told.setdefault(asker, []).append(each.alert_id)
            elif asker and isinstance(each, RiskReported):
                told.setdefault(asker, []).append("report")

    numbers = count()
    step(Start(memory={}), 0, "start")
    step(QuotePublished("USDT/USD", 9_800, 1, 9_800, 1, 1, 0), 0, "first breach")
    for second in range(1, 61):
        while wakes and wakes[0][0] <= second * SECOND:
            at_ns, _, asker = heappop(wakes)
            step(Wake(), at_ns, "wake", asker)
        step(QuotePublished("USDT/USD", 9_800, 1, 9_800, 1, 1, second * SECOND), second * SECOND, "later quote")
    assert told["first breach"] == ["peg_deviation:USDT:warning:1", "peg_deviation:USDT:critical:1"]
    assert "report" in told["start"]


def test_a_quiet_quote_makes_no_message(rig: Any) -> None:
    rig.begin()
    assert rig.quote("BTC/USD", "59999", 1) == []
    assert rig.quote("BTC/USDT", "59999", 1) == []
    assert rig.quote("USDT/USD", "0.9999", 1) == []


def test_wakes_are_few(rig: Any) -> None:
    rig.begin()
    for account in HELD:
        holdings(rig, account, 0)
    rig.said.clear()
    rig.stay(0, 600)
    assert sum(isinstance(message, WakeAt) for _, message in rig.said) < 600 / 4 + 600 / 5


def test_a_message_that_no_route_brings_is_impossible(rig: Any) -> None:
    refused = SettlementFailed(
        custodian="c", instruction_id=0, trade_id=1, fail_reason=FailReason.UNKNOWN_SYMBOL, occurred_ns=0
    )
    with pytest.raises(AssertionError, match="no route brings SettlementFailed"):
        rig.monitor.handle(refused, 0)


# A slow recount.

EVENTS = 10
SYMBOLS = ("BTC/USD", "ETH/USD", "USDT/USD", "BTC/USDT")
Books = dict[str, int]


class Truth:
    """What the venue did: the fills of each account, and its balances after each of them."""

    def __init__(self, reference: ReferenceData, fills: list[tuple[str, Side, int, int]]) -> None:
        self.reference = reference
        self.fills: dict[str, list[OrderFilled]] = {"alpha": [], "beta": []}
        self.books: dict[str, list[Books]] = {
            account: [{asset: amount * UNIT for asset, amount in held.items()}] for account, held in HELD.items()
        }
        for number, (symbol, side, lots, ticks) in enumerate(fills):
            self._trade(("alpha", "beta")[number % 2], symbol, side, lots, ticks)

    def _trade(self, account: str, symbol: str, side: Side, lots: int, ticks: int) -> None:
        number = len(self.fills[account]) + 1
        fill = OrderFilled(
            account, "exchange", number, 0, 1, "c", symbol, side, ticks, lots, 0, 777, Liquidity.TAKER, 1
        )
        pair, books = self.reference.instruments[symbol], dict(self.books[account][-1])
        sign = 1 if side is Side.BUY else -1
        books[pair.base] += sign * pair.base_minor(lots)
        books[pair.quote] -= sign * pair.notional_minor(ticks, lots) + 777
        self.fills[account].append(fill)
        self.books[account].append(books)

    def report(self, account: str, sequence: int) -> AccountReported:
        books = self.books[account][sequence]
        balances = tuple(Balance(asset=a, free_minor=m - 5, locked_minor=5) for a, m in books.items())
        return AccountReported(
            to="risk",
            venue="exchange",
            account=account,
            account_sequence=sequence,
            balances=balances,
            open_orders=(),
            occurred_ns=0,
        )


class Recount:
    """Every figure from scratch, from all messages so far."""

    def __init__(self, truth: Truth, limits: Limits) -> None:
        self.truth, self.limits = truth, limits
        self.heard: list[Message] = []
        self.known: dict[str, int | None] = {"alpha": None, "beta": None}
        self.equities: list[int] = []
        self.breached: set[str] = set()

    def hear(self, message: Message) -> None:
        self.heard.append(message)
        before, after = self.known, {account: self._known(account) for account in HELD}
        moved = next((account for account in HELD if before[account] != after[account]), None)
        path = [after]
        if moved is not None:
            first = self._first_stop(moved, message)
            path = [{**after, moved: stop} for stop in range(first, (after[moved] or 0) + 1)]
        for stop in path:
            self.known = stop
            self._judge()

    def _first_stop(self, account: str, message: Message) -> int:
        if isinstance(message, AccountReported):
            return message.account_sequence
        return (self.known[account] or 0) + 1

    def _known(self, account: str) -> int | None:
        mine = [each for each in self.heard if isinstance(each, AccountReported) and each.account == account]
        events = {
            each.account_sequence for each in self.heard if isinstance(each, AccountEvent) and each.account == account
        }
        if not mine:
            return None
        sequence = max(each.account_sequence for each in mine)
        while sequence + 1 in events:
            sequence += 1
        return sequence

    def totals(self) -> Books:
        totals: Books = dict.fromkeys(("USD", "USDT", "USDC", "BTC", "ETH"), 0)
        for account, sequence in self.known.items():
            if sequence is not None:
                for asset, amount in self.truth.books[account][sequence].items():
                    totals[asset] += amount
        return totals

    def values(self) -> Books | None:
        """None while something is unknown."""
        values = {"USD": self.totals()["USD"]}
        for asset in ("USDT", "BTC", "ETH"):
            pair = self.truth.reference.instruments[f"{asset}/USD"]
            quotes = [each for each in self.heard if isinstance(each, QuotePublished) and each.symbol == pair.symbol]
            if not quotes or None in self.known.values():
                return None
            newest = max(quote.occurred_ns for quote in quotes)
            current = [quote for quote in quotes if quote.occurred_ns == newest][-1]
            doubled = self.totals()[asset] * (current.bid_ticks + current.ask_ticks) * pair.quote_minor_per_tick_lot
            values[asset] = doubled // (2 * pair.base_minor_per_lot)
        return values

    def _judge(self) -> None:
        if None not in self.known.values():
            for asset, levels in self.limits.levels("position_limit").items():
                self._breach(f"position_limit:{asset}", self.totals()[asset], levels)
        values = self.values()
        if values is None:
            return
        equity, gross = sum(values.values()), sum(abs(value) for value in values.values())
        self.equities.append(equity)
        mark = max(self.equities)
        self._breach("pnl_drawdown:firm", (mark - equity) * 10**6 // mark, self.limits.levels("pnl_drawdown")["firm"])
        self._breach(
            "delta_exposure:firm", abs(values["BTC"] + values["ETH"]), self.limits.levels("delta_exposure")["firm"]
        )
        shares = self.limits.levels("concentration")
        for name, asset in {"BTC": "BTC", "ETH": "ETH", "Tether": "USDT"}.items():
            self._breach(f"concentration:{name}", abs(values[asset]) * 10**6 // gross, shares[name])

    def _breach(self, key: str, value: int, levels: Any) -> None:
        for severity in ("warning", "critical"):
            if value >= getattr(levels, severity).at:
                self.breached.add(f"{key}:{severity}:1")


FILLS = st.lists(
    st.tuples(st.sampled_from(SYMBOLS), st.sampled_from(list(Side)), st.integers(1, 6_000), st.integers(1, 6_500_000)),
    min_size=2 * EVENTS,
    max_size=2 * EVENTS,
)
HEARD = st.lists(
    st.one_of(
        st.tuples(st.just("quote"), st.sampled_from(SYMBOLS), st.integers(1, 300), st.integers(0, 3)),
        st.tuples(st.just("fill"), st.sampled_from(["alpha", "beta"]), st.integers(1, EVENTS), st.just(0)),
        st.tuples(st.just("next"), st.sampled_from(["alpha", "beta"]), st.just(0), st.just(0)),
        st.tuples(st.just("report"), st.sampled_from(["alpha", "beta"]), st.integers(0, EVENTS), st.just(0)),
    ),
    max_size=40,
)
USUAL = {"BTC/USD": 60_000, "ETH/USD": 2_500, "USDT/USD": 100, "BTC/USDT": 60_000}


def message_of(truth: Truth, recount: Recount, step: tuple[str, str, int, int], now: int) -> Message:
    kind, name, number, late = step
    if kind == "quote":
        ticks = max(1, USUAL[name] * number)
        return QuotePublished(name, ticks, 1, ticks + 3, 1, 1, now - late * 1_000_000)
    if kind == "report":
        return truth.report(name, number)
    number = number or min(EVENTS, (recount.known[name] or 0) + 1)
    return truth.fills[name][number - 1]


@settings(max_examples=80, deadline=None)
@given(FILLS, HEARD)
def test_every_figure_and_every_breach_is_that_of_a_slow_recount(
    new_rig: Callable[[], Any],
    fills: list[tuple[str, Side, int, int]],
    steps: list[tuple[str, str, int, int]],
) -> None:
    rig = new_rig()
    truth = Truth(rig.reference, fills)
    recount = Recount(truth, rig.limits)
    for number, step in enumerate(steps):
        at = number / 1000
        message = message_of(truth, recount, step, round(at * SECOND))
        rig.hear(message, at)
        recount.hear(message)
        compare(rig.monitor.statement.report(0), recount)
        level = {each.alert_id for _, each in rig.said if isinstance(each, AlertFired) and each.rule != "peg_deviation"}
        assert level == recount.breached


def compare(figures: RiskReported, recount: Recount) -> None:
    totals, values = recount.totals(), recount.values()
    positions = {line.subject: line.value for line in figures.exposures if line.measure == "position"}
    assert positions == {asset: total for asset, total in totals.items() if asset in positions}
    if values is None:
        assert not figures.certain
        return
    equity = sum(values.values())
    assert figures.equity_minor == equity
    assert figures.high_water_mark_minor == max(recount.equities)
    assert figures.realised_minor + figures.unrealised_minor == equity - recount.equities[0]
    delta = next(line.value for line in figures.exposures if line.measure == "delta")
    assert delta == values["BTC"] + values["ETH"]
