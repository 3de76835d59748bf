"""The streaming checker: re-derives balances, orders and settlements from what was said, and nothing else.

Rule 1: it imports no service; it knows messages, the opening balances and the sizes of ticks and lots.
Rule 2: what it keeps is what is still open: open orders, trades in flight, pending instructions, balances.
Rule 3: a violation is reported when it comes about, not again for as long as it lasts.
"""

from enum import StrEnum
from typing import final

from trading_ecosystem.messages.audit import Envelope, InvariantViolated
from trading_ecosystem.messages.custody import (
    Posting,
    SettlementFailed,
    SettlementInstructed,
    TransactionPosted,
)
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import (
    AccountEvent,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    Side,
    TradeExecuted,
)
from trading_ecosystem.messages.runtime import Wake

FEES = "fees"
NOTHING: list[InvariantViolated] = []
Changes = dict[tuple[str, str], int]  # (account, asset) -> minor units more, or less; each once.


class Invariant(StrEnum):
    VENUE_CONSERVES = "M1 the venue conserves every asset"
    CUSTODY_CONSERVES = "M1 custody conserves every asset"
    POSTINGS_MOVE = "M2 a posting moves a positive amount between two accounts"
    VENUE_NOT_NEGATIVE = "M3 no account is negative at the venue"
    CUSTODY_NOT_NEGATIVE = "M3 no customer is negative in custody"
    EXCHANGE_AND_CUSTODY = "M9 exchange and custody agree"
    NONE_IN_FLIGHT = "M9 every trade reaches custody"
    SETTLES_ONCE = "M10 a trade settles exactly once"
    SETTLES_AS_INSTRUCTED = "M10 what is posted is what was instructed"
    SETTLES_ON_TIME = "M10 nothing settles before it is due, or stays open after"
    ORDER_QUANTITY = "E3 an order fills and cancels what it was accepted for"
    ORDER_IS_OPEN = "E4 only an open order fills or cancels"
    TWO_SIDES = "E5 a trade has two sides, a quantity and a price"
    FILLS_MATCH = "E5 fills match their trade and their order"
    IDS_INCREASE = "E6 ids are unique and increase"
    EVENTS_CONTIGUOUS = "E6 account events count without gap or repetition"


@final
class Findings:
    """The violations that one envelope brought about."""

    __slots__ = ("found", "message_id", "occurred_ns")

    def __init__(self, message_id: int, occurred_ns: int) -> None:
        self.message_id = message_id
        self.occurred_ns = occurred_ns
        self.found: list[InvariantViolated] = []

    def add(self, invariant: Invariant, detail: str) -> None:
        self.found.append(
            InvariantViolated(
                invariant=str(invariant), detail=detail, message_id=self.message_id, occurred_ns=self.occurred_ns
            )
        )


@final
class Balances:
    """Account -> asset -> minor units, and how far each asset's total is from that of the opening."""

    __slots__ = ("amounts", "drift")

    def __init__(self, opening: dict[str, dict[str, int]]) -> None:
        self.amounts = {account: dict(amounts) for account, amounts in opening.items()}
        self.amounts.setdefault(FEES, {})
        self.drift: dict[str, int] = {}

    def apply(self, changes: Changes, conserves: Invariant, not_negative: Invariant, findings: Findings) -> None:
        """Make changes that belong together, and report what they break.

        What moves to or from an account that was not there at the opening is missing in the total.
        """
        before: dict[str, int] = {}
        for (account, asset), amount in changes.items():
            before.setdefault(asset, self.drift.get(asset, 0))
            amounts = self.amounts.get(account)
            if amounts is None:
                continue
            old = amounts.get(asset, 0)
            amounts[asset] = old + amount
            self.drift[asset] = self.drift.get(asset, 0) + amount
            if old + amount < 0 <= old and account != FEES:
                findings.add(not_negative, f"{account} has {amounts[asset]} of {asset}")
        for asset, drift in before.items():
            if self.drift.get(asset, 0) not in (0, drift):
                findings.add(conserves, f"all accounts together have {self.drift[asset]:+} of {asset}")


