"""What each service of a world is told of it: one configuration document per instance, and no more than it may know.

Rule 1: who is handed what stands in this file and nowhere else.
Rule 2: no document of production says anything of a test: no scenario, seed, start or name of the world.
"""

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import yaml

from trading_ecosystem import routes
from trading_ecosystem.assembly import WorldPlan, desk_name, load_world
from trading_ecosystem.configuration.document import read_document
from trading_ecosystem.configuration.instruments import OPTIONAL_REFERENCE_KEYS, REFERENCE_KEYS
from trading_ecosystem.configuration.scalars import duration_text, instant_text
from trading_ecosystem.messages.runtime import Plain
from trading_ecosystem.orchestrator.identities import OPERATOR
from trading_ecosystem.orchestrator.planes import plane_of
from trading_ecosystem.orchestrator.sections import entries_of, mapping, section, sections_of, text_of
from trading_ecosystem.orchestrator.terms import Recording, Terms
from trading_ecosystem.production.trading_engine.config import TreasuryConfig

DOCUMENT, LIMITS = "document.yaml", "limits.yaml"

Files = dict[str, str]  # Name to text.


def documents_of(world: Path, terms: Terms) -> dict[str, Files]:
    """The files of each instance of the world. Raises `Problem` for whatever is wrong with the world."""
    plan = load_world(world)
    parts = sections_of(world.read_text(encoding="utf-8"))
    limits = world.parent / dict(read_document(world).entries())["limits"].text()
    reference = {key: parts[key] for key in REFERENCE_KEYS}
    reference |= {key: parts[key] for key in OPTIONAL_REFERENCE_KEYS if key in parts}
    own: dict[str, dict[str, yaml.Node]] = {
        routes.MARKET_DATA: of_market_data(parts, terms),
        **{venue: of_exchange(venue, plan, parts, terms) for venue in plan.venues},
        routes.CUSTODIAN: of_custodian(plan, parts),
        routes.RISK_MONITOR: of_risk_monitor(plan),
        routes.TEST_COORDINATOR: of_test_coordinator(plan, parts, terms),
        routes.AUDIT_CORRELATOR: of_audit_correlator(plan, parts, terms),
    }
    for desk, node in zip(plan.desks, parts["desks"].value, strict=True):
        own[desk_name(desk)] = {"desk": node}
    files = {instance: {DOCUMENT: text_of(reference | own[instance])} for instance in plan.instances()}
    files[routes.RISK_MONITOR][LIMITS] = text_of(sections_of(limits.read_text(encoding="utf-8")))
    return files


# Simulators.


def of_market_data(parts: dict[str, yaml.Node], terms: Terms) -> dict[str, yaml.Node]:
    prices = entries_of(parts["market_data"])
    if terms.quotes_every_ns is not None:
        prices["quotes_every"] = section(duration_text(terms.quotes_every_ns))
    own = {"market_data": mapping(prices), "start": section(instant_text(terms.start_ns)), "seed": section(terms.seed)}
    if terms.recording is not None:
        own["replay"] = section(replay_of(terms.recording))
    return own


def replay_of(recording: Recording) -> Plain:
    return {
        "files": [str(path.resolve()) for path in recording.files],
        "from": instant_text(recording.from_ns),
        "until": instant_text(recording.until_ns),
        "columns": dict(recording.columns),
        "symbols": dict(recording.symbols),
    }


def of_exchange(venue: str, plan: WorldPlan, parts: dict[str, yaml.Node], terms: Terms) -> dict[str, yaml.Node]:
    """A venue knows its own accounts, and of its neighbours not even that they are there."""
    here = plan.accounts_at(venue)
    desks = [desk for desk in plan.desks if desk.venue == venue]
    clients = {desk_name(desk): client(plan.seen_with([desk.account]), [desk.account]) for desk in desks}
    custodian = plan.venues[venue].custodian
    if custodian:
        clients[custodian] = client(list(here), [])
    balances = accounts_of(plan, parts)
    own = {
        "accounts": mapping({account: balances[account] for account in here}),
        "exchange": entries_of(parts["exchanges"])[venue.partition(".")[2]] if plan.apart() else parts["exchange"],
        "seed": section(terms.seed),
        "clients": section(clients | watchers(plan, here)),
        **masters_of(plan.masters_at(venue)),
    }
    return own | ({"margin": parts["margin"]} if "margin" in parts else {})


def of_custodian(plan: WorldPlan, parts: dict[str, yaml.Node]) -> dict[str, yaml.Node]:
    everything = [*plan.accounts, *plan.custodian.transfers.vaults]
    apart: dict[str, Plain] = {venue: list(plan.accounts_at(venue)) for venue in plan.venues}
    return {
        "accounts": mapping(accounts_of(plan, parts)),
        "custodian": parts["custodian"],
        "venues": section(apart if plan.apart() else list(plan.venues)),
        "clients": section(treasuries(plan) | watchers(plan, everything)),
        **masters_of(plan.masters),
    }


