"""A scenario is a path or a shipped name; a wrong word gets the nearest right one."""

from pathlib import Path

import pytest

from trading_ecosystem.cli.lookup import every_scenario, find_scenario, shipped
from trading_ecosystem.configuration.document import Problem


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "scenarios"
    folder.mkdir()
    for name in ("zz-nearest-36h", "aa-other"):
        (folder / f"{name}.yaml").write_text("name: x\n", encoding="utf-8")
    (folder / "notes.txt").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_name_is_looked_up_here_first(here: Path) -> None:
    assert find_scenario("aa-other") == Path("scenarios/aa-other.yaml")


def test_a_path_is_taken_as_it_is(here: Path) -> None:
    path = here / "scenarios" / "notes.txt"
    assert find_scenario(str(path)) == path


def test_shipped_names_are_in_order(here: Path) -> None:
    names = list(shipped())
    assert names == sorted(names) and {"aa-other", "zz-nearest-36h"} <= set(names)
    assert list(every_scenario()) == names


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        ("zz-nearest-35h", "no such scenario; did you mean 'zz-nearest-36h'?"),
        ("scenarios/zz-nearest-35h.yaml", "no such file; did you mean 'zz-nearest-36h'?"),
        ("§§§", "no such scenario; known: "),
        ("scenarios", "is a folder"),
    ],
)
def test_a_wrong_word_is_one_line(here: Path, word: str, problem: str) -> None:
    with pytest.raises(Problem) as raised:
        find_scenario(word)
    assert str(raised.value).startswith(f"{word}: {problem}")
    assert "\n" not in str(raised.value)
