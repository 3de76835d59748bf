"""One table of bad input, sent to every route of every service: refused by name, and nothing has changed.

The routes, their parameters and their bodies come from the OpenAPI description, so a new route is tested from its
first day. What is good is one table (`GOOD`): a route without its line there fails.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from trading_ecosystem import routes
from trading_ecosystem.live.rest.application import describe
from trading_ecosystem.live.rest.edge import NO_ROUTE

SERVICES = (*routes.SIMULATORS, *routes.PRODUCTION, *routes.VALIDATION)
LONGEST_S = 1.0  # Ten times what is promised: the machine that tests is not the machine that serves.
LIMIT_ORDER = {
    "account": "alpha",
    "client_order_id": "mine-1",
    "symbol": "BTC/USD",
    "side": "buy",
    "type": "limit",
    "price": "50000.00",
    "quantity": "0.5",
}
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/api/v1/orders"): LIMIT_ORDER,
    ("POST", "/api/v1/pairs"): {
        **{name: value for name, value in LIMIT_ORDER.items() if name != "type"},
        "client_order_id": "mine-2",
        "side": "sell",
        "price": "70000.00",
        "trigger_client_order_id": "mine-3",
        "trigger_type": "stop",
        "trigger_price": "40000.00",
    },
    ("PATCH", "/api/v1/orders/{client_order_id}"): {
        name: LIMIT_ORDER[name] for name in ("account", "symbol", "price", "quantity")
    },
    ("PUT", "/api/v1/silence"): {"account": "alpha", "timeout_s": 5},
    ("POST", "/api/v1/margin"): {"account": "alpha", "move_id": "mine-1", "asset": "USD", "amount": "10.5"},
    ("POST", "/api/v1/transfers"): {
        "request_id": "mine-1",
        "kind": "withdrawal",
        "account": "alpha",
        "asset": "USD",
        "amount": "10.5",
        "other": "bank.alpha",
    },
    ("POST", "/api/v1/transfers/{request_id}/approve"): {"digest": "0" * 64},
    ("POST", "/api/v1/destinations"): {"account": "alpha", "destination": "bank.alpha"},
    ("POST", "/api/v1/kill-switch/engage"): {"grounds": "enough"},
    ("POST", "/api/v1/kill-switch/lift"): {"grounds": "mended"},
}
MAY_BE_LEFT_OUT = ("trigger_price",)
AMOUNTS = ("price", "quantity", "trigger_price", "amount")
GOOD: dict[str, Any] = {
    "request_id": "mine-1",
    "account": "alpha",
    "client_order_id": "mine-1",
    "symbol": "BTC-USD",
    "alert_id": "venue_down:exchange:critical:1",
    "run_id": "1",
    "idempotency-key": "key-1",
}
OPEN = "/api/v1/health"

BAD_TOKENS: list[tuple[str, list[tuple[str, str]]]] = [
    ("none", []),
    ("empty", [("authorization", "")]),
    ("no kind", [("authorization", "token-of-alice")]),
    ("other kind", [("authorization", "Basic token-of-alice")]),
    ("unknown", [("authorization", "Bearer token-of-mallory")]),
    ("empty token", [("authorization", "Bearer ")]),
    ("too long", [("authorization", "Bearer " + "x" * 513)]),
    ("spaces", [("authorization", "Bearer token-of-alice token-of-alice")]),
    ("twice", [("authorization", "Bearer token-of-alice"), ("authorization", "Bearer token-of-alice")]),
]
BAD_PATHS = ["/..%2f", "/%2e%2e/x", "/%00", "//", "/%5c", "/%25%32%66", "/%zz", "/%ff", "/\\", "/%0a"]
BAD_NUMBERS = ["", "-1", "1.0", "1e3", "0x10", "+1", " 1", "1_000", "٣", "9" * 19, "true", "%00", "1\r\n"]
BAD_TEXTS = ["", "a b", "%00", "../x", "é", "٣", "x" * 129, "a'--", "<script>", "a\nb", "{{7*7}}"]
BAD_VALUES: list[object] = [None, 1, 1.5, True, [], {}, "", " ", "x" * 200, "\u0000", "٣", ["buy"], -1, 10**17]
BAD_AMOUNTS: list[object] = [
    *("0", "0.0", "-0", "-1", "+1", "1e3", "1E5", "NaN", "Infinity", "1_000", " 1", "1 ", "٣", "١٢", "0x1", "1,5"),
    *("1.", ".5", "1..5", "1" * 19, "1." + "1" * 19, "0.000000001", "", "1\n", 1, 1.5, True, None, [], {}),
]
BAD_BODIES: list[tuple[str, bytes, int]] = [
    ("empty", b"", 400),
    ("not JSON", b"{", 400),
    ("text behind", b"{} x", 400),
    ("byte order mark", b"\xef\xbb\xbf{}", 400),
    ("not UTF-8", b'{"account": "\xff"}', 400),
    ("UTF-16", '{"account": "alpha"}'.encode("utf-16"), 400),
    ("not a number", b'{"price": NaN}', 400),
    ("infinity", b'{"price": -Infinity}', 400),
    ("infinite", b'{"price": 1e400}', 400),
    ("repeated key", b'{"side": "buy", "side": "sell"}', 400),
    ("lone surrogate", b'{"account": "\\ud800"}', 400),
    ("lone surrogate as a key", b'{"\\udfff": 1}', 400),
    ("deep", b'{"a":' * 17 + b"1" + b"}" * 17, 400),
    ("very deep", b"[" * 30_000, 400),
    ("huge integer", b'{"price": 1234567890123456789}', 400),
    ("5000 digits", b'{"price": ' + b"1" * 5_000 + b"}", 400),
    ("a list", b"[]", 422),
    ("a text", b'"order"', 422),
    ("null", b"null", 422),
    ("large", b'{"account": "' + b"x" * 65_536 + b'"}', 413),
]
BAD_MEDIA: list[tuple[str, dict[str, str]]] = [
    ("none", {}),
    ("text", {"content-type": "text/plain"}),
    ("form", {"content-type": "application/x-www-form-urlencoded"}),
    ("other charset", {"content-type": "application/json; charset=utf-16"}),
    ("gzip", {"content-type": "application/json", "content-encoding": "gzip"}),
    ("brotli", {"content-type": "application/json", "content-encoding": "br"}),
]


@dataclass(frozen=True)
class Operation:
    service: str
    method: str
    path: str
    parameters: tuple[dict[str, Any], ...]
    has_body: bool

    def address(self, **other: str) -> str:
        path = self.path
        for each in self.parameters:
            if each["in"] == "path":
                path = path.replace("{" + each["name"] + "}", other.get(each["name"], GOOD[each["name"]]))
        return path

    def query(self) -> dict[str, str]:
        wanted = [each for each in self.parameters if each["in"] == "query" and each["required"]]
        return {each["name"]: GOOD[each["name"]] for each in wanted}

    def headers(self) -> dict[str, str]:
        return {each["name"]: GOOD[each["name"]] for each in self.parameters if each["in"] == "header"}

    def body(self) -> dict[str, Any]:
        return BODIES[self.method, self.path]

    def request(self) -> dict[str, Any]:
        """A good one."""
        body = {"json": self.body()} if self.has_body else {}
        return {"params": self.query(), "headers": self.headers(), **body}


def operations(service: str, description: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in description["paths"].items():
        for method, told in methods.items():
            if path != OPEN:
                yield Operation(service, method.upper(), path, tuple(told.get("parameters", ())), "requestBody" in told)


@pytest.fixture(params=SERVICES)
def served(request: pytest.FixtureRequest, workshop: Any) -> Any:
    return workshop.serve(request.param)


@pytest.fixture
def refuses(served: Any) -> Callable[..., httpx.Response]:
    """refuses(operation, status, address=..., **request): answered with this status, as a problem, with no effect."""

    def check(operation: Operation, statuses: tuple[int, ...], address: str = "", **request: Any) -> httpx.Response:
        before = served.door.digest()
        began = time.monotonic()
        answer: httpx.Response = served.call(
            request.pop("method", operation.method), address or operation.address(), **request
        )
        told = f"{operation.method} {address or operation.path} {request}: {answer.status_code} {answer.text}"
        assert answer.status_code in statuses, told
        assert time.monotonic() - began < LONGEST_S, told
        assert answer.headers["content-type"] == "application/problem+json", told
        problem = answer.json()
        assert problem["status"] == answer.status_code and problem["code"] and problem["detail"], told
        assert "Traceback" not in answer.text and len(answer.content) < 1_000, told
        assert served.door.digest() == before, told
        return answer

    return check


def every(served: Any) -> list[Operation]:
    found = list(operations(served.surface.service, describe(served.app)))
    assert found
    return found


def test_the_good_requests_are_good(served: Any) -> None:
    """Otherwise the bad ones would be refused for another reason than their own."""
    for operation in every(served):
        answer = served.call(operation.method, operation.address(), **operation.request())
        fine = (
            answer.status_code in (200, 201)
            or answer.json()["code"] in ("unknown_order", "unknown_alert", "unknown_request", "not_offered")
            or (operation.path == "/api/v1/margin" and answer.json()["code"] == "unknown_asset")  # None is margined.
            or (answer.status_code == 404 and answer.json()["code"].startswith("no_"))
        )
        assert fine, f"{operation} {answer.text}"


def test_a_bad_token_is_refused_in_the_same_words_whatever_is_wrong_with_it(served: Any, refuses: Any) -> None:
    for operation in every(served):
        texts = []
        for _, shown in BAD_TOKENS:
            request = operation.request()
            headers = httpx.Headers([*request.pop("headers").items(), *shown])
            answer = refuses(operation, (401,), token="", headers=headers, **request)
            assert answer.headers["www-authenticate"] == "Bearer"
            texts.append(answer.text)
        assert len(set(texts)) == 1


def test_a_token_without_the_scope_is_refused(served: Any, refuses: Any) -> None:
    for operation in every(served):
        refuses(operation, (403,), token="token-of-nora", **operation.request())
        if operation.method != "GET":
            refuses(operation, (403,), token="token-of-rita", **operation.request())


def test_other_methods_are_told_which_there_are(served: Any, refuses: Any) -> None:
    known: dict[str, set[str]] = {}
    for operation in every(served):
        known.setdefault(operation.path, set()).add(operation.method)
    for operation in every(served):
        methods = known[operation.path] | ({"HEAD"} if "GET" in known[operation.path] else set())
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} - methods:
            answer = refuses(operation, (405,), method=method)
            assert set(answer.headers["allow"].split(", ")) == methods
            assert "access-control-allow-origin" not in answer.headers


def test_an_ambiguous_path_is_refused(served: Any, refuses: Any) -> None:
    for operation in every(served):
        for bad in BAD_PATHS:
            refuses(operation, (400, 404), address=operation.address() + bad, **operation.request())
    assert {route for _, route, _ in served.observed} >= {NO_ROUTE}


def test_bad_parameters_are_refused(served: Any, refuses: Any) -> None:
    for operation in every(served):
        for parameter in operation.parameters:
            is_number = parameter["schema"].get("type") == "integer"
            for bad in BAD_NUMBERS if is_number else BAD_TEXTS:
                request = operation.request()
                name = parameter["name"]
                if parameter["in"] == "query":
                    request["params"][name] = bad
                    answer = refuses(operation, (400, 422), **request)
                elif parameter["in"] == "path":
                    if bad not in ("", "../x"):
                        address = operation.address(**{name: quote(bad, safe="%")})
                        refuses(operation, (400, 404, 422), address=address, **request)
                elif bad.isascii() and bad.isprintable():
                    request["headers"][name] = bad
                    refuses(operation, (400, 422), **request)
            if parameter["required"] and parameter["in"] != "path":
                request = operation.request()
                request["params" if parameter["in"] == "query" else "headers"].pop(parameter["name"])
                answer = refuses(operation, (400, 422), **request)
                assert answer.json()["pointer"] == f"/{parameter['in']}/{parameter['name']}"


def test_a_page_has_bounds(served: Any, refuses: Any) -> None:
    for operation in every(served):
        if any(parameter["name"] == "limit" for parameter in operation.parameters):
            for limit in ("0", "-1", "1001", "1000000000"):
                answer = refuses(operation, (422,), params={**operation.query(), "limit": limit})
                assert answer.json()["code"] == "invalid_limit"


def test_a_parameter_that_is_there_twice_is_refused(served: Any, refuses: Any) -> None:
    for operation in every(served):
        for name, value in operation.query().items():
            request = operation.request()
            request["params"] = [*request["params"].items(), (name, value)]
            assert refuses(operation, (400,), **request).json()["code"] == "repeated_parameter"


def test_a_body_where_none_belongs_is_refused(served: Any, refuses: Any) -> None:
    for operation in every(served):
        if not operation.has_body:
            refuses(operation, (400,), content=b"{}", **operation.request())


@pytest.mark.parametrize("name,body,status", BAD_BODIES, ids=[name for name, _, _ in BAD_BODIES])
def test_a_bad_body_is_refused(name: str, body: bytes, status: int, served: Any, refuses: Any) -> None:
    for operation in every(served):
        if operation.has_body:
            headers = {**operation.headers(), "content-type": "application/json"}
            refuses(operation, (status,), content=body, headers=headers)


@pytest.mark.parametrize("name,headers", BAD_MEDIA, ids=[name for name, _ in BAD_MEDIA])
def test_a_bad_media_type_is_refused(name: str, headers: dict[str, str], served: Any, refuses: Any) -> None:
    for operation in every(served):
        if operation.has_body:
            content = json.dumps(operation.body()).encode()
            refuses(operation, (415,), content=content, headers={**operation.headers(), **headers})


def test_bad_fields_are_refused_with_a_pointer(workshop: Any, refuses: Any, served: Any) -> None:
    for operation in every(served):
        if not operation.has_body:
            continue
        good, headers = operation.body(), operation.headers()
        for name in good:
            missing = {key: value for key, value in good.items() if key != name}
            status = 400 if name == "client_order_id" else 422
            if name not in MAY_BE_LEFT_OUT:
                assert refuses(operation, (status,), json=missing, headers=headers).json()["pointer"] == f"/{name}"
            for bad in bad_values(name):
                answer = refuses(operation, (422, 404), json={**good, name: bad}, headers=headers)
                if name in AMOUNTS:
                    assert answer.json()["code"] == f"invalid_{name}", (bad, answer.text)
        for name in ("is_admin", "fee_rate", "owner", "status", "order_id", "Price", "qty"):
            answer = refuses(operation, (422,), json={**good, name: 1}, headers=headers)
            assert (answer.json()["code"], answer.json()["pointer"]) == ("unknown_field", f"/{name}")


def bad_values(name: str) -> list[object]:
    if name in AMOUNTS:
        return [bad for bad in BAD_AMOUNTS if bad is not None or name not in MAY_BE_LEFT_OUT]
    if name == "grounds":  # Words, in any language.
        return [bad for bad in BAD_VALUES if bad not in ("x" * 200, "٣")]
    return [bad for bad in BAD_VALUES if not (name == "timeout_s" and type(bad) is int and 0 < bad < 100)]


def test_no_other_origin_is_given_anything(served: Any) -> None:
    for operation in every(served):
        answer = served.call(
            operation.method,
            operation.address(),
            **{**operation.request(), "headers": {**operation.headers(), "origin": "https://elsewhere.example"}},
        )
        assert not [name for name in answer.headers if name.startswith("access-control")]
