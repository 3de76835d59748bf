"""One core with all that it lives on: its store, its spool, its links to others, its runner.

Rule 1: it is built in the order in which it depends on its parts, and taken down in the opposite one.
"""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Coroutine, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any, final

from trading_ecosystem.core import Core
from trading_ecosystem.live.clock import Clock
from trading_ecosystem.live.commits import Commits
from trading_ecosystem.live.door import Header, Told
from trading_ecosystem.live.ending import end_with
from trading_ecosystem.live.historian import MOST_WAITING as MOST_UNWRITTEN, Historian
from trading_ecosystem.live.hub import Hub
from trading_ecosystem.live.links import Link, Reach, Take
from trading_ecosystem.live.pace import CONDITION
from trading_ecosystem.live.runner import MOST_HELD, Runner
from trading_ecosystem.live.service import Service, Upstream
from trading_ecosystem.live.store.opening import open_store
from trading_ecosystem.live.store.ports import Store, StoreAway, StoreRefused
from trading_ecosystem.live.store.rollback import refuse_older_copy
from trading_ecosystem.live.telemetry.business import Business
from trading_ecosystem.live.telemetry.exporter import Exporter
from trading_ecosystem.live.telemetry.lines import Log
from trading_ecosystem.live.telemetry.logs import MOST_WAITING as MOST_LINES, lines_lost, lines_waiting
from trading_ecosystem.live.telemetry.metrics import PrometheusMeter
from trading_ecosystem.live.telemetry.spans import service_resource
from trading_ecosystem.live.telemetry.spool import Spool
from trading_ecosystem.messages.message import Addressed, Message

SPOOL_BYTES = 256 << 20
FLUSH_S = 5.0

log = Log(__name__)


