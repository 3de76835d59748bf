"""`tse verify` on real trails: whole, with one byte flipped, cut short, and none at all."""

from pathlib import Path

import pytest

from trading_ecosystem.cli.main import main
from trading_ecosystem.validation.audit_correlator.trail import MemorySink, Trail


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    sink = MemorySink()
    written = Trail(sink, {"scenario": "x", "seed": 7})
    written.close(1_000)
    path = tmp_path / "trail.jsonl"
    path.write_text("".join(sink.lines), encoding="ascii", newline="")
    return path


def test_a_whole_trail_is_zero(trail: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(trail)]) == 0
    captured = capsys.readouterr()
    assert captured.out == "" and "1 entry, every one as it was written" in captured.err and "digest " in captured.err


def test_the_folder_of_a_run_will_do(trail: Path) -> None:
    assert main(["verify", str(trail.parent)]) == 0


def test_a_flipped_byte_is_one_and_names_the_entry(trail: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = bytearray(trail.read_bytes())
    at = data.index(b"\n") + 6
    data[at] ^= 1
    trail.write_bytes(bytes(data))
    assert main(["verify", str(trail)]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and "line 2, entry 1:" in captured.err


def test_a_trail_cut_short_is_one(trail: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trail.write_bytes(trail.read_bytes()[:-3])
    assert main(["verify", str(trail)]) == 1
    assert "cut short" in capsys.readouterr().err


def test_no_trail_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(tmp_path / "none.jsonl")]) == 2
    assert main(["verify", str(tmp_path)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
