"""Netting sets: worked through in numbers, against a naive twin, and under faults."""

import dataclasses
import json
from collections.abc import Sequence
from decimal import Decimal

import pytest
from tests.simulators.custodian.coupled import Draws

from trading_ecosystem.configuration.scalars import instant_ns
from trading_ecosystem.messages.accounts import Holding, HoldingsReported, QueryHoldings
from trading_ecosystem.messages.books import NettingSettled
from trading_ecosystem.messages.chaos import CustodyFault, FaultCustody, RestoreCustody
from trading_ecosystem.messages.custody import (
    FailReason,
    PartPosted,
    SettlementCanceled,
    SettlementFailed,
    SettlementInstructed,
    TransactionPosted,
)
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import Side, TradeExecuted
from trading_ecosystem.messages.runtime import Start, Wake, WakeAt
from trading_ecosystem.reference import Asset, AssetKind, ReferenceData, instrument
from trading_ecosystem.simulators.custodian.calendar import DAY_NS
from trading_ecosystem.simulators.custodian.config import CustodianConfig
from trading_ecosystem.simulators.custodian.core import Custodian

HOUR_NS = 3_600_000_000_000
MONDAY = instant_ns("2026-03-02T00:00:00Z")
TUESDAY = MONDAY + DAY_NS + 6 * HOUR_NS
WEDNESDAY = TUESDAY + DAY_NS
ASSETS = {name: Asset(name, AssetKind.CRYPTO, 0) for name in ("USD", "BTC")}
REFERENCE = ReferenceData("USD", list(ASSETS.values()), [instrument("BTC/USD", Decimal(1), Decimal(1), ASSETS)])
CONFIG = CustodianConfig(default_cycle=1, same_day_delay_ns=1, cut_off_ns=6 * HOUR_NS, nets_settlements=True)
NAMES = ("ann", "bob", "cat", "dan")
Trade = tuple[str, str, int, int, int]  # Buyer, seller, price, lots, the buyer's fee.


class Rig:
    """A custodian and its time. `crashes`: it is replaced by a restored twin at every step."""

    def __init__(self, held: dict[str, dict[str, int]], config: CustodianConfig = CONFIG, crashes: bool = True) -> None:
        self.held, self.config, self.now, self.count, self.crashes = held, config, MONDAY, 0, crashes
        self.wakes: list[int] = []
        self.said: list[Message] = []
        self.core = self.new()
        self.hear(Start(memory={}))

    def new(self) -> Custodian:
        return Custodian("custodian", self.config, REFERENCE, self.held)

    def hear(self, message: Message) -> None:
        for output in self.core.handle(message, self.now):
            if isinstance(output, WakeAt):
                self.wakes.append(output.at_ns)
            else:
                self.said.append(output)
        if not self.crashes:
            return
        saved = json.loads(json.dumps(self.core.save()))
        self.core = self.new()
        self.core.restore(saved)
        assert json.loads(json.dumps(self.core.save())) == saved

    def trade(self, trades: Sequence[Trade]) -> None:
        for buyer, seller, price, lots, fee in trades:
            self.count += 1
            self.hear(
                TradeExecuted(
                    venue="exchange",
                    trade_id=self.count,
                    symbol="BTC/USD",
                    price_ticks=price,
                    quantity_lots=lots,
                    taker_side=Side.BUY,
                    buyer_account=buyer,
                    seller_account=seller,
                    buyer_order_id=1,
                    seller_order_id=2,
                    buyer_fee_minor=fee,
                    seller_fee_minor=0,
                    occurred_ns=self.now,
                )
            )

    def run(self, until_ns: int) -> None:
        while self.wakes and min(self.wakes) <= until_ns:
            self.now = max(self.now, min(self.wakes))
            self.wakes.remove(min(self.wakes))
            self.hear(Wake())
        self.now = until_ns

    def told(self, kind: type[Message]) -> list[Message]:
        return [each for each in self.said if isinstance(each, kind)]

    def posted(self) -> dict[tuple[str, str], int]:
        return {line: each.posted_minor for line, each in self.holdings().items() if each.posted_minor}

    def pending(self) -> dict[tuple[str, str], int]:
        return {line: each.pending_minor for line, each in self.holdings().items() if each.pending_minor}

    def holdings(self) -> dict[tuple[str, str], Holding]:
        found: dict[tuple[str, str], Holding] = {}
        for name in (*self.held, "fees", "clearing"):
            report = self.core.handle(QueryHoldings(to="custodian", asker="me", account=name), self.now)[0]
            assert isinstance(report, HoldingsReported)
            found.update({(name, each.asset): each for each in report.holdings})
        return found


