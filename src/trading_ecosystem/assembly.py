"""Builds the services of a world from its YAML: instruments, accounts, strategies, limits, network.

Both modes call this; what they add is how the services run.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from trading_ecosystem import routes
from trading_ecosystem.configuration.document import Node, Section, read_document
from trading_ecosystem.configuration.instruments import (
    OPTIONAL_REFERENCE_KEYS,
    Balances,
    read_margin,
    read_reference,
)
from trading_ecosystem.configuration.sub_accounts import read_sub_accounts
from trading_ecosystem.configuration.venues import VENUE_KEYS, VenueNode, read_places, read_venue_nodes
from trading_ecosystem.core import Core
from trading_ecosystem.production.risk_monitor import config as risk_config
from trading_ecosystem.production.risk_monitor.core import RiskMonitor
from trading_ecosystem.production.trading_engine import config as desk_config
from trading_ecosystem.production.trading_engine.core import TradingEngine
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.custodian import config as custodian_config, transfer_config
from trading_ecosystem.simulators.custodian.core import Custodian
from trading_ecosystem.simulators.exchange import config as exchange_config
from trading_ecosystem.simulators.exchange.accounts import own_names
from trading_ecosystem.simulators.exchange.core import Exchange, prefix_of
from trading_ecosystem.simulators.market_data import config as market_config
from trading_ecosystem.simulators.market_data.core import MarketData
from trading_ecosystem.simulators.market_data.recorded import Recorded

WORLD_KEYS = (
    *("name", "title", "start", "numeraire", "assets", "instruments", "firm", "limits", "accounts"),
    *("market_data", "custodian", "desks", "network"),
)
OPTIONAL_WORLD_KEYS = (*OPTIONAL_REFERENCE_KEYS, *VENUE_KEYS, "margin", "sub_accounts")


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Of the links from `senders` to `recipients` (roles, or desks); empty means all. Base and mean jitter, in ns."""

    senders: tuple[str, ...]
    recipients: tuple[str, ...]
    base_ns: int
    jitter_ns: int

    def fits(self, sender: str, recipient: str) -> bool:
        """Whether it is of the link between two instances."""
        return covers(self.senders, sender) and covers(self.recipients, recipient)

    @property
    def names_a_desk(self) -> bool:
        return any("." in name for name in (*self.senders, *self.recipients))


def covers(written: tuple[str, ...], instance: str) -> bool:
    return not written or instance in written or instance.partition(".")[0] in written


@dataclass(frozen=True, kw_only=True)
class WorldPlan:
    """A world as its files describe it, checked."""

    name: str
    title: str
    start_ns: int
    reference: ReferenceData
    accounts: Balances
    places: dict[str, str]  # The venue at which each account lies.
    masters: dict[str, str]  # Of each sub-account.
    margin: Balances  # What of it is in margin wallets.
    firm_accounts: tuple[str, ...]
    market_data: market_config.MarketDataConfig
    venues: dict[str, exchange_config.ExchangeConfig]  # By instance.
    custodian: custodian_config.CustodianConfig
    desks: tuple[desk_config.DeskConfig, ...]
    limits: risk_config.Limits
    latencies: tuple[Latency, ...]
    files: dict[str, str]  # Name to text, as evidence of what was run.

    def instances(self) -> list[str]:
        """The names of the services' instances, in the order of the data flow."""
        desks = [desk_name(desk) for desk in self.desks]
        simulators = [routes.MARKET_DATA, *self.venues, routes.CUSTODIAN]
        return [*simulators, *desks, routes.RISK_MONITOR, *routes.VALIDATION]

    def accounts_at(self, venue: str) -> Balances:
        return {account: held for account, held in self.accounts.items() if self.places[account] == venue}

    def seen_with(self, accounts: Iterable[str]) -> list[str]:
        """Whoever may see a master may see its sub-accounts, too; never the other way round."""
        seen = list(accounts)
        return seen + [sub for sub, master in self.masters.items() if master in seen and sub not in seen]

    def masters_at(self, venue: str) -> dict[str, str]:
        return {sub: master for sub, master in self.masters.items() if self.places[sub] == venue}

    def firm_accounts_by_venue(self) -> dict[str, tuple[str, ...]]:
        return by_venue(self.firm_accounts, self.places, list(self.venues))

    def apart(self) -> dict[str, str]:
        """At which of several venues each account lies; nothing where there is one."""
        return self.places if len(self.venues) > 1 else {}

    def latency(self, sender: str, recipient: str) -> Latency | None:
        """The last line of the network section that fits a link decides; None where none does."""
        return next((each for each in reversed(self.latencies) if each.fits(sender, recipient)), None)

    def desks_of_firm(self) -> dict[str, str]:
        """The desk that trades with each account of the firm, by account."""
        return {desk.account: desk_name(desk) for desk in self.desks if desk.account in self.firm_accounts}

    def firm_balances(self) -> Balances:
        return {account: self.accounts[account] for account in self.firm_accounts}

    def firm_margin(self) -> Balances:
        return {account: self.margin[account] for account in self.firm_accounts if account in self.margin}


