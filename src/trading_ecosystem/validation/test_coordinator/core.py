"""The test coordinator: carries out a scenario, and keeps the record on which it is judged.

Rule 1: it breaks the world only by chaos messages, each at its time on the plan, and undoes every one.
Rule 2: it hears what the risk monitor says and never answers; what is true it reckons by itself.
Rule 3: it records, `judge.py` judges: the same record always gives the same verdict.
Rule 4: a second life within a run injects nothing; it undoes what the first may have begun, and the run is INVALID.
"""

from collections.abc import Sequence
from typing import final

from trading_ecosystem.core import Core
from trading_ecosystem.messages.accounts import VenueHeartbeat
from trading_ecosystem.messages.audit import InvariantViolated
from trading_ecosystem.messages.books import BooksCompared, NettingSettled
from trading_ecosystem.messages.chaos import InjectionEnded, InjectionRefused, InjectionStarted, InjectionStruck
from trading_ecosystem.messages.custody import (
    PartPosted,
    SettlementCanceled,
    SettlementFailed,
    SettlementInstructed,
    TransactionPosted,
)
from trading_ecosystem.messages.health import HealthChanged, HealthStatus
from trading_ecosystem.messages.kill_switch import KillSwitchChanged, LiftRefused
from trading_ecosystem.messages.market import BookTopChanged, MarketPhaseChanged, QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import OrderDenied, OrderFilled
from trading_ecosystem.messages.perpetuals import (
    FundingSettled,
    LossCovered,
    MarginCalled,
    MarginMoved,
    MarginRatesChanged,
    MarkPriceChanged,
    PositionChanged,
    PositionDeleveraged,
    PositionLiquidated,
)
from trading_ecosystem.messages.risk import AlertAcknowledged, AlertFired, AlertResolved, RiskReported
from trading_ecosystem.messages.runtime import Remember, Start, Wake, WakeAt
from trading_ecosystem.messages.transfers import (
    AccountMoved,
    DestinationAllowed,
    TransferApproved,
    TransferChanged,
    TransferPosted,
    TransferRefused,
    TransferRequested,
)
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.validation.results import CheckOutcome, Judgement, Series
from trading_ecosystem.validation.test_coordinator.book_notes import BookNotes
from trading_ecosystem.validation.test_coordinator.conditions import default_condition
from trading_ecosystem.validation.test_coordinator.ground_truth import GroundTruth
from trading_ecosystem.validation.test_coordinator.judge import judge
from trading_ecosystem.validation.test_coordinator.order_measure import ANSWERS
from trading_ecosystem.validation.test_coordinator.plan import CheckProbes, Plan, SendCommand, begun_by, plan_of
from trading_ecosystem.validation.test_coordinator.record import AlertRecord, InjectionRecord, Record
from trading_ecosystem.validation.test_coordinator.recorder import Recorder
from trading_ecosystem.validation.test_coordinator.scenario import Scenario
from trading_ecosystem.validation.test_coordinator.transfer_notes import TransferNotes

NOTHING: tuple[Message, ...] = ()
OF_TRANSFERS = (
    *(TransferRequested, TransferChanged, TransferApproved, TransferRefused),
    *(TransferPosted, DestinationAllowed, AccountMoved),
)
OF_SETTLEMENT = (SettlementInstructed, TransactionPosted, PartPosted, SettlementFailed, SettlementCanceled)
Settled = SettlementInstructed | TransactionPosted | PartPosted | SettlementFailed | SettlementCanceled
OF_PERPETUALS = (
    *(PositionChanged, PositionLiquidated, PositionDeleveraged, MarginCalled, MarginMoved, LossCovered),
    *(MarkPriceChanged, MarginRatesChanged, FundingSettled),
)
BEGUN = "begun"  # What it remembers from its first start on: when that was.


