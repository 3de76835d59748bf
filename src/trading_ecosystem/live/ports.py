"""What a runner needs of the process around it, besides its stores."""

from collections.abc import Callable, Sequence
from typing import Protocol

from trading_ecosystem.live.door import Header
from trading_ecosystem.live.telemetry.spans import SpanRecord
from trading_ecosystem.messages.message import Addressed, Message


class Codec(Protocol):
    """Messages as the journal keeps them."""

    def encode(self, message: Message) -> tuple[str, bytes]: ...
    def decode(self, kind: str, body: bytes) -> Message: ...


class Spool(Protocol):
    """Where the traces of what leaves are kept until the audit has them."""

    def write(self, spans: Sequence[SpanRecord], mark: int) -> None: ...
    def last_mark(self) -> int: ...


class Chronicle(Protocol):
    """The history of what was published, written a little behind."""

    async def write(self) -> None:
        """Write all that it has been given so far. Raises StoreAway."""


Retell = Callable[[Sequence[Message]], None]
Post = Callable[[Addressed, Header], bool]  # Send to another process; False: it is for a subscriber of this one.
