"""The streaming checker: re-derives balances, orders and settlements from what was said, and nothing else.

Rule 1: it imports no service; it knows messages, the opening balances and the sizes of ticks and lots.
Rule 2: what it keeps is what is still open: open orders, trades in flight, pending instructions, balances.
Rule 3: a violation is reported when it comes about, not again for as long as it lasts.
"""

from typing import final

from trading_ecosystem.messages.audit import Envelope, InvariantViolated
from trading_ecosystem.messages.books import BooksCompared, NettingSettled, ProfitsReported
from trading_ecosystem.messages.chaos import OUTFLOW, InjectionEnded, InjectionStarted
from trading_ecosystem.messages.custody import (
    PartPosted,
    Posting,
    SettlementCanceled,
    SettlementFailed,
    SettlementInstructed,
    TransactionPosted,
)
from trading_ecosystem.messages.kill_switch import KillSwitchChanged
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import (
    AccountEvent,
    SubmitOrder,
    TradeExecuted,
)
from trading_ecosystem.messages.transfers import AccountMoved, TransferChanged, TransferPosted
from trading_ecosystem.validation.audit_correlator.invariants import Checker, Findings, Invariant
from trading_ecosystem.validation.audit_correlator.kill_record import KillRecord
from trading_ecosystem.validation.audit_correlator.margin_record import MarginRecord
from trading_ecosystem.validation.audit_correlator.movement_record import Changes, MovementRecord
from trading_ecosystem.validation.audit_correlator.outflow_record import OutflowRecord
from trading_ecosystem.validation.audit_correlator.profit_record import CLEARING, ProfitRecord
from trading_ecosystem.validation.audit_correlator.venue_record import VenueRecord

FEES, EXTERNAL, TRANSIT = "fees", "external", "transit"
CUSTODIAN = "its custodian"  # Where a venue's totals come from and go to.
INSURANCE = "insurance"
MAY_OWE = (FEES, EXTERNAL, CUSTODIAN, CLEARING)
APART = (EXTERNAL, TRANSIT)  # From settlements.
OWN = (FEES, EXTERNAL, TRANSIT, CUSTODIAN, CLEARING, INSURANCE)
OF_TRANSFERS = (TransferChanged, TransferPosted)
UNTOLD = "venue.lost_reports"
MISTOLD = ("venue.latency", "venue.duplicate_reports", UNTOLD)
OF_BOOKS = (ProfitsReported, NettingSettled, BooksCompared)
OF_CUSTODY = (SettlementInstructed, TransactionPosted, PartPosted, SettlementFailed, SettlementCanceled)
CHECKED = (
    *(InjectionStarted, InjectionEnded, SubmitOrder, KillSwitchChanged, AccountEvent, TradeExecuted),
    *(*OF_CUSTODY, *OF_TRANSFERS, *OF_BOOKS),
)
NOTHING: list[InvariantViolated] = []


@final
class Balances:
    """Account -> asset -> minor units, and how far each asset's total is from that of the opening."""

    __slots__ = ("amounts", "drift")

    def __init__(self, opening: dict[str, dict[str, int]]) -> None:
        self.amounts = {account: dict(amounts) for account, amounts in opening.items()}
        for account in OWN:
            self.amounts.setdefault(account, {})
        self.drift: dict[str, int] = {}

    def apply(
        self,
        changes: Changes,
        conserves: Invariant,
        not_negative: Invariant,
        findings: Findings,
        apart: tuple[str, ...] = (),
    ) -> None:
        """Make changes that belong together, and report what they break.

        What moves to or from an account that was not there at the opening, or is kept apart, is missing in the total.
        """
        before: dict[str, int] = {}
        for (account, asset), amount in changes.items():
            before.setdefault(asset, self.drift.get(asset, 0))
            amounts = self.amounts.get(account)
            if amounts is None or account in apart:
                continue
            old = amounts.get(asset, 0)
            amounts[asset] = old + amount
            self.drift[asset] = self.drift.get(asset, 0) + amount
            if old + amount < 0 <= old and account not in MAY_OWE:
                findings.add(not_negative, f"{account} has {amounts[asset]} of {asset}")
        for asset, drift in before.items():
            if self.drift.get(asset, 0) not in (0, drift):
                findings.add(conserves, f"all accounts together have {self.drift[asset]:+} of {asset}")


