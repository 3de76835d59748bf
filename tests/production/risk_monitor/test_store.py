"""Every alert is told with its life, and the figures as they were reported."""

from collections.abc import Iterator

import pytest

from trading_ecosystem.live.store.opening import open_store
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.risk import (
    AlertAcknowledged,
    AlertFired,
    AlertResolved,
    Exposure,
    RiskReported,
    Severity,
)
from trading_ecosystem.production.risk_monitor.store import DESIGN, Alert, AlertHistory


@pytest.fixture
def history(any_store_url: str) -> Iterator[AlertHistory]:
    store = open_store(any_store_url, "risk_monitor", DESIGN)
    yield store.history
    store.close()


def fired(episode: int) -> AlertFired:
    return AlertFired(
        alert_id=f"peg:USDT:critical:{episode}",
        rule="peg_deviation",
        subject="USDT",
        severity=Severity.CRITICAL,
        episode=episode,
        value=-31_000,
        limit=30_000,
        unit="ppm",
        breached_ns=90,
        occurred_ns=100,
    )


def acknowledged(episode: int) -> AlertAcknowledged:
    return AlertAcknowledged(alert_id=f"peg:USDT:critical:{episode}", operator="Ada \N{SNOWMAN}", occurred_ns=150)


def resolved(episode: int) -> AlertResolved:
    return AlertResolved(
        alert_id=f"peg:USDT:critical:{episode}",
        rule="peg_deviation",
        subject="USDT",
        severity=Severity.CRITICAL,
        episode=episode,
        occurred_ns=200,
    )


def report(at_ns: int) -> RiskReported:
    return RiskReported(
        equity_minor=-5,
        high_water_mark_minor=2**62,
        drawdown_ppm=1,
        realised_minor=2,
        unrealised_minor=3,
        exposures=(
            Exposure(measure="position", subject="BTC", value=-7, limit=0, unit="lots", certain=False),
            Exposure(measure="delta", subject="all", value=7, limit=9, unit="USD", certain=True),
        ),
        certain=False,
        occurred_ns=at_ns,
    )


STORY: list[Message] = [fired(1), report(100), acknowledged(1), fired(2), resolved(1), report(160)]


def test_an_alert_is_told_with_its_life(history: AlertHistory) -> None:
    history.record(STORY[:2])
    history.record(STORY[2:])
    alerts = history.alerts()
    assert alerts[0] == Alert(
        number=alerts[0].number,
        alert_id="peg:USDT:critical:1",
        rule="peg_deviation",
        subject="USDT",
        severity=Severity.CRITICAL,
        episode=1,
        value=-31_000,
        limit=30_000,
        unit="ppm",
        breached_ns=90,
        fired_ns=100,
        acknowledged_ns=150,
        operator="Ada \N{SNOWMAN}",
        resolved_ns=200,
    )
    assert [each.episode for each in alerts] == [1, 2]
    assert [each.episode for each in history.alerts(firing=True)] == [2]
    assert [each.episode for each in history.alerts(after=alerts[0].number)] == [2]
    assert [each.episode for each in history.alerts(limit=1)] == [1]


def test_reports_come_back_as_they_were(history: AlertHistory) -> None:
    history.record(STORY)
    assert history.reports() == [report(100), report(160)]
    assert history.reports(after_ns=100) == [report(160)]
    assert history.reports(limit=1) == [report(100)]


def test_told_again_it_is_the_same(history: AlertHistory) -> None:
    history.record(STORY)
    once = history.alerts(), history.reports()
    history.record(STORY)
    history.record(STORY[:1])
    assert (history.alerts(), history.reports()) == once