@final
class FiredAlert:
    """One firing of an alert while it lives."""

    __slots__ = ("acknowledged_ns", "breach_ns", "fired", "resolved_ns")

    def __init__(self, fired: AlertFired, breach_ns: int | None) -> None:
        self.fired = fired
        self.breach_ns = breach_ns
        self.acknowledged_ns: int | None = None
        self.resolved_ns: int | None = None


@final
class Receipts:
    """What came back of one injection."""

    __slots__ = ("ended_ns", "kind", "refused", "started_ns", "subjects", "target")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.target = ""
        self.subjects: tuple[str, ...] = ()
        self.started_ns: int | None = None
        self.ended_ns: int | None = None
        self.refused = ""


@final
class TestCoordinator(Core):
    """Runs `scenario` from `start_ns` (ns since 1970, UTC).

    `balances`: account -> asset -> minor units, of the firm's accounts at the start; `margin`: what of that is in
    margin wallets. `instances`: all that run.
    """

    __test__ = False  # Not a test case, whatever its name.

    def __init__(
        self,
        name: str,
        scenario: Scenario,
        reference: ReferenceData,
        balances: dict[str, dict[str, int]],
        start_ns: int,
        instances: tuple[str, ...],
        margin: dict[str, dict[str, int]] | None = None,
    ) -> None:
        self._name = name
        self._scenario = scenario
        self._start_ns = start_ns
        self._plan: Plan = plan_of(scenario, start_ns)
        self._next_step = 0
        self._died = False  # This is not its first life in this run.
        self._truth = GroundTruth(reference, balances, scenario.conditions(), start_ns, margin)
        self._recorder = Recorder(reference, scenario.duration_ns)
        self._transfers = TransferNotes(self._truth, self._recorder)
        self._books = BookNotes(self._recorder)
        self._undone_ns = 0  # When the last fault was.
        self._decimals: dict[str, int] = {name: asset.decimals for name, asset in reference.assets.items()}
        self._alerts: list[FiredAlert] = []
        self._receipts: dict[str, Receipts] = {step.injection_id: Receipts(step.kind) for step in scenario.method}
        self._health: dict[str, HealthChanged] = {}
        self._instances = instances
        self._down: dict[str, str] = {}  # Instance -> injection that killed it.
        self._invariants: list[InvariantViolated] = []
        self._steady_state: list[CheckOutcome] = []
        self._recovery: list[CheckOutcome] = []
        self._quotes = 0
        self._heartbeats = 0
        self._fills = 0
        self._denied = 0
        self._firm_fills = 0
        self._reports = 0
        self._instructed = 0
        self._posted = 0
        self._settlements_failed = 0
        self._settlements_lost = 0  # Refused or canceled.
        self._failing: dict[int, int] = {}  # Instructions that failed and are tried again, by id: how often.

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        if isinstance(message, QuotePublished):
            self._quotes += 1
            if self._truth.quote(message, now):
                self._recorder.quote(message)
            return NOTHING
        if isinstance(message, BookTopChanged):
            self._truth.book(message)
            return NOTHING
        if isinstance(message, Wake):
            return self._act(now)
        if isinstance(message, Start):
            return self._resume(now) if BEGUN in message.memory else self._start(now)
        self._note(message)
        return NOTHING

    # The plan.

    def _start(self, now: int) -> Sequence[Message]:
        moments: list[int] = []
        for at_ns, _ in self._plan:
            if at_ns not in moments:
                moments.append(at_ns)
        return [Remember(key=BEGUN, value=now), *[WakeAt(at_ns) for at_ns in moments]]

    def _resume(self, now: int) -> Sequence[Message]:
        """What the earlier life saw is gone: nothing more is tested. A fault that has ended is not hurt by an undo."""
        self._died = True
        self._next_step = len(self._plan)
        return [step.undo(0) for step in begun_by(self._scenario, now - self._start_ns)]

    def _act(self, now: int) -> Sequence[Message]:
        """Do all that is due and has not been done."""
        commands: list[Message] = []
        while self._next_step < len(self._plan) and self._plan[self._next_step][0] <= now:
            action = self._plan[self._next_step][1]
            self._next_step += 1
            if isinstance(action, SendCommand):
                commands.append(action.command)
            else:
                self._probe(action)
        return commands

    def _probe(self, action: CheckProbes) -> None:
        outcomes = [self._check(action.kind, probe) for probe in action.hold]
        if action.kind == "recovery":
            self._recovery.extend(outcomes)
        else:
            self._steady_state.extend(outcomes)

    def _check(self, kind: str, probe: str) -> CheckOutcome:
        if probe == "no_alerts":
            troubles = [alert.fired.alert_id for alert in self._alerts if counts_for(kind, alert)]
        elif probe == "ledger_balanced":
            troubles = [found.invariant for found in self._invariants]
            failed = self._settlements_lost + len(self._failing)
            if failed:
                troubles.append(f"{failed} settlements failed")
        elif probe == "books_reconciled":
            troubles = self._books.troubles(self._settlements_lost + len(self._failing), self._undone_ns)
        else:
            assert probe == "all_services_healthy", probe
            troubles = self._unhealthy()
        text = probe.replace("_", " ")
        return CheckOutcome(kind=kind, text=text, passed=not troubles, detail=", ".join(troubles))

    def _unhealthy(self) -> list[str]:
        """Who is down, or last said that it does not serve. Who has said nothing is taken to serve."""
        troubles = [f"{instance} is down" for instance in self._instances if instance in self._down]
        for instance in self._instances:
            said = self._health.get(instance)
            if instance not in self._down and said is not None and said.health != HealthStatus.SERVING:
                troubles.append(f"{instance} is {said.health.value}: {said.detail}")
        return troubles

    # What is heard.

    def _note(self, message: Message) -> None:
        if isinstance(message, OrderFilled):
            self._note_fill(message)
        elif isinstance(message, OF_SETTLEMENT):
            self._note_settlement(message)
        elif isinstance(message, (VenueHeartbeat, MarketPhaseChanged)):
            self._note_venue(message)
        elif isinstance(message, RiskReported):
            self._reports += 1
            self._recorder.report(message)
        elif isinstance(message, HealthChanged):
            self._note_health(message)
        elif isinstance(message, OF_PERPETUALS):
            self._note_perpetual(message)
        elif isinstance(message, (OrderDenied, InvariantViolated)):
            self._note_trouble(message)
        elif isinstance(message, (AlertFired, AlertAcknowledged, AlertResolved)):
            self._note_alert(message)
        elif isinstance(message, (InjectionStarted, InjectionStruck, InjectionEnded, InjectionRefused)):
            self._note_receipt(message)
        else:
            self._note_other(message)

    def _note_other(self, message: Message) -> None:
        if isinstance(message, ANSWERS):
            self._truth.answered(message)
        elif isinstance(message, KillSwitchChanged):
            self._truth.switched(message)
        elif isinstance(message, LiftRefused):
            pass  # Nothing has changed.
        elif isinstance(message, BooksCompared):
            self._books.note(message)
        elif isinstance(message, NettingSettled):
            self._note_netting(message)
        else:
            assert isinstance(message, OF_TRANSFERS), f"no route brings {type(message).__name__} here"
            self._transfers.note(message)

    def _note_venue(self, message: VenueHeartbeat | MarketPhaseChanged) -> None:
        if isinstance(message, VenueHeartbeat):
            self._heartbeats += 1
            self._truth.heartbeat(message)
        else:
            self._truth.phase(message)

    def _note_trouble(self, message: OrderDenied | InvariantViolated) -> None:
        if isinstance(message, OrderDenied):
            self._denied += 1
            self._truth.denied(message)
        elif message not in self._invariants:
            self._invariants.append(message)

    def _note_fill(self, message: OrderFilled) -> None:
        self._fills += 1
        self._recorder.count("fills", "orders", message.occurred_ns)
        if self._truth.fill(message):
            self._firm_fills += 1

    def _note_perpetual(self, message: Message) -> None:
        if isinstance(message, (PositionChanged, LossCovered)):
            self._truth.margin(message)
        elif isinstance(message, MarginMoved):
            self._truth.margin_moved(message)
        elif isinstance(message, MarkPriceChanged):
            self._truth.marked(message)
        elif isinstance(message, MarginRatesChanged):
            self._truth.margined(message)
        elif isinstance(message, PositionLiquidated):
            self._recorder.count("liquidations", "margin", message.occurred_ns)
        elif isinstance(message, PositionDeleveraged):
            self._recorder.count("deleveragings", "margin", message.occurred_ns)

    def _note_settlement(self, message: Settled) -> None:
        ns = message.occurred_ns
        if isinstance(message, SettlementInstructed):
            self._instructed += 1
            self._recorder.count("settlements instructed", "settlement", ns)
            self._truth.settlements.instructed(message)
        elif isinstance(message, TransactionPosted):
            self._posted += 1
            self._recorder.count("settlements posted", "settlement", ns)
            self._end_settlement(message.instruction_id, ns)
        elif isinstance(message, PartPosted):
            self._recorder.count("settlements posted in part", "settlement", ns)
            self._truth.settlements.on_its_way.part_posted(message)
        else:
            self._note_failed(message)

    def _note_netting(self, message: NettingSettled) -> None:
        self._books.note_netting(len(message.netted), message.occurred_ns)
        for each in message.netted:
            self._posted += 1
            self._recorder.count("settlements posted", "settlement", message.occurred_ns)
            self._end_settlement(each.instruction_id, message.occurred_ns)

    def _note_failed(self, message: SettlementFailed | SettlementCanceled) -> None:
        if isinstance(message, SettlementCanceled):
            self._settlements_lost += 1
            self._recorder.count("settlements canceled", "settlement", message.occurred_ns)
            self._end_settlement(message.instruction_id, message.occurred_ns)
            return
        self._settlements_failed += 1
        self._recorder.count("settlements failed", "settlement", message.occurred_ns)
        if message.instruction_id == 0:
            self._settlements_lost += 1
        else:
            self._failing[message.instruction_id] = self._failing.get(message.instruction_id, 0) + 1

    def _end_settlement(self, instruction_id: int, ns: int) -> None:
        self._failing.pop(instruction_id, None)
        self._truth.settlements.over(instruction_id, ns)

    def _note_health(self, message: HealthChanged) -> None:
        said = self._health.get(message.service)
        if said is None or said.occurred_ns <= message.occurred_ns:
            self._health[message.service] = message

    def _note_alert(self, message: AlertFired | AlertAcknowledged | AlertResolved) -> None:
        """Told twice by the network is once; an id that is fired anew is a second firing."""
        if isinstance(message, AlertFired):
            if not any(alert.fired == message for alert in self._alerts):
                self._alerts.append(FiredAlert(message, self._claimed_breach_ns(message)))
            return
        for alert in self._alerts:
            if alert.fired.alert_id == message.alert_id and alert.fired.occurred_ns <= message.occurred_ns:
                if isinstance(message, AlertResolved):
                    alert.resolved_ns = first(alert.resolved_ns, message.occurred_ns)
                else:
                    alert.acknowledged_ns = first(alert.acknowledged_ns, message.occurred_ns)

    def _claimed_breach_ns(self, fired: AlertFired) -> int | None:
        if any(expectation.matches(fired) for expectation in self._scenario.expect):
            return None
        condition = default_condition(fired.rule, fired.subject, fired.limit, fired.unit, self._decimals)
        return None if condition is None else self._truth.began_ns(condition, fired.occurred_ns)

    def _note_receipt(self, message: InjectionStarted | InjectionStruck | InjectionEnded | InjectionRefused) -> None:
        if isinstance(message, InjectionStarted):
            receipts = self._receipts_of(message.injection_id)
            receipts.started_ns = first(receipts.started_ns, message.occurred_ns)
            receipts.target, receipts.subjects = message.target, message.subjects
            if receipts.kind == "service.crash":
                self._down[message.target] = message.injection_id
            self._truth.injection(message.injection_id, True, message.occurred_ns)
        elif isinstance(message, InjectionStruck):
            self._truth.struck(message.injection_id, message.occurred_ns)
        elif isinstance(message, InjectionEnded):
            receipts = self._receipts_of(message.injection_id)
            receipts.ended_ns = first(receipts.ended_ns, message.occurred_ns)
            self._undone_ns = max(self._undone_ns, message.occurred_ns)
            if self._down.get(receipts.target) == message.injection_id:
                del self._down[receipts.target]
            self._truth.injection(message.injection_id, False, message.occurred_ns)
        else:
            receipts = self._receipts_of(message.injection_id)
            receipts.refused = receipts.refused or message.detail  # The undo of what was refused is refused too.

    def _receipts_of(self, injection_id: str) -> Receipts:
        """Only the coordinator injects, so a receipt is always for one of its own injections."""
        assert injection_id in self._receipts, f"a receipt for {injection_id}, which was never sent"
        return self._receipts[injection_id]

    # What it leaves behind.

    def record(self, end_ns: int) -> Record:
        """Everything seen as far as `end_ns`; a live world goes on beyond the end of its run."""
        return Record(
            start_ns=self._start_ns,
            alerts=tuple(alert_record(alert, end_ns) for alert in self._alerts if alert.fired.occurred_ns <= end_ns),
            injections=tuple(injection_record(name, receipts) for name, receipts in self._receipts.items()),
            breaches=self._truth.breaches(end_ns),
            steady_state=tuple(self._steady_state),
            recovery=tuple(self._recovery),
            invariants=tuple(self._invariants),
            died=self._died,
        )

    def judgement(self, end_ns: int) -> Judgement:
        """The verdict, as of `end_ns`."""
        return judge(self.record(end_ns), self._scenario, end_ns)

    def series(self) -> tuple[Series, ...]:
        return self._recorder.series()

    def counts(self) -> dict[str, int]:
        return {
            "quotes": self._quotes,
            "heartbeats": self._heartbeats,
            "fills": self._fills,
            "fills of the firm": self._firm_fills,
            "orders denied": self._denied,
            "risk reports": self._reports,
            "settlements instructed": self._instructed,
            "settlements posted": self._posted,
            "settlements failed": self._settlements_failed,
            "alerts": len(self._alerts),
            "injections": sum(1 for receipts in self._receipts.values() if receipts.started_ns is not None),
            "invariants violated": len(self._invariants),
            **self._transfers.counts,
            **self._books.counts,
        }


def counts_for(kind: str, alert: FiredAlert) -> bool:
    """Before the method no alert may have fired; afterwards none may still be firing."""
    return kind != "recovery" or alert.resolved_ns is None


def first(known_ns: int | None, ns: int) -> int:
    return ns if known_ns is None else known_ns


def until(ns: int | None, end_ns: int) -> int | None:
    """None for what came after the end."""
    return None if ns is None or ns > end_ns else ns


def alert_record(alert: FiredAlert, end_ns: int) -> AlertRecord:
    return AlertRecord(
        fired=alert.fired,
        acknowledged_ns=until(alert.acknowledged_ns, end_ns),
        resolved_ns=until(alert.resolved_ns, end_ns),
        breach_ns=alert.breach_ns,
    )


def injection_record(injection_id: str, receipts: Receipts) -> InjectionRecord:
    return InjectionRecord(
        injection_id=injection_id,
        kind=receipts.kind,
        target=receipts.target,
        subjects=receipts.subjects,
        started_ns=receipts.started_ns,
        ended_ns=receipts.ended_ns,
        refused=receipts.refused,
    )
