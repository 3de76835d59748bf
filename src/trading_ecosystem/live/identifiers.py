"""The ids of what a process sends: span ids below 2**63, counted from a place that hardly another process shares."""

import secrets
from typing import final

from trading_ecosystem.live.door import Header


@final
class Identifiers:
    def __init__(self) -> None:
        self._last = secrets.randbits(22) << 40

    def header(self, cause: Header | None) -> Header:
        """Of the next message: in the story of its cause, or the first of its own."""
        self._last += 1
        story = cause.correlation_id if cause is not None else 0
        return Header(message_id=self._last, correlation_id=story or self._last)
