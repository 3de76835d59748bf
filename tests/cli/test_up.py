"""`tse up`, `status`, `logs` and `down` as a person uses them, each a process of its own; stand-ins serve."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from trading_ecosystem.cli.places import find_world
from trading_ecosystem.configuration.document import Problem

ROOT = Path(__file__).parents[2]
STAND_IN = ROOT / "tests" / "orchestrator" / "stand_in"
COMMAND = [sys.executable, "-m", "trading_ecosystem.cli.main"]
Tse = Callable[..., CompletedProcess[str]]


def environment() -> dict[str, str]:
    inherited = os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": f"{STAND_IN}{os.pathsep}{inherited}"}


@pytest.fixture
def tse(tmp_path: Path) -> Iterator[Tse]:
    """Runs the command in a folder of its own, where everything is brought down at the end."""

    def run(*arguments: str) -> CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    yield run
    run("down")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(holds: Callable[[], bool]) -> None:
    ends_s = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < ends_s, "it never came to this"
        time.sleep(0.02)


def status_of(tse: Tse) -> dict[str, object]:
    told: dict[str, object] = json.loads(tse("status", "--json").stdout)
    return told


def pids_of(tse: Tse) -> list[int]:
    services = status_of(tse)["services"]
    assert isinstance(services, list)
    return [service["pid"] for service in services]


def test_a_day_in_the_life_of_an_ecosystem(tse: Tse, tmp_path: Path) -> None:
    up = tse("up", "--speed", "60")
    assert (up.returncode, up.stdout) == (0, ""), up.stderr
    *services, last = up.stderr.splitlines()
    assert len(services) == 8 and all(line.startswith("✓ ") and line.endswith(" s") for line in services)
    assert last.startswith("up in ") and "two-desks, 60x" in last

    again = tse("up")
    assert (again.returncode, again.stdout) == (2, "") and len(again.stderr.splitlines()) == 1
    assert "up already (world two-desks, pid " in again.stderr

    status = tse("status")
    assert (status.returncode, status.stdout) == (0, "")
    assert status.stderr.count("✓ ready") == 8 and "8 services hold" in status.stderr

    one = tse("logs", "exchange", "-n", "1")
    assert (one.returncode, one.stderr) == (0, "") and one.stdout.startswith("clock {")
    every = tse("logs").stdout.splitlines()
    assert "exchange | exchange starts" in every and "risk_monitor | risk_monitor starts" in every
    assert any(line.startswith("supervisor | ") and '"up": true' in line for line in every)
    wrong = tse("logs", "exchang")
    assert wrong.returncode == 2 and wrong.stderr.startswith("exchang: no such service; known: ")

    pids = pids_of(tse)
    down = tse("down")
    assert (down.returncode, down.stdout, down.stderr) == (0, "", "stopping 8 services\neverything is down\n")
    assert not any(map(alive, pids)) and list(tmp_path.iterdir()) == []


def test_where_nothing_is_up_each_command_says_so(tse: Tse, tmp_path: Path) -> None:
    found = {name: tse(name) for name in ("status", "logs", "down")}
    assert {name: done.returncode for name, done in found.items()} == {"status": 2, "logs": 2, "down": 0}
    assert all("nothing is up here" in done.stderr and len(done.stderr.splitlines()) == 1 for done in found.values())
    assert list(tmp_path.iterdir()) == []


def test_no_child_outlives_a_supervisor_that_is_killed(tse: Tse, tmp_path: Path) -> None:
    assert tse("up").returncode == 0
    told = status_of(tse)
    pids, supervisor = pids_of(tse), told["pid"]
    assert isinstance(supervisor, int) and len(pids) == 8
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: not any(map(alive, [supervisor, *pids])))

    status = tse("status")
    assert status.returncode == 2 and "the last supervisor died" in status.stderr
    assert "exchange starts" in tse("logs", "exchange").stdout
    up = tse("up")
    assert up.returncode == 0, up.stderr
    assert not set(pids_of(tse)) & set(pids)
    os.kill(int(str(status_of(tse)["pid"])), signal.SIGKILL)
    wait_until(lambda: not any(map(alive, pids)))
    down = tse("down")
    assert down.returncode == 0 and "what the last supervisor left is removed" in down.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_service_that_does_not_come_up_is_shown(tse: Tse, tmp_path: Path) -> None:
    (tmp_path / ".tse").mkdir()
    (tmp_path / ".tse" / "misbehave.json").write_text('{"exchange": "crash"}', encoding="utf-8")
    up = tse("up")
    assert (up.returncode, up.stdout) == (1, "")
    assert "✗ exchange ended with code 1 before it was ready; its log ends:" in up.stderr
    assert "  the disk is gone" in up.stderr
    assert "the disk is gone" in tse("logs", "exchange").stdout
    assert tse("down").returncode == 0
    assert [path.name for path in (tmp_path / ".tse").iterdir()] == ["misbehave.json"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--world", "two-desk"), "two-desk: no such world; did you mean 'two-desks'?"),
        (("--profile", "servers"), "--profile servers needs --postgres, or TSE_POSTGRES in the environment"),
        (("--speed", "0"), "Invalid value for '--speed'"),
        (("--folder", "/dev/null"), "/dev/null: is a file, not a folder"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    arguments: tuple[str, ...], says: str, tse: Tse, tmp_path: Path
) -> None:
    up = tse("up", *arguments)
    assert (up.returncode, up.stdout) == (2, "")
    assert says in up.stderr and len(up.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_taken_port_is_one_line(tse: Tse, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        up = tse("up", "--port", str(port))
    assert (up.returncode, up.stderr) == (
        2,
        f"the registry cannot listen on 127.0.0.1:{port}: Address already in use\n",
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [("up", "--foreground"), ("up",)])
def test_ctrl_c_brings_everything_down(arguments: tuple[str, ...], tse: Tse, tmp_path: Path) -> None:
    """In the foreground when all is up; in the background while it comes up."""
    foreground = len(arguments) == 2
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    first = process.stderr.readline()
    assert first.startswith("✓ ")
    while foreground and not first.startswith("up in "):
        first = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=30) == (0 if foreground else 130)
    assert rest.endswith("everything is down\n")
    assert list(tmp_path.iterdir()) == []


def test_logs_follow_until_everything_is_down(tse: Tse, tmp_path: Path) -> None:
    assert tse("up").returncode == 0
    following = subprocess.Popen(
        [*COMMAND, "logs", "exchange", "--follow"], cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True
    )
    assert following.stdout is not None
    assert following.stdout.readline() == "exchange starts\n"
    assert tse("down").returncode == 0
    rest = following.stdout.read()
    following.stdout.close()
    assert following.wait(timeout=10) == 0
    assert rest.startswith("clock ")


def test_a_world_is_found_by_path_or_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_world("two-desks") == ROOT / "worlds" / "two-desks.yaml"
    assert find_world(str(ROOT / "worlds" / "two-desks.yaml")) == ROOT / "worlds" / "two-desks.yaml"
    shipped = sorted(path.stem for path in (ROOT / "worlds").glob("*.yaml") if not path.stem.endswith("-limits"))
    assert {"two-desks", "two-venues", "full-service"} < set(shipped)
    with pytest.raises(Problem, match=f"nowhere: no such world; known: {', '.join(shipped)}"):
        find_world("nowhere")


def test_the_other_commands_do_not_pay_for_it() -> None:
    code = "import sys, trading_ecosystem.cli.main; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout
    assert not {"grpc", "fastapi", "uvicorn", "cryptography", "sqlalchemy", "asyncio"} & set(loaded.split())
