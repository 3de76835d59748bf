"""Trades to instructions, and instructions to postings when they are due: delivery versus payment.

Rule 1: an instruction is settled or fails exactly once, not before it is due, all of its postings or none.
Rule 2: instructions settle in the order of (due time, instruction id), and at most `BATCH` at one moment.
Rule 3: a trade that spends what is still to come in is not due before that has come (see `_due_ns`).
"""

from heapq import heappop, heappush
from typing import cast, final

from trading_ecosystem.messages import codec
from trading_ecosystem.messages.custody import (
    FailReason,
    Posting,
    SettlementFailed,
    SettlementInstructed,
    TransactionPosted,
)
from trading_ecosystem.messages.numbers import LARGEST
from trading_ecosystem.messages.orders import TradeExecuted
from trading_ecosystem.reference import Instrument, ReferenceData
from trading_ecosystem.simulators.custodian.calendar import BusinessCalendar
from trading_ecosystem.simulators.custodian.config import CustodianConfig
from trading_ecosystem.simulators.custodian.ledger import FEES, Ledger, Transaction

BATCH = 1_000
LATEST_NS = 1 << 62  # In the year 2116, with room for a cycle of settlement after it.


@final
class Instruction:
    __slots__ = ("buyer", "due_ns", "instruction_id", "trade_id", "transaction")

    def __init__(self, instruction_id: int, trade_id: int, buyer: str, due_ns: int, transaction: Transaction) -> None:
        self.instruction_id = instruction_id
        self.trade_id = trade_id
        self.buyer = buyer
        self.due_ns = due_ns
        self.transaction = transaction


@final
class SettlementDesk:
    """Keeps the instructions that are pending, and of those that are over only their number."""

    __slots__ = ("_calendar", "_config", "_due", "_instruction_count", "_ledger", "_name", "_pending", "_reference")

    def __init__(self, name: str, config: CustodianConfig, reference: ReferenceData, ledger: Ledger) -> None:
        self._name = name
        self._config = config
        self._reference = reference
        self._calendar = BusinessCalendar(config.holidays)
        self._ledger = ledger
        self._instruction_count = 0
        self._pending: dict[int, Instruction] = {}
        self._due: list[tuple[int, int]] = []  # A heap of (due_ns, instruction_id).

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
        instruction_id = self._instruction_count
        self._pend(Instruction(instruction_id, trade.trade_id, trade.buyer_account, due_ns, transaction))
        return SettlementInstructed(
            custodian=self._name,
            instruction_id=instruction_id,
            trade_id=trade.trade_id,
            venue=trade.venue,
            postings=transaction.postings,
            due_ns=due_ns,
            occurred_ns=now,
        )

    def refuse(self, trade: TradeExecuted, reason: FailReason, now: int) -> SettlementFailed:
        return SettlementFailed(
            custodian=self._name, instruction_id=0, trade_id=trade.trade_id, fail_reason=reason, occurred_ns=now
        )

    def settle_due(self, now: int) -> list[TransactionPosted | SettlementFailed]:
        """Settle what is due, up to a batch; the rest is still due afterwards."""
        outcomes: list[TransactionPosted | SettlementFailed] = []
        while self._due and self._due[0][0] <= now and len(outcomes) < BATCH:
            instruction = self._pending.pop(heappop(self._due)[1])
            outcomes.append(self._settle(instruction, now))
        return outcomes

    def next_ns(self) -> int:
        """The earliest due time; 0 for none."""
        return self._due[0][0] if self._due else 0

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

    def _pend(self, instruction: Instruction) -> None:
        self._ledger.pend(instruction.transaction, instruction.due_ns)
        self._pending[instruction.instruction_id] = instruction
        heappush(self._due, (instruction.due_ns, instruction.instruction_id))

    def _settle(self, instruction: Instruction, now: int) -> TransactionPosted | SettlementFailed:
        assert instruction.due_ns <= now
        transaction = instruction.transaction
        short_account = self._ledger.short_account(transaction)
        if short_account:
            self._ledger.void(transaction)
            lacks_cash = short_account == instruction.buyer  # The cash leg comes first in the postings.
            return SettlementFailed(
                custodian=self._name,
                instruction_id=instruction.instruction_id,
                trade_id=instruction.trade_id,
                fail_reason=FailReason.BUYER_LACKS_CASH if lacks_cash else FailReason.SELLER_LACKS_ASSET,
                occurred_ns=now,
            )
        return TransactionPosted(
            custodian=self._name,
            transaction_id=self._ledger.post(transaction),
            instruction_id=instruction.instruction_id,
            postings=transaction.postings,
            occurred_ns=now,
        )

    def save(self) -> list[object]:
        """As plain data, for `restore`."""
        pending = [
            [
                instruction.instruction_id,
                instruction.trade_id,
                instruction.buyer,
                instruction.due_ns,
                [codec.to_plain(posting) for posting in instruction.transaction.postings],
            ]
            for instruction in self._pending.values()
        ]
        return [self._instruction_count, pending]

    def restore(self, instruction_count: int, pending: list[list[object]]) -> None:
        """Take over what `save` returned, once the ledger has been restored."""
        self._instruction_count = instruction_count
        self._pending, self._due = {}, []
        for instruction_id, trade_id, buyer, due_ns, plain in pending:
            postings = [posting_of(values) for values in cast(list[list[object]], plain)]
            self._pend(
                Instruction(
                    cast(int, instruction_id),
                    cast(int, trade_id),
                    cast(str, buyer),
                    cast(int, due_ns),
                    self._ledger.transaction(tuple(postings)),
                )
            )


