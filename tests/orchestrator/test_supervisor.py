"""An ecosystem of stand-ins comes up in order, is watched over, and leaves nothing; what goes wrong is said."""

import asyncio
import json
import os
import shutil
import signal
import socket
import stat
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.live.settings import load_settings
from trading_ecosystem.orchestrator.control import Line
from trading_ecosystem.orchestrator.folder import Held, Occupancy, RunFolder
from trading_ecosystem.orchestrator.launch import SETTINGS
from trading_ecosystem.orchestrator.planes import plane_of, starting_order, stopping_order
from trading_ecosystem.orchestrator.processes import State
from trading_ecosystem.orchestrator.readiness import NotReady
from trading_ecosystem.orchestrator.request import Stores, UpRequest
from trading_ecosystem.orchestrator.supervisor import Stage, Supervisor, terms_of

Make = Callable[..., UpRequest]
Until = Callable[[Callable[[], bool]], Awaitable[None]]
Alive = Callable[[int], bool]
INSTANCES = [
    *("market_data", "exchange", "custodian", "trading_engine.alpha", "trading_engine.beta", "risk_monitor"),
    *("test_coordinator", "audit_correlator"),
]

pytestmark = pytest.mark.usefixtures("played")


class Run:
    """A supervisor that is up, and what it told."""

    def __init__(self, request: UpRequest) -> None:
        self.told: list[Line] = []
        self.supervisor = Supervisor(request, terms_of(request), self.told.append)
        self._up = asyncio.Event()
        self.task = asyncio.create_task(self.supervisor.run(lambda: None, self._up.set))

    async def up(self) -> None:
        up = asyncio.create_task(self._up.wait())
        await asyncio.wait((up, self.task), return_when=asyncio.FIRST_COMPLETED, timeout=30)
        up.cancel()
        if self.task.done():
            self.task.result()

    async def down(self) -> None:
        self.supervisor.ask_to_stop()
        await asyncio.wait_for(self.task, 30)

    async def ask(self, word: str) -> list[Line]:
        connection = self.supervisor.folder.connect()
        connection.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=connection)
        writer.write(json.dumps({"ask": word}).encode() + b"\n")
        lines = [json.loads(line) async for line in reader]
        writer.close()
        return lines

    def ready(self) -> list[str]:
        return [str(line["ready"]) for line in self.told if "ready" in line]

    def pids(self) -> list[int]:
        pids = [self.supervisor.processes.pid(instance) for instance in INSTANCES]
        return [pid for pid in pids if pid is not None]


def misbehave(folder: Path, **instances: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "misbehave.json").write_text(json.dumps(instances), encoding="utf-8")


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


# Up and down.


def test_up_and_down_leave_nothing(request_in: Make, alive: Alive, tmp_path: Path) -> None:
    async def work() -> None:
        run = Run(request_in())
        await run.up()
        tiers = starting_order(INSTANCES)
        assert [sorted(tier) for tier in tiers] == [sorted(run.ready()[a:b]) for a, b in ((0, 4), (4, 7), (7, 8))]
        pids, url = run.pids(), run.supervisor.registry.url
        assert len(pids) == 8 and all(map(alive, pids)) and run.supervisor.stage is Stage.UP
        await run.down()
        stopped = [str(line["instance"]) for line in run.told if line.get("state") == "down"]
        assert [name for tier in stopping_order(INSTANCES) for name in sorted(tier)] == [
            name for a, b in ((0, 1), (1, 4), (4, 7), (7, 8)) for name in sorted(stopped[a:b])
        ]
        assert not any(map(alive, pids))
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])))

    asyncio.run(work())
    assert list(tmp_path.iterdir()) == []


def test_who_loses_the_folder_stops_everybody_and_touches_nothing_that_comes_after(
    request_in: Make, alive: Alive, tmp_path: Path
) -> None:
    place = tmp_path / "run"

    async def work() -> None:
        run = Run(request_in())
        await run.up()
        pids = run.pids()
        shutil.rmtree(place)
        with RunFolder(place).held():
            (place / "state.json").touch()  # As another supervisor would.
            with pytest.raises(Problem, match="was removed while the ecosystem was up"):
                await asyncio.wait_for(run.task, 30)
        assert not any(map(alive, pids))

    asyncio.run(work())
    assert sorted(path.name for path in place.iterdir()) == ["lock", "state.json"]


def test_what_others_keep_in_the_folder_stays(request_in: Make, tmp_path: Path) -> None:
    async def work() -> None:
        misbehave(tmp_path / "run")
        run = Run(request_in())
        await run.up()
        await run.down()

    asyncio.run(work())
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["misbehave.json"]


