"""In a quiet market both desks trade in every hour, nobody is called, all is explained, and the books are equal."""

import importlib.util
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from trading_ecosystem.assembly import load_world
from trading_ecosystem.preparation import Prepared, RunRequest
from trading_ecosystem.validation.results import Verdict
from trading_ecosystem.virtual.end_books import asset_lines, book_lines
from trading_ecosystem.virtual.run import Ended, execute, run

ROOT = Path(__file__).parents[2]
SCENARIO = ROOT / "docs" / "examples" / "quiet-month.yaml"
HOURS = 48
ACCOUNTS = ("alpha", "beta")


def load_check() -> ModuleType:
    """`checks/quiet_month.py`, which is a script and no part of the package."""
    place = ROOT / "checks"
    sys.path.insert(0, str(place))
    spec = importlib.util.spec_from_file_location("quiet_month", place / "quiet_month.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    sys.path.remove(str(place))
    return module


check = load_check()


@dataclass(frozen=True, kw_only=True)
class Quiet:
    prepared: Prepared
    ended: Ended
    watcher: Any

    def attribution(self, account: str) -> Any:
        return check.attribute(account, self.prepared, self.ended, self.watcher.trades)


SEEDS = [pytest.param(seed, marks=pytest.mark.xdist_group(f"quiet {seed}")) for seed in (1, 2, 3)]


@pytest.fixture(scope="module", params=SEEDS)
def quiet(request: pytest.FixtureRequest) -> Quiet:
    """The first two days of the month."""
    prepared, watcher = check.prepare_quiet(HOURS, request.param), check.Watcher()
    return Quiet(prepared=prepared, ended=execute(prepared, watcher, None), watcher=watcher)


def test_each_desk_trades_in_every_hour(quiet: Quiet) -> None:
    for account in ACCOUNTS:
        hours = sorted(quiet.watcher.fills[account])
        assert hours == list(range(HOURS)) and quiet.watcher.fewest(account, HOURS) > 0


def test_every_strategy_trades(quiet: Quiet) -> None:
    traded = {
        (trade[f"{party}_account"], trade["symbol"]) for trade in quiet.watcher.trades for party in ("buyer", "seller")
    }
    of_alpha = {("alpha", symbol) for symbol in ("BTC/USD", "ETH/USD", "USDT/USD")}
    assert {each for each in traded if each[0] in ACCOUNTS} == of_alpha | {("beta", "BTC/USD"), ("beta", "ETH/USDT")}


def test_nobody_is_called(quiet: Quiet) -> None:
    assert quiet.ended.judgement.verdict is Verdict.PASS, quiet.ended.judgement.reasons
    assert quiet.watcher.critical() == []


def test_the_change_of_wealth_is_explained_to_the_last_unit(quiet: Quiet) -> None:
    """The venue's books at both ends against the trades between, in exact arithmetic."""
    for account in ACCOUNTS:
        found = quiet.attribution(account)
        assert found.unexplained == 0
        assert found.fees > 0 and found.realised and found.unrealised and found.held


def test_performance_agrees_with_the_books(quiet: Quiet) -> None:
    """It counts in whole units: each trade that closes a position may lose a part of one in what is realised, which is
    then in what is not; its sum loses nothing."""
    performances = quiet.watcher.performances(quiet.prepared)
    for account in ACCOUNTS:
        found, told = quiet.attribution(account), performances[account]
        assert told.profit_minor == found.swapped
        assert told.points[-1].worth_minor == pytest.approx(found.closing, abs=5) and told.trades > HOURS
        assert abs(told.realised_minor - found.realised) < 3 * told.trades
        assert abs(told.unrealised_minor - found.unrealised) < 3 * told.trades
        assert abs(told.fees_minor - found.fees) < told.trades


def test_the_monitor_knows_what_the_firm_is_worth(quiet: Quiet) -> None:
    """By its quotes of the last minute, and not by last trades: within three hundredths of a percent."""
    worth = sum((quiet.attribution(account).closing for account in ACCOUNTS), Fraction(0))
    assert abs(quiet.watcher.equity_minor - worth) < worth * 3 / 10_000


def test_venue_and_custody_come_to_zero(quiet: Quiet) -> None:
    assert quiet.ended.audit.figures()["in_flight"] == 0
    for line in asset_lines(quiet.ended.world, quiet.prepared.plan):
        assert (line.asset, line.difference, line.ledger_sum) == (line.asset, 0, 0)
    assert [line for line in book_lines(quiet.ended.world, quiet.prepared.plan) if line.difference] == []
    counts = quiet.ended.coordinator.counts()
    assert counts["books compared"] >= HOURS - 1 and "books that differed" not in counts
    assert counts["netting sets settled"] > 0


# What would make it a quiet month in name alone.


def test_the_market_is_the_shipped_one() -> None:
    calm, shipped = (
        yaml.safe_load((ROOT / "worlds" / f"{name}.yaml").read_text()) for name in ("quiet-house", "two-desks")
    )
    for key in ("market_data", "instruments", "network"):
        assert calm[key] == shipped[key], key
    assert calm["exchange"]["background"] == shipped["exchange"]["background"]
    assert load_world(ROOT / "worlds" / "quiet-house.yaml").firm_balances().keys() == set(ACCOUNTS)


FAULTS = {  # And what is seen of each.
    "peg_deviation USDT critical": (
        "{inject: price.drift, id: fault, instrument: USDT/USD, to: 0.98, over: 10m, at: 3h}",
        "{price: USDT/USD, below: 0.985}",
    ),
    "settlement_overdue alpha critical": (
        "{inject: settlement.delay, id: fault, by: 1h, at: 3h}",
        "{overdue: alpha, for: 5m}",
    ),
    "venue_down exchange critical": ("{inject: venue.outage, id: fault, at: 3h}", "{injected: fault, for: 1m}"),
}


@pytest.mark.parametrize("fired", FAULTS)
def test_its_monitor_is_awake(fired: str, tmp_path: Path) -> None:
    """One fault in the night, and the month is not quiet."""
    fault, effect = FAULTS[fired]
    text = SCENARIO.read_text(encoding="utf-8").replace("duration: 30d", "duration: 6h").replace("29d23h", "2h")
    broken = f"method: [{fault}]\neffect: [{effect}]\nrollbacks: [{{restore: fault, at: 4h}}]\n"
    path = tmp_path / "quiet-month.yaml"
    path.write_text(text + broken, encoding="utf-8")
    result = run(RunRequest(scenario_path=path, with_twin=False))
    assert result.judgement.verdict is Verdict.FAIL
    assert fired in {f"{alert.rule} {alert.subject} {alert.severity}" for alert in result.judgement.alerts}
