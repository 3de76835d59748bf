"""What the steps of the features share: a folder with scenarios and their world, runs, and the command line."""

import html
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import copy

import pytest

from trading_ecosystem.cli.main import main
from trading_ecosystem.cli.outputs import write_run
from trading_ecosystem.preparation import RunRequest
from trading_ecosystem.validation.results import RunResult
from trading_ecosystem.virtual.run import run

ROOT = Path(__file__).parents[2]
Runner = Callable[[RunRequest], RunResult]


@dataclass
class Story:
    """What a scenario of a feature is about. `digests` are of its runs, in the order in which they were made."""

    place: Path
    runner: Runner
    capture: pytest.CaptureFixture[str]
    scenario: Path = field(default_factory=Path)
    settings: list[str] = field(default_factory=list)
    replay: Path | None = None
    results: list[RunResult] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    trail: Path = field(default_factory=Path)
    code: int | None = None
    output: str = ""
    said: str = ""

    @property
    def result(self) -> RunResult:
        return self.results[-1]

    @property
    def page(self) -> str:
        return html.unescape((Path(self.result.trail).parent / "report.html").read_text(encoding="utf-8"))

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.place / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {file}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def run(self, seed: int | None = None) -> None:
        settings = tuple(self.settings)
        request = RunRequest(scenario_path=self.scenario, seed=seed, replay=self.replay, settings=settings)
        self.results.append(self.runner(request))
        self.digests.append(self.result.digest)
        self.trail = Path(self.result.trail)

    def type(self, *words: str) -> None:
        """What a person types in the folder; `output` is standard output, `said` standard error."""
        self.capture.readouterr()
        self.code = main(words)
        self.output, self.said = self.capture.readouterr()


@pytest.fixture(scope="session")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """Runs a scenario with its twin and keeps its report; what was run already is not run again."""
    known: dict[tuple[str, ...], RunResult] = {}

    def keep(request: RunRequest) -> RunResult:
        files = sorted(path for path in request.scenario_path.parent.iterdir() if path.is_file())
        key = (*(path.read_text(encoding="latin-1") for path in files), *request.settings, repr(request.seed))
        if key not in known:
            folder = tmp_path_factory.mktemp("out")
            known[key] = run(replace(request, report_folder=folder))
            write_run(known[key], folder)
        return known[key]

    return keep


@pytest.fixture
def story(tmp_path: Path, runner: Runner, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Story:
    for file in ("two-desks.yaml", "two-desks-limits.yaml"):
        copy(ROOT / "worlds" / file, tmp_path)
    monkeypatch.chdir(tmp_path)
    return Story(tmp_path, runner, capsys)
