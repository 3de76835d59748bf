"""The kernel's ping-pong between players in plain Python, whatever the build: what a delivery to such a core costs.

Beside a peer's bus, which calls a handler in Python at once, this goes through a queue in simulated time and a link.
"""

import time
from collections.abc import Sequence

from kernel import MESSAGES, ROUNDS, kernel_rate

from trading_ecosystem.core import Core
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import CancelOrder
from trading_ecosystem.messages.runtime import Start


class InterpretedPlayer(Core):
    """As `players.Player`, which the compiled build compiles."""

    def __init__(self, other: str, serves: int) -> None:
        self.ball: list[Message] = [CancelOrder(other, "account", "ball")]
        self.serve = self.ball * serves

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        return self.serve if isinstance(message, Start) else self.ball


if __name__ == "__main__":
    print(max(kernel_rate(MESSAGES, InterpretedPlayer, time.process_time) for _ in range(ROUNDS)))
