"""Orders per second of the venue's core, all rules, accounts and events included, and of its peer. Prints a line.

The collector is off for both, as it is in a run.
"""

import gc
import json
from time import perf_counter

import peer
from flow import commands, venue
from players import carry_out

from trading_ecosystem.messages.message import Message

COUNT = 300_000
ROUNDS = 3


def seconds(given: list[Message], filling: int, compiled_loop: bool) -> float:
    core = venue()
    for command in given[:filling]:
        core.handle(command, 1)
    rest = given[filling:]
    begun = perf_counter()
    if compiled_loop:
        carry_out(core, rest)
    else:
        handle = core.handle
        for command in rest:
            handle(command, 1)
    return perf_counter() - begun


def main() -> None:
    """The best of some rounds, in which all take turns."""
    given, filling = commands(COUNT)
    gc.disable()
    best: dict[str, float] = {}
    flow = peer.checked(given, filling) if peer.installed() else None
    for _ in range(ROUNDS):
        took = {"inside_s": seconds(given, filling, True), "outside_s": seconds(given, filling, False)}
        if flow is not None:
            took |= {
                "peer_told_s": peer.seconds(flow, listens=True),
                "peer_silent_s": peer.seconds(flow, listens=False),
            }
        best = {name: min(took[name], best.get(name, took[name])) for name in took}
    print(json.dumps({"commands": len(given) - filling, "peer": peer.installed(), **best}))


if __name__ == "__main__":
    main()