@final
class OpenOrder:
    __slots__ = ("leaves_lots", "price_ticks", "side", "symbol")

    def __init__(self, accepted: OrderAccepted) -> None:
        self.symbol = accepted.symbol
        self.side = accepted.side
        self.price_ticks = accepted.price_ticks  # 0 for a market order.
        self.leaves_lots = accepted.quantity_lots

    def check(self, fill: OrderFilled, findings: Findings) -> None:
        leaves_lots = self.leaves_lots - fill.quantity_lots
        if fill.quantity_lots <= 0 or leaves_lots < 0 or fill.leaves_quantity_lots != leaves_lots:
            findings.add(
                Invariant.ORDER_QUANTITY,
                f"order {fill.order_id} fills {fill.quantity_lots} lots of {self.leaves_lots} open "
                f"and says that it leaves {fill.leaves_quantity_lots}",
            )
        worse_ticks = (
            fill.price_ticks - self.price_ticks if self.side == Side.BUY else self.price_ticks - fill.price_ticks
        )
        if fill.side != self.side or fill.symbol != self.symbol or (self.price_ticks and worse_ticks > 0):
            findings.add(
                Invariant.FILLS_MATCH,
                f"order {fill.order_id} to {self.side.name} {self.symbol} at {self.price_ticks} ticks "
                f"is filled as {fill.side.name} {fill.symbol} at {fill.price_ticks}",
            )


@final
class ToldTrade:
    """A trade and which of its parties must still be told. An account that is never told anything need not be."""

    __slots__ = ("awaits_buyer", "awaits_seller", "trade")

    def __init__(self, trade: TradeExecuted, awaits_buyer: bool, awaits_seller: bool) -> None:
        self.trade = trade
        self.awaits_buyer = awaits_buyer
        self.awaits_seller = awaits_seller

    def check(self, fill: OrderFilled, findings: Findings) -> None:
        """Compare one party's view with the trade."""
        trade = self.trade
        buys = fill.side == Side.BUY
        if not (self.awaits_buyer if buys else self.awaits_seller):
            findings.add(Invariant.FILLS_MATCH, f"trade {trade.trade_id} has a second fill to {fill.side.name}")
        if buys:
            self.awaits_buyer = False
        else:
            self.awaits_seller = False
        for name, told, true in (
            ("account", fill.account, trade.buyer_account if buys else trade.seller_account),
            ("order id", fill.order_id, trade.buyer_order_id if buys else trade.seller_order_id),
            ("symbol", fill.symbol, trade.symbol),
            ("price in ticks", fill.price_ticks, trade.price_ticks),
            ("quantity in lots", fill.quantity_lots, trade.quantity_lots),
            ("fee", fill.fee_minor, trade.buyer_fee_minor if buys else trade.seller_fee_minor),
        ):
            if told != true:
                detail = f"trade {trade.trade_id}: the fill's {name} is {told}, the trade's {true}"
                findings.add(Invariant.FILLS_MATCH, detail)


