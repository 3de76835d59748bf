"""What the other services' surfaces tell, from real cores and real histories."""

from typing import Any

import pytest

from trading_ecosystem.messages.audit import InvariantViolated
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.orders import (
    DenyReason,
    Liquidity,
    OrderAccepted,
    OrderDenied,
    OrderFilled,
    OrderType,
    Side,
    SubmitOrder,
    TimeInForce,
    TradeExecuted,
)
from trading_ecosystem.messages.risk import AcknowledgeAlert, RiskReported
from trading_ecosystem.validation.audit_correlator.acceptance import ForeignSpan

MINUTE_S = 60
SECOND_NS = 1_000_000_000
FOREIGN = "token-of-beth"


# Market data.


def test_prices_are_the_last_that_were_published(workshop: Any) -> None:
    served = workshop.market_data()
    quotes = {each.symbol: each for each in served.door.wait(1) if isinstance(each, QuotePublished)}
    prices = {each["symbol"]: each for each in served.call("GET", "/api/v1/prices").json()["prices"]}
    assert prices.keys() == quotes.keys() == workshop.plan.reference.instruments.keys()
    quote, price = quotes["BTC/USD"], prices["BTC/USD"]
    assert price["bid"] == f"{quote.bid_ticks // 100}.{quote.bid_ticks % 100:02d}"
    assert price["ask_size"] == f"{quote.ask_lots // 10_000}.{quote.ask_lots % 10_000:04d}"
    assert served.call("GET", "/api/v1/prices/BTC-USD").json() == price


def test_a_surface_that_has_just_started_has_no_price_yet(workshop: Any) -> None:
    served = workshop.market_data()
    served.restart()
    answer = served.call("GET", "/api/v1/prices/BTC-USD")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_price_yet")
    assert served.call("GET", "/api/v1/prices").json() == {"prices": []}


def test_past_prices_come_in_pages_from_the_oldest(workshop: Any) -> None:
    served = workshop.market_data()
    for _ in range(5):
        served.door.wait(MINUTE_S)
    path = "/api/v1/prices/BTC-USD/history"
    pages, since = [], "2026-03-02T00:00:00Z"
    while since:
        page = served.call("GET", path, params={"since": since, "limit": 2}).json()
        pages.append(page["prices"])
        since = page["next"]
    moments = [price["occurred"] for page in pages for price in page]
    assert len(moments) == 6 and moments == sorted(set(moments))
    until = served.call("GET", path, params={"until": "2026-03-02T00:02:00Z"}).json()["prices"]
    assert [price["occurred"] for price in until] == moments[:2]
    for name in ("since", "until"):
        answer = served.call("GET", path, params={name: "2026-02-30T00:00:00Z"})
        assert (answer.status_code, answer.json()["pointer"]) == (422, f"/query/{name}")


# The custodian.


def trade(number: int, occurred_ns: int) -> TradeExecuted:
    return TradeExecuted(
        venue="exchange",
        trade_id=number,
        symbol="BTC/USDT",
        price_ticks=6_000_000,
        quantity_lots=5_000,
        taker_side=Side.BUY,
        buyer_account="alpha",
        seller_account="beta",
        buyer_order_id=1,
        seller_order_id=2,
        buyer_fee_minor=600_000_000,
        seller_fee_minor=150_000_000,
        occurred_ns=occurred_ns,
    )


def test_holdings_and_settlements_are_those_of_the_account(workshop: Any) -> None:
    served = workshop.custodian()
    for number in (1, 2):
        served.door.hand(trade(number, served.door.clock.now_ns()))
    held = served.call("GET", "/api/v1/accounts/alpha/holdings").json()["holdings"]
    assert {"asset": "BTC", "posted": "20.00000000", "pending": "1.00000000"} in held
    page = served.call("GET", "/api/v1/settlements?account=alpha&limit=1").json()
    [settlement] = page["settlements"]
    assert (settlement["status"], settlement["trade_id"], settlement["ended"]) == ("matched", 1, None)
    assert settlement["legs"] == [
        {"asset": "USDT", "amount": "-30000.00000000"},
        {"asset": "BTC", "amount": "0.50000000"},
        {"asset": "USDT", "amount": "-6.00000000"},
    ]
    unsettled = served.call("GET", "/api/v1/accounts/alpha/unsettled").json()
    assert (unsettled["count"], [each["status"] for each in unsettled["settlements"]]) == (2, ["matched"] * 2)
    served.door.wait(10 * MINUTE_S)
    assert served.call("GET", "/api/v1/accounts/alpha/unsettled").json()["count"] == 0
    page = served.call("GET", f"/api/v1/settlements?account=alpha&after={page['next']}").json()
    assert [each["status"] for each in page["settlements"]] == ["settled"] and page["next"] is None
    other = served.call("GET", "/api/v1/settlements?account=beta", FOREIGN).json()["settlements"][0]
    assert {"asset": "BTC", "amount": "-0.50000000"} in other["legs"]


