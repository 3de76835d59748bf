"""The way from the coordinator to whoever breaks things for it: commands with a lease, and their receipts.

Rule 1: a command is repeated until it is answered; whoever takes it recognises the repetition.
Rule 2: what is broken stays so only while the lease is renewed; a coordinator that is gone renews nothing.
"""

import asyncio
from typing import Any

import grpc

from trading_ecosystem.live.door import Header
from trading_ecosystem.live.links import Link
from trading_ecosystem.messages.message import Message

LEASE_NS = 15_000_000_000  # Of the machine's own clock.
RENEW_EVERY_S = 5.0
DEADLINE_S = 3.0


class ChaosLink(Link):
    def send(self, message: Message, header: Header) -> bool:
        """Kept until it is answered, also while the link is down."""
        self._commands.append(self.speech.command(message, header))
        self._has_commands.set()
        return True

    def _go_down(self) -> None:
        self.up = False

    async def _command(self, channel: grpc.aio.Channel) -> None:
        await asyncio.gather(self._inject_all(channel), self._renew(channel))

    async def _inject_all(self, channel: grpc.aio.Channel) -> None:
        inject: Any = channel.unary_unary(self.speech.path("Inject"))
        request_type = self.speech.request_type("Inject")
        while True:
            while not self._commands:
                self._has_commands.clear()
                await self._has_commands.wait()
            request = request_type(command=self._commands[0], lease_ns=LEASE_NS, coordinator=self._caller)
            await inject(request.SerializeToString(), timeout=DEADLINE_S, metadata=self.metadata)
            self._commands.pop(0)
            self.sent += 1

    async def _renew(self, channel: grpc.aio.Channel) -> None:
        renew: Any = channel.unary_unary(self.speech.path("RenewLease"))
        request_type = self.speech.request_type("RenewLease")
        while True:
            request = request_type(lease_ns=LEASE_NS, coordinator=self._caller)
            await renew(request.SerializeToString(), timeout=DEADLINE_S, metadata=self.metadata)
            await asyncio.sleep(RENEW_EVERY_S)
