"""The story of a run, as the notable messages tell it: injections, breaches, alerts, crashes, losses, failures.

Rule 1: an alert is explained in the moment it fires, while the quotes before it are at hand.
Rule 2: whatever an injection explains hangs under the receipt of that injection.
"""

from typing import final

from trading_ecosystem.messages.audit import DeliveryLost, Envelope, InvariantViolated
from trading_ecosystem.messages.chaos import (
    ApplyPricePath,
    CrashService,
    DrainAccount,
    FaultCustody,
    FaultFeed,
    FaultLink,
    FaultService,
    FaultVenue,
    InjectionEnded,
    InjectionRefused,
    InjectionStarted,
    InjectionStruck,
    RestorePricePath,
    ScaleVolatility,
)
from trading_ecosystem.messages.custody import SettlementCanceled, SettlementFailed
from trading_ecosystem.messages.health import HealthChanged
from trading_ecosystem.messages.market import MarketPhaseChanged, QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.risk import (
    AlertAcknowledged,
    AlertFired,
    AlertResolved,
    RiskReported,
)
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.validation.audit_correlator.blocks import Block
from trading_ecosystem.validation.audit_correlator.causation import CausalGraph
from trading_ecosystem.validation.audit_correlator.explanation import Explainer, Explanation
from trading_ecosystem.validation.audit_correlator.injections import Command, Injections
from trading_ecosystem.validation.audit_correlator.timeline import Timeline
from trading_ecosystem.validation.results import ChainLink

NOTED = (
    AlertFired,
    AlertAcknowledged,
    AlertResolved,
    ApplyPricePath,
    CrashService,
    DrainAccount,
    FaultFeed,
    FaultCustody,
    FaultLink,
    FaultService,
    FaultVenue,
    HealthChanged,
    InjectionEnded,
    InjectionRefused,
    InjectionStarted,
    InjectionStruck,
    InvariantViolated,
    MarketPhaseChanged,
    RestorePricePath,
    RiskReported,
    ScaleVolatility,
    SettlementCanceled,
    SettlementFailed,
)


