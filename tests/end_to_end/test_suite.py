"""`tse suite` over a folder: a row for each scenario, a page for each, and one that joins them."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

Tse = Callable[..., "CompletedProcess[str]"]
ROOT = Path(__file__).parents[2]


def test_two_jobs_two_scenarios_one_verdict(place: Path, tse: Tse) -> None:
    folder = place / "suite"
    folder.mkdir()
    good = (place / "usdt-cliff-9m.yaml").read_text(encoding="utf-8")
    (folder / "good.yaml").write_text(good, encoding="utf-8")
    unseen = good.replace("usdt-cliff-9m", "unseen").replace("to: 0.98", "to: 0.9999")
    (folder / "unseen.yaml").write_text(unseen, encoding="utf-8")
    done = tse("suite", "suite", "--jobs", "2", "--report", "out", "--json")
    assert done.returncode == 3, done.stderr

    found = json.loads(done.stdout)
    assert found["verdict"] == "INVALID" and found["report"] == "out/index.html"
    assert [(each["scenario"], each["verdict"]) for each in found["scenarios"]] == [
        ("usdt-cliff-9m", "PASS"),
        ("unseen", "INVALID"),
    ]
    assert [each["twin"]["verdict"] for each in found["scenarios"]] == ["PASS", "PASS"]
    rows = {line.split()[0]: line for line in done.stderr.splitlines() if line.startswith(("good ", "unseen "))}
    assert "✓ PASS" in rows["good"] and "60 s of 65 s" in rows["good"]
    assert "INVALID" in rows["unseen"]
    assert "1 of 2 scenarios passed" in done.stderr

    kept = sorted(str(path.relative_to(place / "out")) for path in (place / "out").rglob("*") if path.is_file())
    of_each = ("report.html", "result.json", "trail.jsonl")
    names = ("unseen", "usdt-cliff-9m")
    assert kept == ["index.html", *(f"{name}/{file}" for name in names for file in of_each)]
    index = (place / "out" / "index.html").read_text(encoding="utf-8")
    assert all(f"{name}/report.html" in index for name in names)


def test_a_suite_run_twice_gives_identical_results_apart_from_wall_times(place: Path, tse: Tse) -> None:
    """Beside each other or one after the other: no scenario of a suite can be flaky."""
    folder = place / "suite"
    folder.mkdir()
    good = (place / "usdt-cliff-9m.yaml").read_text(encoding="utf-8")
    limit = "limit: {deviation: USDT, above: 100bps, for: 60s}"
    sides = "under: {method.0.to: 0.9905}, over: {method.0.to: 0.9895}"
    (folder / "bounded.yaml").write_text(f"{good}boundary: {{{limit}, {sides}}}\n", encoding="utf-8")
    (folder / "unseen.yaml").write_text(
        good.replace("usdt-cliff-9m", "unseen").replace("to: 0.98", "to: 0.9999"), encoding="utf-8"
    )
    left: list[dict[str, str]] = []
    for jobs in ("2", "1"):
        done = tse("suite", "suite", "--jobs", jobs, "--report", "out", "--junit", "out/junit.xml", "--json")
        assert done.returncode == 3, done.stderr
        kept = {str(path): path.read_text(encoding="utf-8") for path in (place / "out").rglob("*") if path.is_file()}
        left.append({name: without_walls(text) for name, text in {**kept, "stdout": done.stdout}.items()})
        shutil.rmtree(place / "out")
    assert len(left[0]) == 9 and any("digest" in text for text in left[0].values())
    assert left[0] == left[1]


def without_walls(text: str) -> str:
    """A result, page or trail without its wall times, and without the rates that rest on them."""
    text = re.sub(r'("wall_s": |time=")[\d.]+', r"\1#", text)
    text = re.sub(r"(<dt>Wall time</dt><dd>|Wall time\"><span class=\"whole\">)[\d.,]+ s", r"\1#", text)
    return re.sub(r"\([\d,]+ a second\)", "(#)", text)


def test_a_suite_runs_what_a_single_run_runs(place: Path, tse: Tse, ran: Callable[..., Path]) -> None:
    """In a worker, beside others, a scenario gives the history that it gives alone."""
    folder = place / "suite"
    folder.mkdir()
    (folder / "only.yaml").write_text((place / "usdt-cliff-9m.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    done = tse("suite", "suite", "--json")
    assert done.returncode == 0, done.stderr
    alone = json.loads((ran() / "stdout").read_text(encoding="utf-8"))
    (of_suite,) = json.loads(done.stdout)["scenarios"]
    assert (of_suite["digest"], of_suite["twin"]["digest"]) == (alone["digest"], alone["twin"]["digest"])
