"""Netting: what is tried at one cut-off settles together, by what each account owes and gets net of each asset.

    1. The set is all instructions of trades that are tried at the cut-off, up to a batch, in the order in which they
       would be tried one by one.
    2. An account that cannot pay what it owes net leaves instructions out, the newest first, until it can. Accounts
       have their turn in the order in which the set names them, until none is short.
    3. What is left settles in one ledger transaction: delivery versus payment over the net. Each account has one
       posting for an asset, to or from `clearing`, which has as much afterwards as before.
    4. What was left out is tried one by one, and fails, or settles in part where the world allows that.

Rule 1: an instruction settles whole or not at all by this; its own postings and those of the set come to the same.
Rule 2: leaving one out may leave another account short, so the set is looked at until nobody is. Each look that finds
one leaves one instruction out: there is an end.
"""

from typing import final

from trading_ecosystem.messages.custody import Posting
from trading_ecosystem.simulators.custodian.instructions import Instruction
from trading_ecosystem.simulators.custodian.ledger import CLEARING, Ledger
from trading_ecosystem.simulators.custodian.legs import add_posting

Line = tuple[str, str]  # Account and asset.


@final
class NettingSet:
    """Instructions with what they come to, net. `left_out`: what the set cannot settle, in the order of the set."""

    __slots__ = ("_ledger", "_net", "instructions", "left_out")

    def __init__(self, instructions: list[Instruction], ledger: Ledger) -> None:
        self._ledger = ledger
        self._net: dict[Line, int] = {}
        self.instructions = instructions
        self.left_out: list[Instruction] = []
        for instruction in instructions:
            self._add(instruction, 1)

    def _add(self, instruction: Instruction, sign: int) -> None:
        for effect in instruction.transaction.effects:
            line = (effect.balance.account, effect.balance.asset)
            self._net[line] = self._net.get(line, 0) + sign * effect.amount_minor

    def make_payable(self) -> None:
        """Leave out what has to be for everybody to be able to pay."""
        out: dict[int, bool] = {}
        short = self._short_line()
        while short is not None:
            newest = max([each.instruction_id for each in self.instructions if self._takes_from(each, short, out)])
            out[newest] = True
            for each in self.instructions:
                if each.instruction_id == newest:
                    self._add(each, -1)
            short = self._short_line()
        self.left_out = [each for each in self.instructions if each.instruction_id in out]
        self.instructions = [each for each in self.instructions if each.instruction_id not in out]

    def _short_line(self) -> Line | None:
        """The first account and asset that could not pay."""
        for (account, asset), amount_minor in self._net.items():
            if amount_minor < 0 and not self._ledger.can_pay(account, asset, -amount_minor):
                return (account, asset)
        return None

    def _takes_from(self, instruction: Instruction, line: Line, out: dict[int, bool]) -> bool:
        if instruction.instruction_id in out:
            return False
        for effect in instruction.transaction.effects:
            if effect.amount_minor < 0 and (effect.balance.account, effect.balance.asset) == line:
                return True
        return False

    def postings(self) -> tuple[Posting, ...]:
        """Who owes first, so that `clearing` never does."""
        postings: list[Posting] = []
        for owes in (True, False):
            for (account, asset), amount_minor in self._net.items():
                if amount_minor < 0 if owes else amount_minor > 0:
                    add_posting(postings, CLEARING, account, asset, amount_minor)
        return tuple(postings)
