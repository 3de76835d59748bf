"""The limits of a firm, read from the file that its risk officer writes.

Rule 1: every figure is an exact integer in the unit of its rule: minor units, parts per million or nanoseconds.
Rule 2: a figure is in breach at its level and above; it has recovered below `resolves`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypedDict

from trading_ecosystem.configuration.document import Node, Section
from trading_ecosystem.messages.risk import Severity
from trading_ecosystem.reference import Asset, AssetKind, ReferenceData

MILLION = 1_000_000
SECOND_NS = 1_000_000_000
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
OF_PERPETUALS = ("basis_divergence", "margin_buffer")  # Optional: a firm without them has no such limit.
OF_DESKS = ("order_rate", "kill_switch")  # Optional too.
WINDOWS_NS = {"second": SECOND_NS, "minute": 60 * SECOND_NS}
MOST_ORDERS = 1_000_000
OF_SOURCES = ("price_outlier", "crossed_book", "unchanged_data")  # Optional too.
OF_FUNDING = ("funding_cost",)  # Optional.
OF_BALANCES = ("balance_sanity", "ask_venue_every")  # Both or none.
TIMES = (
    "report_every",
    "reconcile_every",
    "ask_custodian_every",
    "ask_again_after",
    "resolves_after",
    "fires_at_most_every",
)
Read = Callable[[Node], int]


@dataclass(frozen=True, kw_only=True)
class Level:
    """A breach at `at` and above that lasts `for_ns` fires; the alert resolves below `resolves`."""

    at: int
    for_ns: int
    resolves: int


@dataclass(frozen=True, kw_only=True)
class Levels:
    """The two levels of one rule for one subject; at least one is there."""

    warning: Level | None
    critical: Level | None


@dataclass(frozen=True, kw_only=True)
class Limits:
    """All limits of a firm, and how often its monitor speaks and asks."""

    position_limit: dict[str, Levels]  # By asset, in minor units of the asset.
    pnl_drawdown: Levels  # Share of the high-water mark, in ppm.
    delta_exposure: Levels  # Minor units of the numeraire.
    concentration_assets: dict[str, Levels]  # By asset: share of gross wealth, in ppm.
    concentration_issuers: dict[str, Levels]  # By issuer: share of gross wealth, in ppm.
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
    basis_divergence: dict[str, Levels] = field(default_factory=dict)  # By perpetual: distance from its index, in ppm.
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

    @property
    def about_desks(self) -> bool:
        return bool(self.order_rates) or self.kill_switch is not None

    @property
    def watches_books(self) -> bool:
        """Whether the monitor has to hear the books of venues."""
        return len(self.price_outlier) > 0 or self.crossed_book is not None


class OfDesks(TypedDict, total=False):
    order_rates: dict[str, Levels]
    kills: bool
    kill_switch: Levels


def read(node: Node, reference: ReferenceData) -> Limits:
    """The limits in a document. Raises `Problem` for the first mistake."""
    optional = (*OF_PERPETUALS, "transfer_overdue", *OF_SOURCES, *OF_BALANCES, *OF_FUNDING, *OF_DESKS)
    document = node.section(required=(*RULES, *TIMES), optional=optional)
    bases, buffer = document.get("basis_divergence"), document.get("margin_buffer")
    transfer_overdue = document.get("transfer_overdue")
    outlier, crossed = document.get("price_outlier"), document.get("crossed_book")
    sanity = document.get("balance_sanity")
    if (sanity is None) != ("ask_venue_every" not in document):
        node.fail("balance_sanity and ask_venue_every are given together or not at all")
    concentration = document["concentration"].section(required=("assets", "issuers"))
    return Limits(
        position_limit=read_positions(document["position_limit"], reference),
        pnl_drawdown=read_levels(document["pnl_drawdown"], read_share),
        delta_exposure=read_levels(document["delta_exposure"], amount_of(reference.assets[reference.numeraire])),
        concentration_assets=read_named(concentration["assets"], owned_assets(reference), "asset"),
        concentration_issuers=read_named(concentration["issuers"], issuers(reference), "issuer"),
        peg_deviation=read_named(document["peg_deviation"], pegged_assets(reference), "stablecoin"),
        venue_down=read_silence(document["venue_down"]),
        stale_data=read_silence(document["stale_data"]),
        settlement_overdue=read_silence(document["settlement_overdue"]),
        reconciliation_break=read_silence(document["reconciliation_break"]),
        transfer_overdue=None if transfer_overdue is None else read_silence(transfer_overdue),
        report_every_ns=read_time(document, "report_every"),
        reconcile_every_ns=read_time(document, "reconcile_every"),
        ask_custodian_every_ns=read_time(document, "ask_custodian_every"),
        ask_again_after_ns=read_time(document, "ask_again_after"),
        resolves_after_ns=read_time(document, "resolves_after"),
        fires_at_most_every_ns=read_time(document, "fires_at_most_every"),
        basis_divergence=read_named(bases, list(reference.perpetuals), "perpetual") if bases else {},
        margin_buffer=read_levels(buffer, read_share) if buffer else None,
        price_outlier=read_named(outlier, list(reference.instruments), "instrument") if outlier else {},
        crossed_book=read_lasting(crossed) if crossed else None,
        unchanged_data_ns=read_time(document, "unchanged_data") if "unchanged_data" in document else None,
        balance_sanity=read_lasting(sanity) if sanity else None,
        ask_venue_every_ns=read_time(document, "ask_venue_every") if sanity else None,
        funding_cost=read_funding(document.get("funding_cost"), reference),
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
    if "kill_switch" in document:
        severity = document["kill_switch"].word(Severity, "severity")
        engaged = Level(at=1, for_ns=0, resolves=1)
        is_critical = severity == Severity.CRITICAL
        found["kill_switch"] = Levels(
            warning=None if is_critical else engaged, critical=engaged if is_critical else None
        )
    return found


def read_count(node: Node) -> int:
    return node.integer(1, MOST_ORDERS)


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


def read_named(node: Node, known: list[str], what: str) -> dict[str, Levels]:
    check_names(node, known, what)
    return {name: read_levels(levels, read_share) for name, levels in node.entries()}


def check_names(node: Node, known: list[str], what: str) -> None:
    for name, levels in node.entries():
        if name not in known:
            levels.fail_word(f"unknown {what}", name, known)


def read_levels(node: Node, read_figure: Read) -> Levels:
    section = node.section(required=("warning", "critical"))
    warning = read_level(section["warning"], read_figure)
    critical = read_level(section["critical"], read_figure)
    if critical.at <= warning.at:
        section["critical"].fail("the critical level must be above the warning level")
    return Levels(warning=warning, critical=critical)


def read_level(node: Node, read_figure: Read) -> Level:
    section = node.section(required=("at",), optional=("for", "resolves"))
    at = read_figure(section["at"])
    for_ns = section["for"].duration_ns() if "for" in section else 0
    resolves = read_figure(section["resolves"]) if "resolves" in section else at
    if resolves > at:
        section["resolves"].fail("an alert cannot resolve above the level at which it fires")
    return Level(at=at, for_ns=for_ns, resolves=resolves)


def read_silence(node: Node) -> Levels:
    """Levels of a rule whose figure is itself a time, such as `warning: 10s`."""
    section = node.section(optional=("warning", "critical"))
    warning, critical = silence_level(section, "warning"), silence_level(section, "critical")
    if warning is None and critical is None:
        node.fail("a warning or a critical level is expected here")
    if warning is not None and critical is not None and critical.at <= warning.at:
        section["critical"].fail("the critical level must be above the warning level")
    return Levels(warning=warning, critical=critical)


def silence_level(section: Section, severity: str) -> Level | None:
    if severity not in section:
        return None
    at = section[severity].duration_ns(minimum_ns=SECOND_NS)
    return Level(at=at, for_ns=0, resolves=at)


def read_funding(node: Node | None, reference: ReferenceData) -> Levels | None:
    if node is not None and not reference.perpetuals:
        node.fail("there are no perpetuals in this world")
    return read_levels(node, amount_of(reference.assets[reference.numeraire])) if node else None


def read_lasting(node: Node) -> Levels:
    """Levels of a rule whose figure is there or not, such as `warning: 2s`: how long it must have been there."""
    levels = read_silence(node)
    return Levels(warning=lasting(levels.warning), critical=lasting(levels.critical))


def lasting(level: Level | None) -> Level | None:
    return None if level is None else Level(at=1, for_ns=level.at, resolves=1)


def read_share(node: Node) -> int:
    share_ppm = node.fraction_ppm()
    if not 0 < share_ppm < MILLION:
        node.fail(f"{node.text()} is not above 0% and below 100%")
    return share_ppm


def amount_of(asset: Asset) -> Read:
    def read_amount(node: Node) -> int:
        amount = node.positive()
        try:
            return asset.to_minor(amount)
        except ValueError:
            node.fail(f"{amount} is finer than the smallest unit of {asset.name}")

    return read_amount


def read_time(document: Section, key: str) -> int:
    return document[key].duration_ns(minimum_ns=SECOND_NS)
