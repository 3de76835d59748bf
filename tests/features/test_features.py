"""The steps of the features: what a scenario gives, what is done, and what must be seen."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from pytest_bdd import given, parsers, scenarios, then, when
from rich.console import Console

import trading_ecosystem
from trading_ecosystem.cli.json_output import run_object
from trading_ecosystem.cli.terminal import check_table
from trading_ecosystem.configuration.scalars import instant_ns
from trading_ecosystem.messages.orders import Side
from trading_ecosystem.validation.results import AlertOutcome, BoundarySide, Detection, Nearness, Verdict
from trading_ecosystem.validation.test_coordinator.scenario import load

ROOT = Path(__file__).parents[2]
PACKAGE = Path(trading_ecosystem.__file__).parents[1]
VERIFY = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from trading_ecosystem.validation.audit_correlator.verify import verify
report = verify(Path(sys.argv[2]))
print(report.is_whole, report.head)
"""
QUIET = "half_spread: 250bps, skew: 2bps, requote: 40%"
Story = Any  # Of conftest.py, which this file cannot import.

WITH_OWN_STEPS = ("crosses", "netting", "orders", "perpetuals", "sub_accounts", "timeline", "venue")
scenarios(*[str(path) for path in sorted((ROOT / "features").glob("*.feature")) if path.stem not in WITH_OWN_STEPS])


# Given.


@given(parsers.parse('the scenario "{name}"'))
def scenario(story: Story, name: str) -> None:
    story.scenario = Path(shutil.copy(ROOT / "features" / "scenarios" / f"{name}.yaml", story.place))


@given(parsers.parse('the example "{name}"'))
def example(story: Story, name: str) -> None:
    story.scenario = Path(shutil.copy(ROOT / "docs" / "examples" / f"{name}.yaml", story.place))


@given(parsers.parse('the shipped scenario "{name}"'))
def shipped(story: Story, name: str) -> None:
    story.scenario = Path(shutil.copy(ROOT / "scenarios" / f"{name}.yaml", story.place))


@given(parsers.parse('the world "{name}", with "{new}" in place of "{old}"'))
def other_world(story: Story, name: str, new: str, old: str) -> None:
    world_beside(story, name)
    story.edit(f"{name}.yaml", old, new)


@given(parsers.parse('the limits "{name}", with "{new}" in place of "{old}"'))
def limits_of_one_level(story: Story, name: str, new: str, old: str) -> None:
    world_beside(story, name)
    story.edit(f"{name}-limits.yaml", old, new)


@given(parsers.parse('the world "{name}", whose market maker is never hit and never quotes anew'))
def quiet(story: Story, name: str) -> None:
    world_beside(story, name)
    story.edit(f"{name}.yaml", "half_spread: 2.5bps, skew: 2bps, requote: 5bps", QUIET)


@given(parsers.parse('the world "{name}", with "{window}" of its limits raised out of the way'))
def other_limits(story: Story, name: str, window: str) -> None:
    world_beside(story, name)
    story.edit(f"{name}-limits.yaml", "{at: 300}", "{at: 300000}")
    story.edit(f"{name}-limits.yaml", "{at: 600}", "{at: 600000}")


@given(parsers.parse('the world "{name}", with "{limit}" besides its limits'))
def throttled(story: Story, name: str, limit: str) -> None:
    world_beside(story, name)
    after = "      price_collar: 3%"
    story.edit(f"{name}.yaml", after, f"      {limit}\n      kill_switch: {{denials: 20, within: 10s}}\n{after}")


def world_beside(story: Story, name: str) -> None:
    """The files of a shipped world beside the scenario, where they are found first and may be changed."""
    for file in (f"{name}.yaml", f"{name}-limits.yaml"):
        if not (story.place / file).exists():
            shutil.copy(ROOT / "worlds" / file, story.place)


@given(parsers.parse("its {key} is set to {value}"))
def setting(story: Story, key: str, value: str) -> None:
    story.settings.append(f"{key}={value}")


@given(parsers.parse("a world whose critical peg limit of USDT is loosened to {limit}"))
def loosened(story: Story, limit: str) -> None:
    usdt = "peg_deviation:\n  USDT:\n    warning: {at: 50bps, for: 60s, resolves: 35bps}\n    critical: "
    story.edit("two-desks-limits.yaml", f"{usdt}{{at: 100bps", f"{usdt}{{at: {limit}")


@given(parsers.parse("its boundary is {boundary}"))
def bounded(story: Story, boundary: str) -> None:
    text = story.scenario.read_text(encoding="utf-8")
    story.scenario.write_text(f"{text}boundary: {boundary}\n", encoding="utf-8")


@given("its permission for a warning is taken out")
def unexpected(story: Story) -> None:
    story.edit(story.scenario.name, "allow:\n  - alert: peg_deviation\n    severity: warning\n", "")


