"""The one interface in the system. Seven services implement it; two modes call it."""

from collections.abc import Sequence

from mypy_extensions import mypyc_attr

from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.runtime import Plain


@mypyc_attr(allow_interpreted_subclasses=True)
class Core:
    """A service with the outside world taken away.

    `handle` is the only way in and its return value the only way out. Callers promise three things:
    `now` (ns since 1970, UTC) never goes back, a `Wake` never comes before the time asked for, and
    the first message is a `Start`.
    """

    def handle(self, message: Message, now: int) -> Sequence[Message]:
        raise NotImplementedError(type(self).__name__)


@mypyc_attr(allow_interpreted_subclasses=True)
class JournaledCore(Core):
    """A core whose inputs are written to a journal before it handles them.

    A snapshot plus the journal after it, handled again with the outputs thrown away, is the core.
    """

    def save(self) -> Plain:
        """All state as plain data, at a message boundary."""
        raise NotImplementedError(type(self).__name__)

    def restore(self, state: Plain) -> None:
        """Take over what `save` returned, into a fresh core of the same configuration."""
        raise NotImplementedError(type(self).__name__)
