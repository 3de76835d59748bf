"""`tse verify` on the trail of a real run: whole, bent and cut."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Tse = Callable[..., "CompletedProcess[str]"]
Ran = Callable[..., Path]


@pytest.fixture
def trail(ran: Ran, tmp_path: Path) -> Path:
    return Path(shutil.copy(ran() / "out" / "usdt-cliff-9m" / "trail.jsonl", tmp_path / "trail.jsonl"))


def test_a_whole_trail_ends_in_the_digest_of_the_run(trail: Path, ran: Ran, tse: Tse) -> None:
    done = tse("verify", str(trail))
    entries = len(trail.read_text(encoding="ascii").splitlines()) - 1
    assert (done.returncode, done.stdout) == (0, "")
    assert f"{entries:,} entries, every one as it was written" in done.stderr
    assert f"digest {json.loads((ran() / 'stdout').read_text())['digest']}" in done.stderr


def test_it_holds_what_the_run_was_about(trail: Path) -> None:
    """Orders, trades, settlements, alerts and injections whole; quotes as digests of blocks."""
    entries = [json.loads(line) for line in trail.read_text(encoding="ascii").splitlines()]
    types = {entry[6] for entry in entries[1:]}
    assert {"SubmitOrder", "OrderFilled", "TradeExecuted", "SettlementInstructed", "RiskReported"} <= types
    assert {"AlertFired", "ApplyPricePath", "InjectionStarted", "InjectionEnded", "Block"} <= types
    assert "QuotePublished" not in types and "QuotePublished" in {
        entry[7][0] for entry in entries if entry[6:7] == ["Block"]
    }
    facts = entries[0][1]["facts"]
    assert (facts["scenario"], facts["seed"], facts["world"]) == ("usdt-cliff-9m", 1, "two-desks")


@pytest.mark.parametrize("entry", [0, 1, 700])
def test_one_flipped_bit_names_the_entry(entry: int, trail: Path, tse: Tse) -> None:
    lines = trail.read_bytes().splitlines(keepends=True)
    changed = bytearray(lines[entry])
    changed[len(changed) // 3] ^= 1
    trail.write_bytes(b"".join([*lines[:entry], bytes(changed), *lines[entry + 1 :]]))
    done = tse("verify", str(trail))
    name = f"line {entry + 1}, {f'entry {entry}' if entry else 'header'}:"
    assert (done.returncode, done.stdout) == (1, "") and name in done.stderr


@pytest.mark.parametrize(("lost", "words"), [(10, "cut short"), (None, "without its closing entry")])
def test_a_trail_that_was_cut_is_told_from_a_whole_one(lost: int | None, words: str, trail: Path, tse: Tse) -> None:
    data = trail.read_bytes()
    lost = lost or len(data.splitlines(keepends=True)[-1])
    trail.write_bytes(data[:-lost])
    done = tse("verify", str(trail))
    assert (done.returncode, done.stdout) == (1, "") and words in done.stderr


def test_two_swapped_entries_are_found(trail: Path, tse: Tse) -> None:
    lines = trail.read_bytes().splitlines(keepends=True)
    lines[100], lines[101] = lines[101], lines[100]
    trail.write_bytes(b"".join(lines))
    done = tse("verify", str(trail))
    assert done.returncode == 1 and "line 101, entry 100:" in done.stderr
