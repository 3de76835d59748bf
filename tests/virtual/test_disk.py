"""The disk keeps what was synced, may tear what was not, and the journal tells a torn tail from damage."""

import pytest
from hypothesis import given, strategies as st

from trading_ecosystem.journal import DamagedJournal, encode_record, read_records
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import CancelOrder
from trading_ecosystem.messages.runtime import Start
from trading_ecosystem.virtual.disk import COMMIT_NS, RECORDS_PER_SNAPSHOT, Disk


def command(n: int) -> CancelOrder:
    return CancelOrder("exchange", "alpha", f"alpha-{n}")


RECORDS: list[tuple[int, Message]] = [(n * 10, command(n)) for n in range(3)]
DATA = b"".join(encode_record(now, message) for now, message in RECORDS)


def test_a_journal_reads_back_as_it_was_written() -> None:
    assert read_records(DATA) == (RECORDS, 0)
    start = (5, Start(memory={"mark": {"usd": 3}}))
    assert read_records(encode_record(*start)) == ([start], 0)


@pytest.mark.parametrize("length", range(len(DATA)))
def test_a_torn_tail_loses_the_last_record_alone(length: int) -> None:
    records, torn = read_records(DATA[:length])
    assert records == RECORDS[: len(records)]
    assert length == sum(len(encode_record(*record)) for record in records) + torn


@pytest.mark.parametrize("at", range(8, len(encode_record(*RECORDS[0]))))
def test_damage_before_the_tail_is_refused(at: int) -> None:
    damaged = DATA[:at] + bytes([DATA[at] ^ 1]) + DATA[at + 1 :]
    with pytest.raises(DamagedJournal, match="byte 0"):
        read_records(damaged)


@given(st.lists(st.integers(0, 3 * COMMIT_NS), max_size=12), st.integers(0, 200))
def test_a_crash_keeps_what_was_synced_and_no_more(gaps: list[int], torn_bytes: int) -> None:
    disk, now, written = Disk(), 0, []
    for n, gap in enumerate(gaps):
        now += gap
        disk.append(now, now, command(n))
        written.append((now, command(n)))
    synced = [(at, message) for at, message in written if at + COMMIT_NS <= now]
    assert disk.crash(now, torn_bytes) == len(written) - len(synced)
    snapshot, records = disk.recover()
    assert snapshot is None
    assert records == synced
    disk.append(now, now, command(99))
    assert disk.recover()[1] == [*synced, (now, command(99))]


@given(
    st.lists(
        st.tuples(st.sampled_from(["write", "stall", "resume", "slow"]), st.integers(0, 2 * COMMIT_NS)), max_size=20
    )
)
def test_a_crash_keeps_what_was_said_to_be_durable_also_of_a_disk_that_was_slow_or_stalled(
    steps: list[tuple[str, int]],
) -> None:
    """The twin moves every moment that lies in a stall to its end, and asks what had come by then."""
    disk, now, stalled_ns, written = Disk(), 0, None, list[list[int]]()
    for word, number in steps:
        now += number
        if word == "slow":
            disk.commit_ns = COMMIT_NS + number
        elif word == "stall" and stalled_ns is None:
            stalled_ns = now
            disk.stall(now)
        elif word == "resume" and stalled_ns is not None:
            written = [[at, max(due, now) if due > stalled_ns else due] for at, due in written]
            stalled_ns = None
            disk.resume(now)
        elif stalled_ns is None:
            written.append([now, disk.append(now, now + 7, command(now))])
            assert written[-1][1] >= now + COMMIT_NS
    synced = [at for at, due in written if due <= (now if stalled_ns is None else stalled_ns)]
    assert [due for _, due in written] == sorted(due for _, due in written)
    assert disk.crash(now, 0) == len(written) - len(synced)
    assert disk.recover()[1] == [(at + 7, command(at)) for at in synced]


def test_a_snapshot_bounds_the_journal_and_waits_for_the_sync() -> None:
    disk = Disk()
    for n in range(RECORDS_PER_SNAPSHOT):
        disk.append(n, n, command(n))
    assert not disk.wants_snapshot(RECORDS_PER_SNAPSHOT)
    later = RECORDS_PER_SNAPSHOT + COMMIT_NS
    assert disk.wants_snapshot(later)
    disk.keep_snapshot({"orders": [1, 2]})
    disk.append(later, later, command(7))
    assert disk.recover() == ({"orders": [1, 2]}, [(later, command(7))])


def test_memory_is_a_copy() -> None:
    disk, value = Disk(), {"mark": [1]}
    disk.remember("risk", value)
    value["mark"].append(2)
    assert disk.memory() == {"risk": {"mark": [1]}}
