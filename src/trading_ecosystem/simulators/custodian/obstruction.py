"""What stands in the way of transfers on purpose: one fault at a time, and none of them bends the ledger.

Rule 1: what may not go on stays in transit, and goes on when the fault is undone.
Rule 2: of bank hours, what leaves for outside does so at the cut-off of a business day. That it will is told with the
transfer's expected time, at once or from a moment on; before that moment it is late, and nobody was told.
"""

from typing import Final, cast, final

from trading_ecosystem.messages.chaos import CustodyFault, FaultCustody
from trading_ecosystem.messages.transfers import TransferKind
from trading_ecosystem.simulators.custodian.calendar import BusinessCalendar
from trading_ecosystem.simulators.custodian.config import CustodianConfig

OF_TRANSFERS: Final = (CustodyFault.FREEZE, CustodyFault.FREEZE_ALL, CustodyFault.BANK_HOURS)
NEVER: Final = 0


@final
class Obstruction:
    """The fault in force, if any, and since when."""

    __slots__ = ("_calendar", "_cut_off_ns", "_since_ns", "fault")

    def __init__(self, config: CustodianConfig) -> None:
        self._calendar = BusinessCalendar(config.holidays)
        self._cut_off_ns = config.cut_off_ns
        self._since_ns = 0
        self.fault: FaultCustody | None = None

    def refusal(self) -> str:
        """Why a fault cannot be; empty if it can."""
        return "" if self.fault is None else f"transfers are obstructed already, by {self.fault.injection_id}"

    def begin(self, command: FaultCustody, now: int) -> None:
        assert self.fault is None and command.custody_fault in OF_TRANSFERS
        self.fault, self._since_ns = command, now

    def end(self) -> None:
        self.fault = None

    def stops(self, kind: TransferKind) -> bool:
        fault = self.fault
        if fault is None:
            return False
        return fault.custody_fault is CustodyFault.FREEZE_ALL or kind is TransferKind.WITHDRAWAL

    def opens_ns(self, at_ns: int) -> int:
        """When what is stopped may leave, at `at_ns` or later; `NEVER` for not as long as the fault is in force."""
        assert self.fault is not None
        if self.fault.custody_fault is not CustodyFault.BANK_HOURS:
            return NEVER
        return self._calendar.settlement_ns(at_ns - self._cut_off_ns - 1, 1, self._cut_off_ns)

    def told_ns(self) -> int:
        """From when on the expected time of a transfer says when it may leave."""
        assert self.fault is not None
        return self._since_ns + self.fault.by_ns

    def save(self) -> list[object]:
        fault = self.fault
        if fault is None:
            return []
        return [fault.to, fault.injection_id, fault.custody_fault.value, fault.by_ns, fault.share_ppm, self._since_ns]

    def restore(self, saved: list[object]) -> None:
        self.fault = None
        if saved:
            to, injection_id, custody_fault, by_ns, share_ppm, since_ns = saved
            self.fault = FaultCustody(
                to=cast(str, to),
                injection_id=cast(str, injection_id),
                custody_fault=CustodyFault(cast(str, custody_fault)),
                by_ns=cast(int, by_ns),
                share_ppm=cast(int, share_ppm),
            )
            self._since_ns = cast(int, since_ns)
