"""Orders per second of the venue's core, all rules, accounts and events included. Prints a line."""

import json
from time import perf_counter

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
    given, filling = commands(COUNT)
    inside = min(seconds(given, filling, True) for _ in range(ROUNDS))
    outside = min(seconds(given, filling, False) for _ in range(ROUNDS))
    print(json.dumps({"commands": len(given) - filling, "inside_s": inside, "outside_s": outside}))


if __name__ == "__main__":
    main()
