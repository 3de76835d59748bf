"""One proxy between each asker and each target, and the faults that are in force on them.

Rule 1: a fault is of a link, not of a proxy: a proxy that is opened later comes with the faults of its link.
Rule 2: everything is on loopback, and where a target is now is asked for each connection.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import final

from trading_ecosystem.live.faults.proxy import Address, LinkProxy
from trading_ecosystem.live.faults.terms import Direction, Draws, Gate, StreamFault

SURFACE = "grpc"


@dataclass(frozen=True)
class Way:
    """The connections that `asker` opened to `target`, and for a fault of bytes, one direction of them."""

    asker: str
    target: str
    direction: Direction


def from_to(sender: str, recipient: str) -> tuple[Way, Way]:
    """Where bytes go from one service to another: in what it asks, and in what it answers."""
    return Way(sender, recipient, Direction.REQUEST), Way(recipient, sender, Direction.RESPONSE)


@final
class Links:
    """`lookup(target, surface)`: where a service listens now, None while it does not; `draws(name)`: named chance."""

    def __init__(self, lookup: Callable[[str, str], Address | None], draws: Callable[[str], Draws]) -> None:
        self._lookup = lookup
        self._draws = draws
        self._proxies: dict[tuple[str, str, str], LinkProxy] = {}
        self._faults: dict[str, tuple[tuple[Way, ...], StreamFault | Gate]] = {}
        self._opening = asyncio.Lock()

    async def address_for(self, asker: str, target: str, surface: str = SURFACE) -> Address:
        """Where `asker` finds `target`: the same address for as long as the links are there."""
        async with self._opening:
            key = (asker, target, surface)
            if key not in self._proxies:
                self._proxies[key] = await self._open(*key)
            return self._proxies[key].address

    async def _open(self, asker: str, target: str, surface: str) -> LinkProxy:
        name = f"proxy.{asker}>{target}.{surface}"
        draws = {direction: self._draws(f"{name}.{direction.value}") for direction in Direction}
        proxy = LinkProxy(lambda: self._lookup(target, surface), draws)
        await proxy.start()
        for fault_id, (ways, fault) in self._faults.items():
            await strike(proxy, asker, target, fault_id, ways, fault)
        return proxy

    def joins(self, ways: Iterable[Way]) -> bool:
        """Whether any of these ways has a proxy."""
        pairs = {(asker, target) for asker, target, _ in self._proxies}
        return any((way.asker, way.target) in pairs for way in ways)

    async def impose(self, fault_id: str, ways: tuple[Way, ...], fault: StreamFault | Gate) -> None:
        """Begin a fault on all of these ways. A repeated one changes nothing."""
        async with self._opening:
            if fault_id in self._faults:
                return
            self._faults[fault_id] = (ways, fault)
            for (asker, target, _), proxy in self._proxies.items():
                await strike(proxy, asker, target, fault_id, ways, fault)

    async def undo(self, fault_id: str) -> None:
        """End a fault; one that is not in force is passed over."""
        async with self._opening:
            if self._faults.pop(fault_id, None) is not None:
                for proxy in self._proxies.values():
                    await proxy.undo(fault_id)

    async def close(self) -> None:
        """Break all connections and give all ports back."""
        async with self._opening:
            for proxy in self._proxies.values():
                await proxy.close()
            self._proxies.clear()


async def strike(
    proxy: LinkProxy, asker: str, target: str, fault_id: str, ways: tuple[Way, ...], fault: StreamFault | Gate
) -> None:
    """Begin a fault on a proxy, if it is on one of the ways."""
    directions = [way.direction for way in ways if (way.asker, way.target) == (asker, target)]
    if directions:
        await proxy.impose(fault_id, fault, *directions)
