"""The players of the kernel's ping-pong. The compiled build compiles them, as it does the services."""

from collections.abc import Sequence
from typing import final

from trading_ecosystem.core import Core
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import CancelOrder
from trading_ecosystem.messages.runtime import Start

NOTHING: tuple[Message, ...] = ()


@final
class Player(Core):
    """Sends every ball back to `other`; at the start it serves `serves` of them."""

    __slots__ = ("_ball", "_serve")

    def __init__(self, other: str, serves: int) -> None:
        self._ball: list[Message] = [CancelOrder(other, "account", "ball")]
        self._serve: list[Message] = self._ball * serves

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        if isinstance(message, Start):
            return self._serve
        return self._ball


@final
class Nobody(Core):
    """Observes without a word."""

    __slots__ = ()

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        return NOTHING


def carry_out(core: Core, messages: list[Message]) -> int:
    """Hand all messages to a core, and count what it says."""
    said = 0
    for message in messages:
        said += len(core.handle(message, 1))
    return said
