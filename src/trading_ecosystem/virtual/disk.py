"""The simulated disk of one service: a journal with snapshots, and a small memory of keys.

Rule 1: what was written becomes durable when it is synced, `COMMIT_NS` later; a crash keeps that and no more.
Rule 2: of the first record that was not synced, a crash may leave a torn part.
Rule 3: bytes are made when somebody reads them; until then a record is the message, which nobody changes.
"""

import json
from typing import Final, final

from trading_ecosystem.journal import encode_record, read_records
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.runtime import Plain

COMMIT_NS: Final = 200_000
RECORDS_PER_SNAPSHOT: Final = 20_000


@final
class Disk:
    __slots__ = ("_last_ns", "_memory", "_messages", "_snapshot", "_times_ns", "_torn")

    def __init__(self) -> None:
        self._snapshot = ""
        self._times_ns: list[int] = []
        self._messages: list[Message] = []
        self._torn = b""
        self._memory: dict[str, str] = {}
        self._last_ns = 0

    # The journal.

    def append(self, now: int, message: Message) -> None:
        self._times_ns.append(now)
        self._messages.append(message)
        self._last_ns = now

    def wants_snapshot(self, now: int) -> bool:
        """True when the journal is long and all of it is synced."""
        return len(self._times_ns) >= RECORDS_PER_SNAPSHOT and self._last_ns + COMMIT_NS <= now

    def keep_snapshot(self, state: Plain) -> None:
        self._snapshot = json.dumps(state)
        self._times_ns = []
        self._messages = []

    def crash(self, now: int, torn_bytes: int) -> int:
        """Drop what was not synced, but for a torn part. Returns how many records were dropped."""
        synced = len(self._times_ns)
        while synced > 0 and self._times_ns[synced - 1] + COMMIT_NS > now:
            synced -= 1
        dropped = len(self._times_ns) - synced
        if dropped > 0:
            first = encode_record(self._times_ns[synced], self._messages[synced])
            self._torn = first[: min(torn_bytes, len(first) - 1)]
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
