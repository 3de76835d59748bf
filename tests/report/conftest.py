"""A rich result made by hand: a depeg that was caught, with everything a report can show."""

from collections.abc import Callable
from dataclasses import replace
from math import cos, exp, sin

import pytest

from trading_ecosystem.validation.results import (
    AlertOutcome,
    ChainLink,
    CheckOutcome,
    Detection,
    ExpectationOutcome,
    InjectionOutcome,
    Judgement,
    LimitLine,
    RunResult,
    Series,
    TimelineEntry,
    Verdict,
)

SECOND, HOUR = 1_000_000_000, 3_600_000_000_000
START = 1_772_409_600 * SECOND  # 2026-03-02T00:00:00Z
BREACH = START + 5 * HOUR + 30 * 60 * SECOND + 250_000_000
FIRED = BREACH + 60_900_000_000


def line(value: Callable[[float], float], step_s: int = 120) -> tuple[tuple[int, float], ...]:
    return tuple((START + s * SECOND, round(value(s / 3600), 6)) for s in range(0, 40 * 3600 + 1, step_s))


def peg(hour: float) -> float:
    drift = max(0.0, min(1.0, (hour - 1) / 36)) * 0.08
    back = max(0.0, min(1.0, (hour - 37) / 0.5)) * 0.08
    return 1 - drift + back + 0.0006 * sin(hour * 17) + 0.0003 * cos(hour * 41)


def equity(hour: float) -> float:
    return 9_400_000 - 160_000 * max(0.0, min(1.0, (hour - 1) / 36)) + 4_000 * sin(hour * 3)


def alert(rule: str, subject: str, severity: str, breach: int | None, fired: int, **more: object) -> AlertOutcome:
    usual: dict[str, object] = {
        "alert_id": f"{rule}:{subject}:{severity}:1",
        "rule": rule,
        "subject": subject,
        "severity": severity,
        "detection": Detection.DETECTED,
        "breach_ns": breach,
        "fired_ns": fired,
        "resolved_ns": START + 37 * HOUR + 1_500 * SECOND,
        "deadline_ns": 65 * SECOND,
        "value": 10_300,
        "limit": 10_000,
        "unit": "ppm",
    }
    return AlertOutcome(**(usual | more))  # type: ignore[arg-type]


def chain_of(fired: int, breach: int, text: str) -> tuple[ChainLink, ...]:
    return (
        ChainLink(
            at_ns=START + HOUR, message_id=41, kind="injection", text="price.drift on USDT/USD: to 0.92 over 36h"
        ),
        ChainLink(at_ns=breach - 40_000_000, message_id=190_011, kind="market", text="USDT/USD quoted at 0.9899"),
        ChainLink(
            at_ns=breach, message_id=190_012, kind="breach", text="USDT/USD below 0.99 where the monitor sees it"
        ),
        ChainLink(
            at_ns=breach + 2_100_000_000, message_id=190_077, kind="order", text="alpha cancels its USDT/USD bids"
        ),
        ChainLink(at_ns=fired, message_id=192_408, kind="alert", text=text),
    )


