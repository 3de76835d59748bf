"""The log of a service: one JSON object per line, each with its instance, its moment and the span it was written under.

Rule 1: everything that logs in this process, libraries included, comes out in this one form.
Rule 2: no secret passes.
Rule 3: warnings and worse also go to the audit, by OTLP; nobody waits for that, and what is lost on the way is counted.
"""

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TextIO, final

import grpc
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs, SeverityNumber
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from trading_ecosystem.live.clock import Clock
from trading_ecosystem.live.door import Header
from trading_ecosystem.live.telemetry.exporter import FIRST_RETRY_S, LONGEST_RETRY_S, OPTIONS, jittered, secured_options
from trading_ecosystem.live.telemetry.lines import Said
from trading_ecosystem.live.telemetry.redaction import Redaction
from trading_ecosystem.live.telemetry.spans import ID_BYTES, STORY_FRONT

TALKATIVE = ("alembic", "httpcore", "uvicorn")  # Libraries that tell of every step.
METHOD = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
DEADLINE_S = 10.0
FLUSH_S = 1.0  # For the last lines of a process.
MOST_WAITING = 1_000  # Lines for the audit; the oldest make room, and are counted.
MOST_SENT = 200  # Lines in one request.
REFUSED = (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.INVALID_ARGUMENT)  # To be sent again in vain.
SEVERITIES = {
    "warning": SeverityNumber.SEVERITY_NUMBER_WARN,
    "error": SeverityNumber.SEVERITY_NUMBER_ERROR,
    "critical": SeverityNumber.SEVERITY_NUMBER_FATAL,
}
NOTHING = Header(message_id=0, correlation_id=0)

HANDLED: ContextVar[Header] = ContextVar("HANDLED", default=NOTHING)  # What is handled where something is logged.

Line = MutableMapping[str, Any]


def set_up_logs(
    instance: str, level: str, clock: Clock, stream: TextIO, redaction: Redaction, outlet: "LogOutlet | None" = None
) -> None:
    """For the whole process. `level` is debug, info, warning or error; `outlet` is the way to the audit."""
    form = OneObject(instance, clock, redaction)
    handlers: list[logging.Handler] = [logging.StreamHandler(stream)]
    if outlet is not None:
        handlers.append(outlet)
    for handler in handlers:
        handler.setFormatter(form)
    logging.basicConfig(handlers=handlers, level=level.upper(), force=True)
    for talkative in TALKATIVE:
        logging.getLogger(talkative).setLevel(logging.WARNING)


@final
class OneObject(logging.Formatter):
    """A record as one JSON object."""

    def __init__(self, instance: str, clock: Clock, redaction: Redaction) -> None:
        super().__init__()
        self._instance, self._clock, self._redaction = instance, clock, redaction

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(self.line(record))

    def line(self, record: logging.LogRecord) -> Line:
        said = record.msg if isinstance(record.msg, Said) else Said(record.getMessage(), {})
        told = {"level": record.levelname.lower(), "event": said.event, **said.fields, **ids_of(HANDLED.get())}
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        line: Line = {"at_ns": self._clock.now_ns(), "instance": self._instance}
        line.update((name, clean(self._redaction, name, value)) for name, value in told.items())
        return line


def clean(redaction: Redaction, name: str, value: Any) -> Any:
    """A value without its secrets, in a form that JSON knows."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return redaction.value(name, value if isinstance(value, str) else str(value))


@contextmanager
def handling(header: Header) -> Iterator[None]:
    """What is logged inside carries the ids of this message's span."""
    before = HANDLED.set(header)
    try:
        yield
    finally:
        HANDLED.reset(before)


def ids_of(header: Header) -> dict[str, str]:
    if not (header.message_id and header.correlation_id):
        return {}  # Nothing that has a span.
    trace_id = STORY_FRONT + header.correlation_id.to_bytes(ID_BYTES, "big")
    return {"trace_id": trace_id.hex(), "span_id": header.message_id.to_bytes(ID_BYTES, "big").hex()}


@final
class LogOutlet(logging.Handler):
    """Sends what is logged to the audit, on a thread of its own: its last lines leave even where no loop runs any more.

    `target` is `host:port`. `logging.shutdown`, which Python calls at the end of a process, flushes it.
    """

    def __init__(self, resource: Resource, target: str, credentials: grpc.ChannelCredentials | None = None) -> None:
        super().__init__(logging.WARNING)
        self._resource, self._target, self._credentials = resource, target, credentials
        self._waiting: deque[LogRecord] = deque()
        self._sending: list[LogRecord] = []
        self._one_at_a_time = threading.Lock()
        self._has_lines = threading.Event()
        self.dropped = 0
        threading.Thread(target=self._send_forever, name="logs", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        assert isinstance(self.formatter, OneObject)
        told = record_of(self.formatter.line(record))
        with self._one_at_a_time:
            if len(self._waiting) >= MOST_WAITING:
                self._waiting.popleft()
                self.dropped += 1
            self._waiting.append(told)
        self._has_lines.set()

    def flush(self) -> None:
        """Wait a little until the audit has everything."""
        until_s = time.monotonic() + FLUSH_S
        while self.waiting and time.monotonic() < until_s:
            time.sleep(FIRST_RETRY_S / 10)

    @property
    def waiting(self) -> int:
        """Lines that the audit has not acknowledged."""
        with self._one_at_a_time:
            return len(self._waiting) + len(self._sending)

    def _send_forever(self) -> None:
        pause_s = FIRST_RETRY_S
        while self._has_lines.wait():
            self._has_lines.clear()
            while self._gather():
                if self._is_done():
                    self._sending = []
                    pause_s = FIRST_RETRY_S
                else:
                    time.sleep(jittered(pause_s))
                    pause_s = min(2 * pause_s, LONGEST_RETRY_S)

    def _gather(self) -> bool:
        """Whether there is anything to be sent."""
        with self._one_at_a_time:
            while self._waiting and len(self._sending) < MOST_SENT:
                self._sending.append(self._waiting.popleft())
        return bool(self._sending)

    def _is_done(self) -> bool:
        """Whether these lines need not be sent again."""
        told = ResourceLogs(resource=self._resource, scope_logs=[ScopeLogs(log_records=self._sending)])
        request = ExportLogsServiceRequest(resource_logs=[told]).SerializeToString()
        try:
            with self._dial() as channel:
                export: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
                export(request, timeout=DEADLINE_S)
        except grpc.RpcError as error:
            if error.code() not in REFUSED:
                return False
            self.dropped += len(self._sending)
        return True

    def _dial(self) -> grpc.Channel:
        if self._credentials is None:
            return grpc.insecure_channel(self._target, OPTIONS)
        return grpc.secure_channel(self._target, self._credentials, secured_options(self._target))


def lines_lost() -> int:
    """Lines of this process that the audit will never have."""
    return sum(handler.dropped for handler in logging.getLogger().handlers if isinstance(handler, LogOutlet))


def lines_waiting() -> int:
    """Lines of this process that the audit does not have yet."""
    return sum(handler.waiting for handler in logging.getLogger().handlers if isinstance(handler, LogOutlet))


def record_of(line: Line) -> LogRecord:
    """Without its instance, which the resource names."""
    told = {name: value for name, value in line.items() if name != "instance"}
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
