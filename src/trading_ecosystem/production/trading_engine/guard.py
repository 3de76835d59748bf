"""The fence around a strategy: what goes wrong inside it is named, told once, and ends it, and nothing else.

Rule 1: whatever a strategy raises or answers, the desk goes on; its other strategies do not notice.
Rule 2: only what could be an order of this strategy gets out: of a type, an instrument and a quantity that exist.
Rule 3: every bound is a count, never a time, so that the same history ends the same strategy at the same message.
A call that never returns is ended from outside (`endless_calls.py`), at the same message too.
"""

from collections.abc import Sequence
from typing import Final, final

from trading_ecosystem.foreign_calls import CALL, NeverReturned
from trading_ecosystem.live.telemetry.lines import Log
from trading_ecosystem.messages.orders import Side, TimeInForce
from trading_ecosystem.production.trading_engine.config import StrategyPart
from trading_ecosystem.production.trading_engine.desk import Desk, Market
from trading_ecosystem.production.trading_engine.orders import STRAY, Order, OrderStatus
from trading_ecosystem.production.trading_engine.strategies.strategy import (
    NOTHING,
    GiveUp,
    Intention,
    Place,
    Strategy,
    Withdraw,
)

MOST_WANTED: Final = 1_000  # Orders and withdrawals in one answer.
MOST_RETRIES: Final = 50  # Answers to denials at one moment.
MOST_HURRIED: Final = 1_000  # Wakes in a row that it asked for, each sooner after the last than
HURRY_NS: Final = 1_000_000
NEVER: Final = (1 << 62) - 1
FAILURES: Final = (Exception, SystemExit, NeverReturned)

log = Log(__name__)


class Nonsense(Exception):
    """An answer that is none, in words that follow `failed in on_quote:`."""


