"""Runs a monitor through a schedule, gathers all that comes out of it, and compares two of that.

Rule 1: all that comes out is compared, byte by byte, but for what is drawn or measured by the machine's own clock:
  ids, ports, the moments of log lines, how long a call took, and how much waits to be written or sent.
Rule 2: a run in which the machine was too slow for its own deadlines is no run: it is made again, a few times.
"""

import asyncio
import json
import re
import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpcore
from tests.planes.monitor import SETTINGS, Monitor
from tests.planes.schedule import OPERATOR, Schedule, Step
from tests.planes.simulation import Simulation
from tests.planes.stage import MONITOR, Stage

from trading_ecosystem.live.historian import EVERY_S
from trading_ecosystem.live.production_wire import RISK_MONITOR
from trading_ecosystem.messages.risk import AcknowledgeAlert, AlertFired, AlertResolved
from trading_ecosystem.orchestrator.child import Command

PATIENCE_S = 60.0
LOOK_EVERY_S = 0.0005
ATTEMPTS = 4
TOO_SLOW = ('"event": "link down"', '"event": "the registry is away')
DRAWN = re.compile(r"127\.0\.0\.1:\d+|process \[\d+\]")  # Ports and process ids.
MEASURED = tuple(
    f"{front}{name}" for front in ("", "# HELP ", "# TYPE ") for name in ("tse_request", "tse_queue_length")
)
ALERTS = "/api/v1/alerts"
PATHS = (ALERTS, f"{ALERTS}?firing=true", "/api/v1/risk", "/api/v1/limits", "/api/v1/health", "/metrics", "/api/v1/x")

Output = Mapping[str, list[str]]  # What came out of a monitor, by where, line by line.
Change = Callable[[Stage], None]  # Plants something in a run.


@dataclass(frozen=True, kw_only=True)
class Pair:
    """`differences` is empty when nothing differs."""

    first: Output
    second: Output
    differences: list[str]
    seconds: float


async def run_pair(schedule: Schedule, folder: Path, number: int, make: Callable[[], Monitor]) -> Pair:
    """The same stream, and in all else two runs that have nothing in common."""
    began_s = time.monotonic()
    first, second = [
        await run_once(schedule, Simulation(number=each), folder, make) for each in (2 * number, 2 * number + 1)
    ]
    return Pair(first=first, second=second, differences=differences(first, second), seconds=time.monotonic() - began_s)


def differences(first: Output, second: Output) -> list[str]:
    """One line for each place of which not every byte is the same."""
    found: list[str] = []
    for place in first.keys() | second.keys():
        one, other = first.get(place, []), second.get(place, [])
        if one != other:
            at = next((at for at, both in enumerate(zip(one, other, strict=False)) if both[0] != both[1]), None)
            shown = f"{len(one)} lines and {len(other)}" if at is None else f"line {at}: {one[at]!r} and {other[at]!r}"
            found.append(f"{place}: {shown}")
    return sorted(found)


async def run_once(
    schedule: Schedule, simulation: Simulation, folder: Path, make: Callable[[], Monitor], plant: Change | None = None
) -> Output:
    """What came out of the monitor. Where a leak is planted, it need not say what is on the schedule."""
    slow: list[str] = []
    for attempt in range(ATTEMPTS):
        output = await run_through(schedule, simulation, folder / f"{attempt}", make(), plant)
        slow = [line for line in output["log"] if any(word in line for word in TOO_SLOW)]
        if not slow:
            return output
    raise AssertionError(f"{ATTEMPTS} times a deadline of the machine was missed: {slow}")


async def run_through(
    schedule: Schedule, simulation: Simulation, folder: Path, monitor: Monitor, plant: Change | None
) -> Output:
    stage = Stage(schedule.stream, simulation, folder)
    try:
        command = await stage.open()
        if plant is not None:
            plant(stage)
        await monitor.start(command)
        try:
            answers = await lead(schedule, stage, monitor, as_expected=plant is None)
        finally:
            log = await monitor.stop()
        return gather(stage, command, answers, log)
    finally:
        await stage.close()


async def lead(schedule: Schedule, stage: Stage, monitor: Monitor, as_expected: bool) -> list[str]:
    """Lead the monitor through all steps. Returns its answers at the end."""
    await stage.until_ready()
    monitor.rest = stage.address("rest")
    stage.begin()
    for step in schedule.steps:
        await take(step, stage, monitor, as_expected)
    await until_written(schedule, stage, monitor, as_expected)
    return await ask_everything(stage, monitor)


