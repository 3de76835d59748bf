"""Which message caused which: the causal graph over all messages of a run, 20 bytes per message.

Rule 1: a message has at most one cause, and the cause is older: the graph is a forest, and ids are its order.
Rule 2: a cause that never departed makes its effect an orphan, and orphans are kept for the audit.
"""

import json
from collections.abc import Iterator
from struct import Struct
from typing import Final, final

STAMP: Final = Struct("<qq")  # causation id, sent_ns
NUMBER: Final = Struct("<i")  # of a lane
NO_LANE: Final = -1
NO_STAMP: Final = STAMP.pack(0, 0)  # In the place of an id that has not departed.
NO_NUMBER: Final = NUMBER.pack(NO_LANE)
MOST_NEW: Final = 8_192
OUTSIDE: Final = "outside"  # The plane of whoever is no service: people, the injector, the runner.


@final
class Lane:
    """All messages of one type by one sender about one subject."""

    __slots__ = ("count", "number_bytes", "plane", "prefix", "sender", "subject", "type_name")

    def __init__(self, number: int, type_name: str, sender: str, subject: str, plane: str) -> None:
        self.number_bytes = NUMBER.pack(number)
        self.type_name = type_name
        self.sender = sender
        self.subject = subject
        self.plane = plane
        self.prefix = json.dumps([plane, sender, type_name], separators=(",", ":"))[1:-1]
        self.count = 0


@final
class CausalGraph:
    """`planes` names the plane of each instance."""

    __slots__ = (
        "_lane_of",
        "_missing",
        "_new_numbers",
        "_new_stamps",
        "_next_id",
        "_numbers",
        "_planes",
        "_stamps",
        "lanes",
        "orphans",
    )

    def __init__(self, planes: dict[str, str]) -> None:
        self._planes = planes
        self._stamps = bytearray(NO_STAMP)  # Id 0 is nobody's.
        self._numbers = bytearray(NO_NUMBER)
        self._new_stamps: list[bytes] = []  # Those of the latest ids, which are joined to the others now and then.
        self._new_numbers: list[bytes] = []
        self._next_id = 1
        self._missing = 0  # How many ids were skipped so far: in their sender's hands, or withdrawn.
        self._lane_of: dict[tuple[str, str, str], Lane] = {}
        self.lanes: list[Lane] = []
        self.orphans: list[int] = []

    def lane(self, type_name: str, sender: str, subject: str) -> Lane:
        """The lane of these, a new one if there is none."""
        key = (type_name, sender, subject)
        found = self._lane_of.get(key)
        if found is None:
            plane = self._planes.get(sender, OUTSIDE)
            found = Lane(len(self.lanes), type_name, sender, subject, plane)
            self._lane_of[key] = found
            self.lanes.append(found)
        return found

    def record(self, message_id: int, causation_id: int, stamp: bytes, lane: Lane) -> None:
        """Take in a message. Ids come in order but for those of senders who wait for a commit.

        `stamp`: causation id and sent_ns as `STAMP` packs them.
        """
        assert 0 <= causation_id < message_id, f"message {message_id} is older than its cause"
        if message_id != self._next_id:
            self._make_room(message_id)
        if self._missing and self._is_missing(causation_id):
            self.orphans.append(message_id)
        lane.count += 1
        if message_id == self._next_id:
            self._next_id = message_id + 1
            self._new_stamps.append(stamp)
            self._new_numbers.append(lane.number_bytes)
            if len(self._new_stamps) > MOST_NEW:
                self._join()
        else:
            self._put(message_id, stamp, lane.number_bytes)

    def _put(self, message_id: int, stamp: bytes, number: bytes) -> None:
        """Into the place that was kept."""
        place = message_id - self._next_id + len(self._new_stamps)
        if place >= 0:
            self._new_stamps[place] = stamp
            self._new_numbers[place] = number
        else:
            self._stamps[message_id * STAMP.size : (message_id + 1) * STAMP.size] = stamp
            self._numbers[message_id * NUMBER.size : (message_id + 1) * NUMBER.size] = number

    def _join(self) -> None:
        self._stamps += b"".join(self._new_stamps)
        self._numbers += b"".join(self._new_numbers)
        self._new_stamps.clear()
        self._new_numbers.clear()

    def _make_room(self, message_id: int) -> None:
        if message_id < self._next_id:
            assert self._is_missing(message_id), f"message {message_id} departed twice"
            self._missing -= 1
            return
        while self._next_id < message_id:
            self._missing += 1
            self._new_stamps.append(NO_STAMP)
            self._new_numbers.append(NO_NUMBER)
            self._next_id += 1

    def _is_missing(self, message_id: int) -> bool:
        """Of an id that was given: whether it has not departed. Id 0 never does, and nobody misses it."""
        place = message_id - self._next_id + len(self._new_numbers)
        if message_id == 0 or place >= 0:
            return message_id != 0 and self._new_numbers[place] is NO_NUMBER
        return self._numbers[message_id * NUMBER.size : (message_id + 1) * NUMBER.size] == NO_NUMBER

    def __len__(self) -> int:
        """How many messages departed."""
        return self._next_id - 1 - self._missing

    def cause_of(self, message_id: int) -> int:
        """The id of the message that caused this one; 0 for a root and for a message that never departed."""
        return int(self._read(message_id)[0])

    def sent_ns(self, message_id: int) -> int:
        return int(self._read(message_id)[1])

    def lane_of(self, message_id: int) -> Lane | None:
        """None for a message that never departed."""
        number = self._read(message_id)[2]
        return None if number == NO_LANE else self.lanes[number]

    def ancestors(self, message_id: int) -> Iterator[int]:
        """The causes of a message, nearest first, down to its root."""
        current = self.cause_of(message_id)
        while current:
            yield current
            current = self.cause_of(current)

    def root_of(self, message_id: int) -> int:
        """The first message of the story that departed; the message itself if it came from outside."""
        root = message_id
        cause = self.cause_of(root)
        while cause and not self._is_missing(cause):
            root = cause
            cause = self.cause_of(root)
        return root

    def _read(self, message_id: int) -> tuple[int, int, int]:
        if not 0 <= message_id < self._next_id:
            return 0, 0, NO_LANE
        if self._new_stamps:
            self._join()
        cause, sent_ns = STAMP.unpack_from(self._stamps, message_id * STAMP.size)
        (number,) = NUMBER.unpack_from(self._numbers, message_id * NUMBER.size)
        return cause, sent_ns, number
