"""A strategy that fails is named, ended and taken back; the desk and its other strategies go on."""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from time import sleep
from typing import Any

import pytest

from trading_ecosystem.endless_calls import endless_calls_ended
from trading_ecosystem.messages.accounts import AccountReported, Balance, VenueHeartbeat
from trading_ecosystem.messages.health import HealthChanged, HealthStatus
from trading_ecosystem.messages.market import (
    BookTopChanged,
    MarketPhase,
    MarketPhaseChanged,
    PhaseReason,
    QuotePublished,
)
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import (
    CancelOrder,
    OrderDenied,
    OrderRejected,
    RejectReason,
    Side,
    SubmitOrder,
    TimeInForce as Time,
)
from trading_ecosystem.messages.runtime import Start, Wake, WakeAt
from trading_ecosystem.production.trading_engine.config import DeskConfig, StrategyPart
from trading_ecosystem.production.trading_engine.core import TradingEngine
from trading_ecosystem.production.trading_engine.desk import Desk, Market
from trading_ecosystem.production.trading_engine.guard import MOST_HURRIED, MOST_RETRIES, MOST_WANTED
from trading_ecosystem.production.trading_engine.orders import Order, OrderStatus
from trading_ecosystem.production.trading_engine.strategies.plugin import Plugin
from trading_ecosystem.production.trading_engine.strategies.strategy import GiveUp, Place, Strategy, Withdraw
from trading_ecosystem.reference import ReferenceData

SECOND = 1_000_000_000
MID = 6_000_000
Answer = Callable[["Odd", Any, int], Any]


@dataclass(frozen=True)
class Config:
    """What the strategy does at each call, by the name of the call; at every other it does nothing."""

    symbols: tuple[str, ...]
    answers: dict[str, Answer]


class Odd(Strategy):
    """Does as it is told, however odd."""

    def __init__(self, config: Config, desk: Desk) -> None:
        super().__init__(config.symbols, config.symbols)
        self.answers = config.answers
        self.placed: list[Order] = []
        self.answer("build", None, 0)

    def answer(self, call: str, what: Any, now: int) -> Any:
        return self.answers[call](self, what, now) if call in self.answers else ()

    def on_quote(self, market: Market, now: int) -> Any:
        return self.answer("on_quote", market, now)

    def on_book_top(self, market: Market, now: int) -> Any:
        return self.answer("on_book_top", market, now)

    def on_phase(self, market: Market, now: int) -> Any:
        return self.answer("on_phase", market, now)

    def on_fill(self, order: Order, now: int) -> Any:
        return self.answer("on_fill", order, now)

    def on_close(self, order: Order, now: int) -> Any:
        return self.answer("on_close", order, now)

    def on_wake(self, now: int) -> Any:
        return self.answer("on_wake", None, now)

    def due_ns(self, otherwise_ns: int) -> Any:
        return self.answers["due_ns"](self, None, otherwise_ns) if "due_ns" in self.answers else otherwise_ns


def never_read(*_: object) -> Config:
    raise AssertionError


ODD: Plugin[Any] = Plugin(never_read, Odd)


class Stage:
    """A desk with odd strategies and a well-behaved market maker in ETH/USD, at a venue that accepts all."""

    def __init__(self, reference: ReferenceData, config: DeskConfig, **answers: Answer) -> None:
        odd = StrategyPart(kind="odd", config=Config(("BTC/USD",), answers), plugin=ODD)
        self.config = replace(config, strategies=(odd, *config.strategies), symbols=("BTC/USD", "ETH/USD"))
        self.engine = TradingEngine("desk", self.config, reference)
        self.now = SECOND
        self.sent: list[Message] = []
        self.give(Start(memory={}))
        self.give(VenueHeartbeat(venue="exchange", session=1, occurred_ns=self.now))
        self.report()

    def report(self) -> Sequence[Message]:
        amounts = {"USD": 3_000_000 * 10**8, "BTC": 20 * 10**8, "ETH": 400 * 10**8}
        balances = tuple(Balance(asset=asset, free_minor=held, locked_minor=0) for asset, held in amounts.items())
        return self.give(
            AccountReported(
                to="desk",
                venue="exchange",
                account="alpha",
                account_sequence=0,
                balances=balances,
                open_orders=(),
                occurred_ns=self.now,
            )
        )

    def give(self, message: Message) -> Sequence[Message]:
        answer = self.engine.handle(message, self.now)
        self.sent += answer
        return answer

    def quote(self, symbol: str = "BTC/USD", mid: int = MID) -> Sequence[Message]:
        self.now += SECOND
        return self.give(QuotePublished(symbol, mid - 100, 1, mid + 100, 1, 1, self.now))

    def told(self) -> list[str]:
        return [each.detail for each in self.sent if isinstance(each, HealthChanged) and "strategy" in each.detail]

    def submitted(self, symbol: str) -> list[SubmitOrder]:
        return [each for each in self.sent if isinstance(each, SubmitOrder) and each.symbol == symbol]

    def goes_on(self) -> bool:
        """The other strategy quotes, and the failed one is not heard of again."""
        told = self.told()
        before = len(self.submitted("BTC/USD"))
        self.quote("ETH/USD", 250_000)
        self.quote()
        return (
            bool(self.submitted("ETH/USD")) and len(self.submitted("BTC/USD")) == before and self.told() == told != []
        )


