"""Single parts of the page: bars to scale, long timelines, chains with and without links."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from trading_ecosystem.report import sections
from trading_ecosystem.report.chain import cards, chain, summary
from trading_ecosystem.report.markup import Markup
from trading_ecosystem.validation.results import Detection, RunResult, TimelineEntry, Verdict

SECOND = 1_000_000_000


def width(bar: str, part: str) -> float:
    found = re.search(rf'class="{part}" style="(?:width|left):([0-9.]+)%"', bar)
    assert found is not None
    return float(found[1])


def test_a_bar_in_time_ends_before_the_tick(result: RunResult) -> None:
    outcome = result.judgement.expectations[1]
    bar = sections.latency_bar(outcome, 65 * SECOND)
    assert width(bar, "taken") / width(bar, "deadline") == pytest.approx(60.9 / 65, abs=0.001)
    assert "60.9 s, deadline 65 s" in bar and 'class="late"' not in bar


def test_a_late_bar_passes_the_tick_and_looks_different(late: RunResult) -> None:
    bar = sections.latency_bar(late.judgement.expectations[1], 71_500_000_000)
    assert width(bar, "late") > width(bar, "deadline")
    assert 'class="taken"' not in bar


def test_bars_of_a_table_share_one_scale(late: RunResult) -> None:
    table = sections.expectations(late)
    assert len(set(re.findall(r'class="deadline" style="left:([0-9.]+)%"', table))) == 1


def test_a_missed_alert_has_an_empty_bar(result: RunResult) -> None:
    missed = replace(result.judgement.expectations[1], fired_ns=None, detection=Detection.MISSED)
    bar = sections.latency_bar(missed, 65 * SECOND)
    assert width(bar, "taken") == 0 and "no alert, deadline 65 s" in bar


@pytest.mark.parametrize(
    ("part", "whole", "text"), [(0, 0, "0.00%"), (-5, 10, "0.00%"), (5, 10, "48.00%"), (99, 1, "100.00%")]
)
def test_per_cent_stays_on_the_track(part: int, whole: int, text: str) -> None:
    assert sections.per_cent(part, whole) == text


def test_the_timeline_links_each_entry_to_its_cause(result: RunResult) -> None:
    table = sections.timeline(result)
    assert 'href="#message-190012"' in table and 'id="message-190012"' in table
    assert 'href="#message-0"' not in table


def test_a_cause_that_is_not_listed_is_a_number_without_a_link(result: RunResult) -> None:
    orphan = replace(result.timeline[4], cause_id=55)
    table = sections.timeline(replace(result, timeline=(orphan,)))
    assert 'data-label="Because of">55<' in table


def test_a_very_long_timeline_is_cut_and_says_so(result: RunResult) -> None:
    entry = TimelineEntry(at_ns=result.start_ns, kind="loss", subject="x", text="lost", message_id=0, cause_id=0)
    table = sections.timeline(replace(result, timeline=(entry,) * (sections.MOST_TIMELINE + 5)))
    assert table.count("<td") == 6 * sections.MOST_TIMELINE
    assert "5 more entries are in the trail." in table
    assert f"{sections.MOST_TIMELINE - sections.OPEN_TIMELINE:,} further entries" in table


def test_failed_checks_are_counted_and_marked(result: RunResult) -> None:
    checks = tuple(replace(check, passed=n > 0) for n, check in enumerate(result.judgement.checks))
    part = sections.checks(replace(result, judgement=replace(result.judgement, checks=checks)))
    assert "6 checks, 1 failed." in part and part.count("✗ failed") == 1


@pytest.mark.parametrize(
    ("verdict", "words"), [(Verdict.FAIL, "prove nothing"), (Verdict.INVALID, "could not be judged")]
)
def test_a_twin_that_did_not_pass_is_explained(result: RunResult, verdict: Verdict, words: str) -> None:
    assert result.twin is not None
    twin = replace(result.twin, verdict=verdict, reasons=("it fired",), alerts=result.judgement.alerts[:1])
    part = sections.twin(replace(result, twin=twin))
    assert words in part and "it fired." in part and "warning peg_deviation on USDT" in part


def test_trail_with_a_space_is_quoted_for_the_shell(result: RunResult) -> None:
    assert "tse verify &#x27;my out/trail.jsonl&#x27;" in sections.proof(replace(result, trail="my out/trail.jsonl"))


# Chains.


def test_cards_tell_the_time_between_links(result: RunResult) -> None:
    links = result.chains[result.judgement.alerts[1].alert_id]
    row = cards(links)
    assert row.count("<li") == len(links)
    deltas = re.findall(r'class="delta">([^<]+)<', row)
    assert deltas == ["start", "+ 4 h 30 min", "+ 40 ms", "+ 2.1 s", "+ 58.8 s"]


def test_an_alert_without_a_chain_says_so(result: RunResult) -> None:
    alert = result.judgement.alerts[2]
    assert "No causal chain was kept" in chain(alert, ())
    assert "first cause" not in summary(alert, ())


def test_an_alert_that_still_fires_says_so(result: RunResult) -> None:
    alert = replace(result.judgement.alerts[1], resolved_ns=None)
    assert summary(alert, ()) == "Reached 1.03 % against a limit of 1 %: ✓ in time. Not resolved in this run."


def test_an_unknown_kind_of_link_gets_a_plain_card(result: RunResult) -> None:
    link = replace(result.chains[result.judgement.alerts[1].alert_id][0], kind='odd" onclick="x')
    row = cards((link,))
    assert 'class="card"' in row and 'onclick="' not in row


@pytest.mark.parametrize(
    "part",
    [sections.heading, sections.key_facts, sections.expectations, sections.twin, sections.checks, sections.injections,
     sections.alerts, sections.timeline, sections.proof, sections.configuration],
)  # fmt: skip
def test_every_part_is_markup(result: RunResult, part: Callable[[RunResult], Markup]) -> None:
    assert type(part(result)) is Markup


def test_the_incident_and_its_sources_stand_below_the_story_as_text(result: RunResult) -> None:
    assert "Modelled on" not in sections.heading(result) and "Sources" not in sections.heading(result)
    told = replace(result, incident="usdt-2018-10", sources=("measured: <hours>", "https://example.org/a"))
    page = sections.heading(told)
    assert page.index("collateral.") < page.index("Modelled on the incident usdt-2018-10.") < page.index("https://")
    assert "<li>measured: &lt;hours&gt;</li><li>https://example.org/a</li>" in page and "href" not in page
    unnamed, untold = sections.heading(replace(told, incident=None)), sections.heading(replace(told, sources=()))
    assert "Modelled on" not in unnamed and "Sources of the story:" in unnamed
    assert "Sources" not in untold and "Modelled on" in untold
