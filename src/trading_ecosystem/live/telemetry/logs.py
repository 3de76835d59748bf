"""The log of a service: one JSON object per line, each with its instance, its moment and the span it was written under.

Rule 1: everything that logs in this process, libraries included, comes out in this one form.
Rule 2: no secret passes; warnings and worse also go to the audit, by OTLP.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, TextIO, final

import grpc
import structlog
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs, SeverityNumber
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from trading_ecosystem.live.clock import Clock
from trading_ecosystem.live.door import Header
from trading_ecosystem.live.telemetry.exporter import FIRST_RETRY_S, LONGEST_RETRY_S, Find, dial, jittered
from trading_ecosystem.live.telemetry.redaction import Redaction
from trading_ecosystem.live.telemetry.spans import ID_BYTES, STORY_FRONT

TALKATIVE = ("alembic", "httpcore", "uvicorn")  # Libraries that tell of every step.
METHOD = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
DEADLINE_S = 10.0
MOST_WAITING = 1_000  # Lines for the audit; the oldest make room, and are counted.
MOST_SENT = 200  # Lines in one request.
SEVERITIES = {
    "warning": SeverityNumber.SEVERITY_NUMBER_WARN,
    "error": SeverityNumber.SEVERITY_NUMBER_ERROR,
    "critical": SeverityNumber.SEVERITY_NUMBER_FATAL,
}

Line = MutableMapping[str, Any]
Take = Callable[[Line], None]


def set_up_logs(
    instance: str, level: str, clock: Clock, stream: TextIO, redaction: Redaction, outlet: Take | None = None
) -> None:
    """For the whole process. `level` is debug, info, warning or error; `outlet` takes what also goes to the audit."""

    def stamp(_: Any, __: str, line: Line) -> Line:
        return {"at_ns": clock.now_ns(), "instance": instance} | dict(line)

    def hide(_: Any, __: str, line: Line) -> Line:
        return {name: clean(redaction, name, value) for name, value in line.items()}

    def send(_: Any, __: str, line: Line) -> Line:
        if outlet is not None and line["level"] in SEVERITIES:
            outlet(line)
        return line

    known = (structlog.contextvars.merge_contextvars, structlog.stdlib.add_log_level)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *known,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=known,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            stamp,
            hide,
            send,
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for talkative in TALKATIVE:
        logging.getLogger(talkative).setLevel(logging.WARNING)


def clean(redaction: Redaction, name: str, value: Any) -> Any:
    """A value without its secrets, in a form that JSON knows."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return redaction.value(name, value if isinstance(value, str) else str(value))


@contextmanager
def handling(header: Header) -> Iterator[None]:
    """What is logged inside carries the ids of this message's span."""
    trace_id = (STORY_FRONT + header.correlation_id.to_bytes(ID_BYTES, "big")).hex()
    span_id = header.message_id.to_bytes(ID_BYTES, "big").hex()
    with structlog.contextvars.bound_contextvars(trace_id=trace_id, span_id=span_id):
        yield


@final
class LogOutlet:
    """Sends log lines to the audit; `take` is the `outlet` of `set_up_logs`."""

    def __init__(self, resource: Resource, find: Find, credentials: grpc.ChannelCredentials | None = None) -> None:
        self._resource = resource
        self._find = find
        self._credentials = credentials
        self._waiting: deque[LogRecord] = deque()
        self.dropped = 0

    def take(self, line: Line) -> None:
        """Queue one line. Other threads may call it."""
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(record_of(line))

    async def run(self) -> None:
        """Send until it is cancelled."""
        sending: list[LogRecord] = []
        pause_s = FIRST_RETRY_S
        while True:
            while self._waiting and len(sending) < MOST_SENT:
                sending.append(self._waiting.popleft())
            if not sending or await self._is_taken(sending):
                sending = []
                pause_s = FIRST_RETRY_S
            else:
                pause_s = min(2 * pause_s, LONGEST_RETRY_S)
            await asyncio.sleep(jittered(pause_s))

    async def _is_taken(self, records: list[LogRecord]) -> bool:
        target = self._find()
        if not target:
            return False
        scope_logs = ScopeLogs(log_records=records)
        told = ResourceLogs(resource=self._resource, scope_logs=[scope_logs])
        request = ExportLogsServiceRequest(resource_logs=[told]).SerializeToString()
        async with dial(target, self._credentials) as channel:
            export: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
            try:
                await export(request, timeout=DEADLINE_S)
            except grpc.aio.AioRpcError:
                return False
        return True


def record_of(line: Line) -> LogRecord:
    told = dict(line)
    record = LogRecord(
        time_unix_nano=told.pop("at_ns"),
        severity_text=told["level"].upper(),
        severity_number=SEVERITIES[told.pop("level")],
        trace_id=bytes.fromhex(told.pop("trace_id", "")),
        span_id=bytes.fromhex(told.pop("span_id", "")),
    )
    record.body.string_value = str(told.pop("event"))
    for name, value in told.items():
        record.attributes.add(key=name).value.string_value = str(value)
    return record
