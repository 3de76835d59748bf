"""What a start would have to handle again, and when there is so much of it that a snapshot pays.

Rule 1: a snapshot is due when the journal behind the last one has outgrown it: what all of them cost together stays in
  proportion to what was journaled.
Rule 2: with few inputs none is due, and with many one always is, so that a start is quick, however large the state is.
"""

from typing import final

FEWEST_INPUTS, MOST_INPUTS = 30_000, 120_000  # Between two snapshots.


@final
class Backlog:
    """The inputs since the last snapshot."""

    __slots__ = ("_journal_bytes", "_snapshot_bytes", "inputs")

    def __init__(self) -> None:
        self.inputs = 0
        self._journal_bytes = 0
        self._snapshot_bytes = 0

    def found(self, snapshot_bytes: int) -> None:
        """How long the last snapshot is, at a start."""
        self._snapshot_bytes = snapshot_bytes

    def add(self, inputs: int, journal_bytes: int) -> None:
        """So many more, of so many bytes in the journal."""
        self.inputs += inputs
        self._journal_bytes += journal_bytes

    @property
    def is_long(self) -> bool:
        if self.inputs < FEWEST_INPUTS:
            return False
        return self._journal_bytes >= self._snapshot_bytes or self.inputs >= MOST_INPUTS

    def shorten(self, snapshot_bytes: int) -> None:
        """All of them are in a snapshot now."""
        self.inputs = self._journal_bytes = 0
        self._snapshot_bytes = snapshot_bytes
