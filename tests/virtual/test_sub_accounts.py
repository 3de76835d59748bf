"""A house with sub-accounts in virtual time: assets move between them while trades are unsettled, and all adds up."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from trading_ecosystem import routes
from trading_ecosystem.assembly import WorldPlan, core_builders, load_world
from trading_ecosystem.core import Core
from trading_ecosystem.messages.accounts import AccountReported, QueryAccount
from trading_ecosystem.messages.audit import DeliveryLost, Envelope, InvariantViolated
from trading_ecosystem.messages.books import BooksCompared
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import OrderFilled, TradeExecuted
from trading_ecosystem.messages.risk import RiskReported
from trading_ecosystem.messages.runtime import Start, Wake, WakeAt
from trading_ecosystem.messages.transfers import (
    AccountMoved,
    RequestTransfer,
    TransferChanged,
    TransferRefused,
    TransferStatus,
)
from trading_ecosystem.virtual.build import build_world, may_see
from trading_ecosystem.virtual.end_books import BookLine, asset_lines, book_lines
from trading_ecosystem.virtual.run import checker_of
from trading_ecosystem.virtual.world import World

HOUSE = Path(__file__).parents[2] / "docs" / "examples" / "sub-accounts" / "house-with-sub-accounts.yaml"
SECOND, MINUTE = 10**9, 60 * 10**9
USD = 10**8
HOUSEHOLD = ("alpha", "alpha-hedge", "alpha-reserve")

# Name, from, to, USD. The third takes all that the first has brought.
WAYS = (
    ("down", "alpha", "alpha-reserve", 250_000),
    ("up", "alpha-hedge", "alpha", 100_000),
    ("across", "alpha-reserve", "alpha-hedge", 750_000),
    ("back", "alpha-hedge", "alpha-reserve", 700_000),
)
STRANGERS = (
    ("to a stranger", "alpha-hedge", "beta", 1),
    ("of a stranger", "beta", "alpha-hedge", 1),
    ("to itself", "alpha-hedge", "alpha-hedge", 1),
)


class Operator(Core):
    """Asks for transfers, one a second from the twentieth minute on. Hears what a test coordinator hears."""

    def __init__(self, start_ns: int) -> None:
        self._begins_ns = start_ns + 20 * MINUTE
        self._waiting = [request(*each) for each in (*WAYS, *STRANGERS)]

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        if isinstance(message, Start):
            return [WakeAt(at_ns=self._begins_ns + at * SECOND) for at in range(len(self._waiting))]
        if isinstance(message, Wake):
            return [self._waiting.pop(0)]
        return []


def request(name: str, account: str, credit_account: str, amount: int) -> RequestTransfer:
    return RequestTransfer(
        to=routes.CUSTODIAN,
        request_id=name,
        operator="operator",
        account=account,
        asset="USD",
        amount_minor=amount * USD,
        credit_account=credit_account,
    )


class Watch(Core):
    """The streaming checker over every message, and what was said."""

    def __init__(self, plan: WorldPlan) -> None:
        self.checker = checker_of(plan)
        self.violated: list[InvariantViolated] = []
        self.said: list[Message] = []

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        assert not isinstance(message, DeliveryLost)
        assert isinstance(message, Envelope)
        self.violated.extend(self.checker.observe(message))
        kinds = (
            TradeExecuted,
            OrderFilled,
            TransferChanged,
            TransferRefused,
            AccountMoved,
            BooksCompared,
            RiskReported,
        )
        if isinstance(message.message, kinds):
            self.said.append(message.message)
        return []


class Run:
    def __init__(self, plan: WorldPlan, minutes: int) -> None:
        self.plan = plan
        self.watch = Watch(plan)
        builders = core_builders(plan, 7, None)
        builders[routes.TEST_COORDINATOR] = lambda: Operator(plan.start_ns)
        self.world: World = build_world(plan, builders, self.watch, 7)
        self.unsettled: list[BookLine] = []
        self.until(20 * MINUTE)
        self.unsettled = [line for line in book_lines(self.world, plan) if line.pending]
        self.until(minutes * MINUTE)

    def until(self, after_ns: int) -> None:
        self.world.run(self.plan.start_ns + after_ns)

    def said(self, kind: type[Message]) -> list[Message]:
        return [message for message in self.watch.said if isinstance(message, kind)]

    def report(self, account: str) -> AccountReported:
        [venue] = [service.core for service in self.world.services if service.name == routes.EXCHANGE]
        question = QueryAccount(to=routes.EXCHANGE, asker="me", account=account)
        report = next(iter(venue.handle(question, int(self.world.now))))
        assert isinstance(report, AccountReported)
        return report


@pytest.fixture(scope="module")
def ended() -> Run:
    """Until midnight and a while more."""
    return Run(load_world(HOUSE), 70)


def test_assets_move_up_down_and_across_while_trades_are_unsettled(ended: Run) -> None:
    assert {line.account for line in ended.unsettled} >= {"alpha", "alpha-hedge"}, "nothing was unsettled"
    last = {each.request_id: each.transfer_status for each in ended.said(TransferChanged)}  # type: ignore[attr-defined]
    assert last == {name: TransferStatus.COMPLETED for name, *_ in WAYS}
    moved: dict[str, int] = dict.fromkeys(HOUSEHOLD, 0)
    for each in ended.said(AccountMoved):
        assert isinstance(each, AccountMoved)
        moved[each.account] += each.amount_minor
    assert moved == {"alpha": -150_000 * USD, "alpha-hedge": -50_000 * USD, "alpha-reserve": 200_000 * USD}


def test_strangers_are_refused_and_nothing_of_theirs_moves(ended: Run) -> None:
    refused = {each.request_id: each.transfer_refusal.value for each in ended.said(TransferRefused)}  # type: ignore[attr-defined]
    assert refused == {"to a stranger": "other_owner", "of a stranger": "other_owner", "to itself": "same_account"}


def test_books_are_conserved_and_reconciled(ended: Run) -> None:
    assert ended.watch.violated == []
    for line in asset_lines(ended.world, ended.plan):
        assert (line.difference, line.ledger_sum, line.in_transit) == (0, 0, 0), line
    assert [line for line in book_lines(ended.world, ended.plan) if line.difference] == []
    compared = [each for each in ended.said(BooksCompared) if isinstance(each, BooksCompared)]
    assert len(compared) >= 6 and [each.breaks for each in compared if each.breaks] == []


def test_from_midnight_on_the_group_pays_what_its_master_reached(ended: Run) -> None:
    paid = {account: ended.report(account).taker_fee_ppm for account in (*HOUSEHOLD, "beta")}
    assert paid == {"alpha": 150, "alpha-hedge": 150, "alpha-reserve": 150, "beta": 200}
    without = Run(replace(ended.plan, masters={}), 61)
    paid = {account: without.report(account).taker_fee_ppm for account in (*HOUSEHOLD, "beta")}
    assert paid == {"alpha": 150, "alpha-hedge": 200, "alpha-reserve": 200, "beta": 200}


def test_each_account_has_a_sequence_of_its_own(ended: Run) -> None:
    for account in HOUSEHOLD[:2]:
        numbers = [each.account_sequence for each in ended.said(OrderFilled) if each.account == account]  # type: ignore[attr-defined]
        assert numbers and numbers == sorted(set(numbers)) and numbers[-1] <= ended.report(account).account_sequence


# Who hears what, and what the monitor counts.


@pytest.mark.parametrize(
    ("name", "heard"),
    [
        ("trading_engine.alpha", HOUSEHOLD),
        ("trading_engine.hedge", ("alpha-hedge",)),
        ("trading_engine.beta", ("beta",)),
        ("risk_monitor", HOUSEHOLD),
    ],
)
@pytest.mark.parametrize("firm", [("alpha",), HOUSEHOLD])
def test_a_master_hears_its_sub_accounts_and_never_the_reverse(
    name: str, heard: tuple[str, ...], firm: tuple[str, ...]
) -> None:
    plan = replace(load_world(HOUSE), firm_accounts=firm)
    assert tuple(account for account in plan.accounts if may_see(plan, name, account)) == heard


def exposure(run: Run, asset: str) -> int:
    """What the monitor said first that the firm has."""
    report = next(each for each in run.said(RiskReported) if isinstance(each, RiskReported) and each.certain)
    return next(each.value for each in report.exposures if (each.measure, each.subject) == ("position", asset))


@pytest.mark.parametrize(("firm", "bitcoins"), [(HOUSEHOLD, 35), (("alpha",), 20), (("alpha-hedge",), 15)])
def test_the_monitor_counts_the_accounts_that_it_is_given(firm: tuple[str, ...], bitcoins: int) -> None:
    run = Run(replace(load_world(HOUSE), firm_accounts=firm), 21)
    assert abs(exposure(run, "BTC") - bitcoins * 10**8) < 2 * 10**8
