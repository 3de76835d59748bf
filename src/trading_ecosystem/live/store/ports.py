"""What a service asks of its store, in its own words: a journal of inputs, a small memory, a history to be queried.

Rule 1: what `append`, `remember` and `save_snapshot` return from is durable.
Rule 2: after `StoreAway` the caller hands over the same again; what was written after all is recognised.
Rule 3: damage is named and never served; after `StoreBroken` the process ends and recovers, and nothing is tried again.

One thread writes. Others may read the history at the same time.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from trading_ecosystem.messages.message import Message


class StoreAway(Exception):
    """Locked, full, slow or unreachable: nothing is known to be written. The same may be tried again."""


class StoreBroken(Exception):
    """An input or output error, or one that nobody expected: what is durable is unknown until the next start."""


class StoreTaken(StoreBroken):
    """Another process holds this store, or has taken it over."""


class StoreRefused(Exception):
    """This store is not one to start on: wrong settings, a newer schema, another service's, no right to it."""


class Damaged(Exception):
    """What is in the store is not what was written. `where` is such as `journal record 17`."""

    def __init__(self, store: str, where: str, expected: str, actual: str) -> None:
        super().__init__(f"{store}: {where}: expected {expected}, found {actual}")
        self.store = store
        self.where = where
        self.expected = expected
        self.actual = actual


class Record(NamedTuple):
    """`sequence` counts 1, 2, 3, ...; `now_ns` is the service's time; the store does not look into the payload."""

    sequence: int
    now_ns: int
    kind: str
    payload: bytes


class Journal(Protocol):
    """The inputs of a core, in order, without a gap."""

    def append(self, records: Sequence[Record]) -> None:
        """Write all of them or none. The first follows the last one written, or repeats one that is already there.

        Raises StoreAway or StoreBroken; StoreTaken where other records stand under these sequences.
        """

    def read(self, after: int) -> Iterator[Record]:
        """All records with a higher sequence, in order. Raises Damaged at the first that is wrong or missing."""

    def last_sequence(self) -> int:
        """Of the newest record, or of the snapshot that replaced it; 0 in a new store."""

    def save_snapshot(self, sequence: int, state: bytes) -> None:
        """Keep the state after this record. What is older than the last two snapshots is given up, now or with what is
        appended afterwards."""

    def snapshot(self) -> tuple[int, bytes] | None:
        """The newest one. Raises Damaged if it is; the one before it and all records after that are still there."""


class Memory(Protocol):
    """A few values under keys; the last one counts."""

    def remember(self, items: Sequence[tuple[str, str]]) -> None:
        """Write all of them or none. Raises StoreAway or StoreBroken."""

    def recall(self) -> dict[str, str]:
        """Everything remembered. Raises Damaged."""


class History(Protocol):
    """What a service tells about its past. Each service adds its own questions."""

    def record(self, messages: Sequence[Message]) -> None:
        """Keep of these messages those that the history is made of. Again is as good as once.

        Raises StoreAway or StoreBroken.
        """


HistoryType = TypeVar("HistoryType", bound=History)


@dataclass(frozen=True, kw_only=True)
class Store(Generic[HistoryType]):
    """Everything one instance keeps. `name` has no password in it; `epoch` counts who has held it: 1, 2, 3, ...

    `keeps`: it outlives the process.
    """

    name: str
    epoch: int
    journal: Journal
    memory: Memory
    history: HistoryType
    close: Callable[[], None]
    keeps: bool = True
