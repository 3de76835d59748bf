"""What the coordinator notes of the comparisons of books that a custodian makes.

Rule 1: books are reconciled when they were compared, nothing differed the last time, and nothing failed that has not
settled since.
"""

from typing import final

from trading_ecosystem.messages.books import BooksCompared
from trading_ecosystem.validation.test_coordinator.recorder import Recorder

MOST_TOLD = 5  # Breaks in one line.


@final
class BookNotes:
    __slots__ = ("_last", "_recorder", "counts")

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._last: dict[str, BooksCompared] = {}  # By custodian and venue.
        self.counts: dict[str, int] = {}

    def note(self, message: BooksCompared) -> None:
        self._last[f"{message.custodian} {message.venue}"] = message
        self._count("books compared", message.occurred_ns)
        if message.breaks:
            self._count("books that differed", message.occurred_ns)

    def note_netting(self, instructions: int, ns: int) -> None:
        self._count("netting sets settled", ns)
        self.counts["instructions netted"] = self.counts.get("instructions netted", 0) + instructions

    def troubles(self, failing: int, since_ns: int) -> list[str]:
        """Why books are not reconciled; nothing where they are. `failing`: settlements that failed, or are lost."""
        if not self._last:
            return ["no books were compared"]
        troubles: list[str] = []
        for message in self._last.values():
            if message.occurred_ns < since_ns:
                troubles.append(f"the books of {message.venue} were not compared again")
            for each in message.breaks[:MOST_TOLD]:
                difference = each.venue_minor - each.custody_minor
                troubles.append(
                    f"{each.account} has {difference:+} of {each.asset} at {message.venue} as against custody"
                )
        if failing:
            troubles.append(f"{failing} settlements failed")
        return troubles

    def _count(self, name: str, ns: int) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1
        self._recorder.count(name, "settlement", ns)
