"""The codec of those who speak to the outside world as production does, and no other language."""

from typing import Final

from trading_ecosystem.live.codec import WireCodec
from trading_ecosystem.messages import (
    accounts,
    books,
    custody,
    health,
    kill_switch,
    market,
    order_changes,
    orders,
    perpetuals,
    risk,
    runtime,
    transfers,
    triggers,
)
from trading_ecosystem.wire.common.v1 import common_pb2
from trading_ecosystem.wire.custodian.v1 import custodian_pb2
from trading_ecosystem.wire.exchange.v1 import exchange_pb2
from trading_ecosystem.wire.market_data.v1 import market_data_pb2
from trading_ecosystem.wire.risk_monitor.v1 import risk_monitor_pb2
from trading_ecosystem.wire.trading_engine.v1 import trading_engine_pb2

WIRE: Final = (common_pb2, market_data_pb2, exchange_pb2, custodian_pb2, trading_engine_pb2, risk_monitor_pb2)
MESSAGES: Final = (
    *(runtime, health, market, orders, order_changes, triggers),
    *(perpetuals, accounts, custody, transfers, books, risk, kill_switch),
)


def production_codec() -> WireCodec:
    return WireCodec(WIRE, MESSAGES)
