"""How `tse status` and `tse down` speak with a supervisor: JSON lines over a socket in the folder of the run.

Rule 1: a question is one line; its answer is some lines, the last of which has the key `done`.
Rule 2: whoever may open the socket may ask: its folder and its mode let in its owner alone.
"""

import asyncio
import json
import os
import select
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import final

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.orchestrator.folder import RunFolder

Line = dict[str, object]
Answer = Callable[[], AsyncIterator[Line]]
LONGEST_QUESTION = 4096  # Bytes.
QUESTION_DEADLINE_S = 5.0
CREDENTIALS = struct.Struct("3i")  # Process, user and group, as in unix(7).


@final
class ControlServer:
    """Answers each of `answers`, by the word that asks for it."""

    def __init__(self, listener: socket.socket, answers: dict[str, Answer]) -> None:
        self._listener, self._answers = listener, answers
        self._server: asyncio.Server | None = None
        self._busy: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, sock=self._listener, limit=LONGEST_QUESTION)

    async def stop(self) -> None:
        """Take no more questions, and end the answers that were begun."""
        if self._server is not None:
            self._server.close()
        if self._busy:
            await asyncio.wait(self._busy, timeout=QUESTION_DEADLINE_S)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._busy.add(task)
        await self._answer(reader, writer)
        self._busy.discard(task)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            question = await asyncio.wait_for(reader.readline(), QUESTION_DEADLINE_S)
            answer = self._answers.get(word_of(question))
            if answer is None:
                await write(writer, {"problem": f"known questions: {', '.join(self._answers)}"})
            else:
                async for line in answer():
                    await write(writer, line)
            await write(writer, {"done": True})
        except (ConnectionError, TimeoutError, ValueError):
            pass  # Whoever asked has left, or says nothing, or too much in one line.
        finally:
            writer.close()


async def write(writer: asyncio.StreamWriter, line: Line) -> None:
    writer.write(json.dumps(line).encode() + b"\n")
    await writer.drain()


def word_of(question: bytes) -> str:
    try:
        asked = json.loads(question)
    except ValueError:
        return ""
    return str(asked.get("ask", "")) if isinstance(asked, dict) else ""


# Who asks. Blocks.


@final
class Conversation:
    """One question to the supervisor of a folder, and the process that answers it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
        self.pid: int = CREDENTIALS.unpack(packed)[0]

    def ask(self, word: str) -> Iterator[Line]:
        """The lines of the answer but for the last. Raises `Problem` where the supervisor dies over it."""
        self._connection.sendall(json.dumps({"ask": word}).encode() + b"\n")
        with self._connection.makefile("r", encoding="utf-8") as lines:
            for text in lines:
                line: Line = json.loads(text)
                if "done" in line:
                    return
                yield line
        raise Problem("the supervisor ended before it had answered")


@contextmanager
def conversation(folder: RunFolder) -> Iterator[Conversation]:
    """Raises `Problem` where nothing is up."""
    with folder.connect() as connection:
        yield Conversation(connection)


@contextmanager
def outlived(pid: int) -> Iterator[None]:
    """At the end of the block this process, which lives at its start, has ended."""
    watch = os.pidfd_open(pid)
    try:
        yield
        select.select([watch], [], [])
    finally:
        os.close(watch)
