"""What a process has published: told to its surfaces, and kept for a while for those who come back.

Rule 1: everything published has a sequence number of this incarnation: 1, 2, 3, ... without a gap.
Rule 2: a listener is called at once and in order; what it cannot take it must bound and cut off itself.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import final

from trading_ecosystem.live.door import Header, Listener, Told
from trading_ecosystem.messages.message import Message

KEPT = 20_000  # Messages, for subscribers who were cut off and come back.


@final
class Hub:
    """`incarnation` tells this life of the process from its earlier ones."""

    def __init__(self, incarnation: int, kept: int = KEPT) -> None:
        self.incarnation = incarnation
        self.sequence = 0
        self._ring: deque[Told] = deque(maxlen=kept)
        self._listeners: list[Listener] = []

    def publish(self, messages: Sequence[tuple[Header, Message]]) -> None:
        self.tell([(header, message, None) for header, message in messages])

    def tell(self, messages: Sequence[tuple[Header, Message, bytes | None]]) -> None:
        """Publish messages that have been encoded already."""
        told: list[Told] = []
        for header, message, body in messages:
            self.sequence += 1
            told.append(Told(sequence=self.sequence, header=header, message=message, body=body))
        self._ring.extend(told)
        for listener in list(self._listeners):
            listener(told)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call it with everything that is published from now on. Returns what ends that."""
        self._listeners.append(listener)

        def end() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return end

    def since(self, incarnation: int, sequence: int) -> Sequence[Told] | None:
        """All that was published after this sequence; None where that is not known any more."""
        if incarnation != self.incarnation or sequence > self.sequence:
            return None
        if sequence == self.sequence:
            return ()
        if not self._ring or self._ring[0].sequence > sequence + 1:
            return None
        return [told for told in self._ring if told.sequence > sequence]
