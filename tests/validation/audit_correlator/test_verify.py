"""Whatever is done to a trail is found, and found where it was done."""

import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trading_ecosystem.messages.audit import LossReason
from trading_ecosystem.messages.orders import CancelOrder, Liquidity, OrderFilled, Side
from trading_ecosystem.validation.audit_correlator import chain
from trading_ecosystem.validation.audit_correlator.verify import (
    LONGEST_LINE,
    Broken,
    Damage,
    Fault,
    Reading,
    TrailReport,
    verify,
    verify_stream,
)


def fill(number: int) -> OrderFilled:
    return OrderFilled(
        account="alpha",
        venue="exchange",
        account_sequence=number,
        occurred_ns=number,
        order_id=number,
        client_order_id=f"alpha-{number}",
        symbol="BTC/USD",
        side=Side.SELL,
        price_ticks=6_700_000,
        quantity_lots=12,
        leaves_quantity_lots=0,
        fee_minor=-400,
        liquidity=Liquidity.MAKER,
        trade_id=number,
    )


@pytest.fixture
def lines(stream: Any) -> list[bytes]:
    """A trail of about 60 entries: commands, fills, losses, blocks of two types, the closing."""
    for number in range(1, 26):
        command = stream.send("trading_engine.alpha", number, CancelOrder("exchange", "alpha", f"alpha-{number}"))
        stream.send("exchange", number, fill(number), command)
        stream.quote(number)
        stream.wake("exchange", number)
    for number in range(1, 6):
        stream.lose(60 + number, number, "risk_monitor", LossReason.PARTITION)
    return [line.encode() for line in stream.close(99)]


def check(lines: list[bytes]) -> TrailReport:
    return verify_stream(io.BytesIO(b"".join(lines)))


def fault_of(lines: list[bytes]) -> Fault:
    fault = check(lines).fault
    assert fault is not None
    return fault


def test_a_whole_trail_is_counted_and_its_head_is_the_digest(stream: Any, lines: list[bytes], tmp_path: Path) -> None:
    path = tmp_path / "trail.jsonl"
    path.write_bytes(b"".join(lines))
    report = verify(path)
    assert report.is_whole and report.fault is None
    assert report.head == stream.correlator.digest
    assert report.entries == len(lines) - 1 == stream.correlator.entries
    assert report.facts == {"seed": 7}
    assert report.counts == {"Block": 2, "CancelOrder": 25, "DeliveryLost": 5, "OrderFilled": 25, "TrailClosed": 1}


def test_the_chain_is_the_one_that_is_documented(lines: list[bytes]) -> None:
    """An independent reading of the rule in `chain.py`."""
    head = b""
    for line in lines:
        body, _, seal = line.rpartition(b',"')
        head = hashlib.sha256(b"\x00" + head + body).digest()
        assert seal == head.hex().encode() + b'"]\n'


def test_entries_have_the_fields_that_the_header_names(lines: list[bytes]) -> None:
    fields = json.loads(lines[0])[1]["fields"]
    for number, line in enumerate(lines[1:], start=1):
        sequence, _ns, _id, _cause, plane, _sender, type_name, values, _hash = json.loads(line)
        assert sequence == number
        assert len(values) == len(fields[type_name])
        assert plane in ("production", "simulators", "validation", "outside")
    filled = json.loads(lines[2])
    assert dict(zip(fields["OrderFilled"], filled[7], strict=True))["fee_minor"] == -400
    assert filled[:7] == [2, 1_772_409_601_000_000_000, 2, 1, "simulators", "exchange", "OrderFilled"]


def resume(lines: list[bytes], sequence: int, head: bytes) -> Fault | None:
    """Read on from an entry, with the chain as it was before it."""
    reading = Reading(io.BytesIO(b"".join(lines)))
    reading.sequence, reading.head = sequence, head
    try:
        reading.read()
    except Broken as broken:
        return Fault(line=reading.sequence + 1, sequence=reading.sequence, damage=broken.damage, detail=broken.detail)
    return None


