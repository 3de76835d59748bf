"""A slow and obvious twin of the exchange, for two pairs of which a lot is 10 minor of the base and costs its price.

It keeps lists only: it looks for the best order at each match, and reckons from the open orders what is locked.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

from trading_ecosystem.messages.chaos import FaultVenue, RestoreVenue
from trading_ecosystem.messages.market import MarketPhaseChanged, QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.order_changes import (
    AmendOrder,
    AmendRejected,
    CancelAllAfter,
    CancelAllOrders,
    OrderAmended,
)
from trading_ecosystem.messages.orders import (
    CancelOrder,
    CancelRejected,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    OrderType,
    SelfTradeMode,
    Side,
    SubmitOrder,
    TimeInForce,
    TradeExecuted,
)
from trading_ecosystem.messages.triggers import OrderTriggered, SubmitPair, SubmitTriggerOrder, TriggerKind

DAY_NS = 86_400_000_000_000
RESTING = (TimeInForce.GTC, TimeInForce.DAY, TimeInForce.GTD)
Words = tuple[object, ...]


@dataclass
class Rules:
    minimum_notional: int = 0
    largest: int = 1 << 62
    range_ppm: int = 0
    band_ppm: int = 0
    over: int = 60
    halt: int = 0
    auction: int = 0


@dataclass
class Open:
    """An order in the book. `rank` is its place in time; `shown` what an iceberg shows."""

    number: int
    account: str
    name: str
    symbol: str
    side: Side
    limit: int
    quantity: int
    leaves: int
    mode: SelfTradeMode
    display: int = 0
    expires: int = 0
    post_only: bool = False
    partner: str = ""
    shown: int = 0
    rank: int = 0


@dataclass
class Waiting:
    number: int
    order: SubmitTriggerOrder
    expires: int
    best: int
    partner: str = ""


@dataclass
class Twin:
    accounts: dict[str, dict[str, int]]
    maker_fee: int
    taker_fee: int
    symbols: tuple[str, ...] = ("BTC/USD", "ETH/USD")
    rules: Rules = field(default_factory=Rules)
    resting: list[Open] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    seen: dict[tuple[str, str], Message] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)
    silent: dict[str, int] = field(default_factory=dict)
    said: list[Words] = field(default_factory=list)
    number: int = 0
    rank: int = 0
    trade_number: int = 0
    now: int = 0
    middle: dict[str, int] = field(default_factory=dict)
    quoted: dict[str, int] = field(default_factory=dict)  # When that quote was true; an older one is not heard.
    phase: dict[str, str] = field(default_factory=dict)  # Where it is not open.
    until: dict[str, int] = field(default_factory=dict)
    auction: dict[str, int] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    past: list[str] = field(default_factory=list)
    traded_at: list[tuple[int, str, int, int]] = field(default_factory=list)  # When, what, price, lots.
    low: Fraction | int = 0
    high: Fraction | int = 1 << 62
    last_lots: int = 0
    trips: int = 0
    auction_trades: int = 0

    def __post_init__(self) -> None:
        self.holds = Counter({(a, asset): has for a, assets in self.accounts.items() for asset, has in assets.items()})

    # What an account has.

    def locked(self, account: str, asset: str) -> int:
        mine = [o for o in self.resting if o.account == account and pays(o.side, o.symbol) == asset]
        return sum(self.lock(o.side, o.limit) * o.leaves for o in mine)

    def free(self, account: str, asset: str) -> int:
        return self.holds[account, asset] - self.locked(account, asset)

    def lock(self, side: Side, price: int) -> int:
        """For a lot: the fee of each lot is rounded up, so that any number of partial fills is covered."""
        return cost(side, price, 1, self.taker_fee)

    # Commands.

    def handle(self, command: Message, now: int) -> list[Words]:
        self.said, self.now = [], now
        self.do_due()
        self.obey(command)
        match command:
            case QuotePublished():
                if command.occurred_ns > self.quoted.get(command.symbol, 0):
                    self.middle[command.symbol] = command.bid_ticks + command.ask_ticks
                    self.quoted[command.symbol] = command.occurred_ns
            case FaultVenue():
                self.hold(command)
            case RestoreVenue():
                for symbol in [symbol for symbol in self.symbols if self.held.get(symbol) == command.injection_id]:
                    del self.held[symbol]
                    self.call(symbol)
        return self.said

    def obey(self, command: Message) -> None:
        match command:
            case SubmitOrder():
                self.submit(command)
            case SubmitTriggerOrder():
                self.submit_trigger(command)
            case SubmitPair():
                self.submit_pair(command)
            case AmendOrder():
                self.amend(command)
            case CancelOrder():
                self.cancel(command)
            case CancelAllOrders():
                self.cancel_all(command.account, command.only_symbol, "requested")
            case CancelAllAfter():
                self.silent.pop(command.account, None)
                if command.timeout_ns > 0 and command.account in self.accounts:
                    self.silent[command.account] = self.now + command.timeout_ns

    def do_due(self) -> None:
        for until, symbol in sorted((until, symbol) for symbol, until in self.until.items() if until <= self.now):
            self.end_orders_due(until)
            del self.until[symbol]
            if self.phase[symbol] == "halted":
                self.call(symbol)
            else:
                self.uncross(symbol)
        self.end_orders_due(self.now)

    def end_orders_due(self, until: int) -> None:
        ending: list[Open | Waiting] = [each for each in self.all() if 0 < each.expires <= until]
        for each in sorted(ending, key=lambda each: (each.expires, each.number)):
            if any(each is other for other in self.all()):
                self.end(each, "expired")
        for account in self.accounts:
            if account in self.silent and self.silent[account] <= until:
                del self.silent[account]
                self.cancel_all(account, "", "silent_owner")

    # Phases.

    def say_phase(self, symbol: str) -> None:
        self.said.append(("phase", symbol, self.phase.get(symbol, "open"), self.until.get(symbol, 0)))

    def call(self, symbol: str) -> None:
        self.phase[symbol] = "auction"
        self.until[symbol] = self.now + self.auction[symbol]
        self.say_phase(symbol)

    def halt(self, symbol: str) -> None:
        self.phase[symbol] = "halted"
        self.traded_at = [each for each in self.traded_at if each[1] != symbol]

    def trip(self, symbol: str) -> None:
        self.halt(symbol)
        self.trips += 1
        self.auction[symbol] = self.rules.auction
        self.until[symbol] = self.now + self.rules.halt
        self.say_phase(symbol)

    def hold(self, fault: FaultVenue) -> None:
        if self.held or fault.injection_id in self.past:
            return
        self.past.append(fault.injection_id)
        for symbol in fault.symbols or self.symbols:
            self.held[symbol], self.auction[symbol] = fault.injection_id, fault.by_ns
            self.until.pop(symbol, None)
            self.halt(symbol)
            self.say_phase(symbol)
            while (crossing := self.crossing(self.resting, symbol)) is not None:
                self.end(later_of(*crossing), "market_halted")

    def crossing(self, orders: list[Open], symbol: str) -> tuple[Open, Open] | None:
        """The best bid and the best ask of these orders, if they cross."""
        bids = [o for o in orders if o.symbol == symbol and o.side is Side.BUY]
        asks = [o for o in orders if o.symbol == symbol and o.side is Side.SELL]
        if not bids or not asks:
            return None
        bid, ask = min(bids, key=lambda o: (-o.limit, o.rank)), min(asks, key=lambda o: (o.limit, o.rank))
        return (bid, ask) if bid.limit >= ask.limit else None

    def uncross(self, symbol: str) -> None:
        for account in self.accounts:
            while (own := self.crossing([o for o in self.resting if o.account == account], symbol)) is not None:
                self.part_resting(*own)
        price = self.auction_price(symbol)
        while price and (crossing := self.crossing(self.resting, symbol)) is not None:
            bid, ask = crossing
            if not ask.limit <= price <= bid.limit:
                break
            taker = later_of(bid, ask)
            self.trade(taker, ask if taker is bid else bid, min(bid.shown, ask.shown), price)
            self.auction_trades += 1
            taker.shown -= self.last_lots
            self.show_or_remove(taker)
        assert self.crossing(self.resting, symbol) is None
        del self.phase[symbol]
        self.say_phase(symbol)
        self.traded = symbol in self.last
        self.run_triggers(symbol)

    def auction_price(self, symbol: str) -> int:
        """Every price is tried; 0 where none trades anything."""
        orders = [o for o in self.resting if o.symbol == symbol]
        best: tuple[int, int, int, int] | None = None
        for price in range(1, 1 + max((o.limit for o in orders), default=0)):
            wanted = sum(o.leaves for o in orders if o.side is Side.BUY and o.limit >= price)
            offered = sum(o.leaves for o in orders if o.side is Side.SELL and o.limit <= price)
            found = (-min(wanted, offered), abs(wanted - offered), abs(price - self.reference(symbol)), price)
            if found[0] and (best is None or found < best):
                best = found
        return 0 if best is None else best[3]

    def part_resting(self, bid: Open, ask: Open) -> None:
        later = later_of(bid, ask)
        earlier = ask if later is bid else bid
        if later.mode is SelfTradeMode.DECREMENT:
            common = min(bid.leaves, ask.leaves)
            for order in (earlier, later):
                if order.leaves == common:
                    self.end(order, "self_trade")
                    continue
                hidden = order.leaves - order.shown
                order.leaves -= common
                order.quantity -= common
                order.shown = order.leaves - max(0, hidden - common)
                self.say_amended(order)
            return
        if later.mode is not SelfTradeMode.CANCEL_INCOMING:
            self.end(earlier, "self_trade")
        if later.mode in (SelfTradeMode.CANCEL_INCOMING, SelfTradeMode.CANCEL_BOTH):
            self.end(later, "self_trade")

    def reference(self, symbol: str) -> int:
        return self.middle.get(symbol, 0) // 2 or self.last.get(symbol, 0)

    def set_bounds(self, symbol: str) -> None:
        """For all trades of one order."""
        self.low, self.high = 0, 1 << 62
        part = max(1, self.rules.over // 60)
        recent = [each for each in self.traded_at if each[1] == symbol and each[0] // part > self.now // part - 60]
        lots = sum(each[3] for each in recent)
        total = sum(each[2] * each[3] for each in recent) if lots else self.reference(symbol)
        if self.rules.band_ppm and total:
            self.low = Fraction(total * (1_000_000 - self.rules.band_ppm), (lots or 1) * 1_000_000)
            self.high = Fraction(total * (1_000_000 + self.rules.band_ppm), (lots or 1) * 1_000_000)

    def is_repeated(self, account: str, name: str, command: Message) -> bool:
        return self.seen.get((account, name)) == command

    def submit(self, order: SubmitOrder) -> None:
        if self.is_repeated(order.account, order.client_order_id, order):
            return
        reason = self.refusal(order)
        if reason:
            self.said.append(("rejected", order.account, order.client_order_id, reason))
        if (order.account, order.client_order_id) not in self.seen:
            self.seen[order.account, order.client_order_id] = order
        if not reason:
            self.place(order)

    def submit_trigger(self, order: SubmitTriggerOrder) -> None:
        if self.is_repeated(order.account, order.client_order_id, order):
            return
        reason = self.trigger_refusal(order)
        if reason:
            self.said.append(("rejected", order.account, order.client_order_id, reason))
        if (order.account, order.client_order_id) not in self.seen:
            self.seen[order.account, order.client_order_id] = order
        if not reason:
            self.wait(order)

    def submit_pair(self, pair: SubmitPair) -> None:
        if self.is_repeated(pair.account, pair.trigger_client_order_id, pair):
            return
        waits, limit = parts_of(pair)
        reasons = [self.trigger_refusal(waits), self.refusal(limit)]
        if not reasons[1] and pair.time_in_force not in RESTING:
            reasons[1] = "invalid_terms"
        if pair.client_order_id == pair.trigger_client_order_id and pair.symbol in self.symbols:
            reasons = ["client_order_id_reused", "client_order_id_reused"]
        names = (pair.trigger_client_order_id, pair.client_order_id)
        known = [(pair.account, name) in self.seen for name in names]
        for name in names:
            self.seen.setdefault((pair.account, name), pair)
        if any(reasons):
            for name, reason in zip(names, reasons, strict=True):
                self.said.append(("rejected", pair.account, name, reason or "pair_rejected"))
            return
        assert not any(known)
        self.wait(waits, pair.client_order_id)
        self.place(limit, pair.trigger_client_order_id)

    def refusal(self, order: SubmitOrder) -> str:
        if order.symbol not in self.symbols:
            return "unknown_symbol"
        if (order.account, order.client_order_id) in self.seen:
            return "client_order_id_reused"
        is_limit = order.order_type is OrderType.LIMIT
        may_rest = is_limit and order.time_in_force in RESTING
        phase = self.phase.get(order.symbol, "open")
        problems = {
            "market_halted": phase == "halted",
            "not_in_auction": phase == "auction" and not may_rest,
            "invalid_terms": (order.post_only and not may_rest)
            or (not is_limit and order.time_in_force not in (TimeInForce.GTC, TimeInForce.IOC))
            or (order.quote_minor != 0 and (is_limit or order.quantity_lots != 0)),
            "invalid_quantity": order.quote_minor < 0 or (order.quantity_lots < 1 and order.quote_minor == 0),
            "invalid_price": order.price_ticks < 1 if is_limit else order.price_ticks != 0,
            "invalid_display": order.display_lots != 0
            and not (may_rest and 1 <= order.display_lots <= order.quantity_lots <= 100 * order.display_lots),
            "invalid_expiry": self.is_bad_expiry(order.time_in_force, order.expires_ns),
        }
        for reason, applies in problems.items():
            if applies:
                return reason
        return self.market_refusal(order)

    def market_refusal(self, order: SubmitOrder) -> str:
        is_limit, notional = order.order_type is OrderType.LIMIT, order.price_ticks * order.quantity_lots
        asset, last = pays(order.side, order.symbol), self.reference(order.symbol)
        value = notional if is_limit else order.quote_minor or 1 << 62
        needed = self.lock(order.side, order.price_ticks) * order.quantity_lots if is_limit else 0
        problems: dict[str, Callable[[], bool]] = {
            "invalid_quantity": lambda: order.quantity_lots > self.rules.largest,
            "below_minimum_notional": lambda: value < self.rules.minimum_notional,
            "price_out_of_range": lambda: is_limit and self.is_out_of_range(order.price_ticks, last),
            "would_take": lambda: (
                order.post_only and self.best(order.symbol, order.side, order.price_ticks) is not None
            ),
            "nothing_to_take": lambda: order.quote_minor > 0 and self.lots_by_quote(order) < 1,
            "insufficient_funds": lambda: needed > self.free(order.account, asset) if is_limit else False,
        }
        return next((reason for reason, applies in problems.items() if applies()), "")

    def trigger_refusal(self, order: SubmitTriggerOrder) -> str:
        if order.symbol not in self.symbols:
            return "unknown_symbol"
        if (order.account, order.client_order_id) in self.seen:
            return "client_order_id_reused"
        trails = order.trigger_kind is TriggerKind.TRAILING
        last = self.last.get(order.symbol, 0)
        notional, around = order.price_ticks * order.quantity_lots, order.trigger_ticks
        is_trail = order.trigger_ticks == 0 and 1 <= order.trail_ppm <= 500_000
        is_price = order.trigger_ticks >= 1 and order.trail_ppm == 0
        problems = {
            "market_halted": self.phase.get(order.symbol) == "halted",
            "invalid_terms": order.price_ticks == 0 and order.time_in_force is TimeInForce.FOK,
            "invalid_quantity": order.quantity_lots < 1,
            "invalid_price": order.price_ticks < 0,
            "invalid_trigger": not (is_trail if trails else is_price),
            "invalid_expiry": self.is_bad_expiry(order.time_in_force, order.expires_ns),
            "too much": order.quantity_lots > self.rules.largest,
            "below_minimum_notional": order.price_ticks != 0 and notional < self.rules.minimum_notional,
            "price_out_of_range": order.price_ticks != 0 and self.is_out_of_range(order.price_ticks, around),
            "would_trigger": last != 0 and not trails and passes(order, last),
        }
        reason = next((reason for reason, applies in problems.items() if applies), "")
        return "invalid_quantity" if reason == "too much" else reason

    def is_bad_expiry(self, time_in_force: TimeInForce, expires: int) -> bool:
        return expires <= self.now if time_in_force is TimeInForce.GTD else expires != 0

    def is_out_of_range(self, price: int, around: int) -> bool:
        return bool(around and self.rules.range_ppm) and abs(price - around) * 1_000_000 > around * self.rules.range_ppm

    def expiry(self, time_in_force: TimeInForce, expires: int) -> int:
        return (self.now // DAY_NS + 1) * DAY_NS if time_in_force is TimeInForce.DAY else expires

    # Orders.

    def place(self, order: SubmitOrder, partner: str = "") -> None:
        lots = order.quantity_lots or self.lots_by_quote(order)
        self.number += 1
        taker = Open(
            number=self.number,
            account=order.account,
            name=order.client_order_id,
            symbol=order.symbol,
            side=order.side,
            limit=order.price_ticks,
            quantity=lots,
            leaves=lots,
            mode=order.self_trade,
            display=order.display_lots,
            expires=self.expiry(order.time_in_force, order.expires_ns),
            post_only=order.post_only,
            partner=partner,
        )
        self.said.append(("accepted", taker.account, taker.name, taker.number, lots))
        self.enter(taker, order.time_in_force)
        self.run_triggers(order.symbol)

    def wait(self, order: SubmitTriggerOrder, partner: str = "") -> None:
        self.number += 1
        expires = self.expiry(order.time_in_force, order.expires_ns)
        self.waiting.append(Waiting(self.number, order, expires, self.last.get(order.symbol, 0), partner))
        self.said.append(("accepted", order.account, order.client_order_id, self.number, order.quantity_lots))

    def enter(self, taker: Open, time_in_force: TimeInForce) -> None:
        self.traded = False
        if self.phase.get(taker.symbol) is None:
            self.set_bounds(taker.symbol)
            path = self.path(taker) if time_in_force is TimeInForce.FOK else []
            if any(not self.low <= maker.limit <= self.high for maker in path):
                self.trip(taker.symbol)
            elif time_in_force is not TimeInForce.FOK or sum(o.leaves for o in path) >= taker.leaves:
                self.match(taker)
        if taker.leaves and self.phase.get(taker.symbol) == "halted":
            self.say_canceled(taker, "market_halted")
        elif taker.leaves and taker.limit and time_in_force in RESTING:
            self.rest(taker)
        elif taker.leaves:
            self.say_canceled(taker, "not_filled")

    def rest(self, order: Open) -> None:
        self.rank += 1
        order.rank = self.rank
        order.shown = min(order.display, order.leaves) if order.display else order.leaves
        self.resting.append(order)

    def amend(self, command: AmendOrder) -> None:
        found = [o for o in self.resting if (o.account, o.name) == (command.account, command.client_order_id)]
        reason = self.amend_refusal(found[0], command) if found else "unknown_order"
        if reason:
            self.said.append(("amend rejected", command.account, command.client_order_id, reason))
            return
        [order] = found
        change = command.quantity_lots - order.quantity
        keeps = command.price_ticks == order.limit and change <= 0
        hidden = order.leaves - order.shown
        order.limit, order.quantity, order.leaves = command.price_ticks, command.quantity_lots, order.leaves + change
        self.say_amended(order)
        if keeps:
            order.shown = order.leaves - max(0, hidden + change)
            return
        self.resting.remove(order)
        self.traded = False
        if self.phase.get(order.symbol) is None:
            self.set_bounds(order.symbol)
            self.match(order)
        if order.leaves and self.phase.get(order.symbol) == "halted":
            self.say_canceled(order, "market_halted")
        elif order.leaves:
            self.rest(order)
        self.run_triggers(order.symbol)

    def amend_refusal(self, order: Open, command: AmendOrder) -> str:
        price, lots = command.price_ticks, command.quantity_lots
        if self.phase.get(order.symbol) == "halted":
            return "market_halted"
        if lots <= order.quantity - order.leaves:
            return "invalid_quantity"
        if price < 1:
            return "invalid_price"
        if lots > self.rules.largest:
            return "invalid_quantity"
        if price * lots < self.rules.minimum_notional:
            return "below_minimum_notional"
        if self.is_out_of_range(price, self.reference(order.symbol)):
            return "price_out_of_range"
        if order.post_only and self.best(order.symbol, order.side, price):
            return "would_take"
        asset = pays(order.side, order.symbol)
        has = self.free(order.account, asset) + self.lock(order.side, order.limit) * order.leaves
        if self.lock(order.side, price) * (lots - order.quantity + order.leaves) > has:
            return "insufficient_funds"
        return ""

    def cancel(self, command: CancelOrder) -> None:
        for each in self.all():
            if owner_of(each) == (command.account, command.client_order_id):
                self.end(each, "requested")
                return
        self.said.append(("cancel rejected", command.account, command.client_order_id))

    def cancel_all(self, account: str, symbol: str, reason: str) -> None:
        mine = [each for each in self.all() if owner_of(each)[0] == account]
        mine = [each for each in mine if symbol in ("", symbol_of(each))]
        for each in sorted(mine, key=lambda each: each.number):
            if any(each is other for other in self.all()):
                self.end(each, reason)

    def all(self) -> "list[Open | Waiting]":
        return [*self.resting, *self.waiting]

    def end(self, each: Open | Waiting, reason: str) -> None:
        if isinstance(each, Open):
            self.resting.remove(each)
            self.say_canceled(each, reason)
        else:
            self.waiting = [other for other in self.waiting if other is not each]
            order = each.order
            self.said.append(("canceled", order.account, order.client_order_id, order.quantity_lots, reason))
            self.end_partner(order.account, each.partner)

    def say_canceled(self, order: Open, reason: str) -> None:
        self.said.append(("canceled", order.account, order.name, order.leaves, reason))
        order.leaves = 0
        self.end_partner(order.account, order.partner)

    def say_amended(self, order: Open) -> None:
        self.said.append(("amended", order.account, order.name, order.limit, order.quantity, order.leaves))

    def end_partner(self, account: str, partner: str) -> None:
        for each in self.all():
            if partner and owner_of(each) == (account, partner):
                each.partner = ""
                self.end(each, "paired")

    # A match.

    def best(self, symbol: str, side: Side, limit: int) -> Open | None:
        """The order that one of this side takes from first; `limit` 0 takes any."""
        found = [o for o in self.resting if o.symbol == symbol and o.side is not side]
        if limit:
            found = [o for o in found if (o.limit <= limit if side is Side.BUY else o.limit >= limit)]
        sign = 1 if side is Side.BUY else -1
        return min(found, key=lambda o: (sign * o.limit, o.rank), default=None)

    def path(self, taker: Open) -> list[Open]:
        """What an order may take from, to the end of its reach or of its size, in order."""
        left = [o for o in self.resting if o.symbol == taker.symbol and o.side is not taker.side]
        if taker.limit:
            left = [o for o in left if (o.limit <= taker.limit if taker.side is Side.BUY else o.limit >= taker.limit)]
        sign = 1 if taker.side is Side.BUY else -1
        found: list[Open] = []
        for order in sorted(left, key=lambda o: (sign * o.limit, o.rank)):
            if order.account != taker.account:
                found.append(order)
            elif taker.mode not in (SelfTradeMode.UNSPECIFIED, SelfTradeMode.CANCEL_RESTING):
                break
            if sum(o.leaves for o in found) >= taker.quantity > 0:
                break
        return found

    def lots_by_quote(self, order: SubmitOrder) -> int:
        probe = Open(0, order.account, "", order.symbol, order.side, 0, 0, 0, order.self_trade)
        left, lots = order.quote_minor, 0
        for maker in self.path(probe):
            part = 0
            fee = self.taker_fee if order.side is Side.BUY else 0
            while part < maker.leaves and cost(Side.BUY, maker.limit, part + 1, fee) <= left:
                part += 1
            left -= cost(Side.BUY, maker.limit, part, fee)
            lots += part
            if part < maker.leaves:
                break
        return min(lots, self.rules.largest)

    def match(self, taker: Open) -> None:
        while taker.leaves:
            maker = self.best(taker.symbol, taker.side, taker.limit)
            if maker is None:
                return
            if maker.account == taker.account:
                self.part(taker, maker)
                continue
            lots = min(taker.leaves, maker.shown)
            if not taker.limit:
                free = self.free(taker.account, pays(taker.side, taker.symbol))
                while lots and cost(taker.side, maker.limit, lots, self.taker_fee) > free:
                    lots -= 1
            if lots == 0:
                return
            if not self.low <= maker.limit <= self.high:
                self.trip(taker.symbol)
                return
            self.trade(taker, maker, lots, maker.limit)

    def part(self, taker: Open, maker: Open) -> None:
        if taker.mode is SelfTradeMode.DECREMENT:
            common = min(taker.leaves, maker.leaves)
            for order in (maker, taker):
                if order.leaves > common:
                    hidden = order.leaves - order.shown
                    order.leaves -= common
                    order.quantity -= common
                    order.shown = order.leaves - max(0, hidden - common)
                    self.say_amended(order)
                elif order is maker:
                    self.end(maker, "self_trade")
                else:
                    self.say_canceled(taker, "self_trade")
            return
        if taker.mode is not SelfTradeMode.CANCEL_INCOMING:
            self.end(maker, "self_trade")
        if taker.mode in (SelfTradeMode.CANCEL_INCOMING, SelfTradeMode.CANCEL_BOTH):
            self.say_canceled(taker, "self_trade")

    def trade(self, taker: Open, maker: Open, lots: int, price: int) -> None:
        base = maker.symbol[:3]
        buyer, seller = (taker, maker) if taker.side is Side.BUY else (maker, taker)
        fees = {id(taker): fee_of(price * lots, self.taker_fee), id(maker): fee_of(price * lots, self.maker_fee)}
        self.holds[buyer.account, base] += 10 * lots
        self.holds[seller.account, base] -= 10 * lots
        self.holds[buyer.account, "USD"] -= price * lots + fees[id(buyer)]
        self.holds[seller.account, "USD"] += price * lots - fees[id(seller)]
        self.holds["fees", "USD"] += fees[id(taker)] + fees[id(maker)]
        taker.leaves -= lots
        maker.leaves -= lots
        maker.shown -= lots
        self.show_or_remove(maker)
        self.traded, self.last_lots = True, lots
        self.traded_at.append((self.now, maker.symbol, price, lots))
        self.last[taker.symbol] = price
        self.trade_number += 1
        self.said.append(("trade", self.trade_number, taker.symbol, price, lots, buyer.number, seller.number))
        for party in (maker, taker):
            self.said.append(("filled", party.account, party.name, lots, party.leaves, fees[id(party)]))
        for party in (maker, taker):
            self.end_partner(party.account, party.partner)

    def show_or_remove(self, order: Open) -> None:
        """After a trade of an order in the book."""
        if order.leaves == 0:
            self.resting = [other for other in self.resting if other is not order]
        elif order.shown == 0:
            self.rank += 1
            order.rank = self.rank
            order.shown = min(order.display, order.leaves)

    # Triggers.

    def run_triggers(self, symbol: str) -> None:
        while self.traded:
            last = self.last[symbol]
            for each in self.waiting:
                if each.order.symbol == symbol and each.order.trigger_kind is TriggerKind.TRAILING:
                    worst = max if each.order.side is Side.SELL else min
                    each.best = worst(each.best or last, last)
            passed = [each for each in self.waiting if each.order.symbol == symbol and self.is_passed(each, last)]
            if not passed or symbol in self.phase:
                return
            self.trigger(min(passed, key=lambda each: each.number), last)
            self.traded = True

    def is_passed(self, each: Waiting, last: int) -> bool:
        if each.order.trigger_kind is not TriggerKind.TRAILING:
            return passes(each.order, last)
        share = each.order.trail_ppm / 1_000_000
        if each.order.side is Side.SELL:
            return last <= floor(round(each.best * (1 - share), 9))
        return last >= ceil(round(each.best * (1 + share), 9))

    def trigger(self, each: Waiting, last: int) -> None:
        order = each.order
        self.waiting = [other for other in self.waiting if other is not each]
        self.said.append(("triggered", order.account, order.client_order_id, last))
        self.end_partner(order.account, each.partner)
        lots, limit = order.quantity_lots, order.price_ticks
        if limit and self.lock(order.side, limit) * lots > self.free(order.account, pays(order.side, order.symbol)):
            self.said.append(("canceled", order.account, order.client_order_id, lots, "not_covered"))
            return
        taker = Open(
            number=each.number,
            account=order.account,
            name=order.client_order_id,
            symbol=order.symbol,
            side=order.side,
            limit=limit,
            quantity=lots,
            leaves=lots,
            mode=order.self_trade,
            expires=each.expires,
        )
        self.enter(taker, order.time_in_force)


def passes(order: SubmitTriggerOrder, last: int) -> bool:
    rises = (order.trigger_kind is TriggerKind.STOP) is (order.side is Side.BUY)
    return last >= order.trigger_ticks if rises else last <= order.trigger_ticks


def later_of(bid: Open, ask: Open) -> Open:
    if bid.post_only is not ask.post_only:
        return ask if bid.post_only else bid
    return max(bid, ask, key=lambda o: o.number)


def owner_of(each: Open | Waiting) -> tuple[str, str]:
    return (each.account, each.name) if isinstance(each, Open) else (each.order.account, each.order.client_order_id)


def symbol_of(each: Open | Waiting) -> str:
    return each.symbol if isinstance(each, Open) else each.order.symbol


def pays(side: Side, symbol: str) -> str:
    return "USD" if side is Side.BUY else symbol[:3]


def fee_of(notional: int, fee_ppm: int) -> int:
    return ceil(notional * fee_ppm / 1_000_000)


def cost(side: Side, price: int, lots: int, fee_ppm: int) -> int:
    notional = price * lots
    return notional + fee_of(notional, fee_ppm) if side is Side.BUY else 10 * lots


def parts_of(pair: SubmitPair) -> tuple[SubmitTriggerOrder, SubmitOrder]:
    waits = SubmitTriggerOrder(
        to=pair.to,
        account=pair.account,
        client_order_id=pair.trigger_client_order_id,
        symbol=pair.symbol,
        side=pair.side,
        trigger_kind=pair.trigger_kind,
        trigger_ticks=pair.trigger_ticks,
        trail_ppm=pair.trail_ppm,
        price_ticks=pair.trigger_price_ticks,
        quantity_lots=pair.quantity_lots,
        time_in_force=pair.time_in_force,
        expires_ns=pair.expires_ns,
        self_trade=pair.self_trade,
    )
    limit = SubmitOrder(
        to=pair.to,
        account=pair.account,
        client_order_id=pair.client_order_id,
        symbol=pair.symbol,
        side=pair.side,
        order_type=OrderType.LIMIT,
        time_in_force=pair.time_in_force,
        price_ticks=pair.price_ticks,
        quantity_lots=pair.quantity_lots,
        post_only=pair.post_only,
        expires_ns=pair.expires_ns,
        self_trade=pair.self_trade,
    )
    return waits, limit


def spoken(message: Message) -> list[Words]:
    """What the exchange says, in the words of the twin."""
    if isinstance(message, MarketPhaseChanged):
        return [("phase", message.symbol, str(message.market_phase), message.until_ns)]
    return spoken_of_orders(message)


def spoken_of_orders(message: Message) -> list[Words]:
    match message:
        case OrderAccepted():
            return [("accepted", message.account, message.client_order_id, message.order_id, message.quantity_lots)]
        case OrderRejected():
            return [("rejected", message.account, message.client_order_id, str(message.reject_reason))]
        case OrderCanceled():
            quantity_lots, reason = message.quantity_lots, str(message.reason)
            return [("canceled", message.account, message.client_order_id, quantity_lots, reason)]
        case CancelRejected():
            return [("cancel rejected", message.account, message.client_order_id)]
        case OrderAmended():
            figures = (message.price_ticks, message.quantity_lots, message.leaves_quantity_lots)
            return [("amended", message.account, message.client_order_id, *figures)]
        case AmendRejected():
            return [("amend rejected", message.account, message.client_order_id, str(message.amend_reject_reason))]
        case OrderTriggered():
            return [("triggered", message.account, message.client_order_id, message.last_ticks)]
        case OrderFilled():
            quantities = (message.quantity_lots, message.leaves_quantity_lots, message.fee_minor)
            return [("filled", message.account, message.client_order_id, *quantities)]
        case TradeExecuted():
            parties = (message.buyer_order_id, message.seller_order_id)
            return [("trade", message.trade_id, message.symbol, message.price_ticks, message.quantity_lots, *parties)]
    return []
