"""What a world says about transfers: a part of its `custodian` section. Without it nothing can be transferred.

custodian:
  transfers:
    vaults:                             # what is held here and no venue knows
      alpha.vault: {owner: alpha, holds: {USD: 500000}}
    confirmation: {USD: 30m, BTC: 1h}   # optional: how long outside takes to be final; at once where it is not said
    allowance: 30s                      # optional: what all else may take before a transfer is late
    destinations: {alpha: [bank.alpha]} # optional: where an owner may withdraw to
    hold_new: 24h                       # optional: how long a destination that is new cannot be used
    approvals:                          # optional: without it nobody need approve
      by: [operator, controller]
      withdrawals: 1                    # how many of them, never the one who requests
      transfers: 0                      # optional: between accounts of one owner
      one_more_above: {USD: 100000}     # optional: from more than this amount on one more
      within: 4h                        # after that the request expires
    limits:                             # optional: what one owner may withdraw in any such time
      USD: {most: 1000000, per: 24h}
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import final

from trading_ecosystem.configuration.document import Node, Section
from trading_ecosystem.configuration.instruments import MOST_MINOR, Balances
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.custodian.ledger import CLEARING, EXTERNAL, FEES, INSURANCE, TRANSIT

SECOND_NS = 1_000_000_000
ALLOWANCE_NS = 30 * SECOND_NS
HOLD_NEW_NS = 86_400 * SECOND_NS
MOST_APPROVALS = 10
NAME = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)


@final
@dataclass(frozen=True, kw_only=True)
class ApprovalConfig:
    """How many of `by` must approve, and from which amounts on (minor units, by asset) one more."""

    by: tuple[str, ...] = ()
    withdrawals: int = 0
    transfers: int = 0
    one_more_above_minor: dict[str, int] = field(default_factory=dict)
    within_ns: int = SECOND_NS


@final
@dataclass(frozen=True, kw_only=True)
class VelocityLimit:
    """The most minor units that one owner may withdraw in any span of `per_ns`."""

    most_minor: int
    per_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class TransferConfig:
    """`owners`: whose an account or a vault is, where it is not its own; a sub-account is its master's."""

    offered: bool = False
    vaults: Balances = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    confirmation_ns: dict[str, int] = field(default_factory=dict)
    allowance_ns: int = ALLOWANCE_NS
    destinations: dict[str, tuple[str, ...]] = field(default_factory=dict)
    hold_new_ns: int = HOLD_NEW_NS
    approvals: ApprovalConfig = field(default_factory=ApprovalConfig)
    limits: dict[str, VelocityLimit] = field(default_factory=dict)

    def owner(self, account: str) -> str:
        return self.owners.get(account, account)

    def confirmation_of(self, asset: str) -> int:
        """How long it takes outside to be final, in ns."""
        return self.confirmation_ns.get(asset, 0)


NOT_OFFERED = TransferConfig()


def read(node: Node, reference: ReferenceData, masters: Mapping[str, str]) -> TransferConfig:
    """`masters`: of each sub-account. Raises `Problem` for what is wrong with the section, whatever the accounts."""
    section = node.section(
        required=("vaults",),
        optional=("confirmation", "allowance", "destinations", "hold_new", "approvals", "limits"),
    )
    vaults, owners = read_vaults(section["vaults"], reference)
    allowance, hold_new, approvals = (section.get(key) for key in ("allowance", "hold_new", "approvals"))
    return TransferConfig(
        offered=True,
        vaults=vaults,
        owners={**masters, **owners},
        confirmation_ns={asset: child.duration_ns() for asset, child in of_assets(section, "confirmation", reference)},
        allowance_ns=ALLOWANCE_NS if allowance is None else allowance.duration_ns(minimum_ns=SECOND_NS),
        destinations={owner: read_destinations(child) for owner, child in entries(section, "destinations")},
        hold_new_ns=HOLD_NEW_NS if hold_new is None else hold_new.duration_ns(),
        approvals=ApprovalConfig() if approvals is None else read_approvals(approvals, reference),
        limits={asset: read_limit(child, asset, reference) for asset, child in of_assets(section, "limits", reference)},
    )


