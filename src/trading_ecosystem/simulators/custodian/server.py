"""The custodian as a live service: which document it is built from, whom it hears, what it says on the wire."""

from collections.abc import Mapping, Sequence

from trading_ecosystem.configuration.document import Section
from trading_ecosystem.configuration.instruments import (
    OPTIONAL_REFERENCE_KEYS,
    REFERENCE_KEYS,
    Balances,
    read_accounts,
    read_reference,
)
from trading_ecosystem.configuration.sub_accounts import read_sub_accounts
from trading_ecosystem.live.chaos_wire import CODEC
from trading_ecosystem.live.production_wire import CUSTODIAN, EXCHANGE
from trading_ecosystem.live.rest_parts import rest_surface
from trading_ecosystem.live.service import Added, Parts, Service, Upstream, read_access
from trading_ecosystem.messages.accounts import TradesReported
from trading_ecosystem.messages.books import BooksReported, ProfitsReported
from trading_ecosystem.messages.orders import TradeExecuted
from trading_ecosystem.messages.transfers import MovementAnswered
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.breaking import OF_SETTLEMENT, Breaking
from trading_ecosystem.simulators.custodian import config
from trading_ecosystem.simulators.custodian.core import Custodian
from trading_ecosystem.simulators.custodian.rest import rest_app
from trading_ecosystem.simulators.custodian.store import DESIGN
from trading_ecosystem.simulators.insight import audit_rest


def build(document: Section, instance: str) -> Custodian:
    """Raises `Problem` for whatever is wrong with the document."""
    reference = read_reference(document)
    places = read_places(document)
    accounts = read_accounts(document["accounts"], reference)
    return Custodian(
        instance,
        read_config(document, reference, accounts),
        reference,
        accounts,
        tuple(places),
        {account: venue for venue, accounts in places.items() for account in accounts},
    )


def read_places(document: Section) -> dict[str, list[str]]:
    """The accounts that lie at each of several venues; of one venue its name is enough, for all lie there."""
    venues = document["venues"]
    if venues.is_list():
        return {node.text(): [] for node in venues.items()}
    return {venue: [node.text() for node in accounts.items()] for venue, accounts in venues.entries()}


def read_config(document: Section, reference: ReferenceData, accounts: Balances) -> config.CustodianConfig:
    masters = read_sub_accounts(document.get("sub_accounts"), dict.fromkeys(accounts, ""))
    return config.read(document["custodian"], reference, masters)


def targets(document: Section) -> Mapping[str, Sequence[str]]:
    return {"exchange": list(read_places(document))}


BREAKING = Breaking(OF_SETTLEMENT)


def add(parts: Parts) -> Added:
    audit, leases = BREAKING.surface(parts)
    surface = rest_surface(parts, read_access(parts.document))
    reference = read_reference(parts.document)
    accounts = read_accounts(parts.document["accounts"], reference)
    vaults = read_config(parts.document, reference, accounts).transfers.vaults
    rest = rest_app(surface, reference, parts.engine.store.history, {**accounts, **vaults})
    return Added(rest=rest, audit=[audit], audit_rest=audit_rest(parts, BREAKING), work=[leases])


SERVICE = Service(
    role="custodian",
    speech=CUSTODIAN,
    keys=(*REFERENCE_KEYS, "accounts", "custodian", "venues", "clients"),
    optional=(*OPTIONAL_REFERENCE_KEYS, "sub_accounts"),
    build=build,
    codec=CODEC,
    design=DESIGN,
    add=add,
    breaking=BREAKING,
    access=read_access,
    targets=targets,
    hears=(
        Upstream(
            role="exchange",
            speech=EXCHANGE,
            kinds=(TradeExecuted, TradesReported, MovementAnswered, ProfitsReported, BooksReported),
        ),
    ),
)
