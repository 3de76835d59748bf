"""The same ping-pong on this project's kernel and on SimPy: messages that arrive after a delay, in both directions.

SimPy's side is its documented way to model a wire ("Event Latency"): a process per message that waits and puts.
"""

import gc
import time
from collections.abc import Generator, Sequence
from typing import Any

import simpy

from trading_ecosystem.chance import Dice
from trading_ecosystem.core import Core
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import CancelOrder
from trading_ecosystem.messages.runtime import Start
from trading_ecosystem.virtual.network import Link
from trading_ecosystem.virtual.queue import COMPILED
from trading_ecosystem.virtual.world import Service, World

LATENCY_NS = 1_000_000
IN_FLIGHT = 16
ROUNDS = 3


class Player(Core):
    """Sends every ball back; the first player serves them."""

    def __init__(self, other: str, serves: bool) -> None:
        self._ball = [CancelOrder(other, "account", "ball")]
        self._serve = self._ball * IN_FLIGHT if serves else []

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        return self._serve if isinstance(message, Start) else self._ball


class Nobody(Core):
    def handle(self, message: Message, now: int) -> Sequence[Message]:
        return []


def kernel_rate(messages: int) -> float:
    """Messages delivered per second of wall time."""
    services = [Service("a", lambda: Player("b", True)), Service("b", lambda: Player("a", False))]
    links = [Link(LATENCY_NS, 0, Dice(1, str(i))) for i in range(4)]
    world = World(services, {}, {}, links, Nobody(), 0)
    gc.disable()
    began = time.perf_counter()
    world.run(messages // IN_FLIGHT * LATENCY_NS)
    elapsed = time.perf_counter() - began
    gc.enable()
    return float(world.delivered / elapsed)


class Wire:
    def __init__(self, environment: simpy.Environment) -> None:
        self._environment, self._store = environment, simpy.Store(environment)

    def carry(self, ball: object) -> Generator[Any, Any, None]:
        yield self._environment.timeout(LATENCY_NS)
        self._store.put(ball)

    def put(self, ball: object) -> None:
        self._environment.process(self.carry(ball))

    def get(self) -> Any:
        return self._store.get()


def simpy_rate(messages: int) -> float:
    environment = simpy.Environment()
    there, back = Wire(environment), Wire(environment)
    delivered = 0

    def player(inbox: Wire, outbox: Wire, serves: int) -> Generator[Any, Any, None]:
        nonlocal delivered
        for ball in range(serves):
            outbox.put(ball)
        while True:
            ball = yield inbox.get()
            delivered += 1
            outbox.put(ball)

    environment.process(player(back, there, IN_FLIGHT))
    environment.process(player(there, back, 0))
    began = time.perf_counter()
    environment.run(until=messages // IN_FLIGHT * LATENCY_NS)
    return delivered / (time.perf_counter() - began)


def main() -> None:
    """Print both rates, best of some rounds taken in turn, and their ratio."""
    ours, theirs = 0.0, 0.0
    for _ in range(ROUNDS):
        ours = max(ours, kernel_rate(1_000_000))
        theirs = max(theirs, simpy_rate(60_000))
    build = "compiled" if COMPILED else "plain"
    print(f"kernel, {build:8}  {ours / 1e6:6.2f} M messages/s   SimPy {theirs / 1e6:.3f} M   ratio {ours / theirs:5.1f}")


if __name__ == "__main__":
    main()
