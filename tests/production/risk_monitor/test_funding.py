"""What the firm's perpetuals would pay in a day, at the rates of now."""

import heapq
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from trading_ecosystem.assembly import load_world
from trading_ecosystem.messages.accounts import AccountReported, VenueHeartbeat
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.perpetuals import MarkPriceChanged, OpenPosition
from trading_ecosystem.messages.risk import AlertFired, AlertResolved, Exposure
from trading_ecosystem.messages.runtime import Start, Wake, WakeAt
from trading_ecosystem.production.risk_monitor.accounts import Account
from trading_ecosystem.production.risk_monitor.core import RiskMonitor
from trading_ecosystem.production.risk_monitor.portfolio import Portfolio
from trading_ecosystem.production.risk_monitor.rules.funding_cost import FundingCost
from trading_ecosystem.production.risk_monitor.rules.rule import Sight

PLAN = load_world(Path(__file__).parents[3] / "worlds" / "spot-and-futures-held.yaml")
SECOND = 10**9
UNIT = 10**8
PERPETUALS = PLAN.reference.perpetuals
SYMBOLS = list(PERPETUALS)


class Held:
    """A monitor whose account beta has positions in perpetuals; times are seconds."""

    def __init__(self) -> None:
        venues = {"exchange": PLAN.firm_accounts}
        self.monitor = RiskMonitor("risk", PLAN.limits, PLAN.reference, venues, "custodian")
        self.said: list[tuple[int, Message]] = []
        self.wakes: list[int] = []
        self.hear(Start(memory={}), 0)
        self.report("alpha", 0, ())
        self.report("beta", 0, (OpenPosition(symbol="BTC-PERP", position_lots=-10_000, cost_minor=0, mark_ticks=1),))

    def hear(self, message: Message, at: int) -> None:
        while self.wakes and self.wakes[0] <= at * SECOND:
            due_ns = heapq.heappop(self.wakes)
            self.take(self.monitor.handle(Wake(), due_ns), due_ns)
        self.take(self.monitor.handle(message, at * SECOND), at * SECOND)

    def take(self, said: object, now: int) -> None:
        assert isinstance(said, (list, tuple))
        for each in said:
            if isinstance(each, WakeAt):
                heapq.heappush(self.wakes, each.at_ns)
            self.said.append((now // SECOND, each))

    def report(self, account: str, at: int, positions: tuple[OpenPosition, ...]) -> None:
        report = AccountReported(
            to="risk",
            venue="exchange",
            account=account,
            account_sequence=0,
            balances=(),
            open_orders=(),
            occurred_ns=at * SECOND,
            positions=positions,
        )
        self.hear(report, at)

    def second(self, at: int, funding_ppb: int, heart: bool = True) -> None:
        if heart:
            self.hear(VenueHeartbeat(venue="exchange", session=1, occurred_ns=at * SECOND), at)
        self.mark(at, "BTC-PERP", funding_ppb)

    def mark(self, at: int, symbol: str, funding_ppb: int) -> None:
        mark = MarkPriceChanged(
            venue="exchange",
            symbol=symbol,
            index_ticks=600_000,
            mark_ticks=600_000,
            funding_ppb=funding_ppb,
            funding_due_ns=0,
            occurred_ns=at * SECOND,
        )
        self.hear(mark, at)

    def alerts(self) -> list[tuple[int, str]]:
        fired = [(at, each) for at, each in self.said if isinstance(each, AlertFired)]
        return [(at, each.alert_id) for at, each in fired if each.rule == "funding_cost"]

    def figure(self) -> Exposure:
        lines = self.monitor.statement.report(0).exposures
        [line] = [each for each in lines if each.measure == "funding_cost"]
        return line


# Ten bitcoin short at 60,000: a rate of -r for eight hours costs 3 x 600,000 x r a day.
LIMIT_PPB = 5_555_556  # 10,000 USD a day, and no less.


@pytest.mark.parametrize(("funding_ppb", "fires"), [(-LIMIT_PPB + 1, False), (-LIMIT_PPB, True), (LIMIT_PPB, False)])
def test_just_under_and_just_over_the_limit(funding_ppb: int, fires: bool) -> None:
    held = Held()
    for at in range(1, 40):
        held.second(at, funding_ppb)
    fired = [name for _, name in held.alerts()]
    assert ("funding_cost:firm:critical:1" in fired) is fires
    assert ("funding_cost:firm:warning:1" in fired) is (funding_ppb < 0)


def test_it_must_last_and_ends_when_the_rate_does() -> None:
    held = Held()
    for at in range(1, 30):
        held.second(at, -7_500_000)
    for at in range(30, 60):
        held.second(at, 0)
    assert held.alerts() == []
    for at in range(60, 100):
        held.second(at, -7_500_000)
    assert held.alerts() == [(90, "funding_cost:firm:warning:1"), (90, "funding_cost:firm:critical:1")]
    told = [each for _, each in held.said if isinstance(each, AlertFired) and each.rule == "funding_cost"]
    assert {each.value for each in told} == {13_500 * UNIT}
    for at in range(100, 800):
        held.second(at, 100_000)
    ended = [each.rule for _, each in held.said if isinstance(each, AlertResolved)]
    assert ended.count("funding_cost") == 2


def test_without_a_rate_of_a_position_the_figure_is_not_known() -> None:
    held = Held()
    assert (held.figure().value, held.figure().certain) == (0, False)
    held.mark(1, "ETH-PERP", -7_500_000)  # Of something else.
    assert (held.figure().value, held.figure().certain) == (0, False)
    held.second(2, -7_500_000)
    assert (held.figure().value, held.figure().certain) == (13_500 * UNIT, True)


def test_the_rates_of_a_silent_venue_are_forgotten_and_nothing_fires_from_them() -> None:
    held = Held()
    for at in range(1, 5):
        held.second(at, -7_500_000)
    held.hear(Wake(), 60)  # Silent since; the alert was pending.
    assert held.alerts() == []
    assert (held.figure().value, held.figure().certain) == (0, False)


POSITIONS = st.dictionaries(st.sampled_from(SYMBOLS), st.integers(-50_000, 50_000), max_size=2)
RATES = st.fixed_dictionaries({s: st.tuples(st.integers(1, 10**6), st.integers(-(10**7), 10**7)) for s in SYMBOLS})


@given(st.lists(POSITIONS, max_size=3), RATES)
@settings(max_examples=150, deadline=None)
def test_the_figure_is_what_a_slow_reckoning_says(
    held: list[dict[str, int]], rates: dict[str, tuple[int, int]]
) -> None:
    accounts: dict[str, Account] = {}
    for number, positions in enumerate(held):
        account = accounts[f"a{number}"] = Account(f"a{number}", "exchange")
        account.margin.positions = {symbol: (lots, 0) for symbol, lots in positions.items()}
    sight = Sight(PLAN.reference, accounts, Portfolio(PLAN.reference, 0), {}, {"exchange": {}})
    rule = FundingCost(PLAN.limits.rules["funding_cost"].entry, sight)
    rule.rates = {("exchange", symbol): rate for symbol, rate in rates.items()}
    exact = Fraction(0)
    for positions in held:
        for symbol, lots in positions.items():
            price, rate_ppb = rates[symbol][0] * Fraction(PERPETUALS[symbol].tick), rates[symbol][1]
            exact += lots * Fraction(PERPETUALS[symbol].lot) * price * Fraction(rate_ppb, 10**9) * 3 * UNIT
    value = rule.value()
    assert value is not None and 0 <= value - exact < 1 + sum(len(positions) for positions in held)
