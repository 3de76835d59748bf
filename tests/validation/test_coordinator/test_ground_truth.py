"""What the coordinator holds to be true, against a slow twin that works out everything anew at every moment."""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from trading_ecosystem.messages.accounts import VenueHeartbeat
from trading_ecosystem.messages.custody import Posting, SettlementInstructed
from trading_ecosystem.messages.market import MarketPhase, MarketPhaseChanged, PhaseReason, QuotePublished
from trading_ecosystem.messages.orders import Liquidity, OrderFilled, Side
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.validation.test_coordinator.conditions import Condition, Quantity
from trading_ecosystem.validation.test_coordinator.ground_truth import GroundTruth
from trading_ecosystem.validation.test_coordinator.measures import Breach, Runs

SECOND_NS = 10**9
Balances = dict[str, dict[str, int]]
UNHURRIED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
USUAL_SUM = {"BTC/USD": 12_000_000, "ETH/USD": 600_000, "USDT/USD": 20_000, "BTC/USDT": 12_000_000}
WATCHED = (
    Condition(quantity=Quantity.PRICE, subject="USDT/USD", level=Decimal("0.99"), below=True, sustain_ns=3 * SECOND_NS),
    Condition(quantity=Quantity.PRICE, subject="BTC/USD", level=Decimal("60300"), sustain_ns=0),
    Condition(quantity=Quantity.DEVIATION, subject="USDT", level=Decimal("0.01"), sustain_ns=SECOND_NS),
    Condition(quantity=Quantity.DRAWDOWN, subject="firm", level=Decimal("0.01"), sustain_ns=0),
    Condition(quantity=Quantity.DELTA, subject="firm", level=Decimal("300000"), sustain_ns=0),
    Condition(quantity=Quantity.CONCENTRATION, subject="Tether", level=Decimal("0.384"), sustain_ns=0),
    Condition(quantity=Quantity.POSITION, subject="BTC", level=Decimal("5.2"), sustain_ns=0),
)


