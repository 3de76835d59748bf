"""Streams of events over WebSocket: what each is called, what has been told on it, and who listens.

Rule 1: each stream counts its events 1, 2, 3, ... within one `epoch`, which is the life of this process.
Rule 2: who comes back names epoch and sequence, and gets what they missed or is told to start anew.
Rule 3: telling takes no time: a listener that cannot keep up is cut off, never waited for.
Rule 4: what nobody listens to is not put into words before somebody asks for it.
"""

import json
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol, final

from trading_ecosystem.live.door import Told

KEPT = 1_000  # Events of each stream, for those who come back.


class Event(NamedTuple):
    """`data` makes what a client sees, as plain JSON data."""

    stream: str
    data: Callable[[], dict[str, object]]


class Feed(Protocol):
    """What a service tells on its streams."""

    def account_of(self, stream: str) -> str | None:
        """The account that a stream belongs to, empty for a public one; None where there is no such stream."""

    def events(self, told: Told) -> Iterable[Event]:
        """What one published message means for the streams."""


class Listener(Protocol):
    def offer(self, text: str) -> None:
        """Take a line, or notice that it is one too many. Must neither wait nor raise."""


class Resynchronize(Exception):
    """What was missed is not known any more."""


@final
class Stream:
    __slots__ = ("_kept", "listeners", "name", "sequence")

    def __init__(self, name: str) -> None:
        self.name = name
        self.sequence = 0
        self.listeners: list[Listener] = []
        self._kept: deque[Callable[[], dict[str, object]]] = deque(maxlen=KEPT)

    def tell(self, data: Callable[[], dict[str, object]]) -> None:
        self.sequence += 1
        self._kept.append(data)
        if self.listeners:
            text = self._line(self.sequence, data)
            for listener in tuple(self.listeners):
                listener.offer(text)

    def after(self, sequence: int) -> Sequence[str]:
        """The lines after this one. Raises `Resynchronize`."""
        missed = self.sequence - sequence
        if not 0 <= missed <= len(self._kept):
            raise Resynchronize
        told = list(self._kept)[len(self._kept) - missed :]
        return [self._line(number, data) for number, data in enumerate(told, sequence + 1)]

    def _line(self, sequence: int, data: Callable[[], dict[str, object]]) -> str:
        return json.dumps({"stream": self.name, "sequence": sequence, "data": data()}, separators=(",", ":"))


@final
class Streams:
    """All streams of a service. Its `hear` is to be called with everything that the service publishes."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.epoch = secrets.token_hex(8)
        self._streams: dict[str, Stream] = {}

    def hear(self, told: Sequence[Told]) -> None:
        for each in told:
            for event in self.feed.events(each):
                self.stream(event.stream).tell(event.data)

    def stream(self, name: str) -> Stream:
        """The stream of this name, which the feed must know."""
        stream = self._streams.get(name)
        if stream is None:
            stream = self._streams[name] = Stream(name)
        return stream

    def leave(self, listener: Listener) -> None:
        for stream in self._streams.values():
            if listener in stream.listeners:
                stream.listeners.remove(listener)
