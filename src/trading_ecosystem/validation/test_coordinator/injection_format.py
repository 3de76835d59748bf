"""What a scenario may inject: a table for each kind. Part of the format that `format.py` declares.

Rule 1: every injection has its undo, and says in its table which.
"""

from collections.abc import Callable, Sequence
from typing import Any

from trading_ecosystem.messages.chaos import OUTFLOW, CustodyFault, FeedFault, LinkFault, ServiceFault, VenueFault
from trading_ecosystem.validation.test_coordinator import injections
from trading_ecosystem.validation.test_coordinator.conditions import EXCHANGE
from trading_ecosystem.validation.test_coordinator.kinds import (
    Duration,
    Key,
    ListOf,
    Number,
    Share,
    Table,
    Text,
    Whole,
    Word,
)

ANY_TIME = Duration(0)
SOME_TIME = Duration(1)
SYMBOL = Text()
PART = Share("0.0001%", "100%")


def injection(kind: str, meaning: str, make: Callable[..., Any], keys: Sequence[Key]) -> Table:
    common = [
        Key("at", ANY_TIME, "When.", "at_ns", required=True),
        Key("inject", Word("injection", [kind]), "What.", "kind", required=True),
        Key("id", Text(), "A name of its own; otherwise the kind and a number.", "injection_id", absent=""),
        Key("for", SOME_TIME, "Undone after so long. Without it a rollback must undo it.", "for_ns"),
    ]
    return Table(kind, f"{meaning} Its undo is `{injections.UNDO_WORDS[kind]}`.", make, [*common, *keys])


def link(fault: LinkFault, meaning: str, *own: Key) -> Table:
    services = ListOf(Text())
    keys = [
        Key("from", services, "The sending services, by role or by instance.", "senders", required=True),
        Key("to", services, "The receiving services.", "recipients", required=True),
        *own,
    ]
    return injection(f"network.{fault.value}", meaning, injections.network_fault, keys)


def running(fault: ServiceFault, meaning: str, *own: Key) -> Table:
    service = Key("service", Text(), "The instance.", required=True)
    return injection(fault.value, meaning, injections.RunningFault, [service, *own])


def of_instruments(kind: str, meaning: str, make: Callable[..., Any], *own: Key) -> Table:
    """An injection into one instrument or several."""
    table = injection(kind, meaning, make, [INSTRUMENT, INSTRUMENTS, *own])
    table.exactly_one = (("instrument", "instruments"),)
    return table


def disturbance(fault: FeedFault, meaning: str, *own: Key) -> Table:
    return of_instruments(fault.value, meaning, injections.feed, *own)


def settlement(fault: CustodyFault, meaning: str, *own: Key) -> Table:
    return injection(fault.value, meaning, injections.SettlementFault, [WHOSE_LEDGER, *own])


def venue(fault: VenueFault, meaning: str, *own: Key, make: Callable[..., Any] = injections.VenueDisturbance) -> Table:
    exchange = Key("venue", Text(), "The instance; among several it has to be named.", default=EXCHANGE)
    return injection(fault.value, meaning, make, [exchange, *own])


