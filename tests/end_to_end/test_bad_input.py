"""Whatever is wrong with what a person gave: one line that says where and what would be right, code 2, nothing kept."""

import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CompletedProcess

import pytest

import trading_ecosystem
from trading_ecosystem.cli.main import main

PACKAGE = Path(trading_ecosystem.__file__).parents[1]

Tse = Callable[..., "CompletedProcess[str]"]
SCENARIO, WORLD, LIMITS = "usdt-cliff-9m.yaml", "two-desks.yaml", "two-desks-limits.yaml"
PRICES = "usdtusd.csv"
MINUTES = [f"2026-03-02T00:{minute:02d}:00Z,1.0,1.0,1.0,1.0" for minute in range(12)]
CRASH = """  - at: 2m
    inject: service.crash
    service: {service}
    for: 1m
"""
PAUSE = CRASH.replace("service.crash", "service.pause")
DRIFT = """  - at: 2m
    inject: price.drift
    instrument: USDT/USD
    to: 0.98
    over: 2m
"""
LOSE = """  - at: 2m
    inject: network.lose
    from: [market_data]
    to: [{service}]
    probability: 5%
    for: 1m
"""
ROLLBACKS = "rollbacks:\n  - restore: price.drift\n    at: 6m\n    over: 1m\n"


@dataclass(frozen=True, kw_only=True)
class Case:
    """`says` must all be in the line, in this order; `edits` are (file, old, new), a file without old is written."""

    says: tuple[str, ...]
    edits: tuple[tuple[str, str, str], ...] = ()
    arguments: tuple[str, ...] = ()
    records: tuple[str, ...] = field(default=())


def scenario(old: str, new: str, *says: str) -> Case:
    return Case(edits=((SCENARIO, old, new),), says=says)


def limits(old: str, new: str, *says: str) -> Case:
    return Case(edits=((LIMITS, old, new),), says=(f"{LIMITS}:", *says))


def world(old: str, new: str, *says: str) -> Case:
    return Case(edits=((WORLD, old, new),), says=(f"{WORLD}:", *says))


def given(arguments: str, *says: str) -> Case:
    return Case(arguments=tuple(arguments.split()), says=says)


def record(rows: list[str], *says: str, header: str = "time,open,high,low,close") -> Case:
    return Case(records=(header, *rows), arguments=("--replay", PRICES), says=says)


def minute(at: int, close: str) -> list[str]:
    """The rows with another close in one of them."""
    return [*MINUTES[:at], f"{MINUTES[at].rpartition(',')[0]},{close}", *MINUTES[at + 1 :]]


def injecting(step: str, *says: str) -> Case:
    return Case(edits=((SCENARIO, DRIFT, step), (SCENARIO, ROLLBACKS, "")), says=says)


