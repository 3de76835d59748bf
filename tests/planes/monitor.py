"""The risk monitor as it is: its own process, or all of its shells in this one, where fifty of them are affordable.

Rule 1: both are started from the same folder, with the settings and the environment that a supervisor would give it.
Rule 2: nothing is told to it but by its own doors; how far it is, its figures say.
"""

import asyncio
import io
import logging
import re
import signal
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import final

import httpcore

from trading_ecosystem.configuration.document import read_document
from trading_ecosystem.live.clock import Clock
from trading_ecosystem.live.core_process import serve
from trading_ecosystem.live.neighbours import Neighbours
from trading_ecosystem.live.service import Added, Parts
from trading_ecosystem.live.settings import Settings, load_settings
from trading_ecosystem.live.telemetry.logs import TALKATIVE, set_up_logs
from trading_ecosystem.live.telemetry.redaction import Redaction
from trading_ecosystem.orchestrator.child import Child, Command
from trading_ecosystem.production.risk_monitor.server import SERVICE

SETTINGS = "settings.yaml"
DELIVERED = re.compile(rb"^tse_messages_delivered_total\{[^}]*\} ([0-9.]+)$", re.MULTILINE)
ENDS_WITHIN_S = 30.0


class Monitor(ABC):
    """`rest` is the address of its REST surface, once it is known."""

    rest = ""

    @abstractmethod
    async def start(self, command: Command) -> None:
        """Start what the command would start."""

    @abstractmethod
    async def delivered(self) -> int:
        """How many inputs its core has had."""

    @abstractmethod
    async def stop(self) -> str:
        """Let it end in order. Returns its log."""


@final
class Process(Monitor):
    def __init__(self) -> None:
        self._web = httpcore.AsyncConnectionPool()

    async def start(self, command: Command) -> None:
        self._log = command.log
        self.codes: list[int] = []
        self._child = Child(command, self.codes.append)

    async def delivered(self) -> int:
        assert not self.codes, f"it has ended: {self._log.read_text(encoding='utf-8')}"
        answer = await self._web.request("GET", f"http://{self.rest}/metrics")
        return sum(int(float(amount)) for amount in DELIVERED.findall(answer.content))

    async def stop(self) -> str:
        self._child.signal(signal.SIGTERM)
        await asyncio.wait_for(self._child.ended.wait(), ENDS_WITHIN_S)
        await self._web.aclose()
        assert self.codes == [0]
        return self._log.read_text(encoding="utf-8")


@final
class Inside(Monitor):
    """`live.core_process.serve`, as the process would call it; only its arguments and signals are missing."""

    async def start(self, command: Command) -> None:
        settings = settings_of(command)
        document = read_document(settings.document).section((*SERVICE.keys,), (*SERVICE.optional,))
        self._ended, self._log = asyncio.Event(), io.StringIO()
        self._parts: list[Parts] = []
        self._neighbours = Neighbours(settings, superseded=lambda reason: self._ended.set())
        clock = Clock(await self._neighbours.tempo())
        self._logging = logging_into(self._log, settings, clock)
        self._logging.__enter__()
        service = replace(SERVICE, add=self._add)
        self._serving = asyncio.create_task(
            serve(service, settings, document, self._neighbours, clock, self._ended), name="monitor"
        )

    def _add(self, parts: Parts) -> Added:
        self._parts.append(parts)
        return SERVICE.add(parts)

    async def delivered(self) -> int:
        if self._serving.done():
            self._serving.result()
        return self._parts[0].engine.runner.delivered.total()

    async def stop(self) -> str:
        self._ended.set()
        try:
            await asyncio.wait_for(self._serving, ENDS_WITHIN_S)
        finally:
            await self._neighbours.close()
            self._logging.__exit__(None, None, None)
        return self._log.getvalue()


def settings_of(command: Command) -> Settings:
    """As a process in the folder of the command would read them."""
    folder = command.folder
    settings = load_settings(folder / SETTINGS, command.environment)
    assert settings.tokens is not None and settings.store.startswith("sqlite:///")
    return replace(
        settings,
        document=folder / settings.document,
        data=folder / settings.data,
        tokens=folder / settings.tokens,
        store=f"sqlite:///{folder / store_of(settings)}",
    )


def store_of(settings: Settings) -> Path:
    return Path(settings.store.removeprefix("sqlite:///"))


@contextmanager
def logging_into(stream: io.StringIO, settings: Settings, clock: Clock) -> Iterator[None]:
    root = logging.getLogger()
    handlers = list(root.handlers)
    levels = {logger: logger.level for logger in (root, *map(logging.getLogger, TALKATIVE))}
    for handler in handlers:
        root.removeHandler(handler)  # Else they would be closed.
    set_up_logs(settings.instance, settings.log_level, clock, stream, Redaction(()))
    try:
        yield
    finally:
        root.handlers[:] = handlers
        for logger, level in levels.items():
            logger.setLevel(level)
