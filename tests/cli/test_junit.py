"""The file that servers for continuous integration read."""

from dataclasses import replace
from xml.etree.ElementTree import Element, fromstring

import pytest

from trading_ecosystem.cli.junit import junit
from trading_ecosystem.validation.results import BoundarySide, Nearness, RunResult, Verdict


def read(*results: RunResult) -> Element:
    return fromstring(junit(results, 12.3456))


def judged(result: RunResult, verdict: Verdict, *reasons: str) -> RunResult:
    return replace(result, judgement=replace(result.judgement, verdict=verdict, reasons=reasons))


def test_a_case_for_each_scenario_with_its_counts(result: RunResult) -> None:
    failed = judged(replace(result, scenario="b"), Verdict.FAIL, "first", "second")
    void = judged(replace(result, scenario="c"), Verdict.INVALID, "nothing was tested")
    top = read(result, failed, void)
    (suite,) = top
    assert (top.tag, suite.tag) == ("testsuites", "testsuite")
    for element in (top, suite):
        counts = [element.get(name) for name in ("tests", "failures", "errors", "time")]
        assert counts == ["3", "1", "1", "12.346"]
    names = [(case.get("classname"), case.get("name"), case.get("time")) for case in suite.iter("testcase")]
    assert names == [("stablecoin", name, "7.412") for name in (result.scenario, "b", "c")]
    passed, failure, error = [case.findall("failure") + case.findall("error") for case in suite]
    assert passed == [] and (failure[0].tag, error[0].tag) == ("failure", "error")
    assert failure[0].get("message") == "first (and 1 further reason)." and failure[0].text == "first\nsecond"
    assert (error[0].get("type"), error[0].text) == ("INVALID", "nothing was tested")


def test_twin_boundary_and_worst_latency_are_properties(result: RunResult) -> None:
    failed = judged(result, Verdict.FAIL).judgement
    near = (Nearness(limit="x", percent=95, near=True), Nearness(limit="y", percent=91, near=True))
    side = BoundarySide(side="under", changes=(), judgement=failed, digest="", nearness=near)
    (case,) = read(replace(result, boundary=(side,))).iter("testcase")
    assert {each.get("name"): each.get("value") for each in case.iter("property")} == {
        "verdict": "PASS",
        "twin": "PASS",
        "boundary.under": "FAIL",
        "boundary.under.reached": "91%",
        "seed": "7",
        "digest": result.digest,
        "worst_latency.alert": "critical peg_deviation on USDT",
        "worst_latency.seconds": "60.9",
        "worst_latency.deadline_seconds": "65.0",
    }
    bare = replace(result, twin=None, judgement=replace(result.judgement, expectations=()))
    names = {each.get("name"): each.get("value") for each in read(bare).iter("property")}
    assert names["twin"] == "not run" and "worst_latency.alert" not in names


@pytest.mark.parametrize("text", ["\x00", "\x1b[1m", "\ud800", "\uffff", "<a&b>\"'"])
def test_no_text_breaks_the_file(text: str, result: RunResult) -> None:
    reason = f"say {text} and go on"
    (case,) = read(judged(replace(result, command=text), Verdict.FAIL, reason)).iter("testcase")
    told = case.findtext("failure") or ""
    assert told.startswith("say ") and told.endswith(" and go on")


def test_equal_results_give_equal_files_apart_from_wall_times(result: RunResult) -> None:
    slower = junit([replace(result, wall_s=9.0)], 99.0)
    assert junit([result], 12.0) != slower
    assert junit([result], 12.0).replace("12.000", "99.000").replace("7.412", "9.000") == slower
