"""What becomes of an instruction that cannot settle, and of a custodian that does wrong."""

import dataclasses
import json
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from heapq import heappop, heappush

import pytest
from hypothesis import given, settings, strategies as st
from tests.changing import replace

from trading_ecosystem.configuration.scalars import instant_ns
from trading_ecosystem.messages.accounts import HoldingsReported, QueryHoldings
from trading_ecosystem.messages.chaos import (
    CustodyFault,
    FaultCustody,
    InjectionEnded,
    InjectionRefused,
    InjectionStarted,
    RestoreCustody,
)
from trading_ecosystem.messages.custody import (
    FailReason,
    PartPosted,
    QuerySettlements,
    Settlement,
    SettlementCanceled,
    SettlementFailed,
    SettlementInstructed,
    SettlementsReported,
    SettlementStatus,
    TransactionPosted,
)
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import Side, TradeExecuted
from trading_ecosystem.messages.runtime import Start, Wake, WakeAt
from trading_ecosystem.reference import Asset, AssetKind, ReferenceData, instrument
from trading_ecosystem.simulators.custodian.calendar import DAY_NS
from trading_ecosystem.simulators.custodian.config import CustodianConfig
from trading_ecosystem.simulators.custodian.core import Custodian
from trading_ecosystem.simulators.custodian.instructions import TRANSITIONS

MINUTE_NS = 60_000_000_000
HOUR_NS = 60 * MINUTE_NS
MONDAY = instant_ns("2026-03-02T00:00:00Z")
DUE = MONDAY + 10 * MINUTE_NS
FRIDAY_OFF = (MONDAY + 4 * DAY_NS) // DAY_NS
ASSETS = {name: Asset(name, AssetKind.CRYPTO, 0) for name in ("USD", "BTC")}
REFERENCE = ReferenceData("USD", list(ASSETS.values()), [instrument("BTC/USD", Decimal(1), Decimal(1), ASSETS)])
CONFIG = CustodianConfig(
    same_day_delay_ns=10 * MINUTE_NS, cut_off_ns=6 * HOUR_NS, holidays=(FRIDAY_OFF,), cancel_after=4
)
HELD = {"ann": {"USD": 12, "BTC": 0}, "bob": {"USD": 0, "BTC": 4}, "cat": {"USD": 100, "BTC": 100}}
NAMES = (*HELD, "fees")
TRADE = TradeExecuted(
    venue="exchange",
    trade_id=1,
    symbol="BTC/USD",
    price_ticks=5,
    quantity_lots=4,
    taker_side=Side.BUY,
    buyer_account="ann",
    seller_account="bob",
    buyer_order_id=1,
    seller_order_id=2,
    buyer_fee_minor=3,
    seller_fee_minor=0,
    occurred_ns=MONDAY,
)
SMALL = replace(TRADE, quantity_lots=2, buyer_fee_minor=1)  # Which ann can pay: 11 of 12.
Log = list[tuple[int, Message]]


