"""The sections of a world about perpetuals: what is read, and one line for whatever is wrong."""

from pathlib import Path

import pytest

from trading_ecosystem.assembly import load_world
from trading_ecosystem.configuration.document import Problem

WORLDS = Path(__file__).parents[2] / "worlds"
WORLD = (WORLDS / "spot-and-futures.yaml").read_text(encoding="utf-8")
LIMITS = (WORLDS / "spot-and-futures-limits.yaml").read_text(encoding="utf-8")


def load(folder: Path, world: str = WORLD, limits: str = LIMITS) -> object:
    (folder / "spot-and-futures-limits.yaml").write_text(limits, encoding="utf-8")
    path = folder / "world.yaml"
    path.write_text(world, encoding="utf-8")
    return load_world(path)


def test_a_shipped_world_without_perpetuals_has_none() -> None:
    plan = load_world(WORLDS / "two-desks.yaml")
    assert (plan.reference.perpetuals, plan.margin) == ({}, {})
    assert not {"basis_divergence", "margin_buffer"} & set(plan.limits.rules)


def test_the_shipped_world_with_perpetuals() -> None:
    plan = load_world(WORLDS / "spot-and-futures.yaml")
    perpetual = plan.reference.perpetuals["BTC-PERP"]
    assert plan.reference.instruments["BTC-PERP"] is perpetual and perpetual.terms is not None
    assert (perpetual.base, perpetual.quote, perpetual.terms.index) == ("BTC", "USD", "BTC/USD")
    assert (perpetual.terms.initial_margin_ppm, perpetual.terms.maintenance_margin_ppm) == (50_000, 25_000)
    assert perpetual.quote_minor_per_tick_lot == 10_000  # 0.1 x 0.001 USD.
    assert plan.margin["beta"] == {"USD": 200_000 * 10**8}
    assert plan.venues["exchange"].perpetuals.insurance_minor == {"USD": 2_000_000 * 10**8}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("BTC-PERP: {index: BTC/USD", "BTC/PERP: {index: BTC/USD", "a perpetual is named like BTC-PERP"),
        ("index: BTC/USD", "index: BTC/USDT", "unknown instrument 'BTC/USDT'; did you mean 'BTC/USD'?"),
        (
            "numeraire: USD",
            "numeraire: BTC",
            "a perpetual is settled in BTC, the numeraire, and BTC/USD is not quoted in it",
        ),
        ("index: BTC/USD", "indx: BTC/USD", "unknown key 'indx'; did you mean 'index'?"),
        ("initial_margin: 5%", "initial_margin: 2.5%", "the maintenance margin must be below the initial margin"),
        ("initial_margin: 5%", "initial_margin: 500%", "500% is not between 0.01% and 100%"),
        ("funding_every: 8h", "funding_every: 8s", "the shortest time allowed is 1m"),
        ("funding_every: 8h", "funding_every: 25h", "the longest time between two fundings is 24h"),
        ("interest: 0.01%", "interest: 1%", "the interest is above the funding cap"),
        ("tick: 0.1, lot: 0.001", "tick: 0.1, lot: 0.0000000001", "tick x lot is too fine"),
        ("  beta: {USD: 200000}", "  gamma: {USD: 200000}", "unknown account 'gamma'"),
        ("  beta: {USD: 200000}", "  beta: {BTC: 2}", "no perpetual is margined in 'BTC'"),
        ("  beta: {USD: 200000}", "  beta: {USD: 4000001}", "more than the USD that beta has under 'accounts'"),
        ("  beta: {USD: 200000}", "  beta: {USD: 0.000000001}", "is not a whole number of minor units"),
        ("insurance: {USD: 2000000}", "insurance: {EUR: 2000000}", "no perpetual is margined in 'EUR'"),
        ("margin_call: 80%", "margin_call: 101%", "101% is not between 10% and 100%"),
        ("liquidation_step: 25%", "liquidation_step: 0%", "0% is not between 1% and 100%"),
        ("BTC-PERP: {spread: 1bps", "SOL-PERP: {spread: 1bps", "unknown instrument 'SOL-PERP'"),
        ("perpetual: BTC-PERP, size: 0.5", "perpetual: ETH-PERP, size: 0.5", "ETH-PERP is no perpetual of BTC/USD"),
        ("size: 0.5, maximum: 12", "size: 0.5, maximum: 0.4", "is smaller than the size of one round"),
        ("close_below: 0bps", "close_below: 15bps", "is not below 'open_above'"),
        ("BTC-PERP: 20, ", "", "no position limit for BTC-PERP, which the desk trades"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in WORLD
    with pytest.raises(Problem) as raised:
        load(tmp_path, WORLD.replace(old, new, 1))
    said = str(raised.value)
    assert says in said and "\n" not in said
    assert said.startswith(f"{tmp_path / 'world.yaml'}:"), said


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("  BTC-PERP:\n    warning: {at: 1%", "  BTC-PREP:\n    warning: {at: 1%", "did you mean 'BTC-PERP'?"),
        ("at: 70%, resolves: 55%", "at: 50%, resolves: 40%", "the critical level must be above the warning level"),
        ("margin_buffer:", "margin_bufer:", "unknown key 'margin_bufer'; did you mean 'margin_buffer'?"),
    ],
)
def test_a_mistake_in_the_limits_too(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in LIMITS
    with pytest.raises(Problem, match=r"limits\.yaml:") as raised:
        load(tmp_path, limits=LIMITS.replace(old, new, 1))
    assert says in str(raised.value)
