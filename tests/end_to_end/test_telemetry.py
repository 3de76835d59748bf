"""What a running ecosystem tells of itself: its warnings at the audit and beyond, and every figure that is defined."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from trading_ecosystem.live.telemetry.metrics import FIGURES
from trading_ecosystem.live.telemetry.redaction import HIDDEN

pytestmark = pytest.mark.xdist_group("telemetry")  # What it needs is dear, and made once.

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "trading_ecosystem.cli.main")
RULES = sorted((ROOT / "deploy" / "prometheus" / "rules").glob("*.yml"))
PATIENCE_S = 240
CALM = "  BTC:\n    warning: {at: 50, resolves: 45}"
NERVOUS = "  BTC:\n    warning: {at: 2, resolves: 1}"  # The firm begins with more: an alert fires at once.
MONITOR = "/trading_ecosystem.wire.risk_monitor.v1.RiskMonitorService/Subscribe"
ORDER = "/trading_ecosystem.wire.exchange.v1.ExchangeService/SubmitOrder"
HEALTH = "/grpc.health.v1.Health/Check"
SECRET = "akia0123456789abcdef"  # Looks like the key of a cloud, and may be the name of a caller.
TRACE_ID, SPAN_ID = f"{77:032x}", f"{78:016x}"
OF_EVERYBODY = {"tse_messages_lost_total", "tse_queue_length", "tse_queue_bound"}
JOURNALED = ("market_data", "exchange", "custodian", "audit_correlator")


def done(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*words], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


class Beyond:
    """An OTLP endpoint behind the audit, that keeps what it is sent."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.spans = 0

    def take_logs(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        for told in ExportLogsServiceRequest.FromString(data).resource_logs:
            self.lines.extend(str(each) for scope in told.scope_logs for each in scope.log_records)
        return b""

    def take_traces(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        for told in ExportTraceServiceRequest.FromString(data).resource_spans:
            self.spans += sum(len(scope.spans) for scope in told.scope_spans)
        return b""

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Where it is."""
        server = grpc.server(ThreadPoolExecutor(1))
        for name, take in (("logs.v1.LogsService", self.take_logs), ("trace.v1.TraceService", self.take_traces)):
            service = f"opentelemetry.proto.collector.{name}"
            exports: dict[str, Any] = {"Export": grpc.unary_unary_rpc_method_handler(take)}
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, exports),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.stop(None).wait()


class Ecosystem:
    def __init__(self, folder: Path, beyond: Beyond) -> None:
        self.folder, self.beyond = folder, beyond
        told = done(*COMMAND, "status", "--json", "--folder", str(folder))
        assert told.returncode == 0, told.stderr
        self.addresses = {each["instance"]: each["addresses"] for each in json.loads(told.stdout)["services"]}

    def surroundings(self) -> list[Any]:
        """What is told beside messages, as the audit's REST has it."""
        token = (self.folder / "operator" / "audit_correlator.rest.token").read_text(encoding="ascii")
        url = f"http://{self.addresses['audit_correlator']['rest']}/api/v1/surroundings?limit=1000"
        answer = httpx.get(url, headers={"authorization": f"Bearer {token}"}, timeout=30)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["entries"])

    def figures(self, instance: str) -> set[str]:
        """The names of all samples that a scrape of the instance shows."""
        text = httpx.get(f"http://{self.addresses[instance]['rest']}/metrics", timeout=30).text
        return {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}


@pytest.fixture(scope="module")
def ecosystem(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ecosystem]:
    """One for all tests of this file."""
    place = tmp_path_factory.mktemp("live")
    folder, world, limits = place / "ecosystem", place / "two-desks.yaml", place / "two-desks-limits.yaml"
    shutil.copy(ROOT / "worlds" / world.name, world)
    text = (ROOT / "worlds" / limits.name).read_text(encoding="utf-8")
    assert text.count(CALM) == 1
    limits.write_text(text.replace(CALM, NERVOUS), encoding="utf-8")
    beyond = Beyond()
    with beyond.serve() as address:
        wanted = ("--world", str(world), "--speed", "60", "--ready-within", "180", "--forward", address)
        try:
            up = done(*COMMAND, "up", *wanted, "--folder", str(folder))
            assert up.returncode == 0, up.stderr
            yield Ecosystem(folder, beyond)
        finally:
            done(*COMMAND, "down", "--folder", str(folder))


def eventually(holds: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Whether it comes to this."""
    ends_s = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > ends_s:
            return False
        time.sleep(0.2)
    return True


# Warnings.


def test_a_warning_is_found_at_the_audit_with_its_instance_and_its_span_and_no_secret(ecosystem: Ecosystem) -> None:
    traceparent = f"00-{TRACE_ID}-{SPAN_ID}-01"
    with grpc.insecure_channel(ecosystem.addresses["risk_monitor"]["grpc"]) as channel:
        subscribe: Any = channel.unary_stream(MONITOR)
        with pytest.raises(grpc.RpcError):
            next(subscribe(b"", metadata=(("x-instance", SECRET), ("traceparent", traceparent))))

    def refused() -> list[Any]:
        return [each for each in ecosystem.surroundings() if "a call is refused" in each["text"]]

    assert eventually(lambda: bool(refused()))
    (line,) = refused()
    assert (line["kind"], line["subject"]) == ("log", "risk_monitor")
    assert line["text"].startswith(f"WARNING: a call is refused (caller={HIDDEN}, method={MONITOR}, ")
    assert line["text"].endswith(f" under span {SPAN_ID} of trace {TRACE_ID}")
    assert eventually(lambda: any("a call is refused" in each for each in ecosystem.beyond.lines))
    assert ecosystem.beyond.spans > 0
    assert not any(SECRET in each for each in ecosystem.beyond.lines)
    log = (ecosystem.folder / "services" / "risk_monitor" / "log.txt").read_text(encoding="utf-8")
    assert "a call is refused" in log and SECRET not in log


def test_anybody_may_tell_a_line_over_http_too(ecosystem: Ecosystem) -> None:
    record = {
        "timeUnixNano": "1772409600000000000",
        "severityText": "ERROR",
        "body": {"stringValue": "the bot gave up"},
        "attributes": [{"key": "password", "value": {"stringValue": SECRET}}],
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "my-bot"}}]}
    request = {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]}
    url = f"http://{ecosystem.addresses['audit_correlator']['rest']}/v1/logs"
    assert httpx.post(url, json=request, timeout=30).status_code == 200
    (line,) = [each for each in ecosystem.surroundings() if each["subject"] == "my-bot"]
    assert line["text"] == f"ERROR: the bot gave up (password={HIDDEN})"


# Figures.


def emitted(ecosystem: Ecosystem) -> set[str]:
    return set().union(*(ecosystem.figures(instance) for instance in ecosystem.addresses))


def sample_of(name: str) -> str:
    """A name that shows that a figure is measured: of a histogram, that of its count."""
    return f"{name}_count" if FIGURES[name].kind == "histogram" else name


OF_OTHER_WORLDS = (  # In this one, nobody moves assets, trades perpetuals, or is told of alerts outside.
    *("custodian_transfers_total", "exchange_margin_calls_total", "risk_notifications_total"),
    *("exchange_liquidations_total", "exchange_deleveragings_total"),
)


def test_every_figure_that_is_defined_is_measured_by_somebody(ecosystem: Ecosystem) -> None:
    wanted = {sample_of(name) for name in FIGURES if name not in OF_OTHER_WORLDS}
    eventually(lambda: wanted <= emitted(ecosystem))
    assert sorted(wanted - emitted(ecosystem)) == []


@pytest.mark.parametrize("rules", RULES, ids=lambda path: path.name)
def test_every_figure_that_the_rules_speak_of_is_measured_by_somebody(ecosystem: Ecosystem, rules: Path) -> None:
    fronts = "|".join(sorted({name.partition("_")[0] for name in FIGURES}))
    text = rules.read_text(encoding="utf-8")
    expressions = " ".join(re.findall(r"^\s*expr: (.*(?:\n\s{10,}.*)*)", text, re.MULTILINE))
    named = set(re.findall(rf"\b(?:{fronts})_[a-z_]+(?=[\[{{ )])", expressions))
    assert named
    wanted = named - {"market_data", "risk_monitor"}  # The roles.
    eventually(lambda: wanted <= emitted(ecosystem))
    assert sorted(wanted - emitted(ecosystem)) == []


def test_the_orders_that_a_desk_sends_are_counted(ecosystem: Ecosystem) -> None:
    told = httpx.get(f"http://{ecosystem.addresses['trading_engine.alpha']['rest']}/metrics", timeout=30).text
    assert 'trading_orders_total{outcome="submitted",reason=""}' in told


def test_calls_over_grpc_are_counted_by_their_result(ecosystem: Ecosystem) -> None:
    addresses = ecosystem.addresses["exchange"]
    with grpc.insecure_channel(addresses["grpc"]) as channel:
        check: Any = channel.unary_unary(HEALTH, response_deserializer=health_pb2.HealthCheckResponse.FromString)
        assert check(b"", timeout=30).status == health_pb2.HealthCheckResponse.SERVING
        order: Any = channel.unary_unary(ORDER)
        with pytest.raises(grpc.RpcError):
            order(b"", timeout=30)
    told = httpx.get(f"http://{addresses['rest']}/metrics", timeout=30).text
    for method, code in (("Check", "OK"), ("SubmitOrder", "UNAUTHENTICATED")):
        assert f'tse_requests_total{{code="{code}",method="{method}",surface="grpc"}}' in told, told
        assert f'tse_request_duration_seconds_count{{method="{method}",surface="grpc"}}' in told


def test_every_service_shows_its_queues_and_its_losses(ecosystem: Ecosystem) -> None:
    for instance in ecosystem.addresses:
        assert not OF_EVERYBODY - ecosystem.figures(instance), instance
    for instance in JOURNALED:
        assert "tse_journal_commit_seconds_count" in ecosystem.figures(instance), instance
