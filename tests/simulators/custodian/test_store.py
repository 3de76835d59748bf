"""Every instruction is told with its postings and its end; what moved is told to the two whom it moved between."""

from collections.abc import Iterator

import pytest

from trading_ecosystem.live.store.opening import open_store
from trading_ecosystem.messages.custody import (
    FailReason,
    Posting,
    SettlementFailed,
    SettlementInstructed,
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
        custodian="custodian", instruction_id=number, trade_id=trade_id, fail_reason=reason, occurred_ns=1_002
    )


def test_an_instruction_is_pending_then_posted_or_failed(history: SettlementHistory) -> None:
    history.record([instructed(1), instructed(2), instructed(3)])
    history.record([posted(2, 1), failed(3, FailReason.SELLER_LACKS_ASSET)])
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
        postings=postings("alpha", "beta"),
    )
    ends = [(each.ended_ns, each.transaction_id, each.fail_reason) for each in told]
    assert ends == [(None, None, None), (1_001, 1, None), (1_002, None, FailReason.SELLER_LACKS_ASSET)]


def test_told_again_it_is_the_same(history: SettlementHistory) -> None:
    story = [
        instructed(1),
        instructed(2),
        posted(1, 1),
        failed(2, FailReason.BUYER_LACKS_CASH),
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
