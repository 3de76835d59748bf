"""What a strategy is: it hears the market and its own orders, and answers with intentions.

Rule 1: a strategy only wants; the engine checks and does. A denied order comes back by `on_close`.
Rule 2: an `Order` that was placed stays with its strategy, and tells its own status.
"""

from collections.abc import Sequence
from typing import Final, final

from mypy_extensions import mypyc_attr

from trading_ecosystem.production.trading_engine.desk import Market
from trading_ecosystem.production.trading_engine.orders import Order

PPM: Final = 1_000_000


class Intention:
    __slots__ = ()


@final
class Place(Intention):
    """Send these orders: all of them or, if a check denies one, none."""

    __slots__ = ("orders",)

    def __init__(self, orders: list[Order]) -> None:
        self.orders = orders


@final
class Withdraw(Intention):
    """Cancel an order that was placed."""

    __slots__ = ("order",)

    def __init__(self, order: Order) -> None:
        self.order = order


@final
class GiveUp(Intention):
    """What the fence says for a strategy that failed: it trades no more, and all that it has open is canceled."""

    __slots__ = ()


NOTHING: Final[Sequence[Intention]] = ()


@mypyc_attr(allow_interpreted_subclasses=True)
class Strategy:
    """A strategy hears quotes and books only while the desk trades, its orders' events always.

    `quoted_symbols` and `booked_symbols` say which instruments it hears of.
    """

    quoted_symbols: tuple[str, ...]
    booked_symbols: tuple[str, ...]

    def __init__(self, quoted_symbols: tuple[str, ...], booked_symbols: tuple[str, ...]) -> None:
        self.quoted_symbols = quoted_symbols
        self.booked_symbols = booked_symbols

    def on_quote(self, market: Market, now: int) -> Sequence[Intention]:
        """The provider's quote of an instrument changed."""
        return NOTHING

    def on_book_top(self, market: Market, now: int) -> Sequence[Intention]:
        """The top of the venue's book changed."""
        return NOTHING

    def on_phase(self, market: Market, now: int) -> Sequence[Intention]:
        """The venue halted the market, or opened it again."""
        return NOTHING

    def on_fill(self, order: Order, now: int) -> Sequence[Intention]:
        """One of its orders was filled, in part or whole; the positions are up to date."""
        return NOTHING

    def on_close(self, order: Order, now: int) -> Sequence[Intention]:
        """One of its orders ended otherwise: canceled, rejected, denied, or gone from the venue unheard."""
        return NOTHING

    def on_wake(self, now: int) -> Sequence[Intention]:
        """Time has passed; see `due_ns`."""
        return NOTHING

    def due_ns(self, otherwise_ns: int) -> int:
        """When `on_wake` has something to do, if before `otherwise_ns`."""
        return otherwise_ns