@final
class VenueRecord:
    """What one venue has said of orders, fills and trades. A fill and its trade come in either order."""

    __slots__ = ("early_fills", "in_flight", "last_order_id", "last_trade_id", "orders", "sequences", "told_trades")

    def __init__(self) -> None:
        self.last_order_id = 0
        self.last_trade_id = 0
        self.orders: dict[int, OpenOrder] = {}
        self.sequences: dict[str, int] = {}  # By account.
        self.told_trades: dict[int, ToldTrade] = {}  # By trade id, like the two below.
        self.early_fills: dict[int, list[OrderFilled]] = {}
        self.in_flight: dict[int, TradeExecuted] = {}  # Without an instruction so far.

    def on_account_event(self, event: AccountEvent, findings: Findings) -> None:
        expected = self.sequences.get(event.account, 0) + 1
        if event.account_sequence != expected:
            detail = f"{event.account}: {event.account_sequence} where {expected} was next"
            findings.add(Invariant.EVENTS_CONTIGUOUS, detail)
        self.sequences[event.account] = event.account_sequence
        if isinstance(event, OrderAccepted):
            if event.order_id <= self.last_order_id:
                findings.add(Invariant.IDS_INCREASE, f"order {event.order_id} after {self.last_order_id}")
            self.last_order_id = max(event.order_id, self.last_order_id)
            self.orders[event.order_id] = OpenOrder(event)
        elif isinstance(event, OrderCanceled):
            self._on_canceled(event, findings)
        elif isinstance(event, OrderFilled):
            self._on_filled(event, findings)

    def _on_canceled(self, event: OrderCanceled, findings: Findings) -> None:
        order = self.orders.pop(event.order_id, None)
        if order is None:
            findings.add(Invariant.ORDER_IS_OPEN, f"order {event.order_id} is canceled and was not open")
        elif event.quantity_lots != order.leaves_lots:
            detail = f"order {event.order_id} cancels {event.quantity_lots} lots of {order.leaves_lots} open"
            findings.add(Invariant.ORDER_QUANTITY, detail)

    def _on_filled(self, fill: OrderFilled, findings: Findings) -> None:
        order = self.orders.get(fill.order_id)
        if order is None:
            findings.add(Invariant.ORDER_IS_OPEN, f"order {fill.order_id} is filled and was not open")
        else:
            order.check(fill, findings)
            order.leaves_lots -= fill.quantity_lots
            if order.leaves_lots <= 0:
                del self.orders[fill.order_id]
        told = self.told_trades.get(fill.trade_id)
        if told is None:
            self.report_untold(fill.occurred_ns, findings)
            self.early_fills.setdefault(fill.trade_id, []).append(fill)
            return
        told.check(fill, findings)
        if not told.awaits_buyer and not told.awaits_seller:
            del self.told_trades[fill.trade_id]

    def on_trade(self, trade: TradeExecuted, findings: Findings) -> None:
        if trade.trade_id <= self.last_trade_id:
            findings.add(Invariant.IDS_INCREASE, f"trade {trade.trade_id} after {self.last_trade_id}")
        self.last_trade_id = max(trade.trade_id, self.last_trade_id)
        if trade.quantity_lots <= 0 or trade.price_ticks <= 0 or trade.buyer_account == trade.seller_account:
            findings.add(
                Invariant.TWO_SIDES,
                f"trade {trade.trade_id}: {trade.buyer_account} buys {trade.quantity_lots} lots "
                f"at {trade.price_ticks} ticks from {trade.seller_account}",
            )
        self.report_untold(trade.occurred_ns, findings)
        told = ToldTrade(trade, trade.buyer_account in self.sequences, trade.seller_account in self.sequences)
        for fill in self.early_fills.pop(trade.trade_id, ()):
            told.check(fill, findings)
        if told.awaits_buyer or told.awaits_seller:
            self.told_trades[trade.trade_id] = told

    def report_untold(self, before_ns: int, findings: Findings) -> None:
        """Trades without their fills and fills without their trade, from before the moment given."""
        for trade_id, told in list(self.told_trades.items()):
            if told.trade.occurred_ns < before_ns:
                del self.told_trades[trade_id]
                findings.add(Invariant.FILLS_MATCH, f"trade {trade_id}: a party was not told")
        for trade_id, fills in list(self.early_fills.items()):
            if fills[0].occurred_ns < before_ns:
                del self.early_fills[trade_id]
                findings.add(Invariant.FILLS_MATCH, f"fill of trade {trade_id}: there was no such trade")


@final
class PendingInstruction:
    """`trade_changes` is what the trade did at the venue, `changes` what the instruction is to do in custody."""

    __slots__ = ("changes", "message", "trade_changes")

    def __init__(self, message: SettlementInstructed, changes: Changes, trade_changes: Changes) -> None:
        self.message = message
        self.changes = changes
        self.trade_changes = trade_changes


