"""The transfers of a world's custodian: what the section says, and one line for each mistake in it and around it."""

import re
from pathlib import Path

import pytest

from trading_ecosystem.assembly import load_world
from trading_ecosystem.configuration.document import Problem, parse_document
from trading_ecosystem.reference import Asset, AssetKind, ReferenceData
from trading_ecosystem.simulators.custodian.transfer_config import (
    ApprovalConfig,
    VelocityLimit,
    __doc__ as documentation,
    check_accounts,
    read,
)

ROOT = Path(__file__).parents[3]
SECOND_NS = 1_000_000_000
REFERENCE = ReferenceData("USD", [Asset("USD", AssetKind.FIAT, 2), Asset("BTC", AssetKind.CRYPTO, 8)], [])


def documented() -> str:
    assert documentation is not None
    lines = [line[4:] for line in documentation.splitlines() if line.startswith("    ")]
    return "\n".join(lines)


def test_the_documented_section_reads() -> None:
    node = parse_document("world.yaml", documented())
    config = read(node, REFERENCE, {"beta": "alpha"})
    assert config.offered and config.vaults == {"alpha.vault": {"USD": 50_000_000}}
    assert config.owner("alpha.vault") == config.owner("beta") == config.owner("alpha") == "alpha"
    assert config.confirmation_of("USD") == 1800 * SECOND_NS and config.confirmation_of("other") == 0
    assert config.destinations == {"alpha": ("bank.alpha",)} and config.hold_new_ns == 86_400 * SECOND_NS
    assert config.approvals == ApprovalConfig(
        by=("operator", "controller"),
        withdrawals=1,
        transfers=0,
        one_more_above_minor={"USD": 10_000_000},
        within_ns=4 * 3600 * SECOND_NS,
    )
    assert config.limits == {"USD": VelocityLimit(most_minor=100_000_000, per_ns=86_400 * SECOND_NS)}
    check_accounts(node, config, ("alpha", "beta"))


@pytest.mark.parametrize(
    ("right", "wrong", "problem"),
    [
        ("vaults:", "vault:", "unknown key 'vault'; did you mean 'vaults'?"),
        ("alpha.vault: {", "transit: {", "vaults.transit: 'transit' cannot be the name of a vault"),
        ("alpha.vault: {", "'a b': {", "'a b' cannot be the name of a vault"),
        ("{USD: 500000}", "{DOGE: 1}", "unknown asset 'DOGE'; known: BTC, USD"),
        ("{USD: 500000}", "{USD: 0.001}", "is not a whole number of minor units"),
        ("{USD: 500000}", "{USD: -1}", "-1 is not above zero"),
        ("allowance: 30s", "owners: {beta: alpha}", "unknown key 'owners'"),
        ("{USD: 30m, BTC: 1h}", "{USD: soon}", "confirmation.USD"),
        ("{USD: 30m, BTC: 1h}", "{USDC: 1h}", "unknown asset 'USDC'"),
        ("allowance: 30s", "allowance: 1ms", "the shortest time allowed is 1s"),
        ("[bank.alpha]", "[bank.alpha, bank.alpha]", "the destination bank.alpha is there twice"),
        ("[bank.alpha]", "['a b']", "'a b' is no name"),
        ("by: [operator, controller]", "by: [operator]", "up to 2 must approve, and only 1 may"),
        ("withdrawals: 1", "withdrawals: 11", "11 is not between 0 and 10"),
        ("within: 4h", "within: 0s", "the shortest time allowed is 1s"),
        ("{most: 1000000, per: 24h}", "{most: 0, per: 24h}", "0 is not above zero"),
        ("{most: 1000000, per: 24h}", "{most: 1}", "the key 'per' is missing"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(right: str, wrong: str, problem: str) -> None:
    text = documented().replace(right, wrong, 1)
    assert text != documented()
    with pytest.raises(Problem, match=re.escape(problem)) as raised:
        read(parse_document("world.yaml", text), REFERENCE, {})
    assert str(raised.value).startswith("world.yaml:") and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("right", "wrong", "problem"),
    [
        ("alpha.vault: {owner", "background: {owner", "background is an account at the venue; a vault needs a name"),
        ("owner: alpha,", "owner: alfa,", "unknown owner 'alfa'; did you mean 'alpha'?"),
        ("{alpha: [bank.alpha]}", "{alfa: [bank.alpha]}", "unknown owner 'alfa'"),
        ("  custodian: custodian            #", "  #", "custodian: is named where the custodian has a section"),
        ("  custodian: custodian            #", "  custodian: bank #", "unknown custodian 'bank'"),
        ("vault: alpha.vault, bank", "vault: alpha.volt, bank", "no vault of alpha 'alpha.volt'"),
        ("bank: bank.alpha", "bank: bank.beta", "no destination of alpha 'bank.beta'"),
        ("      custodian: custodian  ", "      custodian: other  ", "unknown custodian 'other'"),
        ("keep: 2000000", "keep: 900000", "is not between the floor and the ceiling"),
    ],
)
def test_a_world_whose_parts_do_not_go_together_is_refused(
    right: str, wrong: str, problem: str, tmp_path: Path
) -> None:
    text = (ROOT / "worlds" / "treasury.yaml").read_text(encoding="utf-8")
    assert right in text
    (tmp_path / "treasury.yaml").write_text(text.replace(right, wrong, 1), encoding="utf-8")
    limits = (ROOT / "worlds" / "treasury-limits.yaml").read_text(encoding="utf-8")
    (tmp_path / "treasury-limits.yaml").write_text(limits, encoding="utf-8")
    with pytest.raises(Problem, match=re.escape(problem)):
        load_world(tmp_path / "treasury.yaml")


def test_who_takes_transfers_watches_them(tmp_path: Path) -> None:
    for name in ("treasury.yaml", "treasury-limits.yaml"):
        text = (ROOT / "worlds" / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("transfer_overdue:", "# transfer_overdue:"), encoding="utf-8")
    with pytest.raises(Problem, match="the limits need 'transfer_overdue'"):
        load_world(tmp_path / "treasury.yaml")
