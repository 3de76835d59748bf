"""What the trail of a live service costs: spans written to a spool, beside the same bytes written to a bare file.

And spans put in order by the audit's intake, beside their messages only being read.

.venv/bin/python benchmarks/telemetry.py
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from trading_ecosystem.core import Core
from trading_ecosystem.live.door import Header
from trading_ecosystem.live.telemetry.spans import SpanRecord, encode_spans, service_resource
from trading_ecosystem.live.telemetry.spool import Spool
from trading_ecosystem.messages.accounts import VenueHeartbeat
from trading_ecosystem.messages.message import Message
from trading_ecosystem.validation.audit_correlator.intake import Intake, MessageSpan
from trading_ecosystem.validation.wire import CODEC

COUNT = 50_000
PER_WRITE = 10
ROUNDS = 3  # Of which the median is told.
LAST_NS = 1 << 62


class Nobody(Core):
    """Hears what has been put in order, and says nothing."""

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        return ()


def beat(number: int) -> VenueHeartbeat:
    return VenueHeartbeat(venue="exchange", session=number, occurred_ns=number)


def groups() -> list[list[SpanRecord]]:
    """Nothing of them is encoded yet."""
    made = [
        SpanRecord(Header(message_id=number, correlation_id=1), number - 1, number, "exchange", beat(number))
        for number in range(1, COUNT + 1)
    ]
    return [made[at : at + PER_WRITE] for at in range(0, COUNT, PER_WRITE)]


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def to_a_spool() -> float:
    written = groups()
    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(Path(folder), 1 << 28, service_resource("exchange", "1"), CODEC.encode)

        def write() -> None:
            for mark, group in enumerate(written, start=1):
                spool.write(group, mark)

        taken = seconds(write)
        spool.close()
    return taken


def to_a_file() -> float:
    written = groups()
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "bare").open("wb", buffering=0) as file:

        def write() -> None:
            for group in written:
                file.write(encode_spans(group, CODEC.encode))

        return seconds(write)


def spans() -> list[MessageSpan]:
    """Of two services in turn, each message the effect of the one before."""
    made = []
    for number in range(1, COUNT + 1):
        kind, body = CODEC.encode(beat(number))
        sender = ("exchange", "custodian")[number % 2]
        made.append(MessageSpan(number, number - 1, 1, sender, number, kind, body, sender, (number + 1) // 2))
    return made


def put_in_order() -> float:
    come = spans()
    intake = Intake(Nobody(), CODEC.decode, ("exchange", "custodian"), 1, 1)

    def take() -> None:
        for each in come:
            intake.add(each, 0)
        intake.drain(LAST_NS)

    taken = seconds(take)
    assert intake.waiting == 0
    return taken


def only_read() -> float:
    come = spans()
    return seconds(lambda: [CODEC.decode(each.kind, each.body) for each in come])


def compare(name: str, ours: Callable[[], float], bare: Callable[[], float]) -> None:
    ours_s, bare_s = (median(work() for _ in range(ROUNDS)) for work in (ours, bare))
    print(
        f"  {name:32} {ours_s / COUNT * 1e6:6.1f} us a span   bare {bare_s / COUNT * 1e6:6.1f} us"
        f"   {ours_s / bare_s:.2f} x"
    )


def main() -> None:
    print("The trail of a live service, a span for each message")
    compare(f"written to a spool, {PER_WRITE} at once", to_a_spool, to_a_file)
    compare("put in order by the audit", put_in_order, only_read)


if __name__ == "__main__":
    main()
