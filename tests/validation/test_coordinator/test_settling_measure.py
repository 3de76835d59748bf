"""What the coordinator holds to be on its way to the firm, against a twin that adds up all that is open."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from tests.validation.test_coordinator.test_ground_truth import quote
from tests.validation.test_coordinator.test_transfer_notes import changed

from trading_ecosystem.messages.custody import PartPosted, Posting, SettlementInstructed
from trading_ecosystem.messages.transfers import (
    AccountMoved,
    TransferKind,
    TransferPosted,
    TransferRequested,
    TransferStatus,
)
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.validation.test_coordinator.conditions import SETTLEMENT, Condition, Quantity
from trading_ecosystem.validation.test_coordinator.ground_truth import GroundTruth
from trading_ecosystem.validation.test_coordinator.recorder import Recorder
from trading_ecosystem.validation.test_coordinator.transfer_notes import TransferNotes

UNIT = 10**8
HELD = {"alpha": {"USD": 600_000, "BTC": 5}, "beta": {"USD": 100_000}}  # At 60,000 USD a BTC, a million.
PPMS = (1, 50_000, 100_000, 123_456, 300_000)
LEVELS = tuple(
    Condition(quantity=Quantity.CONCENTRATION, subject=SETTLEMENT, level=Decimal(ppm) / 10**6, sustain_ns=0)
    for ppm in PPMS
)


class World:
    """What the coordinator hears, and what it makes of it."""

    def __init__(self, reference: ReferenceData) -> None:
        balances = {name: {a: amount * UNIT for a, amount in held.items()} for name, held in HELD.items()}
        self.truth = GroundTruth(reference, balances, LEVELS, 0)
        self.transfers = TransferNotes(self.truth, Recorder(reference, 0))
        self.ns = 0
        self.price(60_000)

    def price(self, dollars: int) -> None:
        self.ns += 1
        self.truth.quote(quote("BTC/USD", dollars * 200, self.ns, self.ns))

    def instruct(self, number: int, account: str, asset: str, amount: int, paid: int) -> None:
        """Of whole units: `account` is to get `amount` of an asset from a stranger, and to pay so many dollars."""
        self.ns += 1
        postings = (posting("stranger", account, asset, amount), posting(account, "stranger", "USD", paid))
        told = SettlementInstructed(
            custodian="c",
            instruction_id=number,
            trade_id=number,
            venue="exchange",
            postings=postings,
            due_ns=9,
            occurred_ns=self.ns,
        )
        self.truth.settlements.instructed(told)
        self.truth.settlements.instructed(told)

    def part(self, number: int, account: str, asset: str, amount: int, paid: int) -> None:
        self.ns += 1
        postings = (posting("stranger", account, asset, amount), posting(account, "stranger", "USD", paid))
        told = PartPosted(
            custodian="c",
            transaction_id=1000 + number,
            instruction_id=number,
            postings=postings,
            retry_ns=9,
            occurred_ns=self.ns,
        )
        self.truth.settlements.on_its_way.part_posted(told)
        self.truth.settlements.on_its_way.part_posted(told)  # It may come twice.

    def settle(self, number: int) -> None:
        self.ns += 1
        self.truth.settlements.over(number, self.ns)

    def request(self, number: int, debit: str, credit: str, asset: str, amount: int) -> None:
        self.transfers.note(
            TransferRequested(
                custodian="c",
                transfer_id=number,
                request_id=f"r{number}",
                operator="o",
                transfer_kind=TransferKind.INTERNAL,
                debit_account=debit,
                credit_account=credit,
                place="",
                asset=asset,
                amount_minor=amount * UNIT,
                approvals_needed=0,
                digest="",
                occurred_ns=1,
            )
        )

    def change(self, number: int, status: TransferStatus) -> None:
        self.ns += 1
        self.transfers.note(changed(number, status, 0, self.ns))

    def debit(self, number: int, account: str, asset: str, amount: int) -> None:
        """The venue lets go of it; it is to be let go of by the custodian."""
        self.ns += 1
        self.transfers.note(
            AccountMoved(
                account=account,
                venue="exchange",
                account_sequence=number,
                occurred_ns=self.ns,
                movement_id=number,
                transfer_id=number,
                asset=asset,
                amount_minor=-amount * UNIT,
            )
        )

    def post(self, number: int, account: str, asset: str, amount: int) -> None:
        self.ns += 1
        told = TransferPosted(
            custodian="c",
            transaction_id=number,
            transfer_id=number,
            movement_id=number,
            postings=(posting(account, "transit", asset, amount),),
            occurred_ns=self.ns,
        )
        self.transfers.note(told)
        self.transfers.note(told)

    def reached(self) -> list[int]:
        """The levels that are true now."""
        found = self.truth.breaches(self.ns)
        return [ppm for ppm, each in zip(PPMS, LEVELS, strict=True) if any(b.end_ns is None for b in found[each.text])]


def posting(debit: str, credit: str, asset: str, amount: int) -> Posting:
    return Posting(debit_account=debit, credit_account=credit, asset=asset, amount_minor=amount * UNIT)


@pytest.fixture
def world(reference: ReferenceData) -> World:
    return World(reference)


def test_what_an_instruction_brings_is_on_its_way_until_it_is_settled(world: World) -> None:
    assert world.reached() == []
    world.instruct(1, "alpha", "BTC", 2, 120_000)
    assert world.reached() == [1, 50_000, 100_000]  # 12%.
    world.part(1, "alpha", "BTC", 1, 60_000)
    assert world.reached() == [1, 50_000]
    world.settle(1)
    assert world.reached() == []


def test_what_is_to_be_delivered_is_taken_off_in_the_same_account(world: World) -> None:
    world.instruct(1, "alpha", "BTC", 2, 1)
    world.instruct(2, "beta", "USDT", 1, 99_999)
    assert world.reached() == [1, 50_000, 100_000]
    world.truth.settlements.instructed(
        SettlementInstructed(
            custodian="c",
            instruction_id=3,
            trade_id=3,
            venue="exchange",
            postings=(posting("alpha", "stranger", "BTC", 1),),
            due_ns=9,
            occurred_ns=world.ns,
        )
    )
    assert world.reached() == [1, 50_000]


def test_a_price_moves_what_is_on_its_way(world: World) -> None:
    world.instruct(1, "alpha", "BTC", 2, 1)
    world.price(20_000)
    assert world.reached() == [1, 50_000]  # 40,000 of 800,000: the level itself.
    world.price(19_999)
    assert world.reached() == [1]


def test_a_transfer_is_on_its_way_from_its_start_to_its_end(world: World) -> None:
    world.request(1, "alpha", "external", "USD", 100_000)
    world.change(1, TransferStatus.AWAITING_APPROVAL)
    assert world.reached() == []
    world.change(1, TransferStatus.IN_PROGRESS)
    world.debit(1, "alpha", "USD", 100_000)
    assert world.reached() == [1, 50_000, 100_000]  # A tenth of what the firm has, here and there.
    world.post(1, "alpha", "USD", 100_000)
    world.change(1, TransferStatus.CONFIRMING)
    assert world.reached() == [1, 50_000, 100_000]
    world.change(1, TransferStatus.COMPLETED)
    assert world.reached() == []
    world.change(1, TransferStatus.CONFIRMING)  # Late.
    assert world.reached() == []


def test_a_transfer_whose_beginning_comes_late_counts(world: World) -> None:
    world.change(1, TransferStatus.CONFIRMING)
    world.request(1, "external", "alpha", "USD", 200_000)
    world.price(60_001)
    assert world.reached() == [1, 50_000, 100_000, 123_456]  # A sixth.


def test_what_goes_on_before_it_has_come_is_on_its_way_once(world: World) -> None:
    world.instruct(1, "alpha", "BTC", 2, 1)
    world.request(1, "alpha", "external", "BTC", 2)
    world.change(1, TransferStatus.IN_PROGRESS)
    world.debit(1, "alpha", "BTC", 2)
    assert world.reached() == [1, 50_000, 100_000]  # Not 24%.
    world.settle(1)
    world.post(1, "alpha", "BTC", 2)
    assert world.reached() == [1, 50_000, 100_000]
    world.instruct(2, "alpha", "BTC", 1, 1)
    assert world.reached() == [1, 50_000, 100_000, 123_456]  # What has left is no debt any more.


def test_what_strangers_are_owed_is_not_the_firms(world: World) -> None:
    world.instruct(1, "noise", "BTC", 50, 1)
    world.request(1, "noise", "external", "USD", 900_000)
    world.change(1, TransferStatus.IN_PROGRESS)
    assert world.reached() == []


STEP = st.one_of(
    st.tuples(st.just("price"), st.integers(1_000, 90_000)),
    st.tuples(
        st.just("instruct"), st.sampled_from(["alpha", "beta"]), st.sampled_from(["BTC", "USD"]), st.integers(1, 9),
        st.integers(1, 90_000),
    ),
    st.tuples(st.just("settle"), st.integers(1, 12)),
    st.tuples(st.just("transfer"), st.integers(1, 90_000)),
    st.tuples(st.just("arrive"), st.integers(1, 12)),
)  # fmt: skip


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=st.lists(STEP, min_size=1, max_size=20))
def test_it_is_the_sum_of_all_that_is_open(reference: ReferenceData, story: list[tuple[Any, ...]]) -> None:
    world = World(reference)
    instructions: dict[int, tuple[str, str, int, int]] = {}
    transfers: dict[int, int] = {}
    price, left_usd = 60_000, 0
    for number, step in enumerate(story, start=1):
        match step:
            case "price", dollars:
                price = dollars
                world.price(dollars)
            case "instruct", account, asset, bought, paid:
                amount = bought * 10_000 if asset == "USD" else bought
                instructions[number] = (account, asset, amount, paid)
                world.instruct(number, account, asset, amount, paid)
            case "settle", which if which in instructions:
                del instructions[which]
                world.settle(which)
            case "transfer", dollars:
                transfers[number] = dollars
                left_usd += dollars
                world.request(number, "beta", "bank", "USD", dollars)
                world.change(number, TransferStatus.IN_PROGRESS)
                world.debit(number, "beta", "USD", dollars)
                world.post(number, "beta", "USD", dollars)
            case "arrive", which if which in transfers:
                del transfers[which]
                world.change(which, TransferStatus.COMPLETED)
        owed: dict[tuple[str, str], int] = {}
        for account, asset, amount, paid in instructions.values():
            owed[account, asset] = owed.get((account, asset), 0) + amount
            owed[account, "USD"] = owed.get((account, "USD"), 0) - paid
        coming = sum(amount * (price if asset == "BTC" else 1) for (_, asset), amount in owed.items() if amount > 0)
        moving = sum(transfers.values())
        share = Fraction((coming + moving) * 10**6, abs(700_000 - left_usd) + 5 * price + moving)
        assert world.reached() == [ppm for ppm in PPMS if share >= ppm], (share, owed)
