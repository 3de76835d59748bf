"""A link whose connections are broken again and again: what is sent when it is back arrives."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from trading_ecosystem.chance import Dice
from trading_ecosystem.live import links as module
from trading_ecosystem.live.door import Header
from trading_ecosystem.live.faults.proxy import LinkProxy
from trading_ecosystem.live.faults.terms import Direction, Gate, StreamFault
from trading_ecosystem.live.links import Link, Reach
from trading_ecosystem.live.production_wire import EXCHANGE
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import OrderAccepted

Make = Callable[..., Any]
HEADER = Header(message_id=3, correlation_id=4)
BREAKS: tuple[Gate | StreamFault, ...] = (
    Gate.RESET,
    Gate.REFUSE,
    StreamFault(dropped=True),
    StreamFault(dropped=True, reset_after_ns=20_000_000),
)


class Desk:
    """Sends orders over a link through a proxy, and hears which were accepted."""

    def __init__(self, proxy: LinkProxy) -> None:
        self.accepted: list[str] = []
        self._proxy = proxy
        reach = Reach(find=self._find, connect=self._connect)
        self.link = Link("trading_engine.alpha", "exchange", EXCHANGE, (OrderAccepted,), self._take, reach)

    def _take(self, message: Message, cause: Header) -> None:
        assert isinstance(message, OrderAccepted)
        self.accepted.append(message.client_order_id)

    async def _find(self, instance: str, surface: str) -> str:
        host, port = self._proxy.address
        return f"{host}:{port}"

    def _connect(self, address: str, instance: str, caller: str) -> grpc.aio.Channel:
        return grpc.aio.insecure_channel(address, options=module.ALIVE)


@pytest.mark.parametrize("fault", BREAKS)
def test_what_is_sent_over_a_link_that_is_back_arrives(
    fault: Gate | StreamFault,
    live: Make,
    serve: Make,
    submit: Make,
    until: Make,
    free_port: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LONGEST_PAUSE_S", 0.05)

    async def scene() -> None:
        life, port = await live().begin(), free_port()
        proxy = LinkProxy(lambda: ("127.0.0.1", port), {way: Dice(1, f"proxy.{way.value}") for way in Direction})
        await proxy.start()
        desk = Desk(proxy)
        sent: list[str] = []
        async with serve(life, port=port):
            running = asyncio.create_task(desk.link.run())
            for number in range(4):
                await until(lambda: desk.link.up)
                sent.append(f"order-{number}")
                assert desk.link.send(submit(sent[-1]), HEADER)
                await until(lambda: desk.accepted == sent)
                await proxy.impose(f"break-{number}", fault, *Direction)
                desk.link.send(submit(f"into-the-void-{number}"), HEADER)
                if isinstance(fault, Gate):
                    await until(lambda: not desk.link.up)
                await asyncio.sleep(0.05)
                await proxy.undo(f"break-{number}")
                if isinstance(fault, StreamFault):
                    await until(lambda: not desk.link.up)  # A stream with a hole in it is reset when it is healed.
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        await proxy.close()
        await life.end()

    asyncio.run(scene())
