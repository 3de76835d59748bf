"""The limits of a firm, read from the file that its risk officer writes."""

from dataclasses import dataclass, field
from typing import TypedDict

from trading_ecosystem.configuration.document import Node, Section
from trading_ecosystem.messages.risk import AlertRule, Severity
from trading_ecosystem.production.risk_monitor.levels import (
    SECOND_NS,
    Level,
    Levels,
    amount_of,
    check_names,
    given,
    read_count,
    read_counts,
    read_duration,
    read_lasting,
    read_levels,
    read_named,
    read_shares,
    read_silence,
)
from trading_ecosystem.reference import AssetKind, ReferenceData

RULES = (
    "position_limit",
    "pnl_drawdown",
    "delta_exposure",
    "concentration",
    "peg_deviation",
    "venue_down",
    "stale_data",
    "settlement_overdue",
    "reconciliation_break",
)
TIMES = (
    "report_every",
    "reconcile_every",
    "ask_custodian_every",
    "ask_again_after",
    "resolves_after",
    "fires_at_most_every",
)
# All these are optional: a firm without perpetuals, or without a second venue, has no such limit.
OF_PERPETUALS = ("basis_divergence", "margin_buffer", "funding_cost")
OF_DESKS = ("order_rate", "repeated_execution", "kill_switch")
OF_DENIALS = (AlertRule.PRICE_COLLAR, AlertRule.MAX_ORDER_VALUE, AlertRule.DUPLICATE_ORDER)
OF_SOURCES = ("price_outlier", "crossed_book", "unchanged_data", "systemic_venue")
OF_BALANCES = ("balance_sanity", "ask_venue_every")  # Both or none.
OF_PEOPLE = ("alert_escalation", "own_heartbeat")
OF_ACCOUNTS = ("accounts",)
OPTIONAL = (
    *OF_PERPETUALS,
    *OF_DESKS,
    *(rule.value for rule in OF_DENIALS),
    *OF_SOURCES,
    *OF_BALANCES,
    *OF_PEOPLE,
    *OF_ACCOUNTS,
    "transfer_overdue",
)
WINDOWS_NS = {"second": SECOND_NS, "minute": 60 * SECOND_NS}


