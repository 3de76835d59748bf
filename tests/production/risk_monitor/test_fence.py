"""A rule of somebody else's that fails is named and ended, and the monitor, its other rules and their alerts go on."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.production.risk_monitor.conftest import Rig, ns

from trading_ecosystem.endless_calls import endless_calls_ended
from trading_ecosystem.messages.health import HealthChanged, HealthStatus
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import OrderFilled, Side
from trading_ecosystem.messages.risk import AlertFired
from trading_ecosystem.production.risk_monitor import fence
from trading_ecosystem.production.risk_monitor.config import Limits, RulePart
from trading_ecosystem.production.risk_monitor.levels import Level, Levels
from trading_ecosystem.production.risk_monitor.rules.plugin import Entry, Limit, RulePlugin
from trading_ecosystem.production.risk_monitor.rules.rule import NEVER, NOTHING, Figure, Rule, Sight
from trading_ecosystem.reference import ReferenceData

LEVELS = Levels(warning=None, critical=Level(at=5, for_ns=0, resolves=5))
ENTRY = Entry((Limit(("a", "b"), "things", LEVELS),))
Judge = Callable[[Any, int], Any]


class Own(Rule):
    """Does what a test tells it to."""

    def __init__(self, entry: Entry, sight: Sight) -> None:
        self.sight = sight
        self.on_hear: Judge = lambda message, now: NOTHING
        self.on_look: Callable[[int], Any] = lambda now: NOTHING
        self.on_due: Callable[[int], Any] = lambda now: NEVER
        self.heard: list[Message] = []

    def hear(self, message: Message, now: int) -> Sequence[Figure]:
        self.heard.append(message)
        answer: Sequence[Figure] = self.on_hear(message, now)
        return answer

    def look(self, now: int) -> Sequence[Figure]:
        answer: Sequence[Figure] = self.on_look(now)
        return answer

    def due_ns(self, now: int) -> int:
        answer: int = self.on_due(now)
        return answer


class OwnRig(Rig):
    def __init__(self, reference: ReferenceData, limits: Limits, **changed: Any) -> None:
        self.built: list[Own] = []
        plugin: RulePlugin[Entry] = RulePlugin(
            name="own", read=lambda node, firm: ENTRY, build=self.build, hears=(QuotePublished,)
        )
        part = RulePart(replace(plugin, **changed), ENTRY, "somebody:RULE")
        super().__init__(reference, replace(limits, rules={**limits.rules, "own": part}))

    def build(self, entry: Entry, sight: Sight) -> Rule:
        self.built.append(Own(entry, sight))
        return self.built[-1]

    @property
    def own(self) -> Own:
        return self.built[-1]

    def details(self) -> list[str]:
        return [message.detail for _, message in self.said if isinstance(message, HealthChanged)]


@pytest.fixture
def rig(reference: ReferenceData, limits: Limits) -> OwnRig:
    made = OwnRig(reference, limits)
    made.begin()
    made.said.clear()
    return made


def test_its_figures_are_judged_as_any_other(rig: OwnRig) -> None:
    rig.own.on_hear = lambda quote, now: [Figure("a", quote.bid_ticks - 5_999_995, quote.occurred_ns)]
    rig.quote("BTC/USD", "60000", 1)
    [fired] = [message for _, message in rig.said if isinstance(message, AlertFired)]
    assert (fired.alert_id, fired.rule, fired.value, fired.limit, fired.unit) == (
        "own:a:critical:1",
        "own",
        5,
        5,
        "things",
    )
    assert fired.breached_ns == ns(1)
    rig.own.on_hear = lambda quote, now: [Figure("a", 0, quote.occurred_ns)]
    rig.stay(1, 615)
    assert rig.resolved() == ["own:a:critical:1"]


def test_a_figure_from_the_future_is_of_now(rig: OwnRig) -> None:
    rig.own.on_hear = lambda quote, now: (Figure("b", 9, now + 10**12),)
    rig.quote("BTC/USD", "60000", 1)
    [fired] = [message for _, message in rig.said if isinstance(message, AlertFired)]
    assert fired.breached_ns == ns(1)


def test_its_alerts_survive_a_restart(rig: OwnRig) -> None:
    rig.own.on_hear = lambda quote, now: [Figure("a", 7, now)]
    rig.quote("BTC/USD", "60000", 1)
    rig.restart(5)
    rig.own.on_hear = lambda quote, now: [Figure("a", 7, now)]
    rig.quote("BTC/USD", "60000", 6)
    assert rig.fired() == ["own:a:critical:1"]


def test_it_hears_what_it_asked_for_and_nothing_else(rig: OwnRig) -> None:
    rig.own.heard.clear()
    rig.quotes(1)
    assert {type(message) for message in rig.own.heard} == {QuotePublished} and len(rig.own.heard) == 6


@pytest.mark.parametrize(("at_once", "held"), [(False, 36), (True, 35)])
def test_it_sees_the_firm_after_the_message_or_at_once_before(
    reference: ReferenceData, limits: Limits, at_once: bool, held: int
) -> None:
    rig = OwnRig(reference, limits, hears=(OrderFilled,), at_once=at_once)
    rig.begin()
    seen: list[int] = []

    def note(message: object, now: int) -> Sequence[Figure]:
        seen.append(rig.own.sight.portfolio.position("BTC").total_minor)
        return NOTHING

    rig.own.on_hear = note
    rig.fill("alpha", "BTC/USD", Side.BUY, "1", "60000", 1)
    assert seen == [held * 10**8]


def test_of_accounts_it_hears_only_those_of_the_firm(reference: ReferenceData, limits: Limits) -> None:
    rig = OwnRig(reference, limits, hears=(OrderFilled,))
    rig.begin()
    rig.places["alpha"] = "exchange.elsewhere"
    rig.fill("alpha", "BTC/USD", Side.BUY, "1", "60000", 1)
    assert rig.own.heard == []
    rig.fill("beta", "BTC/USD", Side.BUY, "1", "60000", 2)
    assert len(rig.own.heard) == 1


def test_it_is_looked_at_when_it_says(rig: OwnRig) -> None:
    due_ns = ns(13.25)  # It is asked for its moment at every look: at 10 s.
    rig.own.on_due = lambda now: due_ns if now < due_ns else NEVER
    looked: list[int] = []

    def look(now: int) -> Sequence[Figure]:
        looked.append(now)
        return [Figure("a", 8, now)]

    rig.own.on_look = look
    rig.stay(0, 13)
    assert rig.fired() == ["own:a:critical:1"] and looked == [ns(10)]
    rig.stay(13, 14)
    assert looked == [ns(10), due_ns]


WRONG: dict[str, tuple[Judge, str]] = {
    "raises": (lambda message, now: 1 // 0, "ZeroDivisionError"),
    "exits": (lambda message, now: exec("raise SystemExit"), "SystemExit"),
    "no list": (lambda message, now: 5, "TypeError"),
    "no figure": (lambda message, now: ["a"], "TypeError"),
    "a float": (lambda message, now: [Figure("a", 5.5, now)], "TypeError"),  # type: ignore[arg-type]
    "a flag": (lambda message, now: [Figure("a", True, now)], "TypeError"),
    "no moment": (lambda message, now: [Figure("a", 5, None)], "TypeError"),  # type: ignore[arg-type]
    "before all": (lambda message, now: [Figure("a", 5, -1)], "a figure from before 1970"),
    "unlimited": (lambda message, now: [Figure("c", 5, now)], "a figure of c, for which there is no limit"),
    "many": (
        lambda message, now: [Figure("a", 5, now)] * (fence.MOST_FIGURES + 1),
        f"more than {fence.MOST_FIGURES} figures at once",
    ),
}


@pytest.mark.parametrize(("judge", "what"), WRONG.values(), ids=WRONG)
def test_what_fails_is_named_and_ended_alone(rig: OwnRig, judge: Judge, what: str) -> None:
    rig.own.on_hear = judge
    rig.quote("BTC/USD", "60000", 1)
    [health] = [message for _, message in rig.said if isinstance(message, HealthChanged)]
    assert (health.health, health.detail) == (HealthStatus.DEGRADED, f"rule own failed in hear: {what}")
    rig.own.heard.clear()
    rig.stay(1, 90, USDT_USD="0.98")
    assert rig.own.heard == []  # It is not called again,
    assert "peg_deviation:USDT:critical:1" in rig.fired()  # the others are,
    assert rig.details() == [health.detail]  # and it is told once, and stays told.
    rig.restart(91)
    rig.begin(91)
    assert rig.own.heard != [] and rig.details()[-1] == ""


def test_an_alert_of_a_rule_that_failed_stays_up(rig: OwnRig) -> None:
    rig.own.on_hear = lambda message, now: [Figure("a", 7, now)]
    rig.quote("BTC/USD", "60000", 1)
    rig.own.on_hear = lambda message, now: [Figure("a", 0, now)]
    rig.quote("BTC/USD", "60000", 2)  # It begins to be over,
    rig.own.on_hear = lambda message, now: 1 // 0
    rig.stay(2, 1_000)  # and nobody can say that it is.
    assert rig.fired() == ["own:a:critical:1"] and rig.resolved() == []


def test_a_value_that_is_not_known_ends_nothing(rig: OwnRig) -> None:
    rig.own.on_hear = lambda message, now: [Figure("a", 7, now)]
    rig.quote("BTC/USD", "60000", 1)
    rig.own.on_hear = lambda message, now: [Figure("a", 0, now)]
    rig.quote("BTC/USD", "60000", 2)
    rig.own.on_hear = lambda message, now: [Figure("a", None, now)]
    rig.stay(2, 700)
    assert rig.resolved() == []
    rig.own.on_hear = lambda message, now: [Figure("a", 0, now)]
    rig.stay(700, 710)
    assert rig.resolved() == ["own:a:critical:1"]


def test_it_may_fail_when_it_is_made_or_looked_at(reference: ReferenceData, limits: Limits) -> None:
    rig = OwnRig(reference, limits, build=lambda entry, sight: 1 // 0)
    rig.begin()
    assert "rule own failed in its constructor: ZeroDivisionError" in rig.details()[-1]
    rig = OwnRig(reference, limits, build=lambda entry, sight: "a rule")
    rig.begin()
    assert "rule own failed in its constructor: TypeError" in rig.details()[-1]
    for name, where in (("on_look", "look"), ("on_due", "due_ns")):
        rig = OwnRig(reference, limits)
        rig.begin()
        setattr(rig.own, name, lambda now: 1 // 0)
        rig.stay(0, 25)
        assert rig.details()[-1] == f"rule own failed in {where}: ZeroDivisionError"


def test_a_rule_that_is_due_without_end_is_ended(rig: OwnRig) -> None:
    rig.own.on_due = lambda now: now + 1
    rig.stay(0, 25)
    bound = f"more than {fence.MOST_HURRIED} looks in a row, each within a millisecond of the last"
    assert rig.details() == [f"rule own failed in look: {bound}"]


@pytest.mark.parametrize("call", ["hear", "look", "due_ns"])
def test_a_call_that_does_not_come_back_is_ended(rig: OwnRig, call: str) -> None:
    def never(*_: object) -> Any:
        while True:
            pass

    setattr(rig.own, {"hear": "on_hear", "look": "on_look", "due_ns": "on_due"}[call], never)
    with endless_calls_ended(every_s=0.02):
        rig.quotes(1)
        rig.quotes(20)
    assert rig.details()[-1].endswith(f"rule own failed in {call}: it did not return within 0 s")
