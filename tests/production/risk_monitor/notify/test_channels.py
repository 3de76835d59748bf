"""What leaves the monitor reaches whoever listens, whatever fails on the way, and once."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.production.risk_monitor.notify.conftest import Hook, alerts_at, doing, fired, free_port

from trading_ecosystem.live.calls import Policy
from trading_ecosystem.live.store.opening import open_store
from trading_ecosystem.live.web import Web
from trading_ecosystem.messages.risk import AlertAcknowledged, AlertResolved, Severity
from trading_ecosystem.production.risk_monitor.notify import alertmanager as of_alertmanager, webhook as of_webhook
from trading_ecosystem.production.risk_monitor.notify.alertmanager import Alertmanager
from trading_ecosystem.production.risk_monitor.notify.notices import Outcome, notice_of
from trading_ecosystem.production.risk_monitor.notify.notifier import tell_again
from trading_ecosystem.production.risk_monitor.notify.webhook import Webhook
from trading_ecosystem.production.risk_monitor.store import DESIGN
from trading_ecosystem.reference import ReferenceData

QUICK = Policy(attempts=1, trips_after=1_000)
PEG = "peg_deviation:USDT:critical:1"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (of_alertmanager, of_webhook):
        monkeypatch.setattr(module, "RETRY_S", 0.1)


def resolved(episode: int = 1) -> AlertResolved:
    return AlertResolved(
        alert_id=f"peg_deviation:USDT:critical:{episode}",
        rule="peg_deviation",
        subject="USDT",
        severity=Severity.CRITICAL,
        episode=episode,
        occurred_ns=1_700_000_700 * 10**9,
    )


def acknowledged() -> AlertAcknowledged:
    return AlertAcknowledged(alert_id=PEG, operator="ann", occurred_ns=1_700_000_100 * 10**9)


class Counted:
    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def __call__(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    @property
    def taken(self) -> int:
        return self.outcomes.count(Outcome.TAKEN)

    @property
    def failed(self) -> int:
        return self.outcomes.count(Outcome.FAILED)


Make = Callable[..., Alertmanager]


@pytest.fixture
def make(reference: ReferenceData) -> Make:
    def make(url: str, name: str, counted: Counted | None = None) -> Alertmanager:
        describe = partial(notice_of, reference=reference)
        return Alertmanager(Web(url, policy=QUICK), name, describe, counted or Counted(), again_s=0.5)

    return make


def of_monitor(url: str, name: str) -> dict[str, dict[str, Any]]:
    """What the Alertmanager holds of one monitor, by the alert's name."""
    mine = [alert for alert in alerts_at(url) if alert["labels"]["instance"] == name]
    return {alert["labels"]["alertname"]: alert for alert in mine}


# A real Alertmanager.


def test_an_alert_comes_with_its_figures_and_goes_when_it_is_resolved(alertmanager: str, make: Make) -> None:
    channel = make(alertmanager, "one")

    async def life() -> None:
        channel.hear(fired())
        await doing(channel.run(), lambda: "peg_deviation" in of_monitor(alertmanager, "one"))
        told = of_monitor(alertmanager, "one")["peg_deviation"]
        assert told["labels"]["subject"] == "USDT" and told["labels"]["severity"] == "critical"
        assert told["annotations"]["summary"] == "peg_deviation of USDT: 0.011400 against 0.010000 share"
        assert told["annotations"]["fired"] == "2023-11-14T22:14:20.000000000Z"
        channel.hear(acknowledged())
        await doing(channel.run(), lambda: "acknowledged_by" in annotations(alertmanager))
        assert annotations(alertmanager)["acknowledged_by"] == "ann"
        channel.hear(resolved())
        await doing(channel.run(), lambda: "peg_deviation" not in of_monitor(alertmanager, "one"))

    asyncio.run(life())


def annotations(url: str) -> dict[str, str]:
    found: dict[str, str] = of_monitor(url, "one")["peg_deviation"]["annotations"]
    return found


def test_one_alert_says_that_the_monitor_lives(alertmanager: str, make: Make) -> None:
    channel = make(alertmanager, "two")
    asyncio.run(doing(channel.run(), lambda: list(of_monitor(alertmanager, "two")) == ["monitor_alive"]))
    assert of_monitor(alertmanager, "two")["monitor_alive"]["labels"]["severity"] == "none"


def test_an_episode_is_the_same_alert_to_them(alertmanager: str, make: Make) -> None:
    channel = make(alertmanager, "three")

    async def life() -> None:
        channel.hear(fired(1))
        await doing(channel.run(), lambda: "peg_deviation" in of_monitor(alertmanager, "three"))
        before = of_monitor(alertmanager, "three")["peg_deviation"]["fingerprint"]
        channel.hear(resolved(1))
        await doing(channel.run(), lambda: "peg_deviation" not in of_monitor(alertmanager, "three"))
        channel.hear(fired(2))
        await doing(channel.run(), lambda: "peg_deviation" in of_monitor(alertmanager, "three"))
        after = of_monitor(alertmanager, "three")["peg_deviation"]
        assert after["fingerprint"] == before and after["annotations"]["episode"] == "2"

    asyncio.run(life())


