"""The registry as a process of its own."""

import signal
import socket
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from trading_ecosystem.live.discovery.__main__ import main

TOKEN = "token-of-the-administrator"
DIGEST = sha256(TOKEN.encode()).hexdigest()
DOCUMENT = f"""
holders:
  administrator: {{sha256: {DIGEST}, sees: ["*"], administrator: true}}
planes: {{exchange: simulators}}
"""
Capture = pytest.CaptureFixture[str]
COMMAND = [sys.executable, "-m", "trading_ecosystem.live.discovery"]


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "registry.yaml"
    path.write_text(DOCUMENT)
    path.chmod(0o600)
    return path


def test_it_serves_until_it_is_told_to_stop(document: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "--document", str(document), "--bind", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            url = "http://" + process.stdout.readline().removeprefix("registry: ").strip()
            headers = {"Authorization": f"Bearer {TOKEN}"}
            answer = httpx.put(f"{url}/api/v1/configuration/clock", json={"value": "1"}, headers=headers, timeout=10)
            assert answer.json()["version"] == 1
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
        finally:
            process.kill()


WRONG = [
    # What stands in the document, further arguments, the problem.
    ("holders: {a: {sha256: 12}}", [], "holders.a.sha256: 64 digits of a SHA-256"),
    (f"holders: {{a: {{sha256: {DIGEST}}}, b: {{sha256: {DIGEST}}}}}", [], "holders.b.sha256: 64 digits"),
    (f"holders: {{a: {{sha256: {DIGEST}, sees: ['*', b]}}}}", [], "holders.a.sees: '*' stands alone"),
    (f"holders: {{a: {{sha256: {DIGEST}, administrator: 1}}}}", [], "holders.a.administrator: unknown flag '1'"),
    ("holder: {}", [], "unknown key 'holder'; did you mean 'holders'?"),
    (DOCUMENT, ["--bind", "0.0.0.0:0"], "0.0.0.0:0 can be reached from elsewhere"),
    (DOCUMENT, ["--bind", "nowhere"], "'nowhere' is not an address"),
    (DOCUMENT, ["--tls", "/nonexistent"], "cannot be used: No such file"),
]


@pytest.mark.parametrize(("text", "arguments", "problem"), WRONG)
def test_it_says_in_one_line_why_it_cannot_start(
    document: Path, capsys: Capture, text: str, arguments: list[str], problem: str
) -> None:
    document.write_text(text)
    refuse(capsys, ["--document", str(document), "--bind", "127.0.0.1:0", *arguments], problem)


def test_a_document_that_others_may_read_is_refused(document: Path, capsys: Capture) -> None:
    document.chmod(0o644)
    refuse(capsys, ["--document", str(document)], "others may read it")


def test_a_port_that_is_taken_is_named(document: Path, capsys: Capture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        refuse(
            capsys,
            ["--document", str(document), "--bind", address],
            f"cannot listen on {address}: Address already in use",
        )


def refuse(capsys: Capture, arguments: list[str], problem: str) -> None:
    assert main(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert problem in told.err
    assert told.err.count("\n") == 1
