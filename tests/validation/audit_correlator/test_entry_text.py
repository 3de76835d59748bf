"""What an entry says is what the `json` library would write."""

import json

import pytest
from hypothesis import given, strategies as st

from trading_ecosystem.messages.accounts import Balance, Holding
from trading_ecosystem.messages.message import values_of
from trading_ecosystem.messages.orders import CancelReason, Side
from trading_ecosystem.validation.audit_correlator.entry_text import text_of

LIBRARY = json.JSONEncoder(separators=(",", ":"), default=values_of)

PARTS = st.builds(Balance, asset=st.text(), free_minor=st.integers(), locked_minor=st.integers()) | st.builds(
    Holding, account=st.text(), asset=st.text(), posted_minor=st.integers(), pending_minor=st.integers()
)
SCALARS = st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([*Side, *CancelReason]) | PARTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_an_entry_is_what_the_library_writes(value: object) -> None:
    assert text_of(value) == LIBRARY.encode(value)


@pytest.mark.parametrize("value", [1.5, [0, (1.0,)], {"share": 0.1}, {1, 2}, b"bytes", object()])
def test_what_is_not_plain_data_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="is not plain data"):
        text_of(value)
