"""What a core was given and what it remembers, made durable by a thread of its own, in groups.

Rule 1: what `commit` returns from is durable; while the store is away it tries again, and `trouble` says so.
Rule 2: a store that is broken ends the process.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import final

from trading_ecosystem.live.backlog import Backlog
from trading_ecosystem.live.clock import Clock
from trading_ecosystem.live.ending import BEYOND_REPAIR, BROKEN_STORE, end_at_once
from trading_ecosystem.live.inputs import KIND, Input, unpack
from trading_ecosystem.live.store.ports import Journal, Memory, Record, StoreAway
from trading_ecosystem.live.telemetry.lines import Log

FIRST_RETRY_S, LONGEST_RETRY_S = 0.05, 0.5  # At 60x half a second more is half a minute of silence.

log = Log(__name__)


@final
class Commits:
    """`record`: the last one of the journal that was begun. `trouble`: why the store is away, empty while it is not."""

    def __init__(
        self,
        journal: Journal,
        memory: Memory,
        clock: Clock,
        timed: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        """`timed` hears how many seconds each record took to be durable."""
        self.record = 0
        self.trouble = ""
        self.backlog = Backlog()
        self._journal, self._memory, self._clock, self._timed = journal, memory, clock, timed
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store")

    # What is there already. These block.

    def last_state(self) -> bytes | None:
        """That of the last snapshot."""
        found = self._journal.snapshot()
        if found is None:
            return None
        self.record, state = found
        self.backlog.found(len(state))
        return state

    def later_inputs(self) -> Iterator[tuple[int, list[Input]]]:
        """The records behind that snapshot, each with the inputs of one commit."""
        for record in self._journal.read(self.record):
            inputs = list(unpack(record.payload))
            self.backlog.add(len(inputs), len(record.payload))
            yield record.sequence, inputs
            self.record = record.sequence

    def recall(self) -> dict[str, str]:
        """All that was remembered."""
        return self._memory.recall()

    # What comes.

    async def commit(self, frames: Sequence[bytes], memories: Sequence[tuple[str, str]]) -> None:
        """One record of these inputs, and what is to be remembered."""
        if not frames and not memories:
            return
        records: list[Record] = []
        if frames:
            self.record += 1
            records.append(Record(self.record, self._clock.now_ns(), KIND, b"".join(frames)))
            self.backlog.add(len(frames), len(records[0].payload))
        began_s = time.monotonic()
        await self._until_written(partial(self._write, records, memories))
        if records:
            self._timed(time.monotonic() - began_s)

    async def keep_snapshot(self, state: bytes) -> None:
        """This is what all records up to the last one led to. Raises StoreAway."""
        await self.on_store(partial(self._journal.save_snapshot, self.record, state))
        self.backlog.shorten(len(state))

    async def on_store(self, write: Callable[[], None]) -> None:
        """Run it on the one thread that writes the store. Raises StoreAway; a broken store ends the process."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._writer, write)
        except BEYOND_REPAIR as broken:
            end_at_once(BROKEN_STORE, "the store is broken", broken)

    def close(self) -> None:
        """Let the thread go, after what it was given."""
        self._writer.shutdown(wait=True)

    async def _until_written(self, write: Callable[[], None]) -> None:
        pause_s = FIRST_RETRY_S
        while True:
            try:
                await self.on_store(write)
                break
            except StoreAway as away:
                self._note(str(away))
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_RETRY_S)
        self._note("")

    def _write(self, records: Sequence[Record], memories: Sequence[tuple[str, str]]) -> None:
        if records:
            self._journal.append(records)
        if memories:
            self._memory.remember(memories)

    def _note(self, trouble: str) -> None:
        if trouble != self.trouble:
            log.warning("the store is away", detail=trouble) if trouble else log.info("the store is back")
        self.trouble = trouble
