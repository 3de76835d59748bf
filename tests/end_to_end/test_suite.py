"""`tse suite` over a folder: a row for each scenario, a page for each, and one that joins them."""

import json
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
