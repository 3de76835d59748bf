"""What is not as it was written is named and never served."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from trading_ecosystem.live.store.database import Database
from trading_ecosystem.live.store.ports import Damaged, Record, Store

Opens = Callable[[str], Store[Any]]
Connects = Callable[[str], Database]
Makes = Callable[[int, int], list[Record]]

SWAP = (
    "UPDATE journal SET payload = (SELECT payload FROM journal WHERE sequence = 13 - j.sequence), "
    "checksum = (SELECT checksum FROM journal WHERE sequence = 13 - j.sequence) "
    "FROM (SELECT sequence FROM journal WHERE sequence IN (6, 7)) AS j WHERE journal.sequence = j.sequence"
)

HARM = {  # What is done: what is said of it.
    "UPDATE journal SET payload = 'input 8' WHERE sequence = 7": "journal record 7: expected checksum",
    "UPDATE journal SET payload = '' WHERE sequence = 10": "journal record 10: expected checksum",
    "UPDATE journal SET now_ns = now_ns + 1 WHERE sequence = 5": "journal record 5: expected checksum",
    "UPDATE journal SET kind = 'input' WHERE sequence = 5": "journal record 5: expected checksum",
    "UPDATE journal SET checksum = 0 WHERE sequence = 6": "journal record 6: expected checksum 00000000",
    SWAP: "journal record 6: expected checksum",
    "DELETE FROM journal WHERE sequence = 6": "journal: expected record 6, found record 7",
    "DELETE FROM journal WHERE sequence = 5": "journal: expected record 5, found record 6",
    "UPDATE journal SET sequence = 12 WHERE sequence = 10": "journal: expected record 10, found record 12",
    "UPDATE snapshot SET state = 'fuor' WHERE sequence = 4": "snapshot 4: expected checksum",
    "UPDATE snapshot SET sequence = 5 WHERE sequence = 4": "snapshot 5: expected checksum",
    "UPDATE memory SET text = '2' WHERE key = 'mark'": "memory of 'mark': expected checksum",
    "UPDATE memory SET key = 'latch' WHERE key = 'mark'": "memory of 'latch': expected checksum",
}


def read_all(store: Store[Any]) -> None:
    found = store.journal.snapshot()
    assert found is not None
    assert list(store.journal.read(found[0])) is not None
    store.memory.recall()


@pytest.mark.parametrize("harm", HARM, ids=range(len(HARM)))
def test_damage_is_named(
    durable_store_url: str, harm: str, open_here: Opens, connect: Connects, records: Makes
) -> None:
    store = open_here(durable_store_url)
    store.journal.append(records(1, 10))
    store.journal.save_snapshot(4, b"four")
    store.memory.remember([("mark", "1")])
    read_all(store)
    store.close()
    with connect(durable_store_url).engine.begin() as connection:
        connection.execute(text(harm))
    store = open_here(durable_store_url)
    with pytest.raises(Damaged) as caught:
        read_all(store)
    assert HARM[harm] in str(caught.value)
    assert store.name in str(caught.value)


def test_without_a_damaged_snapshot_the_one_before_it_and_the_records_make_the_whole_state(
    durable_store_url: str, open_here: Opens, connect: Connects, records: Makes
) -> None:
    store = open_here(durable_store_url)
    store.journal.append(records(1, 10))
    for sequence in (3, 6, 9):
        store.journal.save_snapshot(sequence, b"state")
    store.close()
    with connect(durable_store_url).engine.begin() as connection:
        connection.execute(text("DELETE FROM snapshot WHERE sequence = 9"))
    store = open_here(durable_store_url)
    assert store.journal.snapshot() == (6, b"state")
    assert list(store.journal.read(6)) == records(7, 10)


def test_a_file_of_garbage_is_damage(tmp_path: Path, open_here: Opens) -> None:
    path = tmp_path / "store.sqlite"
    path.write_bytes(b"this is no database\n" * 500)
    with pytest.raises(Damaged, match="expected a SQLite database"):
        open_here(f"sqlite:///{path}")


def test_pages_overwritten_in_the_middle_are_damage(tmp_path: Path, open_here: Opens, records: Makes) -> None:
    path = tmp_path / "store.sqlite"
    store = open_here(f"sqlite:///{path}")
    store.journal.append(records(1, 5_000))
    store.close()
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 20_000] = b"\xff" * 20_000
    path.write_bytes(data)
    with pytest.raises(Damaged):
        list(open_here(f"sqlite:///{path}").journal.read(0))
