"""A venue, in the words of `features/orders.feature` and `venue.feature`, spoken to the exchange core alone."""

from decimal import Decimal

import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from trading_ecosystem.messages.accounts import AccountReported, QueryAccount
from trading_ecosystem.messages.chaos import FaultVenue, RestoreVenue, VenueFault
from trading_ecosystem.messages.market import MarketPhaseChanged
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.order_changes import AmendOrder, CancelAllAfter
from trading_ecosystem.messages.orders import (
    CancelOrder,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    OrderType,
    SelfTradeMode,
    Side,
    SubmitOrder,
    TimeInForce,
)
from trading_ecosystem.messages.runtime import Wake
from trading_ecosystem.messages.triggers import OrderTriggered, SubmitPair, SubmitTriggerOrder, TriggerKind
from trading_ecosystem.reference import Asset, AssetKind, ReferenceData, instrument
from trading_ecosystem.simulators.exchange.config import ExchangeConfig, LiquidityConfig
from trading_ecosystem.simulators.exchange.core import Exchange
from trading_ecosystem.simulators.exchange.rules import BandRule, MarketRules

scenarios("../../features/orders.feature")
scenarios("../../features/venue.feature")

ASSETS = {"USD": Asset("USD", AssetKind.FIAT, 2), "BTC": Asset("BTC", AssetKind.CRYPTO, 3)}
REFERENCE = ReferenceData("USD", list(ASSETS.values()), [instrument("BTC/USD", Decimal(1), Decimal(1), ASSETS)])
SILENT = LiquidityConfig(
    levels=1,
    spacing_ppm=500_000,
    growth_ppm=0,
    follow_ppm=500_000,
    stressed_spread_ppm=1_000_000,
    stressed_depth_ppm=1_000_000,
    noise_ppm=0,
    instruments={},
)
SIDES = {"buy": Side.BUY, "buys": Side.BUY, "sell": Side.SELL, "sells": Side.SELL}
GTC = TimeInForce.GTC
NO_RULES = MarketRules()


class Venue:
    """Tells what became of each order, by its name."""

    def __init__(self, rules: MarketRules = NO_RULES) -> None:
        config = ExchangeConfig(
            maker_fee_ppm=1_000,
            taker_fee_ppm=2_000,
            heartbeat_ns=1_000,
            liquidity=SILENT,
            rules={"BTC/USD": rules},
        )
        funds = {"USD": 10_000_00, "BTC": 100_000}
        self.core = Exchange("venue", config, REFERENCE, {"ann": funds, "bob": funds}, 1)
        self.now = 1
        self.told: list[Message] = []

    def say(self, message: Message) -> None:
        self.told += self.core.handle(message, self.now)

    def submit(self, account: str, verb: str, lots: int, price: int, name: str, **terms: object) -> None:
        order_type = OrderType.LIMIT if price else OrderType.MARKET
        values = {"time_in_force": GTC, "post_only": False, **terms}
        self.say(
            SubmitOrder(
                to="venue",
                account=account,
                client_order_id=name,
                symbol="BTC/USD",
                side=SIDES[verb],
                order_type=order_type,
                price_ticks=price,
                quantity_lots=lots,
                **values,  # type: ignore[arg-type]
            )
        )

    def wait(self, account: str, verb: str, lots: int, name: str, kind: TriggerKind, trigger: int, trail: int) -> None:
        self.say(
            SubmitTriggerOrder(
                to="venue",
                account=account,
                client_order_id=name,
                symbol="BTC/USD",
                side=SIDES[verb],
                trigger_kind=kind,
                trigger_ticks=trigger,
                trail_ppm=trail,
                price_ticks=0,
                quantity_lots=lots,
                time_in_force=GTC,
                expires_ns=0,
                self_trade=SelfTradeMode.UNSPECIFIED,
            )
        )

    def open_lots(self, name: str, waits: bool) -> int:
        found: dict[tuple[str, bool], int] = {}
        for account in ("ann", "bob"):
            for answer in self.core.handle(QueryAccount(to="venue", asker="me", account=account), self.now):
                assert isinstance(answer, AccountReported)
                found |= {(each.client_order_id, each.waits): each.leaves_quantity_lots for each in answer.open_orders}
        return found.get((name, waits), 0)


@pytest.fixture
@given("a venue where ann and bob have money and bitcoin")
def venue() -> Venue:
    return Venue()


@given(parsers.parse("the venue halts a market whose price moves by more than {percent:d}%"), target_fixture="venue")
def venue_with_band(percent: int) -> Venue:
    return Venue(MarketRules(band=BandRule(width_ppm=percent * 10_000, over_ns=600, halt_ns=50, auction_ns=20)))


ORDER = r"(?P<account>\w+) (?P<verb>buys|sells) (?P<lots>\d+) at (?P<price>\d+)"
NAMED = r' as "(?P<name>[^"]+)"'


@when(parsers.re(ORDER + NAMED))
def places(venue: Venue, account: str, verb: str, lots: str, price: str, name: str) -> None:
    venue.submit(account, verb, int(lots), int(price), name)


@when(parsers.re(ORDER + r" showing (?P<shown>\d+)" + NAMED))
def places_iceberg(venue: Venue, account: str, verb: str, lots: str, price: str, shown: str, name: str) -> None:
    venue.submit(account, verb, int(lots), int(price), name, display_lots=int(shown))


@when(parsers.re(ORDER + r" fill-or-kill" + NAMED))
def places_fill_or_kill(venue: Venue, account: str, verb: str, lots: str, price: str, name: str) -> None:
    venue.submit(account, verb, int(lots), int(price), name, time_in_force=TimeInForce.FOK)