class Rig:
    """A custodian with its wakes, which is replaced by a restored twin at every step."""

    def __init__(self, config: CustodianConfig = CONFIG, swaps: bool = True) -> None:
        self.config, self.swaps = config, swaps
        self.core = self.new()
        self.log: Log = []
        self.wakes: list[int] = []
        self.hear(Start(memory={}), MONDAY)

    def new(self) -> Custodian:
        return Custodian("custodian", self.config, REFERENCE, HELD)

    def hear(self, message: Message, at_ns: int) -> list[Message]:
        self.until(at_ns)
        return self.step(message, at_ns)

    def until(self, at_ns: int) -> None:
        while self.wakes and self.wakes[0] <= at_ns:
            self.step(Wake(), heappop(self.wakes))

    def step(self, message: Message, now: int) -> list[Message]:
        outputs = list(self.core.handle(message, now))
        for output in outputs:
            if isinstance(output, WakeAt):
                heappush(self.wakes, output.at_ns)
            else:
                self.log.append((now, output))
        if self.swaps:
            saved = json.loads(json.dumps(self.core.save()))
            self.core = self.new()
            self.core.restore(saved)
            assert self.core.save() == saved
        return [output for output in outputs if not isinstance(output, WakeAt)]

    def said(self, *kinds: type[Message]) -> list[tuple[int, Message]]:
        return [(at, message) for at, message in self.log if isinstance(message, kinds)]

    def held(self, at_ns: int) -> dict[str, dict[str, tuple[int, int]]]:
        """Account -> asset -> posted and pending, where there is any."""
        told: dict[str, dict[str, tuple[int, int]]] = {}
        for name in NAMES:
            (report,) = self.hear(QueryHoldings(to="custodian", asker="me", account=name), at_ns)
            assert isinstance(report, HoldingsReported)
            lines = {line.asset: (line.posted_minor, line.pending_minor) for line in report.holdings}
            told[name] = {asset: amounts for asset, amounts in lines.items() if amounts != (0, 0)}
        return told

    def unsettled(self, account: str, at_ns: int) -> tuple[Settlement, ...]:
        (report,) = self.hear(QuerySettlements(to="custodian", asker="me", account=account), at_ns)
        assert isinstance(report, SettlementsReported)
        assert report.unsettled_count == len(report.settlements)
        return report.settlements


def days(count: int) -> int:
    """The cut-off on a day of that week."""
    return MONDAY + count * DAY_NS + 6 * HOUR_NS


def fault(kind: CustodyFault, by_ns: int = 0, share_ppm: int = 0, name: str = "f") -> FaultCustody:
    return FaultCustody(to="custodian", injection_id=name, custody_fault=kind, by_ns=by_ns, share_ppm=share_ppm)


RESTORE = RestoreCustody(to="custodian", injection_id="f")

# Fails.


def test_what_falls_short_is_tried_on_each_business_day_and_canceled_when_it_is_too_old() -> None:
    rig = Rig()
    rig.hear(TRADE, MONDAY)
    before = rig.held(MONDAY)
    assert before["ann"] == {"USD": (12, -23), "BTC": (0, 4)}
    rig.until(MONDAY + 30 * DAY_NS)
    fails = [(at, m.age_days, m.retry_ns) for at, m in rig.said(SettlementFailed) if isinstance(m, SettlementFailed)]
    tuesday, wednesday, thursday, monday = (days(n) for n in (1, 2, 3, 7))  # Friday is a holiday, then the week ends.
    assert fails == [
        (DUE, 0, tuesday),
        (tuesday, 1, wednesday),
        (wednesday, 2, thursday),
        (thursday, 3, monday),
        (monday, 4, 0),
    ]
    ((at, canceled),) = rig.said(SettlementCanceled)
    assert (at, canceled) == (
        monday,
        SettlementCanceled(
            custodian="custodian",
            instruction_id=1,
            trade_id=1,
            fail_reason=FailReason.BUYER_LACKS_CASH,
            age_days=4,
            occurred_ns=monday,
        ),
    )
    assert rig.held(monday + 1) == {name: {a: (n, 0) for a, n in HELD.get(name, {}).items() if n} for name in NAMES}
    assert rig.unsettled("ann", monday + 2) == ()