async def take(step: Step, stage: Stage, monitor: Monitor, as_expected: bool) -> None:
    """Lead time on, have it told, and wait until the monitor has done all that it will do about it."""
    stage.pace.go_to(step.at_ns)
    if step.sender == OPERATOR:
        await acknowledge(step, stage)
    elif step.sender:
        stage.sources[step.sender].tell(step.messages)
    heard, published = stage.listener.heard, step.published if as_expected else 0
    until_s = time.monotonic() + PATIENCE_S
    while await monitor.delivered() < step.delivered or len(heard) < published:
        assert time.monotonic() < until_s, (step, await monitor.delivered(), len(heard))
        await asyncio.sleep(LOOK_EVERY_S)


async def acknowledge(step: Step, stage: Stage) -> None:
    (message,) = step.messages
    assert isinstance(message, AcknowledgeAlert)
    request = RISK_MONITOR.request_type("AcknowledgeAlert")(command=RISK_MONITOR.codec.to_wire(message))
    async with grpc.aio.insecure_channel(stage.address("grpc")) as channel:
        call: Any = channel.unary_unary(RISK_MONITOR.path("AcknowledgeAlert"))
        await call(request.SerializeToString(), metadata=(("x-instance", OPERATOR),))


# What comes out.


async def until_written(schedule: Schedule, stage: Stage, monitor: Monitor, as_expected: bool) -> None:
    """Return when the history, which is written a little behind, has all alerts and their ends."""
    if not as_expected:
        await asyncio.sleep(2 * EVERY_S)
        return
    wanted = [sum(isinstance(each, kind) for each in schedule.published) for kind in (AlertFired, AlertResolved)]
    async with asyncio.timeout(PATIENCE_S), httpcore.AsyncConnectionPool() as web:
        while True:
            answer = await web.request("GET", f"http://{monitor.rest}{ALERTS}", headers=token_of(stage))
            alerts = json.loads(answer.content)["alerts"]
            if [len(alerts), sum(each["resolved"] is not None for each in alerts)] == wanted:
                return
            await asyncio.sleep(0.05)


def token_of(stage: Stage) -> list[tuple[bytes | str, bytes | str]]:
    token = (stage.folder.operator / f"{MONITOR}.rest.token").read_text(encoding="ascii")
    return [("Authorization", f"Bearer {token}")]


async def ask_everything(stage: Stage, monitor: Monitor) -> list[str]:
    """All that a person can see of it."""
    answers: list[str] = []
    async with httpcore.AsyncConnectionPool() as web:
        for path in PATHS:
            answer = await web.request("GET", f"http://{monitor.rest}{path}", headers=token_of(stage))
            names = sorted(name.decode() for name, _ in answer.headers)
            answers.append(f"{path} {answer.status} {names}")
            answers.extend(line for line in answer.content.decode().splitlines() if not line.startswith(MEASURED))
    return answers


def gather(stage: Stage, command: Command, answers: list[str], log: str) -> Output:
    own = command.folder
    settings = (own / SETTINGS).read_text(encoding="utf-8")
    return {
        "published": stage.listener.heard,
        "asked": [question for source in stage.sources.values() for question in source.asked],
        "called": [f"{name} {value!r}" for source in stage.sources.values() for name, value in source.metadata],
        "answers": answers,
        "store": rows_of(own / "data" / "store.db"),
        "log": [without_moment(line) for line in log.splitlines()],
        "traces": stage.audit.traces,
        "folder": sorted(str(path.relative_to(own)) for path in own.rglob("*") if "spool" not in path.parts),
        "marked": [str(path) for path in own.rglob("*") if path.is_file() and marked(path, stage.simulation)],
        "settings": DRAWN.sub("DRAWN", settings).splitlines(),
        "documents": [line for name in ("document.yaml", "limits.yaml") for line in text_of(own / name)],
        "environment": [f"{name}={value}" for name, value in sorted(command.environment.items())],
        "arguments": list(command.arguments),
    }


def marked(path: Path, simulation: Simulation) -> bool:
    """Whether a file has the canary of its run in it."""
    return simulation.canary.encode() in path.read_bytes()


def text_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def rows_of(path: Path) -> list[str]:
    """Everything in a store, table by table."""
    with sqlite3.connect(path) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return [f"{name} {row!r}" for name in sorted(tables) for row in database.execute(f'SELECT * FROM "{name}"')]


def without_moment(line: str) -> str:
    try:
        told = json.loads(line)
    except ValueError:
        return line
    told.pop("at_ns", None)
    return DRAWN.sub("DRAWN", json.dumps(told))
