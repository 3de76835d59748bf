"""What a surface (gRPC, REST, WebSocket) may do with the core of its process, and how it is told no.

Rule 1: every surface goes through this door and through no other.
Rule 2: an answer is given when everything that it rests on is durable.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

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


@dataclass(slots=True, kw_only=True)
class Header:
    """Which message something is, and which story it belongs to: its span id and trace id, as integers below 2**63."""

    message_id: int
    correlation_id: int


@dataclass(slots=True, kw_only=True)
class Told:
    """A message that has left the core. `sequence` counts what this process published: 1, 2, 3, ..."""

    sequence: int
    header: Header
    message: Message


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