def test_what_fell_short_settles_on_the_day_on_which_it_can() -> None:
    rig = Rig()
    short = replace(TRADE, buyer_account="cat", quantity_lots=6, price_ticks=1, buyer_fee_minor=0)
    cash = replace(TRADE, trade_id=2, quantity_lots=1, price_ticks=12, buyer_fee_minor=0)
    bought = replace(short, trade_id=3, buyer_account="bob", seller_account="cat", quantity_lots=3, price_ticks=3)
    rig.hear(short, MONDAY)
    rig.hear(replace(cash, occurred_ns=MONDAY + HOUR_NS), MONDAY + HOUR_NS)
    assert [line.settlement_status for line in rig.unsettled("bob", MONDAY + HOUR_NS)] == [
        SettlementStatus.FAILED,
        SettlementStatus.MATCHED,
    ]
    rig.hear(replace(bought, occurred_ns=MONDAY + 2 * HOUR_NS), MONDAY + 2 * HOUR_NS)
    (failing,) = rig.unsettled("cat", MONDAY + 3 * HOUR_NS)
    assert (failing.instruction_id, failing.age_days, failing.due_ns, failing.retry_ns) == (1, 0, DUE, days(1))
    rig.until(days(1))
    posted = [(at, m.instruction_id) for at, m in rig.said(TransactionPosted) if isinstance(m, TransactionPosted)]
    assert posted[1:] == [(DUE + 2 * HOUR_NS, 3), (days(1), 1)]
    assert [m.fail_reason for _, m in rig.said(SettlementFailed) if isinstance(m, SettlementFailed)] == [
        FailReason.SELLER_LACKS_ASSET
    ]


# Parts.


def test_a_part_settles_delivery_versus_payment_and_the_rest_when_it_can() -> None:
    rig = Rig(dataclasses.replace(CONFIG, partial=True))
    rig.hear(TRADE, MONDAY)
    rig.until(DUE)
    ((at, part),) = rig.said(PartPosted)
    assert isinstance(part, PartPosted)
    assert (at, part.transaction_id, part.retry_ns) == (DUE, 2, days(1))
    assert [(p.debit_account, p.asset, p.amount_minor) for p in part.postings] == [
        ("ann", "USD", 10),  # Two of four at 5, and of a fee of 3 for all the whole part of a half.
        ("bob", "BTC", 2),
        ("ann", "USD", 1),
    ]
    assert [line.settlement_status for line in rig.unsettled("ann", DUE)] == [SettlementStatus.PARTIALLY_SETTLED]
    assert rig.held(DUE)["ann"] == {"USD": (1, -12), "BTC": (2, 2)}
    assert rig.held(DUE)["fees"] == {"USD": (1, 2)}
    rig.until(MONDAY + 30 * DAY_NS)
    assert len(rig.said(SettlementCanceled)) == 1
    assert rig.held(MONDAY + 30 * DAY_NS)["ann"] == {"USD": (1, 0), "BTC": (2, 0)}


TRADES = st.lists(
    st.tuples(
        st.permutations(tuple(HELD)), st.integers(1, 6), st.integers(1, 9), st.integers(0, 3), st.integers(0, 30)
    ),
    min_size=1,
    max_size=12,
)
FAULTS = st.sampled_from(
    [
        None,
        fault(CustodyFault.DELAY, by_ns=3 * HOUR_NS),
        fault(CustodyFault.REJECT),
        fault(CustodyFault.PARTIAL, share_ppm=300_000),
        fault(CustodyFault.DUPLICATE),
        fault(CustodyFault.SAYS_DONE),
    ]
)


@settings(max_examples=100, deadline=None)
@given(TRADES, FAULTS, st.integers(0, 60), st.integers(0, 6), st.booleans())
def test_whatever_lacks_and_whatever_is_wrong_nothing_is_made_and_each_instruction_ends_once(
    trades: list[tuple[Sequence[str], int, int, int, int]],
    wrong: FaultCustody | None,
    begins: int,
    hours: int,
    partial: bool,
) -> None:
    """The oracle folds the postings told, and knows of an instruction only its amounts."""
    rig = Rig(dataclasses.replace(CONFIG, partial=partial))
    arrivals: list[tuple[int, int, Message]] = []
    at = MONDAY
    for number, ((buyer, seller, _), lots, price, fee, minutes) in enumerate(trades, start=1):
        at += minutes * MINUTE_NS
        deal = replace(TRADE, trade_id=number, buyer_account=buyer, seller_account=seller, quantity_lots=lots)
        arrivals.append((at, number, replace(deal, price_ticks=price, buyer_fee_minor=fee, occurred_ns=at)))
    if wrong is not None:
        arrivals.append((MONDAY + begins * MINUTE_NS, 100, wrong))
        arrivals.append((MONDAY + begins * MINUTE_NS + hours * HOUR_NS, 101, RESTORE))
    for when, _, message in sorted(arrivals, key=lambda each: each[:2]):
        rig.hear(message, when)
    rig.until(MONDAY + 60 * DAY_NS)
    balances, ended, begun = folded(rig.log)
    assert sorted(ended) == sorted(begun) == list(range(1, len(trades) + 1))
    held = rig.held(MONDAY + 60 * DAY_NS)
    for name in NAMES:
        for asset in ASSETS:
            assert held[name].get(asset, (0, 0)) == (balances[name, asset], 0)


