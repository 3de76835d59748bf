"""What the venue's custodian credits and debits: the only way in which the total of an asset changes.

Rule 1: the movements of a custodian count 1, 2, 3, ...; each is made or refused once, and the last answer is kept for
whoever asks again. A movement out of turn is answered and does nothing.
Rule 2: a debit takes from what is free: what open orders lock stays locked.
"""

from typing import cast, final

from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.numbers import LARGEST
from trading_ecosystem.messages.runtime import Plain
from trading_ecosystem.messages.transfers import (
    AccountMoved,
    CreditAccount,
    DebitAccount,
    MovementAnswered,
    MovementRefusal,
)
from trading_ecosystem.simulators.exchange.accounts import Accounts

Movement = CreditAccount | DebitAccount


@final
class Movements:
    """`custodian`: who may move anything here; empty for nobody."""

    __slots__ = ("_accounts", "_custodian", "_last", "_last_refusal", "_moved", "_venue")

    def __init__(self, venue: str, custodian: str, accounts: Accounts) -> None:
        self._venue = venue
        self._custodian = custodian
        self._accounts = accounts
        self._moved: dict[str, int] = {}  # By asset: what came in, less what went out.
        self._last: list[object] = content_of(0, True, "", "", 0, 0)
        self._last_refusal = MovementRefusal.NONE

    def move(self, message: Movement, now: int, out: list[Message]) -> None:
        is_credit = isinstance(message, CreditAccount)
        content = content_of(
            message.movement_id, is_credit, message.account, message.asset, message.amount_minor, message.transfer_id
        )
        if message.asker != self._custodian or not self._custodian:
            refusal = MovementRefusal.NOT_THE_CUSTODIAN
        elif content == self._last:
            refusal = self._last_refusal
        elif message.movement_id != cast(int, self._last[0]) + 1:
            refusal = MovementRefusal.OUT_OF_TURN
        else:
            refusal = self._refusal(message, is_credit)
            self._last, self._last_refusal = content, refusal
            if refusal is MovementRefusal.NONE:
                self._apply(message, is_credit, now, out)
        out.append(
            MovementAnswered(
                to=message.asker,
                venue=self._venue,
                movement_id=message.movement_id,
                movement_refusal=refusal,
                occurred_ns=now,
            )
        )

    @property
    def last_id(self) -> int:
        return cast(int, self._last[0])

    def turn_refusal(self, asker: str, content: list[object]) -> MovementRefusal:
        """Whether this is the next movement of the custodian, or the last one again."""
        if asker != self._custodian or not self._custodian:
            return MovementRefusal.NOT_THE_CUSTODIAN
        if content != self._last and content[0] != self.last_id + 1:
            return MovementRefusal.OUT_OF_TURN
        return MovementRefusal.NONE

    def take_turn(self, content: list[object]) -> bool:
        """Make this the last movement. False where it was that already."""
        if content == self._last:
            return False
        self._last, self._last_refusal = content, MovementRefusal.NONE
        return True

    def _refusal(self, message: Movement, is_credit: bool) -> MovementRefusal:
        account = self._accounts.client(message.account)
        if account is None:
            return MovementRefusal.UNKNOWN_ACCOUNT
        funds = account.funds.get(message.asset)
        if funds is None:
            return MovementRefusal.UNKNOWN_ASSET
        if message.amount_minor <= 0:
            return MovementRefusal.INVALID_AMOUNT
        if is_credit and message.amount_minor > LARGEST - funds.total.counted_minor:
            return MovementRefusal.TOO_LARGE
        if not is_credit and message.amount_minor > funds.free_minor:
            return MovementRefusal.INSUFFICIENT_BALANCE
        return MovementRefusal.NONE

    def _apply(self, message: Movement, is_credit: bool, now: int, out: list[Message]) -> None:
        account = self._accounts.by_name[message.account]
        funds = account.funds[message.asset]
        signed_minor = message.amount_minor if is_credit else -message.amount_minor
        funds.move(signed_minor)
        funds.total.assert_conserved()
        self._moved[message.asset] = self._moved.get(message.asset, 0) + signed_minor
        out.append(
            AccountMoved(
                account=account.name,
                venue=self._venue,
                account_sequence=account.next_sequence(),
                occurred_ns=now,
                movement_id=message.movement_id,
                transfer_id=message.transfer_id,
                asset=message.asset,
                amount_minor=signed_minor,
            )
        )

    # State.

    def save(self) -> Plain:
        return [list(self._last), self._last_refusal.value, dict(self._moved)]

    def restore(self, state: Plain) -> None:
        """Before the accounts are restored: their totals are those of the opening and of what has moved."""
        last, refusal, moved = cast(list[object], state)
        self._last = list(cast(list[object], last))
        self._last_refusal = MovementRefusal(cast(str, refusal))
        for asset, amount_minor in self._moved.items():
            self._accounts.totals[asset].expected_minor -= amount_minor
        self._moved = dict(cast(dict[str, int], moved))
        for asset, amount_minor in self._moved.items():
            self._accounts.totals[asset].expected_minor += amount_minor


def content_of(
    movement_id: int, is_credit: bool, account: str, asset: str, amount_minor: int, transfer_id: int
) -> list[object]:
    return [movement_id, is_credit, account, asset, amount_minor, transfer_id]
