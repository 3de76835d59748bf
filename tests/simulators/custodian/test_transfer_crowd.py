"""A crowd moves assets about through a bad network and crashes; a model in dictionaries says what must have become."""

from collections import Counter
from collections.abc import Iterator

import pytest
from tests.simulators.custodian.coupled import (
    ASSETS,
    AT_VENUE,
    ENDS,
    HOUR_NS,
    MINUTE_NS,
    TRANSFERS,
    VAULTS,
    Coupled,
    Draws,
    approve,
    deposit,
    order,
    transfer,
    withdraw,
)

from trading_ecosystem.messages.chaos import CustodyFault, FaultCustody, RestoreCustody
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import Side, TradeExecuted
from trading_ecosystem.messages.transfers import (
    AccountMoved,
    CancelTransfer,
    RejectTransfer,
    TransferChanged,
    TransferKind,
    TransferPosted,
    TransferRequested,
    TransferStatus,
)

ACCOUNTS = (*AT_VENUE, *VAULTS, "nobody", "transit", "external", "fees")
WAYS = (("ann", "ann.vault"), ("ann.vault", "ann"), ("ann", "sub"), ("sub", "ann"), ("bob", "bob.vault"))
PEOPLE = ("ann", "operator", "controller", "officer", "stranger")
STEPS = 90


class Crowd:
    def __init__(self, seed: int) -> None:
        self.chance = Draws(seed, "crowd")
        self.names = 0
        self.faults = 0

    def commands(self, rig: Coupled) -> Iterator[Message]:
        """What happens at one step."""
        pick = self.chance.below(100)
        if pick < 55:
            yield self.request(rig)
        elif pick < 80:
            yield self.decision(rig)
        elif pick < 95:
            price = 4 + self.chance.below(3)
            account = self.chance.one_of(list(AT_VENUE))
            self.names += 1
            side = self.chance.one_of([Side.BUY, Side.SELL])
            yield order(account, f"o{self.names}", side, price, 1 + self.chance.below(8))
        else:
            self.faults += 1
            name = f"f{self.faults // 2}"
            if self.faults % 2:
                yield RestoreCustody(to="custodian", injection_id=f"f{(self.faults - 1) // 2}")
            else:
                yield FaultCustody(
                    to="custodian", injection_id=name, custody_fault=CustodyFault.FREEZE, by_ns=0, share_ppm=0
                )

    def request(self, rig: Coupled) -> Message:
        chance = self.chance
        self.names += 1
        known = [each.request_id for each in requests(rig)]
        name = chance.one_of(known) if known and chance.below(10) == 0 else f"r{self.names}"
        account = chance.one_of(["ann", "ann.vault", "sub", "bob", "bob.vault", chance.one_of(ACCOUNTS)])
        asset = chance.one_of(["USD", "USD", "USD", "BTC", "BTC", "BTC", "DOGE"])
        amount = chance.one_of([0, -1, 1, 2, 3, 5, 8, 50, 120, 1 << 63 - 1])
        kind = chance.below(4)
        if kind == 0:
            return deposit(name, account, asset, min(amount, 10**6))
        if kind == 1:
            return transfer(name, account, chance.one_of(ACCOUNTS), asset, amount, chance.one_of(PEOPLE))
        if kind == 2:
            return transfer(name, *chance.one_of(WAYS), asset, amount, chance.one_of(PEOPLE))
        destination = "cold.bob" if account.startswith("bob") else "bank.ann"
        if chance.below(5) == 0:
            destination = chance.one_of(["bank.ann", "cold.bob", "elsewhere"])
        return withdraw(name, account, asset, amount, destination, chance.one_of(PEOPLE))

    def decision(self, rig: Coupled) -> Message:
        by = {each.request_id: each.operator for each in requests(rig)}
        waiting = [name for name in by if rig.status(name) in (TransferStatus.AWAITING_APPROVAL, TransferStatus.HELD)]
        name = self.chance.one_of([*waiting, *waiting, *list(by)[-2:], "unheard"])
        operator = self.chance.one_of(PEOPLE)
        pick = self.chance.below(100)
        if pick < 12:
            return RejectTransfer(to="custodian", request_id=name, operator=operator)
        if pick < 30:
            asker = by.get(name, operator) if pick < 25 else operator
            return CancelTransfer(to="custodian", request_id=name, operator=asker)
        return approve(rig, name, operator, "" if pick < 90 else "f" * 64)


