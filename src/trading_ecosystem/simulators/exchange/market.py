"""An instrument at a venue: its book, its rules, and what its orders cost.

Rule 1: a limit order is covered before it is accepted, for every lot it leaves: a buy by its notional and the highest
    taker fee at the limit price, a sell by its base. The cover is a whole number per lot, so it shrinks exactly.
Rule 2: an order in a perpetual locks the lots themselves, of its side; the margin covers them (see `margin.py`).
"""

from typing import Final, final

from trading_ecosystem.messages.market import MarketPhase, QuotePublished
from trading_ecosystem.messages.orders import RejectReason
from trading_ecosystem.reference import Instrument
from trading_ecosystem.simulators.exchange.accounts import Account, AssetTotal
from trading_ecosystem.simulators.exchange.band import Band
from trading_ecosystem.simulators.exchange.book import Book
from trading_ecosystem.simulators.exchange.margin import Contract
from trading_ecosystem.simulators.exchange.order import Order
from trading_ecosystem.simulators.exchange.rules import MarketRules, is_within
from trading_ecosystem.simulators.exchange.waiting import WaitingOrders

PPM: Final = 1_000_000
ANY_PRICE: Final = 0  # The `price_ticks` of an order that takes any price.


def fee_minor(notional_minor: int, fee_ppm: int) -> int:
    """A fee in minor units of the quote asset, rounded up. In two parts, since a product of small numbers is cheap."""
    rest_minor = notional_minor % PPM
    return notional_minor // PPM * fee_ppm + (rest_minor * fee_ppm + PPM - 1) // PPM