@final
class Story:
    """`quotes`: the open block of each symbol; the story marks those whose next quote it waits for."""

    __slots__ = ("_explainer", "_graph", "_injections", "_quotes", "explanations", "timeline")

    def __init__(
        self, graph: CausalGraph, quotes: dict[str, Block], reference: ReferenceData, replayed: tuple[str, ...]
    ) -> None:
        self._graph = graph
        self._quotes = quotes
        self._injections = Injections(reference)
        self._explainer = Explainer(graph, self._injections, quotes, reference, replayed)
        self.explanations: dict[str, Explanation] = {}  # Of the first firing of each alert, by alert id.
        self.timeline = Timeline()

    def awaits(self, symbol: str) -> bool:
        """Whether the next quote of a symbol is the first effect of an injection."""
        return bool(self._injections.awaiting(symbol))

    def lose(self, fact: DeliveryLost) -> None:
        if not self.timeline.count_loss(fact):
            self.timeline.begin_loss(fact, self._blame_loss(fact))

    def find(self, finding: InvariantViolated, now: int) -> None:
        """A finding that no envelope carries."""
        self._tell(now, "invariant", finding.invariant, finding.detail, 0, finding.message_id)

    def _blame_loss(self, fact: DeliveryLost) -> int:
        """The receipt of the injection that lost a message; it is the first effect that shows if there was none."""
        lane = self._graph.lane_of(fact.message_id)
        ns = fact.occurred_ns
        if lane is None:  # It never departed, because its sender died.
            injection = self._injections.crashing(ns)
        else:
            injection = self._injections.silencing(lane.sender, fact.recipient, ns, ns)
        if injection is None:
            return 0
        if injection.effect is None:
            what = "a message" if lane is None else f"{lane.type_name} of {lane.sender} to {fact.recipient}"
            text = f"{what} was lost: {fact.loss_reason.value}"
            injection.effect = ChainLink(at_ns=ns, message_id=fact.message_id, kind="loss", text=text)
        return injection.receipt_id

    def show_effect(self, envelope: Envelope, quote: QuotePublished, block: Block) -> None:
        """The first quote under an injection into prices or quotes is its first effect."""
        for injection in self._injections.awaiting(quote.symbol):
            if envelope.message_id > injection.receipt_id:
                words = self._explainer.quote_words(quote.symbol, quote.bid_ticks, quote.ask_ticks)
                injection.effect = ChainLink(
                    at_ns=envelope.sent_ns,
                    message_id=envelope.message_id,
                    kind="market",
                    text=f"first quote under {under(injection.command)}: {words}",
                )
        block.watched = self.awaits(quote.symbol)

    def note(self, envelope: Envelope, message: Message) -> None:
        message_id, causation_id = envelope.message_id, envelope.causation_id
        match message:
            case AlertFired():
                self._note_alert(envelope, message)
            case AlertAcknowledged(alert_id=alert_id, operator=operator, occurred_ns=ns):
                text = f"{alert_id} acknowledged by {operator}"
                self._tell(ns, "acknowledged", alert_id, text, message_id, self._fired_id(alert_id, causation_id))
            case AlertResolved(alert_id=alert_id, occurred_ns=ns):
                cause_id = self._fired_id(alert_id, causation_id)
                self._tell(ns, "resolved", message.subject, f"{alert_id} resolved", message_id, cause_id)
            case RiskReported():
                self._explainer.hold(message)
            case ApplyPricePath() | ScaleVolatility() | CrashService() | FaultService() | FaultLink():
                self._injections.order(message, message_id, envelope.sent_ns)
            case FaultFeed() | FaultCustody() | DrainAccount() | FaultVenue():
                self._injections.order(message, message_id, envelope.sent_ns)
            case InjectionStarted():
                self._note_start(message, envelope)
            case RestorePricePath():
                self._injections.restore(message, envelope.sent_ns)
            case InjectionEnded():
                self._note_end(message, envelope)
            case _:
                self._note_event(envelope, message)

    def _note_event(self, envelope: Envelope, message: Message) -> None:
        message_id, causation_id = envelope.message_id, envelope.causation_id
        match message:
            case HealthChanged(service=service, health=health, detail=detail, occurred_ns=ns):
                text = f"{service} is {health.value.replace('_', ' ')}{': ' if detail else ''}{detail}"
                self._tell(ns, "health", service, text, message_id, self._blame_health(service, ns) or causation_id)
            case SettlementFailed(custodian=custodian, trade_id=trade_id, fail_reason=reason, occurred_ns=ns):
                text = f"trade {trade_id} was not settled: {reason.value}"
                self._tell(ns, "settlement_failed", custodian, text, message_id, causation_id)
            case SettlementCanceled(custodian=custodian, trade_id=trade_id, age_days=days, occurred_ns=ns):
                text = f"trade {trade_id} will never settle: it failed for {days} business days"
                self._tell(ns, "settlement_failed", custodian, text, message_id, causation_id)
            case InvariantViolated(invariant=invariant, detail=detail, occurred_ns=ns):
                self._tell(ns, "invariant", invariant, detail, message_id, message.message_id)
            case InjectionStruck(injection_id=injection_id, occurred_ns=ns):
                text = f"{injection_id} has changed something"
                self._tell(ns, "injection_struck", injection_id, text, message_id, causation_id)
            case MarketPhaseChanged(symbol=symbol, market_phase=phase, phase_reason=why, occurred_ns=ns):
                text = f"{symbol} is {phase.value} at {message.venue}: {why.value}"
                self._tell(ns, "market_phase", symbol, text, message_id, causation_id)
            case InjectionRefused(injection_id=injection_id, detail=detail, occurred_ns=ns):
                self._tell(ns, "injection_refused", injection_id, detail, message_id, causation_id)
            case _:
                raise AssertionError(f"{type(message).__name__} is noted and nobody notes it")

    def _note_alert(self, envelope: Envelope, alert: AlertFired) -> None:
        explanation = self._explainer.explain(envelope, alert)
        self.explanations.setdefault(alert.alert_id, explanation)
        receipt_id = 0 if explanation.injection is None else explanation.injection.receipt_id
        breach_id = explanation.breach_id
        breach, fired = explanation.chain[-2], explanation.chain[-1]
        text = breach.text if breach.kind == "breach" else f"{alert.rule} of {alert.subject} first in breach"
        self._tell(alert.breached_ns, "breach", alert.subject, text, breach_id, receipt_id)
        cause_id = breach_id or receipt_id or envelope.causation_id
        self._tell(alert.occurred_ns, "alert", alert.subject, fired.text, envelope.message_id, cause_id)

    def _note_start(self, receipt: InjectionStarted, envelope: Envelope) -> None:
        injection = self._injections.start(receipt, envelope.message_id)
        words = f"{receipt.kind} at {receipt.target}" if injection is None else injection.words()
        text = f"{receipt.injection_id}: {words}"
        self._tell(receipt.occurred_ns, "injection_started", receipt.target, text, envelope.message_id, 0)
        for symbol in receipt.subjects:
            block = self._quotes.get(symbol)
            if block is not None:
                block.watched = True

    def _note_end(self, receipt: InjectionEnded, envelope: Envelope) -> None:
        injection = self._injections.end(receipt)
        begun = None if injection is None else injection.receipt
        subject = receipt.injection_id if begun is None else begun.target
        cause_id = envelope.causation_id if injection is None else injection.receipt_id
        text = f"{receipt.injection_id} ended"
        self._tell(receipt.occurred_ns, "injection_ended", subject, text, envelope.message_id, cause_id)

    def _blame_health(self, service: str, ns: int) -> int:
        injection = self._injections.silencing(service, service, ns, ns)
        return 0 if injection is None else injection.receipt_id

    def _fired_id(self, alert_id: str, otherwise: int) -> int:
        explanation = self.explanations.get(alert_id)
        return otherwise if explanation is None else explanation.alert_message_id

    def _tell(self, at_ns: int, kind: str, subject: str, text: str, message_id: int, cause_id: int) -> None:
        self.timeline.add(at_ns, kind, subject, text, message_id, cause_id)


def under(command: Command) -> str:
    if isinstance(command, ApplyPricePath):
        return "the path"
    return command.feed_fault.value if isinstance(command, FaultFeed) else "the scaled volatility"