def test_every_flip_of_every_bit_is_found_in_its_line(lines: list[bytes]) -> None:
    """All bits of all lines, newlines included. Lines before the flip are read once, not for each flip."""
    head = chain.START
    for sequence, line in enumerate(lines):
        flipped = bytearray(line)
        for place in range(len(line) * 8):
            flipped[place // 8] ^= 1 << place % 8
            fault = resume([bytes(flipped), *lines[sequence + 1 : sequence + 3]], sequence, head)
            flipped[place // 8] ^= 1 << place % 8
            assert fault is not None and fault.line == sequence + 1, (sequence, place, fault)
        unsealed = chain.unseal(line)
        assert unsealed is not None
        head = unsealed[1]


def test_a_flip_in_each_byte_of_a_whole_file_is_found_in_its_line(lines: list[bytes]) -> None:
    trail, place = bytearray(b"".join(lines)), 0
    for number, line in enumerate(lines, start=1):
        for offset in range(0, len(line), 3 if number > 1 else 97):
            bit = 1 << (place + offset) % 8
            trail[place + offset] ^= bit
            fault = verify_stream(io.BytesIO(trail)).fault
            trail[place + offset] ^= bit
            assert fault is not None and fault.line == number, (number, offset, bit, fault)
        place += len(line)


def test_every_deleted_line_is_missed(lines: list[bytes]) -> None:
    for place in range(len(lines)):
        fault = fault_of(lines[:place] + lines[place + 1 :])
        assert fault.line == place + 1 and fault.sequence == place
        assert fault.damage is (Damage.TRUNCATED if place == len(lines) - 1 else Damage.MISSING)


def test_every_line_that_is_told_twice_is_found(lines: list[bytes]) -> None:
    for place in range(len(lines) - 1):
        fault = fault_of([*lines[: place + 1], *lines[place:]])
        assert (fault.line, fault.damage) == (place + 2, Damage.DUPLICATE)
    assert fault_of([*lines, lines[-1]]).damage is Damage.WRONG_CLOSING


def test_every_swap_of_neighbours_is_found_at_the_first(lines: list[bytes]) -> None:
    for place in range(len(lines) - 1):
        swapped = [*lines[:place], lines[place + 1], lines[place], *lines[place + 2 :]]
        fault = fault_of(swapped)
        assert (fault.line, fault.damage) == (place + 1, Damage.REORDERED)


def test_every_inserted_line_is_found(lines: list[bytes]) -> None:
    forged = b'[%d,1,1,0,"production","risk_monitor","AlertFired",[],"' + b"0" * 64 + b'"]\n'
    for place in range(1, len(lines)):
        fault = fault_of([*lines[:place], forged % place, *lines[place:]])
        assert (fault.line, fault.damage) == (place + 1, Damage.HASH_MISMATCH)
        fault = fault_of([*lines[:place], b"\n", *lines[place:]])
        assert (fault.line, fault.damage) == (place + 1, Damage.NOT_JSON)


def test_every_truncation_is_found(lines: list[bytes]) -> None:
    for place in range(len(lines)):
        assert (fault_of(lines[:place]).line, fault_of(lines[:place]).damage) == (place + 1, Damage.TRUNCATED)
        for length in (1, len(lines[place]) // 2, len(lines[place]) - 1):
            fault = fault_of([*lines[:place], lines[place][:length]])
            assert (fault.line, fault.damage) == (place + 1, Damage.TRUNCATED)


def test_a_range_of_deleted_lines_is_named(lines: list[bytes]) -> None:
    fault = fault_of(lines[:5] + lines[8:])
    assert str(fault) == "line 6, entry 5: it and all up to entry 7 are missing; entry 8 stands here"


def test_a_changed_number_is_no_duplicate(lines: list[bytes]) -> None:
    changed = lines[9].replace(b"[9,", b"[4,", 1)
    assert fault_of([*lines[:9], changed, *lines[10:]]).damage is Damage.HASH_MISMATCH


def reseal(bodies: list[bytes]) -> list[bytes]:
    """Lines with true hashes, as one would forge them who can write the whole file."""
    head, sealed = chain.START, []
    for body in bodies:
        head = chain.link(head, body)
        sealed.append(chain.seal(body.decode(), head).encode())
    return sealed


HEADER = b'[0,{"format":1,"facts":{},"fields":{}}'


@pytest.mark.parametrize(
    ("bodies", "line", "damage"),
    [
        ([b'[0,{"format":2,"facts":{},"fields":{}}'], 1, Damage.MALFORMED),
        ([b"[0,7"], 1, Damage.MALFORMED),
        ([HEADER, b"[1,2"], 2, Damage.MALFORMED),
        ([HEADER, b'[1,2,3,4,"","",5,[]'], 2, Damage.MALFORMED),
        ([HEADER, b'[1,2,3,4,"","","Trade",[1.5]'], 2, Damage.MALFORMED),
        ([HEADER, b'[1,2,3,4,"","","Trade",[NaN]'], 2, Damage.MALFORMED),
        ([HEADER, b"[1," + b"[" * 100_000], 2, Damage.MALFORMED),
        ([HEADER, b"[1," + b"9" * 5_000], 2, Damage.MALFORMED),
        ([HEADER, b'[1,2,0,0,"","","TrailClosed",[1,"00"]'], 2, Damage.WRONG_CLOSING),
        ([HEADER, b'[1,2,0,0,"","","TrailClosed",7'], 2, Damage.WRONG_CLOSING),
    ],
)
def test_a_forger_who_seals_anew_must_still_write_a_trail(bodies: list[bytes], line: int, damage: Damage) -> None:
    fault = fault_of(reseal(bodies))
    assert (fault.line, fault.damage) == (line, damage)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"\x00" * 5_000,
        b"\xff\xfe{}\n",
        b"{}\n",
        b"[0,{}]\n",
        b"[" * 100_000 + b"\n",
        b'[0,"\\ud800"]\n',
        b"x" * (LONGEST_LINE + 10),
    ],
)
def test_no_file_is_too_strange(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "trail.jsonl"
    path.write_bytes(content)
    fault = verify(path).fault
    assert fault is not None and fault.line == 1


def test_what_cannot_be_opened_is_unreadable(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        fault = verify(path).fault
        assert fault is not None and fault.damage is Damage.UNREADABLE


def test_the_verifier_needs_nothing_but_the_standard_library(lines: list[bytes], tmp_path: Path) -> None:
    path = tmp_path / "trail.jsonl"
    path.write_bytes(b"".join(lines))
    source = Path(chain.__file__).parents[3]
    code = (
        "import sys; from pathlib import Path\n"
        f"sys.path.insert(0, {str(source)!r})\n"
        "from trading_ecosystem.validation.audit_correlator.verify import verify\n"
        f"print(verify(Path({str(path)!r})).is_whole)\n"
        "print([name for name in sys.modules if name.startswith('trading_ecosystem.') and name.count('.') == 1])"
    )
    shown = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown == "True\n['trading_ecosystem.validation']\n"


def test_seals_are_read_back() -> None:
    head = chain.link(chain.START, b"[0,1")
    line = chain.seal("[0,1", head).encode()
    assert chain.unseal(line) == (b"[0,1", head)
    broken: list[Callable[[bytes], bytes]] = [
        lambda text: text[:-1],
        lambda text: text.upper(),
        lambda text: text[60:],
        lambda text: text + b"\n",
    ]
    for breaks in broken:
        assert chain.unseal(breaks(line)) is None