@pytest.fixture
def stage(reference: ReferenceData, desk_config: Callable[[str], DeskConfig], maker_text: str) -> Callable[..., Stage]:
    text = maker_text.replace("BTC/USD: {size: 0.5, maximum: 5", "ETH/USD: {size: 1, maximum: 50")
    text = text.replace("orders_per_minute: 60", "orders_per_minute: 1000")
    return lambda **answers: Stage(reference, desk_config(text), **answers)


Build = Callable[..., Stage]


def order(symbol: str = "BTC/USD", ticks: int = MID - 1_000, lots: int = 10) -> Order:
    return Order(symbol, Side.BUY, ticks, lots, Time.GTC)


def changed(**values: object) -> Order:
    """An order that was tampered with. Compiled, a value of a wrong type is refused here, as a `TypeError`."""
    made = order()
    for name, value in values.items():
        setattr(made, name, value)
    return made


def boom(*_: object) -> None:
    raise ZeroDivisionError(f"at {object()}")


def leave(*_: object) -> None:
    raise SystemExit(3)


def endless() -> Any:
    while True:
        yield Place([order()])


def placed_twice(*_: object) -> list[Place]:
    same = order()
    return [Place([same]), Place([same])]


def loop(*_: object) -> None:
    while True:
        with suppress(Exception):
            boom()


def wait(*_: object) -> None:
    sleep(600)


NONSENSE: list[tuple[str, Answer, str]] = [
    ("raises", boom, "ZeroDivisionError"),
    ("exits", leave, "SystemExit"),
    ("none", lambda *_: None, "TypeError"),
    ("number", lambda *_: 7, "TypeError"),
    ("endless generator", lambda *_: endless(), "TypeError"),
    ("bare order", lambda *_: [order()], "TypeError"),
    ("gives up", lambda *_: [GiveUp()], "TypeError"),
    ("no list", lambda *_: [Place(order())], "TypeError"),  # type: ignore[arg-type]
    ("no order", lambda *_: [Place([7])], "TypeError"),  # type: ignore[list-item]
    ("withdraws a number", lambda *_: [Withdraw(7)], "TypeError"),  # type: ignore[arg-type]
    ("side is a word", lambda *_: [Place([changed(side="buy")])], "TypeError"),
    ("half a lot", lambda *_: [Place([changed(quantity_lots=0.5)])], "TypeError"),
    ("other instrument", lambda *_: [Place([order("ETH/USD")])], "an order in ETH/USD, which its configuration"),
    ("unknown instrument", lambda *_: [Place([order("BTC/EUR")])], "an order in BTC/EUR, which its configuration"),
    ("negative", lambda *_: [Place([order(lots=-5)])], "AssertionError"),
    ("negative later", lambda *_: [Place([changed(quantity_lots=-5)])], "whose price or quantity is not above zero"),
    ("price of zero", lambda *_: [Place([changed(price_ticks=0)])], "whose price or quantity is not above zero"),
    ("other leaves", lambda *_: [Place([changed(leaves_lots=3)])], "whose price or quantity is not above zero"),
    ("closed", lambda *_: [Place([changed(status=OrderStatus.FILLED)])], "an order that was placed before"),
    ("twice", placed_twice, "an order that was placed before"),
    ("not its own", lambda *_: [Withdraw(order())], "it withdraws an order that it did not place"),
    ("too many", lambda *_: [Place([order() for _ in range(MOST_WANTED)])], f"more than {MOST_WANTED} things"),
    ("too many groups", lambda *_: [Place([])] * (MOST_WANTED + 1), f"more than {MOST_WANTED} things"),
]


