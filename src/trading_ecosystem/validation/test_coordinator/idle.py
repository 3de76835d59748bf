"""What a test coordinator is while no scenario was given to it: it hears everything, and does nothing."""

from collections.abc import Sequence
from typing import final

from trading_ecosystem.core import Core
from trading_ecosystem.messages.message import Message


@final
class Idle(Core):
    def handle(self, message: Message, now: int) -> Sequence[Message]:
        return ()
