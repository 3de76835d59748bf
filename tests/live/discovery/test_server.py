"""The HTTP surface of the registry, over real sockets on loopback."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from trading_ecosystem.live.discovery.configuration import LONGEST_VALUE, MOST_PARAMETERS
from trading_ecosystem.live.discovery.registration import Registration

Make = Callable[..., Registration]
Open = Callable[..., Any]
BODY: dict[str, Any] = {
    "version": "1.0",
    "addresses": {"grpc": "127.0.0.1:5001", "rest": "127.0.0.1:5002", "audit": "127.0.0.1:5003"},
    "status": "ready",
    "epoch": 7,
}
OWN = "/api/v1/services/exchange.alpha"
TEMPO = "/api/v1/configuration/clock"


def ask_all(open_place: Open, scene: Callable[[Any], Awaitable[None]], **options: Any) -> None:
    async def run() -> None:
        async with open_place(**options) as place:
            await scene(place)

    asyncio.run(run())


def test_a_service_says_that_it_is_there_is_found_and_leaves(open_place: Open) -> None:
    async def scene(place: Any) -> None:
        async with place.http("exchange.alpha") as http, place.http("risk_monitor") as monitor:
            assert (await http.put(OWN, json=BODY)).json() == {"lifetime_ns": 6_000_000_000}
            found = (await monitor.get(OWN)).json()
            assert found == {
                "instance": "exchange.alpha",
                "role": "exchange",
                "version": "1.0",
                "addresses": {"grpc": "127.0.0.1:5001", "rest": "127.0.0.1:5002"},
                "status": "ready",
                "epoch": 7,
            }
            assert (await monitor.get("/api/v1/services", params={"role": "exchange"})).json() == {"services": [found]}
            assert (await monitor.get("/api/v1/services", params={"role": "custodian"})).json() == {"services": []}
            assert (await http.delete(OWN, params={"epoch": 7})).status_code == 204
            assert (await monitor.get(OWN)).status_code == 404

    ask_all(open_place, scene)


def test_a_silent_service_is_gone_after_its_lifetime(open_place: Open) -> None:
    async def scene(place: Any) -> None:
        async with place.http("exchange.alpha") as http:
            await http.put(OWN, json=BODY)
            assert (await http.get(OWN)).status_code == 200
            await asyncio.sleep(0.25)
            assert (await http.get(OWN)).status_code == 404
            await http.put(OWN, json=BODY)
            assert (await http.get(OWN)).status_code == 200

    ask_all(open_place, scene, lifetime_ns=200_000_000)


def test_the_newer_process_takes_the_name_over(open_place: Open) -> None:
    async def scene(place: Any) -> None:
        async with place.http("exchange.alpha") as http:
            await http.put(OWN, json=BODY)
            assert (await http.put(OWN, json=BODY | {"epoch": 8})).status_code == 200
            for refused in (await http.put(OWN, json=BODY), await http.delete(OWN, params={"epoch": 7})):
                problem = refused.json()
                assert (refused.status_code, problem["code"], problem["pointer"]) == (409, "superseded", "/epoch")
                assert "exchange.alpha" in problem["detail"]
            assert (await http.get(OWN)).json()["epoch"] == 8

    ask_all(open_place, scene)


def test_production_sees_nothing_of_the_test(open_place: Open, make: Make) -> None:
    async def scene(place: Any) -> None:
        for name in ("exchange.alpha", "test_coordinator", "risk_monitor"):
            place.registry.register(make(name))
        place.configuration.set("test_coordinator.scenario", "crash")
        place.configuration.set("clock", "{}")
        async with place.http("risk_monitor") as monitor, place.http("test_coordinator") as coordinator:
            seen = (await monitor.get("/api/v1/services")).json()["services"]
            assert [each["instance"] for each in seen] == ["exchange.alpha", "risk_monitor"]
            assert all("audit" not in each["addresses"] for each in seen)
            known = (await coordinator.get("/api/v1/services")).json()["services"]
            assert [each["instance"] for each in known] == ["exchange.alpha", "risk_monitor", "test_coordinator"]
            assert known[0]["addresses"]["audit"] == "127.0.0.1:5003"
            hidden = await monitor.get("/api/v1/services/test_coordinator")
            absent = await monitor.get("/api/v1/services/exchange.gamma")
            assert (hidden.status_code, hidden.json()) == (404, absent.json())
            names = (await monitor.get("/api/v1/configuration")).json()["parameters"]
            assert [each["name"] for each in names] == ["clock"]
            hidden = await monitor.get("/api/v1/configuration/test_coordinator.scenario")
            absent = await monitor.get("/api/v1/configuration/exchange.nothing")
            assert (hidden.status_code, hidden.json()) == (404, absent.json())
            assert (await monitor.get("/api/v1/targets")).status_code == 403

    ask_all(open_place, scene)


def test_each_asker_may_be_given_its_own_way(open_place: Open, make: Make) -> None:
    async def address_for(asker: str, target: Registration, kind: str) -> str:
        return f"{asker}.to.{target.instance}:1" if kind == "grpc" else target.addresses[kind]

    async def scene(place: Any) -> None:
        place.registry.register(make())
        async with place.http("risk_monitor") as monitor, place.http("administrator") as administrator:
            expected = {"grpc": "risk_monitor.to.exchange.alpha:1", "rest": "127.0.0.1:5002"}
            assert (await monitor.get(OWN)).json()["addresses"] == expected
            assert (await monitor.get(OWN, params={"asker": "risk_monitor"})).json()["addresses"] == expected
            listed = await administrator.get("/api/v1/services", params={"asker": "risk_monitor"})
            assert listed.json()["services"][0]["addresses"]["grpc"] == expected["grpc"]
            assert (await monitor.get(OWN, params={"asker": "exchange.alpha"})).status_code == 403

    ask_all(open_place, scene, address_for=address_for)


def test_prometheus_reads_its_targets(open_place: Open, make: Make) -> None:
    """The shape of https://prometheus.io/docs/prometheus/latest/http_sd/."""

    async def scene(place: Any) -> None:
        place.registry.register(make())
        place.registry.register(make("custodian", addresses={"rest": "unix:/run/custodian.sock"}))
        place.registry.register(make("market_data", addresses={"grpc": "127.0.0.1:5009"}))
        place.registry.register(make("risk_monitor", addresses={"rest": "127.0.0.1:5010"}))
        async with place.http("administrator") as http:
            answer = await http.get("/api/v1/targets")
        assert answer.headers["content-type"] == "application/json"
        assert answer.json() == [
            {
                "targets": ["127.0.0.1:5002"],
                "labels": {"instance": "exchange.alpha", "role": "exchange", "plane": "simulators"},
            },
            {
                "targets": ["127.0.0.1:5010"],
                "labels": {"instance": "risk_monitor", "role": "risk_monitor", "plane": "production"},
            },
        ]

    ask_all(open_place, scene)


