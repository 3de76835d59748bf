"""The page on the shapes of the market has every kind with its keys, and what it shows can be read."""

import re
from pathlib import Path

import pytest

from trading_ecosystem.configuration.document import parse_document
from trading_ecosystem.validation.test_coordinator import format
from trading_ecosystem.validation.test_coordinator.injection_format import INJECTIONS

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "market-shapes.md").read_text(encoding="utf-8")
OF_THE_MARKET = [kind for kind in INJECTIONS if kind.partition(".")[0] in ("price", "volatility", "feed")]
OF_EVERY_INJECTION = {"at", "inject", "id", "for", "instrument", "instruments"}
BEFORE = """\
name: shown
title: Shown
story: Shown.
family: feed
severity: warning
world: two-desks
duration: 8h
steady_state: {for: 5m, hold: [no_alerts]}
effect: [{deviation: USDC, above: 1%}]
"""


def row_of(kind: str) -> str:
    rows = re.findall(rf"^\| `{re.escape(kind)}` \|.*$", PAGE, re.MULTILINE)
    assert len(rows) == 1, f"docs/market-shapes.md has {len(rows)} rows for {kind}"
    return str(rows[0])


@pytest.mark.parametrize("kind", OF_THE_MARKET)
def test_every_kind_is_there_with_its_keys(kind: str) -> None:
    cell = row_of(kind).split("|")[2]
    own = {key.name for key in INJECTIONS[kind].keys} - OF_EVERY_INJECTION
    legs = {"to", "over", "hold"} if kind == "price.depeg" else set()
    assert set(re.findall(r"`(\w+)`", cell)) == own | legs


@pytest.mark.parametrize("quantity", ["divergence", "volatility", "crossed", "unchanged", "lag"])
def test_the_conditions_of_a_feed_are_there(quantity: str) -> None:
    assert quantity in format.CONDITIONS
    assert f"| `{quantity}` |" in PAGE


def test_what_is_shown_can_be_read() -> None:
    shown, *_ = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    method = format.SCENARIO.read(parse_document("shown", BEFORE + shown))["method"]
    ends = [step.points[-1].value_ppm for step in method]
    assert ends == [920_000, 970_000, 900_000]


def test_the_limits_it_tells_are_those_of_the_code() -> None:
    from trading_ecosystem.production.trading_engine import desk
    from trading_ecosystem.simulators.exchange import prints

    percent = int(re.findall(r"more than (\d+)% from the one before", PAGE)[0])
    assert desk.LARGEST_MOVE_PPM == prints.LARGEST_MOVE_PPM == percent * 10_000
