"""A suite as JUnit XML, as servers for continuous integration read it: one test case for each scenario.

A scenario that failed is a `failure`, one that tested nothing an `error`. What a case has no place for is a property.
"""

import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from trading_ecosystem.report.words import latency_ns, side_share, tightest_expectation, verdict_sentence
from trading_ecosystem.validation.results import RunResult, Verdict

SECOND_NS = 1_000_000_000
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
ELEMENTS = {Verdict.FAIL: "failure", Verdict.INVALID: "error"}


def junit(results: Sequence[RunResult], wall_s: float) -> str:
    """The text of the file. `time` of the suite is that of the clock on the wall, of a case that of its run alone."""
    verdicts = [result.judgement.verdict for result in results]
    figures = {
        "name": "tse suite",
        "tests": str(len(results)),
        "failures": str(verdicts.count(Verdict.FAIL)),
        "errors": str(verdicts.count(Verdict.INVALID)),
        "time": f"{wall_s:.3f}",
    }
    top = Element("testsuites", figures)
    suite = SubElement(top, "testsuite", {**figures, "skipped": "0"})
    for result in results:
        add_case(suite, result)
    indent(top)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(top, encoding="unicode")}\n'


def add_case(suite: Element, result: RunResult) -> None:
    names = {"classname": result.family, "name": result.scenario, "time": f"{result.wall_s:.3f}"}
    case = SubElement(suite, "testcase", names)
    properties = SubElement(case, "properties")
    for name, value in properties_of(result).items():
        SubElement(properties, "property", {"name": name, "value": printable(value)})
    judgement = result.judgement
    element = ELEMENTS.get(judgement.verdict)
    if element is not None:
        words = {"message": printable(verdict_sentence(judgement)), "type": judgement.verdict.value}
        SubElement(case, element, words).text = printable("\n".join(judgement.reasons))
    SubElement(case, "system-out").text = printable(result.command)


def properties_of(result: RunResult) -> dict[str, str]:
    worst = tightest_expectation(result.judgement.expectations)
    found = {
        "verdict": result.judgement.verdict.value,
        "twin": result.twin.verdict.value if result.twin else "not run",
        **{f"boundary.{side.side}": side.judgement.verdict.value for side in result.boundary},
        **{f"boundary.{side.side}.reached": side_share(side) for side in result.boundary if side.nearness},
        "seed": str(result.seed),
        "digest": result.digest,
    }
    if worst is not None:
        found["worst_latency.alert"] = f"{worst.severity} {worst.rule} on {worst.subject}"
        found["worst_latency.seconds"] = str((latency_ns(worst) or 0) / SECOND_NS)
        found["worst_latency.deadline_seconds"] = str(worst.deadline_ns / SECOND_NS)
    return found


def printable(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return NOT_XML.sub("\ufffd", text)
