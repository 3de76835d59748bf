"""A settlement instruction: what it moves, how far it has come, and how a part of it is cut off.

Rule 1: a status changes in `Instruction.take` by the table, and nowhere else.
Rule 2: the parts of an instruction add up to it, to the last minor unit: what a share of a fee leaves over stays with
the rest.
"""

from enum import StrEnum
from typing import Final, cast, final

from trading_ecosystem.messages import codec
from trading_ecosystem.messages.custody import Posting, SettlementStatus
from trading_ecosystem.simulators.custodian.ledger import Ledger, Transaction


class SettlementStep(StrEnum):
    FELL_DUE = "fell_due"
    FELL_SHORT = "fell_short"  # A party lacked something, or the custodian refused.
    PART_SETTLED = "part_settled"
    SETTLED = "settled"
    GAVE_UP = "gave_up"


TRANSITIONS: Final = {
    (SettlementStatus.MATCHED, SettlementStep.FELL_DUE): SettlementStatus.PENDING,
    (SettlementStatus.PENDING, SettlementStep.SETTLED): SettlementStatus.SETTLED,
    (SettlementStatus.PENDING, SettlementStep.PART_SETTLED): SettlementStatus.PARTIALLY_SETTLED,
    (SettlementStatus.PENDING, SettlementStep.FELL_SHORT): SettlementStatus.FAILED,
    (SettlementStatus.FAILED, SettlementStep.SETTLED): SettlementStatus.SETTLED,
    (SettlementStatus.FAILED, SettlementStep.PART_SETTLED): SettlementStatus.PARTIALLY_SETTLED,
    (SettlementStatus.FAILED, SettlementStep.FELL_SHORT): SettlementStatus.FAILED,
    (SettlementStatus.FAILED, SettlementStep.GAVE_UP): SettlementStatus.CANCELED,
    (SettlementStatus.PARTIALLY_SETTLED, SettlementStep.SETTLED): SettlementStatus.SETTLED,
    (SettlementStatus.PARTIALLY_SETTLED, SettlementStep.PART_SETTLED): SettlementStatus.PARTIALLY_SETTLED,
    (SettlementStatus.PARTIALLY_SETTLED, SettlementStep.FELL_SHORT): SettlementStatus.PARTIALLY_SETTLED,
    (SettlementStatus.PARTIALLY_SETTLED, SettlementStep.GAVE_UP): SettlementStatus.CANCELED,
}


@final
class Instruction:
    """`lots` and `transaction` are of what has not settled. It is tried next at `attempt_ns`; 0: told as done."""

    __slots__ = (
        "attempt_ns",
        "buyer",
        "due_ns",
        "instruction_id",
        "lots",
        "seller",
        "status",
        "trade_id",
        "transaction",
        "venue",
    )

    def __init__(
        self,
        instruction_id: int,
        trade_id: int,
        venue: str,
        buyer: str,
        seller: str,
        lots: int,
        due_ns: int,
        transaction: Transaction,
    ) -> None:
        self.instruction_id = instruction_id
        self.trade_id = trade_id
        self.venue = venue
        self.buyer = buyer
        self.seller = seller
        self.lots = lots
        self.due_ns = due_ns
        self.attempt_ns = due_ns
        self.transaction = transaction
        self.status = SettlementStatus.MATCHED

    def take(self, step: SettlementStep) -> None:
        becomes = TRANSITIONS.get((self.status, step))
        assert becomes is not None, f"an instruction that is {self.status.value} was told {step.value}"
        self.status = becomes

    def save(self) -> list[object]:
        """As plain data, for `restored`."""
        return [
            self.instruction_id,
            self.trade_id,
            self.venue,
            self.buyer,
            self.seller,
            self.lots,
            self.due_ns,
            self.attempt_ns,
            self.status.value,
            [codec.to_plain(posting) for posting in self.transaction.postings],
        ]


def restored(values: list[object], ledger: Ledger) -> Instruction:
    """The instruction that `save` made these values of; its transaction is not pending yet."""
    instruction_id, trade_id, venue, buyer, seller, lots, due_ns, attempt_ns, status, plain = values
    postings = [posting_of(each) for each in cast(list[list[object]], plain)]
    instruction = Instruction(
        cast(int, instruction_id),
        cast(int, trade_id),
        cast(str, venue),
        cast(str, buyer),
        cast(str, seller),
        cast(int, lots),
        cast(int, due_ns),
        ledger.transaction(tuple(postings)),
    )
    instruction.attempt_ns = cast(int, attempt_ns)
    instruction.status = SettlementStatus(cast(str, status))
    return instruction


def posting_of(values: list[object]) -> Posting:
    """The posting that `codec.to_plain` made these values of."""
    debit_account, credit_account, asset, amount_minor = values
    return Posting(
        debit_account=cast(str, debit_account),
        credit_account=cast(str, credit_account),
        asset=cast(str, asset),
        amount_minor=cast(int, amount_minor),
    )


def cut(postings: tuple[Posting, ...], part: int, whole: int) -> tuple[tuple[Posting, ...], tuple[Posting, ...]]:
    """`part` of `whole` lots of these postings, and the rest. What would move nothing is left out."""
    taken: list[Posting] = []
    left: list[Posting] = []
    for posting in postings:
        amount = posting.amount_minor * part // whole
        if amount:
            taken.append(with_amount(posting, amount))
        if posting.amount_minor - amount:
            left.append(with_amount(posting, posting.amount_minor - amount))
    return tuple(taken), tuple(left)


def with_amount(posting: Posting, amount_minor: int) -> Posting:
    return Posting(
        debit_account=posting.debit_account,
        credit_account=posting.credit_account,
        asset=posting.asset,
        amount_minor=amount_minor,
    )


def payable_lots(instruction: Instruction, most: int, ledger: Ledger) -> int:
    """The largest part, up to `most` lots, that both parties can pay now: delivery versus payment of that part."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        part, _ = cut(instruction.transaction.postings, middle, instruction.lots)
        if ledger.short_account(ledger.transaction(part)):
            high = middle - 1
        else:
            low = middle
    return low
