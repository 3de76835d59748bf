"""What a core and its runner say to each other. None of it crosses the network."""

from dataclasses import dataclass
from typing import Final, final

from mypy_extensions import mypyc_attr

from trading_ecosystem.messages.message import Message

Plain = object  # None, bool, int, str, or a list or dict (with str keys) of these.


@final
@mypyc_attr(acyclic=True)
class WakeAt(Message):
    """Ask for a `Wake` at this moment or as soon after as can be."""

    __slots__ = ("at_ns",)
    __match_args__: Final = ("at_ns",)

    def __init__(self, at_ns: int) -> None:
        self.at_ns = at_ns


@final
@mypyc_attr(acyclic=True)
class Wake(Message):
    """A moment asked for has come. Never early; a core looks itself what is due."""

    __slots__ = ()


@final
@dataclass(frozen=True, kw_only=True)
class Remember(Message):
    """Keep this value under this key, durably, before any message returned after it leaves."""

    key: str
    value: Plain


@final
@dataclass(frozen=True, kw_only=True)
class Start(Message):
    """The first message of each incarnation of a core.

    `memory` is what the core asked to remember, by key; empty at the first start, and always empty
    for a core that is rebuilt from its journal. The answer carries a `WakeAt` for all that is due.
    """

    memory: dict[str, Plain]
