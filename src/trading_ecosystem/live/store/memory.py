"""A journal and a memory that last as long as the process: for tests, and for services told `store: memory:`.

The obvious twin of `sql.py`: the same tests hold for both.
"""

from collections.abc import Iterator, Sequence
from typing import final

from trading_ecosystem.live.store.ports import Damaged, Record, StoreTaken


@final
class MemoryJournal:
    def __init__(self, name: str = "memory:") -> None:
        self._name = name
        self._records: list[Record] = []
        self._snapshots: list[tuple[int, bytes]] = []

    def append(self, records: Sequence[Record]) -> None:
        last = self.last_sequence()
        here = {record.sequence: record for record in self._records}
        for record in records:
            if record.sequence <= last and here.get(record.sequence) != record:
                raise StoreTaken(f"{self._name}: journal record {record.sequence} is already another one")
        new = [record for record in records if record.sequence > last]
        assert [record.sequence for record in new] == list(range(last + 1, last + 1 + len(new)))
        self._records.extend(new)

    def read(self, after: int) -> Iterator[Record]:
        expected = after + 1
        for record in self._records:
            if record.sequence > after:
                if record.sequence != expected:
                    raise Damaged(self._name, "journal", f"record {expected}", f"record {record.sequence}")
                yield record
                expected += 1

    def last_sequence(self) -> int:
        snapshot = self._snapshots[-1][0] if self._snapshots else 0
        return max(snapshot, self._records[-1].sequence if self._records else 0)

    def save_snapshot(self, sequence: int, state: bytes) -> None:
        assert sequence <= self.last_sequence()
        self._snapshots = [kept for kept in self._snapshots if kept[0] != sequence] + [(sequence, state)]
        self._snapshots = self._snapshots[-2:]
        if len(self._snapshots) == 2:
            oldest = self._snapshots[0][0]
            self._records = [record for record in self._records if record.sequence > oldest]

    def snapshot(self) -> tuple[int, bytes] | None:
        return self._snapshots[-1] if self._snapshots else None


@final
class MemoryMemory:
    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def remember(self, items: Sequence[tuple[str, str]]) -> None:
        self._texts.update(items)

    def recall(self) -> dict[str, str]:
        return dict(self._texts)