def check_accounts(node: Node, config: TransferConfig, accounts: Iterable[str]) -> None:
    """Raises `Problem` where the section and the accounts at the venue do not go together. `node`: the section."""
    known = tuple(accounts)
    section = dict(node.entries())
    for name, child in section["vaults"].entries():
        if name in known:
            child.fail(f"{name} is an account at the venue; a vault needs a name of its own")
    for name in config.vaults:
        owner = config.owners[name]
        if owner not in known or owner in config.owners:
            section["vaults"].fail_word("unknown owner", owner, [each for each in known if each not in config.owners])
    for name, child in section["destinations"].entries() if "destinations" in section else []:
        if name not in known or name in config.owners:
            child.fail_word("unknown owner", name, [each for each in known if each not in config.owners])


def read_vaults(node: Node, reference: ReferenceData) -> tuple[Balances, dict[str, str]]:
    holds: Balances = {}
    owners: dict[str, str] = {}
    together = dict.fromkeys(reference.assets, 0)
    for name, child in node.entries():
        if name in (EXTERNAL, FEES, TRANSIT, CLEARING, INSURANCE) or not NAME.fullmatch(name):
            child.fail(f"{name!r} cannot be the name of a vault")
        section = child.section(required=("owner", "holds"))
        owners[name] = read_name(section["owner"])
        holds[name] = {}
        for asset, amount in of_assets(section, "holds", reference):
            holds[name][asset] = read_minor(amount, asset, reference)
            together[asset] += holds[name][asset]
            if together[asset] > MOST_MINOR:
                amount.fail(f"all vaults together have more than {MOST_MINOR} minor units of {asset}")
    return holds, owners


def read_destinations(node: Node) -> tuple[str, ...]:
    found: list[str] = []
    for item in node.items():
        name = read_name(item)
        if name in found:
            item.fail(f"the destination {name} is there twice")
        found.append(name)
    return tuple(found)


def read_approvals(node: Node, reference: ReferenceData) -> ApprovalConfig:
    section = node.section(required=("by", "withdrawals", "within"), optional=("transfers", "one_more_above"))
    by = read_destinations(section["by"])
    transfers = section["transfers"].integer(0, MOST_APPROVALS) if "transfers" in section else 0
    withdrawals = section["withdrawals"].integer(0, MOST_APPROVALS)
    more = {a: read_minor(child, a, reference) for a, child in of_assets(section, "one_more_above", reference)}
    needed = max(withdrawals, transfers) + (1 if more else 0)
    if len(by) < needed:
        section["by"].fail(f"up to {needed} must approve, and only {len(by)} may")
    return ApprovalConfig(
        by=by,
        withdrawals=withdrawals,
        transfers=transfers,
        one_more_above_minor=more,
        within_ns=section["within"].duration_ns(minimum_ns=SECOND_NS),
    )


def read_limit(node: Node, asset: str, reference: ReferenceData) -> VelocityLimit:
    section = node.section(required=("most", "per"))
    return VelocityLimit(
        most_minor=read_minor(section["most"], asset, reference),
        per_ns=section["per"].duration_ns(minimum_ns=SECOND_NS),
    )


def read_minor(node: Node, asset: str, reference: ReferenceData) -> int:
    try:
        return reference.assets[asset].to_minor(node.positive())
    except ValueError as problem:
        node.fail(str(problem))


def read_name(node: Node) -> str:
    name = node.text()
    if not NAME.fullmatch(name):
        node.fail(f"{name!r} is no name: 1 to 64 letters, digits and ._:- are one")
    return name


def entries(section: Section, key: str) -> list[tuple[str, Node]]:
    node = section.get(key)
    return node.entries() if node else []


def of_assets(section: Section, key: str, reference: ReferenceData) -> list[tuple[str, Node]]:
    found = entries(section, key)
    for asset, child in found:
        if asset not in reference.assets:
            child.fail_word("unknown asset", asset, reference.assets)
    return found
