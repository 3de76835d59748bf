"""What is due and when: ordered by `(due_ns, sequence)`, so what is due together runs in the order it was sent.

Envelopes that arrive at one place at one moment over one link are one entry, a train: of the quotes of one second, say.

Compiled, a binary heap of our own is fastest; uncompiled, `heapq` is. Both give the same order.
"""

from heapq import heappop, heappush
from typing import Final, final

from mypy_extensions import i64, mypyc_attr

from trading_ecosystem.messages.audit import Envelope

COMPILED: Final = not __file__.endswith(".py")


@final
@mypyc_attr(acyclic=True)
class Entry:
    """One arrival. `incarnation` is the recipient's at the time of sending."""

    __slots__ = ("due_ns", "incarnation", "recipient", "sequence", "train")

    def __init__(self, due_ns: i64, sequence: i64, recipient: i64, incarnation: i64, train: list[Envelope]) -> None:
        self.due_ns: i64 = due_ns
        self.sequence: i64 = sequence
        self.recipient: i64 = recipient
        self.incarnation: i64 = incarnation
        self.train = train


@final
class DueQueue:
    """`advance` takes the next entry off and leaves its parts in the attributes of the queue."""

    __slots__ = ("_entries", "_own_heap", "_tuples", "due_ns", "incarnation", "recipient", "train")

    def __init__(self, own_heap: bool = COMPILED) -> None:
        self._own_heap = own_heap
        self._entries: list[Entry] = []
        self._tuples: list[tuple[int, int, int, int, list[Envelope]]] = []
        self.due_ns: i64 = 0
        self.recipient: i64 = 0
        self.incarnation: i64 = 0
        self.train: list[Envelope] = []

    def __len__(self) -> int:
        return len(self._entries) + len(self._tuples)

    def push(self, due_ns: i64, sequence: i64, recipient: i64, incarnation: i64, train: list[Envelope]) -> None:
        if self._own_heap:
            sift_up(self._entries, Entry(due_ns, sequence, recipient, incarnation, train))
        else:
            heappush(self._tuples, (due_ns, sequence, recipient, incarnation, train))

    def next_due_ns(self) -> i64:
        """When the next entry is due; -1 when there is none."""
        if self._own_heap:
            if self._entries:
                return self._entries[0].due_ns
        elif self._tuples:
            return self._tuples[0][0]
        return -1

    def advance(self) -> None:
        if self._own_heap:
            first = take_first(self._entries)
            self.due_ns = first.due_ns
            self.recipient = first.recipient
            self.incarnation = first.incarnation
            self.train = first.train
        else:
            self.due_ns, _, self.recipient, self.incarnation, self.train = heappop(self._tuples)


def sift_up(heap: list[Entry], entry: Entry) -> None:
    heap.append(entry)
    due_ns: i64 = entry.due_ns
    sequence: i64 = entry.sequence
    at: i64 = len(heap) - 1
    while at > 0:
        above: i64 = (at - 1) >> 1
        parent = heap[above]
        if parent.due_ns < due_ns or (parent.due_ns == due_ns and parent.sequence < sequence):
            break
        heap[at] = parent
        at = above
    heap[at] = entry


def take_first(heap: list[Entry]) -> Entry:
    last = heap.pop()
    size: i64 = len(heap)
    if size == 0:
        return last
    first = heap[0]
    at: i64 = 0
    below: i64 = 1
    while below < size:
        child = heap[below]
        if below + 1 < size and comes_before(heap[below + 1], child):
            below += 1
            child = heap[below]
        if comes_before(last, child):
            break
        heap[at] = child
        at = below
        below = 2 * at + 1
    heap[at] = last
    return first


def comes_before(one: Entry, other: Entry) -> bool:
    return one.due_ns < other.due_ns or (one.due_ns == other.due_ns and one.sequence < other.sequence)
