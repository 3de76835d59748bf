"""What all surfaces have in common: health, metrics, ids, rates, methods; and the audit API on its own."""

from typing import Any

import httpx
import pytest

from trading_ecosystem import routes
from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.live.door import RefusalCode, Refused
from trading_ecosystem.live.rest.audit import Insight, audit_app
from trading_ecosystem.live.rest.rates import Rate
from trading_ecosystem.live.settings import Profile
from trading_ecosystem.live.store.ports import StoreAway
from trading_ecosystem.messages.health import HealthStatus
from trading_ecosystem.simulators.exchange.store import TradeHistory

SERVICES = (*routes.SIMULATORS, *routes.PRODUCTION, *routes.VALIDATION)


@pytest.mark.parametrize("role", SERVICES)
def test_health_is_open_and_says_what_the_door_says(role: str, workshop: Any) -> None:
    served = workshop.serve(role)
    served.door.said = (HealthStatus.SERVING, "")
    answer = served.call("GET", "/api/v1/health", token="")
    assert answer.status_code == 200
    assert answer.json() == {
        "service": role,
        "instance": served.door.instance,
        "version": "1.2.3",
        "environment": "simulation",
        "time": answer.json()["time"],
        "status": "serving",
        "detail": "",
    }
    served.door.said = (HealthStatus.DEGRADED, "no heartbeat of exchange")
    degraded = served.call("GET", "/api/v1/health", token="")
    assert (degraded.status_code, degraded.json()["detail"]) == (200, "no heartbeat of exchange")
    served.door.said = (HealthStatus.NOT_SERVING, "draining")
    assert served.call("GET", "/api/v1/health", token="").status_code == 503


def test_metrics_are_those_of_the_registry(workshop: Any) -> None:
    answer = workshop.exchange().call("GET", "/metrics", token="")
    assert answer.status_code == 200 and "served_total 1.0" in answer.text
    assert answer.headers["content-type"].startswith("text/plain")


def test_every_call_is_told_with_its_template_and_status(workshop: Any) -> None:
    served = workshop.market_data()
    for path in ("/api/v1/prices/BTC-USD", "/api/v1/prices/DOGE-USD", "/elsewhere"):
        served.call("GET", path)
    served.call("BREW", "/elsewhere")
    assert served.observed == [
        ("GET", "/api/v1/prices/{symbol}", 200),
        ("GET", "/api/v1/prices/{symbol}", 404),
        ("GET", "no such path", 404),
        ("OTHER", "no such path", 404),
    ]


@pytest.mark.parametrize(
    "shown,kept", [("abc-1.2_3", True), ("", False), ("a b", False), ("x" * 65, False), ("é", False)]
)
def test_a_request_id_is_handed_on_or_made(shown: str, kept: bool, workshop: Any) -> None:
    answer = workshop.exchange().call("GET", "/api/v1/health", headers={b"x-request-id": shown.encode()})
    told = answer.headers["x-request-id"]
    assert told == shown if kept else told and told != shown


def test_head_is_get_without_its_body(workshop: Any) -> None:
    served = workshop.market_data()
    got, head = (served.call(method, "/api/v1/prices") for method in ("GET", "HEAD"))
    assert head.status_code == 200 and head.content == b""
    assert head.headers["content-length"] == str(len(got.content))
    assert served.call("HEAD", "/api/v1/prices", token="").status_code == 401


def test_who_calls_too_often_waits_and_nobody_else(workshop: Any) -> None:
    workshop.rate = Rate(per_second=1, burst=3)
    served = workshop.exchange()
    path = "/api/v1/orders?account=alpha"
    answers = [served.call("GET", path) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[-1].headers["retry-after"] == "1" and answers[-1].json()["code"] == "too_many"
    before = len(served.door.asked)
    refused = served.call("POST", "/api/v1/orders", content=b"{", headers={"content-type": "application/json"})
    assert refused.status_code == 429, "counted before anything is read"
    assert len(served.door.asked) == before
    assert served.call("GET", "/api/v1/accounts/alpha", "token-of-rita").status_code == 200
    strangers = [served.call("GET", path, token="guess").status_code for _ in range(5)]
    assert strangers == [401, 401, 401, 429, 429]


def test_a_store_that_is_away_is_said(workshop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise StoreAway("the disk is full")

    served = workshop.exchange()
    monkeypatch.setattr(TradeHistory, "trades", away)
    answer = served.call("GET", "/api/v1/trades?account=alpha")
    assert (answer.status_code, answer.json()["code"]) == (503, "store_away")
    assert "disk" not in answer.text


@pytest.mark.parametrize(
    "code,status", [(RefusalCode.NOT_SERVING, 503), (RefusalCode.DEADLINE, 504), (RefusalCode.CONFLICT, 409)]
)
def test_a_refusal_of_the_door_has_its_status(code: RefusalCode, status: int, workshop: Any) -> None:
    served = workshop.custodian()
    served.door.refusal = Refused(code, "because", "order.price_ticks")
    answer = served.call("GET", "/api/v1/accounts/alpha/holdings")
    assert answer.status_code == status
    assert (answer.json()["code"], answer.json()["pointer"]) == (code.value, "/order/price_ticks")


def test_a_fault_of_ours_is_counted_as_one(workshop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret")

    served = workshop.exchange()
    monkeypatch.setattr(TradeHistory, "trades", broken)
    with pytest.raises(RuntimeError):
        served.call("GET", "/api/v1/trades?account=alpha")
    assert served.observed == [("GET", "/api/v1/trades", 500)]


# The audit API.


def test_the_audit_api_tells_state_journal_and_faults(workshop: Any) -> None:
    served = workshop.audit()
    state = served.call("GET", "/audit/v1/state").json()
    assert state["instance"] == "exchange" and state["state"] == served.door.core.save()
    assert served.call("GET", "/audit/v1/journal?limit=1").json()["entries"] == [
        {
            "sequence": 7,
            "handled": "1970-01-01T00:00:00.000001000Z",
            "kind": "CancelOrder",
            "values": ["exchange", "alpha", "mine-1"],
        }
    ]
    [fault] = served.call("GET", "/audit/v1/faults").json()["faults"]
    assert (fault["injection_id"], fault["target"]) == ("cut", "exchange")


@pytest.mark.parametrize("path", ["state", "journal", "faults"])
def test_the_audit_api_is_for_auditors_alone(path: str, workshop: Any) -> None:
    served = workshop.audit()
    answers: list[httpx.Response] = [
        served.call("GET", f"/audit/v1/{path}", token) for token in ("", "token-of-mallory", "token-of-rita")
    ]
    assert [answer.status_code for answer in answers] == [401, 401, 403]
    assert served.call("GET", "/api/v1/orders?account=alpha").status_code == 404, "nothing of the production surface"


def test_there_is_no_audit_api_in_production(workshop: Any) -> None:
    served = workshop.exchange()
    with pytest.raises(Problem, match="production profile"):
        audit_app(served.surface, Profile.PRODUCTION, Insight(state=dict, journal=lambda limit: (), faults=tuple))
