"""Trades in perpetuals are heard by the custodian, and nothing of them settles."""

from tests.simulators.exchange.test_margin_oracle import REFERENCE

from trading_ecosystem.messages.accounts import HoldingsReported, QueryHoldings
from trading_ecosystem.messages.custody import SettlementInstructed
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import Side, TradeExecuted
from trading_ecosystem.messages.runtime import Start
from trading_ecosystem.simulators.custodian.config import CustodianConfig
from trading_ecosystem.simulators.custodian.core import Custodian


def trade(trade_id: int, symbol: str) -> TradeExecuted:
    return TradeExecuted("venue", trade_id, symbol, 1_000, 2, Side.BUY, "ann", "bob", 1, 2, 3, 4, trade_id)


def custodian() -> Custodian:
    config = CustodianConfig(default_cycle=0, cycles={}, same_day_delay_ns=1, cut_off_ns=0, gap_wait_ns=100)
    holdings = {"ann": {"USD": 100_000, "BTC": 1_000}, "bob": {"USD": 100_000, "BTC": 1_000}}
    made = Custodian("custodian", config, REFERENCE, holdings, ("venue",))
    made.handle(Start(memory={}), 0)
    return made


def instructed(said: object) -> list[int]:
    assert isinstance(said, (list, tuple))
    return [each.trade_id for each in said if isinstance(each, SettlementInstructed)]


def holdings(core: Custodian, now: int) -> HoldingsReported:
    [report] = [
        each
        for each in core.handle(QueryHoldings(to="custodian", asker="me", account="ann"), now)
        if isinstance(each, HoldingsReported)
    ]
    return report


def test_a_trade_in_a_perpetual_is_counted_and_delivers_nothing() -> None:
    core = custodian()
    before = holdings(core, 1).holdings
    assert instructed(core.handle(trade(1, "BTC-PERP"), 1)) == []
    report = holdings(core, 2)
    assert report.holdings == before and report.last_trade_id == 1
    assert instructed(core.handle(trade(2, "BTC/USD"), 3)) == [2]


def test_it_is_no_gap_in_the_trades_of_the_venue_and_fills_one() -> None:
    core = custodian()
    assert instructed(core.handle(trade(2, "BTC/USD"), 1)) == [], "one is missing"
    assert instructed(core.handle(trade(1, "ETH-PERP"), 2)) == [2], "and here it is"
    late: list[Message] = list(core.handle(trade(1, "ETH-PERP"), 3))
    assert instructed(late) == []