@final
class PendingInstruction:
    """`trade_changes` is what the trade did at the venue, `changes` what the instruction is to do in custody.

    Both, and `postings`, are without what has been posted in part.
    """

    __slots__ = ("changes", "message", "postings", "trade_changes")

    def __init__(self, message: SettlementInstructed, changes: Changes, trade_changes: Changes) -> None:
        self.message = message
        self.postings = message.postings
        self.changes = changes
        self.trade_changes = trade_changes


@final
class ConservationChecker(Checker):
    """`accounts`: account -> asset -> minor units, at the venue and in custody alike at the start; `vaults`: the same,
    in custody alone.

    The two sizes are those of `Instrument`, by symbol. Every envelope of a checked type that leaves a service is
    observed, once.
    A trade that is refused or a settlement that is canceled is no violation when it happens, but at the end exchange
    and custody differ by it.
    """

    __slots__ = (
        "_base_minor",
        "_custody",
        "_difference",
        "_failed",
        "_grace_ns",
        "_instructions",
        "_kills",
        "_last_instruction_id",
        "_margined",
        "_margins",
        "_mistold",
        "_movements",
        "_not_in_custody",
        "_outflows",
        "_pending",
        "_posted",
        "_profits",
        "_quote_minor",
        "_refused",
        "_trades",
        "_venue",
        "_venues",
    )

    def __init__(
        self,
        accounts: dict[str, dict[str, int]],
        quote_minor_per_tick_lot: dict[str, int],
        base_minor_per_lot: dict[str, int],
        grace_ns: int = 0,
        vaults: dict[str, dict[str, int]] | None = None,
        margined: dict[str, str] | None = None,
    ) -> None:
        """At the end, what is due to be over since less than `grace_ns` may be open. Trades in the symbols that are
        `margined`, each in an asset, move positions and no balances: nothing of them settles."""
        self._grace_ns = grace_ns
        self._margined = margined or {}
        self._margins: dict[str, MarginRecord] = {}  # By venue.
        self._quote_minor = quote_minor_per_tick_lot
        self._base_minor = base_minor_per_lot
        self._venue = Balances(accounts)
        self._custody = Balances({**accounts, **(vaults or {})})
        self._movements = MovementRecord()
        self._profits = ProfitRecord()
        self._kills = KillRecord()
        # Venue less custody, where that is not zero. Custody is what is posted and pending, and what is known
        # not to be there: trades in flight and trades that failed.
        self._difference: Changes = {}
        self._venues: dict[str, VenueRecord] = {}
        self._refused: list[int] = []  # Trades, by a number that several venues had in flight.
        self._pending: dict[str, dict[int, PendingInstruction]] = {}  # By custodian and instruction id.
        self._last_instruction_id: dict[str, int] = {}
        self._mistold: dict[str, str] = {}  # Faults that have a venue tell orders and fills wrongly, and the venue.
        self._outflows = OutflowRecord()
        self._not_in_custody: list[str] = []
        self._trades = self._instructions = self._posted = self._failed = 0

    def is_checked(self, message_type: type) -> bool:
        return issubclass(message_type, CHECKED)

    def observe(self, envelope: Envelope) -> list[InvariantViolated]:
        message = envelope.message
        if isinstance(message, (InjectionStarted, InjectionEnded)):
            self._note_fault(message)
            return NOTHING
        findings = Findings(envelope.message_id, envelope.sent_ns)
        if isinstance(message, (SubmitOrder, KillSwitchChanged)):
            self._kills.observe(message, findings)
        else:
            self._check(message, findings)
        return findings.found or NOTHING

    def _note_fault(self, receipt: InjectionStarted | InjectionEnded) -> None:
        """What a venue tells wrongly on purpose violates nothing; nor does what leaves custody on purpose."""
        if isinstance(receipt, InjectionStarted):
            if receipt.kind == OUTFLOW:
                self._outflows.in_force.append(receipt.injection_id)
            elif receipt.kind in MISTOLD:
                self._mistold[receipt.injection_id] = receipt.target
                self._record(receipt.target).doubt()
                if receipt.kind == UNTOLD:
                    self._margin(receipt.target).doubt()
        elif receipt.injection_id in self._outflows.in_force:
            self._outflows.in_force.remove(receipt.injection_id)
        elif receipt.injection_id in self._mistold:
            venue = self._mistold.pop(receipt.injection_id)
            self._record(venue).trust_again()
            self._margin(venue).trust_again()

    def finish(self, now: int) -> list[InvariantViolated]:
        """What is open at the end and must not be. What is due to be over since less than the grace may be open."""
        findings = Findings(0, now)
        for venue, record in self._venues.items():
            record.report_untold(now + 1, findings)
            self._kills.finish(record, now - self._grace_ns, findings)
            for trade in record.in_flight.values():
                if trade.trade_id in self._refused:
                    self._refused.remove(trade.trade_id)
                elif trade.occurred_ns <= now - self._grace_ns:
                    findings.add(Invariant.NONE_IN_FLIGHT, f"trade {trade.trade_id} of {venue} has no instruction")
        for custodian, pending in self._pending.items():
            for instruction_id, instruction in pending.items():
                if instruction.message.due_ns <= now - self._grace_ns:
                    findings.add(Invariant.SETTLES_ON_TIME, f"instruction {instruction_id} of {custodian} is open")
        self._movements.report_open(now - self._grace_ns, findings)
        self._profits.report_open(now - self._grace_ns, findings)
        for margin in self._margins.values():
            margin.finish(findings)
        self._outflows.finish(findings)
        for detail in self._not_in_custody:
            findings.add(Invariant.EXCHANGE_AND_CUSTODY, detail)
        return findings.found

    def figures(self) -> dict[str, int]:
        return {
            "trades": self._trades,
            "instructions": self._instructions,
            "posted": self._posted,
            "failed": self._failed,
            "in_flight": sum([len(record.in_flight) for record in self._venues.values()]),
        }

    def _check(self, message: Message, findings: Findings) -> None:
        if isinstance(message, AccountEvent):
            self._on_account_event(message, findings)
        elif isinstance(message, TransferPosted):
            self._on_transfer_posted(message, findings)
        elif isinstance(message, TransferChanged):
            self._movements.expect(message)
        elif isinstance(message, TradeExecuted):
            self._on_trade(message, findings)
        elif isinstance(message, SettlementInstructed):
            self._on_instructed(message, findings)
        elif isinstance(message, TransactionPosted):
            self._on_posted(message, findings)
        elif isinstance(message, PartPosted):
            self._on_part_posted(message, findings)
        elif isinstance(message, SettlementFailed):
            self._on_failed(message, findings)
        elif isinstance(message, SettlementCanceled):
            self._on_canceled(message, findings)
        else:
            self._check_books(message, findings)

    def _check_books(self, message: Message, findings: Findings) -> None:
        if isinstance(message, NettingSettled):
            self._on_netted(message, findings)
        elif isinstance(message, ProfitsReported):
            self._profits.begin(message)
        elif isinstance(message, BooksCompared):
            self._on_compared(message, findings)

    def _on_compared(self, message: BooksCompared, findings: Findings) -> None:
        """What custody is known not to have is found there, too."""
        known = self._not_in_custody or self._outflows.in_force
        for each in message.breaks if not known else ():
            amounts = f"{each.venue_minor} of {each.asset} at the venue, {each.custody_minor} in custody"
            findings.add(Invariant.EXCHANGE_AND_CUSTODY, f"{each.account} has {amounts}")

    def _on_netted(self, message: NettingSettled, findings: Findings) -> None:
        """All that a netting set settles, it settles as it was instructed, net."""
        instructed: Changes = {}
        for each in message.netted:
            instruction = self._pending.get(message.custodian, {}).pop(each.instruction_id, None)
            what = f"instruction {each.instruction_id} settles in netting {message.netting_id}"
            if instruction is None:
                findings.add(Invariant.SETTLES_ONCE, f"{what} and was not pending")
                continue
            self._posted += 1
            if instruction.message.due_ns > message.occurred_ns:
                findings.add(Invariant.SETTLES_ON_TIME, f"{what} before it is due")
            subtract(instructed, {key: -minor for key, minor in instruction.changes.items()})
        changes = changes_of(message.postings, findings)
        self._custody.apply(changes, Invariant.CUSTODY_CONSERVES, Invariant.CUSTODY_NOT_NEGATIVE, findings, APART)
        if without_zeros(changes) != without_zeros(instructed):
            findings.add(Invariant.SETTLES_AS_INSTRUCTED, f"netting {message.netting_id} moves something else")
        self._replace(instructed, changes, findings)

    def _on_account_event(self, event: AccountEvent, findings: Findings) -> None:
        self._record(event.venue).on_account_event(event, findings)
        if self._margined:
            self._margin(event.venue).on_account_event(event, findings)
        if isinstance(event, AccountMoved):
            self._on_moved(event, findings)

    def _on_moved(self, moved: AccountMoved, findings: Findings) -> None:
        """Until the custodian has posted its part, it is known to be on its way."""
        self._movements.begin(moved, findings)
        key = (moved.account, moved.asset)
        changes = {key: moved.amount_minor, (CUSTODIAN, moved.asset): -moved.amount_minor}
        self._venue.apply(changes, Invariant.VENUE_CONSERVES, Invariant.VENUE_NOT_NEGATIVE, findings)

    def _on_transfer_posted(self, message: TransferPosted, findings: Findings) -> None:
        changes = changes_of(message.postings, findings)
        self._custody.apply(changes, Invariant.CUSTODY_CONSERVES, Invariant.CUSTODY_NOT_NEGATIVE, findings)
        if self._outflows.explains(message):
            self._outflows.move(changes)
            return
        at_venue = {key: minor for key, minor in changes.items() if key[0] in self._venue.amounts and key[0] not in OWN}
        self._replace(self._movements.end(message, findings), at_venue, findings)

    def _on_trade(self, trade: TradeExecuted, findings: Findings) -> None:
        self._trades += 1
        record = self._record(trade.venue)
        if trade.symbol not in self._quote_minor or trade.symbol not in self._base_minor:
            findings.add(Invariant.TWO_SIDES, f"trade {trade.trade_id} is in {trade.symbol}, which nobody knows")
            return
        record.on_trade(trade, findings)
        if trade.symbol in self._margined:
            self._margin(trade.venue).on_trade(trade)
            return
        record.in_flight[trade.trade_id] = trade
        changes = self._trade_changes(trade)
        self._venue.apply(changes, Invariant.VENUE_CONSERVES, Invariant.VENUE_NOT_NEGATIVE, findings)

    def _on_instructed(self, message: SettlementInstructed, findings: Findings) -> None:
        self._instructions += 1
        instruction_id = message.instruction_id
        last_id = self._last_instruction_id.get(message.custodian, 0)
        if instruction_id <= last_id:
            findings.add(Invariant.IDS_INCREASE, f"instruction {instruction_id} after {last_id}")
        self._last_instruction_id[message.custodian] = max(instruction_id, last_id)
        if message.trade_id == 0:
            self._on_profit_instructed(message, findings)
            return
        trade = self._record(message.venue).in_flight.pop(message.trade_id, None)
        if trade is None:
            detail = f"trade {message.trade_id} of {message.venue} is instructed and was not in flight"
            findings.add(Invariant.SETTLES_ONCE, detail)
        trade_changes = {} if trade is None else self._trade_changes(trade)
        changes = changes_of(message.postings, findings)
        pending = self._pending.setdefault(message.custodian, {})
        pending[instruction_id] = PendingInstruction(message, changes, trade_changes)
        self._replace(trade_changes, changes, findings)

    def _on_profit_instructed(self, message: SettlementInstructed, findings: Findings) -> None:
        told = self._profits.end(message, findings)
        changes = changes_of(message.postings, findings)
        pending = self._pending.setdefault(message.custodian, {})
        pending[message.instruction_id] = PendingInstruction(message, changes, told)
        self._replace(told, changes, findings)

    def _on_posted(self, message: TransactionPosted, findings: Findings) -> None:
        self._posted += 1
        instruction = self._pending.get(message.custodian, {}).pop(message.instruction_id, None)
        changes = changes_of(message.postings, findings)
        of_profit = instruction is not None and instruction.message.trade_id == 0
        apart = (TRANSIT,) if of_profit else APART  # What a venue pays in comes from outside.
        self._custody.apply(changes, Invariant.CUSTODY_CONSERVES, Invariant.CUSTODY_NOT_NEGATIVE, findings, apart)
        if instruction is None:
            detail = f"instruction {message.instruction_id} is posted and was not pending"
            findings.add(Invariant.SETTLES_ONCE, detail)
            self._replace({}, changes, findings)
            return
        if message.postings != instruction.postings:
            detail = f"instruction {message.instruction_id} is posted differently"
            findings.add(Invariant.SETTLES_AS_INSTRUCTED, detail)
        early_ns = instruction.message.due_ns - message.occurred_ns
        if early_ns > 0:
            detail = f"instruction {message.instruction_id} settles {early_ns} ns early"
            findings.add(Invariant.SETTLES_ON_TIME, detail)
        self._replace(instruction.changes, changes, findings)

    def _on_part_posted(self, message: PartPosted, findings: Findings) -> None:
        changes = changes_of(message.postings, findings)
        self._custody.apply(changes, Invariant.CUSTODY_CONSERVES, Invariant.CUSTODY_NOT_NEGATIVE, findings, APART)
        instruction = self._pending.get(message.custodian, {}).get(message.instruction_id)
        left = None if instruction is None else without(instruction.postings, message.postings)
        if instruction is None or left is None:
            detail = f"instruction {message.instruction_id} is posted in part, and that is no part of it"
            findings.add(Invariant.SETTLES_AS_INSTRUCTED, detail)
            self._replace({}, changes, findings)
            return
        instruction.postings = left
        subtract(instruction.changes, changes)
        subtract(instruction.trade_changes, changes)

    def _on_failed(self, message: SettlementFailed, findings: Findings) -> None:
        """A refused trade never settles; an instruction that fails is tried again."""
        self._failed += 1
        instruction_id = message.instruction_id
        if instruction_id == 0:
            self._forgive(message.trade_id)
            self._not_in_custody.append(f"trade {message.trade_id} is not in custody: {message.fail_reason}")
        elif instruction_id not in self._pending.get(message.custodian, {}):
            findings.add(Invariant.SETTLES_ONCE, f"instruction {instruction_id} fails and was not pending")

    def _forgive(self, trade_id: int) -> None:
        """A refusal names no venue: where several have a trade of this number in flight, one of them has no instruction
        at the end, and which that is shows only there."""
        flying = [record for record in self._venues.values() if trade_id in record.in_flight]
        if len(flying) == 1:
            del flying[0].in_flight[trade_id]
        elif flying:
            self._refused.append(trade_id)

    def _on_canceled(self, message: SettlementCanceled, findings: Findings) -> None:
        instruction_id = message.instruction_id
        instruction = self._pending.get(message.custodian, {}).pop(instruction_id, None)
        if instruction is None:
            findings.add(Invariant.SETTLES_ONCE, f"instruction {instruction_id} is canceled and was not pending")
            return
        self._replace(instruction.changes, instruction.trade_changes, findings)
        self._not_in_custody.append(f"trade {message.trade_id} is not in custody: {message.fail_reason}")

    def _replace(self, old: Changes, new: Changes, findings: Findings) -> None:
        """Custody counts `new` from now on instead of `old`."""
        for key in {**old, **new}:
            shift = old.get(key, 0) - new.get(key, 0)
            if shift:
                difference = self._difference.pop(key, 0) + shift
                if difference:
                    self._difference[key] = difference
                    detail = f"{key[0]} has {difference:+} of {key[1]} at the venue, compared with custody"
                    findings.add(Invariant.EXCHANGE_AND_CUSTODY, detail)

    def _trade_changes(self, trade: TradeExecuted) -> Changes:
        base, _, quote = trade.symbol.partition("/")
        base_minor = trade.quantity_lots * self._base_minor[trade.symbol]
        cost_minor = trade.price_ticks * trade.quantity_lots * self._quote_minor[trade.symbol]
        changes: Changes = {}
        add(changes, trade.buyer_account, base, base_minor)
        add(changes, trade.seller_account, base, -base_minor)
        add(changes, trade.buyer_account, quote, -cost_minor - trade.buyer_fee_minor)
        add(changes, trade.seller_account, quote, cost_minor - trade.seller_fee_minor)
        add(changes, FEES, quote, trade.buyer_fee_minor + trade.seller_fee_minor)
        return changes

    def _margin(self, venue: str) -> MarginRecord:
        margin = self._margins.get(venue)
        if margin is None:
            margin = self._margins[venue] = MarginRecord(self._margined)
        return margin

    def _record(self, venue: str) -> VenueRecord:
        record = self._venues.get(venue)
        if record is None:
            record = self._venues[venue] = VenueRecord()
        return record