@pytest.mark.parametrize(
    "path", ["/api/v1/accounts/{}/holdings", "/api/v1/accounts/{}/unsettled", "/api/v1/settlements?account={}"]
)
def test_foreign_holdings_do_not_exist(path: str, workshop: Any) -> None:
    served = workshop.custodian()
    foreign, absent = (served.call("GET", path.format(account), FOREIGN) for account in ("alpha", "nobody"))
    assert foreign.status_code == absent.status_code == 404 and foreign.content == absent.content


# The trading engine.


def test_a_desk_tells_its_orders_denials_and_positions(workshop: Any) -> None:
    served = workshop.trading_engine()
    sent = [
        SubmitOrder("exchange", "alpha", name, "BTC/USD", Side.SELL, OrderType.LIMIT, TimeInForce.GTC, 6_000_000, 10)
        for name in ("alpha-1", "alpha-2")
    ]
    accepted = OrderAccepted("alpha", "exchange", 1, 5, 77, "alpha-1", "BTC/USD", Side.SELL, 6_000_000, 10)
    filled = OrderFilled(
        "alpha", "exchange", 2, 6, 77, "alpha-1", "BTC/USD", Side.SELL, 6_000_000, 4, 6, 0, Liquidity.MAKER, 1
    )
    denied = OrderDenied(
        account="alpha", client_order_id="alpha-3", symbol="BTC/USD", deny_reason=DenyReason.PRICE_COLLAR, occurred_ns=7
    )
    served.door.publish([*sent, accepted, filled, denied])
    first, second = served.call("GET", "/api/v1/orders").json()["orders"]
    assert (first["status"], first["order_id"], first["leaves_quantity"]) == ("open", 77, "0.0006")
    assert (second["status"], second["order_id"], second["accepted"]) == ("sent", None, None)
    page = served.call("GET", "/api/v1/orders?limit=1").json()
    assert [order["number"] for order in page["orders"]] == [page["next"]]
    [denial] = served.call("GET", "/api/v1/denials").json()["denials"]
    assert (denial["client_order_id"], denial["deny_reason"]) == ("alpha-3", "price_collar")
    assert served.call("GET", "/api/v1/positions").json() == {"positions": [{"asset": "USD", "amount": "1.50000000"}]}


def test_a_desk_tells_what_it_traded(workshop: Any) -> None:
    told = workshop.trading_engine().call("GET", "/api/v1/portfolio").json()
    assert (told["numeraire"], told["realised"], told["unrealised"]) == ("USD", "-12.50000000", "500.00000000")
    assert (told["fees"], told["certain"]) == ("12.50000000", True)
    assert told["positions"] == [
        {
            "asset": "BTC",
            "amount": "-0.50000000",
            "average_cost": "60000.00000000",
            "cost": "-30000.00000000",
            "value": "-29500.00000000",
            "realised": "-12.50000000",
            "unrealised": "500.00000000",
        }
    ]


# Its kill switch.

SWITCH = "/api/v1/kill-switch"


def touch(served: Any, how: str, token: str = "token-of-alice", grounds: str = "enough", key: str = "key-1") -> Any:
    headers = {"idempotency-key": key} if how == "lift" else {}
    return served.call("POST", f"{SWITCH}/{how}", token, json={"grounds": grounds}, headers=headers)


def test_people_stop_a_desk_and_let_it_trade_again_in_their_own_names(workshop: Any) -> None:
    served = workshop.trading_engine()
    untouched = served.call("GET", SWITCH, "token-of-rita").json()
    assert untouched == {"account": "alpha", "engaged": False, "operator": None, "grounds": None, "changed": None}
    stopped = touch(served, "engage")
    assert stopped.status_code == 200
    assert {**stopped.json(), "changed": ""} == {
        "account": "alpha",
        "engaged": True,
        "operator": "alice",
        "grounds": "enough",
        "changed": "",
    }
    assert touch(served, "engage", "token-of-beth", "me too").json() == stopped.json(), "it stays as it is"
    lifted = touch(served, "lift", "token-of-beth", "fixed").json()
    assert (lifted["engaged"], lifted["operator"], lifted["grounds"]) == (False, "beth", "fixed")
    assert served.call("GET", SWITCH).json() == lifted


