"""What makes one kind of service out of the common parts: its core, its words, whom it listens to."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import grpc
from fastapi import FastAPI

from trading_ecosystem.configuration.document import Section
from trading_ecosystem.core import Core
from trading_ecosystem.live.access import Access
from trading_ecosystem.live.clock import Clock
from trading_ecosystem.live.host import Host
from trading_ecosystem.live.links import Link
from trading_ecosystem.live.neighbours import Neighbours
from trading_ecosystem.live.ports import Codec
from trading_ecosystem.live.server import Answer, Passage
from trading_ecosystem.live.settings import Settings
from trading_ecosystem.live.speech import Speech
from trading_ecosystem.live.store.opening import Design
from trading_ecosystem.live.store.ports import Store
from trading_ecosystem.messages.message import Message

if TYPE_CHECKING:
    from trading_ecosystem.live.engine import Engine


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """A kind of service that is listened to and commanded, what is wanted of it, and on which of its surfaces."""

    role: str
    speech: Speech
    kinds: tuple[type[Message], ...]
    surface: str = "grpc"
    link: type[Link] = Link
    caller: str = ""  # As whom it is called, where not as the service itself.
    named: str = ""  # Under which name its instances are among the service's targets, where not that of the role.


class Breaking(Passage, Protocol):
    """What a service that can be broken on purpose is broken by. A service of production has none."""

    def store(self, store: Store[Any]) -> Store[Any]:
        """The store as the service sees it."""


class Parts(NamedTuple):
    """What a process has when its surfaces are opened."""

    settings: Settings
    document: Section
    neighbours: Neighbours
    clock: Clock
    engine: "Engine"
    host: Host


@dataclass(frozen=True, kw_only=True)
class Added:
    """What one kind of service has beside what all have. `answers`: RPCs that its shell answers, by name."""

    rest: FastAPI | None = None
    answers: Mapping[str, Answer] = field(default_factory=dict)
    audit: Sequence[grpc.GenericRpcHandler] = ()
    audit_rest: FastAPI | None = None
    work: Sequence[Coroutine[None, None, None]] = ()  # To be done while it serves.


@dataclass(frozen=True, kw_only=True)
class Service:
    """`keys` and `optional` are those of the service's own document, which `build` and `access` read."""

    role: str
    speech: Speech
    keys: Sequence[str]
    build: Callable[[Section, str], Core]  # Document and instance name.
    design: Design[Any]  # Of its store.
    codec: Codec
    hears: Sequence[Upstream] = ()
    optional: Sequence[str] = ()
    access: Callable[[Section], Access] = lambda _: Access()
    targets: Callable[[Section], Mapping[str, Sequence[str]]] = lambda _: {}  # Role -> instances, where not the role.
    add: Callable[[Parts], Added] = lambda _: Added()
    breaking: Breaking | None = None
    keeps_heard: bool = False  # Its history is also made of what it hears.


def read_access(document: Section) -> Access:
    """From `clients`: instance -> {sees: [accounts], trades: [accounts], confined: flag}."""
    sees: dict[str, frozenset[str]] = {}
    trades: dict[str, frozenset[str]] = {}
    confined: list[str] = []
    for caller, node in document["clients"].entries():
        section = node.section(optional=("sees", "trades", "confined"))
        if "confined" in section and section["confined"].flag():
            confined.append(caller)
        seen, traded = section.get("sees"), section.get("trades")
        sees[caller] = frozenset(item.text() for item in seen.items()) if seen else frozenset()
        trades[caller] = frozenset(item.text() for item in traded.items()) if traded else frozenset()
    return Access(sees=sees, trades=trades, confined=frozenset(confined))
