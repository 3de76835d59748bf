"""A world with several venues: what is read, and the one line for each thing that does not go together."""

import re
from pathlib import Path

import pytest

from trading_ecosystem.assembly import load_world
from trading_ecosystem.configuration.document import Problem

WORLDS = Path(__file__).parents[2] / "worlds"
NORTH, SOUTH = "exchange.north", "exchange.south"


def written(folder: Path, *edits: tuple[str, str], world: str = "two-venues") -> Path:
    text = (WORLDS / f"{world}.yaml").read_text(encoding="utf-8")
    for right, wrong in edits:
        assert right in text, right
        text = text.replace(right, wrong, 1)
    for limits in WORLDS.glob("*-limits.yaml"):
        (folder / limits.name).write_text(limits.read_text(encoding="utf-8"), encoding="utf-8")
    path = folder / f"{world}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_each_venue_has_its_own_settings_and_its_own_accounts() -> None:
    plan = load_world(WORLDS / "two-venues.yaml")
    assert plan.instances()[:4] == ["market_data", NORTH, SOUTH, "custodian"]
    assert (plan.venues[NORTH].taker_fee_ppm, plan.venues[SOUTH].taker_fee_ppm) == (200, 400)
    assert list(plan.accounts_at(SOUTH)) == ["south.beta", "south.background", "south.noise"]
    assert plan.accounts_at(SOUTH)["south.beta"]["BTC"] == 15 * 10**8
    assert plan.firm_accounts_by_venue() == {NORTH: ("north.alpha",), SOUTH: ("south.beta",)}
    assert plan.apart() == plan.places
    assert [(desk.account, desk.venue) for desk in plan.desks] == [("north.alpha", NORTH), ("south.beta", SOUTH)]


@pytest.mark.parametrize("world", ["two-desks", "two-desks-bands", "spot-and-futures", "treasury"])
def test_one_venue_has_no_name_of_its_own_and_all_accounts(world: str) -> None:
    plan = load_world(WORLDS / f"{world}.yaml")
    assert list(plan.venues) == ["exchange"]
    assert plan.accounts_at("exchange") == plan.accounts
    assert plan.apart() == {}


@pytest.mark.parametrize(
    ("right", "wrong", "problem"),
    [
        ("exchanges:\n", "exchange: {}\nexchanges:\n", "exchanges: 'exchange' is given too; one venue is 'exchange'"),
        ("exchanges:\n", "exchnges:\n", "exchnges: unknown key 'exchnges'; did you mean 'exchanges'?"),
        (
            "venue: exchange.south",
            "venue: exchange.sout",
            "unknown venue 'exchange.sout'; did you mean 'exchange.south'?",
        ),
        ("venue: exchange.south", "venue: exchange", "desks.1: unknown venue 'exchange'"),
        (
            "venue: exchange.south",
            "venue: exchange.north",
            "account: south.beta lies at exchange.south, not at exchange.n",
        ),
        ("account: south.beta", "account: beta", "desks.1: unknown account 'beta'"),
        ("  south:\n    beta:", "  sooth:\n    beta:", "accounts.sooth: accounts stand under the name of their venue;"),
        ("[north.alpha, south.beta]", "[alpha, south.beta]", "firm.accounts.0: unknown account 'alpha'"),
        (
            "    beta: {USD: 2000000",
            "    fees: {USD: 2000000",
            "accounts.south.fees: what a venue takes in fees begins",
        ),
        (
            "  south:                ",
            "  South:                ",
            "exchanges.South: a venue has a name of up to 20 small",
        ),
        (
            "deviation: 3bps, half_life: 90s",
            "deviation: 3%, half_life: 90s",
            "exchanges.south.dispersion.deviation: 3% is",
        ),
        ("deviation: 3bps, half_life: 90s", "deviation: 3bps, half_life: 90d", "the longest half-life is 24h"),
        ("deviation: 3bps, half_life: 90s", "deviation: 3bps", "dispersion: the key 'half_life' is missing"),
        ("custodian:\n  default", "custodian:\n  transfers: {}\n  default", "transfers is for worlds with one venue"),
        ("custodian:\n  default", "custodian:\n  compare_every: 1h\n  default", "compare_every is for worlds with one"),
        (
            "custodian:\n  default",
            "custodian:\n  netting: [settlements]\n  default",
            "netting is for worlds with one venue",
        ),
        ("\nfirm:", "\nmargin: {}\nfirm:", "margin: nothing is margined where there are several venues"),
        (
            "\nfirm:",
            "\nperpetuals:\n  BTC-PERP: {index: BTC/USD, tick: 0.1, lot: 0.001, initial_margin: 5%,"
            " maintenance_margin: 2.5%, funding_every: 8h, funding_cap: 0.75%, interest: 0.01%}\nfirm:",
            "perpetuals: perpetuals are for worlds with one venue",
        ),
    ],
)
def test_what_does_not_go_together_is_said_in_one_line(right: str, wrong: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(Problem, match=re.escape(problem)) as caught:
        load_world(written(tmp_path, (right, wrong)))
    assert "\n" not in str(caught.value) and "two-venues.yaml:" in str(caught.value)


def test_a_world_needs_a_venue(tmp_path: Path) -> None:
    text = (WORLDS / "two-venues.yaml").read_text(encoding="utf-8")
    begins, ends = text.index("exchanges:"), text.index("custodian:")
    with pytest.raises(Problem, match="the key 'exchange' is missing"):
        load_world(written(tmp_path, (text[begins:ends], "")))


def test_a_single_venue_needs_no_name(tmp_path: Path) -> None:
    text = (WORLDS / "two-venues.yaml").read_text(encoding="utf-8")
    begins, ends = text.index("  south:                "), text.index("custodian:")
    with pytest.raises(Problem, match="two venues or more are expected here; a single one is 'exchange'"):
        load_world(written(tmp_path, (text[begins:ends], "")))


def test_a_desk_of_a_world_with_one_venue_trades_at_it(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=re.escape("unknown venue 'exchange.north'; did you mean 'exchange'?")):
        load_world(written(tmp_path, ("venue: exchange\n", "venue: exchange.north\n"), world="two-desks"))