class Model:
    """What each account must have in the end, from what was requested, how it ended and what was traded."""

    def __init__(self, rig: Coupled) -> None:
        self.held = {name: Counter(amounts) for name, amounts in {**AT_VENUE, **VAULTS}.items()}
        ended = {each.transfer_id: each.transfer_status for each in changes(rig) if each.transfer_status in ENDS}
        for each in requests(rig):
            if ended.get(each.transfer_id) is TransferStatus.COMPLETED:
                if each.transfer_kind is not TransferKind.DEPOSIT:
                    self.held[each.debit_account][each.asset] -= each.amount_minor
                if each.transfer_kind is not TransferKind.WITHDRAWAL:
                    self.held[each.credit_account][each.asset] += each.amount_minor
        for trade in rig.said(TradeExecuted):
            assert isinstance(trade, TradeExecuted)
            cost = trade.price_ticks * trade.quantity_lots
            self.held[trade.buyer_account].update({"BTC": trade.quantity_lots, "USD": -cost})
            self.held[trade.seller_account].update({"BTC": -trade.quantity_lots, "USD": cost})


def requests(rig: Coupled) -> list[TransferRequested]:
    return [each for each in rig.said(TransferRequested) if isinstance(each, TransferRequested)]


def changes(rig: Coupled) -> list[TransferChanged]:
    return [each for each in rig.said(TransferChanged) if isinstance(each, TransferChanged)]


def check_always(rig: Coupled) -> None:
    assert rig.differences() == dict.fromkeys(ASSETS, 0)
    for asset in ASSETS:
        assert rig.custody("transit").get(asset, 0) == rig.in_transit(asset) >= 0
    for account in (*AT_VENUE, *VAULTS):
        assert min(rig.custody(account).values(), default=0) >= 0


def check_once(rig: Coupled) -> None:
    """No transfer ends twice, is posted more than twice, or has a movement made twice."""
    ends = Counter(each.transfer_id for each in changes(rig) if each.transfer_status in ENDS)
    assert max(ends.values(), default=0) <= 1
    steps = Counter(each.transfer_id for each in rig.said(TransferPosted))  # type: ignore[attr-defined]
    assert max(steps.values(), default=0) <= 2
    moved = [each for each in rig.said(AccountMoved) if isinstance(each, AccountMoved)]
    numbers = [each.movement_id for each in moved]
    assert numbers == sorted(set(numbers))
    kinds = Counter((each.transfer_id, each.amount_minor > 0) for each in moved)
    assert max(kinds.values(), default=0) <= 1


def check_approvals(rig: Coupled) -> None:
    """Whatever moved to outside was approved by as many others as it needed."""
    for each in requests(rig):
        if each.transfer_kind is TransferKind.WITHDRAWAL:
            above = TRANSFERS.approvals.one_more_above_minor.get(each.asset)
            assert each.approvals_needed == (2 if above is not None and each.amount_minor > above else 1)


@pytest.mark.parametrize("seed", range(8))
def test_what_a_crowd_moves_ends_where_it_must(seed: int) -> None:
    crowd = Crowd(seed)
    rig = Coupled(rough=Draws(seed, "network"), crashes=seed % 3 != 0)
    for _ in range(STEPS):
        rig.say(*crowd.commands(rig))
        rig.run(crowd.chance.one_of([0, 1_000_000, 5_000_000_000, MINUTE_NS, 11 * MINUTE_NS, HOUR_NS]))
        check_always(rig)
    rig.rough = None
    rig.say(RestoreCustody(to="custodian", injection_id=f"f{crowd.faults // 2}"))
    rig.run(60 * HOUR_NS)
    check_always(rig)
    check_once(rig)
    check_approvals(rig)
    assert {each.transfer_id for each in requests(rig)} == {
        each.transfer_id for each in changes(rig) if each.transfer_status in ENDS
    }
    model = Model(rig).held
    for account in AT_VENUE:
        assert rig.venue(account) == {asset: model[account][asset] for asset in ASSETS}, account
    for account in (*AT_VENUE, *VAULTS, "transit", "external"):
        assert rig.pending(account) == {}, account
    for account, amounts in model.items():
        assert rig.custody(account) == {asset: minor for asset, minor in amounts.items() if minor}, account


def test_the_crowd_meets_what_it_is_meant_to_meet() -> None:
    """Else the test above says nothing."""
    seen: Counter[str] = Counter()
    for seed in range(8):
        crowd = Crowd(seed)
        rig = Coupled(crashes=False, rough=Draws(seed, "network"))
        for _ in range(STEPS):
            rig.say(*crowd.commands(rig))
            rig.run(crowd.chance.one_of([0, 1_000_000, 5_000_000_000, MINUTE_NS, 11 * MINUTE_NS, HOUR_NS]))
        seen.update(each.transfer_status.value for each in changes(rig))
        seen.update(each.transfer_kind.value for each in requests(rig))
    assert {status.value for status in TransferStatus} - {"requested", "held"} <= set(seen), seen
