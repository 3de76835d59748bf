"""The report in a real browser, offline: its scripts run, its charts are drawn, and nothing complains."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from tests.missing import missing

from trading_ecosystem.report.index import render_index
from trading_ecosystem.report.page import render
from trading_ecosystem.validation.results import RunResult, Verdict

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--virtual-time-budget=10000",
    "--dump-dom",
]


@pytest.fixture(scope="module")
def browser() -> str:
    if CHROMIUM is None:
        missing("no Chromium on this machine: the report is not looked at in a browser")
    return CHROMIUM


def opened(browser: str, page: Path, profile: Path, fragment: str = "") -> tuple[str, list[str]]:
    """The page as the browser has it after its scripts ran, and what these wrote to the console."""
    command = [browser, *FLAGS, f"--user-data-dir={profile}", page.as_uri() + fragment]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, re.findall(r"CONSOLE.*", done.stderr)


def test_charts_are_drawn_without_a_complaint(browser: str, result: RunResult, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(render(result), encoding="utf-8")
    dom, complaints = opened(browser, page, tmp_path / "profile")
    assert complaints == []
    drawn = len(re.findall(r'class="main-svg"', dom))
    asked = len(re.findall(r'class="chart"', dom)) or len(re.findall(r"js-plotly-plot", dom))
    assert drawn > 0
    assert drawn >= asked
    assert "PASS" in dom


def test_a_changed_script_does_not_run(browser: str, result: RunResult, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    text = render(result)
    at = text.rindex("</script>")
    page.write_text(f"{text[:at]};document.title='bent';{text[at:]}", encoding="utf-8")
    dom, complaints = opened(browser, page, tmp_path / "profile")
    assert "<title>bent</title>" not in dom
    assert any("Content Security Policy" in complaint for complaint in complaints)


def test_the_index_of_a_suite_shows_what_is_asked_for(browser: str, result: RunResult, tmp_path: Path) -> None:
    failed = replace(result.judgement, verdict=Verdict.FAIL, reasons=("late",))
    page = tmp_path / "index.html"
    page.write_text(
        render_index([result, replace(result, scenario="other", family="crash", judgement=failed)]), encoding="utf-8"
    )
    rows = {"stablecoin": "PASS", "crash": "FAIL"}
    for fragment, shown in (
        ("", {"stablecoin", "crash"}),
        ("#verdict=FAIL", {"crash"}),
        ("#family=stablecoin", {"stablecoin"}),
    ):
        dom, complaints = opened(browser, page, tmp_path / "profile", fragment)
        assert complaints == []
        found = {
            family for family, verdict in rows.items() if f'data-verdict="{verdict}" data-family="{family}">' in dom
        }
        hidden = len(re.findall(r'data-family="[a-z]+" hidden=""', dom))
        assert found == shown and hidden == 2 - len(shown)
        assert '<p class="filters">' in dom