def judgement() -> Judgement:
    warning = alert(
        "peg_deviation",
        "USDT",
        "warning",
        BREACH - 2 * HOUR,
        BREACH - 2 * HOUR + 60_400_000_000,
        value=5_100,
        limit=5_000,
    )
    critical = alert("peg_deviation", "USDT", "critical", BREACH, FIRED)
    allowed = alert(
        "concentration",
        "Tether",
        "warning",
        BREACH + 9 * HOUR,
        BREACH + 9 * HOUR + 1_200_000_000,
        detection=Detection.ALLOWED,
        deadline_ns=None,
        value=251_000,
        limit=250_000,
    )
    return Judgement(
        verdict=Verdict.PASS,
        reasons=(),
        alerts=(warning, critical, allowed),
        expectations=(
            ExpectationOutcome(
                rule="peg_deviation",
                subject="USDT",
                severity="warning",
                condition="USDT/USD below 0.995 for 1m",
                detection=Detection.DETECTED,
                breach_ns=warning.breach_ns,
                fired_ns=warning.fired_ns,
                deadline_ns=65 * SECOND,
            ),
            ExpectationOutcome(
                rule="peg_deviation",
                subject="USDT",
                severity="critical",
                condition="USDT/USD below 0.99 for 1m",
                detection=Detection.DETECTED,
                breach_ns=BREACH,
                fired_ns=FIRED,
                deadline_ns=65 * SECOND,
            ),
        ),
        checks=(
            CheckOutcome(kind="steady_state", text="no alerts for 1h", passed=True, detail="none fired"),
            CheckOutcome(kind="steady_state", text="ledger balanced", passed=True, detail="0 violations in 3,600 s"),
            CheckOutcome(
                kind="effect", text="USDT/USD below 0.95", passed=True, detail="first at 2026-03-02T23:29:12Z"
            ),
            CheckOutcome(kind="forbid", text="venue_down never fires", passed=True, detail="never"),
            CheckOutcome(kind="rollback", text="price.drift restored", passed=True, detail="at 2026-03-03T13:30:00Z"),
            CheckOutcome(
                kind="invariant",
                text="every asset is conserved across venue and custody",
                passed=True,
                detail="1,204,331 checks",
            ),
        ),
        injections=(
            InjectionOutcome(
                injection_id="drift-1",
                kind="price.drift",
                target="market_data.alpha",
                subjects=("USDT/USD",),
                started_ns=START + HOUR,
                ended_ns=START + 37 * HOUR + 30 * 60 * SECOND,
            ),
        ),
    )


def timeline() -> tuple[TimelineEntry, ...]:
    def entry(at: int, kind: str, subject: str, text: str, message: int, cause: int) -> TimelineEntry:
        return TimelineEntry(at_ns=at, kind=kind, subject=subject, text=text, message_id=message, cause_id=cause)

    return (
        entry(START + HOUR, "injection", "USDT/USD", "price.drift begins: to 0.92 over 36h", 41, 0),
        entry(BREACH - 2 * HOUR, "breach", "USDT", "below 0.995", 120_400, 41),
        entry(BREACH - 2 * HOUR + 60_400_000_000, "alert", "USDT", "warning peg_deviation fired", 123_001, 120_400),
        entry(BREACH, "breach", "USDT", "below 0.99", 190_012, 41),
        entry(FIRED, "alert", "USDT", "critical peg_deviation fired", 192_408, 190_012),
        entry(BREACH + 9 * HOUR, "alert", "Tether", "warning concentration fired", 400_001, 41),
        entry(START + 37 * HOUR + 1_800 * SECOND, "injection", "USDT/USD", "price.drift ends", 900_100, 0),
        *(entry(START + 38 * HOUR + n * SECOND, "loss", "link", "a heartbeat was lost", 0, 0) for n in range(80)),
    )


