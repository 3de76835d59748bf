"""Market noise in blocks: integers packed as they come, kept in the trail as one digest per block.

Rule 1: a block holds one lane (type, sender, subject), at most 3,600 messages and less than one hour.
Rule 2: a block's digest covers every number of every message in it, in little-endian 64-bit integers.
"""

from collections.abc import Iterator
from hashlib import sha256
from struct import Struct
from typing import Final, final

from trading_ecosystem.validation.audit_correlator.causation import Lane

BLOCK_MESSAGES: Final = 3_600
BLOCK_NS: Final = 3_600_000_000_000

# Each record begins with message id, causation id and sent_ns, and ends with occurred_ns if there is one.
STAMP_FROM: Final = 8  # Where causation id and sent_ns stand in a packed record.
STAMP_TO: Final = 24
PRICES: Final = Struct("<9q")  # bid_ticks, bid_lots, ask_ticks, ask_lots, sequence, occurred_ns
HEARTBEAT: Final = Struct("<5q")  # session, occurred_ns
WAKE: Final = Struct("<3q")
PACK_PRICES: Final = PRICES.pack
PACK_HEARTBEAT: Final = HEARTBEAT.pack
PACK_WAKE: Final = WAKE.pack
BID_TICKS: Final = 3  # Places in a record of prices.
ASK_TICKS: Final = 5
OCCURRED: Final = -1

BLOCK_TYPE: Final = "Block"
BLOCK_FIELDS = (
    "type",
    "subject",
    "count",
    "first_id",
    "last_id",
    "first_ns",
    "last_ns",
    "sha256",
)


@final
class Block:
    """The open block of a lane, and the one before it for looking back."""

    __slots__ = ("_kept", "_record", "ends_ns", "lane", "records", "sender", "watched")

    def __init__(self, lane: Lane, record: Struct) -> None:
        self.lane = lane
        self.sender = lane.sender
        self.records: list[bytes] = []  # Packed, one per message.
        self.ends_ns = 0  # The next message at or after this belongs to the next block.
        self.watched = False  # Somebody waits for the next message of this lane.
        self._record = record
        self._kept = b""

    def close(self) -> list[object]:
        """The values of the block's entry, by `BLOCK_FIELDS`; the block is empty after it."""
        packed = b"".join(self.records)
        first = self._record.unpack_from(packed, 0)
        last = self._record.unpack_from(packed, len(packed) - self._record.size)
        self.records = []
        self._kept = packed
        return [
            self.lane.type_name,
            self.lane.subject,
            len(packed) // self._record.size,
            first[0],
            last[0],
            first[2],
            last[2],
            sha256(packed).hexdigest(),
        ]

    def find(self, message_id: int) -> tuple[int, ...] | None:
        """The record of a message of this block or the one before; None if it is in neither."""
        for record in self._latest():
            if record[0] == message_id:
                return record
        return None

    def last_until(self, occurred_ns: int) -> tuple[int, ...] | None:
        """The last record that occurred by then, of this block or the one before."""
        found = None
        for record in self._latest():
            if record[OCCURRED] > occurred_ns:
                break
            found = record
        return found

    def _latest(self) -> Iterator[tuple[int, ...]]:
        return self._record.iter_unpack(self._kept + b"".join(self.records))
