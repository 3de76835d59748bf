"""A TCP proxy for one link: who asks connects here, and is led to the target, under the faults of the moment.

Rule 1: a fault acts on connections that exist and on new ones, and ends with its undo, whatever else is in force.
Rule 2: where the target is, is asked for every connection, so a target that restarts elsewhere is found.
Rule 3: it listens on loopback only, and keeps its port from `start` to `close`, also while it refuses.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast, final

from trading_ecosystem.live.faults.pipe import END, SECOND_NS, Pipe
from trading_ecosystem.live.faults.terms import SOUND, Direction, Draws, Gate, StreamFault, together

Address = tuple[str, int]
LOOPBACK = "127.0.0.1"
DIAL_SECONDS = 5.0
BACKLOG = 256
MOST_CONNECTIONS = 1_000
SEND_RST = struct.pack("ii", 1, 0)  # SO_LINGER on, for no time: closing sends RST.


@dataclass
class Counts:
    """What a proxy did so far."""

    connections: int = 0
    resets: int = 0
    unreached: int = 0  # Connections for which the target could not be reached.
    turned_away: int = 0  # Connections beyond `MOST_CONNECTIONS`.
    dropped_bytes: int = 0


@final
class Side(asyncio.Protocol):
    """One end of a connection: hands what it reads to a pipe, and tells the other pipe when it takes no more."""

    def __init__(self, connection: "Connection", reads: Pipe, writes: Pipe) -> None:
        self._connection, self._reads, self._writes = connection, reads, writes
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._connection.made(self)

    def data_received(self, data: bytes) -> None:
        self._reads.feed(data)

    def eof_received(self) -> bool:
        self._reads.feed(END)
        return True  # The other direction goes on.

    def pause_writing(self) -> None:
        self._writes.sink_full(True)

    def resume_writing(self) -> None:
        self._writes.sink_full(False)

    def connection_lost(self, error: Exception | None) -> None:
        self._connection.lost(error)


@final
class Connection:
    """One connection of the asker and its counterpart to the target."""

    def __init__(self, proxy: "LinkProxy", number: int) -> None:
        self._proxy = proxy
        loop = asyncio.get_running_loop()
        self.pipes = {way: Pipe(loop, proxy.draws[way], number, self) for way in Direction}
        self._asker = Side(self, self.pipes[Direction.REQUEST], self.pipes[Direction.RESPONSE])
        self._target = Side(self, self.pipes[Direction.RESPONSE], self.pipes[Direction.REQUEST])
        self._dialling: asyncio.Task[None] | None = None
        self._reset_timer: asyncio.TimerHandle | None = None
        self.severed = False
        self._over = False

    @property
    def asker(self) -> asyncio.Protocol:
        return self._asker

    def made(self, side: Side) -> None:
        if side is self._target:
            self._join()
        elif self._proxy.admits(self):
            assert side.transport is not None
            self.pipes[Direction.REQUEST].join(side.transport, None)
            self.impose()
            self._dialling = asyncio.get_running_loop().create_task(self._dial())
        else:
            self.reset()

    def impose(self) -> None:
        """Take over the terms of the proxy. A stream with a hole in it cannot go on."""
        terms = self._proxy.terms
        if self.severed and not any(each.dropped for each in terms.values()):
            self.reset()
            return
        for way, pipe in self.pipes.items():
            pipe.impose(terms[way])

    async def _dial(self) -> None:
        """Reach the target as soon as the link lets a connection through."""
        await self._proxy.passable()
        address = self._proxy.target()
        try:
            if address is None:
                raise OSError("the target is not there")
            async with asyncio.timeout(DIAL_SECONDS):
                await asyncio.get_running_loop().create_connection(lambda: self._target, *address)
        except (OSError, TimeoutError):
            self._proxy.counts.unreached += 1
            self.reset()

    def _join(self) -> None:
        asker, target = self._asker.transport, self._target.transport
        assert asker is not None and target is not None
        if self._over:
            abort(target)
            return
        self.pipes[Direction.RESPONSE].join(target, asker)
        self.pipes[Direction.REQUEST].join(asker, target)

    def sever(self) -> None:
        """A byte was dropped."""
        if self.severed:
            return
        self.severed = True
        after_ns = together(self._proxy.terms.values()).reset_after_ns
        if after_ns:
            self._reset_timer = asyncio.get_running_loop().call_later(after_ns / SECOND_NS, self.reset)

    def end(self) -> None:
        """A pipe wrote its last. With the second one, all is said."""
        if all(pipe.ended for pipe in self.pipes.values()):
            self._end(leave_quietly)

    def lost(self, error: Exception | None) -> None:
        """One side is gone. What waits for it is lost, and the other side learns it as this one did."""
        if error is not None and not self._over:
            self._proxy.counts.resets += 1
        self._end(abort if error is not None else leave_quietly)

    def reset(self) -> None:
        """Break it: both sides get RST."""
        if not self._over:
            self._proxy.counts.resets += 1
        self._end(abort)

    def _end(self, leave: Callable[[asyncio.Transport], None]) -> None:
        if self._over:
            return
        self._over = True
        for timer in (self._reset_timer, self._dialling):
            if timer is not None:
                timer.cancel()
        for side in (self._asker, self._target):
            if side.transport is not None:
                leave(side.transport)
        for pipe in self.pipes.values():
            self._proxy.counts.dropped_bytes += pipe.dropped_bytes
            pipe.close()
        self._proxy.forget(self)


def leave_quietly(transport: asyncio.Transport) -> None:
    """Close when all is written."""
    transport.close()


def abort(transport: asyncio.Transport) -> None:
    """Close with RST, whatever still waits to be written."""
    sock = transport.get_extra_info("socket")
    if sock is not None and not transport.is_closing():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, SEND_RST)
    transport.abort()


@dataclass(frozen=True, kw_only=True)
class Imposed:
    """An active fault: a gate, or what is done to the bytes of each direction."""

    gate: Gate | None = None
    streams: dict[Direction, StreamFault] = field(default_factory=dict)


@final
class LinkProxy:
    """`target` says where the target is now, None while it is nowhere; `draws`: the chance of each direction."""

    def __init__(self, target: Callable[[], Address | None], draws: dict[Direction, Draws]) -> None:
        self.target = target
        self.draws = draws
        self.counts = Counts()
        self.terms: dict[Direction, StreamFault] = dict.fromkeys(Direction, SOUND)
        self.reached = asyncio.Event()
        self._faults: dict[str, Imposed] = {}
        self._connections: dict[Connection, None] = {}
        self._server: asyncio.Server | None = None
        self._kept: socket.socket | None = None  # Keeps the port while nobody listens on it.
        self._address: Address | None = None

    async def start(self) -> Address:
        """Listen on a free port of loopback. Returns where."""
        await self._listen(bound((LOOPBACK, 0)))
        return self.address

    @property
    def address(self) -> Address:
        assert self._address is not None, "the proxy has not started"
        return self._address

    async def close(self) -> None:
        """Break all connections and give the port back."""
        self._shut()
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    # Faults.

    async def impose(self, fault_id: str, fault: StreamFault | Gate, *ways: Direction) -> None:
        """Begin a fault, on these directions if it is one of bytes. A repeated one changes nothing."""
        if fault_id in self._faults:
            return
        if isinstance(fault, Gate):
            self._faults[fault_id] = Imposed(gate=fault)
            self._break_all()
        else:
            self._faults[fault_id] = Imposed(streams=dict.fromkeys(ways, fault))
        await self._renew()

    async def undo(self, fault_id: str) -> None:
        """End a fault; one that is not in force is passed over."""
        if self._faults.pop(fault_id, None) is not None:
            await self._renew()

    async def _renew(self) -> None:
        for way in Direction:
            streams = [fault.streams[way] for fault in self._faults.values() if way in fault.streams]
            self.terms[way] = together(streams) if streams else SOUND
        self.reached.set()
        for connection in list(self._connections):
            connection.impose()
        if self._has(Gate.REFUSE) and self._server is not None:
            self._shut()
            self._kept = bound(self.address)
        elif not self._has(Gate.REFUSE) and self._kept is not None:
            kept, self._kept = self._kept, None
            await self._listen(kept)

    def _has(self, gate: Gate) -> bool:
        return any(fault.gate is gate for fault in self._faults.values())

    # Connections.

    def admits(self, connection: Connection) -> bool:
        """Whether a connection that was just accepted may go on; it is then among those that are."""
        self.counts.connections += 1
        if self._has(Gate.RESET):
            return False
        if len(self._connections) >= MOST_CONNECTIONS:
            self.counts.turned_away += 1
            return False
        self._connections[connection] = None
        return True

    async def passable(self) -> None:
        """Wait until neither direction holds or drops: a handshake needs both."""
        while any(terms.held or terms.dropped for terms in self.terms.values()):
            self.reached.clear()
            await self.reached.wait()

    def forget(self, connection: Connection) -> None:
        self._connections.pop(connection, None)

    @property
    def open_connections(self) -> int:
        return len(self._connections)

    def _accept(self) -> asyncio.Protocol:
        return Connection(self, self.counts.connections).asker

    async def _listen(self, listening: socket.socket) -> None:
        self._server = await asyncio.get_running_loop().create_server(self._accept, sock=listening, backlog=BACKLOG)
        self._address = listening.getsockname()

    def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self._break_all()

    def _break_all(self) -> None:
        for connection in list(self._connections):
            connection.reset()


def bound(address: Address) -> socket.socket:
    """A socket that has the port, and does not listen yet: who connects is refused.

    Its protocol is named, without which asyncio leaves Nagle's algorithm on: small pieces would be 40 ms late.
    """
    kept = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.setblocking(False)
    kept.bind(address)
    return kept