def folded(log: Log) -> tuple[Counter[tuple[str, str]], list[int], list[int]]:
    """Balances as the postings told make them, and which instructions ended and began."""
    balances = Counter({(name, asset): amount for name in HELD for asset, amount in HELD[name].items()})
    left: dict[int, Counter[tuple[str, str, str]]] = {}
    ended: list[int] = []
    for _, message in log:
        if isinstance(message, SettlementInstructed):
            left[message.instruction_id] = amounts_of(message)
        elif isinstance(message, (TransactionPosted, PartPosted)):
            left[message.instruction_id].subtract(amounts_of(message))
            assert min(left[message.instruction_id].values()) >= 0
            for (debit, credit, asset), amount in amounts_of(message).items():
                balances[debit, asset] -= amount
                balances[credit, asset] += amount
            assert min(balances[name, asset] for name in HELD for asset in ASSETS) >= 0
            if isinstance(message, TransactionPosted):
                assert not any(left[message.instruction_id].values())
                ended.append(message.instruction_id)
        elif isinstance(message, SettlementCanceled):
            ended.append(message.instruction_id)
    return balances, ended, list(left)


def amounts_of(message: SettlementInstructed | TransactionPosted | PartPosted) -> Counter[tuple[str, str, str]]:
    amounts: Counter[tuple[str, str, str]] = Counter()
    for line in message.postings:
        amounts[line.debit_account, line.credit_account, line.asset] += line.amount_minor
    return amounts


# Faults.


def started(rig: Rig, command: FaultCustody, at_ns: int = MONDAY) -> None:
    (receipt,) = rig.hear(command, at_ns)
    assert isinstance(receipt, InjectionStarted)
    assert (receipt.kind, receipt.target) == (command.custody_fault.value, "custodian")
    assert rig.hear(command, at_ns) == []


def ended(rig: Rig, at_ns: int) -> None:
    assert rig.hear(RESTORE, at_ns) == [InjectionEnded(injection_id="f", occurred_ns=at_ns)]
    assert rig.hear(RESTORE, at_ns) == []
    rig.until(at_ns + HOUR_NS)


def test_a_delay_settles_late_and_its_undo_settles_at_once() -> None:
    for restored_ns, settled_ns in ((DUE + 3 * HOUR_NS, DUE + 2 * HOUR_NS), (DUE + HOUR_NS, DUE + HOUR_NS)):
        rig = Rig()
        started(rig, fault(CustodyFault.DELAY, by_ns=2 * HOUR_NS))
        rig.hear(SMALL, MONDAY)
        (line,) = rig.unsettled("ann", DUE + 1)
        assert (line.settlement_status, line.due_ns) == (SettlementStatus.PENDING, DUE)
        ended(rig, restored_ns)
        assert [at for at, _ in rig.said(TransactionPosted)] == [settled_ns]


def test_a_refused_settlement_is_tried_on_the_next_business_day_or_when_the_fault_is_over() -> None:
    rig = Rig()
    started(rig, fault(CustodyFault.REJECT))
    rig.hear(SMALL, MONDAY)
    rig.until(DUE)
    ((_, failed),) = rig.said(SettlementFailed)
    assert isinstance(failed, SettlementFailed)
    assert (failed.fail_reason, failed.retry_ns) == (FailReason.CUSTODIAN_REJECTED, days(1))
    ended(rig, DUE + HOUR_NS)
    assert [at for at, _ in rig.said(TransactionPosted)] == [DUE + HOUR_NS]
    rig.until(days(2))
    assert len(rig.said(SettlementFailed)) == 1


