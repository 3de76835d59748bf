"""What is known of a call when it is handled: who calls, what came with the call, and how long its caller waits.

Rule 1: it is found out once, by the guard where there is one in front; to ask gRPC costs more than to decode an order.
"""

from contextvars import ContextVar
from typing import NamedTuple

from trading_ecosystem.live.security.identity import Context, Metadata, identify


class Admission(NamedTuple):
    """`remaining_s`: seconds until the caller gives up; None where that was not said."""

    caller: str
    metadata: Metadata
    remaining_s: float | None


ADMITTED: ContextVar[Admission | None] = ContextVar("admitted", default=None)  # Of the call that this task handles.


def admission_of(context: Context) -> Admission:
    """Raises `Refused` for a caller who cannot be told."""
    admitted = ADMITTED.get()
    if admitted is not None:
        return admitted
    metadata = context.invocation_metadata() or ()
    return Admission(identify(context, metadata), metadata, context.time_remaining())
