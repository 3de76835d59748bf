"""What the command line says to other programs."""

from enum import IntEnum

from trading_ecosystem.validation.results import Verdict


class Exit(IntEnum):
    PASS = 0
    FAIL = 1
    BAD_INPUT = 2
    INVALID = 3
    BROKEN = 70  # An error of ours, as in sysexits.h; never to be taken for a verdict.
    INTERRUPTED = 130


EXIT_OF = {Verdict.PASS: Exit.PASS, Verdict.FAIL: Exit.FAIL, Verdict.INVALID: Exit.INVALID}


class Interrupted(Exception):
    """The person stopped it; the message says what was kept."""
