"""The checker takes what a venue says of positions and wallets only where its trades and words bear it out."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.simulators.exchange.conftest import SILENT
from tests.simulators.exchange.margin_crowd import MarginCrowd
from tests.simulators.exchange.test_margin_oracle import REFERENCE, venue

from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import AccountEvent, TradeExecuted
from trading_ecosystem.messages.perpetuals import LossCovered, MarginMoved, PositionChanged, PositionDeleveraged
from trading_ecosystem.messages.runtime import Start
from trading_ecosystem.validation.audit_correlator.invariants import Findings
from trading_ecosystem.validation.audit_correlator.margin_record import MarginRecord

MARGINED = {symbol: each.quote for symbol, each in REFERENCE.perpetuals.items()}


@pytest.fixture(scope="module")
def said() -> list[Message]:
    """A stormy life of a venue."""
    core, found = venue(SILENT, 300), []
    core.handle(Start(memory={}), 0)
    for now, command in MarginCrowd(101).commands(2_500):
        found += core.handle(command, now)
    return found


def found_in(said: list[Message], doubt: int = -1, trust: int = -1) -> list[str]:
    """`doubt` and `trust`: the places at which the venue begins and ends to tell less than there is."""
    record, findings = MarginRecord(MARGINED), Findings(0, 0)
    for place, message in enumerate(said):
        if place == doubt:
            record.doubt()
        elif place == trust:
            record.trust_again()
        if isinstance(message, TradeExecuted):
            record.on_trade(message)
        elif isinstance(message, AccountEvent):
            record.on_account_event(message, findings)
    record.finish(findings)
    return [violation.invariant[:3] for violation in findings.found]


def test_a_venue_in_order_violates_nothing(said: list[Message]) -> None:
    assert any(isinstance(message, LossCovered) for message in said)
    assert found_in(said) == []


def last(said: list[Message], kind: type, change: Callable[[Message], Message | None]) -> list[Message]:
    """The same, with the last message of a kind changed or taken out."""
    place = max(place for place, message in enumerate(said) if isinstance(message, kind))
    changed = change(said[place])
    return [*said[:place], *([] if changed is None else [changed]), *said[place + 1 :]]


@pytest.mark.parametrize(
    ("kind", "change", "invariant"),
    [
        (PositionChanged, lambda told: replace(told, position_lots=told.position_lots + 1), "E10"),
        (PositionChanged, lambda told: replace(told, wallet_minor=told.wallet_minor - 1), "M12"),
        (PositionChanged, lambda told: replace(told, fee_minor=told.fee_minor + 1), "M12"),
        (PositionChanged, lambda told: replace(told, funding_minor=told.funding_minor + 5), "M12"),
        (MarginMoved, lambda told: replace(told, amount_minor=told.amount_minor + 1), "M12"),
        (MarginMoved, lambda told: None, "M12"),
        (LossCovered, lambda told: None, "M12"),
        (TradeExecuted, lambda told: None, "E10"),
    ],
)
def test_what_does_not_add_up_is_found(
    said: list[Message], kind: type, change: Callable[[Message], Message | None], invariant: str
) -> None:
    assert invariant in found_in(last(said, kind, change))


def one_lot_more(told: Message) -> Message:
    assert isinstance(told, PositionChanged)
    return replace(told, position_lots=told.position_lots + 1)


def untold(said: list[Message], account: str) -> tuple[list[Message], int, int]:
    """The same, with a third of it in the middle without what becomes of the positions of an account."""
    first, last = len(said) // 3, 2 * len(said) // 3
    middle = [
        each
        for each in said[first:last]
        if not (isinstance(each, PositionChanged | PositionDeleveraged) and each.account == account)
    ]
    return [*said[:first], *middle, *said[last:]], first, first + len(middle)


@pytest.mark.parametrize("account", ["ann", "bob"])
def test_what_was_not_told_on_purpose_is_believed_once_and_checked_from_then_on(
    said: list[Message], account: str
) -> None:
    heard, begins, ends = untold(said, account)
    assert {"E10", "M12"} & set(found_in(heard))
    assert found_in(heard, begins, ends) == []
    changed = last(heard, PositionChanged, one_lot_more)
    assert found_in(changed, begins, ends) == ["E10"]
