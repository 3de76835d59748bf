"""What one handling returned, under seal until its commit: each message with its ids and its trace.

Rule 1: a message that a core returned is sealed once, at once, in the order in which the core returned it.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Final, final

from trading_ecosystem.live.door import Header
from trading_ecosystem.live.identifiers import Identifiers
from trading_ecosystem.live.telemetry.spans import SpanRecord
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.runtime import Remember, Wake, WakeAt

WAKE: Final = Wake()


@final
class Departures:
    """What one handling returned, waiting for its commit. `wakes`: the moments that were asked for."""

    __slots__ = ("answered", "memories", "outputs", "sealed", "timers", "wakes")

    def __init__(self, outputs: Sequence[Message]) -> None:
        self.outputs = outputs
        self.sealed: list[SpanRecord] = []
        self.timers: list[SpanRecord] = []
        self.wakes: list[int] = []
        self.memories: list[tuple[str, str]] = []
        self.answered: asyncio.Future[Sequence[Message]] | None = None


def seal(instance: str, identifiers: Identifiers, outputs: Sequence[Message], cause: Header, now_ns: int) -> Departures:
    """`timers` are the traces of `wakes`, one for each."""
    departures = Departures(outputs)
    for output in outputs:
        if isinstance(output, WakeAt):
            header = identifiers.header(cause)
            departures.timers.append(SpanRecord(header, cause.message_id, now_ns, instance, WAKE))
            departures.wakes.append(output.at_ns)
        elif isinstance(output, Remember):
            departures.memories.append((output.key, json.dumps(output.value)))
        else:
            header = identifiers.header(cause)
            departures.sealed.append(SpanRecord(header, cause.message_id, now_ns, instance, output))
    return departures
