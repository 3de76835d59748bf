"""The invariants that the streaming checker watches, by id and words, and what it finds of them."""

from enum import StrEnum
from typing import final

from mypy_extensions import mypyc_attr

from trading_ecosystem.messages.audit import Envelope, InvariantViolated


class Invariant(StrEnum):
    VENUE_CONSERVES = "M1 the venue conserves every asset"
    CUSTODY_CONSERVES = "M1 custody conserves every asset"
    POSTINGS_MOVE = "M2 a posting moves a positive amount between two accounts"
    VENUE_NOT_NEGATIVE = "M3 no account is negative at the venue"
    CUSTODY_NOT_NEGATIVE = "M3 no customer is negative in custody"
    EXCHANGE_AND_CUSTODY = "M9 exchange and custody agree"
    MOVES_ONCE = "M5 what a venue moves for custody is posted once, as it was moved"
    NONE_IN_FLIGHT = "M9 every trade reaches custody"
    SETTLES_ONCE = "M10 a trade settles exactly once"
    SETTLES_AS_INSTRUCTED = "M10 what is posted is what was instructed"
    SETTLES_ON_TIME = "M10 nothing settles before it is due, or stays open after"
    ORDER_QUANTITY = "E3 an order fills and cancels what it was accepted for"
    ORDER_IS_OPEN = "E4 only an open order fills or cancels"
    TWO_SIDES = "E5 a trade has two sides, a quantity and a price"
    FILLS_MATCH = "E5 fills match their trade and their order"
    IDS_INCREASE = "E6 ids are unique and increase"
    POSITION_IS_TRADES = "E10 a position is the sum of its trades"
    PROFIT_IS_EXPLAINED = "M12 what is settled of profits is what was gained"
    WALLET_IS_EXPLAINED = "M12 a margin wallet changes by what is told"
    KILLED_SENDS_NONE = "T2 a desk whose kill switch is engaged sends no order"
    KILLED_HAS_NONE = "T2 a desk whose kill switch is engaged has no order in a book"
    EVENTS_CONTIGUOUS = "E6 account events count without gap or repetition"


@final
@mypyc_attr(acyclic=True)
class Findings:
    """The violations that one envelope brought about."""

    __slots__ = ("found", "message_id", "occurred_ns")

    def __init__(self, message_id: int, occurred_ns: int) -> None:
        self.message_id = message_id
        self.occurred_ns = occurred_ns
        self.found: list[InvariantViolated] = []

    def add(self, invariant: Invariant, detail: str) -> None:
        self.found.append(
            InvariantViolated(
                invariant=str(invariant), detail=detail, message_id=self.message_id, occurred_ns=self.occurred_ns
            )
        )


@mypyc_attr(allow_interpreted_subclasses=True)
class Checker:
    """Looks at the messages of a run for what must never be."""

    def is_checked(self, message_type: type) -> bool:
        """Whether a message of this type can violate anything; most are of types that cannot."""
        raise NotImplementedError(type(self).__name__)

    def observe(self, envelope: Envelope) -> list[InvariantViolated]:
        """What a message of such a type violates. The caller must not change the list."""
        raise NotImplementedError(type(self).__name__)

    def finish(self, now: int) -> list[InvariantViolated]:
        """What the whole run violates."""
        raise NotImplementedError(type(self).__name__)

    def figures(self) -> dict[str, int]:
        """Counts of what was checked."""
        raise NotImplementedError(type(self).__name__)