def test_parameters_have_versions_and_a_change_stamp(open_place: Open) -> None:
    async def scene(place: Any) -> None:
        async with place.http("administrator") as http, place.http("exchange.alpha") as exchange:
            first = (await http.put(TEMPO, json={"value": "1"})).json()
            assert first == {"name": "clock", "value": "1", "version": 1, "changed_ns": 1_700_000_000_000_000_000}
            await http.put("/api/v1/configuration/exchange.alpha.depth", json={"value": "5"})
            assert (await http.delete(TEMPO)).status_code == 204
            assert (await exchange.get(TEMPO)).status_code == 404
            assert (await http.put(TEMPO, json={"value": ""})).json()["version"] == 3
            assert (await exchange.get(TEMPO)).json()["value"] == ""
            listed = (await http.get("/api/v1/configuration", params={"prefix": "exchange."})).json()
            assert [each["name"] for each in listed["parameters"]] == ["exchange.alpha.depth"]

    ask_all(open_place, scene)


def test_there_is_room_for_so_many_parameters(open_place: Open) -> None:
    async def scene(place: Any) -> None:
        for number in range(MOST_PARAMETERS):
            place.configuration.set(f"exchange.p{number}", "")
        async with place.http("administrator") as http:
            assert (await http.put(TEMPO, json={"value": "1"})).status_code == 409
            changed = await http.put("/api/v1/configuration/exchange.p7", json={"value": "1"})
            assert changed.status_code == 200

    ask_all(open_place, scene)


