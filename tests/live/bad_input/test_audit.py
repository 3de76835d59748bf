"""The audit API of a real simulator: what it says of its core, and to whom."""

import asyncio
from typing import Any

import grpc
import httpx
import pytest

from trading_ecosystem.live.chaos_wire import CHAOS

SIMULATORS = ("exchange", "custodian", "market_data")
READ = {
    "exchange": "/api/v1/orders?account=alpha",
    "custodian": "/api/v1/settlements?account=alpha",
    "market_data": "/api/v1/prices",
}
LEASE_NS = 10_000_000_000
DEADLINE_S = 5.0


def ask(stage: Any, instance: str, path: str, token: str) -> httpx.Response:
    url = f"{stage.url(instance, 'audit_rest')}/audit/v1{path}"
    return httpx.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=DEADLINE_S)


@pytest.mark.parametrize("instance", SIMULATORS)
def test_state_journal_and_faults_are_told(instance: str, stage: Any) -> None:
    token = stage.token(f"{instance}.audit")
    for path in ("/state", "/journal", "/faults"):
        assert ask(stage, instance, path, token).status_code == 200
    assert ask(stage, instance, "/state", token).json()["instance"] == instance
    assert ask(stage, instance, "/faults", token).json()["faults"] == []


def test_the_state_is_what_the_core_would_save(stage: Any) -> None:
    state = stage.state("exchange")
    assert state["session"] == 1
    assert state["accounts"]["alpha"]["funds"]["BTC"] == [2_000_000_000, 0]
    assert set(state) == {
        "session",
        "heartbeat_due_ns",
        "fees",
        "faults",
        "perpetuals",
        "accounts",
        "movements",
        "matching",
        "submissions",
        "liquidity",
        "asked_ns",
        "silent_ns",
    }


def test_the_journal_ends_with_the_last_inputs(stage: Any) -> None:
    token = stage.token("exchange.audit")
    entries = ask(stage, "exchange", "/journal?limit=5", token).json()["entries"]
    assert len(entries) == 5 and [each["sequence"] for each in entries] == sorted(each["sequence"] for each in entries)
    whole = ask(stage, "exchange", "/journal?limit=1000", token).json()["entries"]
    assert whole[-5:] == entries and whole[0]["kind"] == "Start"


@pytest.mark.parametrize("instance", SIMULATORS)
def test_tokens_of_the_other_surface_open_nothing(instance: str, stage: Any) -> None:
    for token in (stage.token(f"{instance}.rest"), "nothing"):
        for path in ("/state", "/journal", "/faults"):
            assert ask(stage, instance, path, token).status_code == 401
    bearer = {"Authorization": f"Bearer {stage.token(f'{instance}.audit')}"}
    answer = httpx.get(f"{stage.url(instance)}{READ[instance]}", headers=bearer, timeout=DEADLINE_S)
    assert answer.status_code == 401


def test_production_has_no_audit_surface(stage: Any) -> None:
    assert set(stage.addresses["risk_monitor"]) == {"grpc", "rest"}


# The audit port, over gRPC.


async def inject(stage: Any, instance: str, request: bytes) -> tuple[grpc.StatusCode, str]:
    async with stage.channel(instance, "audit") as channel:
        call: Any = channel.unary_unary(CHAOS.path("Inject"))
        try:
            await call(request, metadata=(("x-instance", "test_coordinator"),), timeout=DEADLINE_S)
        except grpc.aio.AioRpcError as error:
            return error.code(), error.details() or ""
    return grpc.StatusCode.OK, ""


def injection(command: str, lease_ns: int = LEASE_NS, coordinator: str = "test_coordinator", **fields: Any) -> bytes:
    request: Any = CHAOS.request_type("Inject")(lease_ns=lease_ns, coordinator=coordinator)
    getattr(request.command, command).SetInParent()
    for name, value in fields.items():
        if isinstance(value, list):
            getattr(getattr(request.command, command), name).extend(value)
        else:
            setattr(getattr(request.command, command), name, value)
    encoded: bytes = request.SerializeToString()
    return encoded