@final
class Guard(Strategy):
    """Hands every call on to the strategy of a plug-in, until one fails. Then `failure` says which, where and how."""

    __slots__ = (
        "_desk_name",
        "_due_ns",
        "_given_up",
        "_hurried",
        "_inner",
        "_moment_ns",
        "_name",
        "_owner",
        "_retries",
        "_symbols",
        "_woken_ns",
        "failure",
    )

    def __init__(self, desk_name: str, owner: int, name: str, part: StrategyPart, desk: Desk) -> None:
        super().__init__((), ())
        self.failure = ""
        self._desk_name = desk_name
        self._owner = owner
        self._name = name
        self._inner: Strategy | None = None
        self._symbols: tuple[str, ...] = tuple(part.config.symbols)
        self._given_up = False
        self._moment_ns = 0
        self._retries = 0
        self._due_ns = NEVER
        self._woken_ns = 0
        self._hurried = 0
        try:
            CALL.begin()
            self._take(part.plugin.build(part.config, desk))
        except FAILURES as error:
            self._fail("its constructor", error)

    def on_quote(self, market: Market, now: int) -> Sequence[Intention]:
        if self._inner is None:
            return self._give_up()
        try:
            CALL.begin()
            return self._checked(self._inner.on_quote(market, now))
        except FAILURES as error:
            return self._fail("on_quote", error)

    def on_book_top(self, market: Market, now: int) -> Sequence[Intention]:
        if self._inner is None:
            return self._give_up()
        try:
            CALL.begin()
            return self._checked(self._inner.on_book_top(market, now))
        except FAILURES as error:
            return self._fail("on_book_top", error)

    def on_phase(self, market: Market, now: int) -> Sequence[Intention]:
        if self._inner is None:
            return self._give_up()
        try:
            CALL.begin()
            return self._checked(self._inner.on_phase(market, now))
        except FAILURES as error:
            return self._fail("on_phase", error)

    def on_fill(self, order: Order, now: int) -> Sequence[Intention]:
        if self._inner is None:
            return self._give_up()
        try:
            CALL.begin()
            return self._checked(self._inner.on_fill(order, now))
        except FAILURES as error:
            return self._fail("on_fill", error)

    def on_close(self, order: Order, now: int) -> Sequence[Intention]:
        if self._inner is None:
            return self._give_up()
        try:
            CALL.begin()
            answer = self._checked(self._inner.on_close(order, now))
            if answer and order.status is OrderStatus.DENIED:
                self._count_retry(now)
            return answer
        except FAILURES as error:
            return self._fail("on_close", error)

    def on_wake(self, now: int) -> Sequence[Intention]:
        if self._inner is None:
            return self._give_up()
        try:
            self._count_wake(now)
            CALL.begin()
            return self._checked(self._inner.on_wake(now))
        except FAILURES as error:
            return self._fail("on_wake", error)

    def due_ns(self, otherwise_ns: int) -> int:
        """A strategy that fails here is due at once, to be given up."""
        if self._inner is None:
            return otherwise_ns
        try:
            CALL.begin()
            due_ns: object = self._inner.due_ns(otherwise_ns)
            CALL.end()
            if not isinstance(due_ns, int):
                raise TypeError
            self._due_ns = due_ns if due_ns < otherwise_ns else NEVER  # Else it is somebody else's moment.
            return min(due_ns, otherwise_ns)
        except FAILURES as error:
            self._due_ns = 0
            self._note("due_ns", error)
            return 0

    # Failure.

    def _fail(self, where: str, error: BaseException) -> Sequence[Intention]:
        self._note(where, error)
        return self._give_up()

    def _note(self, where: str, error: BaseException) -> None:
        """The event names the type of an error: its text may be another in another process. The log has all of it."""
        CALL.end()
        self._inner = None
        what = str(error) if isinstance(error, Nonsense | NeverReturned) else type(error).__name__
        self.failure = f"strategy {self._name} failed in {where}: {what}"
        log.error(
            "a strategy failed: it trades no more, and its orders are canceled",
            desk=self._desk_name,
            strategy=self._name,
            where=where,
            what=what,
            exc_info=error,
        )

    def _give_up(self) -> Sequence[Intention]:
        if self._given_up:
            return NOTHING
        self._given_up = True
        return [GiveUp()]

    # Checks.

    def _take(self, built: object) -> None:
        CALL.end()
        if not isinstance(built, Strategy):
            raise TypeError
        quoted, booked = built.quoted_symbols, built.booked_symbols
        for symbol in (*quoted, *booked):
            if symbol not in self._symbols:
                raise Nonsense(f"it listens to {symbol}, which its configuration does not name")
        self.quoted_symbols, self.booked_symbols = tuple(quoted), tuple(booked)
        self._inner = built

    def _checked(self, answer: object) -> Sequence[Intention]:
        """The answer, if it is one. Marks its orders as this strategy's, so that none is placed twice."""
        CALL.end()
        if answer is NOTHING:
            return NOTHING
        if not isinstance(answer, list) and not isinstance(answer, tuple):
            raise TypeError(f"an answer is a list or a tuple, not a {type(answer).__name__}")
        wanted = 0
        for intention in answer:
            if isinstance(intention, Place):
                if not isinstance(intention.orders, list):
                    raise TypeError("what is placed is a list of orders")
                wanted += len(intention.orders)
                for order in intention.orders[:MOST_WANTED]:
                    self._check_new(order)
            elif isinstance(intention, Withdraw):
                self._check_own(intention.order)
            else:
                raise TypeError(f"an intention is a Place or a Withdraw, not a {type(intention).__name__}")
            wanted += 1
            if wanted > MOST_WANTED:
                raise Nonsense(f"more than {MOST_WANTED} things are wanted at once")
        return answer

    def _check_new(self, order: object) -> None:
        if not isinstance(order, Order) or not has_right_types(order):
            raise TypeError("an order has a symbol, a side, whole ticks and lots, and a time in force")
        if order.symbol not in self._symbols:
            raise Nonsense(f"an order in {order.symbol}, which its configuration does not name")
        if order.price_ticks <= 0 or order.quantity_lots <= 0 or order.leaves_lots != order.quantity_lots:
            raise Nonsense("an order whose price or quantity is not above zero")
        if order.owner != STRAY or order.status is not OrderStatus.PENDING_NEW:
            raise Nonsense("an order that was placed before")
        order.owner = self._owner

    def _check_own(self, order: object) -> None:
        if not isinstance(order, Order):
            raise TypeError("what is withdrawn is an order")
        if order.owner != self._owner:
            raise Nonsense("it withdraws an order that it did not place")

    def _count_retry(self, now: int) -> None:
        if now != self._moment_ns:
            self._moment_ns = now
            self._retries = 0
        self._retries += 1
        if self._retries > MOST_RETRIES:
            raise Nonsense(f"more than {MOST_RETRIES} answers to denials at one moment")

    def _count_wake(self, now: int) -> None:
        if self._due_ns > now:
            return
        self._hurried = self._hurried + 1 if now < self._woken_ns + HURRY_NS else 0
        self._woken_ns = now
        if self._hurried > MOST_HURRIED:
            raise Nonsense(f"more than {MOST_HURRIED} wakes in a row, each within a millisecond of the last")


def has_right_types(order: Order) -> bool:
    """Of an order that plain Python made; a compiled one can have no others."""
    return (
        isinstance(order.symbol, str)
        and isinstance(order.side, Side)
        and isinstance(order.price_ticks, int)
        and isinstance(order.quantity_lots, int)
        and isinstance(order.leaves_lots, int)
        and isinstance(order.time_in_force, TimeInForce)
        and isinstance(order.post_only, bool)
    )


def guarded(desk_name: str, parts: tuple[StrategyPart, ...], desk: Desk) -> list[Guard]:
    """The strategies of a desk by number, each behind its fence; the second of a kind is named so."""
    guards: list[Guard] = []
    for owner, part in enumerate(parts):
        earlier = [each for each in parts[:owner] if each.kind == part.kind]
        name = f"{part.kind} ({len(earlier) + 1})" if earlier else part.kind
        guards.append(Guard(desk_name, owner, name, part, desk))
    return guards
