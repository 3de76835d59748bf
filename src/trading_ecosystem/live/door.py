"""What a surface (gRPC, REST, WebSocket) may do with the core of its process, and how it is told no.

Rule 1: every surface goes through this door and through no other.
Rule 2: an answer is given when everything that it rests on is durable.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Protocol, final

from trading_ecosystem.live.clock import Clock
from trading_ecosystem.messages.health import HealthStatus
from trading_ecosystem.messages.message import Message


class RefusalCode(StrEnum):
    """Why a call has no effect. Each surface has its own word for each (status code, HTTP status, close code)."""

    MALFORMED = "malformed"  # It cannot be read at all.
    INVALID = "invalid"  # It can be read, and a field of it cannot be right.
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"
    NOT_SERVING = "not_serving"  # Starting, draining, or its store is away. Try again later.
    DEADLINE = "deadline"


class Refused(Exception):
    """A call that had no effect. `field` is a path such as `order.price_ticks`, empty where none is to blame."""

    def __init__(self, code: RefusalCode, detail: str, field: str = "") -> None:
        super().__init__(f"{field}: {detail}" if field else detail)
        self.code = code
        self.detail = detail
        self.field = field


@final
class Header:
    """Which message something is, and which story it belongs to: its span id and trace id, as integers below 2**63."""

    __slots__ = ("correlation_id", "message_id")

    def __init__(self, *, message_id: int, correlation_id: int) -> None:
        self.message_id = message_id
        self.correlation_id = correlation_id

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Header)
            and self.message_id == other.message_id
            and self.correlation_id == other.correlation_id
        )

    def __hash__(self) -> int:
        return hash((self.message_id, self.correlation_id))

    def __repr__(self) -> str:
        return f"Header(message_id={self.message_id}, correlation_id={self.correlation_id})"


@final
class Told:
    """A message that has left the core. `sequence` counts what this process published: 1, 2, 3, ...

    `body`: its protobuf bytes, where somebody has made them already.
    """

    __slots__ = ("body", "header", "message", "sequence")

    def __init__(self, *, sequence: int, header: Header, message: Message, body: bytes | None = None) -> None:
        self.sequence = sequence
        self.header = header
        self.message = message
        self.body = body

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Told)
            and self.sequence == other.sequence
            and self.header == other.header
            and self.message == other.message
        )

    def __hash__(self) -> int:
        return hash((self.sequence, self.header))

    def __repr__(self) -> str:
        return f"Told(sequence={self.sequence}, header={self.header!r}, message={self.message!r})"


Listener = Callable[[Sequence[Told]], None]  # Called on the event loop; must neither wait nor raise.


class Door(Protocol):
    """The core of a process, as its surfaces see it."""

    instance: str  # Such as `exchange` or `trading_engine.alpha`.
    clock: Clock

    async def ask(self, message: Message, cause: Header | None = None) -> Sequence[Message]:
        """Hand a command or a question to the core, and get what its handling returned, when that is durable.

        Raises `Refused` with NOT_SERVING while the service starts or drains or its store is away.
        """

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Be told of everything that is published from now on. Returns what ends it."""

    def health(self) -> tuple[HealthStatus, str]:
        """How the service is, and why it is not better."""
