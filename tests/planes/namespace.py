"""A network of its own for one process, and the few doors between it and the machine's.

Rule 1: nothing is in it but loopback; whatever is not a door is refused by the kernel.
Rule 2: it ends with its thread and its sockets: it has no name, and nothing is left of it.
"""

import asyncio
import ctypes
import fcntl
import os
import socket
import struct
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar, final

NEW_NETWORK = 0x40000000  # CLONE_NEWNET in unshare(2).
GET_FLAGS, SET_FLAGS, IS_UP = 0x8913, 0x8914, 1  # SIOCGIFFLAGS and SIOCSIFFLAGS in netdevice(7).
REQUEST = "16sH14x"  # A name and flags, as ioctl takes them.
LOOPBACK = "127.0.0.1"
ALL_PORTS = range(1, 65536)
READ = 1 << 16

Result = TypeVar("Result")
Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


@final
class Namespace:
    """`trouble` says why there can be none here; empty where there is one."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="namespace")
        self.trouble = self.inside(leave_network)
        self.path = self.inside(lambda: f"/proc/{os.getpid()}/task/{threading.get_native_id()}/ns/net")

    def inside(self, work: Callable[[], Result]) -> Result:
        """Done by a thread that is in it; a socket stays where it was made."""
        return self._thread.submit(work).result()

    async def scan(self, family: socket.AddressFamily, host: str) -> set[int]:
        """All ports of an address at which somebody answers, seen from inside."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, open_ports, family, host)

    def close(self) -> None:
        self._thread.shutdown()


def leave_network() -> str:
    """This thread alone goes into a new network, and brings its loopback up."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(NEW_NETWORK) != 0:
        return f"a network namespace cannot be made here: {os.strerror(ctypes.get_errno())}"
    with socket.socket() as any_socket:
        name, flags = struct.unpack(REQUEST, fcntl.ioctl(any_socket, GET_FLAGS, struct.pack(REQUEST, b"lo", 0)))
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack(REQUEST, name, flags | IS_UP))
    return ""


def open_ports(family: socket.AddressFamily, host: str) -> set[int]:
    return {port for port in ALL_PORTS if answers(family, host, port)}


def answers(family: socket.AddressFamily, host: str, port: int) -> bool:
    """Whether somebody listens there. A socket that was given this very port, and so met itself, is nobody."""
    with socket.socket(family, socket.SOCK_STREAM) as asking:
        return asking.connect_ex((host, port)) == 0 and asking.getsockname()[1] != port


@final
class Doors:
    """What goes through, port by port; nothing is open that was not asked for."""

    def __init__(self, namespace: Namespace) -> None:
        self.outward: set[int] = set()  # Ports of the machine that are reached from inside under the same number.
        self._namespace = namespace
        self._inward: dict[int, int] = {}
        self._servers: list[asyncio.Task[asyncio.Server]] = []
        self._passing: set[asyncio.Task[None]] = set()

    def open_outward(self, port: int) -> None:
        if port not in self.outward:
            self.outward.add(port)
            listener = self._namespace.inside(lambda: socket.create_server((LOOPBACK, port)))
            self._serve(listener, lambda: asyncio.open_connection(LOOPBACK, port))

    def inward(self, port: int) -> int:
        """The port of the machine that leads to this one inside."""
        if port not in self._inward:
            listener = socket.create_server((LOOPBACK, 0))
            self._inward[port] = listener.getsockname()[1]
            self._serve(listener, lambda: self._connect_inside(port))
        return self._inward[port]

    async def _connect_inside(self, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        made = self._namespace.inside(socket.socket)
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, (LOOPBACK, port))
        return await asyncio.open_connection(sock=made)

    def _serve(self, listener: socket.socket, connect: Connect) -> None:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                there, back = await connect()
            except OSError:
                writer.close()
                return
            for source, sink in ((reader, back), (there, writer)):
                task = asyncio.create_task(pass_on(source, sink))
                self._passing.add(task)
                task.add_done_callback(self._passing.discard)

        self._servers.append(asyncio.create_task(asyncio.start_server(accept, sock=listener)))

    async def close(self) -> None:
        for starting in self._servers:
            (await starting).close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)


async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(READ):
            sink.write(data)
            await sink.drain()
    sink.close()