CASES = {
    # The document.
    "broken YAML": scenario("world: two-desks", "world: [two-desks", f"{SCENARIO}:", "not valid YAML"),
    "a tab": scenario("  for: 2m", "\tfor: 2m", f"{SCENARIO}:10: not valid YAML"),
    "an anchor": scenario("world: two-desks", "world: &w two-desks", f"{SCENARIO}:6: anchors"),
    "an empty file": scenario("", "", f"{SCENARIO}:1: the file is empty"),
    "no UTF-8": Case(edits=((SCENARIO, "", "\udcff"),), says=(SCENARIO, "UTF-8")),
    "an unknown key": scenario("title:", "titel:", f"{SCENARIO}:2: titel: unknown key 'titel'; did you mean 'title'?"),
    "a key deep inside": scenario("    over: 2m", "    ovr: 2m", f"{SCENARIO}:18: method.0.ovr", "mean 'over'?"),
    "a repeated key": scenario(
        "family:", "world: two-desks\nfamily:", f"{SCENARIO}:7: the key 'world' is there twice (first in line 4)"
    ),
    "a missing key": scenario("severity: critical\nworld", "world", f"{SCENARIO}:1: the key 'severity' is missing"),
    # Words, units and times.
    "a wrong unit of time": scenario("over: 2m", "over: 2min", ":18: method.0.over: '2min' is not a duration", "90s"),
    "a number without its unit": scenario("within: 5s", "within: 5", "expect.0.within: '5' is not a duration"),
    "a share for a price": scenario("below: 0.985", "below: 98%", "effect.0.below: '98%' is not a number", "0.92"),
    "an unknown alert": scenario("alert: venue_down", "alert: venue_dwn", "did you mean 'venue_down'?"),
    "an unknown injection": scenario("price.drift\n    instr", "price.drif\n    instr", "mean 'price.drift'?"),
    "an unknown probe": scenario("no_alerts", "no_alert", "steady_state.hold.0: unknown probe", "mean 'no_alerts'?"),
    "injected too early": scenario("at: 2m", "at: 1m", ":14: method.0: at: comes before", "2m or later is right"),
    "injected too long": scenario("over: 2m", "over: 20m", ":14: method.0: at: would end after the scenario"),
    "undone before it begins": scenario("at: 6m", "at: 1m", "rollbacks.0: at: comes before", "later than 2m is right"),
    "never undone": Case(edits=((SCENARIO, ROLLBACKS, ""),), says=(":14: method.0: price.drift-1 is never undone",)),
    "a steady state too long": scenario("for: 2m", "for: 2h", "steady_state: for: longer than the scenario"),
    "no time at all": scenario("duration: 9m", "duration: 0s", "duration: the shortest time allowed is 1m"),
    "a time beyond all clocks": scenario(
        "duration: 9m", "start: 9999-01-01T00:00:00Z\nduration: 9m", ":7: start:", "is not between 1970 and 2199"
    ),
    "a name that leaves the folder": scenario("usdt-cliff-9m\n", "../x\n", f"{SCENARIO}:1: name: '../x' is not a name"),
    # What is not there.
    "an unknown world": scenario("two-desks", "two-desk", f"{SCENARIO}:6: world: no such world", "mean 'two-desks'?"),
    "an unknown instrument": scenario("instrument: USDT/USD", "instrument: UDST/USD", "did you mean 'USDT/USD'?"),
    "an unknown subject": scenario("subject: USDT", "subject: BTC", "expect.0: subject: peg_deviation is never about"),
    "killing nobody": injecting(CRASH.format(service="exchnge"), "unknown service 'exchnge'; did you mean 'exchange'?"),
    "pausing the judge": injecting(PAUSE.format(service="test_coordinator"), "judges the scenario"),
    "cutting no link": injecting(LOSE.format(service="risk_monitr"), "did you mean 'risk_monitor'?"),
    "a link to itself": injecting(LOSE.format(service="market_data"), "no link joins market_data to itself"),
    "an unknown scenario": Case(arguments=("run", "usdt-depeg-36"), says=("usdt-depeg-36:", "'usdt-depeg-36h'?")),
    "an unknown scenario to validate": Case(arguments=("validate", "usdt-depg-36h"), says=("mean 'usdt-depeg-36h'?",)),
    # The world and its limits.
    "a limit of zero": limits("{at: 50, resolves: 45}", "{at: 0, resolves: 0}", "position_limit.BTC.warning.at: 0 is"),
    "a share of zero": limits("{at: 3.5%, ", "{at: 0%, ", "35: pnl_drawdown.warning.at: 0% is not above 0%"),
    "a negative limit": limits("{at: 6000000,", "{at: -6000000,", "delta_exposure.critical.at: -6000000 is not above"),
    "a silence of zero": limits("venue_down: {critical: 10s}", "venue_down: {critical: 0s}", "venue_down.critical"),
    "no time between reports": limits("report_every: 60s", "report_every: 0s", "report_every: the shortest time", "1s"),
    "a limit in the wrong unit": limits("{at: 3.5%, ", "{at: 3.5, ", "'3.5' is not a share such as 15%"),
    "a limit for nothing": limits("  USDC:\n    warning: {at: 2000000", "  USDX:\n    warning: {at: 2000000", "mean"),
    "critical below warning": limits("{at: 4.5%, resolves: 3.5%}", "{at: 3%, resolves: 2%}", "must be above"),
    "a limit left out": limits("venue_down: {critical: 10s}\n", "", "the key 'venue_down' is missing"),
    "limits that are not there": world("two-desks-limits.yaml", "two-desk-limits.yaml", "limits: no such file", "mean"),
    "more than a message can carry": world(
        "alpha: {USD: 3000000,", "alpha: {USD: 9900000000,", "accounts.background.USD: all accounts together have"
    ),
    "an unknown account": world("[alpha, beta]", "[alpha, betta]", "firm.accounts.1: unknown account", "mean 'beta'?"),
    "a price of zero": world("{value: 60000,", "{value: 0,", "market_data.assets.BTC.value: 0 is not above zero"),
    "a link without latency": world("latency: 500us", "latency: 0s", "network.0.latency: the shortest time", "1us"),
    "a link of a desk that is not there": world(
        "{from: [exchange], to: [trading_engine], latency: 2ms",
        "{from: [exchange], to: [trading_engine.gamma], latency: 2ms",
        "network.1.to.0: unknown service 'trading_engine.gamma'; did you mean",
    ),
    # Recorded prices.
    "no record": given("--replay none.csv", "none.csv: no such file or folder"),
    "a record of another kind": given(f"--replay {SCENARIO}", SCENARIO, ".csv"),
    "an unsorted record": record([*MINUTES[:3], MINUTES[4], MINUTES[3], *MINUTES[5:]], f"{PRICES}:6: row 5:", "sort"),
    "a row twice": record([*MINUTES[:3], *MINUTES[2:]], f"{PRICES}:5: row 4:", "is there twice"),
    "no price": record(minute(5, "nan"), f"{PRICES}:7: row 6: close nan is not a price above zero"),
    "an endless price": record(minute(5, "inf"), f"{PRICES}:7: row 6: close inf is not a price above zero"),
    "a negative price": record(minute(5, "-1"), f"{PRICES}:7: row 6: close -1.0 is not a price above zero"),
    "a word for a price": record(minute(5, "n/a"), f"{PRICES}:7: row 6: close 'n/a' is not a number"),
    "a row cut short": record([*MINUTES[:5], "2026-03-02T00:05:00Z,1.0"], f"{PRICES}:7: row 6: 2 values"),
    "no column of closes": record(MINUTES, PRICES, "no column for close", header="time,open,high,low,last"),
    "a gap": Case(
        records=("time,open,high,low,close", *MINUTES[:3], *MINUTES[7:]),
        edits=((WORLD, "market_data:\n", "market_data:\n  longest_gap: 2m\n"),),
        arguments=("--replay", PRICES),
        says=(f"{PRICES}: row 3: the record has no bar for 4m after the bar of 2026-03-02T00:02:00Z", "longer than 2m"),
    ),
    "a record that begins too late": record(MINUTES[3:], f"{PRICES}: row 1: the record begins at 2026-03-02T00:03:00Z"),
    # The command line.
    "a setting of nothing": given("--set durations=9m", "--set durations: unknown key", "did you mean 'duration'?"),
    "a setting without a value": given("--set duration", "--set duration: is not KEY=VALUE"),
    "a setting beyond the list": given("--set method.3.to=1", "--set method.3.to: items are named by number, 0 to 0"),
    "a setting below zero": given("--set method.0.to=-1", "--set method.0.to: -1 is not above zero"),
    "a setting that is no YAML": given("--set duration=[", "--set duration: not valid YAML"),
    "a seed that is no number": given("--seed seven", "--seed", "integer"),
    "a negative seed": given("--seed -1", "--seed", "greater than or equal to 0"),
    "a seed too large": given("--seed 2147483649", "--seed", "less than or equal to 2147483648"),
    "an unknown option": given("--sed 1", "No such option: --sed", "--seed"),
    "no command": Case(arguments=("rnu", SCENARIO), says=("No such command 'rnu'",)),
    "a report that is a file": given(f"--report {SCENARIO}", f"--report {SCENARIO}: is a file, not a folder"),
    "a report below a file": given(f"--report {SCENARIO}/x", f"--report {SCENARIO}/x:", "is a file, not a folder"),
    "a report where nobody can write": given("--report /proc/tse", "--report /proc/tse: "),
}  # fmt: skip

