"""What the monitor says rests on the production stream alone: pairs of runs that differ in everything else.

Here are a few pairs; `python checks/planes.py` runs fifty, and some of them as processes.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.planes.monitor import Inside, Process
from tests.planes.pairs import Change, Output, differences, run_once, run_pair
from tests.planes.recording import record
from tests.planes.schedule import Schedule, schedule_of
from tests.planes.simulation import Simulation
from tests.planes.stage import Stage

from trading_ecosystem.messages.accounts import AccountReported, Balance, Holding, HoldingsReported, VenueHeartbeat
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message, field_names, values_of
from trading_ecosystem.messages.risk import AlertFired, AlertResolved

PLACES = {"published", "asked", "called", "answers", "store", "log", "traces", "folder"}
WORD = "MARKETCRASH"
FIRST = Simulation(number=0)
MINUTE_NS = 60_000_000_000


@pytest.fixture(scope="module")
def schedule() -> Schedule:
    return schedule_of(record())


@pytest.fixture(scope="module")
def first(schedule: Schedule, tmp_path_factory: pytest.TempPathFactory) -> Output:
    """What came out in the run that all others are compared with."""
    output = run(schedule, FIRST, tmp_path_factory.mktemp("first"))
    assert output.keys() > PLACES and all(output[place] for place in PLACES)
    return output


def run(schedule: Schedule, simulation: Simulation, folder: Path, plant: Change | None = None) -> Output:
    return asyncio.run(run_once(schedule, simulation, folder, Inside, plant))


def check_same(first: Output, second: Output, *simulations: Simulation) -> None:
    assert differences(first, second) == [] and first["marked"] == []
    text = "\n".join(line for output in (first, second) for lines in output.values() for line in lines)
    assert not [each for each in simulations if each.canary in text]


def test_the_stream_has_something_to_say(schedule: Schedule) -> None:
    """Alerts that fire, are taken on and are resolved, a venue that dies, doubts, questions and reports."""
    fired = {each.rule for each in schedule.published if isinstance(each, AlertFired)}
    resolved = [each for each in schedule.published if isinstance(each, AlertResolved)]
    assert fired == {"pnl_drawdown", "venue_down"} and len(resolved) >= 3
    assert len(schedule.steps) > 500 and len(schedule.published) > 30 and len(schedule.asked) > 15


def test_two_simulations_have_nothing_in_common() -> None:
    one, other = Simulation(number=0), Simulation(number=1)
    assert one.canary != other.canary and one.metadata() != other.metadata()
    assert {one.header(at).message_id for at in range(500)}.isdisjoint(other.header(at).message_id for at in range(500))
    assert [one.gap(at) for at in range(500)] != [other.gap(at) for at in range(500)]
    many = [Simulation(number=number) for number in range(100)]
    assert len({each.hidden() for each in many}) == 5 and len({each.watched for each in many}) == 2
    assert len({each.canary for each in many}) == len({each.incarnation for each in many}) == 100


@pytest.mark.parametrize("number", range(1, 7))
def test_another_simulation_changes_no_byte(schedule: Schedule, first: Output, tmp_path: Path, number: int) -> None:
    other = Simulation(number=number)
    check_same(first, run(schedule, other, tmp_path), FIRST, other)


def test_it_says_what_its_core_alone_says(schedule: Schedule, first: Output) -> None:
    assert len(first["published"]) == len(schedule.published)
    said = [f"{at} {message} " for at, message in enumerate(schedule.published, 1)]
    assert all(line.startswith(twin) for line, twin in zip(first["published"], said, strict=True))
    asked = sorted(str(message) for message in schedule.asked)
    assert sorted(first["asked"]) == asked


def test_a_pair_of_processes_differs_in_no_byte(schedule: Schedule, first: Output, tmp_path: Path) -> None:
    pair = asyncio.run(run_pair(schedule, tmp_path, 100, Process))
    assert pair.differences == []
    check_same(pair.first, pair.second, *(Simulation(number=number) for number in (200, 201)))
    inside = [place for place in PLACES if pair.first[place] == first[place]]
    assert set(inside) == PLACES - {"folder"}  # A process shows that it is awake, and has its log there.


# A leak of each kind is found.


def with_word(message: Message) -> Message:
    """The name of a test, as the name of an asset, of which venue and custodian have the same."""
    if isinstance(message, AccountReported):
        balance = Balance(asset=WORD, free_minor=1, locked_minor=0)
        return replace(message, balances=(*message.balances, balance))
    if isinstance(message, HoldingsReported):
        holding = Holding(account=message.account, asset=WORD, posted_minor=1, pending_minor=0)
        return changed(message, holdings=(*message.holdings, holding))
    return message


def cheaper(message: Message) -> Message:
    """A test whose prices are another's by one tick."""
    if isinstance(message, QuotePublished) and message.symbol == "BTC/USD":
        return changed(message, bid_ticks=message.bid_ticks - 1)
    return message


def changed(message: Message, **values: object) -> Message:
    """A message like this one, but for these fields."""
    kept = zip(field_names(type(message)), values_of(message), strict=True)
    return type(message)(**{**dict(kept), **values})


def restarted(start_ns: int) -> Callable[[Message], Message]:
    """A venue that says, ten minutes after the start, that it was away."""

    def change(message: Message) -> Message:
        if isinstance(message, VenueHeartbeat) and message.occurred_ns > start_ns + 10 * MINUTE_NS:
            return changed(message, session=message.session + 1)
        return message

    return change


def refused(stage: Stage) -> None:
    """A refusal that says what the test is called."""
    stage.sources["exchange"].refusal = WORD


def left_behind(stage: Stage) -> None:
    """A file of the test in the folder of the monitor."""
    (stage.folder.service("risk_monitor") / WORD).touch()


def change_of(source: str, change: Callable[[Message], Message]) -> Change:
    def plant(stage: Stage) -> None:
        stage.sources[source].change = change

    return plant


def word_in_the_books(stage: Stage) -> None:
    stage.sources["exchange"].change = stage.sources["custodian"].change = with_word


def away_again(stage: Stage) -> None:
    stage.sources["exchange"].change = restarted(stage.start_ns)


LEAKS: dict[str, tuple[Change, set[str]]] = {
    "a word in an account": (word_in_the_books, {"published", "store", "answers", "traces"}),
    "a price": (change_of("market_data", cheaper), {"published", "store", "answers", "traces"}),
    "a session of the venue": (away_again, {"asked", "traces"}),
    "a word in a refusal": (refused, {"log"}),
    "a file": (left_behind, {"folder"}),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_leak_is_found(schedule: Schedule, first: Output, tmp_path: Path, leak: str) -> None:
    plant, places = LEAKS[leak]
    found = differences(first, run(schedule, Simulation(number=50), tmp_path, plant))
    assert {line.split(":")[0] for line in found} >= places, found
