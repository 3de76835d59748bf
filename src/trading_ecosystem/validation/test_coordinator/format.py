"""The scenario format, declared once. The reader, the JSON Schema and the documentation all come from here.

Rule 1: there is no expression language. Whatever a scenario can say is a key of one of these tables.
Rule 2: times count from the start of the scenario, unless the words of the key say otherwise.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from trading_ecosystem.messages.risk import Severity
from trading_ecosystem.validation.test_coordinator import conditions, parts
from trading_ecosystem.validation.test_coordinator.conditions import Quantity
from trading_ecosystem.validation.test_coordinator.injection_format import ANY_TIME, INJECTIONS, PART, SOME_TIME
from trading_ecosystem.validation.test_coordinator.kinds import (
    Changes,
    Choice,
    Duration,
    FlagOrDuration,
    Instant,
    Key,
    Kind,
    ListOf,
    Mapped,
    Name,
    Number,
    Schema,
    Share,
    Table,
    Tagged,
    Text,
    Values,
    Whole,
    Word,
)

SCHEMA_ADDRESS = "https://json-schema.org/draft/2020-12/schema"
FAMILIES = (
    "stablecoin",
    "crash",
    "divergence",
    "margin",
    "strategy",
    "settlement",
    "outage",
    "restart",
    "feed",
    "credit",
    "calm",
)
SUSTAIN = Key("for", ANY_TIME, "How long without a break.", "sustain_ns", default="0s")


def condition(quantity: Quantity, make: Callable[..., Any], subject: str, meaning: str, level: Sequence[Key]) -> Table:
    """The table of one quantity. A gap has no level, and must say how long."""
    keys = [Key(quantity.value, Text(), subject, "subject", required=True), *level]
    is_gap = quantity in (*conditions.GAPS, *conditions.SPANS)
    keys.append(Key("for", SOME_TIME, "How long.", "sustain_ns", required=True) if is_gap else SUSTAIN)
    if quantity in conditions.OF_PARTS:
        keys.append(Key("accounts", ListOf(Text()), "The accounts of the firm that alone count; else all.", absent=()))
    groups = [("below", "above")] if quantity is Quantity.PRICE else []
    return Table(f"condition {quantity.value}", meaning, make, keys, groups)


def above(kind: Kind, words: str) -> list[Key]:
    return [Key("above", kind, words, required=True)]


CONDITIONS = {
    "price": condition(
        Quantity.PRICE,
        conditions.price,
        "An instrument.",
        "The middle of bid and ask is at or beyond a price.",
        [Key("below", Number(), "At this price or below."), Key("above", Number(), "At this price or above.")],
    ),
    "deviation": condition(
        Quantity.DEVIATION,
        partial(conditions.share, quantity=Quantity.DEVIATION),
        "A stablecoin.",
        "A stablecoin is away from 1, up or down, by a share or more.",
        above(PART, "By this share or more."),
    ),
    "drawdown": condition(
        Quantity.DRAWDOWN,
        partial(conditions.share, quantity=Quantity.DRAWDOWN),
        "`firm`.",
        "The firm's equity in USD has fallen from its highest by a share or more.",
        above(PART, "By this share or more."),
    ),
    "delta": condition(
        Quantity.DELTA,
        partial(conditions.amount, quantity=Quantity.DELTA),
        "`firm`.",
        "What the firm holds of crypto assets, net and in USD, is at an amount or more, long or short.",
        above(Number(), "USD."),
    ),
    "concentration": condition(
        Quantity.CONCENTRATION,
        partial(conditions.share, quantity=Quantity.CONCENTRATION),
        "An asset, the issuer of one, or `settlement`: what is still on its way to the firm.",
        "An asset's or issuer's share of all that the firm holds, longs and shorts added up, in USD; of `settlement`, "
        "that of what trades and transfers have not brought yet.",
        above(PART, "This share or more."),
    ),
    "position": condition(
        Quantity.POSITION,
        partial(conditions.amount, quantity=Quantity.POSITION),
        "An asset.",
        "What the firm holds of an asset, long or short.",
        above(Number(), "Units of the asset."),
    ),
    "silence": condition(
        Quantity.SILENCE,
        partial(conditions.lasting, quantity=Quantity.SILENCE),
        "A venue.",
        "No heartbeat of a venue came.",
        [],
    ),
    "age": condition(
        Quantity.AGE,
        partial(conditions.lasting, quantity=Quantity.AGE),
        "An instrument.",
        "No quote of an instrument came.",
        [],
    ),
    "unchanged": condition(
        Quantity.UNCHANGED,
        partial(conditions.lasting, quantity=Quantity.UNCHANGED),
        "An instrument.",
        "Nothing new came of an instrument: the same quote under new times, or none.",
        [],
    ),
    "crossed": condition(
        Quantity.CROSSED,
        partial(conditions.lasting, quantity=Quantity.CROSSED),
        "An instrument.",
        "The bid of an instrument is above its ask.",
        [],
    ),
    "lag": condition(
        Quantity.LAG,
        conditions.lag,
        "An instrument.",
        "Quotes of an instrument arrive later than they were true, by a time or more.",
        above(SOME_TIME, "By so much or more."),
    ),
    "divergence": condition(
        Quantity.DIVERGENCE,
        partial(conditions.share, quantity=Quantity.DIVERGENCE),
        "A perpetual, or an instrument whose two assets both have a price in the numeraire.",
        "The middle of an instrument is away from what its assets or its index make of it, by a share or more.",
        above(PART, "By this share or more."),
    ),
    "margin": condition(
        Quantity.MARGIN,
        partial(conditions.share, quantity=Quantity.MARGIN),
        "An account of the firm.",
        "The maintenance margin takes up a share or more of the equity of an account's margin wallet.",
        above(PART, "This share or more."),
    ),
    "volatility": condition(
        Quantity.VOLATILITY,
        conditions.volatility,
        "An instrument.",
        "The realised volatility of an instrument's quotes, as that of a year, is at or above a share.",
        [
            *above(Share("1%", "1000000%"), "At this share or above."),
            Key("over", SOME_TIME, "The time over which it is realised.", "window_ns", default="5m"),
        ],
    ),
    "overdue": condition(
        Quantity.OVERDUE,
        partial(conditions.lasting, quantity=Quantity.OVERDUE),
        "An account of the firm.",
        "A settlement of an account was due, and has not come to its end.",
        [],
    ),
    "halted": condition(
        Quantity.HALTED,
        partial(conditions.lasting, quantity=Quantity.HALTED),
        "An instrument.",
        "The market is halted or in an auction, as the venue says.",
        [],
    ),
    "struck": condition(
        Quantity.STRUCK,
        partial(conditions.lasting, quantity=Quantity.STRUCK),
        "The id of an injection of a venue.",
        "An injection in force has changed something that would have been otherwise, as whoever carries it out says.",
        [],
    ),
    "transfer_overdue": condition(
        Quantity.TRANSFER_OVERDUE,
        partial(conditions.lasting, quantity=Quantity.TRANSFER_OVERDUE),
        "An account of the firm.",
        "A transfer from or to an account was to be completed, and has not come to its end.",
        [],
    ),
    "apart": condition(
        Quantity.APART,
        partial(conditions.share, quantity=Quantity.APART),
        "An instrument at a venue, such as `exchange:BTC/USD`, where the limits watch the books of venues.",
        "The middle of a venue's own book is away from that of the provider's quote by a share or more.",
        above(PART, "By this share or more."),
    ),
    "funding": condition(
        Quantity.FUNDING,
        partial(conditions.amount, quantity=Quantity.FUNDING),
        "`firm`.",
        "What the firm's perpetuals would pay in a day, net, at the rates of now, is at an amount or more.",
        above(Number(), "USD a day."),
    ),
    "injected": condition(
        Quantity.INJECTED,
        partial(conditions.lasting, quantity=Quantity.INJECTED),
        "The id of an injection.",
        "An injection is in force, by its receipts.",
        [],
    ),
    "orders": condition(
        Quantity.ORDERS,
        partial(conditions.count, quantity=Quantity.ORDERS),
        "An account of the firm.",
        "What an account asked of its venue within a time, by the venue's answers: orders, cancels and amendments.",
        [
            *above(Whole(1, 1_000_000), "So many or more."),
            Key("over", SOME_TIME, "Within this time.", "window_ns", default="1s"),
        ],
    ),
    "denied": condition(
        Quantity.DENIED,
        partial(conditions.count, quantity=Quantity.DENIED),
        "An account of the firm.",
        "What the checks of an account's own desk held back within a time; no venue has seen any of it.",
        [
            *above(Whole(1, 1_000_000), "So many or more."),
            Key("over", SOME_TIME, "Within this time.", "window_ns", default="1s"),
        ],
    ),
    "killed": condition(
        Quantity.KILLED,
        partial(conditions.lasting, quantity=Quantity.KILLED),
        "An account of the firm.",
        "The kill switch of the desk that trades with an account is engaged, as the desk says.",
        [],
    ),
}
CONDITION = Choice("one of the [conditions](#conditions)", CONDITIONS)

HOLD = Key("hold", ListOf(Word("probe", parts.Probe)), "The probes.", required=True)
RULE = Key("alert", Text(), "The rule: its name in the limits of the world.", "rule", required=True)
SEVERITY = Word("severity", Severity)

STEADY_STATE = Table(
    "steady state",
    "What holds from the start until the first injection; if it does not, nothing was tested.",
    parts.SteadyState,
    [Key("for", SOME_TIME, "How long it is watched.", "for_ns", required=True), HOLD],
)
EXPECTATION = Table(
    "expectation",
    "An alert that is owed when a condition comes true.",
    parts.Expectation,
    [
        RULE,
        Key("subject", Text(), "What the alert is about.", required=True),
        Key("severity", SEVERITY, "How serious.", required=True),
        Key("when", CONDITION, "What makes the alert due.", required=True),
        Key("within", SOME_TIME, "The time allowed once the condition has lasted.", "within_ns", required=True),
        Key("episodes", Whole(1, 1_000), "How often the alert fires in all; otherwise once or more."),
        Key("resolved", FlagOrDuration(), "It is resolved by the end, or so soon after the breach.", "resolved_ns"),
    ],
)
PATTERN = Table(
    "alert pattern",
    "Alerts of a rule; of all subjects and severities unless named.",
    parts.AlertPattern,
    [RULE, Key("subject", Text(), "What the alert is about."), Key("severity", SEVERITY, "How serious.")],
)
ROLLBACK = Table(
    "rollback",
    "Undoes injections.",
    parts.Rollback,
    [
        Key("restore", Text(), "The id of an injection, or a kind such as `price.drift` for all of it.", required=True),
        Key("at", SOME_TIME, "When; otherwise as the scenario ends.", "at_ns"),
        Key("over", ANY_TIME, "How long a price takes to go back.", "over_ns", default="0s"),
    ],
)
RECOVERY = Table(
    "recovery",
    "What holds again after the last fault was undone.",
    parts.Recovery,
    [Key("within", SOME_TIME, "How soon.", "within_ns", required=True), HOLD],
)
REPLAY = Table(
    "replay",
    "Which recorded prices take the place of injected ones, when the run is given a folder of them.",
    parts.Replay,
    [
        Key("from", Instant(), "The first moment; the scenario then starts here.", "from_ns"),
        Key("until", Instant(), "The last moment; the scenario then ends here.", "until_ns"),
        Key("symbols", Mapped("mapping of file to instrument"), "What each file holds.", absent=()),
        Key("columns", Mapped("mapping of field to column"), "What the columns of the files are called.", absent=()),
        Key(
            "prices",
            Word("word", ["replaced", "overlaid"]),
            "Whether injected prices give way to the recorded ones, or are laid over them.",
            default="replaced",
        ),
    ],
)
BOUNDARY = Table(
    "boundary",
    "The scenario once more, changed so that it stays just under its critical limits, and so that it goes just over.",
    parts.Boundary,
    [
        Key("under", Changes(), "So changed, no critical alert that is expected fires.", required=True),
        Key("over", Changes(), "So changed, all expected alerts fire in time; otherwise as written.", absent=()),
        Key(
            "of",
            ListOf(Text()),
            "Whose limits these are; otherwise of all that are expected.",
            absent=(),
        ),
        Key("limit", CONDITION, "By what it is measured how near the limit is, if not by `when` of the alerts."),
    ],
)


def scenario(node: object, **values: Any) -> Values:
    return values


SCENARIO = Table(
    "scenario",
    "A story that can be run: what is normal, what is broken, what must be noticed, how it is put right.",
    scenario,
    [
        Key("name", Name(), "Short, and the same as the file's.", required=True),
        Key("title", Text(), "One line.", required=True),
        Key("story", Text(), "A paragraph: what happens and why it matters.", required=True),
        Key("incident", Name(), "What the real event is called, such as `usdc-2023-03`."),
        Key(
            "sources",
            ListOf(Text()),
            "Where the facts of the story are from: addresses, or `measured:` and what was.",
            absent=(),
        ),
        Key("family", Word("family", FAMILIES), "What kind of failure.", required=True),
        Key("severity", SEVERITY, "How serious it is not to notice.", required=True),
        Key("world", Text(), "The world: instruments, accounts, strategies, limits, prices.", required=True),
        Key("duration", Duration(60_000_000_000), "How long in all.", "duration_ns", required=True),
        Key("start", Instant(), "When it begins; otherwise as the world says.", "start_ns"),
        Key("seed", Whole(0, 1 << 31), "The seed, unless the run is given one.", default="1"),
        Key(
            "quotes_every",
            Duration(1_000_000),
            "How often prices come, if not as the world says.",
            "quotes_every_ns",
        ),
        Key("replay", REPLAY, "Recorded prices."),
        Key("steady_state", STEADY_STATE, "What is normal.", required=True),
        Key(
            "method",
            ListOf(Tagged("one of the [injections](#injections)", "injection", "inject", INJECTIONS)),
            "What is injected.",
            absent=(),
        ),
        Key(
            "effect",
            ListOf(CONDITION),
            "What must be seen of the injections, or nothing was tested.",
            absent=(),
        ),
        Key("expect", ListOf(EXPECTATION), "The alerts that are owed.", absent=()),
        Key("allow", ListOf(PATTERN), "Alerts that may come as well.", absent=()),
        Key("forbid", ListOf(PATTERN), "Alerts that must not come. All others are false alarms too.", absent=()),
        Key("rollbacks", ListOf(ROLLBACK), "How the injections are undone.", absent=()),
        Key("recovery", RECOVERY, "What holds again afterwards."),
        Key("boundary", BOUNDARY, "Runs on either side of the limits."),
    ],
)


def json_schema() -> Schema:
    """The format as JSON Schema, draft 2020-12, for editors and other tools."""
    tables = {table.anchor: table for table in SCENARIO.tables()}
    return {
        "$schema": SCHEMA_ADDRESS,
        "title": "A scenario of the trading ecosystem",
        **SCENARIO.definition(),
        "$defs": {anchor: table.definition() for anchor, table in tables.items() if table is not SCENARIO},
    }


def documentation() -> str:
    """The format's tables as Markdown."""
    ordinary = [table for table in SCENARIO.tables() if table not in [*INJECTIONS.values(), *CONDITIONS.values()]]
    unique = {table.name: table for table in ordinary}
    pages = [table_page(table, "##") for table in unique.values()]
    pages += ["## Injections\n", *(table_page(table, "###") for table in INJECTIONS.values())]
    pages += ["## Conditions\n", *(table_page(table, "###") for table in CONDITIONS.values())]
    return "\n".join(pages)


def table_page(table: Table, heading: str) -> str:
    groups = "".join(f" Exactly one of {' and '.join(f'`{key}`' for key in group)}." for group in table.exactly_one)
    lines = [f"{heading} {table.name}\n", f"{table.meaning}{groups}\n", "| key | what it holds | needed | meaning |"]
    lines.append("|---|---|---|---|")
    for key in table.keys:
        needed = "yes" if key.required else f"default `{key.default}`" if key.default else "no"
        lines.append(f"| `{key.name}` | {key.kind.words} | {needed} | {key.words} |")
    return "\n".join(lines) + "\n"
