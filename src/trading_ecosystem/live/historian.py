"""Writes what a service published into its history, a little behind, on the one thread that writes its store.

Rule 1: nothing waits for the history; what does not find room in it while the store is away is counted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import final

from trading_ecosystem.live.door import Told
from trading_ecosystem.live.store.ports import StoreAway
from trading_ecosystem.live.telemetry.lines import Log
from trading_ecosystem.messages.message import Message

EVERY_S = 0.25
MOST_WAITING = 200_000

log = Log(__name__)


@final
class Historian:
    """`record` writes on the store's thread."""

    def __init__(self, record: Callable[[Sequence[Message]], Awaitable[None]]) -> None:
        self._record = record
        self._waiting: list[Message] = []
        self._turn = asyncio.Lock()
        self.lost = 0  # Messages that the history will not have.

    @property
    def waiting(self) -> int:
        """Messages that are not written yet."""
        return len(self._waiting)

    def take(self, told: Sequence[Told]) -> None:
        self._keep([each.message for each in told])

    def note(self, message: Message) -> None:
        """One that is not published: sent to somebody, or heard."""
        self._keep([message])

    def _keep(self, messages: list[Message]) -> None:
        if len(self._waiting) + len(messages) <= MOST_WAITING:
            self._waiting.extend(messages)
            return
        if not self.lost:
            log.warning("the history finds no room, and loses messages; they are counted", waiting=len(self._waiting))
        self.lost += len(messages)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.write()
            except StoreAway as away:
                log.info("the history waits for the store", detail=str(away), messages=len(self._waiting))

    async def write(self) -> None:
        """Write all that has come. Raises StoreAway; it is kept then."""
        async with self._turn:
            if not self._waiting:
                return
            batch, self._waiting = self._waiting, []
            try:
                await self._record(batch)
            except StoreAway:
                self._waiting = batch + self._waiting
                raise
