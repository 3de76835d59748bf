"""The flow of orders once more, by the fastest engine of PyPI that gets it right: Liquibook, C++ behind SWIG.

It has no accounts, fees or rules. So it is asked for what these leave of the flow: orders without owners, and a cancel
in front of an order that would have met one of its own. Its trades must be the venue's and those of a book of lists.
"""

from bisect import insort
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from time import perf_counter
from typing import Any, NamedTuple

from flow import venue

from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import (
    CancelOrder,
    CancelReason,
    Liquidity,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    OrderType,
    Side,
    SubmitOrder,
    TimeInForce,
)

PACKAGE = "liquibook"
Trade = tuple[str, str, int, int]  # Maker's and taker's order, price, quantity.
OnFill = Callable[[Any, Any, int, int], None]  # Taker, maker, quantity, price.


class Step(NamedTuple):
    """An order; or a cancel, which has no quantity. Price 0 is a market order's."""

    order: str
    is_buy: bool = False
    price: int = 0
    lots: int = 0
    rests: bool = False


class Bare(NamedTuple):
    filling: list[Step]
    steps: list[Step]
    trades: list[Trade]


def bare(given: list[Message], filling: int) -> Bare:
    """What accounts and rules leave of the flow, and what the venue trades in it."""
    core, before = venue(), 0
    steps: list[Step] = []
    trades: list[Trade] = []
    for number, command in enumerate(given):
        before = len(steps) if number == filling else before
        assert isinstance(command, SubmitOrder | CancelOrder)
        said = core.handle(command, 1)
        name = command.client_order_id
        for told in said:
            if isinstance(told, OrderFilled) and told.liquidity is Liquidity.MAKER:
                trades.append((told.client_order_id, name, told.price_ticks, told.quantity_lots))
            elif isinstance(told, OrderCanceled) and told.reason is CancelReason.SELF_TRADE:
                steps.append(Step(told.client_order_id))
        if isinstance(command, CancelOrder):
            steps.append(Step(name))
        elif not any(isinstance(told, OrderRejected) for told in said):
            rests = command.order_type is OrderType.LIMIT and command.time_in_force is not TimeInForce.IOC
            steps.append(Step(name, command.side is Side.BUY, command.price_ticks, command.quantity_lots, rests))
    return Bare(steps[:before], steps[before:], trades)


def listed(steps: list[Step]) -> list[Trade]:
    """The trades of a book of two sorted lists, best price and oldest order first."""
    books: tuple[list[list[Any]], list[list[Any]]] = ([], [])
    resting: dict[str, tuple[bool, list[Any]]] = {}
    trades: list[Trade] = []
    for step in steps:
        if not step.lots:
            is_buy, entry = resting.pop(step.order, (False, []))
            if entry:
                books[is_buy].remove(entry)
            continue
        lots, other = step.lots, books[not step.is_buy]
        worst = (step.price if step.is_buy else -step.price) if step.price else 1 << 62
        while lots and other and other[0][0] <= worst:
            maker = other[0]
            met = min(lots, maker[2])
            trades.append((maker[1], step.order, abs(maker[0]), met))
            lots, maker[2] = lots - met, maker[2] - met
            if not maker[2]:
                del other[0], resting[maker[1]]
        if lots and step.rests:
            entry = [-step.price if step.is_buy else step.price, step.order, lots]
            insort(books[step.is_buy], entry, key=lambda each: each[0])
            resting[step.order] = (step.is_buy, entry)
    return trades


def installed() -> str:
    """Its version, or nothing."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return ""


class Peer:
    """Liquibook with the flow's orders made beforehand, as our commands are; it keeps none of them alive itself."""

    def __init__(self, flow: Bare, on_fill: OnFill | None) -> None:
        self.engine = import_module(PACKAGE)
        self.book = self.engine.DepthOrderBook()
        self.orders: dict[str, Any] = {}
        self.names: dict[int, str] = {}
        self.filling, self.steps = ([self.prepared(step) for step in part] for part in (flow.filling, flow.steps))
        self.listener = None if on_fill is None else listener(self.engine, on_fill)
        if self.listener is not None:
            self.book.set_order_listener(self.listener)

    def prepared(self, step: Step) -> tuple[Any, int]:
        """An order and its terms; below 0, that it is to be canceled."""
        if not step.lots:
            return self.orders[step.order], -1
        order = self.engine.SimpleOrder(step.is_buy, step.price, step.lots)
        self.orders[step.order] = order
        self.names[order.order_id_] = step.order
        return order, self.engine.oc_no_conditions if step.rests else self.engine.oc_immediate_or_cancel

    def carry_out(self, steps: list[tuple[Any, int]]) -> float:
        """Seconds."""
        add, cancel = self.book.add, self.book.cancel
        begun = perf_counter()
        for order, terms in steps:
            if terms < 0:
                cancel(order)
            else:
                add(order, terms)
        return perf_counter() - begun


def listener(engine: Any, on_fill: OnFill) -> Any:
    """One that hears of everything, as it must, and does something with fills alone."""

    words = ("accept", "reject", "cancel", "cancel_reject", "replace", "replace_reject")
    heard = {f"on_{word}": lambda *_: None for word in words}
    return type("Listener", (engine.OrderListener,), {**heard, "on_fill": staticmethod(on_fill)})()


def checked(given: list[Message], filling: int) -> Bare:
    """The flow for a peer, once three engines have made the same trades of it."""
    flow = bare(given, filling)
    assert listed(flow.filling + flow.steps) == flow.trades, "a book of lists trades otherwise than the venue"
    heard: list[tuple[int, int, int, int]] = []
    peer = Peer(flow, lambda taker, maker, lots, price: heard.append((maker.order_id_, taker.order_id_, price, lots)))
    peer.carry_out(peer.filling + peer.steps)
    trades = [(peer.names[maker], peer.names[taker], price, lots) for maker, taker, price, lots in heard]
    assert trades == flow.trades, f"{PACKAGE} trades otherwise than the venue"
    return flow


def seconds(flow: Bare, listens: bool) -> float:
    """Of the steps after those that fill the book: telling a listener that does nothing, or telling nobody."""
    peer = Peer(flow, (lambda *_: None) if listens else None)
    peer.carry_out(peer.filling)
    return peer.carry_out(peer.steps)