@final
class Market:
    """Its places are those of the base and the quote asset among the venue's. `last_ticks` is the price of the last
    trade, `middle` twice the middle of the newest reference quote, of `quoted_ns`; all are 0 before the first.
    `contract` is that of a perpetual; None for a pair.

    `until_ns` is when its phase ends, 0: not by time; `auction_ns` how long the auction after a halt is; `held_by` the
    injection that holds it halted. `largest_part_ppm`: of an order that comes, what one match has at most; 0 is all.
    `number` is its place among the venue's markets.
    """

    __slots__ = (
        "_asked_ticks",
        "_buy_lock_minor",
        "_highest_fee_ppm",
        "auction_ns",
        "band",
        "base",
        "base_minor_per_lot",
        "base_place",
        "base_total",
        "book",
        "contract",
        "held_by",
        "is_open",
        "largest_part_ppm",
        "last_ticks",
        "middle",
        "number",
        "parted",
        "phase",
        "phase_changes",
        "quote",
        "quote_minor_per_tick_lot",
        "quote_place",
        "quote_total",
        "quoted_ns",
        "rules",
        "symbol",
        "until_ns",
        "waiting",
    )

    def __init__(
        self,
        instrument: Instrument,
        totals: dict[str, AssetTotal],
        rules: MarketRules,
        highest_fee_ppm: int,
        contract: Contract | None = None,
    ) -> None:
        assets = list(totals)
        self.symbol = instrument.symbol
        self.book = Book(instrument.symbol)
        self.base = instrument.base
        self.quote = instrument.quote
        self.base_place = assets.index(instrument.base)
        self.quote_place = assets.index(instrument.quote)
        self.base_total = totals[instrument.base]
        self.quote_total = totals[instrument.quote]
        self.base_minor_per_lot = instrument.base_minor_per_lot
        self.quote_minor_per_tick_lot = instrument.quote_minor_per_tick_lot
        self.rules = rules
        self.contract = contract
        self.waiting = WaitingOrders()
        self.last_ticks = 0
        self.middle = 0
        self.quoted_ns = 0
        self.number = 0
        self.phase: MarketPhase = MarketPhase.OPEN
        self.is_open = True
        self.phase_changes = 0
        self.until_ns = 0
        self.auction_ns = 0
        self.held_by = ""
        self.band = None if rules.band is None else Band(rules.band)
        self.largest_part_ppm = 0
        self.parted = False  # A match has been made smaller.
        self._highest_fee_ppm = highest_fee_ppm
        self._asked_ticks = 0  # At which price a lot was last to be locked for, and how much that is.
        self._buy_lock_minor = 0

    def order(
        self,
        order_id: int,
        account: Account,
        client_order_id: str,
        is_buy: bool,
        price_ticks: int,
        quantity_lots: int,
    ) -> Order:
        base, quote = account.by_place[self.base_place], account.by_place[self.quote_place]
        if self.contract is not None:
            base = quote = self.contract.open_lots(account, is_buy)
        return Order(
            order_id,
            account,
            client_order_id,
            self.symbol,
            is_buy,
            price_ticks,
            quantity_lots,
            self.lock_minor_per_lot(is_buy, price_ticks),
            quote if is_buy else base,
            base if is_buy else quote,
        )

    def lock_minor_per_lot(self, is_buy: bool, price_ticks: int) -> int:
        if price_ticks == ANY_PRICE:
            return 0
        if self.contract is not None:
            return 1
        if not is_buy:
            return self.base_minor_per_lot
        if price_ticks != self._asked_ticks:
            notional_minor = price_ticks * self.quote_minor_per_tick_lot
            self._buy_lock_minor = notional_minor + fee_minor(notional_minor, self._highest_fee_ppm)
            self._asked_ticks = price_ticks
        return self._buy_lock_minor

    def covers(self, account: Account, is_buy: bool, price_ticks: int, lots: int) -> bool:
        """Whether so many lots at this limit price can be locked or are covered."""
        if self.contract is not None:
            return lots <= self.contract.covered_lots(account, is_buy, price_ticks)
        pays = account.by_place[self.quote_place if is_buy else self.base_place]
        return lots * self.lock_minor_per_lot(is_buy, price_ticks) <= pays.free_minor

    def covered_lots(self, account: Account, is_buy: bool, price_ticks: int) -> int:
        """How many lots at this limit price the free funds of the account can lock, or its margin covers."""
        if self.contract is not None:
            return self.contract.covered_lots(account, is_buy, price_ticks)
        pays = account.by_place[self.quote_place if is_buy else self.base_place]
        return pays.free_minor // self.lock_minor_per_lot(is_buy, price_ticks)

    def affordable_lots(self, order: Order, price_ticks: int, lots: int) -> int:
        """How many of so many lots a market order can pay at this price, fee included, or its margin covers."""
        if self.contract is not None:
            return min(lots, self.contract.covered_lots(order.account, order.is_buy, price_ticks))
        free_minor = order.pays.free_minor
        if not order.is_buy:
            return min(lots, free_minor // self.base_minor_per_lot)
        fee_ppm = order.account.taker_fee_ppm
        notional_minor = price_ticks * (lots * self.quote_minor_per_tick_lot)
        if notional_minor + fee_minor(notional_minor, fee_ppm) <= free_minor:
            return lots
        return min(lots, self.lots_for(free_minor, price_ticks, fee_ppm))

    def lots_for(self, amount_minor: int, price_ticks: int, fee_ppm: int) -> int:
        """How many lots this much of the quote asset buys at this price, fee included."""
        return amount_minor * PPM // (price_ticks * self.quote_minor_per_tick_lot * (PPM + fee_ppm))

    def lots_by_quote(self, taker: Order, quote_minor: int) -> int:
        """How many lots a market order takes for this much: what a buy spends, fee included, or a sell is paid."""
        left_minor, lots = quote_minor, 0
        fee_ppm = taker.account.taker_fee_ppm if taker.is_buy else 0
        for maker in self.book.side(not taker.is_buy).within_reach(taker):
            part = min(maker.leaves_lots, self.lots_for(left_minor, maker.price_ticks, fee_ppm))
            notional_minor = maker.price_ticks * part * self.quote_minor_per_tick_lot
            left_minor -= notional_minor + fee_minor(notional_minor, fee_ppm)
            lots += part
            if part < maker.leaves_lots:
                break
        return lots

    def refusal(self, price_ticks: int, quantity_lots: int, reference_ticks: int) -> RejectReason | None:
        """What the rules of the instrument have against a price and a quantity. `ANY_PRICE` has no notional; a
        reference of 0 has no range."""
        rules = self.rules
        if quantity_lots > rules.largest_lots:
            return RejectReason.INVALID_QUANTITY
        if price_ticks == ANY_PRICE:
            return None
        if price_ticks * quantity_lots * self.quote_minor_per_tick_lot < rules.minimum_notional_minor:
            return RejectReason.BELOW_MINIMUM_NOTIONAL
        if rules.price_range_ppm and not is_within(price_ticks, reference_ticks, rules.price_range_ppm):
            return RejectReason.PRICE_OUT_OF_RANGE
        return None

    def follow(self, quote: QuotePublished) -> None:
        """Take in a reference quote. A late, one-sided or crossed one changes nothing."""
        if quote.occurred_ns > self.quoted_ns and 0 < quote.bid_ticks <= quote.ask_ticks:
            self.middle = quote.bid_ticks + quote.ask_ticks
            self.quoted_ns = quote.occurred_ns

    def reference_ticks(self) -> int:
        """What the venue holds a price against: the middle of the reference, else the last price, else 0."""
        return self.middle // 2 if self.middle else self.last_ticks
