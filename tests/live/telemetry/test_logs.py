"""Every line of a log is one JSON object that can be traced, and holds no secret."""

import asyncio
import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from trading_ecosystem.live.clock import Clock, Tempo
from trading_ecosystem.live.door import Header
from trading_ecosystem.live.security.tokens import SCOPES, Surface, issue_token, read_token
from trading_ecosystem.live.telemetry.lines import Log
from trading_ecosystem.live.telemetry.logs import (
    MOST_SENT,
    MOST_WAITING,
    NOTHING,
    LogOutlet,
    handling,
    lines_lost,
    lines_waiting,
    set_up_logs,
)
from trading_ecosystem.live.telemetry.metrics import FIGURES
from trading_ecosystem.live.telemetry.redaction import HIDDEN, Redaction
from trading_ecosystem.live.telemetry.spans import service_resource

START_NS = 1_772_409_600_000_000_000
CANARY = "canary-4711-secret"
RESOURCE = service_resource("exchange", "1")


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(level: str, write: Callable[[], object], outlet: Any = None) -> list[dict[str, Any]]:
    """What these calls log."""
    stream = io.StringIO()
    clock = Clock(Tempo(start_ns=START_NS, epoch_ns=1 << 62, speed=1))
    set_up_logs("exchange.alpha", level, clock, stream, Redaction((CANARY,)), outlet)
    write()
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_says_when_where_and_under_which_span() -> None:
    def write() -> None:
        log = Log(__name__)
        with handling(Header(message_id=255, correlation_id=16)):
            log.warning("slow", waited=3)
        log.info("done")

    first, second = lines("info", write)
    assert first == {
        "at_ns": START_NS,
        "instance": "exchange.alpha",
        "level": "warning",
        "event": "slow",
        "waited": 3,
        "trace_id": "00000000000000000000000000000010",
        "span_id": "00000000000000ff",
    }
    assert "trace_id" not in second


def test_before_logs_are_set_up_the_fields_are_told_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    Log("x").warning("slow", waited=3, where="a b")
    assert caplog.messages == ["slow waited=3 where='a b'"]