def amounts(postings: Sequence[object]) -> list[tuple[str, str, str, int]]:
    return [(p.debit_account, p.credit_account, p.asset, p.amount_minor) for p in postings]  # type: ignore[attr-defined]


HELD = {"ann": {"USD": 30, "BTC": 0}, "bob": {"USD": 0, "BTC": 4}, "cat": {"USD": 10, "BTC": 0}, "dan": {"USD": 0}}
CHAIN: list[Trade] = [("ann", "bob", 5, 4, 3), ("cat", "ann", 6, 4, 0), ("bob", "cat", 6, 3, 1)]


def test_each_account_has_one_posting_for_an_asset_and_clearing_has_what_it_had() -> None:
    rig = Rig(HELD)
    rig.trade(CHAIN)
    rig.run(TUESDAY)
    (settled,) = rig.told(NettingSettled)
    assert isinstance(settled, NettingSettled)
    assert settled.netting_id == 1 and settled.cut_off_ns == TUESDAY == settled.occurred_ns
    assert [(each.instruction_id, each.trade_id) for each in settled.netted] == [(1, 1), (2, 2), (3, 3)]
    # ann: -20 - 3 + 24 USD, +4 - 4 BTC; bob: +20 - 18 - 1 USD, -4 + 3 BTC; cat: -24 + 18 USD, +4 - 3 BTC.
    assert amounts(settled.postings) == [
        ("bob", "clearing", "BTC", 1),
        ("cat", "clearing", "USD", 6),
        ("clearing", "ann", "USD", 1),
        ("clearing", "bob", "USD", 1),
        ("clearing", "fees", "USD", 4),
        ("clearing", "cat", "BTC", 1),
    ]
    assert not rig.told(TransactionPosted)


def test_who_cannot_pay_net_leaves_the_newest_out_which_fails_and_is_tried_with_the_next_set() -> None:
    rig = Rig(HELD)
    rig.trade([("ann", "bob", 5, 4, 3), ("ann", "bob", 2, 5, 0)])  # bob has 4 BTC, and has sold 9.
    rig.run(TUESDAY)
    (settled,), (failed,) = rig.told(NettingSettled), rig.told(SettlementFailed)
    assert isinstance(settled, NettingSettled) and [each.instruction_id for each in settled.netted] == [1]
    assert isinstance(failed, SettlementFailed)
    assert failed.fail_reason in (FailReason.SELLER_LACKS_ASSET, FailReason.BUYER_LACKS_CASH)
    assert (failed.instruction_id, failed.age_days, failed.retry_ns) == (2, 0, WEDNESDAY)
    rig.trade([("bob", "cat", 1, 5, 0)])
    rig.run(MONDAY + 9 * DAY_NS)
    assert {each.instruction_id for each in rig.told(SettlementCanceled)} == {2, 3}  # type: ignore[attr-defined]
    assert rig.posted()["bob", "USD"] == 20


def test_what_was_left_out_settles_in_part_where_the_world_allows_that() -> None:
    rig = Rig(HELD, dataclasses.replace(CONFIG, partial=True))
    rig.trade([("ann", "bob", 2, 3, 0), ("ann", "bob", 2, 3, 0)])
    rig.run(TUESDAY)
    (part,) = rig.told(PartPosted)
    assert isinstance(part, PartPosted) and part.instruction_id == 2
    assert amounts(part.postings) == [("ann", "bob", "USD", 2), ("bob", "ann", "BTC", 1)]
    assert rig.posted()["ann", "BTC"] == 4


def test_a_fault_has_each_tried_alone_and_its_end_settles_what_it_held() -> None:
    rig = Rig(HELD)
    rig.trade(CHAIN[:1])
    rig.hear(FaultCustody(to="custodian", injection_id="f", custody_fault=CustodyFault.REJECT, by_ns=0, share_ppm=0))
    rig.run(TUESDAY + HOUR_NS)
    assert not rig.told(NettingSettled) and len(rig.told(SettlementFailed)) == 1
    rig.hear(RestoreCustody(to="custodian", injection_id="f"))
    rig.run(TUESDAY + 2 * HOUR_NS)
    assert len(rig.told(TransactionPosted)) == 1 and not rig.told(NettingSettled)


