"""Why an alert fired: the causal chain from the injection, by messages and, where no message leads on, by state.

Rule 1: messages tell the proximate cause: the causes of the alert are walked until one bears an injection's mark.
Rule 2: an absence has no message: the alerts on silence go to what silenced the subject's sender. An alert on a
portfolio goes to the price path of anything held, because its last input need not be the one that moved. One on
custody goes to the fault of settlement, or of the venue's reports: books are compared by a timer; so does one on what
is in settlement, before the prices of it.
An alert that nobody answered has the cause of that alert. One of a rule that is not known here goes to what moved its
subject or, where nothing did, to what silenced who speaks of it.
Rule 3: what came after the breach did not cause it; without a cause the chain says so and begins at its own root.
"""

from dataclasses import dataclass
from typing import final

from trading_ecosystem.messages.audit import Envelope
from trading_ecosystem.messages.risk import AlertFired, RiskReported, Severity
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.validation.audit_correlator.blocks import (
    ASK_TICKS,
    BID_TICKS,
    OCCURRED,
    Block,
)
from trading_ecosystem.validation.audit_correlator.causation import CausalGraph, Lane
from trading_ecosystem.validation.audit_correlator.injections import AppliedInjection, Injections
from trading_ecosystem.validation.results import ChainLink

ABSENCES = ("venue_down", "stale_data", "systemic_venue", "own_heartbeat")
OF_CUSTODY = (
    *("settlement_overdue", "reconciliation_break"),
    *("transfer_overdue", "balance_sanity"),
)
PORTFOLIO = (
    *("pnl_drawdown", "delta_exposure", "concentration"),
    *("margin_buffer", "funding_cost"),
)
PRICES = (
    *("position_limit", "peg_deviation", "basis_divergence", "price_outlier", "crossed_book"),
    *("order_rate", "kill_switch", "price_collar", "max_order_value", "duplicate_order", "repeated_execution"),
)  # Of any other rule, nobody here knows what its figure is made of.
UNEXPLAINED = "no injection explains this"
LONGEST_WALK = 1_000  # Beyond it, all that is left is one service waking itself.
LONGEST_STORY = 8  # Steps shown between the origin and the alert.

KINDS = {
    "QuotePublished": "market",
    "BookTopChanged": "market",
    "VenueHeartbeat": "market",
    "MarketPhaseChanged": "market",
    "MarkPriceChanged": "market",
    "MarginRatesChanged": "market",
    "FundingSettled": "market",
    "TradeExecuted": "trade",
    "SettlementInstructed": "settlement",
    "TransactionPosted": "settlement",
    "SettlementFailed": "settlement",
    "PartPosted": "settlement",
    "NettingSettled": "settlement",
    "SettlementCanceled": "settlement",
    "SettlementsReported": "settlement",
    "HoldingsReported": "settlement",
    "TransferRequested": "transfer",
    "TransferChanged": "transfer",
    "TransferPosted": "transfer",
    "TransfersReported": "transfer",
    "AlertFired": "alert",
    "HealthChanged": "health",
}


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """`breach_id` is 0 where the breach is an absence or its message is out of sight."""

    alert: AlertFired
    alert_message_id: int
    injection: AppliedInjection | None
    breach_id: int
    chain: tuple[ChainLink, ...]


