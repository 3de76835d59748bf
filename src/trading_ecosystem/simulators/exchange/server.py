"""The exchange as a live service: which document it is built from, whom it hears, what it says on the wire."""

from trading_ecosystem.configuration.document import Section
from trading_ecosystem.configuration.instruments import (
    OPTIONAL_REFERENCE_KEYS,
    REFERENCE_KEYS,
    Balances,
    read_accounts,
    read_margin,
    read_reference,
)
from trading_ecosystem.configuration.sub_accounts import read_sub_accounts
from trading_ecosystem.live.chaos_wire import CODEC
from trading_ecosystem.live.production_wire import EXCHANGE, MARKET_DATA
from trading_ecosystem.live.rest_parts import rest_surface
from trading_ecosystem.live.service import Added, Parts, Service, Upstream, read_access
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.simulators.breaking import OF_VENUES, Breaking
from trading_ecosystem.simulators.exchange import config
from trading_ecosystem.simulators.exchange.core import Exchange
from trading_ecosystem.simulators.exchange.rest import rest_app
from trading_ecosystem.simulators.exchange.statement_call import StatementCall
from trading_ecosystem.simulators.exchange.statement_store import Statements
from trading_ecosystem.simulators.exchange.store import DESIGN
from trading_ecosystem.simulators.exchange.sub_account_call import SubAccountCall
from trading_ecosystem.simulators.insight import audit_rest

LARGEST_SEED = (1 << 64) - 1


def build(document: Section, instance: str) -> Exchange:
    """Raises `Problem` for whatever is wrong with the document."""
    reference = read_reference(document)
    accounts = read_accounts(document["accounts"], reference)
    return Exchange(
        instance,
        config.read(document["exchange"], reference),
        reference,
        accounts,
        document["seed"].integer(0, LARGEST_SEED),
        read_margin(document.get("margin"), accounts, reference),
        masters_of(document, accounts),
    )


def masters_of(document: Section, accounts: Balances) -> dict[str, str]:
    return read_sub_accounts(document.get("sub_accounts"), dict.fromkeys(accounts, ""))


BREAKING = Breaking(core_takes=OF_VENUES)


def add(parts: Parts) -> Added:
    audit, leases = BREAKING.surface(parts)
    reference = read_reference(parts.document)
    accounts = read_accounts(parts.document["accounts"], reference)
    margin = read_margin(parts.document.get("margin"), accounts, reference)
    access, history = read_access(parts.document), parts.engine.store.history
    statements = Statements(history.database, reference, accounts, margin)
    masters = masters_of(parts.document, accounts)
    return Added(
        rest=rest_app(rest_surface(parts, access), reference, list(accounts), history, statements, masters),
        answers={
            "GetStatement": StatementCall(statements, access).answer,
            "GetSubAccounts": SubAccountCall(masters, access).answer,
        },
        audit=[audit],
        audit_rest=audit_rest(parts, BREAKING),
        work=[leases],
    )


SERVICE = Service(
    role="exchange",
    speech=EXCHANGE,
    keys=(*REFERENCE_KEYS, "accounts", "exchange", "seed", "clients"),
    optional=(*OPTIONAL_REFERENCE_KEYS, "margin", "sub_accounts"),
    build=build,
    codec=CODEC,
    design=DESIGN,
    add=add,
    breaking=BREAKING,
    access=read_access,
    hears=(Upstream(role="market_data", speech=MARKET_DATA, kinds=(QuotePublished,)),),
)