@given(parsers.parse('"{wrong}" stands where "{right}" stood'))
def mistaken(story: Story, wrong: str, right: str) -> None:
    story.edit(story.scenario.name, right, wrong)


@given(parsers.parse("recorded minutes of USDT/USD: {closes}"))
def recorded(story: Story, closes: str) -> None:
    rows = [f"2026-03-02T00:{minute:02d}:00Z,1,1.01,0.9,{close}" for minute, close in enumerate(closes.split(", "))]
    story.replay = story.place / "kraken_usdtusd.csv"
    story.replay.write_text("\n".join(["time,open,high,low,close", *rows]) + "\n", encoding="utf-8")


@given(parsers.parse("zipped trades of USDT/USD, a minute apart: {prices}"))
def trades(story: Story, prices: str) -> None:
    story.replay = zip_of_trades(story.place, prices.split(", "))


@given("half a zip of trades of USDT/USD")
def half_a_zip(story: Story) -> None:
    story.replay = zip_of_trades(story.place, ["1"] * 10)
    whole = story.replay.read_bytes()
    story.replay.write_bytes(whole[: len(whole) // 2])


def zip_of_trades(place: Path, prices: list[str]) -> Path:
    """As Binance publishes them: no names, and times in us."""
    first_us = 1_772_409_600_000_000  # 2026-03-02T00:00:00Z
    rows = [f"{at},{price},5,5,{first_us + at * 60_000_000},True,True" for at, price in enumerate(prices)]
    path = place / "USDTUSD-trades-2026-03-02.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("USDTUSD-trades-2026-03-02.csv", "\n".join(rows) + "\n")
    return path


@given(parsers.parse('a folder with the scenarios "{one}" and "{other}"'))
def folder(story: Story, one: str, other: str) -> None:
    (story.place / "suite").mkdir()
    for name in (one, other):
        shutil.copy(ROOT / "features" / "scenarios" / f"{name}.yaml", story.place / "suite")


DOES = {
    "raises": "raise ZeroDivisionError",
    "answers with nonsense": "return 'buy'",
    "orders what it may not": "return [Place([Order('ETH/USD', Side.BUY, 240_000, 10, TimeInForce.GTC)])]",
    "orders without end": "return iter(lambda: Place([]), None)",
    "asks for every moment": "self.hurried = True",
    "never comes back": "while True: pass",
}
STRANGER = """
from types import SimpleNamespace
from trading_ecosystem.messages.orders import Side, TimeInForce
from trading_ecosystem.production.trading_engine.orders import Order
from trading_ecosystem.production.trading_engine.strategies.plugin import Plugin
from trading_ecosystem.production.trading_engine.strategies.strategy import Place, Strategy

class Stranger(Strategy):
    def __init__(self, config, desk):
        super().__init__(config.symbols, ())
        self.heard, self.hurried = 0, False

    def on_quote(self, market, now):
        self.heard += 1
        if self.heard == 10:
            return [Place([Order("BTC/USD", Side.BUY, market.quote.bid_ticks * 98 // 100, 10, TimeInForce.GTC)])]
        if self.heard == 100:
            DOES
        return ()

    def due_ns(self, otherwise_ns):
        return 0 if self.hurried else otherwise_ns

PLUGIN = Plugin(lambda *_: SimpleNamespace(symbols=("BTC/USD",)), Stranger)
"""


@given(parsers.parse("a desk beta whose strategy {does} at its hundredth quote"))
def stranger(story: Story, does: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"stranger_{list(DOES).index(does)}"
    (story.place / f"{name}.py").write_text(STRANGER.replace("DOES", DOES[does]), encoding="utf-8")
    monkeypatch.syspath_prepend(str(story.place))
    name_strategy(story, f"{name}:PLUGIN")


@given(parsers.parse('a desk beta whose strategy is of the kind "{kind}"'))
def name_strategy(story: Story, kind: str) -> None:
    world = (story.place / "two-desks.yaml").read_text(encoding="utf-8")
    part = world[world.index("      - kind: arbitrage") : world.index("\n# One way from")]
    story.edit("two-desks.yaml", part, f"      - kind: {kind}\n")


RULE_DOES = {
    "raises": "raise ZeroDivisionError",
    "answers with nonsense": "return 'high'",
    "speaks of what it may not": "return [Figure('ETH/USD', 1, now)]",
    "speaks without end": "return [Figure('BTC/USD', 1, now)] * 1_001",
    "speaks up": "return [Figure('BTC/USD', 100, now)]",
}
OWN_RULE = """
from trading_ecosystem.messages.market import QuotePublished
from trading_ecosystem.production.risk_monitor.levels import read_bare, read_count
from trading_ecosystem.production.risk_monitor.rules.plugin import RulePlugin, one_limit
from trading_ecosystem.production.risk_monitor.rules.rule import NOTHING, Figure, Rule

def read(node, firm):
    return one_limit("BTC/USD", "quotes", read_bare(node, read_count))

class QuoteCount(Rule):
    def __init__(self, entry, sight):
        self.heard = 0

    def hear(self, quote, now):
        self.heard += 1
        if self.heard == 100:
            DOES
        return NOTHING

RULE = RulePlugin(name="quote_count", hears=(QuotePublished,), read=read, build=QuoteCount)
"""


@given(parsers.parse("a rule of the firm's own that {does} at its hundredth quote"))
def own_rule(story: Story, does: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"own_rule_{list(RULE_DOES).index(does)}"
    (story.place / f"{name}.py").write_text(OWN_RULE.replace("DOES", RULE_DOES[does]), encoding="utf-8")
    monkeypatch.syspath_prepend(str(story.place))
    name_rule(story, f"{name}:RULE")


@given(parsers.parse('a rule of the firm\'s own at "{path}"'))
def name_rule(story: Story, path: str) -> None:
    world_beside(story, "two-desks")
    first = "position_limit:\n"
    story.edit("two-desks-limits.yaml", first, f"{path}: {{critical: 100}}\n{first}")


# When.


@when("it is run")
def run(story: Story) -> None:
    story.run()


@when(parsers.parse("it is run with the seeds {one:d} and {other:d}"))
def run_with_seeds(story: Story, one: int, other: int) -> None:
    story.run(one)
    story.run(other)


@when("it is run in two processes with different hash seeds")
def run_in_processes(story: Story) -> None:
    for hash_seed in ("0", "4242"):
        done = subprocess.run(
            [sys.executable, "-m", "trading_ecosystem.cli.main", "run", str(story.scenario), "--json"],
            env={**os.environ, "PYTHONPATH": str(PACKAGE), "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        story.digests.append(json.loads(done.stdout)["digest"])


@when("the command that it left is run")
def run_what_it_left(story: Story) -> None:
    tse, *words = shlex.split(story.result.command)
    story.type(*words, "--json")
    assert (tse, story.code) == ("tse", 0)
    story.digests.append(json.loads(story.output)["digest"])


@when("one byte of its trail is changed")
def changed(story: Story) -> None:
    lines = story.trail.read_bytes().splitlines(keepends=True)
    lines[500] = lines[500].replace(b"0", b"1", 1)
    story.trail = story.place / "trail.jsonl"
    story.trail.write_bytes(b"".join(lines))


@when("tse run is typed")
def run_is_typed(story: Story) -> None:
    replay = ["--replay", story.replay.name] if story.replay else []
    story.type("run", story.scenario.name, "--report", "out", *replay)


@when(parsers.parse("tse run is typed with {option}"))
def run_is_typed_with(story: Story, option: str) -> None:
    story.type("run", story.scenario.name, "--report", "out", option)


@when("tse suite is typed for the folder with two jobs")
def suite_is_typed(story: Story) -> None:
    story.type("suite", "suite", "--jobs", "2", "--report", "out", "--junit", "junit.xml")


@when("tse scenarios is typed")
def scenarios_is_typed(story: Story) -> None:
    story.type("scenarios", "--json")


@when("tse performance is typed for what it kept")
def performance_is_typed(story: Story) -> None:
    assert story.code == 0
    kept = story.place / "out" / story.scenario.stem
    story.trail = kept / "trail.jsonl"
    story.type("performance", str(kept), "--json", "--plots", str(kept))
    assert story.code == 0, story.said


# Then: the verdict.


@then(parsers.parse("the verdict is {verdict}"))
def verdict_is(story: Story, verdict: str) -> None:
    assert story.result.judgement.verdict is Verdict(verdict), story.result.judgement.reasons


@then(parsers.parse("the reason names the {what} {words}"))
def reason_names(story: Story, what: str, words: str) -> None:
    begins = {"effect": "effect: ", "missed": "expectation: ", "false": "false alarm: "}[what]
    reason = story.result.judgement.reasons[0]
    assert reason.startswith(begins) and words.split()[-1] in reason
    assert what != "missed" or "missed: in breach from" in reason


@then(parsers.parse("the reason says: {words}"))
def reason_says(story: Story, words: str) -> None:
    assert words in story.result.judgement.reasons[0]


@then("the twin without the injection raised none of the expected alerts")
def twin_is_quiet(story: Story) -> None:
    assert story.result.twin.verdict is Verdict.PASS and story.result.twin.alerts == ()


# Then: the boundary.


def side_of(story: Story, name: str) -> BoundarySide:
    sides: tuple[BoundarySide, ...] = story.result.boundary
    (side,) = [each for each in sides if each.side == name]
    return side


@then("the side under raised a warning and nothing critical")
def under_warned(story: Story) -> None:
    side = side_of(story, "under")
    assert side.judgement.verdict is Verdict.PASS and side.changes == ("method.0.to: 0.9905",)
    assert [alert.severity for alert in side.judgement.alerts] == ["warning"]


@then("the side over raised a critical alert in time")
def over_fired(story: Story) -> None:
    (outcome,) = side_of(story, "over").judgement.expectations
    assert (outcome.severity, outcome.detection) == ("critical", Detection.DETECTED)


@then(parsers.parse("the sides reached {under:d}% and {over:d}% of the limit"))
def sides_reached(story: Story, under: int, over: int) -> None:
    assert [side.nearness[0].percent for side in story.result.boundary] == [under, over]


@then("the sides reached 95% and 105% of the limit, which the terminal, the page and the JSON tell")
def nearness_told(story: Story) -> None:
    limit = "deviation of USDT above 1% for 1m"
    found = {side.side: side.nearness for side in story.result.boundary}
    assert found == {
        "under": (Nearness(limit=limit, percent=95, near=True),),
        "over": (Nearness(limit=limit, percent=105, near=True),),
    }
    told = [side["nearness"] for side in run_object(story.result, None)["boundary"]]  # type: ignore[attr-defined]
    assert told == [[{"limit": limit, "percent": percent, "near": True}] for percent in (95, 105)]
    written = StringIO()
    Console(file=written, width=200).print(check_table(story.result))
    assert "(95%, method.0.to: 0.9905)" in written.getvalue()
    assert f"105% of {limit}" in story.page.partition('id="boundary"')[2]


@then("the run itself has the digest that it has without a boundary")
def same_digest(story: Story) -> None:
    text = story.scenario.read_text(encoding="utf-8")
    story.scenario.write_text(text[: text.index("boundary:")], encoding="utf-8")
    story.run()
    assert story.result.boundary == () and len(set(story.digests)) == 1


@then("its page shows the broken boundary")
def page_shows_boundary(story: Story) -> None:
    section = story.page.partition('id="boundary"')[2].partition("</section>")[0]
    assert "Just under" in section and "✗ FAIL" in re.sub("<[^>]*>", "", section)
    assert "critical peg_deviation on USDT fired at" in section and "method.0.to: 0.9895" in section


@then("nothing was injected")
def nothing_injected(story: Story) -> None:
    assert story.result.judgement.injections == ()


# Then: alerts.


def alerts_of(story: Story, severity: str, rule: str, subject: str) -> list[AlertOutcome]:
    wanted = (severity, rule, subject)
    alerts: tuple[AlertOutcome, ...] = story.result.judgement.alerts
    return [alert for alert in alerts if (alert.severity, alert.rule, alert.subject) == wanted]


@then(parsers.parse("the {severity} alert {rule} on {subject} fired within its deadline"))
def fired_in_time(story: Story, severity: str, rule: str, subject: str) -> None:
    (alert,) = alerts_of(story, severity, rule, subject)
    assert alert.detection is Detection.DETECTED
    assert alert.latency_ns is not None and alert.deadline_ns is not None and alert.latency_ns <= alert.deadline_ns


@then(parsers.parse("the {severity} alert {rule} on {subject} fired exactly once"))
def fired_once(story: Story, severity: str, rule: str, subject: str) -> None:
    assert len(alerts_of(story, severity, rule, subject)) == 1


@then(
    parsers.parse(
        "the {severity} alert {rule} on {subject} fired twice, {minutes:d} minutes apart or more, "
        "the first one over before the second"
    )
)
def fired_twice(story: Story, severity: str, rule: str, subject: str, minutes: int) -> None:
    first, second = alerts_of(story, severity, rule, subject)
    assert second.fired_ns - first.fired_ns >= minutes * 60_000_000_000
    assert first.resolved_ns is not None and first.resolved_ns < second.fired_ns


@then(parsers.parse("the {severity} alert {rule} on {subject} fired and was resolved"))
def fired_and_resolved(story: Story, severity: str, rule: str, subject: str) -> None:
    (alert,) = alerts_of(story, severity, rule, subject)
    assert alert.resolved_ns is not None and alert.resolved_ns > alert.fired_ns


@then(parsers.parse("the {severity} alert {rule} on {subject} answers the breach of {moment}"))
def answers(story: Story, severity: str, rule: str, subject: str, moment: str) -> None:
    (alert,) = alerts_of(story, severity, rule, subject)
    assert alert.detection is Detection.DETECTED and alert.breach_ns == instant_ns(moment)


@then("a critical alert fired")
def critical_alert(story: Story) -> None:
    assert [alert.severity for alert in story.result.judgement.alerts].count("critical") == 1


@then("a warning fired, and no critical alert")
def warning_alone(story: Story) -> None:
    assert {alert.severity for alert in story.result.judgement.alerts} == {"warning"}


@then("no alert fired")
def no_alert(story: Story) -> None:
    assert story.result.judgement.alerts == ()


@then("no critical alert fired")
def no_critical_alert(story: Story) -> None:
    assert [alert.alert_id for alert in story.result.judgement.alerts if alert.severity == "critical"] == []


def switched(story: Story, account: str) -> list[tuple[int, dict[str, Any]]]:
    return [(at_ns, told) for at_ns, told in entries_of(story, "KillSwitchChanged") if told["account"] == account]


@then(parsers.parse("{operator} stopped the desk of {account}"))
def stopped(story: Story, operator: str, account: str) -> None:
    (_, told), *_ = switched(story, account)
    assert (told["engaged"], told["operator"]) == (True, operator) and told["grounds"]


@then(parsers.parse("{operator} stopped the desk of {account} within {seconds:d} s of the breach"))
def stopped_in_time(story: Story, operator: str, account: str, seconds: int) -> None:
    stopped(story, operator, account)
    (alert,) = alerts_of(story, "critical", "order_rate", f"{account}:second")
    assert alert.breach_ns is not None
    assert 0 < switched(story, account)[0][0] - alert.breach_ns <= seconds * 10**9


@then(parsers.parse("the desk of {account} was never stopped"))
def never_stopped(story: Story, account: str) -> None:
    assert switched(story, account) == []


@then(parsers.parse("the desk of {account} is still stopped at the end"))
def stopped_to_the_end(story: Story, account: str) -> None:
    words = [told["engaged"] for _, told in switched(story, account)]
    assert words and all(words)
    (alert,) = alerts_of(story, "critical", "kill_switch", account)
    assert alert.resolved_ns is None


@then(parsers.parse("no order of {account} was in a book when {seconds:d} s had passed"))
def nothing_rests(story: Story, account: str, seconds: int) -> None:
    stopped_ns = switched(story, account)[0][0]
    accepted = {
        told["order_id"]: at_ns for at_ns, told in entries_of(story, "OrderAccepted") if told["account"] == account
    }
    ended = {told["order_id"] for _, told in entries_of(story, "OrderCanceled") if told["account"] == account}
    ended |= {told["order_id"] for _, told in entries_of(story, "OrderFilled") if not told["leaves_quantity_lots"]}
    assert accepted and max(accepted.values()) < stopped_ns + seconds * 10**9
    canceled_ns = [at_ns for at_ns, told in entries_of(story, "OrderCanceled") if told["account"] == account]
    assert set(accepted) <= ended and max(canceled_ns) < stopped_ns + seconds * 10**9
    assert [
        at_ns for at_ns, told in entries_of(story, "SubmitOrder") if told["account"] == account and at_ns > stopped_ns
    ] == []


@then("after its restart the desk said again that it is stopped, and held back what the strategy wanted")
def still_stopped(story: Story) -> None:
    (crash,) = [each for each in story.result.judgement.injections if each.kind == "service.crash"]
    first, *later = switched(story, "alpha")
    assert [told for _, told in later] == [first[1]] and later[0][0] >= crash.ended_ns
    reasons = [told["deny_reason"] for at_ns, told in entries_of(story, "OrderDenied") if at_ns > later[0][0] + 10**10]
    assert len(reasons) > 100 and set(reasons) == {"kill_switch"}


# Then: what the desk's own checks held back.


def reasons_of(story: Story, account: str) -> list[str]:
    return [told["deny_reason"] for _, told in entries_of(story, "OrderDenied") if told["account"] == account]


@then(parsers.parse("the desk of {account} held back {count:d} orders, each for {reason}"))
def held_back(story: Story, account: str, count: int, reason: str) -> None:
    assert reasons_of(story, account) == [reason] * count


@then(parsers.parse("the desk of {account} held back {count:d} orders, one for {first} and all others for {reason}"))
def held_back_otherwise(story: Story, account: str, count: int, first: str, reason: str) -> None:
    assert reasons_of(story, account) == [first] + [reason] * (count - 1)


@then(parsers.parse("no order of {account} reached the venue"))
def nothing_left(story: Story, account: str) -> None:
    assert [told for _, told in entries_of(story, "SubmitOrder") if told["account"] == account] == []
    assert entries_of(story, "SubmitOrder")  # Of others.


# Then: what the desks brought.


@then("the desk leak lost what its fills add up to, and never closed anything at a gain")
def leak_adds_up(story: Story) -> None:
    """One unit of USDC is worth its last trade; a lot is one, a tick 0.0001 USD, a minor unit 10^-8."""
    cash = coins = 0
    for _, fill in entries_of(story, "OrderFilled"):
        if fill["account"] == "leak":
            sign = 1 if fill["side"] == Side.BUY else -1
            coins += sign * fill["quantity_lots"]
            cash -= sign * fill["quantity_lots"] * fill["price_ticks"] * 10_000 + fill["fee_minor"]
    trades = [trade for _, trade in entries_of(story, "TradeExecuted") if trade["symbol"] == "USDC/USD"]
    told = json.loads(story.output)["desks"]["leak"]
    assert Decimal(told["profit"]).scaleb(8) == cash + coins * trades[-1]["price_ticks"] * 10_000
    assert Decimal(told["profit"]) < -100_000 and told["hit_rate"] == 0.0 and told["sharpe"] < 0


@then("the desk ignorant, which slept, brought nothing")
def slept(story: Story) -> None:
    told = json.loads(story.output)["desks"]["ignorant"]
    assert Decimal(told["profit"]) == 0 and set(told["returns"]) == {0.0}
    assert (told["trades"], told["sharpe"]) == (0, None)


@then("what all desks are worth is what the monitor last reported, to within 5 basis points")
def worth_is_equity(story: Story) -> None:
    """The monitor values by quotes, the trail by last trades."""
    (_, told), *_ = reversed(entries_of(story, "RiskReported"))
    worth = sum((Decimal(desk["worth"]) for desk in json.loads(story.output)["desks"].values()), Decimal())
    assert abs(worth.scaleb(8) / told["equity_minor"] - 1) < Decimal("0.0005")


@then("the curves of every desk are drawn")
def drawn(story: Story) -> None:
    page = (story.trail.parent / "performance.html").read_text(encoding="utf-8")
    for desk in json.loads(story.output)["desks"]:
        assert all(f"{curve} of {desk}" in page for curve in ("Profit", "Equity", "Drawdown"))


# Then: history and evidence.


@then("both digests are the same")
def same_digests(story: Story) -> None:
    assert len(story.digests) == 2 and len(set(story.digests)) == 1


@then("the digests differ")
def other_digests(story: Story) -> None:
    assert len(story.digests) == 2 and len(set(story.digests)) == 2


@then("the verifier names the entry")
def names_the_entry(story: Story) -> None:
    story.type("verify", str(story.trail))
    assert story.code == 1 and "line 501, entry 500:" in story.said


@then("Python alone verifies its trail")
def verified_alone(story: Story) -> None:
    """Isolated, and without the packages that are installed."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", VERIFY, str(PACKAGE), str(story.trail)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == (f"True {story.result.digest}\n", "")


@then("its page loads nothing from anywhere")
def loads_nothing(story: Story) -> None:
    assert not re.findall(r"""<(?:link|img|iframe|object|embed|source)\b""", story.page)
    assert not re.findall(r"""<script[^>]*\bsrc\s*=""", story.page)
    assert not re.findall(r"""url\(\s*["']?(?!#|data:)""", re.sub(r"<script.*?</script>", "", story.page, flags=re.S))
    assert "default-src 'none'" in story.page


@then("its page shows the verdict, the digest, the seed and the command that replays it")
def shows_the_facts(story: Story) -> None:
    shown = re.sub(r"<(script|style).*?</\1>", "", story.page, flags=re.S)
    for fact in ("PASS", story.result.digest, f"--seed {story.result.seed}", "tse run"):
        assert fact in shown, fact


@then("its page holds the scenario, the world and the limits word for word")
def holds_the_files(story: Story) -> None:
    for name in (story.scenario.name, "two-desks.yaml", "two-desks-limits.yaml"):
        assert (story.place / name).read_text(encoding="utf-8").strip() in story.page, name


@then("its page names the incident and every source")
def names_the_sources(story: Story) -> None:
    told = load(story.scenario)
    shown = re.sub(r"<(script|style|details).*?</\1>", "", story.page, flags=re.S)
    assert told.sources
    assert all(f"<li>{source}</li>" in shown for source in told.sources)
    assert f"Modelled on the incident {told.incident}." in shown


@then(parsers.parse("the venue took the position of {account} for the debts of another"))
def deleveraged(story: Story, account: str) -> None:
    taken = [told for _, told in entries_of(story, "PositionDeleveraged")]
    assert account in {told["account"] for told in taken} and len({told["account"] for told in taken}) > 1
    closed = [told for _, told in entries_of(story, "PositionLiquidated")]
    assert closed and account not in {told["account"] for told in closed}


# Then: after a restart.


def entries_of(story: Story, kind: str) -> list[tuple[int, dict[str, Any]]]:
    """The messages of a kind in the trail: when they were sent, and their fields."""
    lines = [json.loads(line) for line in story.trail.read_text(encoding="ascii").splitlines()]
    names = lines[0][1]["fields"].get(kind)  # Of a type that is younger than the format, each entry names them.
    return [
        (line[1], line[7] if names is None else dict(zip(names, line[7], strict=True)))
        for line in lines[1:]
        if line[6] == kind
    ]


@then("the high-water mark after the restart is the one before it")
def mark_is_kept(story: Story) -> None:
    (crash,) = [each for each in story.result.judgement.injections if each.kind == "service.crash"]
    reports = entries_of(story, "RiskReported")
    before = [report["high_water_mark_minor"] for at_ns, report in reports if at_ns <= crash.started_ns]
    after = [report["high_water_mark_minor"] for at_ns, report in reports if at_ns >= crash.ended_ns]
    assert before[-1] == after[0]


@then(parsers.parse("every injection that began has ended within {seconds:d} s of its death"))
def healed(story: Story, seconds: int) -> None:
    died_ns = death_of(story)
    ended = {each["injection_id"]: at_ns for at_ns, each in entries_of(story, "InjectionEnded")}
    began = [each["injection_id"] for _, each in entries_of(story, "InjectionStarted")]
    assert len(began) == 3 and sorted(ended) == sorted(began)
    assert all(died_ns < at_ns <= died_ns + (seconds + 1) * 1_000_000_000 for at_ns in ended.values())


@then("nothing was injected after its death")
def nothing_after(story: Story) -> None:
    assert not [at_ns for at_ns, _ in entries_of(story, "InjectionStarted") if at_ns > death_of(story)]


def death_of(story: Story) -> int:
    told = entries_of(story, "InjectionStarted")
    (died_ns,) = [each["occurred_ns"] for _, each in told if each["target"] == "test_coordinator"]
    return int(died_ns)


@then("exchange and custody agree at the end")
def books_agree(story: Story) -> None:
    recovered = {check.text: check.passed for check in story.result.judgement.checks if check.kind == "recovery"}
    assert recovered["ledger balanced"] and story.result.counts["invariants violated"] == 0


@then(parsers.parse("no order was filled more than {percent:d}% away from {price:d} in {symbol}"))
def filled_near(story: Story, percent: int, price: int, symbol: str) -> None:
    fills = [fill for _, fill in entries_of(story, "OrderFilled") if fill["symbol"] == symbol]
    assert len(fills) > 3
    assert all(abs(fill["price_ticks"] / 100 - price) * 100 <= price * percent for fill in fills)


# Then: of several venues.


@then(parsers.parse("the firm had orders in the books of {venue} when it began"))
def orders_at(story: Story, venue: str) -> None:
    began_ns = story.result.judgement.injections[0].started_ns
    accepted = of_venue(story, "OrderAccepted", venue, until_ns=began_ns)
    canceled = of_venue(story, "OrderCanceled", venue, until_ns=began_ns)
    filled = of_venue(story, "OrderFilled", venue, until_ns=began_ns)
    over = {order_id for order_id, fill in filled.items() if fill["leaves_quantity_lots"] == 0}
    assert set(accepted) - set(canceled) - over


def of_venue(story: Story, kind: str, venue: str, until_ns: int) -> dict[int, dict[str, Any]]:
    """The last message of a kind about each of a venue's orders."""
    told = [each for at_ns, each in entries_of(story, kind) if at_ns <= until_ns and each["venue"] == venue]
    return {each["order_id"]: each for each in told}


@then(parsers.parse("no alert is about {venue}"))
def not_about(story: Story, venue: str) -> None:
    assert [alert.subject for alert in story.result.judgement.alerts if alert.subject.startswith(venue)] == []


@then(parsers.parse("what lies at {venue} was certain all the time"))
def certain(story: Story, venue: str) -> None:
    reports = [report["exposures"] for _, report in entries_of(story, "RiskReported")]
    lines = [line for report in reports for line in report if line[0] == "position_at_venue"]
    assert {line[1].partition(":")[0] for line in lines if not line[5]} == {"exchange.south"}
    assert len([line for line in lines if line[1] == f"{venue}:BTC"]) == len(reports)


@then(parsers.parse("trades in {symbol} at both were within {bps:d} bps of each other, and apart"))
def a_little_apart(story: Story, symbol: str, bps: int) -> None:
    """Of trades within the same second."""
    at: dict[str, dict[int, int]] = {"exchange.north": {}, "exchange.south": {}}
    for _, trade in entries_of(story, "TradeExecuted"):
        if trade["symbol"] == symbol:
            at[trade["venue"]][trade["occurred_ns"] // 10**9] = trade["price_ticks"]
    pairs = [
        (north, at["exchange.south"][ns]) for ns, north in at["exchange.north"].items() if ns in at["exchange.south"]
    ]
    assert pairs and all(abs(north - south) * 10_000 <= bps * north for north, south in pairs)
    assert any(north != south for north, south in pairs)


# Then: of strategies.


@then(parsers.parse("{desk} says once that its strategy failed: {what}"))
def strategy_failed(story: Story, desk: str, what: str) -> None:
    told = [health for _, health in entries_of(story, "HealthChanged") if health["service"] == f"trading_engine.{desk}"]
    (failed,) = [health["detail"] for health in told if health["detail"].startswith("strategy ")]
    assert failed.endswith(f": {what}") and told[-1]["detail"] == failed


@then(parsers.parse("the monitor says once that its rule failed: {what}"))
def rule_failed(story: Story, what: str) -> None:
    told = [health for _, health in entries_of(story, "HealthChanged") if health["service"] == "risk_monitor"]
    failures = [health["detail"] for health in told if "rule quote_count failed" in health["detail"]]
    assert len(failures) >= 1 and failures[-1] == told[-1]["detail"] == f"rule quote_count failed in hear: {what}"


@then(parsers.parse("all orders of {account} are canceled, and it sends no more"))
def taken_back(story: Story, account: str) -> None:
    sent = [order for _, order in entries_of(story, "SubmitOrder") if order["account"] == account]
    canceled = [order for _, order in entries_of(story, "OrderCanceled") if order["account"] == account]
    assert [order["client_order_id"] for order in canceled] == [order["client_order_id"] for order in sent]
    assert len(sent) == 1


@then(parsers.parse("{account} trades to the end"))
def trades_on(story: Story, account: str) -> None:
    sent = [at_ns for at_ns, order in entries_of(story, "SubmitOrder") if order["account"] == account]
    failed = [at_ns for at_ns, health in entries_of(story, "HealthChanged") if health["detail"].startswith("strategy ")]
    assert max(sent) > failed[0]


# Then: the command line.


@then(parsers.parse("it ends with code {code:d}"))
def ends_with(story: Story, code: int) -> None:
    assert story.code == code


@then(parsers.parse("the one line says: {answer}"))
def one_line(story: Story, answer: str) -> None:
    (line,) = story.said.splitlines()
    assert story.output == "" and answer in line


@then("nothing is kept")
def nothing_kept(story: Story) -> None:
    assert not (story.place / "out").exists()


@then("there is a row for each, with its latency against its deadline and its twin")
def rows(story: Story) -> None:
    lines = [line for line in story.said.splitlines() if "✓" in line]
    for name, latency in (("usdt-cliff-9m", "60 s of 65 s"), ("exchange-restart-short", "10 s of 15 s")):
        (row,) = [line for line in lines if line.startswith(f"{name} ")]
        assert row.count("✓ PASS") == 2 and latency in row


@then("a page joins the pages of all")
def joined(story: Story) -> None:
    index = (story.place / "out" / "index.html").read_text(encoding="utf-8")
    for name in ("usdt-cliff-9m", "exchange-restart-short"):
        assert f"{name}/report.html" in index and (story.place / "out" / name / "report.html").is_file()


@then(parsers.parse("its end says that the worst {rule} took {words}"))
def worst_of_rule(story: Story, rule: str, words: str) -> None:
    (line,) = [line for line in story.said.splitlines() if line.startswith(f"{rule} ")]
    assert words in line


@then(parsers.parse("its end names {rule} among the rules that no scenario expects"))
def nobody_expects(story: Story, rule: str) -> None:
    (line,) = [line for line in story.said.splitlines() if line.startswith("expected by no scenario: ")]
    assert rule in line and "peg_deviation" not in line


@then(parsers.parse('its page has a mark for {rule} of "{name}"'))
def covered(story: Story, rule: str, name: str) -> None:
    index = (story.place / "out" / "index.html").read_text(encoding="utf-8")
    row = index.partition('class="matrix"')[2].partition(f'data-label="Rule">{rule}<')[2].partition("</tr>")[0]
    assert re.findall(r'data-label="([^"]+)"><span', row) == [name]


@then(parsers.parse("its JUnit file has {cases:d} cases, {failures:d} failures and {errors:d} errors"))
def junit_counts(story: Story, cases: int, failures: int, errors: int) -> None:
    (suite,) = ElementTree.parse(story.place / "junit.xml").getroot()
    assert [int(suite.attrib[name]) for name in ("tests", "failures", "errors")] == [cases, failures, errors]
    assert len(suite.findall("testcase")) == cases


@then(parsers.parse('the list says that "{name}" proves "{words}"'))
def listed(story: Story, name: str, words: str) -> None:
    (found,) = [each for each in json.loads(story.output)["scenarios"] if each["scenario"] == name]
    (alert,) = found["expects"]
    said = f"{alert['severity']} {alert['rule']} on {alert['subject']} within {alert['deadline_s']:g}s"
    assert said == words and found["boundary"] == ["under", "over"]
