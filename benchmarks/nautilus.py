"""nautilus_trader's message rates, by an interpreter that has it; nothing of this project is imported.

Argument: hours. A backtest of the quotes that our calm hours publish: six instruments, one a second each, to two
strategies that hear all of them and send a market order for every 162 they hear, which is what our desks come to.
"""

import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.common.component import MessageBus, TestClock
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TraderId, Venue
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Currency, Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

ROUNDS = 3
PUBLISHED = 1_000_000
COINS = ("BTC", "ETH", "SOL", "ADA", "LTC", "XRP")
DESKS = 2
QUOTES_PER_ORDER = 162  # That a strategy hears.
SECOND_NS = 1_000_000_000
START_NS = 1_700_000_000 * SECOND_NS  # Its engine dies of a quote of 1970.
VENUE = Venue("VENUE")
CASH = 1_000_000_000


class Desk(Strategy):
    """Hears all quotes, and buys and sells in turn. Counts what it is handed."""

    def __init__(self, number: int, instruments: list[CurrencyPair]) -> None:
        super().__init__(StrategyConfig(strategy_id=f"desk-{number}", order_id_tag=str(number)))
        self.instruments = instruments
        self.lot = Quantity.from_str("0.001")
        self.side = OrderSide.BUY
        self.quotes = 0
        self.order_events = 0

    def on_start(self) -> None:
        for instrument in self.instruments:
            self.subscribe_quote_ticks(instrument.id)

    def on_quote_tick(self, tick: QuoteTick) -> None:
        self.quotes += 1
        if self.quotes % QUOTES_PER_ORDER == 0:
            self.submit_order(self.order_factory.market(tick.instrument_id, self.side, self.lot))
            self.side = OrderSide.SELL if self.side == OrderSide.BUY else OrderSide.BUY

    def on_order_event(self, event: Any) -> None:
        self.order_events += 1

    def on_position_event(self, event: Any) -> None:
        self.order_events += 1


def pair(coin: str) -> CurrencyPair:
    symbol = Symbol(f"{coin}USDT")
    return CurrencyPair(
        instrument_id=InstrumentId(symbol, VENUE),
        raw_symbol=symbol,
        base_currency=Currency.from_str(coin),
        quote_currency=USDT,
        price_precision=2,
        size_precision=3,
        price_increment=Price.from_str("0.01"),
        size_increment=Quantity.from_str("0.001"),
        ts_event=0,
        ts_init=0,
    )


def quotes(instruments: list[CurrencyPair], seconds: int) -> list[QuoteTick]:
    """One a second of each, made beforehand; prices wander by less than a percent."""
    size, made = Quantity.from_str("5.000"), []
    for second in range(seconds):
        at = START_NS + second * SECOND_NS
        bid_cents = 500_000 + second * 7_919 % 4_000
        bid, ask = Price(bid_cents / 100, 2), Price(bid_cents / 100 + 0.02, 2)
        made += [QuoteTick(instrument.id, bid, ask, size, size, at, at) for instrument in instruments]
    return made


def backtest(instruments: list[CurrencyPair], ticks: list[QuoteTick]) -> dict[str, float]:
    """Of a run alone: what it is to run is added before."""
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(log_level="ERROR"), run_analysis=False))
    money = [Money(CASH, USDT), *[Money(CASH, instrument.base_currency) for instrument in instruments]]
    engine.add_venue(VENUE, OmsType.NETTING, AccountType.CASH, money)
    for instrument in instruments:
        engine.add_instrument(instrument)
    engine.add_data(ticks)
    desks = [Desk(number, instruments) for number in range(DESKS)]
    engine.add_strategies(desks)
    began, began_cpu = time.perf_counter(), time.process_time()
    engine.run()
    wall_s, cpu_s = time.perf_counter() - began, time.process_time() - began_cpu
    heard, told = (sum(each) for each in zip(*[(desk.quotes, desk.order_events) for desk in desks], strict=True))
    orders = engine.cache.orders_total_count()
    engine.dispose()
    assert heard == DESKS * len(ticks)
    assert told >= 3 * orders > 0, "an order is submitted, accepted and filled"
    return {"wall_s": wall_s, "cpu_s": cpu_s, "quotes": len(ticks), "orders": orders, "to_desks": heard + told}


def bus_rate() -> float:
    """Publications a core second from a loop in Python to one handler in Python."""
    heard = 0

    def hear(message: object) -> None:
        nonlocal heard
        heard += 1

    bus = MessageBus(TraderId("TRADER-001"), TestClock())
    bus.subscribe("topic", hear)
    publish: Callable[[str, object], None] = bus.publish
    message = object()
    began = time.process_time()
    for _ in range(PUBLISHED):
        publish("topic", message)
    cpu_s = time.process_time() - began
    assert heard == PUBLISHED
    return PUBLISHED / cpu_s


def measure(hours: int) -> dict[str, Any]:
    """The best of some rounds of each."""
    instruments = [pair(coin) for coin in COINS]
    ticks = quotes(instruments, hours * 3_600)
    runs = [backtest(instruments, ticks) for _ in range(ROUNDS)]
    bus_hz = max(bus_rate() for _ in range(ROUNDS))
    return {"version": version("nautilus_trader"), **min(runs, key=lambda run: run["cpu_s"]), "bus_hz": bus_hz}


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
