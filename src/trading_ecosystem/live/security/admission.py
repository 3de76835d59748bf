"""Whether a call is let in, and what is known of it when it is handled: who calls, with what, and how long they wait.

Rule 1: it is found out once, by the guard where there is one in front; to ask gRPC costs more than to decode an order.
"""

from contextvars import ContextVar
from typing import NamedTuple, final

from trading_ecosystem.live.door import RefusalCode, Refused
from trading_ecosystem.live.security.allow_list import AllowList
from trading_ecosystem.live.security.identity import Context, Metadata, claimed, identify, role_of

LARGEST_METADATA = 8192  # Bytes, each pair counted as HTTP/2 does: 32 more than its name and its value.


class Admission(NamedTuple):
    """`remaining_s`: seconds until the caller gives up; None where that was not said."""

    caller: str
    metadata: Metadata
    remaining_s: float | None


ADMITTED: ContextVar[Admission | None] = ContextVar("admitted", default=None)  # Of the call that this task handles.


class Denied(Exception):
    """A call that is not let in, and why. `caller` is empty where it is not known."""

    def __init__(self, refused: Refused, caller: str, metadata: Metadata) -> None:
        super().__init__(str(refused))
        self.refused, self.caller, self.metadata = refused, caller, metadata


@final
class Gate:
    """`secured`: the server has TLS."""

    def __init__(self, allow_list: AllowList, secured: bool) -> None:
        self._allow_list, self._secured = allow_list, secured

    def admit(self, method: str, context: Context) -> float | None:
        """The seconds that the call has, None for no deadline of its own. Raises `Denied`.

        Whoever handles the call finds what was found out in its `admission_of`.
        """
        caller = ""
        metadata: Metadata = context.invocation_metadata() or ()
        try:
            check_metadata(metadata)
            if self._secured or not self._allow_list.open_to_anyone(method):
                caller = identify(context, metadata) if self._secured else claimed(metadata)
                if not self._allow_list.allows(role_of(caller), method):
                    raise Refused(RefusalCode.FORBIDDEN, "not allowed")
            remaining: float | None = context.time_remaining()
            if remaining is not None and remaining <= 0:
                raise Refused(RefusalCode.DEADLINE, "too late")
        except Refused as refused:
            raise Denied(refused, caller, metadata) from None
        if caller:
            ADMITTED.set(Admission(caller, metadata, remaining))
        return remaining


def check_metadata(metadata: Metadata) -> None:
    """Raises `Refused` for more of it than is read, and for a key that is there twice: which one counts is a guess."""
    size = 0
    for key, value in metadata:
        size += len(key) + len(value) + 32
    if size > LARGEST_METADATA:
        raise Refused(RefusalCode.TOO_LARGE, f"more than {LARGEST_METADATA} bytes of metadata")
    if len({key for key, _ in metadata}) < len(metadata):
        raise Refused(RefusalCode.UNAUTHENTICATED, "a key of the metadata is there twice")


def admission_of(context: Context) -> Admission:
    """Of the call with this context. Raises `Refused` for a caller who cannot be told."""
    admitted = ADMITTED.get()
    if admitted is not None:
        return admitted
    metadata: Metadata = context.invocation_metadata() or ()
    return Admission(identify(context, metadata), metadata, context.time_remaining())