# One that fails.


def test_an_alertmanager_that_is_away_is_told_when_it_is_back(hook: tuple[str, Hook], make: Make) -> None:
    url, taken = hook
    counted = Counted()
    taken.answers = [503, 500, 503]
    bodies: list[Any] = taken.bodies
    channel = make(url, "four", counted)
    channel.hear(fired())
    channel.hear(resolved())
    asyncio.run(doing(channel.run(), lambda: counted.taken >= 2))
    assert [each["labels"]["alertname"] for each in bodies[0]] == ["monitor_alive", "peg_deviation"]
    assert counted.failed == 3
    assert [each["labels"]["alertname"] for each in bodies[1]] == ["monitor_alive"]  # That it ended, it knows now.


def test_what_fires_is_told_again_and_again(hook: tuple[str, Hook], make: Make) -> None:
    url, taken = hook
    bodies: list[Any] = taken.bodies
    channel = make(url, "five")
    channel.hear(fired())
    asyncio.run(doing(channel.run(), lambda: len(bodies) >= 3))
    assert all(len(body) == 2 for body in bodies)
    ends = [body[1]["endsAt"] for body in bodies]
    assert ends == sorted(set(ends)) and len({body[1]["startsAt"] for body in bodies}) == 1


# A webhook.


@pytest.fixture
def webhook(hook: tuple[str, Hook], reference: ReferenceData) -> tuple[Webhook, Hook, Counted]:
    counted = Counted()
    web = Web(hook[0], policy=QUICK)
    return Webhook(web, "risk_monitor", partial(notice_of, reference=reference), counted), hook[1], counted


def test_the_life_of_an_alert_is_posted_in_order(webhook: tuple[Webhook, Hook, Counted]) -> None:
    channel, hook, counted = webhook
    for message in (fired(), acknowledged(), resolved()):
        channel.hear(message)
    asyncio.run(doing(channel.run(), lambda: counted.taken == 3))
    assert hook.told == [("fired", PEG), ("acknowledged", PEG), ("resolved", PEG)]
    assert hook.bodies[0]["alert"]["value"] == "0.011400" and hook.bodies[1]["operator"] == "ann"
    assert hook.bodies[0]["id"] == f"risk_monitor:{PEG}:fired"
    assert (counted.taken, counted.failed) == (3, 0)


def test_after_a_restart_what_fires_is_told_again_with_who_answered_for_it(
    webhook: tuple[Webhook, Hook, Counted], tmp_path: Path
) -> None:
    channel, hook, _ = webhook
    store = open_store(f"sqlite:///{tmp_path}/risk_monitor.db", "risk_monitor", DESIGN)
    store.history.record([fired(2), fired(), acknowledged(), resolved(2)])
    tell_again(store.history, [channel])
    store.close()
    asyncio.run(doing(channel.run(), lambda: channel.waiting == 0))
    assert hook.told == [("fired", PEG), ("acknowledged", PEG)]
    assert hook.bodies[0]["id"] == f"risk_monitor:{PEG}:fired"  # As before it, so that it counts once.


def test_a_webhook_that_is_away_loses_nothing_but_time(webhook: tuple[Webhook, Hook, Counted]) -> None:
    channel, hook, counted = webhook
    hook.answers = [503, 500]
    for message in (fired(), resolved()):
        channel.hear(message)
    asyncio.run(doing(channel.run(), lambda: counted.taken == 2))
    assert hook.told == [("fired", PEG), ("resolved", PEG)] and counted.failed == 2 and channel.waiting == 0


def test_what_a_webhook_refuses_holds_up_nothing(webhook: tuple[Webhook, Hook, Counted]) -> None:
    channel, hook, counted = webhook
    hook.answers = [422]
    for message in (fired(), resolved()):
        channel.hear(message)
    asyncio.run(doing(channel.run(), lambda: counted.taken == 1))
    assert hook.told == [("resolved", PEG)] and (counted.taken, counted.failed) == (1, 1)


def test_more_than_can_wait_makes_room_and_is_counted(
    reference: ReferenceData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_webhook, "MOST_WAITING", 5)
    web = Web(f"http://127.0.0.1:{free_port()}", policy=QUICK)
    counted = Counted()
    channel = Webhook(web, "risk_monitor", partial(notice_of, reference=reference), counted)
    for episode in range(1, 9):
        channel.hear(fired(episode))
    assert (channel.waiting, counted.outcomes) == (5, 3 * [Outcome.LOST])