def masters_of(masters: dict[str, str]) -> dict[str, yaml.Node]:
    return {"sub_accounts": section(dict(masters))} if masters else {}


def accounts_of(plan: WorldPlan, parts: dict[str, yaml.Node]) -> dict[str, yaml.Node]:
    """What the accounts of all venues hold at the start, under the names by which they are spoken of."""
    if not plan.apart():
        return entries_of(parts["accounts"])
    return {
        f"{venue}.{account}": balances
        for venue, accounts in entries_of(parts["accounts"]).items()
        for account, balances in entries_of(accounts).items()
    }


def treasuries(plan: WorldPlan) -> dict[str, Plain]:
    """Desks that move assets: between the accounts and vaults of their owner, of whom alone they hear."""
    found: dict[str, Plain] = {}
    for desk in plan.desks:
        if desk.treasury is not None:
            own = reach_of(desk.account, desk.treasury, plan)
            found[desk_name(desk)] = {**client(own, own), "confined": True}
    return found


def reach_of(account: str, treasury: TreasuryConfig, plan: WorldPlan) -> list[str]:
    """A master moves all that is its own; a sub-account what it has, and of its master the vaults that it is given."""
    if account in plan.masters:
        return [account, *dict.fromkeys(keep.vault for keep in treasury.keeps)]
    transfers = plan.custodian.transfers
    return [*plan.seen_with([account]), *(vault for vault in transfers.vaults if transfers.owner(vault) == account)]


def watchers(plan: WorldPlan, accounts: Iterable[str]) -> dict[str, Plain]:
    """Who may look at these accounts of others. The person who runs it all may also use them."""
    everything = list(accounts)
    firm = plan.seen_with(plan.firm_accounts)
    return {
        routes.RISK_MONITOR: client([account for account in firm if account in everything], []),
        routes.TEST_COORDINATOR: client(everything, []),
        OPERATOR: client(everything, everything),
    }


def client(sees: list[str], trades: list[str]) -> dict[str, Plain]:
    return {"sees": sees, "trades": trades}


# Production.


def of_risk_monitor(plan: WorldPlan) -> dict[str, yaml.Node]:
    """`limits` names a file beside the document."""
    own = {"limits": section(LIMITS), "custodian": section(routes.CUSTODIAN)}
    if plan.limits.about_desks:
        own["desks"] = section(dict(plan.desks_of_firm()))
    by_venue = plan.firm_accounts_by_venue()
    if plan.apart():
        return own | {"venues": section({venue: list(accounts) for venue, accounts in by_venue.items()})}
    (venue,) = by_venue
    return own | {"accounts": section(list(plan.firm_accounts)), "venue": section(venue)}


# Validation.


def of_test_coordinator(plan: WorldPlan, parts: dict[str, yaml.Node], terms: Terms) -> dict[str, yaml.Node]:
    balances = accounts_of(plan, parts)
    own = {
        "replayed": section(list(terms.recording.instruments) if terms.recording else []),
        "accounts": mapping({account: balances[account] for account in plan.firm_accounts}),
        "instances": section(plan.instances()),
        "start": section(instant_text(terms.start_ns)),
        "seed": section(terms.seed),
    }
    if plan.limits.watches_books:
        own["books"] = section(True)
    if plan.firm_margin():
        margin = entries_of(parts["margin"])
        own["margin"] = mapping({account: margin[account] for account in plan.firm_margin()})
    if terms.duration_ns is not None:
        own["duration"] = section(duration_text(terms.duration_ns))
        own["scenario"] = mapping(sections_of(terms.scenario))
    if terms.recording is not None:
        own["replayed"] = section(list(terms.recording.instruments))
    return own


def of_audit_correlator(plan: WorldPlan, parts: dict[str, yaml.Node], terms: Terms) -> dict[str, yaml.Node]:
    names = [*plan.instances(), routes.INJECTOR]
    facts: dict[str, Plain] = {"world": plan.name, "seed": terms.seed, "start": instant_text(terms.start_ns)}
    if terms.duration_ns is not None:
        facts["scenario"] = sections_of(terms.scenario)["name"].value
        facts["duration"] = duration_text(terms.duration_ns)
    return {
        "accounts": mapping(accounts_of(plan, parts)),
        "vaults": section(vaults_of(plan)),
        "planes": section({name: plane_of(name) for name in names}),
        "facts": section(facts),
        "replayed": section(list(terms.recording.instruments) if terms.recording else []),
    }


def vaults_of(plan: WorldPlan) -> dict[str, Plain]:
    """What is held in custody and at no venue, in units of each asset."""
    assets = plan.reference.assets
    return {
        vault: {asset: f"{Decimal(minor).scaleb(-assets[asset].decimals):f}" for asset, minor in amounts.items()}
        for vault, amounts in plan.custodian.transfers.vaults.items()
    }