@final
class ConservationChecker:
    """`accounts`: account -> asset -> minor units, at the venue and in custody alike at the start.

    The two sizes are those of `Instrument`, by symbol. Every envelope that leaves a service is observed, once.
    A settlement that fails is no violation when it happens, but at the end exchange and custody differ by it.
    """

    __slots__ = (
        "_base_minor",
        "_custody",
        "_difference",
        "_failed",
        "_grace_ns",
        "_instructions",
        "_last_instruction_id",
        "_not_in_custody",
        "_pending",
        "_posted",
        "_quote_minor",
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
    ) -> None:
        """At the end, what is due to be over since less than `grace_ns` may be open."""
        self._grace_ns = grace_ns
        self._quote_minor = quote_minor_per_tick_lot
        self._base_minor = base_minor_per_lot
        self._venue = Balances(accounts)
        self._custody = Balances(accounts)
        # Venue less custody, where that is not zero. Custody is what is posted and pending, and what is known
        # not to be there: trades in flight and trades that failed.
        self._difference: Changes = {}
        self._venues: dict[str, VenueRecord] = {}
        self._pending: dict[str, dict[int, PendingInstruction]] = {}  # By custodian and instruction id.
        self._last_instruction_id: dict[str, int] = {}
        self._not_in_custody: list[str] = []
        self._trades = self._instructions = self._posted = self._failed = 0

    def observe(self, envelope: Envelope) -> list[InvariantViolated]:
        """What this envelope violates. The caller must not change the list."""
        message = envelope.message
        if isinstance(message, (QuotePublished, Wake)):
            return NOTHING
        if isinstance(
            message, (AccountEvent, TradeExecuted, SettlementInstructed, TransactionPosted, SettlementFailed)
        ):
            findings = Findings(envelope.message_id, envelope.sent_ns)
            self._check(message, findings)
            return findings.found or NOTHING
        return NOTHING

    def finish(self, now: int) -> list[InvariantViolated]:
        """What is open at the end and must not be. What is due to be over since less than the grace may be open."""
        findings = Findings(0, now)
        for venue, record in self._venues.items():
            record.report_untold(now + 1, findings)
            for trade in record.in_flight.values():
                if trade.occurred_ns <= now - self._grace_ns:
                    findings.add(Invariant.NONE_IN_FLIGHT, f"trade {trade.trade_id} of {venue} has no instruction")
        for custodian, pending in self._pending.items():
            for instruction_id, instruction in pending.items():
                if instruction.message.due_ns <= now - self._grace_ns:
                    findings.add(Invariant.SETTLES_ON_TIME, f"instruction {instruction_id} of {custodian} is open")
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
            self._record(message.venue).on_account_event(message, findings)
        elif isinstance(message, TradeExecuted):
            self._on_trade(message, findings)
        elif isinstance(message, SettlementInstructed):
            self._on_instructed(message, findings)
        elif isinstance(message, TransactionPosted):
            self._on_posted(message, findings)
        else:
            assert isinstance(message, SettlementFailed)
            self._on_failed(message, findings)

    def _on_trade(self, trade: TradeExecuted, findings: Findings) -> None:
        self._trades += 1
        record = self._record(trade.venue)
        if trade.symbol not in self._quote_minor or trade.symbol not in self._base_minor:
            findings.add(Invariant.TWO_SIDES, f"trade {trade.trade_id} is in {trade.symbol}, which nobody knows")
            return
        record.on_trade(trade, findings)
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
        trade = self._record(message.venue).in_flight.pop(message.trade_id, None)
        if trade is None:
            detail = f"trade {message.trade_id} of {message.venue} is instructed and was not in flight"
            findings.add(Invariant.SETTLES_ONCE, detail)
        trade_changes = {} if trade is None else self._trade_changes(trade)
        changes = changes_of(message.postings, findings)
        pending = self._pending.setdefault(message.custodian, {})
        pending[instruction_id] = PendingInstruction(message, changes, trade_changes)
        self._replace(trade_changes, changes, findings)

    def _on_posted(self, message: TransactionPosted, findings: Findings) -> None:
        self._posted += 1
        instruction = self._pending.get(message.custodian, {}).pop(message.instruction_id, None)
        changes = changes_of(message.postings, findings)
        self._custody.apply(changes, Invariant.CUSTODY_CONSERVES, Invariant.CUSTODY_NOT_NEGATIVE, findings)
        if instruction is None:
            detail = f"instruction {message.instruction_id} is posted and was not pending"
            findings.add(Invariant.SETTLES_ONCE, detail)
            self._replace({}, changes, findings)
            return
        if message.postings != instruction.message.postings:
            detail = f"instruction {message.instruction_id} is posted differently"
            findings.add(Invariant.SETTLES_AS_INSTRUCTED, detail)
        early_ns = instruction.message.due_ns - message.occurred_ns
        if early_ns > 0:
            detail = f"instruction {message.instruction_id} settles {early_ns} ns early"
            findings.add(Invariant.SETTLES_ON_TIME, detail)
        self._replace(instruction.changes, changes, findings)

    def _on_failed(self, message: SettlementFailed, findings: Findings) -> None:
        self._failed += 1
        instruction_id = message.instruction_id
        if instruction_id == 0:
            for record in self._venues.values():
                record.in_flight.pop(message.trade_id, None)
        else:
            instruction = self._pending.get(message.custodian, {}).pop(instruction_id, None)
            if instruction is None:
                findings.add(Invariant.SETTLES_ONCE, f"instruction {instruction_id} fails and was not pending")
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


def add(changes: Changes, account: str, asset: str, amount: int) -> None:
    changes[account, asset] = changes.get((account, asset), 0) + amount