@pytest.mark.parametrize(("answer", "what"), [case[1:] for case in NONSENSE], ids=[case[0] for case in NONSENSE])
def test_a_strategy_that_fails_is_named_and_ended_alone(stage: Build, answer: Answer, what: str) -> None:
    desk = stage(on_quote=answer)
    desk.quote()
    (detail,) = desk.told()
    assert detail.startswith("strategy odd failed in on_quote: ") and what in detail
    assert not desk.submitted("BTC/USD")
    assert desk.goes_on()


def place_one(odd: Odd, *_: object) -> list[Place]:
    odd.placed.append(order())
    return [Place([odd.placed[-1]])]


def test_its_orders_are_canceled_and_no_other(stage: Build) -> None:
    desk = stage(on_quote=place_one, on_book_top=boom)
    desk.quote()
    desk.quote()
    desk.quote("ETH/USD", 250_000)
    ids = [sent.client_order_id for sent in desk.submitted("BTC/USD")]
    assert len(ids) == 2
    answer = desk.give(BookTopChanged("exchange", "BTC/USD", MID - 1, 1, MID + 1, 1, 1, desk.now))
    assert [each.client_order_id for each in answer if isinstance(each, CancelOrder)] == ids
    assert [each.health for each in answer if isinstance(each, HealthChanged)] == [HealthStatus.DEGRADED]
    assert desk.goes_on()


def test_what_it_has_at_a_venue_that_is_away_is_canceled_when_the_venue_is_back(stage: Build) -> None:
    desk = stage(on_quote=place_one, on_close=boom, on_wake=boom)
    desk.quote()
    (sent,) = desk.submitted("BTC/USD")
    desk.now += 60 * SECOND
    assert not [each for each in desk.give(Wake()) if isinstance(each, CancelOrder)]
    desk.give(VenueHeartbeat(venue="exchange", session=1, occurred_ns=desk.now))
    assert not desk.engine._orders.working[sent.client_order_id].wanted
    assert "strategy odd failed in on_wake" in desk.engine._guards[0].failure


CALLS: dict[str, Callable[[Stage], object]] = {
    "on_quote": lambda desk: desk.quote(),
    "on_book_top": lambda desk: desk.give(BookTopChanged("exchange", "BTC/USD", 1, 1, 2, 1, 1, desk.now)),
    "on_phase": lambda desk: desk.give(
        MarketPhaseChanged(
            venue="exchange",
            symbol="BTC/USD",
            market_phase=MarketPhase.HALTED,
            phase_reason=PhaseReason.VENUE_HALT,
            until_ns=0,
            occurred_ns=desk.now,
        )
    ),
    "on_wake": lambda desk: desk.give(Wake()),
    "due_ns": lambda desk: (desk.quote("ETH/USD", 250_000), desk.give(Wake())),
}


@pytest.mark.parametrize("call", CALLS)
def test_every_call_is_fenced(stage: Build, call: str) -> None:
    desk = stage(**{call: boom})
    CALLS[call](desk)
    assert desk.told() == [f"strategy odd failed in {call}: ZeroDivisionError"]
    assert desk.goes_on()


def test_a_strategy_that_cannot_be_built_does_not_keep_the_desk_from_its_work(stage: Build) -> None:
    desk = stage(build=boom)
    assert desk.told() == ["strategy odd failed in its constructor: ZeroDivisionError"]
    assert desk.goes_on()


def test_an_answer_to_a_rejection_is_fenced(stage: Build) -> None:
    desk = stage(on_quote=place_one, on_close=boom)
    desk.quote()
    (sent,) = desk.submitted("BTC/USD")
    desk.give(
        OrderRejected(
            account="alpha",
            venue="exchange",
            account_sequence=1,
            occurred_ns=desk.now,
            client_order_id=sent.client_order_id,
            symbol="BTC/USD",
            reject_reason=RejectReason.MARKET_HALTED,
        )
    )
    assert desk.told() == ["strategy odd failed in on_close: ZeroDivisionError"]


