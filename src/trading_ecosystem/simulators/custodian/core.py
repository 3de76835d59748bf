"""The custodian: holds what the venue's participants own, and settles their trades.

Rule 1: nothing here reads a clock, a socket, a disk or chance.
Rule 2: holdings change in the ledger, and there only by balanced transactions.
Rule 3: as long as anything is to be done at a later time, a `Wake` for it has been asked for.
Rule 4: a venue is asked for the trades that may be missing: at each start, when one is, and every now and then.
"""

from collections.abc import Sequence
from typing import cast, final

from trading_ecosystem.core import JournaledCore
from trading_ecosystem.messages.accounts import (
    Holding,
    HoldingsReported,
    QueryHoldings,
    QueryTrades,
    TradesReported,
)
from trading_ecosystem.messages.books import BooksReported, ProfitsReported
from trading_ecosystem.messages.chaos import (
    OUTFLOW,
    DrainAccount,
    FaultCustody,
    InjectionEnded,
    InjectionRefused,
    InjectionStarted,
    RestoreCustody,
)
from trading_ecosystem.messages.custody import FailReason, QuerySettlements, SettlementsReported
from trading_ecosystem.messages.health import HealthChanged, HealthStatus
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.numbers import carried
from trading_ecosystem.messages.orders import TradeExecuted
from trading_ecosystem.messages.runtime import Plain, Start, Wake, WakeAt
from trading_ecosystem.messages.transfers import MovementAnswered, QueryTransfers
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.custodian.config import CustodianConfig
from trading_ecosystem.simulators.custodian.intake import TradeIntake
from trading_ecosystem.simulators.custodian.ledger import CLEARING, INSURANCE, TRANSIT, Ledger
from trading_ecosystem.simulators.custodian.obstruction import OF_TRANSFERS, Obstruction
from trading_ecosystem.simulators.custodian.outflows import Outflows
from trading_ecosystem.simulators.custodian.settlement import SettlementDesk
from trading_ecosystem.simulators.custodian.transfer_desk import COMMANDS, TransferDesk
from trading_ecosystem.simulators.custodian.transfer_reports import report_transfers
from trading_ecosystem.simulators.custodian.venue_books import VenueBooks

PAUSE_NS = 1_000_000  # Between two batches of settlements.
ASK_AGAIN_NS = 2_000_000_000  # Between two questions for trades while one is missing,
ASK_NS = 60_000_000_000  # and otherwise: the last trades of a burst may be lost without a gap.