def series() -> tuple[Series, ...]:
    hourly = [START + h * HOUR for h in range(40)]
    return (
        Series(
            name="BTC/USD",
            group="price",
            unit="USD",
            points=line(lambda h: 64_000 + 900 * sin(h / 5) + 130 * sin(h * 7)),
        ),
        Series(name="USDT/USD", group="price", unit="USD", points=line(peg)),
        Series(
            name="BTC/USDT", group="price", unit="USDT", points=line(lambda h: (64_000 + 900 * sin(h / 5)) / peg(h))
        ),
        Series(name="equity", group="equity", unit="USD", points=line(equity)),
        Series(
            name="drawdown",
            group="drawdown",
            unit="ppm",
            points=line(lambda h: max(0.0, (9_404_000 - equity(h)) / 9.404)),
        ),
        Series(
            name="delta BTC", group="exposure", unit="USD", points=line(lambda h: 310_000 * sin(h / 3) * exp(-h / 60))
        ),
        Series(name="concentration Tether", group="exposure", unit="ppm", points=line(lambda h: 230_000 + 600 * h)),
        Series(name="position ETH", group="exposure", unit="ETH", points=line(lambda h: 700 + 8 * sin(h))),
        Series(
            name="accepted",
            group="orders",
            unit="count",
            points=tuple((at, 3_000.0 + (at // HOUR) % 7 * 40) for at in hourly),
        ),
        Series(
            name="filled",
            group="orders",
            unit="count",
            points=tuple((at, 600.0 + (at // HOUR) % 5 * 30) for at in hourly),
        ),
        Series(
            name="rejected", group="orders", unit="count", points=tuple((at, float((at // HOUR) % 3)) for at in hourly)
        ),
        Series(name="settled", group="settlement", unit="count", points=tuple((at, 540.0) for at in hourly)),
    )


@pytest.fixture(scope="session")
def made() -> RunResult:
    return make_result()


@pytest.fixture
def result(made: RunResult) -> RunResult:
    return made


@pytest.fixture
def late(result: RunResult) -> RunResult:
    """The critical alert came after its deadline."""
    fired = BREACH + 71_500_000_000
    judged = result.judgement
    slow = replace(judged.expectations[1], detection=Detection.LATE, fired_ns=fired)
    found = replace(judged.alerts[1], detection=Detection.LATE, fired_ns=fired)
    reasons = ("critical peg_deviation on USDT fired 71.5 s after the breach, deadline 65 s", "a second reason")
    changed = replace(
        judged,
        verdict=Verdict.FAIL,
        reasons=reasons,
        expectations=(judged.expectations[0], slow),
        alerts=(judged.alerts[0], found, judged.alerts[2]),
    )
    return replace(result, judgement=changed)


def make_result() -> RunResult:
    judged = judgement()
    quiet = Judgement(verdict=Verdict.PASS, reasons=(), alerts=(), expectations=(), checks=(), injections=())
    critical = judged.alerts[1]
    return RunResult(
        scenario="usdt-depeg-36h",
        title="USDT drifts to 0.92 over 36 hours",
        family="stablecoin",
        severity="critical",
        story="It loses its peg so slowly that no single step looks alarming.\nThe firm holds it as collateral.",
        world="two-desks",
        seed=7,
        start_ns=START,
        simulated_ns=40 * HOUR,
        wall_s=7.412,
        events=6_412_876,
        compiled=True,
        digest="9f2c1b7a" * 8,
        command="tse run usdt-depeg-36h --seed 7",
        judgement=judged,
        twin=quiet,
        twin_digest="1b7a9f2c" * 8,
        timeline=timeline(),
        chains={
            critical.alert_id: chain_of(FIRED, BREACH, "critical peg_deviation on USDT fires"),
            judged.alerts[0].alert_id: chain_of(BREACH - 2 * HOUR + 60_400_000_000, BREACH - 2 * HOUR, "warning fires"),
        },
        series=series(),
        limits=(
            LimitLine(series="USDT/USD", severity="warning", value=0.995),
            LimitLine(series="USDT/USD", severity="critical", value=0.99),
            LimitLine(series="drawdown", severity="warning", value=30_000),
            LimitLine(series="drawdown", severity="critical", value=50_000),
            LimitLine(series="delta BTC", severity="critical", value=500_000),
            LimitLine(series="concentration Tether", severity="warning", value=250_000),
            LimitLine(series="concentration Tether", severity="critical", value=300_000),
        ),
        counts={"quotes": 864_000, "orders": 122_400, "trades": 24_801, "alerts": 3, "losses": 80},
        configuration={
            "usdt-depeg-36h.yaml": "name: usdt-depeg-36h\nduration: 40h\n",
            "two-desks.yaml": "name: two-desks\n",
        },
        versions={"trading-ecosystem": "0.1.0", "Python": "3.11.7"},
        trail="out/usdt-depeg-36h/trail.jsonl",
    )