def test_a_strategy_that_answers_every_denial_with_an_order_is_stopped(stage: Build) -> None:
    dear = MID * 2
    desk = stage(on_quote=lambda *_: [Place([order(ticks=dear)])], on_close=lambda *_: [Place([order(ticks=dear)])] * 1)
    desk.quote()
    assert len([each for each in desk.sent if isinstance(each, OrderDenied)]) == MOST_RETRIES + 1
    assert desk.told() == [
        f"strategy odd failed in on_close: more than {MOST_RETRIES} answers to denials at one moment"
    ]
    assert desk.goes_on()


def test_a_strategy_that_wants_to_be_woken_without_end_is_stopped(stage: Build) -> None:
    desk = stage(due_ns=lambda *_: 0)
    desk.quote("ETH/USD", 250_000)
    woken = 0
    while not desk.told():
        due_ns = next(each.at_ns for each in reversed(desk.sent) if isinstance(each, WakeAt))
        assert woken == 0 or due_ns == desk.now + 1
        desk.now = max(desk.now, due_ns)
        desk.give(Wake())
        woken += 1
    assert MOST_HURRIED <= woken <= MOST_HURRIED + 2
    assert "wakes in a row" in desk.told()[0]
    assert desk.goes_on()


def test_a_strategy_in_a_hurry_ends_no_other(stage: Build, reference: ReferenceData) -> None:
    desk = stage(due_ns=lambda *_: 0)
    hurried = desk.config.strategies[0]
    patient = replace(hurried, config=Config(("ETH/USD",), {}))
    desk.engine = TradingEngine("desk", replace(desk.config, strategies=(hurried, patient)), reference)
    for _ in range(2 * MOST_HURRIED):
        desk.now += 1
        desk.give(Wake())
    assert [bool(guard.failure) for guard in desk.engine._guards] == [True, False]


def test_a_failure_while_time_is_asked_for_is_told_at_once(stage: Build) -> None:
    desk = stage(due_ns=boom)
    desk.quote("ETH/USD", 250_000)
    assert [each.at_ns for each in desk.sent if isinstance(each, WakeAt)][-1] <= desk.now + 1


def test_a_strategy_may_wake_every_millisecond(stage: Build) -> None:
    desk = stage(due_ns=lambda *_: 0)
    for _ in range(2 * MOST_HURRIED):
        desk.now += SECOND // 1_000
        desk.give(Wake())
    assert desk.told() == []


def test_the_log_has_the_whole_error(stage: Build, caplog: pytest.LogCaptureFixture) -> None:
    desk = stage(on_quote=boom)
    with caplog.at_level(logging.ERROR):
        desk.quote()
    (record,) = caplog.records
    assert "a strategy failed: it trades no more" in record.getMessage() and "desk='desk'" in record.getMessage()
    assert record.exc_info is not None and "at <object" in str(record.exc_info[1])
    assert "<object" not in desk.told()[0]  # Another process would have another address there.


def test_two_of_a_kind_are_told_apart(stage: Build, reference: ReferenceData) -> None:
    desk = stage()
    odd = desk.config.strategies[0]
    other = replace(odd, config=Config(("ETH/USD",), {"on_quote": boom}))
    desk.engine = TradingEngine("desk", replace(desk.config, strategies=(odd, other)), reference)
    for message in (Start(memory={}), VenueHeartbeat(venue="exchange", session=1, occurred_ns=desk.now)):
        desk.give(message)
    desk.report()
    desk.quote("ETH/USD", 250_000)
    assert desk.told() == ["strategy odd (2) failed in on_quote: ZeroDivisionError"]


@pytest.mark.parametrize("call", ["build", "on_quote", "due_ns"])
@pytest.mark.parametrize("never", [loop, wait])
def test_a_call_that_does_not_come_back_is_ended(stage: Build, call: str, never: Answer) -> None:
    with endless_calls_ended(every_s=0.02):
        odd = stage(**{call: never})
        odd.quote()
    place = "its constructor" if call == "build" else call
    assert odd.told() == [f"strategy odd failed in {place}: it did not return within 0 s"]
    assert odd.goes_on()


def test_a_call_that_takes_its_time_is_not(stage: Build) -> None:
    with endless_calls_ended(every_s=0.05):
        odd = stage(on_quote=lambda *_: sleep(0.15))
        odd.quote()
        odd.quote()
    assert odd.told() == ["strategy odd failed in on_quote: TypeError"]  # For its answer, which is None.


def test_what_takes_long_outside_of_a_call_is_not_interrupted() -> None:
    with endless_calls_ended(every_s=0.01):
        sleep(0.3)