def posting_of(values: list[object]) -> Posting:
    """The posting that `codec.to_plain` made these values of."""
    debit_account, credit_account, asset, amount_minor = values
    return Posting(
        debit_account=cast(str, debit_account),
        credit_account=cast(str, credit_account),
        asset=cast(str, asset),
        amount_minor=cast(int, amount_minor),
    )


def is_possible(trade: TradeExecuted, instrument: Instrument) -> bool:
    """Whether it is for a price and a quantity, at a time, and of amounts that a message can carry."""
    if trade.price_ticks <= 0 or trade.quantity_lots <= 0 or not 0 <= trade.occurred_ns <= LATEST_NS:
        return False
    cost_minor = instrument.notional_minor(trade.price_ticks, trade.quantity_lots)
    fees_minor = max(abs(trade.buyer_fee_minor), abs(trade.seller_fee_minor))
    return max(cost_minor, instrument.base_minor(trade.quantity_lots), fees_minor) <= LARGEST


def postings_of(trade: TradeExecuted, instrument: Instrument) -> tuple[Posting, ...]:
    """Cash to the seller, the asset to the buyer, and each one's fee; a negative fee is paid to them."""
    buyer, seller = trade.buyer_account, trade.seller_account
    cost_minor = instrument.notional_minor(trade.price_ticks, trade.quantity_lots)
    postings: list[Posting] = []
    add_posting(postings, buyer, seller, instrument.quote, cost_minor)
    add_posting(postings, seller, buyer, instrument.base, instrument.base_minor(trade.quantity_lots))
    add_posting(postings, buyer, FEES, instrument.quote, trade.buyer_fee_minor)
    add_posting(postings, seller, FEES, instrument.quote, trade.seller_fee_minor)
    return tuple(postings)


def add_posting(postings: list[Posting], debit: str, credit: str, asset: str, amount_minor: int) -> None:
    """A negative amount moves the other way; what would move nothing is left out."""
    if amount_minor < 0:
        debit, credit, amount_minor = credit, debit, -amount_minor
    if amount_minor and debit != credit:
        postings.append(Posting(debit_account=debit, credit_account=credit, asset=asset, amount_minor=amount_minor))
