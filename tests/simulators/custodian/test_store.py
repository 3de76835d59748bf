"""Every instruction is told with its postings and its end; what moved is told to the two whom it moved between."""

from collections.abc import Iterator

import pytest
from tests.changing import replace

from trading_ecosystem.live.store.opening import open_store
from trading_ecosystem.messages.custody import (
    FailReason,
    PartPosted,
    Posting,
    SettlementCanceled,
    SettlementFailed,
    SettlementInstructed,
    SettlementStatus,
    TransactionPosted,
)
from trading_ecosystem.simulators.custodian.store import DESIGN, Instruction, Refusal, SettlementHistory


@pytest.fixture
def history(any_store_url: str) -> Iterator[SettlementHistory]:
    store = open_store(any_store_url, "custodian", DESIGN)
    yield store.history
    store.close()


def postings(buyer: str, seller: str) -> tuple[Posting, ...]:
    return (
        Posting(debit_account=buyer, credit_account=seller, asset="USD", amount_minor=2**60),
        Posting(debit_account=seller, credit_account=buyer, asset="BTC", amount_minor=5),
    )


def instructed(number: int, buyer: str = "alpha", seller: str = "beta") -> SettlementInstructed:
    return SettlementInstructed(
        custodian="custodian",
        instruction_id=number,
        trade_id=10 + number,
        venue="exchange",
        postings=postings(buyer, seller),
        due_ns=1_000,
        occurred_ns=100,
    )


def posted(number: int, transaction_id: int, buyer: str = "alpha", seller: str = "beta") -> TransactionPosted:
    return TransactionPosted(
        custodian="custodian",
        transaction_id=transaction_id,
        instruction_id=number,
        postings=postings(buyer, seller),
        occurred_ns=1_001,
    )


def failed(number: int, reason: FailReason, trade_id: int = 99) -> SettlementFailed:
    return SettlementFailed(
        custodian="custodian",
        instruction_id=number,
        trade_id=trade_id,
        fail_reason=reason,
        occurred_ns=1_002,
        age_days=2 if number else 0,
        retry_ns=5_000 if number else 0,
    )


def canceled(number: int, reason: FailReason) -> SettlementCanceled:
    return SettlementCanceled(
        custodian="custodian",
        instruction_id=number,
        trade_id=99,
        fail_reason=reason,
        age_days=3,
        occurred_ns=1_003,
    )


def in_part(number: int, transaction_id: int, amount: int) -> PartPosted:
    (cash, asset) = postings("alpha", "beta")
    return PartPosted(
        custodian="custodian",
        transaction_id=transaction_id,
        instruction_id=number,
        postings=(replace(cash, amount_minor=amount), replace(asset, amount_minor=1)),
        retry_ns=4_000,
        occurred_ns=1_000,
    )


def test_an_instruction_is_open_then_posted_or_canceled(history: SettlementHistory) -> None:
    lacks = FailReason.SELLER_LACKS_ASSET
    history.record([instructed(1), instructed(2), instructed(3), instructed(4)])
    history.record([posted(2, 1), failed(3, lacks), canceled(3, lacks), failed(4, lacks)])
    told = history.instructions()
    assert told[0] == Instruction(
        instruction_id=1,
        custodian="custodian",
        trade_id=11,
        venue="exchange",
        due_ns=1_000,
        instructed_ns=100,
        ended_ns=None,
        transaction_id=None,
        fail_reason=None,
        settlement_status=SettlementStatus.MATCHED,
        age_days=None,
        retry_ns=None,
        netting_id=None,
        postings=postings("alpha", "beta"),
    )
    ends = [(each.ended_ns, each.transaction_id, each.fail_reason, each.age_days, each.retry_ns) for each in told]
    assert ends == [
        (None, None, None, None, None),
        (1_001, 1, None, None, None),
        (1_003, None, lacks, 2, None),
        (None, None, lacks, 2, 5_000),
    ]
    assert [each.settlement_status.value for each in told] == ["matched", "settled", "canceled", "failed"]


def test_parts_and_the_rest_add_up(history: SettlementHistory) -> None:
    lacks = FailReason.BUYER_LACKS_CASH
    (cash, asset) = postings("alpha", "beta")
    rest = (replace(cash, amount_minor=2**60 - 7), replace(asset, amount_minor=3))
    history.record([instructed(1), in_part(1, 2, 3), failed(1, lacks)])
    (told,) = history.instructions()
    assert (told.settlement_status, told.fail_reason, told.ended_ns) == (
        SettlementStatus.PARTIALLY_SETTLED,
        lacks,
        None,
    )
    last = replace(posted(1, 4), postings=rest)
    history.record([in_part(1, 3, 4), last])
    history.record([in_part(1, 2, 3), failed(1, lacks)])
    (told,) = history.instructions()
    assert (told.settlement_status, told.ended_ns, told.retry_ns) == (SettlementStatus.SETTLED, 1_001, None)
    assert history.transactions() == [last]
    assert [line.amount_minor for line in history.parts([1])[1]] == [3, 1, 4, 1]


def test_told_again_it_is_the_same(history: SettlementHistory) -> None:
    story = [
        instructed(1),
        instructed(2),
        posted(1, 1),
        failed(2, FailReason.BUYER_LACKS_CASH),
        canceled(2, FailReason.BUYER_LACKS_CASH),
        failed(0, FailReason.UNKNOWN_SYMBOL),
    ]
    history.record(story)
    once = history.instructions(), history.transactions(), history.refusals()
    history.record(story)
    history.record(story[:3])
    assert (history.instructions(), history.transactions(), history.refusals()) == once


def test_transactions_come_back_as_they_were_in_pages(history: SettlementHistory) -> None:
    history.record([instructed(number) for number in (1, 2, 3)])
    history.record([posted(3, 1), posted(1, 2), posted(2, 3)])
    assert history.transactions() == [posted(3, 1), posted(1, 2), posted(2, 3)]
    assert history.transactions(after=1, limit=1) == [posted(1, 2)]


def test_an_account_sees_its_own_alone(history: SettlementHistory) -> None:
    history.record([instructed(1), instructed(2, buyer="gamma"), posted(1, 1), posted(2, 2, buyer="gamma")])
    assert [each.instruction_id for each in history.instructions(account="alpha")] == [1]
    assert [each.instruction_id for each in history.instructions(account="beta", after=1)] == [2]
    assert [each.transaction_id for each in history.transactions(account="gamma")] == [2]
    assert history.transactions(account="nobody") == []


def test_a_trade_that_was_refused_is_told_apart(history: SettlementHistory) -> None:
    history.record([failed(0, FailReason.UNKNOWN_ACCOUNT, 7), failed(0, FailReason.TRADE_ID_REUSED, 3)])
    assert history.instructions() == []
    assert history.refusals() == [
        Refusal(trade_id=3, fail_reason=FailReason.TRADE_ID_REUSED, occurred_ns=1_002),
        Refusal(trade_id=7, fail_reason=FailReason.UNKNOWN_ACCOUNT, occurred_ns=1_002),
    ]
    assert [each.trade_id for each in history.refusals(after=3)] == [7]