IN_A_PROCESS: tuple[str, ...] = (
    "broken YAML",
    "an unknown world",
    "killing nobody",
    "a limit of zero",
    "a negative price",
)
IN_A_PROCESS += ("a negative seed", "a report where nobody can write")


def prepare(case: Case, place: Path) -> None:
    for name, old, new in case.edits:
        text = (place / name).read_text(encoding="utf-8")
        assert not old or old in text, f"{old!r} is not in {name}"
        changed = text.replace(old, new, 1) if old else new
        (place / name).write_text(changed, encoding="utf-8", errors="surrogateescape")
    if case.records:
        (place / PRICES).write_text("\n".join(case.records) + "\n", encoding="utf-8")


def words(case: Case) -> tuple[str, ...]:
    """The command line: a report is asked for, so that there would be something to keep."""
    given = case.arguments
    if not given or given[0].startswith("--"):
        given = ("run", SCENARIO, *given)
    return (*given, "--report", "out") if given[0] == "run" and "--report" not in given else given


def check_line(case: Case, code: int, output: str, error: str) -> None:
    assert (code, output) == (2, ""), error
    lines = error.splitlines()
    assert len(lines) == 1 and "Traceback" not in lines[0], error
    assert re.search(".*".join(map(re.escape, case.says)), lines[0]), lines[0]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_mistake_is_one_line_and_leaves_nothing(
    case: Case, place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    prepare(case, place)
    before = sorted(place.rglob("*"))
    monkeypatch.chdir(place)
    code = main(words(case))
    check_line(case, code, *capfd.readouterr())
    assert sorted(place.rglob("*")) == before


@pytest.mark.parametrize("name", IN_A_PROCESS)
def test_the_command_says_so_too(name: str, place: Path, tse: Tse) -> None:
    prepare(CASES[name], place)
    before = sorted(place.rglob("*"))
    done = tse(*words(CASES[name]))
    check_line(CASES[name], done.returncode, done.stdout, done.stderr)
    assert sorted(place.rglob("*")) == before


def test_a_report_that_is_half_there_is_left_as_it_was(place: Path, tse: Tse) -> None:
    (place / "out").mkdir()
    (place / "out" / "usdt-cliff-9m").write_text("mine", encoding="utf-8")
    done = tse("run", SCENARIO, "--report", "out")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert [(path.name, path.read_text()) for path in (place / "out").iterdir()] == [("usdt-cliff-9m", "mine")]


def test_a_disk_that_is_full_is_one_line_as_well(place: Path) -> None:
    """Files of this process end at 50 KiB, and so does the trail."""
    limit = (50 * 1024, 50 * 1024)
    done = subprocess.run(
        [sys.executable, "-m", "trading_ecosystem.cli.main", "run", SCENARIO, "--report", "out"],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(PACKAGE), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "--report out: out/usdt-cliff-9m/.trail.jsonl.partial: File too large\n"
    assert not (place / "out").exists()


@pytest.mark.parametrize("options", [(), ("--jobs", "2")])
def test_a_suite_with_one_broken_scenario_runs_none(options: tuple[str, ...], place: Path, tse: Tse) -> None:
    (place / "suite").mkdir()
    text = (place / SCENARIO).read_text(encoding="utf-8")
    (place / "suite" / "good.yaml").write_text(text, encoding="utf-8")
    (place / "suite" / "second.yaml").write_text(text, encoding="utf-8")
    done = tse("suite", "suite", *options, "--report", "out")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "suite/second.yaml:1: name: a second scenario named 'usdt-cliff-9m'; the first is in suite/good.yaml\n"
    )
    assert not (place / "out").exists()


def test_a_suite_without_scenarios_says_so(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (place / "empty").mkdir()
    monkeypatch.chdir(place)
    for folder, problem in (("empty", "no .yaml file in this folder"), ("none", "no such folder")):
        assert main(["suite", folder]) == 2
        assert capfd.readouterr() == ("", f"{folder}: {problem}\n")
