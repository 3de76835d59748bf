"""Trades to instructions, and instructions to postings when they are due: delivery versus payment.

Rule 1: an instruction moves by its table (`instructions.py`): not before it is due, and of each leg the same part.
Rule 2: instructions are tried in the order of (time, due time, instruction id), at most `BATCH` at one moment. Where
the world nets settlements, those of trades that are tried at one cut-off are tried together (`netting.py`).
Rule 3: a trade that spends what is still to come in is not due before that has come (see `_due_ns`).
Rule 4: one that falls short is tried again on each business day, and canceled when it is `cancel_after` of them old;
but never one of no trade: what was lost at the venue is gone there.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import cast, final

from trading_ecosystem.messages.books import NettedInstruction, NettingSettled, Profit
from trading_ecosystem.messages.chaos import CustodyFault, FaultCustody
from trading_ecosystem.messages.custody import (
    FailReason,
    PartPosted,
    Posting,
    Settlement,
    SettlementCanceled,
    SettlementFailed,
    SettlementInstructed,
    SettlementStatus,
    TransactionPosted,
)
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import TradeExecuted
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.custodian.calendar import DAY_NS, BusinessCalendar
from trading_ecosystem.simulators.custodian.config import CustodianConfig
from trading_ecosystem.simulators.custodian.disturbance import MILLION, Disturbance
from trading_ecosystem.simulators.custodian.instructions import (
    Instruction,
    SettlementStep,
    cut,
    payable_lots,
    restored,
)
from trading_ecosystem.simulators.custodian.ledger import CLEARING, Ledger, Transaction
from trading_ecosystem.simulators.custodian.legs import add_posting, is_possible, postings_of
from trading_ecosystem.simulators.custodian.netting import NettingSet

BATCH = 1_000
MOST_TOLD = 100  # Instructions in one report.


@final
class SettlementDesk:
    """Keeps the instructions that are not over, and of those that are over only their number."""

    __slots__ = (
        "_calendar",
        "_config",
        "_instruction_count",
        "_ledger",
        "_name",
        "_netting_count",
        "_of_account",
        "_open",
        "_queue",
        "_reference",
        "disturbance",
    )

    def __init__(self, name: str, config: CustodianConfig, reference: ReferenceData, ledger: Ledger) -> None:
        self._name = name
        self._config = config
        self._reference = reference
        self._calendar = BusinessCalendar(config.holidays)
        self._ledger = ledger
        self.disturbance = Disturbance()
        self._instruction_count = 0
        self._netting_count = 0
        self._open: dict[int, Instruction] = {}
        self._of_account: dict[str, list[tuple[int, int]]] = {}  # (due_ns, instruction_id), in order.
        self._queue: list[tuple[int, int, int]] = []  # A heap of (attempt_ns, due_ns, instruction_id).

    def instruct(self, trade: TradeExecuted, now: int) -> SettlementInstructed | SettlementFailed:
        """Make a trade pending, or refuse it."""
        ledger = self._ledger
        if not ledger.is_customer(trade.buyer_account) or not ledger.is_customer(trade.seller_account):
            return self.refuse(trade, FailReason.UNKNOWN_ACCOUNT, now)
        instrument = self._reference.instruments.get(trade.symbol)
        if instrument is None:
            return self.refuse(trade, FailReason.UNKNOWN_SYMBOL, now)
        if not is_possible(trade, instrument):
            return self.refuse(trade, FailReason.IMPOSSIBLE_TRADE, now)
        transaction = ledger.transaction(postings_of(trade, instrument))
        due_ns = self._due_ns(trade, transaction, now)
        self._instruction_count += 1
        instruction = Instruction(
            self._instruction_count,
            trade.trade_id,
            trade.venue,
            trade.buyer_account,
            trade.seller_account,
            trade.quantity_lots,
            due_ns,
            transaction,
        )
        self._pend(instruction)
        return self._told(instruction, now)

    def instruct_profit(self, venue: str, profit: Profit, now: int) -> SettlementInstructed | SettlementFailed:
        """Make pending what an account gained in perpetuals, or lost: an instruction of no trade (`trade_id` 0), which
        is due at once or when that has come in which a loss relies on, and is tried until it settles."""
        ledger = self._ledger
        if not ledger.has_account(profit.account):
            return SettlementFailed(
                custodian=self._name,
                instruction_id=0,
                trade_id=0,
                fail_reason=FailReason.UNKNOWN_ACCOUNT,
                occurred_ns=now,
            )
        postings: list[Posting] = []
        add_posting(postings, CLEARING, profit.account, profit.asset, profit.amount_minor)
        transaction = ledger.transaction(tuple(postings))
        due_ns = max(now, ledger.relies_until_ns(transaction)) if profit.amount_minor < 0 else now
        self._instruction_count += 1
        (posting,) = transaction.postings
        payer, payee = posting.debit_account, posting.credit_account
        instruction = Instruction(self._instruction_count, 0, venue, payer, payee, 1, due_ns, transaction)
        self._pend(instruction)
        return self._told(instruction, now)

    def _told(self, instruction: Instruction, now: int) -> SettlementInstructed:
        return SettlementInstructed(
            custodian=self._name,
            instruction_id=instruction.instruction_id,
            trade_id=instruction.trade_id,
            venue=instruction.venue,
            postings=instruction.transaction.postings,
            due_ns=instruction.due_ns,
            occurred_ns=now,
        )

    def refuse(self, trade: TradeExecuted, reason: FailReason, now: int) -> SettlementFailed:
        return SettlementFailed(
            custodian=self._name, instruction_id=0, trade_id=trade.trade_id, fail_reason=reason, occurred_ns=now
        )

    def settle_due(self, now: int) -> list[Message]:
        """Try what is due, up to a batch; the rest is still due afterwards."""
        outcomes: list[Message] = []
        together: list[Instruction] = []  # Tried at the cut-off `attempt_ns`.
        tried = 0
        while self._queue and self._queue[0][0] <= now and tried < BATCH:
            attempt_ns, _, instruction_id = heappop(self._queue)
            instruction = self._open.get(instruction_id)
            if instruction is not None and instruction.attempt_ns == attempt_ns:  # Else it is tried at another time.
                tried += 1
                if together and together[0].attempt_ns != attempt_ns:
                    self._settle_together(together, now, outcomes)
                    together = []
                if self._is_netted(instruction):
                    together.append(instruction)
                else:
                    self._try(instruction, now, outcomes)
        if together:
            self._settle_together(together, now, outcomes)
        return outcomes

    def _is_netted(self, instruction: Instruction) -> bool:
        """While settlement is disturbed, each is tried by the rules of the fault; what it held back, when it ends."""
        if not self._config.nets_settlements or instruction.attempt_ns % DAY_NS != self._config.cut_off_ns:
            return False
        return instruction.trade_id != 0 and self.disturbance.fault is None

    def _settle_together(self, instructions: list[Instruction], now: int, outcomes: list[Message]) -> None:
        for instruction in instructions:
            if instruction.status is SettlementStatus.MATCHED:
                instruction.take(SettlementStep.FELL_DUE)
        netting = NettingSet(instructions, self._ledger)
        netting.make_payable()
        if netting.instructions:
            outcomes.append(self._post_net(netting, now))
        for instruction in netting.left_out:
            self._try(instruction, now, outcomes)

    def _post_net(self, netting: NettingSet, now: int) -> NettingSettled:
        ledger, cut_off_ns = self._ledger, netting.instructions[0].attempt_ns
        transaction = ledger.transaction(netting.postings())
        for instruction in netting.instructions:
            ledger.void(instruction.transaction)
            instruction.take(SettlementStep.SETTLED)
            self._close(instruction)
        ledger.pend(transaction, now)
        self._netting_count += 1
        return NettingSettled(
            custodian=self._name,
            netting_id=self._netting_count,
            transaction_id=ledger.post(transaction),
            cut_off_ns=cut_off_ns,
            netted=tuple(
                [
                    NettedInstruction(instruction_id=each.instruction_id, trade_id=each.trade_id)
                    for each in netting.instructions
                ]
            ),
            postings=transaction.postings,
            occurred_ns=now,
        )

    def next_ns(self) -> int:
        """The earliest time of an attempt; 0 for none."""
        return self._queue[0][0] if self._queue else 0

    def unsettled(self, account: str, most: int, now: int) -> tuple[Settlement, ...]:
        """What has not settled for an account, by due time, as far as is told at once; `most` of it where above 0."""
        told: list[Settlement] = []
        for _, instruction_id in self._of_account.get(account, ())[: min(most, MOST_TOLD) if most > 0 else MOST_TOLD]:
            instruction = self._open[instruction_id]
            matched = instruction.status is SettlementStatus.MATCHED
            told.append(
                Settlement(
                    instruction_id=instruction_id,
                    trade_id=instruction.trade_id,
                    venue=instruction.venue,
                    settlement_status=SettlementStatus.PENDING
                    if matched and instruction.due_ns <= now
                    else instruction.status,
                    due_ns=instruction.due_ns,
                    retry_ns=instruction.attempt_ns,
                    age_days=self._age_days(instruction, now),
                )
            )
        return tuple(told)

    def unsettled_count(self, account: str) -> int:
        return len(self._of_account.get(account, ()))

    # Faults.

    def disturb(self, command: FaultCustody) -> str:
        """Begin a fault. Returns why it cannot be; empty if it can."""
        refusal = self.disturbance.refusal(command)
        if not refusal:
            self.disturbance.begin(command)
        return refusal

    def restore_order(self, now: int) -> None:
        """End the fault: what it held back is tried now."""
        for instruction_id in self.disturbance.end():
            instruction = self._open.get(instruction_id)
            if instruction is not None and instruction.attempt_ns != now:
                if instruction.attempt_ns == 0:
                    self._list(instruction)
                self._enqueue(instruction, now)

    # One attempt.

    def _try(self, instruction: Instruction, now: int, outcomes: list[Message]) -> None:
        assert instruction.due_ns <= now
        if instruction.status is SettlementStatus.MATCHED:
            instruction.take(SettlementStep.FELL_DUE)
        fault = self.disturbance.fault
        if fault is None:
            self._settle(instruction, instruction.lots, self._config.partial, now, outcomes)
            return
        held = self.disturbance.held
        if fault.custody_fault is CustodyFault.DUPLICATE:
            transaction = instruction.transaction
            if self._settle(instruction, instruction.lots, self._config.partial, now, outcomes):
                self.disturbance.tell_twice(transaction)
            return
        held.append(instruction.instruction_id)
        if fault.custody_fault is CustodyFault.DELAY:
            if instruction.due_ns + fault.by_ns <= now:
                held.pop()
                self._settle(instruction, instruction.lots, self._config.partial, now, outcomes)
            else:
                self._enqueue(instruction, instruction.due_ns + fault.by_ns)
        elif fault.custody_fault is CustodyFault.SAYS_DONE:
            instruction.attempt_ns = 0
            self._unlist(instruction)
            self.disturbance.tell_gone(instruction.transaction)
        elif fault.custody_fault is CustodyFault.PARTIAL:
            self._settle(instruction, max(1, instruction.lots * fault.share_ppm // MILLION), True, now, outcomes)
        else:
            self._fall_short(instruction, FailReason.CUSTODIAN_REJECTED, now, outcomes)

    def _settle(self, instruction: Instruction, most: int, partial: bool, now: int, outcomes: list[Message]) -> bool:
        """Post all of an instruction, or a part of up to `most` lots where that is allowed. True if all."""
        ledger = self._ledger
        short_account = ledger.short_account(instruction.transaction)
        if not short_account and most == instruction.lots:
            instruction.take(SettlementStep.SETTLED)
            self._close(instruction)
            outcomes.append(
                TransactionPosted(
                    custodian=self._name,
                    transaction_id=ledger.post(instruction.transaction),
                    instruction_id=instruction.instruction_id,
                    postings=instruction.transaction.postings,
                    occurred_ns=now,
                )
            )
            return True
        lots = payable_lots(instruction, min(most, instruction.lots - 1), ledger) if partial else 0
        if lots:
            outcomes.append(self._post_part(instruction, lots, now))
        if lots and not short_account:
            self._enqueue(instruction, self._retry_ns(now))
        elif short_account:
            lacks_cash = short_account == instruction.buyer  # The cash leg comes first in the postings.
            reason = FailReason.BUYER_LACKS_CASH if lacks_cash else FailReason.SELLER_LACKS_ASSET
            self._fall_short(instruction, reason, now, outcomes)
        else:
            self._fall_short(instruction, FailReason.CUSTODIAN_REJECTED, now, outcomes)
        return False

    def _post_part(self, instruction: Instruction, lots: int, now: int) -> PartPosted:
        ledger, whole = self._ledger, instruction.transaction
        taken, left = cut(whole.postings, lots, instruction.lots)
        ledger.void(whole)
        part, rest = ledger.transaction(taken), ledger.transaction(left)
        ledger.pend(part, instruction.due_ns)
        ledger.pend(rest, instruction.due_ns)
        instruction.transaction = rest
        instruction.lots -= lots
        instruction.take(SettlementStep.PART_SETTLED)
        return PartPosted(
            custodian=self._name,
            transaction_id=ledger.post(part),
            instruction_id=instruction.instruction_id,
            postings=taken,
            retry_ns=self._retry_ns(now),
            occurred_ns=now,
        )

    def _fall_short(self, instruction: Instruction, reason: FailReason, now: int, outcomes: list[Message]) -> None:
        """Try it again on the next business day, unless it is too old for that."""
        instruction.take(SettlementStep.FELL_SHORT)
        age_days = self._age_days(instruction, now)
        given_up = age_days >= self._config.cancel_after and instruction.trade_id != 0
        if not given_up:
            self._enqueue(instruction, self._retry_ns(now))
        outcomes.append(
            SettlementFailed(
                custodian=self._name,
                instruction_id=instruction.instruction_id,
                trade_id=instruction.trade_id,
                fail_reason=reason,
                occurred_ns=now,
                age_days=age_days,
                retry_ns=0 if given_up else instruction.attempt_ns,
            )
        )
        if given_up:
            instruction.take(SettlementStep.GAVE_UP)
            self._ledger.void(instruction.transaction)
            self._close(instruction)
            outcomes.append(
                SettlementCanceled(
                    custodian=self._name,
                    instruction_id=instruction.instruction_id,
                    trade_id=instruction.trade_id,
                    fail_reason=reason,
                    age_days=age_days,
                    occurred_ns=now,
                )
            )

    # Times.

    def _due_ns(self, trade: TradeExecuted, transaction: Transaction, now: int) -> int:
        """The end of the instrument's cycle, or later, when all has come in that the trade relies on.

        Why nothing fails at a venue where nobody overspends, when its trades come in order. Take a debit that is
        settled, and of the debits of that balance settled so far the one that was instructed last, D. When D was
        instructed, either posted amounts covered it besides all pending debits, and then they cover those of them
        that were settled since. Or the venue's balance, which is posted amounts and all pending together, covered
        it, and all that was pending to come in then was due no later than D, and so was settled before it.
        """
        business_days = self._config.cycle(trade.symbol)
        if business_days == 0:
            cycle_ns = trade.occurred_ns + self._config.same_day_delay_ns
        else:
            cycle_ns = self._calendar.settlement_ns(trade.occurred_ns, business_days, self._config.cut_off_ns)
        return max(cycle_ns, now, self._ledger.relies_until_ns(transaction))

    def _retry_ns(self, now: int) -> int:
        return self._calendar.settlement_ns(now, 1, self._config.cut_off_ns)

    def _age_days(self, instruction: Instruction, now: int) -> int:
        """Business days since the due date."""
        if now - instruction.due_ns < 0:
            return 0
        return self._calendar.business_days_between(instruction.due_ns // DAY_NS, now // DAY_NS)

    # What is open.

    def _pend(self, instruction: Instruction) -> None:
        self._ledger.pend(instruction.transaction, instruction.due_ns)
        self._open[instruction.instruction_id] = instruction
        if instruction.attempt_ns:
            self._list(instruction)
            self._enqueue(instruction, instruction.attempt_ns)

    def _enqueue(self, instruction: Instruction, attempt_ns: int) -> None:
        instruction.attempt_ns = attempt_ns
        heappush(self._queue, (attempt_ns, instruction.due_ns, instruction.instruction_id))

    def _close(self, instruction: Instruction) -> None:
        del self._open[instruction.instruction_id]
        self._unlist(instruction)

    def _list(self, instruction: Instruction) -> None:
        line = (instruction.due_ns, instruction.instruction_id)
        for account in parties(instruction):
            lines = self._of_account.setdefault(account, [])
            if lines and line < lines[-1]:
                insort(lines, line)
            else:
                lines.append(line)

    def _unlist(self, instruction: Instruction) -> None:
        for account in parties(instruction):
            lines = self._of_account[account]
            place = bisect_left(lines, (instruction.due_ns, instruction.instruction_id))
            assert lines[place][1] == instruction.instruction_id
            del lines[place]

    def save(self) -> list[object]:
        """As plain data, for `restore`."""
        state: list[object] = [
            self._instruction_count,
            [instruction.save() for instruction in self._open.values()],
            self.disturbance.save(),
        ]
        return [*state, self._netting_count] if self._config.nets_settlements else state

    def restore(
        self, instruction_count: int, saved: list[list[object]], disturbance: list[object], netting_count: int = 0
    ) -> None:
        """Take over what `save` returned, once the ledger has been restored."""
        self._instruction_count = instruction_count
        self._netting_count = netting_count
        self._open, self._queue, self._of_account = {}, [], {}
        for values in saved:
            self._pend(restored(values, self._ledger))
        plain, held, told = disturbance
        self.disturbance.restore(cast(list[object], plain), cast(list[int], held), cast(dict[str, list[int]], told))


def parties(instruction: Instruction) -> Sequence[str]:
    """Each account once."""
    if instruction.buyer == instruction.seller:
        return (instruction.buyer,)
    return (instruction.buyer, instruction.seller)
