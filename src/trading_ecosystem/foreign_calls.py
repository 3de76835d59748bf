"""Which call into code of others is going on: plug-ins of strategies and rules, which may never come back.

Rule 1: a core only notes that a call began and ended; it knows no clock, and no watch.
Rule 2: whoever watches raises `NeverReturned` inside the call, and at no other time.
"""

from typing import Final, final


class NeverReturned(BaseException):
    """A call did not come back. No `Exception`, so that what catches those in a loop goes on is not in its way."""


@final
class ForeignCall:
    """One at a time in a process: a core handles one message at a time. `number` tells one call from the next."""

    __slots__ = ("going", "number")

    def __init__(self) -> None:
        self.going = False
        self.number = 0

    def begin(self) -> None:
        self.number += 1
        self.going = True

    def end(self) -> None:
        self.going = False


CALL: Final = ForeignCall()