@pytest.mark.parametrize(("level", "heard"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_levels_come_from_the_settings(level: str, heard: int) -> None:
    def write() -> None:
        log = Log(__name__)
        for each in (log.debug, log.info, log.warning, log.error):
            each("x")

    assert len(lines(level, write)) == heard


def test_libraries_log_in_the_same_form() -> None:
    (line,) = lines("info", lambda: logging.getLogger("library").warning("port %d is taken", 80))
    assert (line["event"], line["level"], line["instance"]) == ("port 80 is taken", "warning", "exchange.alpha")


SECRETS: list[tuple[str, dict[str, Any], str]] = [
    ("call", {"api_key": "abc123"}, "abc123"),
    ("call", {"Authorization": "abc123"}, "abc123"),
    ("call", {"db.password": "abc123"}, "abc123"),
    (f"token is {CANARY}", {}, CANARY),
    ("to postgresql://exchange:abc123@host/db", {}, "abc123"),
    ("sent", {"header": "Bearer abc123abc123"}, "abc123abc123"),
    ("read", {"file": "-----BEGIN PRIVATE KEY-----\nabc123\n-----END PRIVATE KEY-----"}, "abc123"),
    ("jwt", {"seen": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc123"}, "abc123"),
    ("login?password=abc123&user=x", {}, "abc123"),
    ("called", {"as": f"tse_{'aB-_1' * 8}abc"}, "aB-_1"),
    (f"https://host/tse_{'a' * 43}/orders", {}, "aaaa"),
    ("nested", {"headers": {"cookie": f"{CANARY}"}}, CANARY),
]


@pytest.mark.parametrize(("event", "values", "secret"), SECRETS, ids=range(len(SECRETS)))
def test_no_secret_passes(event: str, values: dict[str, Any], secret: str) -> None:
    (line,) = lines("info", lambda: Log(__name__).info(event, **values))
    assert secret not in json.dumps(line)
    assert HIDDEN in json.dumps(line)


def test_a_token_that_we_issue_is_known_by_its_look(tmp_path: Path) -> None:
    issue_token(tmp_path, Surface.REST, "operator", SCOPES[Surface.REST], tmp_path / "token")
    (line,) = lines("info", lambda: Log("x").info(f"who sent {read_token(tmp_path / 'token')}?"))
    assert line["event"] == f"who sent {HIDDEN}?"


@pytest.mark.parametrize("figure", FIGURES)
def test_the_name_of_a_figure_is_no_token(figure: str) -> None:
    assert Redaction().text(figure) == figure


@pytest.mark.parametrize("text", ["tokenized", "a basic fact", "https://host/path?x=1", "keyboard", "secretary: Ann"])
def test_what_is_no_secret_stays(text: str) -> None:
    (line,) = lines("info", lambda: Log(__name__).info(text, tokenizer=text))
    assert (line["event"], line["tokenizer"]) == (text, text)


def test_an_exception_is_logged_without_its_secret() -> None:
    def write() -> None:
        try:
            raise ValueError(f"bad key {CANARY}")
        except ValueError:
            Log(__name__).exception("failed")

    (line,) = lines("info", write)
    assert "ValueError: bad key" in line["exception"]
    assert CANARY not in line["exception"]


def test_what_has_no_span_is_told_without_ids() -> None:
    def write() -> None:
        with handling(Header(message_id=1, correlation_id=2)), handling(NOTHING):
            Log(__name__).warning("started")

    (line,) = lines("info", write)
    assert "trace_id" not in line and "span_id" not in line


# To the audit.


def say() -> None:
    log = Log(__name__)
    log.info("not this")
    with handling(Header(message_id=1, correlation_id=2)):
        log.error("broken", detail=f"{CANARY}")


def records_of(request: Any) -> list[Any]:
    return [each for told in request.resource_logs for scope in told.scope_logs for each in scope.log_records]


def test_warnings_go_to_the_audit_when_it_is_there(
    make_stand_in: Callable[..., Any], free_port: Callable[[], int]
) -> None:
    port = free_port()
    outlet = LogOutlet(RESOURCE, f"127.0.0.1:{port}")

    async def scenario() -> None:
        lines("info", say, outlet)
        await asyncio.sleep(0.1)
        assert (lines_waiting(), lines_lost()) == (1, 0)
        async with make_stand_in([grpc.StatusCode.UNAVAILABLE]).serve(port) as audit:
            await asyncio.to_thread(logging.shutdown)
        assert (lines_waiting(), lines_lost()) == (0, 0)
        (request,) = audit.logs
        (record,) = records_of(request)
        assert record.body.string_value == "broken"
        assert record.severity_text == "ERROR"
        assert record.time_unix_nano == START_NS
        assert (record.trace_id[-1], record.span_id[-1]) == (2, 1)
        assert {each.key: each.value.string_value for each in record.attributes}["detail"] == HIDDEN

    asyncio.run(scenario())


def test_an_endpoint_that_takes_no_logs_is_not_asked_again(make_stand_in: Callable[..., Any]) -> None:
    async def scenario() -> None:
        async with make_stand_in([grpc.StatusCode.UNIMPLEMENTED]).serve() as audit:
            lines("info", say, LogOutlet(RESOURCE, f"127.0.0.1:{audit.port}"))
            await asyncio.to_thread(logging.shutdown)
            assert (lines_waiting(), lines_lost(), audit.logs) == (0, 1, [])

    asyncio.run(scenario())


def test_too_many_lines_make_room_and_are_counted(free_port: Callable[[], int]) -> None:
    def write() -> None:
        for _ in range(MOST_WAITING + MOST_SENT + 5):
            Log("x").error("x")

    lines("info", write, LogOutlet(RESOURCE, f"127.0.0.1:{free_port()}"))
    assert lines_lost() >= 5
    assert lines_lost() + lines_waiting() == MOST_WAITING + MOST_SENT + 5


LAST_WORDS = """
import sys
from trading_ecosystem.live.clock import Clock
from trading_ecosystem.live.ending import end_at_once
from trading_ecosystem.live.telemetry.logs import LogOutlet, set_up_logs
from trading_ecosystem.live.telemetry.redaction import Redaction
from trading_ecosystem.live.telemetry.spans import service_resource

outlet = LogOutlet(service_resource("exchange", "1"), sys.argv[1])
set_up_logs("exchange", "info", Clock(), sys.stderr, Redaction(), outlet)
end_at_once(70, "the core has failed", ValueError("why"))
"""


@pytest.mark.parametrize("there", [True, False])
def test_the_last_words_of_a_process_are_heard_and_nobody_waits_long_for_them(
    there: bool, make_stand_in: Callable[..., Any], free_port: Callable[[], int]
) -> None:
    async def scenario() -> None:
        async with make_stand_in().serve() as audit:
            target = f"127.0.0.1:{audit.port if there else free_port()}"
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", LAST_WORDS, target, stderr=-1)
            _, told = await asyncio.wait_for(process.communicate(), 20)
            assert process.returncode == 70 and b"the core has failed" in told
            records = [record for request in audit.logs for record in records_of(request)]
            assert [(each.severity_text, each.body.string_value) for each in records] == (
                [("CRITICAL", "the core has failed")] if there else []
            )

    asyncio.run(scenario())
