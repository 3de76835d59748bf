"""Who is whose sub-account: what a world says, and one line for each mistake in it."""

import re
from pathlib import Path

import pytest

from trading_ecosystem.assembly import WorldPlan, load_world
from trading_ecosystem.configuration.document import Problem, parse_document
from trading_ecosystem.configuration.sub_accounts import __doc__ as documentation, read_sub_accounts, sub_accounts_of

ROOT = Path(__file__).parents[2]
HOUSE = ROOT / "docs" / "examples" / "sub-accounts" / "house-with-sub-accounts.yaml"
LIMITS = (ROOT / "worlds" / "treasury-limits.yaml").read_text(encoding="utf-8")
PAIRS = "  alpha-hedge: alpha\n  alpha-reserve: alpha\n"


def written(folder: Path, right: str, wrong: str) -> WorldPlan:
    text = HOUSE.read_text(encoding="utf-8")
    assert right in text
    text = text.replace("../../../worlds/treasury-limits.yaml", "limits.yaml").replace(right, wrong, 1)
    (folder / "house.yaml").write_text(text, encoding="utf-8")
    (folder / "limits.yaml").write_text(LIMITS, encoding="utf-8")
    return load_world(folder / "house.yaml")


def test_a_house_has_one_owner_and_is_seen_from_above() -> None:
    plan = load_world(HOUSE)
    assert plan.masters == plan.masters_at("exchange") == {"alpha-hedge": "alpha", "alpha-reserve": "alpha"}
    transfers = plan.custodian.transfers
    owners = {transfers.owner(each) for each in ("alpha", "alpha-hedge", "alpha-reserve", "alpha.vault")}
    assert owners == {"alpha"} and transfers.owner("beta") == "beta"
    assert plan.seen_with(["alpha"]) == ["alpha", "alpha-hedge", "alpha-reserve"]
    assert plan.seen_with(["alpha-hedge"]) == ["alpha-hedge"] and plan.seen_with(["beta"]) == ["beta"]
    assert plan.seen_with(["alpha-hedge", "alpha"]) == ["alpha-hedge", "alpha", "alpha-reserve"]


def test_the_documented_section_reads() -> None:
    assert documentation is not None
    text = "\n".join(line for line in documentation.splitlines() if line.startswith(("sub_accounts", "  ")))
    node = dict(parse_document("world.yaml", text).entries())["sub_accounts"]
    masters = read_sub_accounts(node, dict.fromkeys(("alpha", "alpha-hedge", "alpha-basis"), "exchange"))
    assert sub_accounts_of("alpha", masters) == ["alpha-hedge", "alpha-basis"]
    assert sub_accounts_of("alpha-hedge", masters) == []


def test_a_world_without_them_has_none() -> None:
    plan = load_world(ROOT / "worlds" / "treasury.yaml")
    assert plan.masters == {} and plan.seen_with(["alpha"]) == ["alpha"]


