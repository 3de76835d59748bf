"""Every message survives the way to plain data, through JSON, and back."""

import json
from enum import Enum
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, strategies as st

from trading_ecosystem.messages import codec
from trading_ecosystem.messages.message import Message, field_names

WORDS = st.text(max_size=8)
NUMBERS = st.integers(-(10**30), 10**30)
PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=5,
)


HOT_TEXTS = (  # Hot types carry no hints.
    *("to", "account", "buyer_account", "seller_account", "client_order_id", "symbol", "venue", "sender"),
    *("asker", "custodian", "asset", "debit_account", "credit_account", "measure", "subject", "unit"),
)


def values_for(name: str, hints: dict[str, object]) -> st.SearchStrategy[object]:
    if name in codec.ENUMS:
        return st.sampled_from(list(codec.ENUMS[name]))
    if name in codec.PARTS:
        return st.lists(built(codec.PARTS[name]), max_size=3).map(tuple)
    if name in codec.TEXTS:
        return st.lists(WORDS, max_size=3).map(tuple)
    if name == "message":
        return built(codec.MESSAGE_TYPES["CancelOrder"])
    if name == "memory":
        return st.dictionaries(WORDS, PLAIN, max_size=3)
    if name == "value" and hints.get(name) is object:
        return PLAIN
    if hints.get(name) is bool or name in ("post_only", "reduce_only", "certain"):
        return st.booleans()
    return WORDS if name in HOT_TEXTS or hints.get(name) is str else NUMBERS


def hints_of(message_type: type) -> dict[str, Any]:
    return get_type_hints(vars(message_type).get("__init__", message_type))


def built(message_type: type) -> st.SearchStrategy[Message]:
    hints = hints_of(message_type)
    fields = {name: values_for(name, hints) for name in field_names(message_type)}
    return st.builds(message_type, **fields)


@pytest.mark.parametrize("name", sorted(codec.MESSAGE_TYPES))
def test_every_message_comes_back_equal(name: str) -> None:
    message_type = codec.MESSAGE_TYPES[name]

    @given(built(message_type))
    def comes_back(message: Message) -> None:
        text = json.dumps(codec.to_plain(message))
        again = codec.from_plain(name, json.loads(text))
        assert again == message
        assert repr(again) == repr(message)

    comes_back()


@pytest.mark.parametrize("name", sorted(codec.MESSAGE_TYPES))
def test_fields_that_hold_more_than_plain_data_are_in_the_tables(name: str) -> None:
    for field, hint in hints_of(codec.MESSAGE_TYPES[name]).items():
        if isinstance(hint, type) and issubclass(hint, Enum):
            assert codec.ENUMS.get(field) is hint, f"{name}.{field}"
        if get_origin(hint) is tuple and get_args(hint)[0] is not str:
            assert codec.PARTS.get(field) is get_args(hint)[0], f"{name}.{field}"
        if get_origin(hint) is tuple and get_args(hint)[0] is str:
            assert field in codec.TEXTS, f"{name}.{field}"


@pytest.mark.parametrize(
    ("name", "values"),
    [("NoSuchMessage", []), ("CancelOrder", ["exchange"]), ("OrderRejected", ["a", "v", 1, 2, "c", "s", "no_reason"])],
)
def test_what_is_no_message_is_refused(name: str, values: list[object]) -> None:
    with pytest.raises((KeyError, ValueError)):
        codec.from_plain(name, values)