def test_time_stands_until_all_are_ready_and_then_runs_fast(request_in: Make, until: Until) -> None:
    async def work() -> None:
        run = Run(request_in())
        start_ns = terms_of(request_in()).start_ns
        await run.up()
        seen = run.supervisor.folder.log("audit_correlator").read_text(encoding="utf-8").splitlines()
        told = {"start_ns": start_ns, "epoch_ns": 0, "speed": 60, "pace": "../../clock"}
        assert json.loads(seen[1].removeprefix("clock ")) == told
        await until(lambda: run.supervisor.clock.now_ns() > start_ns + 6_000_000_000)
        url, token = run.supervisor.registry.url, run.supervisor.registry.tokens["risk_monitor"]
        asked = urllib.request.Request(
            f"{url}/api/v1/configuration/clock", headers={"Authorization": f"Bearer {token}"}
        )
        answer = await asyncio.to_thread(lambda: json.loads(urllib.request.urlopen(asked, timeout=5).read()))
        assert json.loads(answer["value"])["epoch_ns"] > 0
        await run.down()

    asyncio.run(work())


def test_status_says_who_runs_where(request_in: Make) -> None:
    async def work() -> None:
        run = Run(request_in())
        await run.up()
        head, *services, last = await run.ask("status")
        assert (head["stage"], head["world"], head["seed"], head["speed"]) == ("up", "two-desks", 7, 60)
        assert 1 <= float(str(head["pace"])) <= 60 and float(str(head["waited_s"])) >= 0
        assert [service["instance"] for service in services] == INSTANCES and last == {"done": True}
        assert all(service["ready"] and service["state"] == "running" for service in services)
        assert [service["pid"] for service in services] == run.pids()
        assert all(isinstance(service["memory_mib"], float) for service in services)
        assert await run.ask("nonsense") == [{"problem": "known questions: status, down, stage"}, {"done": True}]
        stopping, done = await run.ask("down")
        assert stopping["instances"] == INSTANCES and done == {"done": True}
        await run.task

    asyncio.run(work())


def test_settings_are_those_of_a_service_and_all_is_private(request_in: Make) -> None:
    async def work() -> None:
        run = Run(request_in(tls=True))
        await run.up()
        folder = run.supervisor.folder
        settings = {name: load_settings(folder.service(name) / SETTINGS, {}) for name in INSTANCES}
        for name, own in settings.items():
            shipped = plane_of(name) == "production"
            assert (own.instance, own.profile) == (name, "production" if shipped else "simulation")
            assert (own.audit == "") is shipped
            assert own.store == "sqlite:///data/store.db" and own.registry == run.supervisor.registry.url
            assert own.tls is not None and (folder.service(name) / own.tls / "key.pem").is_file()
            assert own.telemetry == settings["audit_correlator"].grpc != "127.0.0.1:0"
        assert (folder.certificates / "test_coordinator" / "observer" / "cert.pem").is_file()
        for path in (folder.path, *folder.path.rglob("*")):
            inside_private = path.is_symlink() or path.is_relative_to(folder.injector / "")
            assert inside_private or stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
        assert stat.S_IMODE(folder.injector.stat().st_mode) == 0o700
        await run.down()

    asyncio.run(work())


def test_the_monitor_is_told_nothing_of_a_test(request_in: Make) -> None:
    async def work() -> None:
        run = Run(request_in())
        await run.up()
        pid = run.supervisor.processes.pid("risk_monitor")
        environment = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
        told = [line for line in environment if not line.startswith(("PATH=", "HOME=", "PYTHONPATH="))]
        folder = run.supervisor.folder.service("risk_monitor")
        told += [path.read_text("utf-8") for path in folder.glob("*.yaml")]
        for word in ("scenario", "simulat", "seed", "two-desks", "coordinator", "audit", "inject"):
            assert not [line for line in told if word in line.lower()], word
        await run.down()

    asyncio.run(work())


# What goes wrong.


def test_a_child_that_crashes_is_restarted_and_told(request_in: Make, until: Until) -> None:
    async def work() -> None:
        run = Run(request_in())
        await run.up()
        pid = run.supervisor.processes.pid("exchange")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await until(lambda: run.supervisor.processes.state("exchange") is State.WAITING)
        assert "exchange" not in run.supervisor.registry.ready()
        await until(lambda: "exchange" in run.supervisor.registry.ready())
        told = [line for line in run.told if line.get("unexpected")]
        assert [(line["instance"], line["detail"]) for line in told] == [
            ("exchange", "ended by SIGKILL; restart in 0.2 s")
        ]
        assert run.supervisor.processes.restarts("exchange") == 1
        await run.down()

    asyncio.run(work())