def test_a_repeated_call_does_not_lift_a_switch_that_was_engaged_anew(workshop: Any) -> None:
    served = workshop.trading_engine()
    touch(served, "engage")
    first = touch(served, "lift")
    touch(served, "engage")
    assert touch(served, "lift").content == first.content
    assert served.call("GET", SWITCH).json()["engaged"]
    assert not touch(served, "lift", key="key-2").json()["engaged"]


def test_a_switch_that_is_not_engaged_is_not_lifted(workshop: Any) -> None:
    served = workshop.trading_engine()
    answer = touch(served, "lift")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_engaged")


@pytest.mark.parametrize(("how", "token"), [("engage", "token-of-rita"), ("lift", "token-of-rita")])
def test_who_may_only_read_touches_no_switch(how: str, token: str, workshop: Any) -> None:
    served = workshop.trading_engine()
    assert touch(served, how, token).status_code == 403
    for grounds in ("", " ", " a", "a\nb", "x" * 257):
        assert touch(served, how, grounds=grounds).status_code == 422
    assert served.door.asked == []


# The risk monitor.


@pytest.fixture
def alarmed(workshop: Any) -> Any:
    """A monitor that has heard no heartbeat for too long."""
    served = workshop.risk_monitor()
    for _ in range(15):
        served.door.wait(1)
    return served


VENUE_DOWN = "venue_down:exchange:critical:1"


def acknowledge(served: Any, alert_id: str = VENUE_DOWN, key: str = "key-1", token: str = "token-of-alice") -> Any:
    return served.call("POST", f"/api/v1/alerts/{alert_id}/acknowledge", token, headers={"idempotency-key": key})


def test_alerts_tell_figures_in_units_that_people_use(alarmed: Any) -> None:
    alerts = {each["alert_id"]: each for each in alarmed.call("GET", "/api/v1/alerts?firing=true").json()["alerts"]}
    alert = alerts[VENUE_DOWN]
    assert (alert["status"], alert["unit"], alert["limit"]) == ("firing", "seconds", "10.000000000")
    assert (alert["acknowledged"], alert["operator"], alert["resolved"]) == (None, None, None)
    assert "stale_data:BTC/USD:warning:1" in alerts


def test_an_alert_is_acknowledged_in_the_name_of_the_caller(alarmed: Any) -> None:
    answer = acknowledge(alarmed)
    assert (answer.status_code, answer.json()["operator"]) == (200, "alice") and answer.json()["acknowledged"]
    assert acknowledge(alarmed).content == answer.content
    assert len(alarmed.door.asked) == 1, "a repetition is answered without the core"
    assert acknowledge(alarmed, key="key-2").json()["operator"] == "alice"
    stale = acknowledge(alarmed, "stale_data:BTC-USD:warning:1", "key-3")
    assert stale.json()["alert_id"] == "stale_data:BTC/USD:warning:1"
    assert alarmed.door.asked[-1] == AcknowledgeAlert(
        to="risk_monitor", alert_id="stale_data:BTC/USD:warning:1", operator="alice"
    )


@pytest.mark.parametrize(
    "alert_id,key,status,code",
    [
        ("venue_down:exchange:critical:2", "key-1", 404, "unknown_alert"),
        ("nothing", "key-1", 404, "unknown_alert"),
        (VENUE_DOWN, "a b", 422, "invalid_idempotency_key"),
    ],
)
def test_an_acknowledgement_is_refused_by_name(alert_id: str, key: str, status: int, code: str, alarmed: Any) -> None:
    answer = acknowledge(alarmed, alert_id, key)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert alarmed.door.asked == []


def test_an_acknowledgement_needs_its_key_and_the_key_is_for_one_alert(alarmed: Any) -> None:
    missing = alarmed.call("POST", f"/api/v1/alerts/{VENUE_DOWN}/acknowledge")
    assert (missing.status_code, missing.json()["code"]) == (400, "missing_idempotency_key")
    acknowledge(alarmed)
    other = acknowledge(alarmed, "stale_data:BTC-USD:warning:1")
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    assert acknowledge(alarmed, token="token-of-rita").status_code == 403


def test_figures_are_told_with_their_certainty(alarmed: Any) -> None:
    assert alarmed.call("GET", "/api/v1/risk").json()["code"] == "no_report_yet"
    said = alarmed.door.wait(MINUTE_S)
    while not any(isinstance(each, RiskReported) for each in said):
        said = alarmed.door.wait(MINUTE_S)
    risk = alarmed.call("GET", "/api/v1/risk").json()
    assert (risk["currency"], risk["certain"], risk["drawdown"]) == ("USD", False, "0.000000")
    btc = next(each for each in risk["exposures"] if (each["measure"], each["subject"]) == ("position", "BTC"))
    assert btc == {
        "measure": "position",
        "subject": "BTC",
        "value": "0.00000000",
        "limit": "60.00000000",
        "unit": "BTC",
        "certain": False,
    }