def test_a_part_at_a_time() -> None:
    rig = Rig()
    started(rig, fault(CustodyFault.PARTIAL, share_ppm=400_000))
    rig.hear(replace(TRADE, price_ticks=1, buyer_fee_minor=0), MONDAY)
    rig.until(days(2))
    assert [at for at, _ in rig.said(PartPosted)] == [DUE, days(1), days(2)]
    assert rig.held(days(2))["ann"] == {"USD": (9, -1), "BTC": (3, 1)}
    ended(rig, days(2) + HOUR_NS)
    assert rig.held(days(3))["ann"] == {"USD": (8, 0), "BTC": (4, 0)}


def test_told_as_done_it_is_in_no_book_until_the_fault_is_over() -> None:
    rig = Rig()
    before = rig.held(MONDAY)
    started(rig, fault(CustodyFault.SAYS_DONE))
    rig.hear(SMALL, MONDAY)
    rig.until(DUE)
    assert rig.unsettled("ann", DUE) == ()
    assert rig.held(DUE) == before
    assert rig.said(TransactionPosted) == []
    ended(rig, DUE + HOUR_NS)
    assert rig.held(DUE + 2 * HOUR_NS)["ann"] == {"USD": (1, 0), "BTC": (2, 0)}
    assert len(rig.said(TransactionPosted)) == 1


def test_told_twice_it_is_in_the_ledger_once() -> None:
    rig = Rig()
    started(rig, fault(CustodyFault.DUPLICATE))
    rig.hear(SMALL, MONDAY)
    rig.until(DUE)
    assert rig.held(DUE)["ann"] == {"USD": (-10, 0), "BTC": (4, 0)}
    assert len(rig.said(TransactionPosted)) == 1
    ended(rig, DUE + HOUR_NS)
    assert rig.held(DUE + HOUR_NS)["ann"] == {"USD": (1, 0), "BTC": (2, 0)}


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (fault(CustodyFault.REJECT, name="g"), "settlement is disturbed already, by f"),
        (fault(CustodyFault.DELAY, name="g"), "settlement is disturbed already, by f"),
    ],
)
def test_one_fault_at_a_time(command: FaultCustody, why: str) -> None:
    rig = Rig()
    started(rig, fault(CustodyFault.SAYS_DONE))
    saved = rig.core.save()
    assert rig.hear(command, MONDAY) == [InjectionRefused(injection_id="g", detail=why, occurred_ns=MONDAY)]
    assert rig.core.save() == saved


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (fault(CustodyFault.DELAY), "a delay needs a time above 0"),
        (fault(CustodyFault.PARTIAL), "a part is more than nothing and less than all"),
        (fault(CustodyFault.PARTIAL, share_ppm=1_000_000), "a part is more than nothing and less than all"),
    ],
)
def test_a_fault_of_nothing_is_refused(command: FaultCustody, why: str) -> None:
    assert Rig().hear(command, MONDAY) == [InjectionRefused(injection_id="f", detail=why, occurred_ns=MONDAY)]


def test_a_command_that_comes_again_after_its_undo_begins_nothing() -> None:
    rig = Rig()
    command = fault(CustodyFault.REJECT)
    started(rig, command)
    ended(rig, MONDAY + 1)
    assert rig.hear(command, MONDAY + HOUR_NS) == []
    rig.hear(replace(SMALL, occurred_ns=MONDAY + HOUR_NS), MONDAY + HOUR_NS)
    rig.until(MONDAY + 2 * HOUR_NS)
    assert len(rig.said(TransactionPosted)) == 1


# The table.


def test_ends_are_absorbing_and_every_status_is_reached() -> None:
    ends = {SettlementStatus.SETTLED, SettlementStatus.CANCELED}
    assert not ends & {status for status, _ in TRANSITIONS}
    assert {*TRANSITIONS.values(), SettlementStatus.MATCHED} == set(SettlementStatus)
