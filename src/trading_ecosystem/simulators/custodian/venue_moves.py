"""What the custodian has a venue do with its accounts: one movement after the other, each until it is answered.

Rule 1: a movement is sent again and again, as it was, until its answer has come; only then the next one is sent. So
the venue need remember one, and nothing is made twice or left out, whatever the network does.
"""

from typing import Final, cast, final

from trading_ecosystem.messages.books import ProfitsReported, SettleProfits
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.transfers import CreditAccount, DebitAccount, MovementAnswered, MovementRefusal

SEND_AGAIN_NS: Final = 5_000_000_000
UNHEARD: Final = (MovementRefusal.NOT_THE_CUSTODIAN, MovementRefusal.OUT_OF_TURN)


@final
class Movement:
    """A credit of a venue's account, or a debit. Without a transfer, `transfer_id` 0: a question for profits."""

    __slots__ = ("account", "amount_minor", "asset", "is_credit", "transfer_id")

    def __init__(self, transfer_id: int, is_credit: bool, account: str, asset: str, amount_minor: int) -> None:
        self.transfer_id = transfer_id
        self.is_credit = is_credit
        self.account = account
        self.asset = asset
        self.amount_minor = amount_minor


@final
class VenueMoves:
    """`answered_id`: the last movement whose answer has come."""

    __slots__ = ("_custodian", "_sent_ns", "_venue", "_waiting", "answered_id")

    def __init__(self, custodian: str, venue: str) -> None:
        self._custodian = custodian
        self._venue = venue
        self._waiting: list[Movement] = []  # The first has been sent.
        self._sent_ns = 0
        self.answered_id = 0

    def add(self, movement: Movement, now: int, out: list[Message]) -> None:
        self._waiting.append(movement)
        if len(self._waiting) == 1:
            self.send(now, out)

    def send(self, now: int, out: list[Message]) -> None:
        """Send the first that waits, again or for the first time."""
        if not self._waiting:
            return
        first = self._waiting[0]
        self._sent_ns = now
        if first.transfer_id == 0:
            out.append(SettleProfits(to=self._venue, asker=self._custodian, movement_id=self.answered_id + 1))
            return
        make = CreditAccount if first.is_credit else DebitAccount
        out.append(
            make(
                to=self._venue,
                asker=self._custodian,
                movement_id=self.answered_id + 1,
                transfer_id=first.transfer_id,
                account=first.account,
                asset=first.asset,
                amount_minor=first.amount_minor,
            )
        )

    def answer(self, answer: MovementAnswered) -> Movement | None:
        """The movement that this answers; None for what is no answer to the one that was sent."""
        if answer.venue != self._venue or not self._waiting or answer.movement_refusal in UNHEARD:
            return None
        if answer.movement_id != self.answered_id + 1 or self._waiting[0].transfer_id == 0:
            return None
        self.answered_id += 1
        return self._waiting.pop(0)

    def answer_profits(self, report: ProfitsReported) -> bool:
        """Whether this answers the question for profits that was sent."""
        is_asked = bool(self._waiting) and self._waiting[0].transfer_id == 0
        if not is_asked or report.venue != self._venue or report.movement_id != self.answered_id + 1:
            return False
        self.answered_id += 1
        del self._waiting[0]
        return True

    def waits_for_profits(self) -> bool:
        return any([each.transfer_id == 0 for each in self._waiting])

    def next_ns(self) -> int:
        """When to send again; 0 for never."""
        return self._sent_ns + SEND_AGAIN_NS if self._waiting else 0

    def save(self) -> list[object]:
        waiting = [[m.transfer_id, m.is_credit, m.account, m.asset, m.amount_minor] for m in self._waiting]
        return [self.answered_id, self._sent_ns, waiting]

    def restore(self, saved: list[object]) -> None:
        answered_id, sent_ns, waiting = saved
        self.answered_id, self._sent_ns = cast(int, answered_id), cast(int, sent_ns)
        self._waiting = []
        for transfer_id, is_credit, account, asset, amount_minor in cast(list[list[object]], waiting):
            self._waiting.append(
                Movement(
                    cast(int, transfer_id),
                    cast(bool, is_credit),
                    cast(str, account),
                    cast(str, asset),
                    cast(int, amount_minor),
                )
            )
