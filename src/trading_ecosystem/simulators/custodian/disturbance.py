"""What a custodian does wrong on purpose: one fault at a time, and what of it has to be put right afterwards.

Rule 1: a fault never bends the ledger. It holds settlements back, or has something told that the ledger does not have.
Rule 2: the undo settles what was held back, and from then on all is told as it is.
"""

from typing import cast, final

from trading_ecosystem.messages.chaos import CustodyFault, FaultCustody
from trading_ecosystem.simulators.custodian.ledger import Transaction

MILLION = 1_000_000
NOTHING_TOLD = (0, 0)


@final
class Disturbance:
    """The fault in force, if any; the instructions it has held back; and how what is told differs from the ledger."""

    __slots__ = ("_told", "fault", "held")

    def __init__(self) -> None:
        self.fault: FaultCustody | None = None
        self.held: list[int] = []  # Instruction ids.
        self._told: dict[str, list[int]] = {}  # Account and asset -> what is added to posted and pending amounts.

    def refusal(self, command: FaultCustody) -> str:
        """Why a fault cannot be; empty if it can."""
        if self.fault is not None:
            return f"settlement is disturbed already, by {self.fault.injection_id}"
        if command.custody_fault is CustodyFault.DELAY and command.by_ns <= 0:
            return "a delay needs a time above 0"
        if command.custody_fault is CustodyFault.PARTIAL and not 0 < command.share_ppm < MILLION:
            return "a part is more than nothing and less than all"
        return ""

    def begin(self, command: FaultCustody) -> None:
        assert self.fault is None and not self.held and not self._told
        self.fault = command

    def end(self) -> list[int]:
        """Undo the fault. Returns the instructions that it held back, in the order in which it did."""
        held = self.held
        self.fault, self.held, self._told = None, [], {}
        return held

    def tell_gone(self, transaction: Transaction) -> None:
        """From now on it is told as not pending any more."""
        for effect in transaction.effects:
            self._line(effect.balance.account, effect.balance.asset)[1] -= effect.amount_minor

    def tell_twice(self, transaction: Transaction) -> None:
        for effect in transaction.effects:
            self._line(effect.balance.account, effect.balance.asset)[0] += effect.amount_minor

    def told(self, account: str, asset: str) -> tuple[int, int]:
        """What is added to the posted and to the pending amount in what is told."""
        line = self._told.get(f"{account} {asset}")
        return NOTHING_TOLD if line is None else (line[0], line[1])

    @property
    def misleads(self) -> bool:
        return bool(self._told)

    def _line(self, account: str, asset: str) -> list[int]:
        return self._told.setdefault(f"{account} {asset}", [0, 0])

    def save(self) -> list[object]:
        fault = self.fault
        plain: list[object] = []
        if fault is not None:
            plain = [fault.to, fault.injection_id, fault.custody_fault.value, fault.by_ns, fault.share_ppm]
        return [plain, list(self.held), {key: list(line) for key, line in self._told.items()}]

    def restore(self, plain: list[object], held: list[int], told: dict[str, list[int]]) -> None:
        self.fault = None
        if plain:
            to, injection_id, custody_fault, by_ns, share_ppm = plain
            self.fault = FaultCustody(
                to=cast(str, to),
                injection_id=cast(str, injection_id),
                custody_fault=CustodyFault(cast(str, custody_fault)),
                by_ns=cast(int, by_ns),
                share_ppm=cast(int, share_ppm),
            )
        self.held = list(held)
        self._told = {key: list(line) for key, line in told.items()}
