"""The correlator as a whole: what is in the trail, and that it depends on the messages and on nothing else."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from struct import pack
from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings, strategies as st

from trading_ecosystem.messages.accounts import VenueHeartbeat
from trading_ecosystem.messages.audit import InvariantViolated, LossReason
from trading_ecosystem.messages.chaos import FaultService, ServiceFault
from trading_ecosystem.messages.codec import MESSAGE_TYPES, PARTS, to_plain
from trading_ecosystem.messages.custody import Posting, TransactionPosted
from trading_ecosystem.messages.health import HealthChanged, HealthStatus
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import CancelOrder, OrderRejected, RejectReason
from trading_ecosystem.messages.runtime import Start, Wake
from trading_ecosystem.validation.audit_correlator.causation import Lane
from trading_ecosystem.validation.audit_correlator.trail import FileSink, Trail
from trading_ecosystem.validation.audit_correlator.verify import verify

HOUR = 3_600


def entries(lines: list[str], type_name: str) -> list[list[Any]]:
    return [entry for entry in map(json.loads, lines[1:]) if entry[6] == type_name]


WHOLE: list[Message] = [
    CancelOrder("exchange", "alpha", 'ä-\u2028-"\\'),
    OrderRejected(
        account="alpha",
        venue="exchange",
        account_sequence=1,
        occurred_ns=1,
        client_order_id="a",
        symbol="BTC/USD",
        reject_reason=RejectReason.WOULD_TAKE,
    ),
    TransactionPosted(
        custodian="custodian",
        transaction_id=1,
        instruction_id=2,
        postings=(
            Posting(debit_account="a", credit_account="b", asset="BTC", amount_minor=10**30),
            Posting(debit_account="b", credit_account="a", asset="USD", amount_minor=7),
        ),
        occurred_ns=3,
    ),
    HealthChanged(service="exchange", health=HealthStatus.DEGRADED, detail="", occurred_ns=4),
    Start(memory={"key": [1, None, True, {"deep": "value"}]}),
]


@pytest.mark.parametrize("message", WHOLE, ids=lambda message: type(message).__name__)
def test_an_entry_is_the_message_in_plain_data(stream: Any, message: Message) -> None:
    message_id = stream.send("exchange", 5, message)
    (entry,) = entries(stream.close(), type(message).__name__)
    assert entry[:7] == [1, stream.ns(5), message_id, 0, "simulators", "exchange", type(message).__name__]
    assert entry[7] == to_plain(message)


def test_every_message_is_in_the_trail_exactly_once(stream: Any) -> None:
    for second in range(0, 2 * HOUR, 60):
        cause = stream.wake("market_data", second)
        stream.quote(second, "BTC/USD", cause=cause)
        stream.top(second, "BTC/USD", cause=cause)
        stream.send("exchange", second, VenueHeartbeat(venue="exchange", session=1, occurred_ns=stream.ns(second)))
        stream.send("trading_engine.alpha", second, CancelOrder("exchange", "alpha", f"{second}"), cause)
    lines = stream.close(2 * HOUR)
    in_blocks = sum(entry[7][2] for entry in entries(lines, "Block"))
    whole = len(entries(lines, "CancelOrder"))
    assert in_blocks + whole == stream.last_id == stream.checker.seen
    assert stream.correlator.counts() == {
        "BookTopChanged": 120,
        "CancelOrder": 120,
        "QuotePublished": 120,
        "VenueHeartbeat": 120,
        "Wake": 120,
    }


def test_a_block_ends_after_3600_messages_or_an_hour(stream: Any) -> None:
    for number in range(3_601):
        stream.quote(number / 100, "BTC/USD")
    for hour in range(3):
        stream.quote(1 + hour * HOUR, "ETH/USD")
    blocks = entries(stream.close(), "Block")
    assert [(block[7][1], block[7][2]) for block in blocks] == [
        ("BTC/USD", 3_600),
        ("ETH/USD", 1),
        ("ETH/USD", 1),
        ("BTC/USD", 1),
        ("ETH/USD", 1),
    ]
    assert blocks[0][7][3:7] == [1, 3_600, stream.ns(0), stream.ns(35.99)]


def test_a_replay_can_regenerate_a_block(stream: Any) -> None:
    """The digest by the rule of `blocks.py`, from the messages alone."""
    packed = b""
    for second in range(3):
        message_id = stream.quote(second, "BTC/USD", 9_000 + second)
        ticks = (9_000 + second, 100, 9_002 + second, 100)
        packed += pack("<9q", message_id, 0, stream.ns(second), *ticks, second + 1, stream.ns(second))
    (block,) = entries(stream.close(), "Block")
    digest = hashlib.sha256(packed).hexdigest()
    assert block[7] == ["QuotePublished", "BTC/USD", 3, 1, 3, stream.ns(0), stream.ns(2), digest]


Quotes = list[tuple[str, int]]
SYMBOLS = st.sampled_from(["BTC/USD", "ETH/USD"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(SYMBOLS, st.integers(1, 10**9)), min_size=1, max_size=30), st.data())
def test_any_change_of_any_quote_changes_the_digest(
    new_stream: Callable[[], Any], quotes: Quotes, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(quotes) - 1))
    symbol, ticks = quotes[place]
    changed = data.draw(
        st.sampled_from([(symbol, ticks + 1), ("ETH/USD" if symbol == "BTC/USD" else "BTC/USD", ticks)])
    )
    other = [*quotes[:place], changed, *quotes[place + 1 :]]
    digests = [digest_of(new_stream(), these) for these in (quotes, quotes, other, quotes[:-1])]
    assert digests[0] == digests[1] and digests[0] not in digests[2:]


def digest_of(stream: Any, quotes: Quotes) -> str:
    for second, (symbol, ticks) in enumerate(quotes):
        stream.quote(second, symbol, ticks)
    stream.close(len(quotes))
    digest: str = stream.correlator.digest
    return digest


def test_a_symbol_that_changes_hands_gets_a_new_block(stream: Any) -> None:
    stream.quote(1, "BTC/USD")
    stream.send("market_data.other", 2, QuotePublished("BTC/USD", 1, 1, 2, 1, 1, stream.ns(2)))
    stream.quote(3, "BTC/USD")
    blocks = entries(stream.close(), "Block")
    assert [block[5] for block in blocks] == ["market_data", "market_data.other", "market_data"]


def test_no_message_type_has_a_float() -> None:
    for name, message_type in {**MESSAGE_TYPES, **PARTS}.items():
        hints = get_type_hints(vars(message_type).get("__init__", message_type))
        assert float not in hints.values(), name


def test_a_type_that_is_younger_than_the_format_names_its_own_fields(stream: Any) -> None:
    """So that the header, and with it every digest, is what it was before there was such a type."""
    command = FaultService(
        to="injector", injection_id="still", service_fault=ServiceFault.PAUSE, service="exchange", by_ns=0
    )
    stream.send("test_coordinator", 1, command)
    lines = stream.close()
    (entry,) = entries(lines, "FaultService")
    fields = {"to": "injector", "injection_id": "still", "service_fault": "service.pause", "service": "exchange"}
    assert entry[7] == {**fields, "by_ns": 0}
    assert "FaultService" not in json.loads(lines[0])[1]["fields"]


@pytest.mark.parametrize("facts", [{"a": 1.0}, {"a": [1, {"b": (0.5,)}]}, {"a": object()}])
def test_facts_are_plain_data_without_floats(facts: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        Trail(None, facts)


def test_the_facts_are_under_the_hash(new_stream: Callable[..., Any]) -> None:
    streams = [new_stream({"seed": seed, "scenario": "usdt-depeg-36h"}) for seed in (7, 8, 7)]
    for stream in streams:
        stream.close()
    digests = [stream.correlator.digest for stream in streams]
    assert digests[0] == digests[2] != digests[1]


def test_losses_are_entered_counted_and_told_once_a_minute(stream: Any) -> None:
    quote = stream.quote(1)
    for second in (1, 2, 3, 62):
        stream.lose(second, quote, "risk_monitor", LossReason.PARTITION)
    stream.lose(3, quote, "exchange", LossReason.LOSS)
    lines = stream.close(99)
    assert len(entries(lines, "DeliveryLost")) == 5
    assert entries(lines, "DeliveryLost")[0][2:4] == [0, quote]
    assert stream.correlator.losses() == {"loss": 1, "partition": 4}
    told = [(entry.subject, entry.text) for entry in stream.correlator.timeline()]
    assert told == [
        ("risk_monitor", "3 messages to risk_monitor lost within the minute: partition"),
        ("exchange", "1 message to exchange lost within the minute: loss"),
        ("risk_monitor", "1 message to risk_monitor lost within the minute: partition"),
    ]


def test_orders_and_settlements_are_counted_per_hour(stream: Any) -> None:
    rejected, posted = WHOLE[1], WHOLE[2]
    for at, message in ((10, rejected), (20, rejected), (HOUR * 2.5, rejected), (HOUR, posted)):
        stream.send("exchange", at, message)
    series = {line.name: line for line in stream.correlator.series()}
    assert list(series) == ["orders rejected", "settlements posted"]
    assert series["orders rejected"].points == (
        (stream.ns(0), 2.0),
        (stream.ns(HOUR), 0.0),
        (stream.ns(2 * HOUR), 1.0),
    )
    assert (series["settlements posted"].group, series["settlements posted"].unit) == ("settlement", "count")


def test_what_the_checker_finds_at_the_end_is_in_the_trail(stream: Any) -> None:
    finding = InvariantViolated(invariant="M1: conservation", detail="3 BTC are gone", message_id=1, occurred_ns=9)
    stream.checker.at_end = [finding]
    stream.quote(1)
    assert stream.correlator.close(stream.ns(9)) == [finding]
    (entry,) = entries(stream.sink.lines, "InvariantViolated")
    assert entry[7] == to_plain(finding)
    assert [line.text for line in stream.correlator.timeline()] == ["3 BTC are gone"]


def test_an_orphan_is_found_at_the_end(stream: Any) -> None:
    stream.last_id = 1  # Message 1 never departs.
    orphan = stream.wake("exchange", 1, cause=1)
    (finding,) = stream.correlator.close(stream.ns(9))
    assert finding.message_id == orphan and finding.invariant.startswith("A7")


def test_messages_of_its_own_runner_are_no_news(stream: Any) -> None:
    assert list(stream.correlator.handle(Wake(), 1)) == [] and list(stream.correlator.handle(Start(memory={}), 1)) == []
    assert stream.correlator.counts() == {}


SCRIPT = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("builders", sys.argv[1])
builders = importlib.util.module_from_spec(spec)
spec.loader.exec_module(builders)
from trading_ecosystem.messages.orders import CancelOrder
stream = builders.Stream({"seed": 7, "names": ["a", "b"]})
for number in range(400):
    cause = stream.wake("market_data", number)
    for symbol in ("BTC/USD", "ETH/USD", "BTC/USDT", "USDT/USD"):
        stream.quote(number, symbol, 9_000 + number, cause)
    stream.send("trading_engine.alpha", number, CancelOrder("exchange", "alpha", str(number)), cause)
stream.close(400)
print(stream.correlator.digest)
"""


def test_the_digest_is_the_same_with_another_hash_seed() -> None:
    builders = str(Path(__file__).with_name("conftest.py"))
    digests = []
    for hash_seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"), ("random", "UTC")):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": zone}
        shown = subprocess.run(
            [sys.executable, "-c", SCRIPT, builders], capture_output=True, text=True, check=True, env=environment
        )
        digests.append(shown.stdout.strip())
    assert len(digests[0]) == 64 and digests == [digests[0]] * 3


def test_a_file_and_nothing_give_one_digest(tmp_path: Path) -> None:
    path = tmp_path / "trail.jsonl"
    with path.open("w", encoding="ascii", newline="") as file:
        trails = [Trail(FileSink(file), {}), Trail(None, {})]
        lane = Lane(0, "Example", "exchange", "", "simulators")
        for trail in trails:
            for number in range(20_000):
                trail.enter(lane, number, number, 0, ["text", number])
            trail.close(5)
    assert trails[0].head == trails[1].head
    report = verify(path)
    assert report.is_whole and report.head == trails[0].head.hex() and report.entries == 20_001
