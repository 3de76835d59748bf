"""The page as a browser would read it: whole, closed to the network, and deaf to hostile text."""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from trading_ecosystem.report.index import render_index, suite_verdict
from trading_ecosystem.report.markup import Markup, join, raw, script_json, table, tag
from trading_ecosystem.report.page import render
from trading_ecosystem.validation.results import BoundarySide, Detection, RunResult, Verdict

VOID = {"meta", "br", "hr", "col"}
HOSTILE = "</script></style><script>alert(1)</script><img src=http://evil.example/x onerror=alert(2)>\"'&"


class Reader(HTMLParser):
    """Collects what a page is made of, and fails where an element is not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        elif self.open and self.open[-1] != "style":
            self.text.append(data)

    def attributes(self, name: str) -> Iterator[str]:
        return (value or "" for _, attributes in self.elements for key, value in attributes.items() if key == name)

    def all_text(self) -> str:
        return " ".join(" ".join(self.text).split())


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def figures_of(reader: Reader) -> list[dict[str, object]]:
    at = [name for name, _ in reader.elements].index("script")
    assert reader.elements[at][1]["id"] == "figures"
    found: list[dict[str, object]] = json.loads(reader.scripts[0])
    return found


@pytest.fixture(scope="module")
def text(made: RunResult) -> str:
    return read(render(made)).all_text()


def test_is_one_well_formed_page(result: RunResult) -> None:
    page = render(result)
    reader = read(page)
    assert page.startswith("<!DOCTYPE html>")
    assert ("html", {"lang": "en"}) in reader.elements
    assert [name for name, _ in reader.elements].count("h1") == 1
    assert len(page.encode()) < 8_000_000
    ids = list(reader.attributes("id"))
    assert len(ids) == len(set(ids))


def test_loads_nothing_from_anywhere(result: RunResult) -> None:
    reader = read(render(result))
    for name in ("src", "href", "action", "data", "srcset", "poster"):
        assert all(value.startswith("#") for value in reader.attributes(name)), name
    assert not {"link", "iframe", "img", "object", "embed", "base", "form"} & {name for name, _ in reader.elements}
    style = render(result).partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style and "@import" not in style and "http" not in style


def test_every_inner_link_leads_somewhere(result: RunResult) -> None:
    reader = read(render(result))
    ids = set(reader.attributes("id"))
    assert all(link[1:] in ids for link in reader.attributes("href"))


def test_policy_allows_exactly_its_own_scripts(result: RunResult) -> None:
    reader = read(render(result))
    policy = next(attributes["content"] for _, attributes in reader.elements if "http-equiv" in attributes) or ""
    assert policy.startswith("default-src 'none';")
    running = reader.scripts[1:]
    allowed = re.findall(r"'sha256-([^']+)'", policy)
    assert allowed == [b64encode(sha256(script.encode()).digest()).decode() for script in running]
    assert "unsafe-inline" not in policy.partition("script-src")[2]


def test_equal_runs_give_equal_pages(result: RunResult) -> None:
    assert render(result) == render(replace(result))
    slower = render(replace(result, wall_s=90.0))
    changed = set(slower.split("<")) ^ set(render(result).split("<"))
    assert 0 < len(changed) <= 4


def test_tells_the_verdict_first_and_in_words(result: RunResult, late: RunResult) -> None:
    text = read(render(result)).all_text()
    assert "peg_deviation on USDT fired 60.9 s after the breach, deadline 65 s." in text
    assert text.index("PASS") < text.index("Key facts")
    failed = read(render(late)).all_text()
    assert "✗ FAIL critical peg_deviation on USDT fired 71.5 s after the breach, deadline 65 s" in failed
    assert "a second reason." in failed and "✗ late" in failed


@pytest.mark.parametrize(
    "fact",
    [
        "40 h from 2026-03-02 00:00 UTC", "7.41 s", "6,412,876", "two-desks", "0.1.0, compiled", "9f2c1b7a" * 8,
        "tse run usdt-depeg-36h --seed 7", "tse verify out/usdt-depeg-36h/trail.jsonl", "venue_down never fires",
        "Without the injection, none of the expected alerts fired", "market_data.alpha", "+ 40 ms", "duration: 40h",
        "an absence", "+ 58.8 s", "in 3,600 s", "27 further entries",
    ],
)  # fmt: skip
def test_contains_the_facts(text: str, fact: str) -> None:
    assert fact in text


def test_contains_every_alert_and_its_chain(result: RunResult) -> None:
    page = render(result)
    reader = read(page)
    for alert in result.judgement.alerts:
        assert f"chain-{alert.alert_id}" in set(reader.attributes("id"))
    for chain in result.chains.values():
        for link in chain:
            assert link.text in reader.all_text()


def test_tables_have_headers_for_every_cell(result: RunResult) -> None:
    elements = read(render(result)).elements
    assert all(attributes.get("scope") in ("col", "row") for name, attributes in elements if name == "th")
    assert all(attributes.get("data-label") for name, attributes in elements if name == "td")
    names = [name for name, _ in elements]
    assert names.count("table") == names.count("caption")


def test_figures_carry_the_series(result: RunResult) -> None:
    reader = read(render(result))
    places = [attributes for _, attributes in reader.elements if "data-figure" in attributes]
    figures = figures_of(reader)
    assert sorted(int(place["data-figure"] or "") for place in places) == list(range(len(figures)))
    assert all(place["role"] == "img" and place["aria-label"] for place in places)
    first = figures[0]["data"]
    assert isinstance(first, list) and len(first[0]["x"]) == len(result.series[1].points)


@pytest.mark.parametrize("field", ["title", "story", "scenario", "family", "severity", "world", "digest", "command"])
def test_text_never_becomes_markup(result: RunResult, field: str) -> None:
    hostile = replace(result, **{field: HOSTILE})  # type: ignore[arg-type]
    reader = read(render(hostile))
    plain = read(render(result))
    assert [name for name, _ in reader.elements] == [name for name, _ in plain.elements]
    assert not list(reader.attributes("onerror"))


def test_no_string_of_a_result_becomes_markup(result: RunResult) -> None:
    judged = result.judgement
    alerts = tuple(replace(alert, rule=HOSTILE, subject=HOSTILE, unit=HOSTILE) for alert in judged.alerts)
    hostile = replace(
        result,
        judgement=replace(
            judged,
            verdict=Verdict.INVALID,
            reasons=(HOSTILE, HOSTILE),
            alerts=alerts,
            checks=tuple(replace(check, text=HOSTILE, detail=HOSTILE, kind=HOSTILE) for check in judged.checks),
            injections=tuple(replace(each, kind=HOSTILE, target=HOSTILE) for each in judged.injections),
        ),
        timeline=tuple(replace(entry, kind=HOSTILE, text=HOSTILE) for entry in result.timeline),
        chains={alerts[0].alert_id: tuple(replace(link, text=HOSTILE) for link in next(iter(result.chains.values())))},
        series=tuple(replace(series, name=HOSTILE, unit=HOSTILE) for series in result.series),
        limits=tuple(replace(limit, severity=HOSTILE) for limit in result.limits),
        counts={HOSTILE: 1},
        configuration={HOSTILE: HOSTILE},
        versions={HOSTILE: HOSTILE},
        trail=HOSTILE,
    )
    reader = read(render(hostile))
    assert len(reader.scripts) == 3
    assert not {"img"} & {name for name, _ in reader.elements}
    assert not list(reader.attributes("onerror"))
    assert "<script" not in json.dumps(figures_of(reader))


def test_an_empty_run_has_a_page_too(result: RunResult) -> None:
    judged = replace(result.judgement, alerts=(), expectations=(), checks=(), injections=())
    empty = replace(
        result, judgement=judged, twin=None, timeline=(), chains={}, series=(), limits=(), counts={},
        configuration={}, versions={}, trail="", events=0, wall_s=0.0,
    )  # fmt: skip
    text = read(render(empty)).all_text()
    assert "This scenario expects no alert." in text and "tse verify TRAIL" in text


def test_index_links_every_report(result: RunResult, late: RunResult) -> None:
    reader = read(render_index([result, replace(late, scenario="a b")]))
    assert list(reader.attributes("href")) == ["usdt-depeg-36h/report.html", "a%20b/report.html"]
    text = reader.all_text()
    assert "1 of 2 scenarios passed." in text and "71.5 s, deadline 65 s" in text


def test_index_runs_its_own_script_alone(result: RunResult) -> None:
    reader = read(render_index([result]))
    policy = next(attributes["content"] for _, attributes in reader.elements if "http-equiv" in attributes) or ""
    allowed = re.findall(r"'sha256-([^']+)'", policy)
    assert allowed == [b64encode(sha256(script.encode()).digest()).decode() for script in reader.scripts]
    assert not list(reader.attributes("src")) and "http" not in reader.scripts[0]


def test_index_can_be_filtered_by_verdict_and_family(result: RunResult, late: RunResult) -> None:
    reader = read(render_index([result, replace(late, scenario="other", family="crash")]))
    rows = [attributes for name, attributes in reader.elements if name == "tr" and "data-verdict" in attributes]
    assert [(row["data-family"], row["data-verdict"]) for row in rows] == [("crash", "FAIL"), ("stablecoin", "PASS")]
    filters = [attributes["data-filter"] for name, attributes in reader.elements if name == "select"]
    values = [attributes["value"] for name, attributes in reader.elements if name == "option"]
    assert filters == ["verdict", "family"]
    assert values == ["", "PASS", "FAIL", "", "crash", "stablecoin"]


def test_index_tells_what_is_proved_and_covered(result: RunResult) -> None:
    side = BoundarySide(side="under", changes=(), judgement=result.judgement, digest="")
    text = read(render_index([replace(result, boundary=(side,))])).all_text()
    assert "peg_deviation on USDT, critical" in text and "1 scenario with a boundary" in text
    assert "Expected by no scenario of this suite: position_limit," in text
    assert "60.9 s, deadline 65 s" in text


def test_a_page_tells_latencies_by_rule(text: str) -> None:
    assert "Expected alerts by rule, every episode" in text
    assert "peg_deviation 2 60.4 s 60.9 s, deadline 65 s 0" in text


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [("PP", "PASS"), ("PF", "FAIL"), ("PI", "INVALID"), ("IF", "FAIL"), ("", "INVALID"), ("II", "INVALID")],
)
def test_suite_verdict(result: RunResult, verdicts: str, expected: str) -> None:
    named = {"P": Verdict.PASS, "F": Verdict.FAIL, "I": Verdict.INVALID}
    runs = [replace(result, judgement=replace(result.judgement, verdict=named[letter])) for letter in verdicts]
    assert suite_verdict(runs) is Verdict(expected)


def test_allowed_alerts_are_folded_away(result: RunResult) -> None:
    page = render(result)
    allowed = next(alert for alert in result.judgement.alerts if alert.detection is Detection.ALLOWED)
    assert page.index("Alerts that the scenario allows (1)") < page.index(f'id="chain-{allowed.alert_id}"')


# Markup.


@given(st.text(), st.text())
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
def test_tag_keeps_text_as_text(text: str, value: str) -> None:
    reader = read(tag("p", text, title=value))
    assert [name for name, _ in reader.elements] == ["p"]
    assert set(reader.elements[0][1]) == {"title"}


@given(st.recursive(st.text() | st.integers() | st.none(), lambda inner: st.lists(inner, max_size=3)))
@settings(max_examples=100)
def test_script_json_is_the_same_value_and_closes_nothing(value: object) -> None:
    text = script_json(value)
    assert json.loads(text) == value
    assert not set("<>&\u2028\u2029") & set(text)


def test_script_json_refuses_what_json_has_not() -> None:
    with pytest.raises(ValueError):
        script_json([float("nan")])


def test_markup_is_kept_and_flags_are_bare() -> None:
    assert tag("details", Markup("<b>x</b>"), " & y", open=True, hidden=False) == (
        "<details open><b>x</b> &amp; y</details>"
    )
    assert join("a<", None, "", Markup("<br>")) == "a&lt;<br>"
    assert tag("meta", name="x", content="y") == '<meta name="x" content="y">'


def test_table_refuses_rows_of_another_width() -> None:
    with pytest.raises(ValueError):
        table("caption", ("one", "two"), [("only",)])


def test_raw_refuses_what_would_close_its_element() -> None:
    with pytest.raises(AssertionError):
        raw("var x = '</ScRiPt>'")