def desk_name(desk: desk_config.DeskConfig) -> str:
    return f"{routes.TRADING_ENGINE}.{desk.name}"


def load_world(path: Path) -> WorldPlan:
    """Read a world. Raises `Problem` for whatever is wrong with its files."""
    top = read_document(path).section(required=WORLD_KEYS, optional=OPTIONAL_WORLD_KEYS)
    reference = read_reference(top)
    venue_nodes = read_venue_nodes(top, routes.EXCHANGE)
    check_several(top, venue_nodes, reference)
    accounts, places = read_places(top["accounts"], venue_nodes, reference)
    limits_path = path_of_limits(path, top["limits"])
    desks = tuple(desk_config.read(node, reference) for node in top["desks"].items())
    check_desks(top["desks"], desks, venue_nodes, places)
    venues = {venue.instance: exchange_config.read(venue.node, reference) for venue in venue_nodes}
    masters = read_sub_accounts(top.get("sub_accounts"), places, accounts_of_venues(venue_nodes))
    custodian = custodian_config.read(top["custodian"], reference, masters)
    custodian_config.check_accounts(top["accounts"], custodian, accounts)
    firm = top["firm"].section(required=("accounts",))
    firm_accounts = tuple(node.word(accounts, "account") for node in firm["accounts"].items())
    limits = risk_config.read(read_document(limits_path), reference, by_venue(firm_accounts, places, list(venues)))
    for venue in venue_nodes:
        check_transfers(top, custodian.transfers, venue.node, venues[venue.instance], limits, accounts)
    check_treasuries(top["desks"], desks, custodian.transfers)
    return WorldPlan(
        name=top["name"].text(),
        title=top["title"].text(),
        start_ns=top["start"].instant_ns(),
        reference=reference,
        accounts=accounts,
        places=places,
        masters=masters,
        margin=read_margin(top.get("margin"), accounts, reference),
        firm_accounts=firm_accounts,
        market_data=market_config.read(top["market_data"], reference),
        venues=venues,
        custodian=custodian,
        desks=desks,
        limits=limits,
        latencies=tuple(read_latency(node, desks) for node in top["network"].items()),
        files={file.name: file.read_text(encoding="utf-8") for file in (path, limits_path)},
    )


def path_of_limits(world: Path, node: Node) -> Path:
    """The file of limits that the world names, relative to its own."""
    path = world.parent / node.text()
    if not path.is_file():
        node.fail_word(
            "no such file:", node.text(), [each.name for each in world.parent.glob("*.yaml") if each != world]
        )
    return path


def accounts_of_venues(venues: list[VenueNode]) -> set[str]:
    return {name for venue in venues for name in own_names(prefix_of(venue.instance))}


def check_several(top: Section, venues: list[VenueNode], reference: ReferenceData) -> None:
    """Raises `Problem` for what only a world with one venue can have."""
    if len(venues) == 1:
        return
    if reference.perpetuals:
        top["perpetuals"].fail("perpetuals are for worlds with one venue")
    if "margin" in top:
        top["margin"].fail("nothing is margined where there are several venues")
    of_one = [key for key, _ in top["custodian"].entries() if key in ("transfers", "netting", "compare_every")]
    if of_one:
        top["custodian"].fail(f"{of_one[0]} is for worlds with one venue")


def by_venue(accounts: tuple[str, ...], places: dict[str, str], venues: list[str]) -> dict[str, tuple[str, ...]]:
    return {venue: tuple(account for account in accounts if places[account] == venue) for venue in venues}


def check_desks(
    node: Node, desks: tuple[desk_config.DeskConfig, ...], venues: list[VenueNode], places: dict[str, str]
) -> None:
    instances = [venue.instance for venue in venues]
    seen: list[str] = []
    for desk, item in zip(desks, node.items(), strict=True):
        if desk.name in seen:
            item.fail(f"a second desk named {desk.name!r}")
        if desk.account not in places:
            item.fail_word("unknown account", desk.account, places)
        if desk.venue not in instances:
            item.fail_word("unknown venue", desk.venue, instances)
        if places[desk.account] != desk.venue:
            item.fail(f"account: {desk.account} lies at {places[desk.account]}, not at {desk.venue}")
        seen.append(desk.name)


