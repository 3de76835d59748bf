"""Everybody comes at once: after a restart of the network, or of the venue itself."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc

from trading_ecosystem.live.production_wire import EXCHANGE
from trading_ecosystem.messages.orders import OrderAccepted, SubmitOrder

Live = Callable[..., Any]
Serve = Callable[..., Any]
Submit = Callable[..., SubmitOrder]
CROWD = 200
DESK = (("x-instance", "trading_engine.alpha"),)
OWN = [("grpc.use_local_subchannel_pool", 1)]  # A connection for each channel.


async def one_of_many(address: str, order: SubmitOrder, hears_its_own: bool) -> bytes:
    """Subscribe, place an order, and stay until that was heard to be accepted. Returns the answer."""
    request = EXCHANGE.request_type("SubmitOrder")(command=EXCHANGE.codec.to_wire(order)).SerializeToString()
    line = EXCHANGE.response_type("Subscribe")
    async with grpc.aio.insecure_channel(address, options=OWN) as channel:
        subscribe: Any = channel.unary_stream(EXCHANGE.path("Subscribe"))
        listening = subscribe(b"", metadata=DESK)
        assert line.FromString(await listening.read()).incarnation
        place: Any = channel.unary_unary(EXCHANGE.path("SubmitOrder"))
        answer: bytes = await place(request, metadata=DESK, timeout=30)
        while hears_its_own:
            events = line.FromString(await listening.read()).events
            accepted = [each.order_accepted for each in events if each.WhichOneof("event") == "order_accepted"]
            hears_its_own = all(each.client_order_id != order.client_order_id for each in accepted)
        listening.cancel()
        return answer


def test_a_crowd_that_comes_twice_is_served_whole(live: Live, serve: Serve, submit: Submit, free_port: Any) -> None:
    """The second time with the same orders, as clients do who do not know whether the first ones arrived."""

    async def scene() -> None:
        life, port = await live().begin(), free_port()
        orders = [submit(f"of-{number}") for number in range(CROWD)]
        for new in (True, False):
            async with serve(life, port=port), asyncio.timeout(60):
                address = f"127.0.0.1:{port}"
                answers = await asyncio.gather(*(one_of_many(address, each, hears_its_own=new) for each in orders))
                assert sum(b"of-" in answer for answer in answers) == (CROWD if new else 0)
        accepted = [each.client_order_id for each in life.words if isinstance(each, OrderAccepted)]
        assert sorted(accepted) == sorted(order.client_order_id for order in orders)
        await life.end()

    asyncio.run(scene())