@dataclass(frozen=True, kw_only=True)
class AccountLimits:
    """What one account may have and lose, of the firm's limits the part that is its own."""

    position_limit: dict[str, Levels]  # By asset, in minor units of the asset.
    pnl_drawdown: Levels | None  # Share of the account's own high-water mark, in ppm.
    delta_exposure: Levels | None  # Minor units of the numeraire.


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a critical alert may fire before somebody answers for it, and how long such an answer is good for."""

    unacknowledged_ns: int
    acknowledged_ns: int


@dataclass(frozen=True, kw_only=True)
class Limits:
    """All limits of a firm, and how often its monitor speaks and asks."""

    position_limit: dict[str, Levels]  # By asset, in minor units of the asset.
    pnl_drawdown: Levels  # Share of the high-water mark, in ppm.
    delta_exposure: Levels  # Minor units of the numeraire.
    concentration_assets: dict[str, Levels]  # By asset: share of gross wealth, in ppm.
    concentration_issuers: dict[str, Levels]  # By issuer: share of gross wealth, in ppm.
    concentration_venues: dict[str, Levels] = field(default_factory=dict)  # By venue: share of gross wealth, in ppm.
    peg_deviation: dict[str, Levels]  # By stablecoin: distance from one, in ppm.
    venue_down: Levels  # Time without a heartbeat, in ns.
    stale_data: Levels  # Age of an instrument's last quote, in ns.
    settlement_overdue: Levels  # Time since a settlement was due, in ns.
    reconciliation_break: Levels  # Time that custody's and the venue's books have differed, in ns.
    transfer_overdue: Levels | None = None  # Time since a transfer was to be completed, in ns; None: none are watched.
    report_every_ns: int
    reconcile_every_ns: int
    ask_custodian_every_ns: int
    ask_again_after_ns: int
    resolves_after_ns: int
    fires_at_most_every_ns: int
    basis_divergence: dict[str, Levels] = field(default_factory=dict)  # By perpetual or cross: in ppm.
    margin_buffer: Levels | None = None  # Share of an account's margin equity that is needed, in ppm.
    order_rates: dict[str, Levels] = field(default_factory=dict)  # By window: answers of the venue to an account.
    kills: bool = False  # Whether a desk is stopped when an order rate is critical.
    kill_switch: Levels | None = None  # 1 while a desk's kill switch is engaged; None: nobody is told.
    price_outlier: dict[str, Levels] = field(default_factory=dict)  # By instrument: distance from the others, in ppm.
    crossed_book: Levels | None = None  # Ticks by which a bid is at its ask or above, from one on.
    unchanged_data_ns: int | None = None  # How long a side of a quote may stay the same; None: for ever.
    balance_sanity: Levels | None = None  # Assets of which the venue reports another balance, from one on.
    ask_venue_every_ns: int | None = None
    funding_cost: Levels | None = None  # What perpetuals would pay in a day, in minor units of the numeraire.
    denials: dict[AlertRule, Levels] = field(default_factory=dict)  # Orders that a desk held back within a minute.
    repeated_execution: Levels | None = None  # Fills of an account on one side of an instrument within a minute.
    systemic_venue: Levels | None = None  # Venues that are silent at once.
    kills_all: bool = False  # Whether every desk is stopped when so many are that it is critical.
    patience: Patience | None = None  # None: nobody is called.
    own_heartbeat: Levels | None = None  # Time without the monitor, in ns.
    accounts: dict[str, AccountLimits] = field(default_factory=dict)  # Of single accounts.

    @property
    def about_desks(self) -> bool:
        """Whether the monitor has to hear the desks."""
        return len(self.order_rates) + len(self.denials) > 0 or self.kill_switch is not None or self.kills_all

    @property
    def escalation(self) -> Levels | None:
        """Of the alert that calls for somebody else, in ns without an answer."""
        if self.patience is None:
            return None
        at_ns = self.patience.unacknowledged_ns
        return Levels(warning=None, critical=Level(at=at_ns, for_ns=0, resolves=at_ns))

    @property
    def watches_books(self) -> bool:
        """Whether the monitor has to hear the books of venues."""
        return len(self.price_outlier) > 0 or self.crossed_book is not None


class OfDesks(TypedDict, total=False):
    order_rates: dict[str, Levels]
    kills: bool
    kill_switch: Levels
    repeated_execution: Levels
    denials: dict[AlertRule, Levels]


def read(node: Node, reference: ReferenceData, venues: dict[str, tuple[str, ...]]) -> Limits:
    """The limits in a document. `venues`: the firm's accounts at each. Raises `Problem` for the first mistake."""
    document = node.section(required=(*RULES, *TIMES), optional=OPTIONAL)
    bases, outlier = document.get("basis_divergence"), document.get("price_outlier")
    if ("balance_sanity" in document) != ("ask_venue_every" in document):
        node.fail("balance_sanity and ask_venue_every are given together or not at all")
    concentration = document["concentration"].section(required=("assets", "issuers"), optional=("venues",))
    of_venues = concentration.get("venues")
    return Limits(
        position_limit=read_positions(document["position_limit"], reference),
        pnl_drawdown=read_shares(document["pnl_drawdown"]),
        delta_exposure=read_levels(document["delta_exposure"], amount_of(reference.assets[reference.numeraire])),
        concentration_assets=read_named(concentration["assets"], owned_assets(reference), "asset"),
        concentration_issuers=read_named(concentration["issuers"], issuers(reference), "issuer"),
        concentration_venues=read_named(of_venues, list(venues), "venue") if of_venues else {},
        peg_deviation=read_named(document["peg_deviation"], pegged_assets(reference), "stablecoin"),
        venue_down=read_silence(document["venue_down"]),
        stale_data=read_silence(document["stale_data"]),
        settlement_overdue=read_silence(document["settlement_overdue"]),
        reconciliation_break=read_silence(document["reconciliation_break"]),
        transfer_overdue=given(document, "transfer_overdue", read_silence),
        report_every_ns=read_duration(document["report_every"]),
        reconcile_every_ns=read_duration(document["reconcile_every"]),
        ask_custodian_every_ns=read_duration(document["ask_custodian_every"]),
        ask_again_after_ns=read_duration(document["ask_again_after"]),
        resolves_after_ns=read_duration(document["resolves_after"]),
        fires_at_most_every_ns=read_duration(document["fires_at_most_every"]),
        basis_divergence=read_named(bases, with_basis(reference), "perpetual or cross") if bases else {},
        margin_buffer=given(document, "margin_buffer", read_shares),
        price_outlier=read_named(outlier, list(reference.instruments), "instrument") if outlier else {},
        crossed_book=given(document, "crossed_book", read_lasting),
        unchanged_data_ns=given(document, "unchanged_data", read_duration),
        balance_sanity=given(document, "balance_sanity", read_lasting),
        ask_venue_every_ns=given(document, "ask_venue_every", read_duration),
        funding_cost=given(document, "funding_cost", lambda node: read_funding(node, reference)),
        systemic_venue=given(document, "systemic_venue", lambda node: read_systemic(node, list(venues))),
        kills_all=given(document, "systemic_venue", read_kill) or False,
        patience=given(document, "alert_escalation", read_patience),
        own_heartbeat=given(document, "own_heartbeat", read_silence),
        accounts=given(document, "accounts", lambda node: read_accounts(node, reference, venues)) or {},
        **of_desks(document),
    )