def changes_of(postings: tuple[Posting, ...], findings: Findings) -> Changes:
    """The net changes of a transaction."""
    changes: Changes = {}
    for posting in postings:
        debit, credit, amount = posting.debit_account, posting.credit_account, posting.amount_minor
        if amount <= 0 or debit == credit:
            findings.add(Invariant.POSTINGS_MOVE, f"{amount} of {posting.asset} from {debit} to {credit}")
        add(changes, debit, posting.asset, -amount)
        add(changes, credit, posting.asset, amount)
    return changes


def without(postings: tuple[Posting, ...], part: tuple[Posting, ...]) -> tuple[Posting, ...] | None:
    """What a part leaves of postings; None where it is more than they have."""
    left: list[Posting] = []
    taken = list(part)
    for posting in postings:
        amount = posting.amount_minor
        if taken and same_way(taken[0], posting):
            amount -= taken.pop(0).amount_minor
        if amount < 0:
            return None
        if amount:
            left.append(
                Posting(
                    debit_account=posting.debit_account,
                    credit_account=posting.credit_account,
                    asset=posting.asset,
                    amount_minor=amount,
                )
            )
    return None if taken else tuple(left)


def same_way(one: Posting, other: Posting) -> bool:
    same_accounts = one.debit_account == other.debit_account and one.credit_account == other.credit_account
    return same_accounts and one.asset == other.asset


def without_zeros(changes: Changes) -> Changes:
    return {key: minor for key, minor in changes.items() if minor}


def subtract(changes: Changes, less: Changes) -> None:
    for (account, asset), amount in less.items():
        add(changes, account, asset, -amount)


def add(changes: Changes, account: str, asset: str, amount: int) -> None:
    changes[account, asset] = changes.get((account, asset), 0) + amount