@final
class Engine:
    """`targets`: the instances that each role of `service.hears` stands for here."""

    def __init__(
        self,
        service: Service,
        core: Core,
        instance: str,
        version: str,
        store_url: str,
        data: Path,
        clock: Clock,
        targets: Mapping[str, Sequence[str]],
        reach: Reach,
        accept_rollback: bool = False,
    ) -> None:
        self.core = core
        self._breaking = service.breaking
        opened: Store[Any] = open_store(store_url, instance, service.design)
        self.store = opened if service.breaking is None else service.breaking.store(opened)
        resource = service_resource(instance, version)
        self.spool = Spool(data / "spool", SPOOL_BYTES, resource, service.codec.encode)
        self.exporter = Exporter(self.spool, lambda: reach.audit, reach.audit_credentials)
        self.hub = Hub(secrets.randbits(62) | 1)
        self.historian = Historian(self._record)
        self.meter = PrometheusMeter()
        self.commits = Commits(self.store.journal, self.store.memory, clock, self._time_commit)
        self.runner = Runner(
            instance, core, clock, service.codec, self.commits, self.spool, self.hub, self.post, self.historian
        )
        self.links = [
            self._link(each, target, reach)
            for each in service.hears
            for target in targets.get(each.named or each.role, (each.role,))
        ]
        self.hub.listen(self.historian.take)
        self._keeps_heard = service.keeps_heard
        self._published: defaultdict[type[Message], int] = defaultdict(int)
        self._business = Business(service.role, self.meter)
        self._show_figures()
        self.hub.listen(self._measure)
        self._audited = bool(reach.audit)
        self._accept_rollback = accept_rollback
        self._tasks: list[asyncio.Task[Any]] = []

    def _link(self, each: Upstream, target: str, reach: Reach) -> Link:
        caller = each.caller or self.runner.instance
        return each.link(caller, target, each.speech, each.kinds, self._ear(target), reach, each.surface)

    def post(self, message: Addressed, header: Header) -> bool:
        """Commands and questions go over a link; what is addressed to anybody else is for a subscriber here."""
        for link in self.links:
            if link.target == message.to and link.speech.takes(type(message)):
                link.send(message, header)
                self.historian.note(message)
                self._published[type(message)] += 1
                self._business.note_sent(message, self.runner.clock.now_ns())
                return True
        return False

    def _measure(self, told: Sequence[Told]) -> None:
        now_ns = self.runner.clock.now_ns()
        for each in told:
            self._published[type(each.message)] += 1
            self._business.note_sent(each.message, now_ns)

    def _show_figures(self) -> None:
        """What is counted anyway is read when somebody looks."""
        meter, runner = self.meter, self.runner
        meter.total("tse_messages_delivered_total", lambda: runner.delivered)
        meter.total("tse_messages_published_total", self._published_by_kind)
        meter.total("tse_messages_lost_total", self._losses)
        meter.watch("held", MOST_HELD, lambda: runner.held)
        meter.watch("uncommitted", inf, lambda: runner.uncommitted)
        meter.watch("history", MOST_UNWRITTEN, lambda: self.historian.waiting)
        meter.watch("spool_bytes", self.spool.bound_bytes, lambda: self.spool.size_bytes)
        meter.watch("logs", MOST_LINES, lines_waiting)

    def _time_commit(self, seconds: float) -> None:
        self.meter.time("tse_journal_commit_seconds", (), seconds)

    def _published_by_kind(self) -> Mapping[str, int]:
        return {kind.__name__: count for kind, count in self._published.items()}

    def _losses(self) -> Mapping[str, int]:
        return {
            "held": self.runner.lost,
            "history": self.historian.lost,
            "spool": self.spool.lost,
            "refused": self.exporter.refused,
            "logs": lines_lost(),
            "link": sum(link.lost_commands for link in self.links),
            "unreadable": sum(link.unreadable for link in self.links),
        }

    def _ear(self, sender: str) -> Take:
        """What takes in the messages of one other service."""
        breaking = self._breaking
        if breaking is None:
            return self._hear
        instance = self.runner.instance

        def take(message: Message, cause: Header) -> None:
            breaking.pass_on(sender, instance, lambda: self._hear(message, cause))

        return take

    def _hear(self, message: Message, cause: Header) -> None:
        now_ns = self.runner.clock.now_ns()
        CONDITION.heard(now_ns - getattr(message, "occurred_ns", now_ns))
        self._business.note_heard(message, now_ns)
        if self._keeps_heard:
            self.historian.note(message)
        self.runner.take(message, cause)

    async def _record(self, messages: Sequence[Message]) -> None:
        await self.commits.on_store(lambda: self.store.history.record(messages))

    def recover(self) -> None:
        """Raises StoreRefused for an older copy of the store, unless that was accepted."""
        if self.store.keeps:
            self._look_for_rollback()
        again = self.runner.recover(self.store.history.record)
        if again:
            log.info("recovered", inputs=again)

    def _look_for_rollback(self) -> None:
        try:
            refuse_older_copy(self.store, self.spool.last_mark())
        except StoreRefused as refused:
            if not self._accept_rollback:
                raise
            log.warning("an older copy of the store is accepted", detail=str(refused))
            self.spool.rewind(self.store.journal.last_sequence())

    async def connect(self) -> None:
        """Open all links, and return when each has heard the other side."""
        for link in self.links:
            self._do(link.run())
        self._do(self.historian.run())
        if self._audited:
            self._do(self.exporter.run())
        for link in self.links:
            await link.heard.wait()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        """As long as the process lives, which does not go on without it."""
        task = asyncio.create_task(work)
        end_with(task)
        self._tasks.append(task)

    async def stop(self) -> None:
        """Take nothing more, let everything become durable and leave, and let the audit have its traces."""
        await self.runner.settle()
        try:
            await self.historian.write()
        except StoreAway as away:
            log.warning("the end of the history is not written", detail=str(away))
        await self.runner.close()
        if self._audited and not await self.exporter.flush(FLUSH_S):
            log.warning("traces stay in the spool for the next start", trouble=self.exporter.trouble)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.spool.close()
        self.store.close()