def of_desks(document: Section) -> OfDesks:
    """The limits on what desks do."""
    found: OfDesks = {}
    if "order_rate" in document:
        section = document["order_rate"].section(optional=(*WINDOWS_NS, "kill"))
        windows = [window for window in WINDOWS_NS if window in section]
        if not windows:
            document["order_rate"].fail(f"one of {' and '.join(WINDOWS_NS)} is needed")
        found["order_rates"] = {window: read_levels(section[window], read_count) for window in windows}
        found["kills"] = "kill" in section and section["kill"].flag()
    if "repeated_execution" in document:
        found["repeated_execution"] = read_counts(document["repeated_execution"])
    found["denials"] = {rule: read_counts(document[rule.value]) for rule in OF_DENIALS if rule.value in document}
    if "kill_switch" in document:
        severity = document["kill_switch"].word(Severity, "severity")
        engaged = Level(at=1, for_ns=0, resolves=1)
        is_critical = severity == Severity.CRITICAL
        found["kill_switch"] = Levels(
            warning=None if is_critical else engaged, critical=engaged if is_critical else None
        )
    return found


def with_basis(reference: ReferenceData) -> list[str]:
    """What has two prices: perpetuals, and pairs whose assets both have one in the numeraire."""
    crosses = [
        symbol
        for symbol, pair in reference.instruments.items()
        if all(f"{asset}/{reference.numeraire}" in reference.instruments for asset in (pair.base, pair.quote))
    ]
    return [*reference.perpetuals, *crosses]


def owned_assets(reference: ReferenceData) -> list[str]:
    return [name for name in reference.assets if name != reference.numeraire]


def issuers(reference: ReferenceData) -> list[str]:
    return sorted({asset.issuer for asset in reference.assets.values() if asset.issuer})


def pegged_assets(reference: ReferenceData) -> list[str]:
    """The stablecoins that have a price in the numeraire."""
    return [
        asset.name
        for asset in reference.assets.values()
        if asset.kind is AssetKind.STABLECOIN and f"{asset.name}/{reference.numeraire}" in reference.instruments
    ]


def read_positions(node: Node, reference: ReferenceData) -> dict[str, Levels]:
    check_names(node, list(reference.assets), "asset")
    return {name: read_levels(levels, amount_of(reference.assets[name])) for name, levels in node.entries()}


def read_funding(node: Node, reference: ReferenceData) -> Levels:
    if not reference.perpetuals:
        node.fail("there are no perpetuals in this world")
    return read_levels(node, amount_of(reference.assets[reference.numeraire]))


def read_systemic(node: Node, venues: list[str]) -> Levels:
    levels = read_counts(node, "kill")
    if len(venues) < 2:
        node.fail("the firm has accounts at one venue only")
    for level in (levels.warning, levels.critical):
        if level is not None and not 2 <= level.at <= len(venues):
            node.fail(f"{level.at} venues of {len(venues)}: from 2 on it is more than one venue's trouble")
    return levels


def read_kill(node: Node) -> bool:
    section = node.section(optional=("warning", "critical", "kill"))
    kills = "kill" in section and section["kill"].flag()
    if kills and "critical" not in section:
        section["kill"].fail("without a critical level nothing is ever stopped")
    return kills


def read_patience(node: Node) -> Patience:
    section = node.section(required=("unacknowledged", "acknowledged"))
    return Patience(
        unacknowledged_ns=read_duration(section["unacknowledged"]),
        acknowledged_ns=read_duration(section["acknowledged"]),
    )


def read_accounts(node: Node, reference: ReferenceData, venues: dict[str, tuple[str, ...]]) -> dict[str, AccountLimits]:
    check_names(node, [account for accounts in venues.values() for account in accounts], "account")
    return {account: read_account(each, reference) for account, each in node.entries()}


def read_account(node: Node, reference: ReferenceData) -> AccountLimits:
    section = node.section(optional=("position_limit", "pnl_drawdown", "delta_exposure"))
    money = amount_of(reference.assets[reference.numeraire])
    return AccountLimits(
        position_limit=given(section, "position_limit", lambda each: read_positions(each, reference)) or {},
        pnl_drawdown=given(section, "pnl_drawdown", read_shares),
        delta_exposure=given(section, "delta_exposure", lambda each: read_levels(each, money)),
    )
