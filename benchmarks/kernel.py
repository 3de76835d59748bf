"""The same ping-pong on this project's kernel and on SimPy: messages that arrive after a delay, in both directions.

SimPy's side is its documented way to model a wire ("Event Latency"): a process per message that waits and puts.
"""

import gc
import time
from collections.abc import Callable, Generator
from typing import Any

import simpy
from players import Nobody, Player

from trading_ecosystem.chance import Dice
from trading_ecosystem.core import Core
from trading_ecosystem.virtual.network import Link
from trading_ecosystem.virtual.queue import COMPILED
from trading_ecosystem.virtual.service import Service
from trading_ecosystem.virtual.world import World

LATENCY_NS = 1_000_000
IN_FLIGHT = 16
ROUNDS = 5
MESSAGES = 1_000_000


def kernel_rate(messages: int, player: Callable[[str, int], Core], clock: Callable[[], float]) -> float:
    """Messages delivered per second of a clock: the wall's, say."""
    services = [Service("a", lambda: player("b", IN_FLIGHT)), Service("b", lambda: player("a", 0))]
    links = [Link(LATENCY_NS, 0, Dice(1, str(i))) for i in range(4)]
    world = World(services, {}, {}, links, Nobody(), 0)
    gc.disable()
    began = clock()
    world.run(messages // IN_FLIGHT * LATENCY_NS)
    elapsed = clock() - began
    gc.enable()
    return int(world.delivered) / elapsed


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
    gc.disable()
    began = time.perf_counter()
    environment.run(until=messages // IN_FLIGHT * LATENCY_NS)
    elapsed = time.perf_counter() - began
    gc.enable()
    return delivered / elapsed


def main() -> None:
    """Print both rates, best of some rounds taken in turn, and their ratio."""
    ours, theirs = 0.0, 0.0
    for _ in range(ROUNDS):
        ours = max(ours, kernel_rate(MESSAGES, Player, time.perf_counter))
        theirs = max(theirs, simpy_rate(100_000))
    build = "compiled" if COMPILED else "plain"
    ratio = ours / theirs
    print(f"{build:9}  {ours / 1e6:5.2f} M messages/s    SimPy {theirs / 1e6:5.3f} M    ratio {ratio:5.1f}", flush=True)


if __name__ == "__main__":
    main()
