"""The checker takes what a venue says of positions and wallets only where its trades and words bear it out."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.simulators.exchange.conftest import SILENT
from tests.simulators.exchange.margin_crowd import MarginCrowd
from tests.simulators.exchange.test_margin_oracle import REFERENCE, venue

from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import AccountEvent, TradeExecuted
from trading_ecosystem.messages.perpetuals import LossCovered, MarginMoved, PositionChanged
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


def found_in(said: list[Message]) -> list[str]:
    record, findings = MarginRecord(MARGINED), Findings(0, 0)
    for message in said:
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
