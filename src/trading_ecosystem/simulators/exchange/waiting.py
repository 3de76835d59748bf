"""Orders of one instrument that wait for a price: in no book, and nothing is locked for them.

Rule 1: the price that counts is the last one traded; the waiting orders see every one, in order.
Rule 2: of several that a price triggers the one accepted first goes first.
"""

from bisect import bisect_left, insort
from typing import Final, final

from trading_ecosystem.messages.orders import Side
from trading_ecosystem.messages.triggers import SubmitTriggerOrder, TriggerKind
from trading_ecosystem.simulators.exchange.accounts import Account

PPM: Final = 1_000_000
NO_PARTNER: Final = 0


@final
class WaitingOrder:
    """`best_ticks`: of a trailing order the best price since it was accepted, 0 before the first one. `expires_ns` 0:
    never."""

    __slots__ = ("account", "best_ticks", "expires_ns", "order_id", "partner_id", "submitted")

    def __init__(
        self, order_id: int, account: Account, submitted: SubmitTriggerOrder, best_ticks: int, expires_ns: int
    ) -> None:
        self.order_id = order_id
        self.account = account
        self.submitted = submitted
        self.best_ticks = best_ticks
        self.expires_ns = expires_ns
        self.partner_id = NO_PARTNER

    def trail_ticks(self) -> int:
        """Where a trailing order is triggered as things stand."""
        submitted = self.submitted
        if submitted.side is Side.SELL:
            return self.best_ticks * (PPM - submitted.trail_ppm) // PPM
        return -(-self.best_ticks * (PPM + submitted.trail_ppm) // PPM)

    def trails_to(self, last_ticks: int) -> bool:
        """Follow a price; True when it is far enough from the best one to trigger the order."""
        if self.submitted.side is Side.SELL:
            self.best_ticks = max(self.best_ticks, last_ticks)
            return last_ticks <= self.trail_ticks()
        self.best_ticks = min(self.best_ticks or last_ticks, last_ticks)
        return last_ticks >= self.trail_ticks()


@final
class WaitingOrders:
    """Sorted by what triggers them: on a rise by the trigger, on a fall by its negative, each with the order's id."""

    __slots__ = ("_falling", "_rising", "_trailing", "by_id")

    def __init__(self) -> None:
        self.by_id: dict[int, WaitingOrder] = {}
        self._rising: list[tuple[int, int]] = []
        self._falling: list[tuple[int, int]] = []
        self._trailing: list[WaitingOrder] = []

    def add(self, order: WaitingOrder) -> None:
        """In the order of their acceptance."""
        submitted = order.submitted
        self.by_id[order.order_id] = order
        if submitted.trigger_kind is TriggerKind.TRAILING:
            self._trailing.append(order)
        elif waits_for_rise(submitted):
            insort(self._rising, (submitted.trigger_ticks, order.order_id))
        else:
            insort(self._falling, (-submitted.trigger_ticks, order.order_id))

    def remove(self, order: WaitingOrder) -> None:
        submitted = order.submitted
        del self.by_id[order.order_id]
        if submitted.trigger_kind is TriggerKind.TRAILING:
            self._trailing.remove(order)
        elif waits_for_rise(submitted):
            take_out(self._rising, (submitted.trigger_ticks, order.order_id))
        else:
            take_out(self._falling, (-submitted.trigger_ticks, order.order_id))

    def triggered(self, last_ticks: int) -> list[WaitingOrder]:
        """Those that this price triggers, in the order of their acceptance. They still wait."""
        found = [order.order_id for order in self._trailing if order.trails_to(last_ticks)]
        for trigger_ticks, order_id in self._rising:
            if trigger_ticks > last_ticks:
                break
            found.append(order_id)
        for negative_ticks, order_id in self._falling:
            if -negative_ticks < last_ticks:
                break
            found.append(order_id)
        found.sort()
        return [self.by_id[order_id] for order_id in found]


def waits_for_rise(order: SubmitTriggerOrder) -> bool:
    return (order.trigger_kind is TriggerKind.STOP) == (order.side is Side.BUY)


def would_trigger(order: SubmitTriggerOrder, last_ticks: int) -> bool:
    """Whether the last price would trigger it at once; before the first price nothing does."""
    if last_ticks == 0 or order.trigger_kind is TriggerKind.TRAILING:
        return False
    return last_ticks >= order.trigger_ticks if waits_for_rise(order) else last_ticks <= order.trigger_ticks


def take_out(entries: list[tuple[int, int]], entry: tuple[int, int]) -> None:
    place = bisect_left(entries, entry)
    assert entries[place] == entry
    del entries[place]
