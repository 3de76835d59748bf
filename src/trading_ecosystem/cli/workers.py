"""Runs scenarios in processes of their own, which stop cleanly when asked to.

Rule 1: workers are deaf to Ctrl-C; the parent hears it and asks them to stop through one shared event.
Rule 2: a worker writes its own report, so that what finished is kept whatever happens to the others.
"""

import queue
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path
from types import TracebackType
from typing import Self, final

from trading_ecosystem.cli.outputs import write_run
from trading_ecosystem.validation.results import RunResult
from trading_ecosystem.virtual.children import deaf_children, die_with_parent

Outcome = tuple[RunResult, str | None]


class Stopped(Exception):
    """The parent asked this worker to stop."""


@dataclass(frozen=True, kw_only=True)
class Job:
    name: str
    path: Path
    report: Path | None
    seed: int | None
    boundary: bool = True


@final
class Workers:
    """A pool of `count` processes. Leaving it stops what still runs."""

    def __init__(self, count: int) -> None:
        context = get_context("spawn")
        self._shares: Queue[tuple[str, float]] = context.Queue()
        self._stop = context.Event()
        self._pool = ProcessPoolExecutor(
            count, mp_context=context, initializer=prepare, initargs=(self._shares, self._stop, count == 1)
        )
        self._running: dict[Future[Outcome], str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._pool.shutdown(cancel_futures=True)
        self._shares.close()

    def start(self, jobs: Iterable[Job]) -> None:
        """Hand out the jobs."""
        with deaf_children():
            self._running = {self._pool.submit(work, job): job.name for job in jobs}

    def finished(self, within_s: float) -> list[tuple[str, Outcome]]:
        """Those that finished since the last call, waiting so long for one. Raises what a worker raised."""
        done, _ = wait(self._running, timeout=within_s, return_when=FIRST_COMPLETED)
        ordered = [future for future in self._running if future in done]
        return [(self._running.pop(future), future.result()) for future in ordered]

    def shares(self) -> dict[str, float]:
        """How far each scenario is, as told since the last call."""
        told: dict[str, float] = {}
        with suppress(queue.Empty):
            while True:
                name, share = self._shares.get_nowait()
                told[name] = share
        return told


# In the worker.


@dataclass
class Parent:
    """What this process shares with the one that started it."""

    shares: "Queue[tuple[str, float]]"
    stop: Event
    is_alone: bool


PARENT: list[Parent] = []


def prepare(shares: "Queue[tuple[str, float]]", stop: Event, is_alone: bool) -> None:
    die_with_parent()
    shares.cancel_join_thread()  # Progress that nobody reads any more must not keep this process alive.
    PARENT.append(Parent(shares, stop, is_alone))


def work(job: Job) -> Outcome:
    """Run one scenario. The result comes back without what only its report needs."""
    from trading_ecosystem.preparation import RunRequest
    from trading_ecosystem.virtual.run import run

    parent = PARENT[0]

    def tell(done_ns: int, total_ns: int) -> None:
        if parent.stop.is_set():
            raise Stopped
        parent.shares.put((job.name, done_ns / max(total_ns, 1)))

    request = RunRequest(
        scenario_path=job.path,
        seed=job.seed,
        report_folder=job.report,
        twin_in_parallel=parent.is_alone,
        with_boundary=job.boundary,
    )
    result = run(request, tell)
    page = None if job.report is None else str(write_run(result, job.report))
    return replace(result, series=(), limits=(), timeline=(), chains={}, configuration={}), page