def test_one_that_ends_before_it_is_ready_is_named_with_the_end_of_its_log(request_in: Make, tmp_path: Path) -> None:
    async def work() -> None:
        misbehave(tmp_path / "run", custodian="crash")
        run = Run(request_in())
        with pytest.raises(
            NotReady, match=r"^custodian ended with code 1 before it was ready; its log ends:"
        ) as failed:
            await run.up()
        assert "  the disk is gone" in str(failed.value)
        assert run.pids() == [] and run.ready() != INSTANCES
        assert RunFolder(tmp_path / "run").occupancy() is Occupancy.STALE
        assert "the disk is gone" in run.supervisor.folder.log("custodian").read_text("utf-8")

    asyncio.run(work())


def test_one_that_is_never_ready_is_named_with_the_end_of_its_log(request_in: Make, tmp_path: Path) -> None:
    async def work() -> None:
        misbehave(tmp_path / "run", **{"risk_monitor": "silent"})
        run = Run(request_in(ready_within_s=2))
        with pytest.raises(NotReady, match=r"^risk_monitor was not ready within 2 s; its log ends:") as failed:
            await run.up()
        assert "  waits for what never comes" in str(failed.value)
        assert "test_coordinator" not in run.ready() and "exchange" in run.ready()

    asyncio.run(work())


def test_a_taken_port_is_one_line_and_leaves_nothing(request_in: Make, tmp_path: Path) -> None:
    async def work() -> None:
        with taken_port() as port:
            run = Run(request_in(port=port))
            with pytest.raises(Problem) as problem:
                await run.up()
            assert str(problem.value) == f"the registry cannot listen on 127.0.0.1:{port}: Address already in use"

    asyncio.run(work())
    assert list(tmp_path.iterdir()) == []


def test_a_second_one_in_the_same_folder_is_refused_and_harms_nothing(request_in: Make) -> None:
    async def work() -> None:
        run = Run(request_in())
        await run.up()
        with pytest.raises(Held):
            await Run(request_in()).up()
        assert len(run.pids()) == 8 and run.supervisor.folder.occupancy() is Occupancy.LIVE
        await run.down()

    asyncio.run(work())


def test_two_in_two_folders_do_not_disturb_each_other(request_in: Make, tmp_path: Path) -> None:
    async def work() -> None:
        runs = [Run(request_in()), Run(replace(request_in(), folder=tmp_path / "other"))]
        for run in runs:
            await run.up()
        assert len({pid for run in runs for pid in run.pids()}) == 16
        for run in runs:
            await run.down()

    asyncio.run(work())
    assert list(tmp_path.iterdir()) == []


def test_stopping_it_while_it_comes_up_leaves_nothing(
    request_in: Make, tmp_path: Path, until: Until, alive: Alive
) -> None:
    async def work() -> None:
        run = Run(request_in())
        await until(lambda: any(line.get("state") == "running" for line in run.told))
        pids = run.pids()
        await run.down()
        assert pids and not any(map(alive, pids)) and run.supervisor.stage is Stage.STOPPING and run.pids() == []

    asyncio.run(work())
    assert list(tmp_path.iterdir()) == []


def test_a_world_that_is_broken_is_refused_before_anything_is_made(request_in: Make, tmp_path: Path) -> None:
    world = tmp_path / "broken.yaml"
    world.write_text("name: x\n", encoding="utf-8")

    async def work() -> None:
        with pytest.raises(Problem, match=r"broken\.yaml:1: the key 'title' is missing"):
            Run(request_in(world=world))

    asyncio.run(work())
    assert list(tmp_path.iterdir()) == [world]


# The request and the folder.


def test_a_request_goes_through_a_pipe_unchanged(request_in: Make) -> None:
    request = request_in(profile=Stores.SERVERS, postgres="postgresql://p", valkey="redis://v", tls=True)
    assert UpRequest.from_line(request.to_line()) == request


@pytest.mark.parametrize(("given", "missing"), [("valkey", "--postgres"), ("postgres", "--valkey")])
def test_servers_need_their_addresses(given: str, missing: str, request_in: Make) -> None:
    with pytest.raises(Problem, match=f"--profile servers needs {missing}, or TSE_"):
        request_in(profile=Stores.SERVERS, **{given: "somewhere"})


def test_a_folder_with_things_of_the_same_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(Problem, match="holds 'services' of somebody else"), RunFolder(tmp_path).held():
        pass
    assert (tmp_path / "services" / "mine.txt").exists()


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(Problem, match="is a file, not a folder"), RunFolder(tmp_path / "file").held():
        pass


def test_a_folder_with_a_long_name_can_be_spoken_with(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / ("long" * 30))
    with folder.held():
        assert folder.occupancy() is Occupancy.STALE  # Nobody listens yet.
        with folder.listen():
            assert folder.occupancy() is Occupancy.LIVE
        folder.remove()
    assert folder.occupancy() is Occupancy.EMPTY
