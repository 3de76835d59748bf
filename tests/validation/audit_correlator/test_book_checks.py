"""What venue and custodian say of netting, profits and comparisons violates nothing; each planted lie is found."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.changing import replace
from tests.simulators.custodian.coupled import MINUTE_NS, VAULTS, Draws
from tests.simulators.custodian.coupled_margin import HELD, REFERENCE, CoupledMargin
from tests.simulators.custodian.test_venue_books import settle_at_a_cut_off
from tests.simulators.exchange.margin_crowd import MarginCrowd

from trading_ecosystem.messages.audit import Envelope
from trading_ecosystem.messages.books import BooksCompared, Break, NettingSettled, ProfitSettled, ProfitsReported
from trading_ecosystem.messages.custody import SettlementInstructed
from trading_ecosystem.messages.message import Message
from trading_ecosystem.validation.audit_correlator.checker import ConservationChecker
from trading_ecosystem.validation.audit_correlator.invariants import Invariant


@pytest.fixture(scope="module")
def said() -> list[tuple[int, Message]]:
    """All that a venue and a custodian said up to a minute after a cut-off."""
    rig = CoupledMargin(crashes=False)
    rig.trade(MarginCrowd(3), Draws(3, "spot"), 80, MINUTE_NS)
    settle_at_a_cut_off(rig)
    return rig.log


def violated(said: list[tuple[int, Message]]) -> list[str]:
    instruments = REFERENCE.instruments
    watch = ConservationChecker(
        HELD,
        {symbol: each.quote_minor_per_tick_lot for symbol, each in instruments.items()},
        {symbol: each.base_minor_per_lot for symbol, each in instruments.items()},
        0,
        VAULTS,
        {symbol: each.quote for symbol, each in REFERENCE.perpetuals.items()},
    )
    found: list[str] = []
    for number, (ns, message) in enumerate(said, start=1):
        found.extend(each.invariant for each in watch.observe(Envelope(number, 0, number, "somebody", ns, message)))
    return found + [each.invariant for each in watch.finish(said[-1][0])]


def of_profit(message: Message) -> bool:
    return isinstance(message, SettlementInstructed) and message.trade_id == 0


def is_a(kind: type[Message]) -> Callable[[Message], bool]:
    return lambda message: isinstance(message, kind)


def more(message: Any) -> list[Message]:
    return [replace(message, amount_minor=message.amount_minor + 1)]


def other_postings(message: Any) -> list[Message]:
    first, *rest = message.postings
    return [replace(message, postings=(replace(first, amount_minor=first.amount_minor + 1), *rest))]


def broken(message: Any) -> list[Message]:
    return [replace(message, breaks=(Break(account="ann", asset="USD", venue_minor=1, custody_minor=2),))]


def early(message: Any) -> list[Message]:
    return [replace(message, occurred_ns=0)]


def test_the_truth_violates_nothing(said: list[tuple[int, Message]]) -> None:
    assert {type(message).__name__ for _, message in said} >= {"NettingSettled", "ProfitSettled", "BooksCompared"}
    assert violated(said) == []


@pytest.mark.parametrize(
    ("which", "bend", "invariant"),
    [
        (is_a(ProfitSettled), more, Invariant.PROFIT_IS_EXPLAINED),
        (is_a(ProfitsReported), lambda message: [], Invariant.SETTLES_ONCE),
        (of_profit, other_postings, Invariant.SETTLES_ONCE),
        (of_profit, lambda message: [], Invariant.NONE_IN_FLIGHT),
        (is_a(NettingSettled), other_postings, Invariant.SETTLES_AS_INSTRUCTED),
        (is_a(NettingSettled), lambda message: [message, message], Invariant.SETTLES_ONCE),
        (is_a(NettingSettled), lambda message: [], Invariant.SETTLES_ON_TIME),
        (is_a(NettingSettled), early, Invariant.SETTLES_ON_TIME),
        (is_a(BooksCompared), broken, Invariant.EXCHANGE_AND_CUSTODY),
    ],
)
def test_a_lie_is_found(
    which: Callable[[Message], bool],
    bend: Callable[[Any], list[Message]],
    invariant: Invariant,
    said: list[tuple[int, Message]],
) -> None:
    place = next(number for number, (_, message) in enumerate(said) if which(message))
    ns, message = said[place]
    bent = [*said[:place], *[(ns, each) for each in bend(message)], *said[place + 1 :]]
    assert str(invariant) in violated(bent)


def test_an_answer_that_is_told_again_is_no_second_profit(said: list[tuple[int, Message]]) -> None:
    place = next(number for number, (_, message) in enumerate(said) if isinstance(message, ProfitsReported))
    assert violated([*said[: place + 1], said[place], *said[place + 1 :]]) == []
