"""The kill loop and the sweep over all commits, in short; and that they notice what they are there to notice."""

import asyncio
import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trading_ecosystem.live.runner import OUTSIDE
from trading_ecosystem.live.store.ports import Record
from trading_ecosystem.messages.orders import Side, SubmitOrder
from trading_ecosystem.orchestrator.documents import DOCUMENT, documents_of
from trading_ecosystem.orchestrator.terms import Terms

CHECKS = Path(__file__).parents[3] / "checks"
Live = Callable[..., Any]
Submit = Callable[..., SubmitOrder]


def run(script: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(CHECKS / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)


@pytest.mark.parametrize("service", ["exchange", "custodian"])
def test_a_service_that_is_killed_while_it_works_keeps_what_it_has_promised(service: str) -> None:
    done = run("kill_loop.py", "--service", service, "--store", "sqlite", "--cycles", "4")
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.startswith("cycles: 4, acknowledged: ")
    assert last.endswith(", lost: 0, doubled: 0, digests equal: 4")
    assert int(last.split("acknowledged: ")[1].split(",")[0]) > 100


@pytest.mark.parametrize("service", ["exchange", "custodian"])
def test_a_run_that_is_broken_off_at_a_commit_ends_as_the_one_that_was_not(service: str) -> None:
    done = run("kill_commits.py", "--service", service, "--every", "9")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith(f"{service}: boundaries: ")
    assert "lost: 0, doubled: 0" in done.stdout


# The judge of the kill loop, before a real journal of a real exchange.


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    monkeypatch.syspath_prepend(str(CHECKS))
    return importlib.import_module


@pytest.fixture
def judge(checks: Callable[[str], Any], live: Live, submit: Submit, tmp_path: Path) -> Any:
    """Of an exchange that has taken the orders one and two, traded once, and died."""
    stage_module, loop = checks("kill_stage"), checks("kill_loop")
    place = tmp_path / "exchange"
    place.mkdir()
    world = stage_module.WORLD
    text = documents_of(world, Terms(seed=7, start_ns=stage_module.load_world(world).start_ns))["exchange"][DOCUMENT]
    (place / DOCUMENT).write_text(text)

    async def scene() -> None:
        life = await live(f"sqlite:///{place}/store.db").begin()
        for order in (submit("one", "alpha", Side.SELL), submit("two", "beta", Side.BUY)):
            await life.runner.take_commands([(order, OUTSIDE)])
        life.die()

    asyncio.run(scene())
    ledger = tmp_path / "ledger"
    ledger.touch()
    stage = stage_module.Stage("exchange", "sqlite:///store.db", tmp_path)
    return loop.Judge(stage, loop.Client(None, ledger))


def write(judge: Any, **entry: Any) -> None:
    ledger: Path = judge._client._ledger
    ledger.write_text(json.dumps(entry) + "\n")


def test_what_was_acknowledged_and_is_known_is_counted(judge: Any) -> None:
    write(judge, orders=[["alpha", "one"], ["beta", "two"]])
    judge.after_a_kill([])
    assert (len(judge.acknowledged), judge.equal) == (2, 1)
    assert len(judge.twin.trades) == 1


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"orders": [["alpha", "never"]]}, "lost: the order never of alpha"),
        ({"orders": [["beta", "one"]]}, "lost: the order one of beta"),
        ({"said": ["VenueHeartbeat "]}, "lost: 1, such as"),
        ({"refused": ["no such account"]}, "refused: "),
    ],
)
def test_what_was_acknowledged_and_is_not_known_is_lost(entry: dict[str, Any], said: str, judge: Any) -> None:
    write(judge, **entry)
    with pytest.raises(Exception, match=said):
        judge.after_a_kill([])


def test_an_answer_that_nobody_can_say_again_is_lost(judge: Any) -> None:
    with pytest.raises(Exception, match="lost: 1"):
        judge.after_a_kill(["VenueHeartbeat "])


def test_what_is_heard_twice_is_noticed(judge: Any) -> None:
    judge.after_a_kill([])
    words = next(iter(judge.twin.said))
    write(judge, heard=[words, words])
    with pytest.raises(Exception, match="heard twice"):
        judge.after_a_kill([])


def test_what_happens_twice_is_noticed(judge: Any) -> None:
    judge.after_a_kill([])
    judge.twin.submitted["alpha", "one"] += 1
    with pytest.raises(Exception, match="doubled: 1, such as\n  order"):
        judge.after_a_kill([])


def test_money_out_of_nothing_is_noticed(judge: Any) -> None:
    judge.after_a_kill([])
    judge._totals["USD"] += 1
    with pytest.raises(Exception, match="not conserved"):
        judge.after_a_kill([])


def test_a_state_that_is_not_the_journals_is_noticed(judge: Any) -> None:
    judge.after_a_kill([])
    judge.twin.core._session += 1
    with pytest.raises(Exception, match="not the whole journal"):
        judge.after_a_kill([])


@pytest.mark.parametrize(("by", "said"), [(-1, "not told to the audit"), (1, "told twice to the audit")])
def test_the_audit_has_everything_once(by: int, said: str, judge: Any) -> None:
    judge.after_a_kill([])
    judge.snapshot = judge.twin.sequence
    judge._stage.audit.told.update(judge.twin.said)
    judge.at_the_end()
    judge._stage.audit.told[next(iter(judge.twin.said))] += by
    with pytest.raises(Exception, match=said):
        judge.at_the_end()


def test_a_history_without_a_trade_is_noticed(judge: Any) -> None:
    judge.after_a_kill([])
    with pytest.raises(Exception, match="the history lacks trade 1"):
        judge.compare_history()  # The process died before it wrote any, and no other life has followed.


def test_a_record_that_is_missing_is_noticed(judge: Any) -> None:
    with pytest.raises(AssertionError, match="record 1 was given up"):
        judge.twin.take([Record(2, 0, "inputs", b"")])