@pytest.mark.parametrize(
    ("right", "wrong", "problem"),
    [
        (
            "  alpha-hedge: alpha",
            "  alpha-hegde: alpha",
            "alpha-hegde: unknown account 'alpha-hegde'; did you mean 'alpha-h",
        ),
        ("  alpha-hedge: alpha", "  alpha-hedge: alfa", "alpha-hedge: unknown account 'alfa'; did you mean 'alpha'?"),
        ("  alpha-hedge: alpha", "  alpha.vault: alpha", "alpha.vault: unknown account 'alpha.vault'; did you mean"),
        (
            "  alpha-hedge: alpha",
            "  zebra: alpha",
            "unknown account 'zebra'; known: alpha, alpha-hedge, alpha-reserve, beta",
        ),
        (
            "  alpha-hedge: alpha",
            "  noise: alpha",
            "noise: noise is the venue's own; a participant's account is expected",
        ),
        (
            "  alpha-hedge: alpha",
            "  alpha-hedge: background",
            "alpha-hedge: background is the venue's own; a participant",
        ),
        (
            "  alpha-hedge: alpha",
            "  fees: alpha",
            "sub_accounts.fees: fees is the venue's own; a participant's account",
        ),
        (
            PAIRS,
            "  alpha-hedge: alpha\n  alpha-reserve: alpha-hedge\n",
            "alpha-reserve: alpha-hedge is itself a sub-account; alpha, its master, is expected here",
        ),
        (
            PAIRS,
            "  alpha-hedge: alpha\n  alpha: beta\n",
            "alpha-hedge: alpha is itself a sub-account; beta, its master, is expected here",
        ),
        (
            PAIRS,
            "  alpha: alpha\n",
            "alpha: alpha is itself a sub-account; a master has no line here, and one of these has to",
        ),
        (
            PAIRS,
            "  alpha: beta\n  beta: alpha\n",
            "alpha: beta is itself a sub-account; a master has no line here, and one",
        ),
        (PAIRS, "  [alpha]", "sub_accounts: a mapping (key: value lines) is expected here"),
        ("  alpha-hedge: alpha", "  alpha-hedge: [alpha]", "alpha-hedge: a single value is expected here"),
        ("  alpha-hedge: alpha", "  alpha-hedge: alpha\n  alpha-hedge: beta", "the key 'alpha-hedge' is there twice"),
        ("sub_accounts:", "sub_account:", "unknown key 'sub_account'; did you mean 'sub_accounts'?"),
        ("owner: alpha,", "owner: alpha-hedge,", "vaults: unknown owner 'alpha-hedge'; did you mean 'alpha'?"),
        (
            "{alpha: [bank.alpha]}",
            "{alpha-hedge: [bank.alpha]}",
            "alpha-hedge: unknown owner 'alpha-hedge'; did you mean",
        ),
        ("    confirmation:", "    owners: {beta: alpha}\n    confirmation:", "transfers.owners: unknown key 'owners'"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_field(right: str, wrong: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(Problem, match=re.escape(problem)) as raised:
        written(tmp_path, right, wrong)
    assert re.match(r".*house\.yaml:\d+: ", str(raised.value)) and "\n" not in str(raised.value)


# Several venues.


def at_two_venues(folder: Path, pairs: str) -> WorldPlan:
    """North has `alpha` and `alpha-b`, south has `beta` and `beta-b`."""
    for file in ("two-venues.yaml", "two-venues-limits.yaml"):
        text = (ROOT / "worlds" / file).read_text(encoding="utf-8")
        for name in ("alpha", "beta"):
            text = text.replace(f"    {name}: {{USD", f"    {name}-b: {{USD: 1}}\n    {name}: {{USD", 1)
        (folder / file).write_text(text.replace("\nfirm:", f"\nsub_accounts: {pairs}\nfirm:", 1), encoding="utf-8")
    return load_world(folder / "two-venues.yaml")


def test_each_venue_knows_its_own(tmp_path: Path) -> None:
    plan = at_two_venues(tmp_path, "{north.alpha-b: north.alpha, south.beta-b: south.beta}")
    assert plan.masters_at("exchange.north") == {"north.alpha-b": "north.alpha"}
    assert plan.masters_at("exchange.south") == {"south.beta-b": "south.beta"}


@pytest.mark.parametrize(
    ("pairs", "problem"),
    [
        (
            "{south.beta-b: north.alpha}",
            "sub_accounts.south.beta-b: south.beta-b lies at exchange.south, north.alpha at exchange.north; "
            "a sub-account lies with its master",
        ),
        ("{north.alpha-b: alpha}", "unknown account 'alpha'; "),
        ("{south.noise: south.beta}", "south.noise is the venue's own"),
    ],
)
def test_a_sub_account_lies_with_its_master(pairs: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(Problem, match=re.escape(problem)):
        at_two_venues(tmp_path, pairs)