@final
class Explainer:
    """Must be asked as the alert fires: the quotes are at hand only for the last hour."""

    __slots__ = ("_explained", "_graph", "_held", "_injections", "_quotes", "_reference", "_replayed")

    def __init__(
        self,
        graph: CausalGraph,
        injections: Injections,
        quotes: dict[str, Block],
        reference: ReferenceData,
        replayed: tuple[str, ...],
    ) -> None:
        """`quotes`: the open block of each symbol; `replayed`: whose prices are recorded ones."""
        self._graph = graph
        self._injections = injections
        self._quotes = quotes
        self._reference = reference
        self._replayed = replayed
        self._explained: dict[str, Explanation] = {}  # Critical alerts by rule and subject: the last episode's.
        self._held: list[str] | None = None  # Not known yet: then everything may be held.

    def hold(self, report: RiskReported) -> None:
        """Learn from the monitor's own report which positions the firm has."""
        lines = [exposure for exposure in report.exposures if exposure.measure == "position"]
        if lines:
            self._held = [exposure.subject for exposure in lines if exposure.value]

    def explain(self, envelope: Envelope, alert: AlertFired) -> Explanation:
        """The chain of an alert, root first."""
        story: list[int] = []
        if alert.rule == "alert_escalation" and alert.subject in self._explained:
            return self._escalated(envelope, alert, self._explained[alert.subject])
        if alert.rule in ABSENCES:
            injection = self._silence(alert, envelope.sender)
            breach = ChainLink(at_ns=alert.breached_ns, message_id=0, kind="breach", text=breach_words(alert))
        else:
            story, injection = self._walk(envelope, alert)
            if injection is None:
                injection = self._by_state(alert, envelope.sender)
                story = [] if injection else story
            breach = self._breach(alert, story, injection)
        chain = [
            *self._origin(injection, envelope.message_id, alert),
            *self._steps(story, breach, injection),
            fired(envelope, alert),
        ]
        explanation = Explanation(
            alert=alert,
            alert_message_id=envelope.message_id,
            injection=injection,
            breach_id=breach.message_id,
            chain=tuple(chain),
        )
        if alert.severity is Severity.CRITICAL:
            self._explained[f"{alert.rule}:{alert.subject}"] = explanation
        return explanation

    def _escalated(self, envelope: Envelope, alert: AlertFired, unanswered: Explanation) -> Explanation:
        """It has the cause of the alert that nobody answered."""
        return Explanation(
            alert=alert,
            alert_message_id=envelope.message_id,
            injection=unanswered.injection,
            breach_id=unanswered.alert_message_id,
            chain=(*unanswered.chain, fired(envelope, alert)),
        )

    # Who did it.

    def _silence(self, alert: AlertFired, recipient: str) -> AppliedInjection | None:
        for sender in self._senders(alert):
            symbols = (alert.subject,)
            injection = self._injections.silencing(sender, recipient, alert.breached_ns, alert.occurred_ns, symbols)
            if injection is not None:
                return injection
        return None

    def _by_state(self, alert: AlertFired, recipient: str) -> AppliedInjection | None:
        if alert.rule in OF_CUSTODY:
            names_venue = alert.rule == "reconciliation_break"  # Where there are several.
            venue = alert.subject.rpartition(":")[0] if names_venue else ""
            return self._injections.disturbing(alert.breached_ns, venue)
        held_up = self._injections.disturbing(alert.breached_ns) if is_in_settlement(alert) else None
        if held_up is not None:
            return held_up
        moved = self._injections.moving(lambda symbol: self._concerns(alert, symbol), alert.breached_ns)
        if moved is not None or alert.rule in PORTFOLIO or alert.rule in PRICES:
            return moved
        return self._silence(alert, recipient)

    def _senders(self, alert: AlertFired) -> list[str]:
        """Who speaks about a symbol, an asset or a venue; the subject itself if it is a service, or every venue."""
        subject, of_all = alert.subject, alert.rule == "systemic_venue"
        senders = [] if of_all else [subject]
        for lane in self._graph.lanes:
            if lane.type_name not in ("QuotePublished", "VenueHeartbeat") or lane.sender in senders:
                continue
            about = lane.type_name == "VenueHeartbeat" if of_all else subject in (lane.subject, base_of(lane.subject))
            if about:
                senders.append(lane.sender)
        return senders

    def _walk(self, envelope: Envelope, alert: AlertFired) -> tuple[list[int], AppliedInjection | None]:
        """The causes of the alert, nearest first, up to the first that bears a mark; and whose mark."""
        visited: list[int] = []
        recipient = envelope.sender
        for message_id in self._graph.ancestors(envelope.message_id):
            lane = self._graph.lane_of(message_id)
            if lane is None or len(visited) == LONGEST_WALK:
                break
            visited.append(message_id)
            sent_ns = self._graph.sent_ns(message_id)
            injection = self._injections.marking(message_id, sent_ns, lane, recipient)
            if injection is not None and self._could_cause(injection, alert, lane):
                return visited, injection
            recipient = lane.sender
        return visited, None

    def _could_cause(self, injection: AppliedInjection, alert: AlertFired, lane: Lane) -> bool:
        assert injection.receipt is not None
        if injection.receipt.occurred_ns > alert.breached_ns:
            return False
        if injection.reach and is_in_settlement(alert):
            return False  # A price says what it is worth, not why it has not come.
        return not injection.reach or alert.rule not in PORTFOLIO or self._is_held(lane.subject)

    def _concerns(self, alert: AlertFired, symbol: str) -> bool:
        """Whether a price of `symbol` goes into the figure of the alert."""
        if alert.rule in PORTFOLIO:
            return self._is_held(symbol)
        return alert.subject in (symbol, base_of(symbol))

    def _is_held(self, symbol: str) -> bool:
        if self._held is None or symbol in self._held:
            return True
        instrument = self._reference.instruments.get(symbol)
        return instrument is not None and (instrument.base in self._held or instrument.quote in self._held)

    # What is told.

    def _origin(self, injection: AppliedInjection | None, message_id: int, alert: AlertFired) -> list[ChainLink]:
        if injection is None:
            return [self._own_root(message_id, alert)]
        receipt = injection.receipt
        assert receipt is not None
        command, words = injection.command, injection.words()
        ordered = f"{type(command).__name__} {command.injection_id}: {words}"
        started = f"{receipt.kind} started at {receipt.target}: {', '.join(receipt.subjects)}"
        links = [
            ChainLink(at_ns=injection.command_ns, message_id=injection.command_id, kind="injection", text=ordered),
            ChainLink(at_ns=receipt.occurred_ns, message_id=injection.receipt_id, kind="injection", text=started),
        ]
        return links if injection.effect is None else [*links, injection.effect]

    def _own_root(self, message_id: int, alert: AlertFired) -> ChainLink:
        root = self._graph.root_of(message_id)
        lane = self._graph.lane_of(root)
        assert lane is not None
        recorded = [symbol for symbol in self._replayed if self._concerns(alert, symbol)]
        if recorded:
            text = f"recorded prices of {', '.join(recorded)}, replayed by {lane.sender}"
        else:
            text = f"{UNEXPLAINED}; the story begins with {lane_words(lane)}"
        return ChainLink(at_ns=self._graph.sent_ns(root), message_id=root, kind="market", text=text)

    def _steps(self, story: list[int], breach: ChainLink, injection: AppliedInjection | None) -> list[ChainLink]:
        """From the origin to the alert, without the timers in between and without what the origin told."""
        effect = injection.effect if injection else None
        told = [breach.message_id] if effect is None else [breach.message_id, effect.message_id]
        ids = [message_id for message_id in story if message_id not in told and not self._is_wake(message_id)]
        links = [self._link(message_id) for message_id in reversed(ids[:LONGEST_STORY])]
        if effect is None or breach.message_id != effect.message_id:
            links.append(breach)
        return sorted(links, key=lambda link: link.at_ns)

    def _breach(self, alert: AlertFired, story: list[int], injection: AppliedInjection | None) -> ChainLink:
        """The message that first showed the breach: by the venue's clock among quotes, else the nearest cause."""
        symbols = [symbol for symbol in (injection.reach if injection else ()) if self._concerns(alert, symbol)]
        for message_id in story:
            lane = self._graph.lane_of(message_id)
            if lane is None or lane.type_name == "Wake":
                continue
            if lane.type_name != "QuotePublished":
                return self._link(message_id, "breach")
            symbols = [lane.subject]
            break
        return self._quote_at(alert, symbols)

    def _quote_at(self, alert: AlertFired, symbols: list[str]) -> ChainLink:
        latest: tuple[int, ...] | None = None
        latest_symbol = ""
        for symbol in symbols:
            block = self._quotes.get(symbol)
            record = None if block is None else block.last_until(alert.breached_ns)
            if record is not None and (latest is None or record[OCCURRED] > latest[OCCURRED]):
                latest, latest_symbol = record, symbol
        if latest is None:
            return ChainLink(at_ns=alert.breached_ns, message_id=0, kind="breach", text=breach_words(alert))
        text = f"{breach_words(alert)}: {self.quote_words(latest_symbol, latest[BID_TICKS], latest[ASK_TICKS])}"
        return ChainLink(at_ns=alert.breached_ns, message_id=latest[0], kind="breach", text=text)

    def _is_wake(self, message_id: int) -> bool:
        lane = self._graph.lane_of(message_id)
        return lane is None or lane.type_name == "Wake"

    def _link(self, message_id: int, kind: str = "") -> ChainLink:
        lane = self._graph.lane_of(message_id)
        assert lane is not None
        block = self._quotes.get(lane.subject) if lane.type_name == "QuotePublished" else None
        record = None if block is None else block.find(message_id)
        words = lane_words(lane)
        if record is not None:
            words = self.quote_words(lane.subject, record[BID_TICKS], record[ASK_TICKS])
        return ChainLink(
            at_ns=self._graph.sent_ns(message_id),
            message_id=message_id,
            kind=kind or KINDS.get(lane.type_name, "order"),
            text=words,
        )

    def quote_words(self, symbol: str, bid_ticks: int, ask_ticks: int) -> str:
        instrument = self._reference.instruments.get(symbol)
        if instrument is None:
            return f"{symbol} quoted at {bid_ticks} / {ask_ticks} ticks"
        return f"{symbol} quoted at {instrument.price(bid_ticks):f} / {instrument.price(ask_ticks):f}"


def base_of(symbol: str) -> str:
    return symbol.partition("/")[0]


def lane_words(lane: Lane) -> str:
    about = f" {lane.subject}" if lane.subject else ""
    return f"{lane.type_name}{about} by {lane.sender or 'outside'}"


def is_in_settlement(alert: AlertFired) -> bool:
    """Whether it is on what piles up because it is not delivered."""
    return alert.rule == "concentration" and alert.subject == "settlement"


def breach_words(alert: AlertFired) -> str:
    return f"{alert.rule} of {alert.subject} first in breach"


def fired(envelope: Envelope, alert: AlertFired) -> ChainLink:
    figures = f"{alert.value} against {alert.limit} {alert.unit}"
    text = f"{alert.severity.value} {alert.rule} of {alert.subject}: {figures}"
    return ChainLink(at_ns=alert.occurred_ns, message_id=envelope.message_id, kind="alert", text=text)