def test_trades_that_cancel_out_move_nothing_and_are_settled() -> None:
    rig = Rig(HELD)
    rig.trade([("ann", "bob", 5, 1, 0), ("bob", "ann", 5, 1, 0)])
    before = rig.posted()
    rig.run(TUESDAY)
    (settled,) = rig.told(NettingSettled)
    assert isinstance(settled, NettingSettled) and settled.postings == () and len(settled.netted) == 2
    assert rig.posted() == before


def test_without_netting_each_settles_alone() -> None:
    rig = Rig(HELD, dataclasses.replace(CONFIG, nets_settlements=False))
    rig.trade(CHAIN[:1])
    rig.run(TUESDAY)
    assert len(rig.told(TransactionPosted)) == 1 and not rig.told(NettingSettled)


# Against a naive twin.


def netted(held: dict[tuple[str, str], int], trades: Sequence[Trade]) -> tuple[list[int], dict[tuple[str, str], int]]:
    """Which trades settle, by their number, and what everybody has then: the page's rules, word for word."""
    kept = list(range(1, len(trades) + 1))
    while True:
        after, order = dict(held), [line for number in range(1, len(trades) + 1) for line in moves(trades[number - 1])]
        for number in kept:
            for line, change in moves(trades[number - 1]).items():
                after[line] = after.get(line, 0) + change
        short = [line for line in dict.fromkeys(order) if after.get(line, 0) < 0 and line[0] != "fees"]
        if not short:
            return kept, {line: amount for line, amount in after.items() if amount}
        kept.remove(max(number for number in kept if moves(trades[number - 1]).get(short[0], 0) < 0))


def moves(trade: Trade) -> dict[tuple[str, str], int]:
    buyer, seller, price, lots, fee = trade
    changes: dict[tuple[str, str], int] = {}
    for line, change in (
        ((buyer, "USD"), -price * lots - fee),
        ((seller, "USD"), price * lots),
        ((seller, "BTC"), -lots),
        ((buyer, "BTC"), lots),
        (("fees", "USD"), fee),
    ):
        changes[line] = changes.get(line, 0) + change
    return changes


@pytest.mark.parametrize("seed", range(40))
def test_a_set_settles_what_a_naive_twin_settles(seed: int) -> None:
    draws = Draws(seed, "netting")
    held = {name: {"USD": draws.below(60), "BTC": draws.below(6)} for name in NAMES}
    trades: list[Trade] = []
    for _ in range(1 + draws.below(12)):
        buyer = draws.one_of(NAMES)
        seller = draws.one_of([name for name in NAMES if name != buyer])
        trades.append((buyer, seller, 1 + draws.below(9), 1 + draws.below(5), draws.below(3)))
    rig = Rig(held, crashes=seed % 2 == 0)
    rig.trade(trades)
    due_later = [each for each in rig.told(SettlementInstructed) if each.due_ns != TUESDAY]  # type: ignore[attr-defined]
    assert not due_later, "all is due at one cut-off"
    rig.run(TUESDAY)
    flat = {(name, asset): amount for name, each in held.items() for asset, amount in each.items()}
    kept, after = netted(flat, trades)
    sets = [each for each in rig.told(NettingSettled) if isinstance(each, NettingSettled)]
    alone = [each for each in rig.told(TransactionPosted) if isinstance(each, TransactionPosted)]
    assert [each.trade_id for one in sets for each in one.netted] == kept
    for each in alone:  # What was left out is tried alone afterwards, in order, and may settle by what the set brought.
        assert each.instruction_id not in kept
        for posting in each.postings:
            after[posting.debit_account, posting.asset] = (
                after.get((posting.debit_account, posting.asset), 0) - posting.amount_minor
            )
            after[posting.credit_account, posting.asset] = (
                after.get((posting.credit_account, posting.asset), 0) + posting.amount_minor
            )
    assert rig.posted() == {line: amount for line, amount in after.items() if amount}
    assert ("clearing", "USD") not in rig.posted() and ("clearing", "BTC") not in rig.posted()
    over = [*kept, *[each.instruction_id for each in alone]]
    still: dict[tuple[str, str], int] = {}
    for number in range(1, len(trades) + 1):
        for line, change in moves(trades[number - 1]).items() if number not in over else ():
            still[line] = still.get(line, 0) + change
    assert rig.pending() == {line: amount for line, amount in still.items() if amount}
