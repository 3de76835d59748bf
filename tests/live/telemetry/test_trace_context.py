"""What is read of the trace context of a call, whatever its caller sends."""

import pytest

from trading_ecosystem.live.door import Header
from trading_ecosystem.live.telemetry.trace_context import cause_in

TRACE, SPAN = f"{7:032x}", f"{9:016x}"
CASES = [
    (f"00-{TRACE}-{SPAN}-01", Header(message_id=9, correlation_id=7)),
    (f"00-{'f' * 32}-{'f' * 16}-00", Header(message_id=(1 << 63) - 1, correlation_id=(1 << 63) - 1)),
    (f"00-{TRACE}-{SPAN}", None),
    (f"00-{TRACE}-{SPAN}-01-more", None),
    (f"00-{TRACE[1:]}-{SPAN}-01", None),
    (f"00-{'x' * 32}-{SPAN}-01", None),
    ("", None),
    (f"00-{TRACE}-{SPAN}-01".encode(), None),
]


@pytest.mark.parametrize(("told", "cause"), CASES, ids=range(len(CASES)))
def test_what_cannot_be_read_is_no_cause(told: str | bytes, cause: Header | None) -> None:
    assert cause_in([("x-instance", "operator"), ("traceparent", told)]) == cause


def test_who_sends_none_has_none() -> None:
    assert cause_in([("x-instance", "operator")]) is None