WHOSE_LEDGER = Key("custodian", Text(), "The instance.", default=injections.CUSTODIAN)
OF_CONNECTIONS = "Live only: where messages have no connections, it is refused."
INSTRUMENT = Key("instrument", SYMBOL, "One instrument.")
INSTRUMENTS = Key("instruments", ListOf(SYMBOL), "Several instruments.")
CHANGE = Share("-99%", "900%")
ACCOUNT = Key("account", Text(), "Whose; otherwise everybody's.", absent="")
MARKETS = Key("instruments", ListOf(SYMBOL), "Which markets; otherwise all.", "symbols", absent=())
PERPETUALS = Key("instruments", ListOf(SYMBOL), "Which perpetuals; otherwise all.", "symbols", absent=())
CHANCE = Key("probability", PART, "Of each message.", "probability_ppm", required=True)
DRIFT = injection(
    "price.drift",
    "The price goes in a straight line to a price, or by a share of what it was.",
    injections.drift,
    [
        Key("instrument", SYMBOL, "One instrument."),
        INSTRUMENTS,
        Key("to", Number(), "The price at the end."),
        Key("by", Share("-99%", "900%"), "The change from the price at the start."),
        Key("over", SOME_TIME, "How long it takes.", "over_ns", required=True),
    ],
)
DRIFT.exactly_one = (("instrument", "instruments"), ("to", "by"))
GAP = of_instruments(
    "price.gap",
    "The price is elsewhere from one quote to the next, and goes on from there.",
    injections.gap,
    Key("to", Number(), "The price."),
    Key("by", CHANGE, "The change."),
)
GAP.exactly_one = (("instrument", "instruments"), ("to", "by"))
LEG = Table(
    "leg",
    "A part of the way down, or up.",
    injections.leg,
    [
        Key("to", Number(), "The price at its end, in quote units.", required=True),
        Key("over", SOME_TIME, "How long it takes.", "over_ns", required=True),
        Key("hold", ANY_TIME, "How long the price then stays there.", "hold_ns", default="0s"),
    ],
)
INJECTIONS = {
    table.name: table
    for table in (
        DRIFT,
        injection(
            "price.crash",
            "The prices fall together.",
            injections.crash,
            [
                Key("instruments", ListOf(SYMBOL), "The instruments.", required=True),
                Key("by", Share("-99%", "-0.0001%"), "The change, below zero.", required=True),
                Key("over", SOME_TIME, "How long the fall takes.", "over_ns", required=True),
                Key("recover_to", Share("-99%", "100%"), "Afterwards: the change that stays."),
                Key("recover_over", SOME_TIME, "How long that takes.", "recover_over_ns"),
            ],
        ),
        injection(
            "price.rally",
            "The prices rise together.",
            injections.rally,
            [
                Key("instruments", ListOf(SYMBOL), "The instruments.", required=True),
                Key("by", Share("0.0001%", "900%"), "The change, above zero.", required=True),
                Key("over", SOME_TIME, "How long the rise takes.", "over_ns", required=True),
                Key("fall_back_to", CHANGE, "Afterwards: the change that stays."),
                Key("fall_back_over", SOME_TIME, "How long that takes.", "fall_back_over_ns"),
            ],
        ),
        GAP,
        of_instruments(
            "price.revert",
            "The price is moved by a share, and what is left of the move halves again and again.",
            injections.revert,
            Key("by", CHANGE, "The change from the price at the start.", required=True),
            Key("over", SOME_TIME, "How long the move takes.", "over_ns", required=True),
            Key("half_life", SOME_TIME, "How long half of it takes to die away.", "half_life_ns", required=True),
        ),
        injection(
            "price.depeg",
            "A stablecoin leaves its peg, in legs.",
            injections.depeg,
            [
                Key("instrument", SYMBOL, "The stablecoin's price in the numeraire.", required=True),
                Key("legs", ListOf(LEG), "One after the other.", required=True),
            ],
        ),
        of_instruments(
            "price.divergence",
            "These instruments alone move away from what their assets are worth elsewhere.",
            injections.divergence,
            Key("by", CHANGE, "How far, of what the price would be.", required=True),
            Key("over", SOME_TIME, "How long it takes.", "over_ns", required=True),
        ),
        injection(
            "price.path",
            "The price goes through waypoints, in straight lines.",
            injections.path,
            [
                Key("instrument", SYMBOL, "The instrument.", required=True),
                Key(
                    "waypoints",
                    ListOf(
                        Table(
                            "waypoint",
                            "A price on the way.",
                            injections.waypoint,
                            [
                                Key("after", ANY_TIME, "How long after the injection.", "after_ns", required=True),
                                Key("price", Number(), "In quote units.", required=True),
                            ],
                        )
                    ),
                    "In order of time.",
                    required=True,
                ),
            ],
        ),
        of_instruments(
            "volatility.spike",
            "The price's own moves are larger by a factor, up and down alike.",
            injections.spike,
            Key("factor", Number(), "Of each return; below 1 it is calmer.", required=True),
        ),
        disturbance(
            FeedFault.BAD_PRINT,
            "A few quotes are far off; then all is as before.",
            Key(
                "by",
                Share("-1000%", "100000%"),
                "How far off, of the price; from -100% on it is at or below zero.",
                "by_ppm",
                required=True,
            ),
            Key("quotes", Whole(1, 1_000), "How many, of each instrument.", "prints", default="1"),
        ),
        disturbance(FeedFault.STALE, "No quotes come."),
        disturbance(FeedFault.FROZEN, "The same quote comes again and again, each time under the time of now."),
        disturbance(
            FeedFault.CROSSED,
            "The bid is above the ask; their middle is the price.",
            Key("by", Share("0.0001%", "50%"), "How far, of the price.", "by_ppm", default="10bps"),
        ),
        disturbance(
            FeedFault.LAG,
            "Quotes come late, and bear the time at which they were true.",
            Key("by", SOME_TIME, "How late, up to 5m.", "by_ns", required=True),
        ),
        injection(
            "service.crash",
            "An instance is killed: its memory is gone, and of its disk what was not synced.",
            injections.ServiceCrash,
            [
                Key("service", Text(), "The instance.", required=True),
                Key("torn_bytes", Whole(0, 1 << 20), "How much of an unsynced record stays on its disk.", default="0"),
            ],
        ),
        running(ServiceFault.PAUSE, "An instance stands still; then it goes on where it was, with all that came."),
        running(ServiceFault.STORE_AWAY, "Nothing becomes durable, so nothing that rests on it leaves."),
        running(ServiceFault.STORE_FULL, "The disk has no room: as if the store were away."),
        running(
            ServiceFault.STORE_SLOW,
            "Every commit takes longer.",
            Key("by", SOME_TIME, "How much longer.", "by_ns", required=True),
        ),
        running(
            ServiceFault.CLOCK_JUMP,
            "The instance's clock is ahead. Put right, it stands still until time has caught up.",
            Key("by", SOME_TIME, "How far.", "by_ns", required=True),
        ),
        settlement(
            CustodyFault.DELAY,
            "What comes due settles late.",
            Key("by", SOME_TIME, "How long after it was due.", "by_ns", required=True),
        ),
        settlement(CustodyFault.REJECT, "What comes due is refused, and tried again on the next business day."),
        settlement(
            CustodyFault.PARTIAL,
            "Of what comes due a part settles at a time; the rest is tried again on the next business day.",
            Key("share", Share("0.0001%", "99.9999%"), "Of each instruction.", "share_ppm", required=True),
        ),
        settlement(CustodyFault.DUPLICATE, "What comes due settles once, and is told in holdings twice."),
        settlement(CustodyFault.SAYS_DONE, "What comes due is told as settled, and the ledger does not have it."),
        venue(
            VenueFault.OUTAGE,
            "It answers nothing and says nothing, not even that it is there. When it is back, a new session begins.",
            Key(
                "orders",
                Word("word", (injections.KEPT, injections.CANCELED)),
                "What becomes of the orders of participants.",
                default=injections.KEPT,
            ),
            make=injections.outage,
        ),
        venue(
            VenueFault.HALT,
            "Markets are halted. Undone, each has an auction, and is open again.",
            MARKETS,
            Key("auction", SOME_TIME, "How long the auction is.", "by_ns", default="1m"),
        ),
        venue(
            VenueFault.REJECT,
            "Orders are rejected (`system_error`), for no fault of theirs.",
            Key("share", PART, "Of all orders.", "share_ppm", default="100%"),
        ),
        venue(
            VenueFault.LATENCY,
            "What it says of orders and fills leaves late, and bears the time at which it was true.",
            ACCOUNT,
            Key("by", SOME_TIME, "How late.", "by_ns", required=True),
        ),
        venue(
            VenueFault.SPREAD,
            "The background quotes another spread, and another depth.",
            MARKETS,
            Key("spread", Number(), "Times what it would be.", default="1"),
            Key("depth", Number(), "Times what it would be.", default="1"),
            make=injections.spread,
        ),
        venue(
            VenueFault.PARTIAL_FILLS,
            "Orders are filled in parts, each a match of its own.",
            MARKETS,
            Key("share", PART, "Of the order that comes, the most in one match.", "share_ppm", required=True),
        ),
        venue(
            VenueFault.DUPLICATE_REPORTS,
            "Fills are told twice, the second time as if it were another event.",
            ACCOUNT,
            Key("share", PART, "Of the fills.", "share_ppm", default="100%"),
        ),
        venue(
            VenueFault.LOST_REPORTS,
            "Fills and changes of positions are never told, and no gap in the account's events shows it.",
            ACCOUNT,
            Key("share", PART, "Of the fills.", "share_ppm", default="100%"),
        ),
        venue(
            VenueFault.STALE_BALANCES,
            "Asked for an account, it tells the balances of when the fault began.",
            ACCOUNT,
        ),
        venue(
            VenueFault.WICK,
            "The venue's own price goes away from everybody else's in a straight line, and stays there.",
            MARKETS,
            Key("by", CHANGE, "How far, of what the price would be.", required=True),
            Key("over", SOME_TIME, "How long it takes.", "by_ns", required=True),
            make=injections.wick,
        ),
        venue(
            VenueFault.PHANTOM_CREDIT,
            "Asked for an account, it tells that it has more of an asset than it has.",
            ACCOUNT,
            Key("asset", Text(), "Of what.", required=True),
            Key("times", Number(), "How often it has what it has free: above 1, up to 1000000.", required=True),
            make=injections.credit,
        ),
        venue(
            VenueFault.MARGIN_RATES,
            "It asks for another margin than before, of what is held too, and says so.",
            PERPETUALS,
            Key("times", Number(), "Times what the terms of the perpetual say.", required=True),
            make=injections.margin_rates,
        ),
        settlement(CustodyFault.FREEZE, "Withdrawals are taken, and nothing leaves for outside."),
        settlement(CustodyFault.FREEZE_ALL, "Transfers are taken, and nothing of them arrives, inside or outside."),
        settlement(
            CustodyFault.BANK_HOURS,
            "What leaves for outside does so at the cut-off of the next business day.",
            Key("told_after", ANY_TIME, "Before that, nobody is told of the new times.", "by_ns", default="0s"),
        ),
        injection(
            OUTFLOW,
            "A part of an account's holding leaves for outside, and nobody asked for it.",
            injections.Outflow,
            [
                WHOSE_LEDGER,
                Key("account", Text(), "Whose.", required=True),
                Key("asset", Text(), "Of what.", required=True),
                Key("share", PART, "Of what is held of it.", "share_ppm", required=True),
            ],
        ),
        link(LinkFault.PARTITION, "Messages are lost."),
        link(LinkFault.HOLD, "Messages are kept back until released."),
        link(
            LinkFault.DELAY,
            "Messages come later.",
            Key("by", SOME_TIME, "How much later.", "delay_ns", required=True),
        ),
        link(LinkFault.LOSE, "Some messages are lost.", CHANCE),
        link(LinkFault.DUPLICATE, "Some messages come twice.", CHANCE),
        link(
            LinkFault.REORDER,
            "Some messages come out of order.",
            CHANCE,
            Key("by", SOME_TIME, "Up to how much later.", "delay_ns", default="50ms"),
        ),
        link(LinkFault.RESET, f"Connections break, new ones too. {OF_CONNECTIONS}"),
        link(LinkFault.REFUSE, f"As if the receivers did not listen. {OF_CONNECTIONS}"),
        link(
            LinkFault.THROTTLE,
            f"Bytes come slowly. {OF_CONNECTIONS}",
            Key("by", SOME_TIME, "How long each kibibyte takes.", "delay_ns", required=True),
        ),
        link(LinkFault.TRICKLE, f"Bytes come one by one. {OF_CONNECTIONS}"),
        link(
            LinkFault.LOSE_ANSWERS,
            f"What the senders ask arrives; the answer is lost, and the connection breaks. {OF_CONNECTIONS}",
        ),
    )
}