def check_transfers(
    top: Section,
    transfers: transfer_config.TransferConfig,
    venue: Node,
    exchange: exchange_config.ExchangeConfig,
    limits: risk_config.Limits,
    accounts: Balances,
) -> None:
    """Raises `Problem` where one side moves assets and the other knows nothing of it."""
    if exchange.custodian not in ("", routes.CUSTODIAN):
        venue.fail(f"custodian: unknown custodian {exchange.custodian!r}; known: {routes.CUSTODIAN}")
    if transfers.offered != (exchange.custodian != ""):
        venue.fail("custodian: is named where the custodian has a section 'transfers', and only there")
    if not transfers.offered:
        return
    if "transfer_overdue" not in limits.rules:
        top["limits"].fail("the limits need 'transfer_overdue', for the custodian takes transfers")
    transfer_config.check_accounts(dict(top["custodian"].entries())["transfers"], transfers, accounts)


def check_treasuries(
    node: Node, desks: tuple[desk_config.DeskConfig, ...], transfers: transfer_config.TransferConfig
) -> None:
    for desk, item in zip(desks, node.items(), strict=True):
        if desk.treasury is None:
            continue
        if not transfers.offered:
            item.fail("treasury: the custodian takes no transfers")
        if desk.treasury.custodian != routes.CUSTODIAN:
            item.fail_word("unknown custodian", desk.treasury.custodian, (routes.CUSTODIAN,))
        owner = transfers.owner(desk.account)
        vaults = [vault for vault in transfers.vaults if transfers.owner(vault) == owner]
        for keep in desk.treasury.keeps:
            if keep.vault not in vaults:
                item.fail_word(f"no vault of {owner}", keep.vault, vaults)
            if keep.bank and keep.bank not in transfers.destinations.get(owner, ()):
                item.fail_word(f"no destination of {owner}", keep.bank, transfers.destinations.get(owner, ()))


def read_latency(node: Node, desks: tuple[desk_config.DeskConfig, ...]) -> Latency:
    section = node.section(required=("latency", "jitter"), optional=("from", "to"))
    known = (*routes.SERVICES, routes.INJECTOR, *(desk_name(desk) for desk in desks))
    return Latency(
        senders=read_services(section.get("from"), known),
        recipients=read_services(section.get("to"), known),
        base_ns=section["latency"].duration_ns(minimum_ns=1_000),
        jitter_ns=section["jitter"].duration_ns(),
    )


def read_services(node: Node | None, known: tuple[str, ...]) -> tuple[str, ...]:
    return () if node is None else tuple(item.word(known, "service") for item in node.items())


def core_builders(plan: WorldPlan, seed: int, recorded: Recorded | None) -> dict[str, Callable[[], Core]]:
    """How to build each simulator and production service of the world, by instance name."""
    reference = plan.reference
    builders: dict[str, Callable[[], Core]] = {
        routes.MARKET_DATA: lambda: MarketData(
            routes.MARKET_DATA, plan.market_data, reference, seed, plan.start_ns, recorded
        ),
        **{venue: venue_builder(venue, plan, seed) for venue in plan.venues},
        routes.CUSTODIAN: lambda: Custodian(
            routes.CUSTODIAN, plan.custodian, reference, plan.accounts, tuple(plan.venues), plan.apart()
        ),
    }
    for desk in plan.desks:
        builders[desk_name(desk)] = desk_builder(desk, reference)
    builders[routes.RISK_MONITOR] = lambda: RiskMonitor(
        routes.RISK_MONITOR,
        plan.limits,
        reference,
        plan.firm_accounts_by_venue(),
        routes.CUSTODIAN,
        plan.desks_of_firm(),
    )
    return builders


def venue_builder(venue: str, plan: WorldPlan, seed: int) -> Callable[[], Core]:
    accounts, masters = plan.accounts_at(venue), plan.masters_at(venue)
    return lambda: Exchange(venue, plan.venues[venue], plan.reference, accounts, seed, plan.margin, masters)


def desk_builder(desk: desk_config.DeskConfig, reference: ReferenceData) -> Callable[[], Core]:
    return lambda: TradingEngine(desk_name(desk), desk, reference)
