"""A small result made by hand: the critical alert came in time, another one is only allowed."""

import pytest

from trading_ecosystem.validation.results import (
    AlertOutcome,
    ChainLink,
    CheckOutcome,
    Detection,
    ExpectationOutcome,
    InjectionOutcome,
    Judgement,
    RunResult,
    Verdict,
)

SECOND = 1_000_000_000
START = 1_772_409_600 * SECOND  # 2026-03-02T00:00:00Z
BREACH = START + 3_600 * SECOND + 250_000_000
FIRED = BREACH + 60_900_000_000


def peg_alert() -> AlertOutcome:
    return AlertOutcome(
        alert_id="peg_deviation:USDT:critical:1",
        rule="peg_deviation",
        subject="USDT",
        severity="critical",
        detection=Detection.DETECTED,
        breach_ns=BREACH,
        fired_ns=FIRED,
        resolved_ns=FIRED + 600 * SECOND,
        deadline_ns=65 * SECOND,
        value=10_300,
        limit=10_000,
        unit="ppm",
    )


def allowed_alert() -> AlertOutcome:
    return AlertOutcome(
        alert_id="stale_data:[bold]BTC/USD:warning:1",
        rule="stale_data",
        subject="[bold]BTC/USD",
        severity="warning",
        detection=Detection.ALLOWED,
        breach_ns=None,
        fired_ns=FIRED + SECOND,
        resolved_ns=None,
        deadline_ns=None,
        value=5 * SECOND,
        limit=3 * SECOND,
        unit="ns",
    )


def judgement() -> Judgement:
    expected = ExpectationOutcome(
        rule="peg_deviation",
        subject="USDT",
        severity="critical",
        condition="USDT/USD below 0.99 for 1m",
        detection=Detection.DETECTED,
        breach_ns=BREACH,
        fired_ns=FIRED,
        deadline_ns=65 * SECOND,
    )
    drift = InjectionOutcome(
        injection_id="price.drift-1",
        kind="price.drift",
        target="market_data.alpha",
        subjects=("USDT/USD",),
        started_ns=START + 1_800 * SECOND,
        ended_ns=None,
    )
    return Judgement(
        verdict=Verdict.PASS,
        reasons=(),
        alerts=(peg_alert(), allowed_alert()),
        expectations=(expected,),
        checks=(
            CheckOutcome(kind="effect", text="USDT/USD below 0.95", passed=True, detail="seen"),
            CheckOutcome(kind="forbid", text="venue_down never fires", passed=True, detail="never"),
        ),
        injections=(drift,),
    )


@pytest.fixture
def result() -> RunResult:
    quiet = Judgement(verdict=Verdict.PASS, reasons=(), alerts=(), expectations=(), checks=(), injections=())
    return RunResult(
        scenario="usdt-depeg-36h",
        title="USDT drifts to 0.92 over 36 hours",
        family="stablecoin",
        severity="critical",
        story="A story.",
        world="two-desks",
        seed=7,
        start_ns=START,
        simulated_ns=40 * 3_600 * SECOND,
        wall_s=7.41234,
        events=6_412_876,
        compiled=False,
        digest="9f2c1b7a" * 8,
        command="tse run usdt-depeg-36h --seed 7",
        judgement=judgement(),
        twin=quiet,
        twin_digest="1b7a9f2c" * 8,
        chains={
            peg_alert().alert_id: (
                ChainLink(at_ns=START + 1_800 * SECOND, message_id=41, kind="injection", text="price.drift begins"),
                ChainLink(at_ns=BREACH, message_id=99, kind="breach", text="USDT/USD [red]below 0.99"),
                ChainLink(at_ns=FIRED, message_id=120, kind="alert", text="critical peg_deviation fires"),
            )
        },
        counts={"orders": 12},
        versions={"trading-ecosystem": "0.1.0"},
    )
