"""A journal record holds its inputs as they were, in order."""

from hypothesis import given, settings, strategies as st

from trading_ecosystem.live.door import Header
from trading_ecosystem.live.inputs import Input, pack, unpack

MOMENTS = st.integers(0, 2**64 - 1)
IDS = st.integers(0, 2**63 - 1)
KINDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)
INPUTS = st.lists(st.tuples(MOMENTS, IDS, IDS, KINDS, st.binary(max_size=200)), max_size=20)


@given(INPUTS)
@settings(max_examples=100, deadline=None)
def test_what_is_packed_comes_back_in_order(given_inputs: list[tuple[int, int, int, str, bytes]]) -> None:
    inputs = [
        Input(now_ns, Header(message_id=message_id, correlation_id=story), kind, body)
        for now_ns, message_id, story, kind, body in given_inputs
    ]
    payload = b"".join(pack(each.now_ns, each.cause, each.kind, each.body) for each in inputs)
    assert list(unpack(payload)) == inputs


def test_an_empty_record_has_no_inputs() -> None:
    assert list(unpack(b"")) == []
