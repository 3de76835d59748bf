"""What was written to a spool is read from it, whole, in order, and after the death of its process."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from trading_ecosystem.live.telemetry import segments
from trading_ecosystem.live.telemetry.spans import SpanRecord, service_resource
from trading_ecosystem.live.telemetry.spool import Batch, Spool

MakeSpan = Callable[..., SpanRecord]
OpenSpool = Callable[..., Spool]
IdsIn = Callable[[bytes], list[int]]


def read_all(spool: Spool, ids_in: IdsIn) -> list[int]:
    """Acknowledge everything."""
    found: list[int] = []
    while (batch := spool.next_batch()) is not None:
        found += ids_in(batch.request)
        spool.acknowledge(batch)
    return found


def scopes(batch: Batch | None) -> dict[str, Any]:
    assert batch is not None
    parsed = ExportTraceServiceRequest.FromString(batch.request)
    scope = parsed.resource_spans[0].scope_spans[0].scope
    return {each.key: each.value.string_value or each.value.int_value for each in scope.attributes}


def test_a_span_is_the_message(open_spool: OpenSpool, make_span: MakeSpan) -> None:
    spool = open_spool()
    spool.write([make_span(7, causation_id=5)], mark=3)
    batch = spool.next_batch()
    assert batch is not None
    resource_spans = ExportTraceServiceRequest.FromString(batch.request).resource_spans[0]
    told = {each.key: each.value.string_value for each in resource_spans.resource.attributes}
    assert told == {"service.name": "exchange", "service.instance.id": "exchange", "service.version": "1"}
    (span,) = resource_spans.scope_spans[0].spans
    assert (span.trace_id, span.span_id) == (bytes(15) + b"\x05", bytes(7) + b"\x07")
    assert span.parent_span_id == bytes(7) + b"\x05"
    assert span.name == "VenueHeartbeat"
    assert span.start_time_unix_nano == span.end_time_unix_nano == make_span(7).sent_ns
    attributes = {each.key: each.value for each in span.attributes}
    assert attributes["messaging.message.kind"].string_value == "VenueHeartbeat"
    assert b'"exchange", 7' in attributes["messaging.message.body"].bytes_value


def test_small_writes_go_together_and_in_order(open_spool: OpenSpool, make_span: MakeSpan, ids_in: IdsIn) -> None:
    spool = open_spool()
    for number in range(1, 101):
        spool.write([make_span(number)], mark=number)
    batch = spool.next_batch()
    assert batch is not None
    assert ids_in(batch.request) == list(range(1, 101))
    assert scopes(batch)["spool.first"] == 1
    spool.acknowledge(batch)
    assert spool.is_acknowledged
    spool.write([make_span(101)], mark=101)
    assert scopes(spool.next_batch())["spool.first"] == 101


def test_what_is_not_acknowledged_is_there_after_a_restart(
    open_spool: OpenSpool, make_span: MakeSpan, ids_in: IdsIn
) -> None:
    spool = open_spool(version="1")
    spool.write([make_span(1)], mark=1)
    first = spool.next_batch()
    assert first is not None
    spool.acknowledge(first)
    spool.write([make_span(2), make_span(3)], mark=2)
    again = open_spool(version="2")
    assert again.last_mark() == 2
    again.write([make_span(4)], mark=5)
    old = again.next_batch()
    assert old is not None
    assert ids_in(old.request) == [2, 3]
    versions = ExportTraceServiceRequest.FromString(old.request).resource_spans[0].resource.attributes
    assert versions[2].value.string_value == "1"
    assert scopes(old) == scopes(first) | {"spool.first": 2}
    assert read_all(again, ids_in) == [2, 3, 4]
    assert open_spool().last_mark() == 5


def test_the_mark_outlives_all_segments(open_spool: OpenSpool, make_span: MakeSpan, ids_in: IdsIn) -> None:
    spool = open_spool()
    spool.write([make_span(1)], mark=41)
    spool.write([], mark=42)
    assert read_all(spool, ids_in) == [1]
    again = open_spool()
    assert again.last_mark() == 42
    assert again.is_acknowledged
    again.write([make_span(2)], mark=43)
    assert scopes(again.next_batch())["spool.first"] == 2


def test_segments_are_deleted_when_acknowledged(
    open_spool: OpenSpool, make_span: MakeSpan, ids_in: IdsIn, tmp_path: Path
) -> None:
    spool = open_spool(bound_bytes=160_000)
    for number in range(1, 201):
        spool.write([make_span(number, text="x" * 100)], mark=number)
    before = segments.segment_numbers(tmp_path / "spool")
    assert len(before) > 2
    assert spool.size_bytes == sum(path.stat().st_size for path in (tmp_path / "spool").glob("*.spans"))
    assert read_all(spool, ids_in) == list(range(1, 201))
    assert segments.segment_numbers(tmp_path / "spool") == before[-1:]
    assert spool.size_bytes < 160_000 // 4


def test_a_full_spool_loses_loudly(open_spool: OpenSpool, make_span: MakeSpan, ids_in: IdsIn) -> None:
    spool = open_spool(bound_bytes=20_000)
    number = 0
    while not spool.lost:
        number += 1
        assert spool.is_full or spool.size_bytes < 18_000
        spool.write([make_span(number)], mark=number)
    assert spool.is_full
    again = open_spool(bound_bytes=1 << 20)
    assert again.last_mark() == number
    again.write([make_span(number + 1)], mark=number)
    while (last := again.next_batch()) is not None:
        place = scopes(last)["spool.first"]
        again.acknowledge(last)
    assert place == number + 1, "the lost span must leave a gap, for the next process too"


def test_a_full_spool_takes_again_when_there_is_room(open_spool: OpenSpool, make_span: MakeSpan, ids_in: IdsIn) -> None:
    spool = open_spool(bound_bytes=20_000)
    number = 0
    while not spool.lost:
        number += 1
        spool.write([make_span(number)], mark=number)
    assert read_all(spool, ids_in) == list(range(1, number))
    assert not spool.is_full
    spool.write([make_span(number + 1)], mark=number + 1)
    assert scopes(spool.next_batch())["spool.first"] == number + 1, "the lost span must leave a gap"
    assert spool.lost == 1


def test_a_disk_that_takes_only_a_part_takes_nothing(
    open_spool: OpenSpool, make_span: MakeSpan, ids_in: IdsIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = open_spool()
    spool.write([make_span(1)], mark=1)
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda file, data: write(file, data[: len(data) // 2]))
        spool.write([make_span(2)], mark=2)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda file, data: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        spool.write([make_span(3)], mark=3)
    spool.write([make_span(4)], mark=4)
    assert spool.lost == 2
    first = spool.next_batch()
    assert first is not None
    assert (ids_in(first.request), scopes(first)["spool.first"]) == ([1], 1)
    spool.acknowledge(first)
    assert scopes(spool.next_batch())["spool.first"] == 4
    assert read_all(spool, ids_in) == [4]
    assert open_spool().last_mark() == 4


def test_what_is_too_large_for_one_frame_is_split_and_one_too_large_span_is_lost(
    open_spool: OpenSpool, make_span: MakeSpan, ids_in: IdsIn
) -> None:
    spool = open_spool()
    spool.write([make_span(number, text="x" * 400_000) for number in range(1, 6)], mark=1)
    spool.write([make_span(6, text="x" * 1_100_000), make_span(7)], mark=2)
    assert spool.lost == 1
    assert read_all(spool, ids_in) == [1, 2, 3, 4, 5, 7]


def test_what_is_written_together_survives_together(
    open_spool: OpenSpool, make_span: MakeSpan, ids_in: IdsIn, tmp_path: Path
) -> None:
    spool = open_spool()
    spool.write([make_span(1)], mark=1)
    before = spool.size_bytes
    spool.write([make_span(number, text="x" * 400_000) for number in range(2, 7)], mark=2)
    path = segments.segment_path(tmp_path / "spool", 1)
    frames = list(segments.frames(path.read_bytes(), before))
    assert len(frames) > 1
    os.truncate(path, frames[0].end)
    again = open_spool()
    assert again.last_mark() == 1
    assert read_all(again, ids_in) == [1]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(0, 4), min_size=1, max_size=12), data=st.data())
def test_a_torn_end_costs_only_what_was_being_written(
    sizes: list[int], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory, make_span: MakeSpan, ids_in: IdsIn
) -> None:
    folder = tmp_path_factory.mktemp("spool")

    def open_here() -> Spool:
        return Spool(folder, 1 << 20, service_resource("exchange", "1"), lambda message: ("kind", b"body"))

    spool = open_here()
    ends, ids = [], 0
    for mark, size in enumerate(sizes, 1):
        spool.write([make_span(ids + each) for each in range(1, size + 1)], mark=mark)
        ids += size
        ends.append((spool.size_bytes, mark, ids))
    path = segments.segment_path(folder, 1)
    cut = data.draw(st.integers(0, path.stat().st_size))
    damage = data.draw(st.booleans())
    if damage and cut < path.stat().st_size:
        content = bytearray(path.read_bytes())
        content[cut] ^= 1
        path.write_bytes(content)
    else:
        os.truncate(path, cut)
    whole = [end for end in ends if end[0] <= cut]
    _, mark, last = whole[-1] if whole else (0, 0, 0)
    again = open_here()
    assert again.last_mark() == mark
    assert read_all(again, ids_in) == list(range(1, last + 1))


KILLED = """
import sys
from pathlib import Path
from trading_ecosystem.live.door import Header
from trading_ecosystem.live.telemetry.spans import SpanRecord, service_resource
from trading_ecosystem.live.telemetry.spool import Spool
from trading_ecosystem.messages.accounts import VenueHeartbeat
spool = Spool(Path(sys.argv[1]), 1 << 30, service_resource("exchange", "1"), lambda message: ("beat", b"x" * 200))
beat = VenueHeartbeat(venue="v", session=1, occurred_ns=1)
number = spool.last_mark()
while True:
    number += 1
    spool.write([SpanRecord(Header(message_id=2 * number + i, correlation_id=1), 0, number, "exchange", beat)
                 for i in range(2)], number)
    print(number, flush=True)
"""


def test_kill_loses_nothing_that_was_written(tmp_path: Path, ids_in: IdsIn) -> None:
    folder = tmp_path / "killed"
    before = 0
    for life in range(3):
        process = subprocess.Popen([sys.executable, "-c", KILLED, str(folder)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
        told = int(process.stdout.read().split()[-1])
        process.wait()
        spool = Spool(folder, 1 << 30, service_resource("exchange", "1"), lambda message: ("beat", b""))
        written = spool.last_mark()
        assert written in (told, told + 1), f"life {life}"
        ids = read_all(spool, ids_in)
        assert ids == list(range(2 * before + 2, 2 * written + 2))
        before = written
        spool.close()
