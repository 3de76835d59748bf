"""Runs a scenario against the live services, and gathers what a reader wants to know. Its twin is virtual/run.py.

Rule 1: the same scenario file, world and seed as in virtual time; what differs is that everything is real.
Rule 2: a run begins on empty stores at the world's start, so that two runs differ by their timing alone.
"""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from trading_ecosystem import __version__
from trading_ecosystem.configuration.document import Problem, text_of
from trading_ecosystem.limit_lines import limit_lines
from trading_ecosystem.live.security.binding import open_channel
from trading_ecosystem.orchestrator.control import conversation
from trading_ecosystem.orchestrator.folder import RunFolder
from trading_ecosystem.orchestrator.identities import OPERATOR
from trading_ecosystem.orchestrator.terms import Recording, RunOrder, Terms
from trading_ecosystem.preparation import Prepared, RunRequest, command_of, find_world, prepare
from trading_ecosystem.validation.result_files import from_plain
from trading_ecosystem.validation.results import ChainLink, Judgement, RunResult, Series, TimelineEntry
from trading_ecosystem.wire.test_coordinator.v1 import test_coordinator_pb2

SECOND_NS = 1_000_000_000
GET_RUN = "/trading_ecosystem.wire.test_coordinator.v1.TestCoordinatorService/GetRun"
COORDINATOR = "test_coordinator"
ASK_EVERY_S = 0.5
SLACK_S = 60.0  # Beyond the time that the run itself takes, for judging it.

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class LiveRequest:
    """`folder`: of the ecosystem that is up. `speed` 0: as fast as that was brought up."""

    run: RunRequest
    folder: Path
    speed: int


def run_live(request: LiveRequest, progress: Progress | None = None) -> RunResult:
    """Run the scenario on the ecosystem that is up. Raises `Problem` for bad input, before anything is touched."""
    prepared = prepare(request.run)
    folder = RunFolder(request.folder)
    began_s = time.monotonic()
    order = order_of(request, prepared)
    with conversation(folder) as supervisor:
        folder.write_terms(order)
        for line in supervisor.ask("stage"):
            if "problem" in line:
                raise Problem(str(line["problem"]))
    told = asyncio.run(until_judged(folder, prepared, progress))
    return gather(request, prepared, json.loads(told), time.monotonic() - began_s)


def order_of(request: LiveRequest, prepared: Prepared) -> RunOrder:
    scenario, wanted = prepared.scenario, prepared.scenario.replay
    recording = None
    if prepared.recorded is not None and request.run.replay is not None:
        from_ns = wanted.from_ns if wanted and wanted.from_ns is not None else prepared.plan.start_ns
        recording = Recording(
            files=(request.run.replay,),
            from_ns=from_ns,
            until_ns=wanted.until_ns if wanted and wanted.until_ns is not None else from_ns + scenario.duration_ns,
            columns=dict(wanted.columns) if wanted and wanted.columns else {},
            symbols=dict(wanted.symbols) if wanted and wanted.symbols else {},
            instruments=tuple(prepared.recorded.records),
        )
    terms = Terms(
        seed=prepared.seed,
        start_ns=prepared.plan.start_ns,
        scenario=text_of(scenario.document),
        duration_ns=scenario.duration_ns,
        quotes_every_ns=scenario.quotes_every_ns,
        recording=recording,
    )
    return RunOrder(world=find_world(request.run.scenario_path, scenario).absolute(), terms=terms, speed=request.speed)


# Waiting for the verdict.


async def until_judged(folder: RunFolder, prepared: Prepared, progress: Progress | None) -> str:
    """The result as the coordinator tells it, in JSON."""
    duration_ns, start_ns = prepared.scenario.duration_ns, prepared.plan.start_ns
    late_s = SLACK_S
    while True:
        head, services = status_of(folder)
        done_ns = min(duration_ns, int(head["now_ns"]) - start_ns)
        if progress is not None:
            progress(done_ns, duration_ns)
        address = next((each["addresses"].get("grpc", "") for each in services if each["instance"] == COORDINATOR), "")
        result = await ask_for_run(folder, address) if address else ""
        if result:
            return result
        if done_ns >= duration_ns:
            late_s -= ASK_EVERY_S
            if late_s < 0:
                raise Problem(f"the run was not judged within {SLACK_S:g} s of its end; see `tse logs {COORDINATOR}`")
        await asyncio.sleep(ASK_EVERY_S)


def status_of(folder: RunFolder) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    with conversation(folder) as supervisor:
        head, *services = supervisor.ask("status")
    return head, services


async def ask_for_run(folder: RunFolder, address: str) -> str:
    """What the coordinator says, or nothing while it cannot be reached."""
    tls = folder.certificates / OPERATOR
    async with open_channel(address, COORDINATOR, tls=tls if tls.is_dir() else None) as channel:
        call: Any = channel.unary_unary(GET_RUN, response_deserializer=test_coordinator_pb2.GetRunResponse.FromString)
        try:
            response = await call(b"", timeout=5.0, metadata=(("x-instance", OPERATOR),))
        except grpc.aio.AioRpcError:
            return ""
    result: str = response.result
    return result


# What is gathered.


def gather(request: LiveRequest, prepared: Prepared, told: dict[str, Any], wall_s: float) -> RunResult:
    scenario, plan, audit = prepared.scenario, prepared.plan, told["audit"]
    counts: dict[str, int] = {
        "orders": audit["counts"].get("SubmitOrder", 0),
        "trades": audit["figures"]["trades"],
        **told["counts"],
    }
    return RunResult(
        scenario=scenario.name,
        title=scenario.title,
        family=scenario.family,
        severity=scenario.severity,
        story=scenario.story,
        incident=scenario.incident,
        sources=scenario.sources,
        world=plan.name,
        seed=prepared.seed,
        start_ns=plan.start_ns,
        simulated_ns=scenario.duration_ns,
        wall_s=wall_s,
        events=sum(audit["counts"].values()),
        compiled=False,
        digest=audit["digest"],
        command=f"{command_of(request.run, prepared.seed)} --live",
        judgement=from_plain(Judgement, told["judgement"]),
        timeline=tuple(from_plain(TimelineEntry, each) for each in audit["timeline"]),
        chains={
            alert_id: tuple(from_plain(ChainLink, link) for link in links)
            for alert_id, links in audit["chains"].items()
        },
        series=tuple(from_plain(Series, each) for each in (*told["series"], *audit["series"])),
        limits=limit_lines(plan),
        rules=tuple(plan.limits.rules),
        counts=counts,
        configuration={
            request.run.scenario_path.name: request.run.scenario_path.read_text(encoding="utf-8"),
            **plan.files,
        },
        versions={"trading-ecosystem": __version__},
        trail=audit["trail"],
    )


def chains_of(plain: dict[str, list[Any]]) -> dict[str, tuple[ChainLink, ...]]:
    return {alert_id: tuple(from_plain(ChainLink, link) for link in links) for alert_id, links in plain.items()}
