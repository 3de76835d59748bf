"""A mistake in a file is one line: file, line, what is wrong, the nearest right word."""

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from trading_ecosystem.configuration import scalars
from trading_ecosystem.configuration.document import Node, Problem, parse_document, read_document

GOOD = """\
name: depeg
duration: 1h30m
to: 0.92
share: 15%
at: 2026-03-02T00:00:00Z
list: [1, 2]
flag: true
"""


def top(text: str = GOOD) -> Node:
    return parse_document("s.yaml", text)


def test_values_are_typed_by_their_reader() -> None:
    section = top().section(required=("name", "duration", "to", "share", "at", "list", "flag"))
    assert section["name"].text() == "depeg"
    assert section["duration"].duration_ns() == 5_400 * 10**9
    assert str(section["to"].decimal("0", "2")) == "0.92"
    assert section["share"].fraction_ppm() == 150_000
    assert section["at"].instant_ns() == 1_772_409_600 * 10**9
    assert [item.integer(0, 9) for item in section["list"].items()] == [1, 2]
    assert section["flag"].flag() is True
    assert section.get("seed") is None
    assert section["list"].items()[1].path == "list.1"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "s.yaml:1: the file is empty"),
        ("a: [1", "s.yaml:1: not valid YAML: expected ',' or ']'"),
        ("a: 1\nb: 2\na: 3\n", "s.yaml:3: the key 'a' is there twice (first in line 1)"),
        ("a:\n  b: 1\n  b: 2\n", "s.yaml:3: the key 'b' is there twice (first in line 2)"),
        ("a: &x 1\nb: *x\n", "s.yaml:1: anchors and aliases are not allowed"),
        ("a: !!python/object:os.system x\n", "s.yaml:1: tags such as tag:yaml.org,2002:python/object:os.system"),
        ("a: 1\n---\nb: 2\n", "s.yaml:2: a second document"),
        ("\ufeffa: 1\n", "s.yaml:1: starts with a byte order mark"),
        ("a:\n\tb: 1", "s.yaml:2: not valid YAML"),
        ("? [a]\n: 1\n", "s.yaml:1: a key must be a single word"),
        ("a: " + "[" * 30 + "]" * 30, "s.yaml:1: nested deeper than 20 levels"),
    ],
)
def test_what_is_not_strict_yaml_is_refused(text: str, problem: str) -> None:
    with pytest.raises(Problem) as raised:
        parse_document("s.yaml", text)
    assert str(raised.value).startswith(problem)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "read", "problem"),
    [
        ("nam: x", lambda n: n.section(required=("name",)), "s.yaml:1: nam: unknown key 'nam'; did you mean 'name'?"),
        ("a: 1", lambda n: n.section(optional=("zoo",)), "s.yaml:1: a: unknown key 'a'; known: zoo"),
        ("a: 1", lambda n: n.section(required=("a", "b")), "s.yaml:1: the key 'b' is missing"),
        ("- 1", lambda n: n.entries(), "s.yaml:1: a mapping (key: value lines) is expected here"),
        ("a: 1", lambda n: n.items(), "s.yaml:1: a list is expected here"),
        ("a: [1]", lambda n: n.section(("a",))["a"].text(), "s.yaml:1: a: a single value is expected here"),
        ("a: ''", lambda n: n.section(("a",))["a"].text(), "s.yaml:1: a: the value is empty"),
        ("a: yes", lambda n: n.section(("a",))["a"].flag(), "s.yaml:1: a: unknown flag 'yes'; known: false, true"),
        ("a: 012x", lambda n: n.section(("a",))["a"].integer(0, 9), "s.yaml:1: a: '012x' is not a whole number"),
        ("a: 10", lambda n: n.section(("a",))["a"].integer(0, 9), "s.yaml:1: a: 10 is not between 0 and 9"),
        ("a: 1e3", lambda n: n.section(("a",))["a"].decimal("0", "9"), "s.yaml:1: a: '1e3' is not a number"),
        ("a: .nan", lambda n: n.section(("a",))["a"].decimal("0", "9"), "s.yaml:1: a: '.nan' is not a number"),
        ("a: 0", lambda n: n.section(("a",))["a"].positive(), "s.yaml:1: a: 0 is not above zero"),
        ("a: 5 min", lambda n: n.section(("a",))["a"].duration_ns(), "s.yaml:1: a: '5 min' is not a duration"),
        ("a: 1:30", lambda n: n.section(("a",))["a"].duration_ns(), "s.yaml:1: a: '1:30' is not a duration"),
        ("a: 9999d", lambda n: n.section(("a",))["a"].duration_ns(), "s.yaml:1: a: '9999d' is not between 0 and ten"),
        ("a: 1s", lambda n: n.section(("a",))["a"].duration_ns(2 * 10**9), "s.yaml:1: a: the shortest time"),
        ("a: 2026-03-02", lambda n: n.section(("a",))["a"].instant_ns(), "s.yaml:1: a: '2026-03-02' is not a time"),
        ("a: 0.15", lambda n: n.section(("a",))["a"].fraction_ppm(), "s.yaml:1: a: '0.15' is not a share"),
        ("a: ١٢%", lambda n: n.section(("a",))["a"].fraction_ppm(), "s.yaml:1: a: '١٢%' is not a share"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_one_line_with_its_place(text: str, read: object, problem: str) -> None:
    with pytest.raises(Problem) as raised:
        read(top(text))  # type: ignore[operator]
    assert str(raised.value).startswith(problem)


def test_files_that_cannot_be_read_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"none\.yaml: No such file or directory"):
        read_document(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff")
    with pytest.raises(Problem, match="not UTF-8 text"):
        read_document(tmp_path / "latin.yaml")
    (tmp_path / "big.yaml").write_bytes(b"#" * (1 << 20) + b"#")
    with pytest.raises(Problem, match="larger than"):
        read_document(tmp_path / "big.yaml")


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    try:
        parse_document("s.yaml", text)
    except Problem as problem:
        assert "\n" not in str(problem)


@given(st.integers(0, 3_000 * 86_400 * 10**9))
def test_durations_survive_the_way_to_text_and_back(duration: int) -> None:
    assert scalars.duration_ns(scalars.duration_text(duration)) == duration


@pytest.mark.parametrize("text", ["1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "9999-12-31T23:00:00-05:00"])
def test_a_time_beyond_all_clocks_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"'{text}' is not between 1970 and 2199"):
        scalars.instant_ns(text)


@given(st.integers(0, 4_000_000_000_000))
def test_instants_survive_the_way_to_text_and_back(milliseconds: int) -> None:
    instant = milliseconds * 1_000_000
    assert scalars.instant_ns(scalars.instant_text(instant)) == instant
