"""A slow and obvious twin of what a venue does with positions and margin: dictionaries, fractions and no short cuts.

It takes the matching of orders as told, which has a twin of its own, and reckons anew, message by message, what every
position, wallet, price, payment, order of a liquidation and counterpart has to be. It raises where the venue differs.
"""

from fractions import Fraction
from math import ceil, floor

from trading_ecosystem.messages.accounts import AccountReported
from trading_ecosystem.messages.market import BookTopChanged, QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.order_changes import AmendOrder, AmendRejected, AmendRejectReason, OrderAmended
from trading_ecosystem.messages.orders import (
    CancelReason,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    RejectReason,
    Side,
    SubmitOrder,
    TradeExecuted,
)
from trading_ecosystem.messages.perpetuals import (
    FundingSettled,
    LossCovered,
    MarginCalled,
    MarginMoved,
    MarkPriceChanged,
    PositionChanged,
    PositionDeleveraged,
    PositionLiquidated,
)
from trading_ecosystem.messages.triggers import OrderTriggered, SubmitTriggerOrder


class Terms:
    """Of one perpetual: what a lot costs at a tick, and shares as fractions of one."""

    def __init__(self, index: str, ratio: Fraction, unit: int, initial: str, maintenance: str) -> None:
        self.index, self.ratio, self.unit = index, ratio, unit
        self.initial, self.maintenance = Fraction(initial), Fraction(maintenance)
        self.cap, self.interest, self.every_ns = Fraction("0.0075"), Fraction("0.0001"), 1_000_000


