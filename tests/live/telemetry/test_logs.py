"""Every line of a log is one JSON object that can be traced, and holds no secret."""

import asyncio
import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from trading_ecosystem.live.clock import Clock, Tempo
from trading_ecosystem.live.door import Header
from trading_ecosystem.live.telemetry.logs import MOST_WAITING, LogOutlet, handling, set_up_logs
from trading_ecosystem.live.telemetry.redaction import HIDDEN, Redaction
from trading_ecosystem.live.telemetry.spans import service_resource

START_NS = 1_772_409_600_000_000_000
CANARY = "canary-4711-secret"


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
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
        log = structlog.get_logger()
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


@pytest.mark.parametrize(("level", "heard"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_levels_come_from_the_settings(level: str, heard: int) -> None:
    def write() -> None:
        log = structlog.get_logger()
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
    ("nested", {"headers": {"cookie": f"{CANARY}"}}, CANARY),
]


@pytest.mark.parametrize(("event", "values", "secret"), SECRETS, ids=range(len(SECRETS)))
def test_no_secret_passes(event: str, values: dict[str, Any], secret: str) -> None:
    (line,) = lines("info", lambda: structlog.get_logger().info(event, **values))
    assert secret not in json.dumps(line)
    assert HIDDEN in json.dumps(line)


@pytest.mark.parametrize("text", ["tokenized", "a basic fact", "https://host/path?x=1", "keyboard", "secretary: Ann"])
def test_what_is_no_secret_stays(text: str) -> None:
    (line,) = lines("info", lambda: structlog.get_logger().info(text, tokenizer=text))
    assert (line["event"], line["tokenizer"]) == (text, text)


def test_an_exception_is_logged_without_its_secret() -> None:
    def write() -> None:
        try:
            raise ValueError(f"bad key {CANARY}")
        except ValueError:
            structlog.get_logger().exception("failed")

    (line,) = lines("info", write)
    assert "ValueError: bad key" in line["exception"]
    assert CANARY not in line["exception"]


def test_warnings_go_to_the_audit_when_it_is_there(make_stand_in: Callable[..., Any]) -> None:
    async def scenario() -> None:
        audit = make_stand_in()
        where = ""
        outlet = LogOutlet(service_resource("exchange", "1"), lambda: where)

        def write() -> None:
            log = structlog.get_logger()
            log.info("not this")
            with handling(Header(message_id=1, correlation_id=2)):
                log.error("broken", detail=f"{CANARY}")

        lines("info", write, outlet.take)
        task = asyncio.create_task(outlet.run())
        await asyncio.sleep(0.1)
        async with audit.serve():
            where = f"127.0.0.1:{audit.port}"
            while not audit.logs:
                await asyncio.sleep(0.02)
        task.cancel()
        (request,) = audit.logs
        (record,) = request.resource_logs[0].scope_logs[0].log_records
        assert record.body.string_value == "broken"
        assert record.severity_text == "ERROR"
        assert record.time_unix_nano == START_NS
        assert (record.trace_id[-1], record.span_id[-1]) == (2, 1)
        assert {each.key: each.value.string_value for each in record.attributes}["detail"] == HIDDEN

    asyncio.run(scenario())


def test_too_many_lines_make_room_and_are_counted() -> None:
    outlet = LogOutlet(service_resource("exchange", "1"), lambda: "")
    for _ in range(MOST_WAITING + 5):
        outlet.take({"at_ns": 1, "level": "error", "event": "x"})
    assert outlet.dropped == 5