@final
class Custodian(JournaledCore):
    """`accounts`: account -> asset -> minor units held at the start; `venues` are asked for trades that are missing.
    `places`: at which of several venues each account lies, whose trades alone can touch it."""

    __slots__ = (
        "_asked_ns",
        "_books",
        "_desk",
        "_gap_wait_ns",
        "_intakes",
        "_keeps_books",
        "_ledger",
        "_margined",
        "_name",
        "_obstruction",
        "_outflows",
        "_past_faults",
        "_places",
        "_queried_ns",
        "_takes_transfers",
        "_transfers",
    )

    def __init__(
        self,
        name: str,
        config: CustodianConfig,
        reference: ReferenceData,
        accounts: dict[str, dict[str, int]],
        venues: Sequence[str] = (),
        places: dict[str, str] | None = None,
    ) -> None:
        self._name = name
        self._places: dict[str, str] = places or {}
        self._gap_wait_ns = config.gap_wait_ns
        self._margined = reference.perpetuals
        self._takes_transfers: bool = config.transfers.offered
        self._ledger = Ledger(accounts, accounts_apart(config) or None)
        self._desk = SettlementDesk(name, config, reference, self._ledger)
        self._obstruction = Obstruction(config)
        self._outflows = Outflows(name, self._ledger)
        venue = venues[0] if venues else ""
        self._transfers = TransferDesk(name, config.transfers, reference, self._ledger, self._obstruction, venue)
        moves = self._transfers.flow.moves
        self._keeps_books: bool = config.settles_profits or config.compare_every_ns > 0
        self._books = VenueBooks(name, venue, config, self._ledger, self._desk, moves)
        self._intakes = {venue: TradeIntake(self._gap_wait_ns) for venue in venues}
        self._queried_ns = {venue: 0 for venue in venues}  # When each was last asked for trades.
        self._asked_ns = 0  # The earliest `Wake` that is still to come; 0 for none.
        self._past_faults: list[str] = []  # Injection ids: a command that comes again begins nothing anew.

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        if isinstance(message, TradeExecuted):
            outputs = self._hear(message, now)
        elif isinstance(message, Wake):
            outputs = self._wake(now)
        elif isinstance(message, QueryHoldings):
            return [self._report(message, now)]
        elif isinstance(message, QuerySettlements):
            return [self._report_settlements(message, now)]
        elif isinstance(message, TradesReported):
            outputs = self._take_in_missing(message, now)
        elif isinstance(message, Start):
            outputs = self._start(now)
        else:
            outputs = self._obey(message, now)
        self._ask_for_wake(outputs, now, isinstance(message, Wake))
        return outputs

    def _obey(self, message: Message, now: int) -> list[Message]:
        """What is said less often."""
        if isinstance(message, QueryTransfers):
            return [report_transfers(self._name, self._transfers.flow, message, now)]
        if isinstance(message, (FaultCustody, DrainAccount)):
            return self._disturb(message, now)
        if isinstance(message, RestoreCustody):
            return self._restore_order(message, now)
        outputs: list[Message] = []
        if isinstance(message, MovementAnswered):
            self._transfers.flow.take_answer(message, now, outputs)
        elif isinstance(message, ProfitsReported):
            self._books.take_profits(message, now, outputs)
        elif isinstance(message, BooksReported):
            intake = self._intakes.get(message.venue)
            self._books.compare(message, 0 if intake is None else intake.last_whole_id(), now, outputs)
        else:
            assert isinstance(message, COMMANDS), f"nothing here is for {type(message).__name__}"
            self._transfers.handle(message, now, outputs)
        return outputs

    def _start(self, now: int) -> list[Message]:
        self._asked_ns = 0
        self._books.start(now)
        outputs: list[Message] = [self._health(now)]
        for venue in self._queried_ns:
            outputs.append(self._query(venue, now))
        self._transfers.flow.moves.send(now, outputs)
        return outputs

    def _health(self, now: int) -> HealthChanged:
        lost = [f"{intake.lost_count} trades of {venue} are lost" for venue, intake in self._lossy()]
        health = HealthStatus.DEGRADED if lost else HealthStatus.SERVING
        return HealthChanged(service=self._name, health=health, detail="; ".join(lost), occurred_ns=now)

    def _lossy(self) -> list[tuple[str, TradeIntake]]:
        return [(venue, intake) for venue, intake in self._intakes.items() if intake.lost_count]

    def _hear(self, trade: TradeExecuted, now: int) -> list[Message]:
        intake = self._intakes.get(trade.venue)
        if intake is None:
            intake = self._intakes[trade.venue] = TradeIntake(self._gap_wait_ns)
        if intake.is_far_ahead(trade):
            return [self._desk.refuse(trade, FailReason.TRADE_ID_FAR_AHEAD, now)]
        return self._take_in(intake, trade, now)

    def _take_in(self, intake: TradeIntake, trade: TradeExecuted, now: int) -> list[Message]:
        if intake.is_id_reused(trade):
            return [self._desk.refuse(trade, FailReason.TRADE_ID_REUSED, now)]
        return self._instruct(intake.admit(trade, now), now)

    def _instruct(self, trades: Sequence[TradeExecuted], now: int) -> list[Message]:
        """A trade in a perpetual is margined at the venue: it is heard, and delivers nothing that could settle."""
        return [self._take(trade, now) for trade in trades if trade.symbol not in self._margined]

    def _take(self, trade: TradeExecuted, now: int) -> Message:
        """Each venue is mirrored apart: what it says of accounts that lie elsewhere is nothing to settle."""
        if self._places:
            for account in (trade.buyer_account, trade.seller_account):
                if self._places.get(account, trade.venue) != trade.venue:
                    return self._desk.refuse(trade, FailReason.UNKNOWN_ACCOUNT, now)
        return self._desk.instruct(trade, now)

    def _take_in_missing(self, report: TradesReported, now: int) -> list[Message]:
        outputs: list[Message] = []
        intake = self._intakes.get(report.venue)
        if intake is None or not is_whole(report):
            return outputs
        if intake.forsake(report.from_trade_id):
            outputs.append(self._health(now))
        for trade in report.trades:
            outputs.extend(self._take_in(intake, trade, now))
        return outputs

    def _query(self, venue: str, now: int) -> QueryTrades:
        self._queried_ns[venue] = now
        return QueryTrades(to=venue, asker=self._name, from_trade_id=self._intakes[venue].first_wanted_id())

    def _query_ns(self, venue: str) -> int:
        """When a venue is to be asked for trades next."""
        return self._queried_ns[venue] + (ASK_AGAIN_NS if self._intakes[venue].has_gap else ASK_NS)

    def _wake(self, now: int) -> list[Message]:
        if self._asked_ns <= now:
            self._asked_ns = 0
        outputs: list[Message] = []
        for venue in self._queried_ns:
            if self._query_ns(venue) <= now:
                outputs.append(self._query(venue, now))
        for intake in self._intakes.values():
            outputs.extend(self._instruct(intake.expire(now), now))
        outputs.extend(self._desk.settle_due(now))
        self._transfers.flow.do_due(now, outputs)
        if self._keeps_books:
            self._books.do_due(now, outputs)
        return outputs

    def _ask_for_wake(self, outputs: list[Message], now: int, just_settled: bool) -> None:
        next_ns = self._desk.next_ns()
        transfer_ns = self._transfers.flow.next_ns() if self._takes_transfers else 0
        book_ns = self._books.next_ns() if self._keeps_books else 0
        for due_ns in (transfer_ns, book_ns):
            if due_ns and (due_ns < next_ns or not next_ns):
                next_ns = due_ns
        for intake in self._intakes.values():
            waits_ns = intake.next_ns()
            if waits_ns and (waits_ns < next_ns or not next_ns):
                next_ns = waits_ns
        for venue in self._queried_ns:
            query_ns = self._query_ns(venue)
            if query_ns < next_ns or not next_ns:
                next_ns = query_ns
        if next_ns and (next_ns < self._asked_ns or not self._asked_ns):
            if next_ns <= now:  # Late; or, just after settling, more than one batch.
                next_ns = now + PAUSE_NS if just_settled else now
            self._asked_ns = next_ns
            outputs.append(WakeAt(self._asked_ns))

    # Answers.

    def _report(self, question: QueryHoldings, now: int) -> HoldingsReported:
        holdings = self._ledger.holdings(question.account)
        if self._desk.disturbance.misleads:
            holdings = tuple([self._as_told(holding) for holding in holdings])
        return HoldingsReported(
            to=question.asker,
            custodian=self._name,
            account=question.account,
            holdings=holdings,
            occurred_ns=now,
            last_trade_id=self._last_trade_id(question.account),
        )

    def _last_trade_id(self, account: str) -> int:
        """Up to which trade of its venue the books of an account are whole; 0 where that cannot be said."""
        intakes = list(self._intakes.values())
        intake = self._intakes.get(self._places.get(account, ""), intakes[0] if len(intakes) == 1 else None)
        return 0 if intake is None else intake.last_whole_id()

    def _as_told(self, holding: Holding) -> Holding:
        posted_minor, pending_minor = self._desk.disturbance.told(holding.account, holding.asset)
        return Holding(
            account=holding.account,
            asset=holding.asset,
            posted_minor=carried(holding.posted_minor + posted_minor),
            pending_minor=carried(holding.pending_minor + pending_minor),
        )

    def _report_settlements(self, question: QuerySettlements, now: int) -> SettlementsReported:
        return SettlementsReported(
            to=question.asker,
            custodian=self._name,
            account=question.account,
            settlements=self._desk.unsettled(question.account, question.most_told, now),
            unsettled_count=self._desk.unsettled_count(question.account),
            occurred_ns=now,
        )

    # Faults.

    def _disturb(self, command: FaultCustody | DrainAccount, now: int) -> list[Message]:
        injection_id = command.injection_id
        if self._is_in_force(injection_id) or injection_id in self._past_faults:
            return []
        refusal = self._begin(command, now)
        if refusal:
            return [InjectionRefused(injection_id=injection_id, detail=refusal, occurred_ns=now)]
        if isinstance(command, DrainAccount):
            started = self._started(injection_id, OUTFLOW, command.account, now)
            return [started, self._outflows.drain(command, now)]
        return [self._started(injection_id, command.custody_fault.value, self._name, now)]

    def _started(self, injection_id: str, kind: str, subject: str, now: int) -> InjectionStarted:
        return InjectionStarted(
            injection_id=injection_id, kind=kind, target=self._name, subjects=(subject,), occurred_ns=now
        )

    def _begin(self, command: FaultCustody | DrainAccount, now: int) -> str:
        """Begin a fault. Returns why it cannot be; empty if it can."""
        if isinstance(command, DrainAccount):
            return self._outflows.refusal(command)
        if command.custody_fault not in OF_TRANSFERS:
            return self._desk.disturb(command)
        if not self._takes_transfers:
            return "there is nothing to freeze: no transfers are taken here"
        refusal = self._obstruction.refusal()
        if not refusal:
            self._obstruction.begin(command, now)
        return refusal

    def _is_in_force(self, injection_id: str) -> bool:
        faults = (self._desk.disturbance.fault, self._obstruction.fault)
        return self._outflows.has(injection_id) or injection_id in [each.injection_id for each in faults if each]

    def _restore_order(self, command: RestoreCustody, now: int) -> list[Message]:
        injection_id = command.injection_id
        if not self._is_in_force(injection_id):
            return []
        self._past_faults.append(injection_id)
        ended = InjectionEnded(injection_id=injection_id, occurred_ns=now)
        if self._outflows.has(injection_id):
            return [self._outflows.bring_back(injection_id, now), ended]
        fault = self._obstruction.fault
        if fault is not None and fault.injection_id == injection_id:
            self._obstruction.end()
            self._transfers.flow.thaw(now)
        else:
            self._desk.restore_order(now)
        return [ended]

    # State.

    def save(self) -> Plain:
        state: dict[str, Plain] = {
            "ledger": self._ledger.save(),
            "desk": self._desk.save(),
            "transfers": self._transfers.save(),
            "intakes": {venue: intake.save() for venue, intake in self._intakes.items()},
            "asked_ns": self._asked_ns,
            "queried_ns": dict(self._queried_ns),
            "past_faults": list(self._past_faults),
            "obstruction": self._obstruction.save(),
            "outflows": self._outflows.save(),
        }
        if self._keeps_books:
            state["books"] = self._books.save()
        return state

    def restore(self, state: Plain) -> None:
        saved = cast(dict[str, object], state)
        self._ledger.restore(**cast(dict[str, object], saved["ledger"]))  # type: ignore[arg-type]
        self._desk.restore(*cast(list[object], saved["desk"]))  # type: ignore[arg-type]
        self._transfers.restore(cast(list[object], saved["transfers"]))
        self._queried_ns = dict(cast(dict[str, int], saved["queried_ns"]))
        self._intakes = {}
        for venue, values in cast(dict[str, list[object]], saved["intakes"]).items():
            self._intakes[venue] = TradeIntake(self._gap_wait_ns)
            self._intakes[venue].restore(*values)  # type: ignore[arg-type]
        self._books.restore(cast(list[object], saved.get("books", [0, 0, False])))
        self._asked_ns = cast(int, saved["asked_ns"])
        self._past_faults = list(cast(list[str], saved["past_faults"]))
        self._obstruction.restore(cast(list[object], saved.get("obstruction", [])))
        self._outflows.restore(cast(dict[str, list[object]], saved.get("outflows", {})))


def accounts_apart(config: CustodianConfig) -> dict[str, dict[str, int]]:
    """What is held here besides the accounts of venues, as far as the world needs it."""
    apart: dict[str, dict[str, int]] = {}
    if config.transfers.offered:
        apart.update(config.transfers.vaults)
        apart[TRANSIT] = {}
    if config.nets_settlements or config.settles_profits:
        apart[CLEARING] = {}
    if config.settles_profits:
        apart[INSURANCE] = {}
    return apart


def is_whole(report: TradesReported) -> bool:
    """Whether it is what it has to be: one trade after the other, from the first on, all of its venue."""
    for place, trade in enumerate(report.trades):
        if trade.trade_id != report.from_trade_id + place or trade.venue != report.venue:
            return False
    return True