SLOW: dict[str, Any] = {
    "to": "custodian",
    "injection_id": "slow-1",
    "service": "custodian",
    "service_fault": 4,
    "by_ns": 1,
}
RESTORED: dict[str, Any] = {"to": "custodian", "injection_id": "slow-1", "service": "custodian"}


def test_a_fault_is_told_while_it_is_in_force(stage: Any) -> None:
    def faults() -> list[dict[str, str]]:
        answer = ask(stage, "custodian", "/faults", stage.token("custodian.audit"))
        found: list[dict[str, str]] = answer.json()["faults"]
        return found

    for _ in range(2):
        assert asyncio.run(inject(stage, "custodian", injection("fault_service", **SLOW))) == (grpc.StatusCode.OK, "")
    (fault,) = faults()
    assert (fault["injection_id"], fault["kind"], fault["target"]) == ("slow-1", "store.slow", "custodian")
    assert asyncio.run(inject(stage, "custodian", injection("restore_service", **RESTORED)))[0] is grpc.StatusCode.OK
    assert faults() == []


LATE: dict[str, Any] = {
    "to": "market_data",
    "injection_id": "late-1",
    "feed_fault": 4,
    "symbols": ["BTC/USD"],
    "by_ns": 1_000_000,
}
WILD: dict[str, Any] = {
    "to": "market_data",
    "injection_id": "wild-1",
    "symbols": ["ETH/USD"],
    "factor_ppm": 2_000_000,
}


def test_faults_of_the_feed_and_shapes_of_prices_are_told_while_they_are_in_force(stage: Any) -> None:
    def told() -> list[tuple[str, str]]:
        answer = ask(stage, "market_data", "/faults", stage.token("market_data.audit"))
        return [(fault["injection_id"], fault["kind"]) for fault in answer.json()["faults"]]

    def done(command: str, **fields: Any) -> bool:
        return asyncio.run(inject(stage, "market_data", injection(command, **fields))) == (grpc.StatusCode.OK, "")

    assert done("fault_feed", **LATE) and done("fault_feed", **LATE) and done("scale_volatility", **WILD)
    assert told() == [("late-1", "feed.lag"), ("wild-1", "ScaleVolatility")]
    assert done("restore_feed", to="market_data", injection_id="late-1")
    assert done("restore_price_path", to="market_data", injection_id="wild-1")
    assert told() == []


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\xff", id="no protobuf"),
        pytest.param(CHAOS.request_type("Inject")(lease_ns=LEASE_NS).SerializeToString(), id="no command"),
        pytest.param(injection("fault_service", lease_ns=0, **SLOW), id="no lease"),
        pytest.param(injection("fault_service", lease_ns=-1, **SLOW), id="a lease that is over"),
        pytest.param(injection("fault_service", **{**SLOW, "service_fault": 0}), id="no fault"),
        pytest.param(injection("fault_service", **{**SLOW, "service_fault": 99}), id="a fault that nobody knows"),
        pytest.param(injection("fault_service", **{**SLOW, "service_fault": 1}), id="a fault from outside"),
        pytest.param(injection("crash_service", to="custodian", injection_id="crash"), id="not for this service"),
        pytest.param(injection("apply_price_path", to="custodian", injection_id="path"), id="no prices here"),
        pytest.param(injection("fault_feed", **{**LATE, "to": "custodian"}), id="no feed here"),
        pytest.param(injection("fault_feed", **{**LATE, "feed_fault": 0}), id="no kind of feed fault"),
        pytest.param(injection("scale_volatility", **{**WILD, "to": "custodian"}), id="no volatility here"),
        pytest.param(injection("fault_link", to="custodian", injection_id="link"), id="no kind of link fault"),
    ],
)
def test_what_cannot_be_injected_is_refused_and_nothing_is_in_force(asked: bytes, stage: Any, unchanged: Any) -> None:
    code, detail = asyncio.run(inject(stage, "custodian", asked))
    assert code is grpc.StatusCode.INVALID_ARGUMENT, detail
    assert ask(stage, "custodian", "/faults", stage.token("custodian.audit")).json()["faults"] == []