class Price:
    """The index and the mark of a perpetual, from the quotes of its index and the top of its own book."""

    def __init__(self, terms: Terms, band: Fraction) -> None:
        self.terms, self.band = terms, band
        self.heard_ns = self.mark = self.index = self.basis = self.sample = 0
        self.premiums: list[int] = []

    def hear(self, quote: QuotePublished, bid: int, ask: int) -> None:
        self.heard_ns = quote.occurred_ns
        middle = Fraction(quote.bid_ticks + quote.ask_ticks, 2) * self.terms.ratio
        self.index = max(1, floor(middle + Fraction(1, 2)))
        if bid and ask:
            self.sample = floor(Fraction(bid + ask, 2) + Fraction(1, 2)) - self.index
        self.sample = self.bounded(self.sample)
        self.basis += floor(Fraction(self.sample * 1024 - self.basis, 30))
        self.premiums.append(floor(Fraction(self.sample, self.index) * 10**9))
        self.mark = max(1, self.index + self.bounded(floor(Fraction(self.basis, 1024) + Fraction(1, 2))))

    def bounded(self, ticks: int) -> int:
        most = floor(self.index * self.band)
        return min(most, max(-most, ticks))

    def rate(self) -> Fraction:
        premium = Fraction(sum(self.premiums) // len(self.premiums) if self.premiums else 0, 10**9)
        drawn = min(Fraction("0.0005"), max(Fraction("-0.0005"), self.terms.interest - premium))
        return min(self.terms.cap, max(-self.terms.cap, premium + drawn))


class Open:
    def __init__(self, told: OrderAccepted, reduces: bool) -> None:
        self.number, self.account, self.symbol, self.side = told.order_id, told.account, told.symbol, told.side
        self.price, self.leaves, self.reduces = told.price_ticks, told.quantity_lots, reduces
        self.name, self.quantity = told.client_order_id, told.quantity_lots


class MarginTwin:
    """All accounts of a venue without background, whose perpetuals are settled in one asset."""

    def __init__(
        self,
        terms: dict[str, Terms],
        wallets: dict[str, int],
        fund: int,
        taker_fee: str,
        band: str,
        call: str,
        step: str,
        fee: str,
    ) -> None:
        self.terms, self.wallets, self.fund = terms, dict(wallets), fund
        self.taker_fee, self.call, self.step, self.fee = map(Fraction, (taker_fee, call, step, fee))
        self.prices = {symbol: Price(each, Fraction(band)) for symbol, each in terms.items()}
        self.lots = {(account, symbol): 0 for account in wallets for symbol in terms}
        self.cost = dict.fromkeys(self.lots, 0)
        self.tops = dict.fromkeys(terms, (0, 0))
        self.open: dict[int, Open] = {}
        self.waiting: dict[int, Open] = {}
        self.called: dict[str, bool] = dict.fromkeys(wallets, False)
        self.liquidated: list[str] = []  # In this message,
        self.taken_over: list[str] = []  # and with all their positions.
        self.fees = self.moved = self.beyond = 0
        self.opening = sum(wallets.values()) + fund
        self.seen: list[str] = []
        self.kept: tuple[tuple[str, str], int] | None = None  # The price of a deleveraging under way.

    # What somebody has and needs.

    def value(self, account: str, symbol: str) -> int:
        return self.lots[account, symbol] * self.prices[symbol].mark * self.terms[symbol].unit

    def equity(self, account: str) -> int:
        return self.wallets[account] + sum(self.value(account, s) - self.cost[account, s] for s in self.terms)

    def maintenance(self, account: str) -> int:
        return sum(ceil(abs(self.value(account, s)) * self.terms[s].maintenance) for s in self.terms)

    def per_lot(self, symbol: str) -> int:
        return ceil(self.prices[symbol].mark * self.terms[symbol].unit * self.terms[symbol].initial)

    def side(self, account: str, symbol: str, side: Side, but: int = 0) -> int:
        own = [o for o in self.open.values() if (o.account, o.symbol, o.side) == (account, symbol, side)]
        return sum(o.leaves for o in own if o.number != but)

    def worse(self, account: str, symbol: str, buys: int, sells: int) -> int:
        lots = self.lots[account, symbol]
        return max(abs(lots + buys), abs(lots - sells))

    def initial(self, account: str, but: int = 0) -> int:
        sides = {s: [self.side(account, s, side, but) for side in (Side.BUY, Side.SELL)] for s in self.terms}
        return sum(self.per_lot(s) * self.worse(account, s, *sides[s]) for s in self.terms)

    def covers(self, account: str, symbol: str, side: Side, price: int, lots: int, but: int = 0) -> bool:
        """Lot by lot."""
        worse_ticks = price - self.prices[symbol].mark if side is Side.BUY else self.prices[symbol].mark - price
        loss = max(0, worse_ticks) * self.terms[symbol].unit + ceil(price * self.terms[symbol].unit * self.taker_fee)
        buys, sells = (self.side(account, symbol, each, but) for each in (Side.BUY, Side.SELL))
        equity = left = self.equity(account)
        left -= self.initial(account, but)
        for _ in range(lots):
            before = self.worse(account, symbol, buys, sells)
            position = self.lots[account, symbol]
            closes = position + buys < 0 if side is Side.BUY else position - sells > 0
            buys, sells = (buys + 1, sells) if side is Side.BUY else (buys, sells + 1)
            equity, left = equity - loss, left - loss
            if closes:
                if equity < 0 < loss:
                    return False
                continue
            if left + loss <= 0:
                return False
            left -= self.per_lot(symbol) * (self.worse(account, symbol, buys, sells) - before)
            if left < 0:
                return False
        return True

    # What the venue said, checked against that.

    def observe(self, command: Message, out: list[Message]) -> None:
        self.liquidated = []
        self.taken_over = []
        for place, message in enumerate(out):
            self.seen.append(type(message).__name__)
            if isinstance(message, MarkPriceChanged):  # What was due before the quote has been told by now.
                assert isinstance(command, QuotePublished)
                self.prices[message.symbol].hear(command, *self.tops[message.symbol])
            self.take(command, message, out[place:])
        if isinstance(command, QuotePublished):
            followers = [price for price in self.prices.values() if price.terms.index == command.symbol]
            assert all(price.heard_ns >= command.occurred_ns for price in followers)
        self.check()

    def take(self, command: Message, message: Message, rest: list[Message]) -> None:
        if isinstance(message, TradeExecuted):
            self.trade(message)
        elif isinstance(message, OrderAccepted):
            self.accept(command, message)
        elif isinstance(message, OrderFilled):
            self.open[message.order_id].leaves = message.leaves_quantity_lots
            if not message.leaves_quantity_lots:
                del self.open[message.order_id]
        elif isinstance(message, OrderTriggered):
            self.open[message.order_id] = self.waiting.pop(message.order_id)
        elif isinstance(message, OrderCanceled):
            gone = self.waiting.pop(message.order_id, None) or self.open.pop(message.order_id)
            if message.reason is CancelReason.NOTHING_TO_REDUCE:
                assert gone.reduces and self.claimed(gone) + gone.leaves > self.reducible(gone)
        else:
            self.take_change(command, message, rest)

    def take_change(self, command: Message, message: Message, rest: list[Message]) -> None:
        if isinstance(message, OrderAmended):
            order = self.open[message.order_id]
            lots = message.leaves_quantity_lots
            if isinstance(command, AmendOrder):
                assert self.covers(order.account, order.symbol, order.side, message.price_ticks, lots, order.number)
            order.price, order.leaves, order.quantity = message.price_ticks, lots, message.quantity_lots
        elif isinstance(message, OrderRejected):
            self.reject(command, message)
        elif isinstance(message, AmendRejected):
            self.reject_amendment(command, message)
        elif isinstance(message, BookTopChanged):
            self.tops[message.symbol] = (message.bid_ticks, message.ask_ticks)
        elif isinstance(message, MarginMoved):
            self.wallets[message.account] += message.amount_minor
            self.moved += message.amount_minor
            needed = self.initial(message.account)
            assert message.amount_minor > 0 or self.equity(message.account) >= needed
            assert message.wallet_minor == self.wallets[message.account] >= 0
        else:
            self.take_more(message, rest)

    def take_more(self, message: Message, rest: list[Message]) -> None:
        if isinstance(message, MarkPriceChanged):
            price = self.prices[message.symbol]
            assert (message.index_ticks, message.mark_ticks) == (price.index, price.mark)
            assert Fraction(message.funding_ppb, 10**9) == price.rate()
            assert abs(price.mark - price.index) <= price.index * price.band
        elif isinstance(message, FundingSettled):
            self.settle(message)
        elif isinstance(message, PositionChanged):
            key = (message.account, message.symbol)
            if message.wallet_minor >= 0 > self.wallets[message.account]:
                self.take_profits(message.account)
            told = (message.position_lots, message.cost_minor, message.wallet_minor)
            assert told == (self.lots[key], self.cost[key], self.wallets[message.account])
        elif isinstance(message, MarginCalled):
            assert not self.called[message.account]
            assert self.maintenance(message.account) >= self.equity(message.account) * self.call
            self.called[message.account] = True
        elif isinstance(message, PositionLiquidated):
            self.liquidate(message)
        elif isinstance(message, PositionDeleveraged):
            self.deleverage(message, rest)
        elif isinstance(message, LossCovered):
            assert message.amount_minor == -self.wallets[message.account]
            assert self.equity(message.account) == self.wallets[message.account], "positions are left"
            self.beyond += max(0, message.amount_minor - self.fund)
            self.fund = max(0, self.fund - message.amount_minor)
            self.wallets[message.account] = 0
        else:
            assert not isinstance(message, AccountReported)

    def take_profits(self, account: str) -> None:
        """A wallet below 0 is filled from what positions have gained, in the order of the perpetuals."""
        for symbol in self.terms:
            gained = self.value(account, symbol) - self.cost[account, symbol]
            taken = max(0, min(gained, -self.wallets[account]))
            self.cost[account, symbol] += taken
            self.wallets[account] += taken

    def change(self, account: str, symbol: str, lots: int, price: int) -> None:
        """One lot after the other would give fractions; what is closed has its share of the cost, rounded down."""
        key = account, symbol
        paid = lots * price * self.terms[symbol].unit
        closed = min(abs(lots), abs(self.lots[key])) if lots * self.lots[key] < 0 else 0
        if closed:
            share = floor(Fraction(self.cost[key], abs(self.lots[key])) * closed)
            part = Fraction(paid, abs(lots)) * closed
            assert part.denominator == 1
            self.cost[key] -= share
            self.wallets[account] += int(-part) - share
            paid -= int(part)
        self.lots[key] += lots
        self.cost[key] += paid

    def trade(self, trade: TradeExecuted) -> None:
        notional = trade.price_ticks * trade.quantity_lots * self.terms[trade.symbol].unit
        self.change(trade.buyer_account, trade.symbol, trade.quantity_lots, trade.price_ticks)
        self.change(trade.seller_account, trade.symbol, -trade.quantity_lots, trade.price_ticks)
        taker_fee = trade.buyer_fee_minor if trade.taker_side is Side.BUY else trade.seller_fee_minor
        assert taker_fee == ceil(notional * self.taker_fee)
        for account, fee in (
            (trade.buyer_account, trade.buyer_fee_minor),
            (trade.seller_account, trade.seller_fee_minor),
        ):
            self.wallets[account] -= fee
            self.fees += fee

    def settle(self, told: FundingSettled) -> None:
        price = self.prices[told.symbol]
        assert Fraction(told.funding_ppb, 10**9) == price.rate() and told.mark_ticks == price.mark
        for account in self.wallets:
            pays = ceil(self.value(account, told.symbol) * price.rate())
            self.wallets[account] -= pays
            self.fund += pays
        price.premiums = []

    # Orders.

    def reducible(self, order: Open) -> int:
        lots = self.lots[order.account, order.symbol]
        return max(0, -lots if order.side is Side.BUY else lots)

    def claimed(self, order: Open) -> int:
        """By older orders of its kind."""
        return sum(
            each.leaves
            for each in self.open.values()
            if each.reduces
            and (each.account, each.symbol, each.side) == (order.account, order.symbol, order.side)
            and each.number < order.number
        )

    def accept(self, command: Message, told: OrderAccepted) -> None:
        account, symbol = told.account, told.symbol
        if told.client_order_id.startswith("liquidation-"):
            self.check_liquidation(told)
            self.open[told.order_id] = Open(told, False)
            return
        reduces = isinstance(command, SubmitOrder) and command.reduce_only
        order = Open(told, reduces)
        if isinstance(command, SubmitTriggerOrder):
            self.waiting[told.order_id] = order
            return
        assert self.prices[symbol].mark
        assert not reduces or self.claimed(order) + order.leaves <= self.reducible(order)
        if told.price_ticks and isinstance(command, SubmitOrder):
            assert self.covers(account, symbol, told.side, told.price_ticks, told.quantity_lots), told
        self.open[told.order_id] = order

    def reject(self, command: Message, told: OrderRejected) -> None:
        if not isinstance(command, SubmitOrder):
            return
        account, symbol, lots = command.account, command.symbol, command.quantity_lots
        if told.reject_reason is RejectReason.INSUFFICIENT_MARGIN:
            assert not self.covers(account, symbol, Side(command.side), command.price_ticks, lots), command
        elif told.reject_reason is RejectReason.WOULD_NOT_REDUCE:
            probe = Open(OrderAccepted(account, "", 0, 0, 1 << 60, "", symbol, command.side, 0, lots), True)
            assert self.claimed(probe) + lots > self.reducible(probe)
        elif told.reject_reason is RejectReason.NO_MARK_PRICE:
            assert not self.prices[symbol].mark

    def reject_amendment(self, command: Message, told: AmendRejected) -> None:
        if told.amend_reject_reason is AmendRejectReason.INSUFFICIENT_MARGIN:
            assert isinstance(command, AmendOrder)
            [order] = [each for each in self.open.values() if each.name == told.client_order_id]
            lots = command.quantity_lots - (order.quantity - order.leaves)
            account, symbol = order.account, order.symbol
            assert not self.covers(account, symbol, order.side, command.price_ticks, lots, order.number)

    # Liquidations.

    def check_liquidation(self, told: OrderAccepted) -> None:
        account, symbol = told.account, told.symbol
        equity, lots = self.equity(account), self.lots[account, symbol]
        assert equity < self.maintenance(account) or account in self.taken_over
        if equity < 0:
            self.taken_over.append(account)
        assert not [o for o in self.open.values() if o.account == account], "orders are left"
        assert told.side is (Side.SELL if lots > 0 else Side.BUY)
        if account in self.taken_over:
            assert told.quantity_lots == abs(lots)
            bearable = equity + self.fund
        else:
            needs = {s: ceil(abs(self.value(account, s)) * self.terms[s].maintenance) for s in self.terms}
            assert needs[symbol] == max(needs.values())
            assert told.quantity_lots == ceil(abs(lots) * self.step)
            bearable = equity
        worse = -1 if lots > 0 else 1
        assert self.loss(symbol, lots, told.price_ticks) <= bearable
        price = self.prices[symbol]
        at_band = account in self.taken_over and abs(told.price_ticks - price.mark) == floor(price.mark * price.band)
        worst = told.price_ticks == 1 or self.loss(symbol, lots, told.price_ticks + worse) > bearable
        assert worst or at_band
        assert account not in self.taken_over or abs(told.price_ticks - price.mark) <= floor(price.mark * price.band)

    def loss(self, symbol: str, lots: int, price: int) -> Fraction:
        """Of closing all of a position at a price, fee and all, against the mark."""
        unit = self.terms[symbol].unit
        return Fraction(lots * unit * (self.prices[symbol].mark - price)) + abs(lots) * unit * price * self.taker_fee

    def liquidate(self, told: PositionLiquidated) -> None:
        if self.equity(told.account) < 0:
            self.taken_over.append(told.account)
        closed = told.quantity_lots * self.prices[told.symbol].mark * self.terms[told.symbol].unit
        assert told.fee_minor == min(ceil(closed * self.fee), max(0, self.equity(told.account)))
        self.wallets[told.account] -= told.fee_minor
        self.fund += told.fee_minor
        self.liquidated.append(told.account)

    def deleverage(self, told: PositionDeleveraged, rest: list[Message]) -> None:
        """They come in pairs, the bankrupt account first."""
        key = told.account, told.symbol
        bankrupt = (self.lots[key] > 0) is (told.side is Side.SELL) and self.equity(told.account) < 0
        if bankrupt and told.account in self.liquidated and isinstance(rest[1], PositionDeleveraged):
            other = rest[1]
            assert (other.symbol, other.price_ticks) == (told.symbol, told.price_ticks)
            assert other.quantity_lots == told.quantity_lots and other.side is not told.side
            sign = 1 if self.lots[key] > 0 else -1
            against = [a for a in self.wallets if self.lots[a, told.symbol] * sign < 0]
            assert other.account == min(
                against, key=lambda a: (-self.rank(a, told.symbol), list(self.wallets).index(a))
            )
            lacking = min(0, self.equity(told.account) + self.fund)
            exact = self.prices[told.symbol].mark - Fraction(lacking, self.lots[key] * self.terms[told.symbol].unit)
            if self.kept is None or self.kept[0] != key:
                self.kept = (key, max(1, ceil(exact) if sign > 0 else floor(exact)))
            assert told.price_ticks == self.kept[1]
        signed = told.quantity_lots if told.side is Side.BUY else -told.quantity_lots
        self.change(told.account, told.symbol, signed, told.price_ticks)

    def rank(self, account: str, symbol: str) -> int:
        profit = self.value(account, symbol) - self.cost[account, symbol]
        size, equity = max(1, abs(self.value(account, symbol))), max(1, self.equity(account))
        leverage = Fraction(size, equity)
        share = Fraction(profit, size)
        return floor((share * leverage if profit > 0 else share / leverage) * 10**9)

    # What holds after every message.

    def check(self) -> None:
        self.kept = None
        for symbol in self.terms:
            assert sum(self.lots[account, symbol] for account in self.wallets) == 0
        held = sum(self.wallets.values()) - sum(self.cost.values()) + self.fees + self.fund
        assert held == self.opening + self.moved + self.beyond
        for account, amount in self.wallets.items():
            assert amount >= 0, (account, amount)
            equity, needed = self.equity(account), self.maintenance(account)
            assert equity >= 0
            if self.called[account]:
                self.called[account] = needed > equity * self.call * Fraction("0.75")
