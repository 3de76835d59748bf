"""The W3C trace context of a unary call, https://www.w3.org/TR/trace-context/: 00-<trace id>-<span id>-<flags>."""

from collections.abc import Iterable

from trading_ecosystem.live.door import Header

KEY = "traceparent"
OUR_BITS = (1 << 63) - 1  # Of the ids of others, as many as ours have.


def cause_in(metadata: Iterable[tuple[str, str | bytes]]) -> Header | None:
    """Under which span somebody calls. What cannot be read is no cause."""
    for key, value in metadata:
        if key == KEY and isinstance(value, str):
            parts = value.split("-")
            if len(parts) == 4 and len(parts[1]) == 32 and len(parts[2]) == 16:
                try:
                    message_id, correlation_id = int(parts[2], 16) & OUR_BITS, int(parts[1], 16) & OUR_BITS
                except ValueError:
                    return None
                return Header(message_id=message_id, correlation_id=correlation_id)
    return None