@when(parsers.re(ORDER + r" with (?P<mode>\w+)" + NAMED))
def places_with_mode(venue: Venue, account: str, verb: str, lots: str, price: str, mode: str, name: str) -> None:
    venue.submit(account, verb, int(lots), int(price), name, self_trade=SelfTradeMode[mode.upper()])


@when(parsers.re(ORDER + r" until (?P<end>\d+)" + NAMED))
def places_until(venue: Venue, account: str, verb: str, lots: str, price: str, end: str, name: str) -> None:
    venue.submit(account, verb, int(lots), int(price), name, time_in_force=TimeInForce.GTD, expires_ns=int(end))


@when(parsers.parse('{account} buys for {amount:d} as "{name}"'))
def spends(venue: Venue, account: str, amount: int, name: str) -> None:
    venue.submit(account, "buys", 0, 0, name, quote_minor=amount * 100)


@when(parsers.parse('{account} puts a stop at {trigger:d} to {verb} {lots:d} as "{name}"'))
def puts_stop(venue: Venue, account: str, trigger: int, verb: str, lots: int, name: str) -> None:
    venue.wait(account, verb, lots, name, TriggerKind.STOP, trigger, 0)


@when(parsers.parse('{account} puts a trailing stop {percent:d}% away to {verb} {lots:d} as "{name}"'))
def puts_trailing_stop(venue: Venue, account: str, percent: int, verb: str, lots: int, name: str) -> None:
    venue.wait(account, verb, lots, name, TriggerKind.TRAILING, 0, percent * 10_000)


@when(
    parsers.parse(
        '{account} puts a pair: {verb} {lots:d} at {price:d} as "{name}", or with a stop at {trigger:d} as "{other}"'
    )
)
def puts_pair(
    venue: Venue, account: str, verb: str, lots: int, price: int, name: str, trigger: int, other: str
) -> None:
    venue.say(
        SubmitPair(
            to="venue",
            account=account,
            symbol="BTC/USD",
            side=SIDES[verb],
            quantity_lots=lots,
            time_in_force=GTC,
            expires_ns=0,
            self_trade=SelfTradeMode.UNSPECIFIED,
            client_order_id=name,
            price_ticks=price,
            post_only=False,
            trigger_client_order_id=other,
            trigger_kind=TriggerKind.STOP,
            trigger_ticks=trigger,
            trail_ppm=0,
            trigger_price_ticks=0,
        )
    )


@when(parsers.parse('{account} amends "{name}" to {lots:d} at {price:d}'))
def amends(venue: Venue, account: str, name: str, lots: int, price: int) -> None:
    venue.say(AmendOrder(to="venue", account=account, client_order_id=name, price_ticks=price, quantity_lots=lots))


@when(parsers.parse("{account} asks to be canceled after {timeout:d}"))
def asks_to_be_canceled(venue: Venue, account: str, timeout: int) -> None:
    venue.say(CancelAllAfter(to="venue", account=account, timeout_ns=timeout))


@when("the market is halted")
def is_to_be_halted(venue: Venue) -> None:
    venue.say(
        FaultVenue(
            to="venue",
            injection_id="halt",
            venue_fault=VenueFault.HALT,
            symbols=(),
            only_account="",
            by_ns=20,
            share_ppm=0,
            spread_ppm=0,
            cancels=False,
        )
    )


@when("the halt ends, with an auction of 20")
def is_to_be_opened(venue: Venue) -> None:
    venue.say(RestoreVenue(to="venue", injection_id="halt"))


@when(parsers.parse('{account} cancels "{name}"'))
def cancels(venue: Venue, account: str, name: str) -> None:
    venue.say(CancelOrder("venue", account, name))


@when(parsers.parse("{time:d} have passed"))
def time_passes(venue: Venue, time: int) -> None:
    venue.now += time
    venue.say(Wake())


@then(parsers.parse('"{name}" is filled with {lots:d} at {price:d}'))
def is_filled(venue: Venue, name: str, lots: int, price: int) -> None:
    fills = [each for each in venue.told if isinstance(each, OrderFilled) and each.client_order_id == name]
    assert (lots, price) in [(fill.quantity_lots, fill.price_ticks) for fill in fills]


@then(parsers.parse('"{name}" is rejected: {reason}'))
def is_rejected(venue: Venue, name: str, reason: str) -> None:
    [rejected] = [each for each in venue.told if isinstance(each, OrderRejected) and each.client_order_id == name]
    assert rejected.reject_reason == reason


@then(parsers.re(r"the market is (?:in an )?(?P<phase>halted|auction|open)"))
def is_in_phase(venue: Venue, phase: str) -> None:
    assert [each.market_phase for each in venue.told if isinstance(each, MarketPhaseChanged)][-1] == phase


@then(parsers.parse('"{name}" is canceled with {lots:d} for {reason}'))
def is_canceled(venue: Venue, name: str, lots: int, reason: str) -> None:
    [canceled] = [each for each in venue.told if isinstance(each, OrderCanceled) and each.client_order_id == name]
    assert (canceled.quantity_lots, canceled.reason) == (lots, reason)


@then(parsers.parse('"{name}" is triggered at {price:d}'))
def is_triggered(venue: Venue, name: str, price: int) -> None:
    triggered = [each for each in venue.told if isinstance(each, OrderTriggered) and each.client_order_id == name]
    assert [each.last_ticks for each in triggered] == [price]


@then(parsers.parse('"{name}" is still open with {lots:d}'))
def is_open(venue: Venue, name: str, lots: int) -> None:
    assert venue.open_lots(name, False) == lots


@then(parsers.parse('"{name}" waits'))
def is_waiting(venue: Venue, name: str) -> None:
    assert venue.open_lots(name, True) > 0