def quote(symbol: str, sum_ticks: int, sequence: int, ns: int) -> QuotePublished:
    return QuotePublished(symbol, sum_ticks // 2, 1, sum_ticks - sum_ticks // 2, 1, sequence, ns)


def fill(account: str, symbol: str, side: Side, lots: int, trade_id: int, ns: int) -> OrderFilled:
    price = USUAL_SUM[symbol] // 2
    return OrderFilled(
        account, "exchange", trade_id, ns, 1, "c", symbol, side, price, lots, 0, 5, Liquidity.MAKER, trade_id
    )


@dataclass
class SlowTwin:
    """Everything in exact fractions of whole units, worked out from the start at every event."""

    reference: ReferenceData
    held: dict[str, Fraction]
    price: dict[str, Fraction] = field(default_factory=dict)
    highest: Fraction = Fraction(0)
    states: list[tuple[int, dict[str, bool]]] = field(default_factory=list)

    def take_quote(self, message: QuotePublished) -> None:
        tick = Fraction(self.reference.instruments[message.symbol].tick)
        self.price[message.symbol] = Fraction(message.bid_ticks + message.ask_ticks, 2) * tick
        self.look(message.occurred_ns)

    def take_fill(self, message: OrderFilled) -> None:
        traded = self.reference.instruments[message.symbol]
        sign = 1 if message.side == Side.BUY else -1
        amount = message.quantity_lots * Fraction(traded.lot)
        paid = amount * message.price_ticks * Fraction(traded.tick)
        fee = Fraction(message.fee_minor, 10 ** self.reference.assets[traded.quote].decimals)
        self.held[traded.base] += sign * amount
        self.held[traded.quote] -= sign * paid + fee
        self.look(message.occurred_ns)

    def worth(self) -> dict[str, Fraction] | None:
        values = {}
        for asset, amount in self.held.items():
            known = Fraction(1) if asset == "USD" else self.price.get(f"{asset}/USD")
            if known is None and amount != 0:
                return None
            values[asset] = amount * (known or 0)
        return values

    def look(self, ns: int) -> None:
        values = self.worth()
        equity = sum(values.values(), Fraction(0)) if values is not None else None
        if equity is not None:
            self.highest = max(self.highest, equity)
        self.states.append((ns, {each.text: self.holds(each, values, equity) for each in WATCHED}))

    def holds(self, condition: Condition, values: dict[str, Fraction] | None, equity: Fraction | None) -> bool:
        level, price = Fraction(condition.level), self.price
        match condition.quantity:
            case Quantity.PRICE:
                found = price.get(condition.subject)
                return found is not None and (found <= level if condition.below else found >= level)
            case Quantity.DEVIATION:
                return "USDT/USD" in price and abs(price["USDT/USD"] - 1) >= level
            case Quantity.DRAWDOWN:
                return equity is not None and self.highest > 0 and (self.highest - equity) / self.highest >= level
            case Quantity.DELTA:
                crypto = [self.held[each] * price.get(f"{each}/USD", 0) for each in ("BTC", "ETH")]
                return abs(sum(crypto, Fraction(0))) >= level
            case Quantity.CONCENTRATION:
                if values is None:
                    return False
                gross = sum((abs(value) for value in values.values()), Fraction(0))
                return abs(values["USDT"]) >= level * gross
            case _:
                return abs(self.held["BTC"]) >= level

    def breaches(self, condition: Condition, until_ns: int) -> list[Breach]:
        """States at one moment count as the last of them."""
        last_of_moment = dict(self.states)
        found: list[Breach] = []
        begin: int | None = None
        for ns, holds in last_of_moment.items():
            if holds[condition.text] and begin is None:
                begin = ns
            elif not holds[condition.text] and begin is not None:
                found.append(breach(begin, ns, condition.sustain_ns, until_ns))
                begin = None
        if begin is not None:
            found.append(breach(begin, None, condition.sustain_ns, until_ns))
        return found


def breach(begin_ns: int, end_ns: int | None, sustain_ns: int, until_ns: int) -> Breach:
    held = (end_ns or until_ns) - begin_ns >= sustain_ns
    return Breach(begin_ns=begin_ns, held_ns=begin_ns + sustain_ns if held else None, end_ns=end_ns)


STEP = st.one_of(
    st.tuples(st.sampled_from(sorted(USUAL_SUM)), st.integers(-300, 300), st.integers(0, 2)),
    st.tuples(
        st.sampled_from(["alpha", "beta"]), st.sampled_from(["BTC/USD", "ETH/USD", "BTC/USDT"]), st.integers(-9, 9)
    ),
)


@UNHURRIED
@given(steps=st.lists(STEP, min_size=1, max_size=60))
def test_breaches_are_those_of_the_slow_twin(
    steps: list[tuple[str, int | str, int]], reference: ReferenceData, balances: Balances
) -> None:
    held = {
        name: Fraction(sum(each.get(name, 0) for each in balances.values()), 10**asset.decimals)
        for name, asset in reference.assets.items()
    }
    truth, twin = GroundTruth(reference, balances, WATCHED, 0), SlowTwin(reference, held)
    ns = 0
    for number, (first, second, third) in enumerate(steps, start=1):
        if isinstance(second, int):
            ns += third * SECOND_NS
            message = quote(first, USUAL_SUM[first] + second * USUAL_SUM[first] // 10_000, number, ns)
            assert truth.quote(message)
            twin.take_quote(message)
        elif third:
            side = Side.BUY if third > 0 else Side.SELL
            event = fill(first, second, side, abs(third) * 1_000, number, ns)
            assert truth.fill(event)
            twin.take_fill(event)
    until_ns = ns + 2 * SECOND_NS
    found = truth.breaches(until_ns)
    for condition in WATCHED:
        assert list(found[condition.text]) == twin.breaches(condition, until_ns), condition.text


OF_ALPHA = (
    Condition(quantity=Quantity.DRAWDOWN, subject="firm", level=Decimal("0.004"), sustain_ns=0, accounts=("alpha",)),
    Condition(quantity=Quantity.DELTA, subject="firm", level=Decimal("180000"), sustain_ns=0, accounts=("alpha",)),
    Condition(quantity=Quantity.POSITION, subject="BTC", level=Decimal("3.05"), sustain_ns=0, accounts=("alpha",)),
)
OF_BOTH = tuple(
    replace(each, accounts=("beta", "alpha"))
    for each in WATCHED
    if each.quantity in (Quantity.DRAWDOWN, Quantity.DELTA, Quantity.POSITION)
)


@UNHURRIED
@given(steps=st.lists(STEP, min_size=1, max_size=60))
def test_what_is_true_of_some_accounts_is_what_would_be_if_they_were_the_firm(
    steps: list[tuple[str, int | str, int]], reference: ReferenceData, balances: Balances
) -> None:
    truth = GroundTruth(reference, balances, (*WATCHED, *OF_ALPHA, *OF_BOTH), 0)
    alone = GroundTruth(reference, {"alpha": balances["alpha"]}, tuple(each.of_all() for each in OF_ALPHA), 0)
    for number, (first, second, third) in enumerate(steps, start=1):
        for each in (truth, alone):
            if isinstance(second, int):
                changed = USUAL_SUM[first] + second * USUAL_SUM[first] // 10_000
                each.quote(quote(first, changed, number, number * SECOND_NS))
            elif third:
                side = Side.BUY if third > 0 else Side.SELL
                each.fill(fill(first, second, side, abs(third) * 1_000, number, number * SECOND_NS))
    until_ns = (len(steps) + 2) * SECOND_NS
    found, of_alpha = truth.breaches(until_ns), alone.breaches(until_ns)
    assert all(found[each.text] == of_alpha[each.of_all().text] for each in OF_ALPHA)
    assert all(found[each.text] == found[each.of_all().text] for each in OF_BOTH)


@UNHURRIED
@given(steps=st.lists(st.tuples(st.sampled_from(["BTC/USD", "USDT/USD"]), st.integers(-300, 300)), max_size=60))
def test_looking_back_finds_what_watching_found(
    steps: list[tuple[str, int]], reference: ReferenceData, balances: Balances
) -> None:
    """The last run of each condition that nobody watched, from the changes that are remembered."""
    unsustained = [each for each in WATCHED if each.sustain_ns == 0 and each.quantity is not Quantity.PRICE]
    truth = GroundTruth(reference, balances, tuple(unsustained), 0)
    truth.quote(quote("BTC/USD", USUAL_SUM["BTC/USD"], 1, 1))
    truth.quote(quote("USDT/USD", USUAL_SUM["USDT/USD"], 2, 2))
    for number, (symbol, change) in enumerate(steps, start=3):
        truth.quote(quote(symbol, USUAL_SUM[symbol] + change * USUAL_SUM[symbol] // 10_000, number, number * SECOND_NS))
    now = (len(steps) + 3) * SECOND_NS
    for condition in unsustained:
        found = truth.breaches(now)[condition.text]
        began_ns = truth.began_ns(condition, now)
        if not found:
            assert began_ns is None
        elif found[-1].end_ns is None or condition.quantity is not Quantity.DRAWDOWN:
            assert began_ns == found[-1].begin_ns
        else:  # A drawdown before the highest mark of all: the mark of that time is not remembered.
            assert began_ns in (None, found[-1].begin_ns)


@UNHURRIED
@given(st.lists(st.booleans(), max_size=40), st.integers(0, 5))
def test_runs_are_what_a_list_of_moments_says(moments: list[bool], sustain_ns: int) -> None:
    runs = Runs()
    for ns, on in enumerate(moments):
        runs.switch(on, ns)
    found = runs.breaches(sustain_ns, len(moments))
    for ns, on in enumerate(moments):
        inside = [each for each in found if each.begin_ns <= ns and (each.end_ns is None or ns < each.end_ns)]
        assert bool(inside) is on
    for each in found:
        lasted_ns = (len(moments) if each.end_ns is None else each.end_ns) - each.begin_ns
        assert (each.held_ns is not None) is (lasted_ns >= sustain_ns)


def test_what_changes_and_changes_back_at_one_moment_is_no_break() -> None:
    runs = Runs()
    for on, ns in ((True, 1), (False, 5), (True, 5), (False, 9), (True, 10), (False, 10)):
        runs.switch(on, ns)
    assert runs.breaches(0, 20) == (Breach(begin_ns=1, held_ns=1, end_ns=9),)


def test_a_silence_begins_with_the_last_heartbeat(reference: ReferenceData, balances: Balances) -> None:
    silence = Condition(quantity=Quantity.SILENCE, subject="exchange", sustain_ns=10)
    truth = GroundTruth(reference, balances, (silence,), 0)
    for ns in (4, 8, 30, 35, 34):
        truth.heartbeat(VenueHeartbeat(venue="exchange", session=1, occurred_ns=ns))
    truth.heartbeat(VenueHeartbeat(venue="elsewhere", session=1, occurred_ns=50))
    outage = Breach(begin_ns=8, held_ns=18, end_ns=30)
    assert truth.breaches(44)[silence.text] == (outage,)
    assert truth.breaches(45)[silence.text] == (outage, Breach(begin_ns=35, held_ns=45, end_ns=None))
    assert truth.began_ns(silence, 45) == 35
    assert truth.began_ns(silence, 44) is None


def test_age_counts_from_the_last_quote_and_from_the_start(reference: ReferenceData, balances: Balances) -> None:
    age = Condition(quantity=Quantity.AGE, subject="BTC/USD", sustain_ns=10)
    truth = GroundTruth(reference, balances, (age,), 100)
    truth.quote(quote("BTC/USD", 12_000_000, 1, 115))
    truth.quote(quote("BTC/USD", 12_000_000, 2, 120))
    assert truth.breaches(125)[age.text] == (Breach(begin_ns=100, held_ns=110, end_ns=115),)
    assert truth.began_ns(age, 131) == 120


def instructed(number: int, due_ns: int, buyer: str = "alpha") -> SettlementInstructed:
    line = Posting(debit_account=buyer, credit_account="noise", asset="USD", amount_minor=1)
    return SettlementInstructed(
        custodian="c", instruction_id=number, trade_id=number, venue="x", postings=(line,), due_ns=due_ns, occurred_ns=0
    )


OPEN = st.lists(st.tuples(st.integers(0, 60), st.one_of(st.none(), st.integers(0, 30))), max_size=8)


@UNHURRIED
@given(OPEN, st.integers(0, 12))
def test_overdue_is_from_the_due_time_of_the_first_that_is_late_enough(
    reference: ReferenceData, balances: Balances, lives: list[tuple[int, int | None]], sustain_ns: int
) -> None:
    """The twin looks at every moment whether anything that was or will be late enough is open and due."""
    overdue = Condition(quantity=Quantity.OVERDUE, subject="alpha", sustain_ns=sustain_ns + 1)
    truth = GroundTruth(reference, balances, (overdue,), 0)
    for number, (due_ns, _) in enumerate(lives, start=1):
        truth.settlements.instructed(instructed(number, due_ns))
        truth.settlements.instructed(instructed(100 + number, 0, buyer="strange"))
    ends = [(due_ns + late, number) for number, (due_ns, late) in enumerate(lives, start=1) if late is not None]
    for ended_ns, number in sorted(ends):
        truth.settlements.over(number, ended_ns)
    late_enough = [
        (due_ns, 200 if late is None else due_ns + late) for due_ns, late in lives if late is None or late > sustain_ns
    ]
    expected = [any(begin <= ns <= end for begin, end in late_enough) for ns in range(100)]
    found = truth.breaches(100)[overdue.text]
    told = [any(b.begin_ns <= ns <= (200 if b.end_ns is None else b.end_ns) for b in found) for ns in range(100)]
    assert told == expected
    assert all(breach.held_ns == breach.begin_ns + sustain_ns + 1 for breach in found)


def test_what_ends_before_it_is_heard_of_is_never_overdue(reference: ReferenceData, balances: Balances) -> None:
    overdue = Condition(quantity=Quantity.OVERDUE, subject="alpha", sustain_ns=1)
    truth = GroundTruth(reference, balances, (overdue,), 0)
    truth.settlements.over(1, 5)
    for _ in range(2):  # It may come twice.
        truth.settlements.instructed(instructed(1, 4))
    truth.settlements.instructed(instructed(2, 10))
    assert truth.breaches(50)[overdue.text] == (Breach(begin_ns=10, held_ns=11, end_ns=None),)
    assert truth.began_ns(overdue, 12) == 10
    assert truth.began_ns(overdue, 10) is None
    truth.settlements.over(2, 20)
    assert truth.began_ns(overdue, 15) == 10
    assert truth.breaches(50)[overdue.text] == (Breach(begin_ns=10, held_ns=11, end_ns=20),)


def test_late_and_repeated_messages_change_nothing(reference: ReferenceData, balances: Balances) -> None:
    truth = GroundTruth(reference, balances, WATCHED, 0)
    assert truth.quote(quote("USDT/USD", 20_000, 5, 50))
    assert not truth.quote(quote("USDT/USD", 15_000, 5, 50))
    assert not truth.quote(quote("USDT/USD", 15_000, 4, 40))
    bought = fill("alpha", "BTC/USD", Side.BUY, 1_000, 7, 60)
    assert truth.fill(bought)
    held = truth.portfolio.positions["BTC"].held_minor
    assert not truth.fill(bought)
    assert not truth.fill(fill("noise", "BTC/USD", Side.BUY, 1_000, 8, 60))
    assert truth.portfolio.positions["BTC"].held_minor == held == 5 * 10**8 + 10**7
    assert truth.breaches(70)[WATCHED[0].text] == ()


def test_an_injection_has_struck_from_its_first_effect_to_its_end(reference: ReferenceData, balances: Balances) -> None:
    struck = Condition(quantity=Quantity.STRUCK, subject="x", sustain_ns=5)
    truth = GroundTruth(reference, balances, (struck,), 0)
    truth.injection("x", True, 10)
    truth.struck("x", 13)
    truth.struck("y", 14)
    truth.injection("x", False, 20)
    assert truth.breaches(30)[struck.text] == (Breach(begin_ns=13, held_ns=18, end_ns=20),)


def test_a_market_is_not_open_from_its_halt_to_its_opening(reference: ReferenceData, balances: Balances) -> None:
    halted = Condition(quantity=Quantity.HALTED, subject="BTC/USD", sustain_ns=5)
    truth = GroundTruth(reference, balances, (halted,), 0)
    told = (("HALTED", 10), ("AUCTION", 15), ("OPEN", 18), ("AUCTION", 15))  # The last one came late.
    for phase, ns in told:
        for symbol in ("BTC/USD", "ETH/USD"):
            truth.phase(
                MarketPhaseChanged(
                    venue="exchange",
                    symbol=symbol,
                    market_phase=MarketPhase[phase],
                    phase_reason=PhaseReason.VENUE_HALT,
                    until_ns=0,
                    occurred_ns=ns,
                )
            )
    assert truth.breaches(30)[halted.text] == (Breach(begin_ns=10, held_ns=15, end_ns=18),)


def test_a_market_is_halted_while_it_is_so_at_any_of_two_venues(reference: ReferenceData, balances: Balances) -> None:
    halted = Condition(quantity=Quantity.HALTED, subject="BTC/USD", sustain_ns=5)
    truth = GroundTruth(reference, balances, (halted,), 0)
    told = (("north", "HALTED", 10), ("south", "HALTED", 12), ("north", "OPEN", 20), ("south", "OPEN", 30))
    for venue, phase, ns in told:
        truth.phase(
            MarketPhaseChanged(
                venue=venue,
                symbol="BTC/USD",
                market_phase=MarketPhase[phase],
                phase_reason=PhaseReason.VENUE_HALT,
                until_ns=0,
                occurred_ns=ns,
            )
        )
    assert truth.breaches(40)[halted.text] == (Breach(begin_ns=10, held_ns=15, end_ns=30),)


def test_an_injection_is_in_force_between_its_receipts(reference: ReferenceData, balances: Balances) -> None:
    injected = Condition(quantity=Quantity.INJECTED, subject="x", sustain_ns=5)
    truth = GroundTruth(reference, balances, (injected,), 0)
    truth.injection("x", True, 10)
    truth.injection("y", False, 12)
    truth.injection("x", False, 20)
    assert truth.breaches(30)[injected.text] == (Breach(begin_ns=10, held_ns=15, end_ns=20),)


@pytest.mark.parametrize("condition", WATCHED)
def test_words_of_a_condition_name_its_subject_and_level(condition: Condition) -> None:
    assert condition.subject in condition.text
    assert (" for " in condition.text) is (condition.sustain_ns > 0)
