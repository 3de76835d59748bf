"""What the services of a firm and of the venues it trades on say to each other, as they stand in their proto files."""

from trading_ecosystem.live.production_codec import production_codec
from trading_ecosystem.live.speech import Speech
from trading_ecosystem.wire.custodian.v1 import custodian_pb2
from trading_ecosystem.wire.exchange.v1 import exchange_pb2
from trading_ecosystem.wire.market_data.v1 import market_data_pb2
from trading_ecosystem.wire.risk_monitor.v1 import risk_monitor_pb2
from trading_ecosystem.wire.trading_engine.v1 import trading_engine_pb2

CODEC = production_codec()
MARKET_DATA = Speech(market_data_pb2, "MarketData", CODEC)
EXCHANGE = Speech(exchange_pb2, "Exchange", CODEC)
CUSTODIAN = Speech(custodian_pb2, "Custodian", CODEC)
TRADING_ENGINE = Speech(trading_engine_pb2, "TradingEngine", CODEC)
RISK_MONITOR = Speech(risk_monitor_pb2, "RiskMonitor", CODEC)
