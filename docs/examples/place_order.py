"""Buys 0.01 BTC at the exchange of a running ecosystem, as its operator, and prints the fills as they come.

.venv/bin/python docs/examples/place_order.py ADDRESS     # gRPC of `exchange`, as `tse status` shows it
"""

import sys
import time

import grpc

from trading_ecosystem.wire.exchange.v1 import exchange_pb2 as wire
from trading_ecosystem.wire.exchange.v1.exchange_pb2_grpc import ExchangeServiceStub

WHO = (("x-instance", "operator"),)  # Believed on loopback; with `tse up --tls` a certificate says it instead.
ORDER = wire.SubmitOrder(
    to="exchange",
    account="beta",
    client_order_id=f"by-hand-{time.time_ns()}",  # Names one order for ever: sent again, it places no second one.
    symbol="BTC/USD",
    side=wire.SIDE_BUY,
    order_type=wire.ORDER_TYPE_MARKET,
    time_in_force=wire.TIME_IN_FORCE_IOC,
    quantity_lots=100,  # Of 0.0001 BTC each.
)

with grpc.insecure_channel(sys.argv[1]) as channel:
    exchange = ExchangeServiceStub(channel)
    lines = exchange.Subscribe(wire.SubscribeRequest(event_types=["OrderFilled"]), metadata=WHO, timeout=30)
    next(lines)  # The first line has no events: the subscription stands, and nothing from now on is missed.
    answer = exchange.SubmitOrder(wire.SubmitOrderRequest(command=ORDER), metadata=WHO, timeout=10)
    print(ORDER.client_order_id, *(event.WhichOneof("event") for event in answer.events), flush=True)
    for fill in (event.order_filled for line in lines for event in line.events):
        if fill.client_order_id == ORDER.client_order_id:
            print(
                f"{fill.quantity_lots} lots at {fill.price_ticks} ticks, {fill.leaves_quantity_lots} to go", flush=True
            )
            if not fill.leaves_quantity_lots:
                break