def test_health_and_figures_are_open(open_place: Open) -> None:
    async def scene(place: Any) -> None:
        async with httpx.AsyncClient(base_url=place.url) as stranger:
            health = (await stranger.get("/api/v1/health")).json()
            assert (health["service"], health["instance"], health["status"]) == ("registry", "registry", "serving")
            figures = (await stranger.get("/metrics")).text
        assert 'registry_request_seconds_count{method="GET",route="/api/v1/health",status="200"} 1.0' in figures

    ask_all(open_place, scene)


DENIED: list[tuple[str, str, str, str, int]] = [
    # Who, method, path, body, status.
    ("", "GET", "/api/v1/services", "", 401),
    ("", "PUT", OWN, "{}", 401),
    ("nobody", "GET", "/api/v1/services", "", 401),
    ("nobody", "PUT", TEMPO, '{"value": "1"}', 401),
    ("exchange.beta", "PUT", OWN, json.dumps(BODY), 403),
    ("administrator", "PUT", OWN, json.dumps(BODY), 403),
    ("exchange.beta", "DELETE", OWN + "?epoch=9", "", 403),
    ("exchange.alpha", "PUT", TEMPO, '{"value": "1"}', 403),
    ("test_coordinator", "DELETE", TEMPO, "", 403),
]


def test_who_may_not_is_told_so(open_place: Open, make: Make) -> None:
    async def scene(place: Any) -> None:
        place.registry.register(make())
        for who, method, path, body, status in DENIED:
            headers = {"Content-Type": "application/json"} if body else {}
            async with place.http(who) as http:
                if not who:
                    del http.headers["Authorization"]
                answer = await http.request(method, path, content=body, headers=headers)
            assert answer.status_code == status, (who, method, path)
            assert answer.headers["content-type"] == "application/problem+json"
            assert ("www-authenticate" in answer.headers) == (status == 401)
        assert [place.registry.all(), place.configuration.all()] == [[make()], []]

    ask_all(open_place, scene)


def changed(**changes: Any) -> bytes:
    return json.dumps(BODY | changes).encode()


BAD_REGISTRATIONS: list[tuple[bytes, int, str]] = [
    # Body, status, and the pointer to what is to blame.
    (b"", 400, ""),
    (b"{", 400, ""),
    (b"\xff", 400, ""),
    (b"\xef\xbb\xbf{}", 400, ""),
    (b"[" * 100_000, 413, ""),
    (b"[" * 5_000, 400, ""),
    (b'{"epoch": NaN}', 400, ""),
    (b'{"epoch": 1, "epoch": 2}', 400, ""),
    (b'{"version": "\\ud800"}', 400, ""),
    (b'{"epoch": 1234567890123456789012}', 400, ""),
    (b"[]", 422, ""),
    (b"null", 422, ""),
    (b"{}", 422, "/version"),
    (changed(version=""), 422, "/version"),
    (changed(version="x" * 65), 422, "/version"),
    (changed(version=1), 422, "/version"),
    (changed(epoch=0), 422, "/epoch"),
    (changed(epoch=-1), 422, "/epoch"),
    (changed(epoch=1.5), 422, "/epoch"),
    (changed(epoch=True), 422, "/epoch"),
    (changed(epoch="7"), 422, "/epoch"),
    (changed(status="dead"), 422, "/status"),
    (changed(status=None), 422, "/status"),
    (changed(addresses=[]), 422, "/addresses"),
    (changed(addresses={"smtp": "127.0.0.1:25"}), 422, "/addresses/smtp"),
    (changed(addresses={"grpc": 5}), 422, "/addresses/grpc"),
    (changed(addresses={"grpc": "127.0.0.1"}), 422, "/addresses/grpc"),
    (changed(addresses={"grpc": "127.0.0.1:0"}), 422, "/addresses/grpc"),
    (changed(addresses={"grpc": "127.0.0.1:99999"}), 422, "/addresses/grpc"),
    (changed(addresses={"rest": "http://127.0.0.1:80/"}), 422, "/addresses/rest"),
    (changed(epoch=1 << 53), 422, "/epoch"),
    (changed(addresses={"grpc": "127.0.0.1:65536"}), 422, "/addresses/grpc"),
    (changed(instance="exchange.beta"), 422, "/instance"),
]