def test_limits_are_those_of_the_firms_file(workshop: Any) -> None:
    limits = workshop.risk_monitor().call("GET", "/api/v1/limits").json()["limits"]
    by_name = {(each["rule"], each["subject"], each["severity"]): each for each in limits}
    assert by_name["pnl_drawdown", "firm", "critical"]["at"] == "0.045000"
    peg = by_name["peg_deviation", "USDT", "warning"]
    assert (peg["at"], peg["unit"], peg["sustained_seconds"]) == ("0.005000", "share", "60.000000000")
    assert by_name["position_limit", "BTC", "warning"]["resolves"] == "45.00000000"


# The test coordinator.


def test_a_run_tells_its_progress_and_its_verdict_when_it_is_over(workshop: Any) -> None:
    served = workshop.test_coordinator()
    run = served.call("GET", "/api/v1/run").json()
    assert (run["run_id"], run["progress"], run["verdict"]) == (1, "0.000000", None)
    assert run["expectations"] and run["counts"]["quotes"] == 0
    served.door.wait(24 * 60 * MINUTE_S)
    run = served.call("GET", "/api/v1/run").json()
    assert (run["progress"], run["verdict"]) == ("1.000000", "INVALID") and run["reasons"]
    page = served.call("GET", "/api/v1/runs").json()
    assert [(each["run_id"], each["verdict"]) for each in page["runs"]] == [(1, None)] and page["next"] is None
    assert served.call("GET", "/api/v1/runs/1/injections").json() == {"injections": []}


# The audit correlator.


def test_the_story_of_a_run_is_told(workshop: Any) -> None:
    served = workshop.audit_correlator()
    counts = served.call("GET", "/api/v1/counts").json()
    assert counts["messages"]["QuotePublished"] == 3 * len(workshop.plan.reference.instruments)
    entries = served.call("GET", "/api/v1/timeline").json()
    assert entries["next"] is None
    assert served.call("GET", "/api/v1/chains/venue_down:exchange:critical:1").json()["code"] == "unknown_alert"
    served.door.publish([InvariantViolated(invariant="A1: one", detail="two", message_id=1 << 60, occurred_ns=5)])
    assert served.call("GET", "/api/v1/findings").json()["findings"] == [
        {
            "invariant": "A1: one",
            "detail": "two",
            "message_id": str(1 << 60),
            "occurred": "1970-01-01T00:00:00.000000005Z",
        }
    ]


def span(number: int, at_s: int) -> ForeignSpan:
    return ForeignSpan(
        trace_id="0f" * 16,
        span_id=f"{number:016x}",
        parent_id="",
        service="bot",
        name=f"decision {number}",
        start_ns=at_s * SECOND_NS,
        end_ns=at_s * SECOND_NS + 2_500_000,
        attributes=(("signal", "buy"),),
        dropped_attributes=0,
        skewed=False,
    )


def test_what_others_told_is_read_by_page_and_by_time(workshop: Any) -> None:
    served = workshop.audit_correlator()
    assert served.call("GET", "/api/v1/surroundings").json() == {"entries": [], "next": None}
    for number in (3, 1, 2):
        workshop.surroundings.add_span(span(number, at_s=number))

    first = served.call("GET", "/api/v1/surroundings?limit=2").json()
    assert [entry["text"] for entry in first["entries"]] == [
        "decision 1 for 2.500 ms (signal=buy)",
        "decision 2 for 2.500 ms (signal=buy)",
    ]
    rest = served.call("GET", f"/api/v1/surroundings?after={first['next']}").json()
    assert rest == {
        "entries": [
            {
                "at": "1970-01-01T00:00:03.000000000Z",
                "kind": "span",
                "subject": "bot",
                "text": "decision 3 for 2.500 ms (signal=buy)",
            }
        ],
        "next": None,
    }
    within = served.call("GET", "/api/v1/surroundings?since=1970-01-01T00:00:02Z&until=1970-01-01T00:00:02Z").json()
    assert [entry["at"] for entry in within["entries"]] == ["1970-01-01T00:00:02.000000000Z"]
    assert served.call("GET", "/api/v1/surroundings?since=1970-02-30T00:00:00Z").status_code == 422
