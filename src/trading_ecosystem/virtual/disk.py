"""The simulated disk of one service: a journal with snapshots, and a small memory of keys.

Rule 1: what was written becomes durable when it is synced, `commit_ns` later; a crash keeps that and no more.
Rule 2: of the first record that was not synced, a crash may leave a torn part.
Rule 3: bytes are made when somebody reads them; until then a record is the message, which nobody changes.
"""

import json
from typing import Final, final

from trading_ecosystem.journal import encode_record, read_records
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.runtime import Plain

COMMIT_NS: Final = 200_000
RECORDS_PER_SNAPSHOT: Final = 100_000  # To save a venue takes as long as to have it handle some thousands again.
NEVER_NS: Final = (1 << 62) - 1


@final
class Disk:
    """`commit_ns`: how long a commit takes that begins now."""

    __slots__ = ("_durable_ns", "_memory", "_messages", "_snapshot", "_stalled_ns", "_times_ns", "_torn", "commit_ns")

    def __init__(self) -> None:
        self.commit_ns = COMMIT_NS
        self._stalled_ns = NEVER_NS  # Since when nothing becomes durable.
        self._durable_ns: list[int] = []  # When each record is synced, in order.
        self._snapshot = ""
        self._times_ns: list[int] = []
        self._messages: list[Message] = []
        self._torn = b""
        self._memory: dict[str, str] = {}

    # The journal.

    def append(self, now: int, told_ns: int, message: Message) -> int:
        """Write down what is handled when the service's clock tells `told_ns`. Returns when it is durable."""
        assert self._stalled_ns == NEVER_NS, "nothing is handled that cannot be written"
        durable_ns = now + self.commit_ns
        if self._durable_ns and durable_ns < self._durable_ns[-1]:
            durable_ns = self._durable_ns[-1]
        self._durable_ns.append(durable_ns)
        self._times_ns.append(told_ns)
        self._messages.append(message)
        return durable_ns

    def wants_snapshot(self, now: int) -> bool:
        """True when the journal is long and all of it is synced."""
        return len(self._times_ns) >= RECORDS_PER_SNAPSHOT and self._durable_ns[-1] <= now

    def keep_snapshot(self, state: Plain) -> None:
        self._snapshot = json.dumps(state)
        self._durable_ns = []
        self._times_ns = []
        self._messages = []

    def stall(self, now: int) -> None:
        """Until `resume`, no commit ends that has not ended."""
        self._stalled_ns = now

    def resume(self, now: int) -> None:
        """What would have become durable meanwhile does so now."""
        stalled_ns = self._stalled_ns
        self._durable_ns = [at_ns if at_ns <= stalled_ns or at_ns > now else now for at_ns in self._durable_ns]
        self._stalled_ns = NEVER_NS

    def crash(self, now: int, torn_bytes: int) -> int:
        """Drop what was not synced, but for a torn part. Returns how many records were dropped."""
        synced, until_ns = len(self._durable_ns), min(now, self._stalled_ns)
        while synced > 0 and self._durable_ns[synced - 1] > until_ns:
            synced -= 1
        dropped = len(self._times_ns) - synced
        if dropped > 0:
            first = encode_record(self._times_ns[synced], self._messages[synced])
            self._torn = first[: min(torn_bytes, len(first) - 1)]
        self._durable_ns = self._durable_ns[:synced]
        self._times_ns = self._times_ns[:synced]
        self._messages = self._messages[:synced]
        return dropped

    def journal_bytes(self) -> bytes:
        pairs = zip(self._times_ns, self._messages, strict=True)
        return b"".join([encode_record(now, message) for now, message in pairs]) + self._torn

    def recover(self) -> tuple[Plain, list[tuple[int, Message]]]:
        """The snapshot (None if there is none) and the records after it, read back from bytes."""
        records, _ = read_records(self.journal_bytes())
        self._torn = b""
        snapshot: Plain = json.loads(self._snapshot) if self._snapshot else None
        return snapshot, records

    # The memory.

    def remember(self, key: str, value: Plain) -> None:
        self._memory[key] = json.dumps(value)

    def memory(self) -> dict[str, Plain]:
        return {key: json.loads(value) for key, value in self._memory.items()}
