"""What a trade moves: cash one way, the asset the other, and each party's fee.

Rule 1: a trade that no message could carry the amounts of is no trade.
"""

from trading_ecosystem.messages.custody import Posting
from trading_ecosystem.messages.numbers import LARGEST
from trading_ecosystem.messages.orders import TradeExecuted
from trading_ecosystem.reference import Instrument
from trading_ecosystem.simulators.custodian.ledger import FEES

LATEST_NS = 1 << 62  # In the year 2116, with room for a cycle of settlement after it.


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
