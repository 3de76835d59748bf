"""When books are reconciled, and why they are not."""

from tests.changing import replace
from tests.simulators.custodian.coupled import REFERENCE

from trading_ecosystem.messages.books import BooksCompared, Break
from trading_ecosystem.validation.test_coordinator.book_notes import MOST_TOLD, BookNotes
from trading_ecosystem.validation.test_coordinator.recorder import Recorder

COMPARED = BooksCompared(
    custodian="custodian",
    venue="exchange",
    last_trade_id=1,
    last_movement_id=1,
    entry_count=9,
    breaks=(),
    occurred_ns=100,
)
BREAK = Break(account="ann", asset="USD", venue_minor=3, custody_minor=5)


def notes(*messages: BooksCompared) -> BookNotes:
    made = BookNotes(Recorder(REFERENCE, 1_000))
    for message in messages:
        made.note(message)
    return made


def test_books_that_nobody_compared_are_not_reconciled() -> None:
    assert notes().troubles(0, 0) == ["no books were compared"]


def test_the_last_comparison_counts_and_only_if_it_came_after_the_last_fault() -> None:
    made = notes(replace(COMPARED, breaks=(BREAK,)), replace(COMPARED, occurred_ns=200))
    assert made.troubles(0, 200) == []
    assert made.troubles(0, 201) == ["the books of exchange were not compared again"]
    assert made.counts == {"books compared": 2, "books that differed": 1}


def test_a_break_and_a_failed_settlement_are_named() -> None:
    made = notes(COMPARED, replace(COMPARED, breaks=(BREAK,) * (MOST_TOLD + 1)))
    told = made.troubles(2, 0)
    assert told[0] == "ann has -2 of USD at exchange as against custody"
    assert len(told) == MOST_TOLD + 1 and told[-1] == "2 settlements failed"


def test_each_venue_has_to_be_reconciled() -> None:
    made = notes(COMPARED, replace(COMPARED, venue="other", breaks=(BREAK,)))
    assert made.troubles(0, 0) == ["ann has -2 of USD at other as against custody"]