def test_a_bad_registration_is_refused_in_one_shape(open_place: Open) -> None:
    async def scene(place: Any) -> None:
        async with place.http("exchange.alpha") as http:
            for body, status, pointer in BAD_REGISTRATIONS:
                answer = await http.put(OWN, content=body, headers={"Content-Type": "application/json"})
                problem = answer.json()
                assert (answer.status_code, problem["pointer"]) == (status, pointer), body[:80]
                assert answer.headers["content-type"] == "application/problem+json"
                assert problem["status"] == status and problem["code"] and problem["detail"]
        assert place.registry.all() == []

    ask_all(open_place, scene)


BAD_CALLS: list[tuple[str, str, bytes, str, int]] = [
    # Method, path, body, media type, status.
    ("PUT", TEMPO, b'{"value": 1}', "application/json", 422),
    ("PUT", TEMPO, b'{"value": null}', "application/json", 422),
    ("PUT", TEMPO, b'{"value": "1", "version": 3}', "application/json", 422),
    ("PUT", TEMPO, json.dumps({"value": "x" * (LONGEST_VALUE + 1)}).encode(), "application/json", 422),
    ("PUT", TEMPO, b'{"value": "1"}', "text/plain", 415),
    ("PUT", TEMPO, b'{"value": "1"}', "application/json; charset=latin-1", 415),
    ("PUT", TEMPO + "?force=1", b'{"value": "1"}', "application/json", 422),
    ("PUT", "/api/v1/configuration/Clock", b'{"value": "1"}', "application/json", 422),
    ("PUT", "/api/v1/configuration/a..b", b'{"value": "1"}', "application/json", 422),
    ("GET", "/api/v1/configuration/a%00", b"", "", 400),
    ("GET", "/api/v1/configuration?prefix=%0A", b"", "", 422),
    ("GET", "/api/v1/services?role=Exchange", b"", "", 422),
    ("GET", "/api/v1/services?asker=..", b"", "", 422),
    ("GET", "/api/v1/services/..%2Fconfiguration", b"", "", 400),
    ("GET", "/api/v1/nothing", b"", "", 404),
    ("POST", OWN, b"", "", 405),
    ("DELETE", "/api/v1/services/administrator", b"", "", 422),
    ("DELETE", "/api/v1/services/administrator?epoch=x", b"", "", 422),
    ("DELETE", "/api/v1/services/administrator?epoch=0", b"", "", 422),
    ("DELETE", "/api/v1/services/administrator?epoch=1&epoch=2", b"", "", 400),
]


def test_a_bad_call_changes_nothing(open_place: Open) -> None:
    async def scene(place: Any) -> None:
        async with place.http("administrator") as http:
            for method, path, body, media_type, status in BAD_CALLS:
                headers = {"Content-Type": media_type} if media_type else {}
                answer = await http.request(method, path, content=body, headers=headers)
                assert answer.status_code == status, (method, path, answer.text)
                assert answer.headers["content-type"] == "application/problem+json"
        assert place.configuration.all() == []

    ask_all(open_place, scene)
