"""Names of instances, and what becomes of them on a certificate."""

from typing import Any

import pytest
from hypothesis import given, settings, strategies

from trading_ecosystem.live.door import RefusalCode, Refused
from trading_ecosystem.live.security.identity import (
    INSTANCE,
    certified,
    claimed,
    host_of,
    instance_of,
    is_instance,
    role_of,
    uri_of,
)

GOOD = b"spiffe://trading-ecosystem/exchange/exchange.alpha"


@pytest.mark.parametrize(
    "name", ["exchange", "trading_engine.alpha", "operator.anna-2", "x.0", "a" * 40 + "." + "b" * 40]
)
def test_names(name: str) -> None:
    assert is_instance(name)
    assert instance_of(uri_of(name)) == name
    assert role_of(name) == name.split(".")[0]


@pytest.mark.parametrize(
    "name", ["", ".", "a.", ".a", "A", "a.B", "a.b.c", "1a", "a/b", "a b", "a\n", "é", "a-b", "a.-b", "a" * 41]
)
def test_what_is_no_name(name: str) -> None:
    assert not is_instance(name)


@given(strategies.from_regex(INSTANCE, fullmatch=True))
@settings(max_examples=50)
def test_every_name_survives_its_certificate(name: str) -> None:
    assert instance_of(uri_of(name)) == name
    assert all(each.isascii() and (each.isalnum() or each in ".-") for each in host_of(name))


@given(strategies.text(max_size=80))
@settings(max_examples=50)
def test_no_other_text_names_an_instance(text: str) -> None:
    assert instance_of(text) is None
    assert instance_of(f"spiffe://trading-ecosystem/{text}") in (None, text.rpartition("/")[2])


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"ssl_tls_version": [b"TLSv1.2"]}, RefusalCode.UNAUTHENTICATED),
        ({"ssl_tls_version": []}, RefusalCode.UNAUTHENTICATED),
        ({"peer_uri": []}, RefusalCode.FORBIDDEN),
        ({"peer_uri": [GOOD, GOOD]}, RefusalCode.FORBIDDEN),
        ({"peer_uri": [GOOD + b"/x"]}, RefusalCode.FORBIDDEN),
        ({"peer_uri": [b"\xff"]}, RefusalCode.FORBIDDEN),
        ({"peer_uri": [b"http://trading-ecosystem/exchange/exchange.alpha"]}, RefusalCode.FORBIDDEN),
    ],
)
def test_a_connection_that_names_nobody(changed: dict[str, list[bytes]], code: RefusalCode) -> None:
    connection = {"ssl_tls_version": [b"TLSv1.3"], "peer_uri": [GOOD]}
    assert certified(connection) == "exchange.alpha"
    with pytest.raises(Refused) as caught:
        certified(connection | changed)
    assert caught.value.code is code


@pytest.mark.parametrize("metadata", [[], [("x-instance", b"exchange")], [("x-instance", "exchange")] * 2])
def test_a_claim_is_one_name(metadata: Any) -> None:
    assert claimed([("other", "x"), ("x-instance", "exchange")]) == "exchange"
    with pytest.raises(Refused) as caught:
        claimed(metadata)
    assert caught.value.code is RefusalCode.UNAUTHENTICATED
