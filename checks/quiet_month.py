"""Runs the quiet month, and shows that it was one: busy desks, a silent monitor, explained profits, equal books.

Prints for each desk its fewest fills in an hour and what became of its wealth; for each rule its alerts; for each asset
what is at the venue and in custody; and what the run cost from first day to last. Ends with 1 if a desk had an hour
without a fill, a critical alert fired, a profit is not explained to the last unit, books differ, or the verdict is not
PASS.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from month import OF_ASSETS, asset_row, table

from trading_ecosystem import routes
from trading_ecosystem.preparation import Prepared, RunRequest, prepare
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.report.performance.reading import READ, Desk, Performance, Trail, read
from trading_ecosystem.validation.audit_correlator.trail import CLOSING_TYPE
from trading_ecosystem.validation.results import Verdict
from trading_ecosystem.virtual.end_books import asset_lines, at_venue, saved
from trading_ecosystem.virtual.run import Ended, execute

SCENARIO = Path(__file__).parent.parent / "docs" / "examples" / "quiet-month.yaml"
HOUR_NS = 3_600 * 10**9
DAY_HOURS = 24
WORDS = [f'"{kind}"' for kind in ("OrderFilled", "AlertFired", "RiskReported", *READ, CLOSING_TYPE)]
OF_DESKS = ("desk", "fills", "fewest an hour", "opening", "closing", "on what it had", "realised", "unrealised", "fees")


class Alert(NamedTuple):
    hour: float
    rule: str
    subject: str
    severity: str


@dataclass
class Watcher:
    """A sink that keeps what a month is judged by: few of a trail's lines, and what they say."""

    lines: list[str] = field(default_factory=list)
    trades: list[dict[str, Any]] = field(default_factory=list)
    fills: dict[str, Counter[int]] = field(default_factory=dict)  # By account: how many in each hour.
    alerts: list[Alert] = field(default_factory=list)
    equity_minor: int = 0  # Of the firm, as the monitor reported it last.
    length: int = 0  # Bytes of the whole trail.

    def write(self, line: str) -> None:
        self.length += len(line)
        if not self.lines:
            facts = json.loads(line)[1]
            self._names, self._start_ns = facts["fields"], facts["facts"]["start_ns"]
        elif not any([word in line for word in WORDS]):
            return
        else:
            self._take(*json.loads(line))
        self.lines.append(line)

    def _take(self, _: int, ns: int, *entry: Any) -> None:
        kind, values = entry[4], entry[5]
        if kind not in ("TradeExecuted", "OrderFilled", "AlertFired", "RiskReported"):
            return
        said = dict(zip(self._names[kind], values, strict=True))
        elapsed_ns = ns - self._start_ns
        if kind == "TradeExecuted":
            self.trades.append(said)
        elif kind == "OrderFilled":
            hour = (said["occurred_ns"] - self._start_ns) // HOUR_NS
            self.fills.setdefault(said["account"], Counter())[hour] += 1
        elif kind == "RiskReported":
            self.equity_minor = said["equity_minor"]
        else:
            self.alerts.append(Alert(elapsed_ns / HOUR_NS, said["rule"], said["subject"], said["severity"]))

    def fewest(self, account: str, hours: int) -> int:
        """The fills of the hour that had the fewest."""
        of_account = self.fills.get(account, Counter())
        return min(of_account[hour] for hour in range(hours))

    def critical(self) -> list[Alert]:
        return [alert for alert in self.alerts if alert.severity == "critical"]

    def performances(self, prepared: Prepared) -> dict[str, Performance]:
        """What `tse performance` makes of the trail, by account, with returns of an hour."""
        desks = tuple(Desk(desk.name, desk.account, desk.venue) for desk in prepared.plan.desks)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "trail.jsonl"
            path.write_text("".join(self.lines), encoding="ascii")
            return {each.account: each for each in read(Trail(path), prepared.plan.reference, desks, HOUR_NS)}


# Where a change of wealth came from.


@dataclass(frozen=True, kw_only=True)
class Attribution:
    """Of one account, in minor units of the numeraire, exact.

    `opening` and `closing` are the venue's books at the first and the last prices. `held` is what the opening holdings
    gained or lost by themselves.
    """

    opening: Fraction
    closing: Fraction
    held: Fraction
    realised: Fraction
    unrealised: Fraction
    fees: Fraction
    swapped: int  # What the account has more or less of than at its opening, at the last prices, each rounded down.

    @property
    def unexplained(self) -> Fraction:
        return self.closing - self.opening - self.held - self.realised - self.unrealised + self.fees


class Prices:
    """Last trades. An asset is worth its last trade against the numeraire, or its first, before that."""

    def __init__(self, reference: ReferenceData, trades: Sequence[dict[str, Any]]) -> None:
        self.reference = reference
        self.ticks: dict[str, int] = {}
        for trade in trades:
            self.ticks.setdefault(trade["symbol"], trade["price_ticks"])

    def worth(self, asset: str, amount_minor: int | Fraction) -> Fraction:
        if asset == self.reference.numeraire or not amount_minor:
            return Fraction(amount_minor)
        symbol = f"{asset}/{self.reference.numeraire}"
        pair = self.reference.instruments[symbol]
        return Fraction(self.ticks[symbol] * pair.quote_minor_per_tick_lot, pair.base_minor_per_lot) * amount_minor


class Position:
    """What trading added to one asset, at average cost. A cost is split in whole units, so that no fraction grows."""

    def __init__(self) -> None:
        self.amount = 0
        self.cost = self.realised = Fraction(0)

    def add(self, amount: int, worth: Fraction) -> None:
        if self.amount * amount < 0:
            closed = amount if abs(amount) < abs(self.amount) else -self.amount
            of_cost, of_worth = (
                Fraction(part // 1) for part in (-self.cost * closed / self.amount, worth * closed / amount)
            )
            self.realised -= of_cost + of_worth
            self.amount, self.cost = self.amount + closed, self.cost - of_cost
            amount, worth = amount - closed, worth - of_worth
        self.amount, self.cost = self.amount + amount, self.cost + worth


def attribute(account: str, prepared: Prepared, ended: Ended, trades: Sequence[dict[str, Any]]) -> Attribution:
    """From the venue's books at both ends, and the trades between; nothing that a desk or the monitor says."""
    plan = prepared.plan
    reference, opened = plan.reference, plan.accounts[account]
    balances, _ = at_venue(saved(ended.world, routes.EXCHANGE), plan)
    closed = {asset: balances.get((account, asset), 0) for asset in reference.assets}
    prices = Prices(reference, trades)
    opening = sum((prices.worth(asset, amount) for asset, amount in opened.items()), Fraction(0))
    positions = {asset: Position() for asset in reference.assets}
    fees = Fraction(0)
    for trade in trades:
        prices.ticks[trade["symbol"]] = trade["price_ticks"]
        for party, sign in (("buyer", 1), ("seller", -1)):
            if trade[f"{party}_account"] == account:
                fees += swap(positions, prices, trade, sign, trade[f"{party}_fee_minor"])
    money = positions.pop(reference.numeraire)  # Is worth what it is: whatever it paid for is in the other positions.
    assert money.amount == closed[reference.numeraire] - opened.get(reference.numeraire, 0)
    return Attribution(
        opening=opening,
        closing=sum((prices.worth(asset, amount) for asset, amount in closed.items()), Fraction(0)),
        held=sum((prices.worth(asset, amount) for asset, amount in opened.items()), Fraction(0)) - opening,
        realised=sum((each.realised for each in positions.values()), Fraction(0)),
        unrealised=sum(
            (prices.worth(asset, each.amount) - each.cost for asset, each in positions.items()), Fraction(0)
        ),
        fees=fees,
        swapped=sum(int(prices.worth(asset, amount - opened.get(asset, 0)) // 1) for asset, amount in closed.items()),
    )


def swap(positions: dict[str, Position], prices: Prices, trade: dict[str, Any], sign: int, fee_minor: int) -> Fraction:
    """One trade of an account: two assets change hands at one worth. Returns what its fee was worth."""
    pair = prices.reference.instruments[trade["symbol"]]
    paid_minor = pair.notional_minor(trade["price_ticks"], trade["quantity_lots"])
    worth, fee = prices.worth(pair.quote, paid_minor), prices.worth(pair.quote, fee_minor)
    positions[pair.base].add(sign * pair.base_minor(trade["quantity_lots"]), sign * worth)
    positions[pair.quote].add(-sign * paid_minor, -sign * worth)
    positions[pair.quote].add(-fee_minor, -fee)
    return fee


# What it cost.


@dataclass
class Meter:
    """Seconds of processor and peak memory, by day."""

    seconds: list[float] = field(default_factory=list)
    megabytes: list[int] = field(default_factory=list)
    begun: float = field(default_factory=time.process_time)

    def __call__(self, done_ns: int, of_ns: int) -> None:
        if done_ns // (DAY_HOURS * HOUR_NS) > len(self.seconds):
            now = time.process_time()
            self.seconds.append(now - self.begun)
            self.megabytes.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
            self.begun = now

    def __str__(self) -> str:
        if len(self.seconds) < 2:
            return "too short for a comparison of days"
        half = len(self.seconds) // 2
        first, last = (sum(part) / half for part in (self.seconds[:half], self.seconds[-half:]))
        return (
            f"{first:.1f} s of processor a day in the first half, {last:.1f} s in the second; "
            f"peak memory {self.megabytes[0]} MB after a day, {self.megabytes[-1]} MB after {len(self.megabytes)}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--hours", type=int, default=720, help="from 4")
    asked = parser.parse_args()
    prepared, watcher, meter = prepare_quiet(asked.hours, asked.seed), Watcher(), Meter()
    ended = execute(prepared, watcher, meter)
    return int(bool(told(prepared, ended, watcher, asked.hours, meter)))


def prepare_quiet(hours: int, seed: int | None) -> Prepared:
    shorter = (f"duration={hours}h", f"recovery.within={hours - 1}h")
    return prepare(RunRequest(scenario_path=SCENARIO, seed=seed, settings=shorter, with_twin=False))


def told(prepared: Prepared, ended: Ended, watcher: Watcher, hours: int, meter: Meter) -> list[str]:
    """Print it all. Returns what is wrong."""
    wrong = [] if ended.judgement.verdict is Verdict.PASS else [*ended.judgement.reasons]
    print(f"{prepared.scenario.name}, seed {prepared.seed}, {hours} h, {ended.wall_s:.0f} s wall; {meter}")
    print(f"{ended.world.delivered:,} messages, {len(watcher.trades):,} trades, a trail of {watcher.length:,} bytes\n")
    performances, worth = watcher.performances(prepared), Fraction(0)
    rows: list[tuple[str, ...]] = []
    for desk in prepared.plan.desks:
        found, fewest = attribute(desk.account, prepared, ended, watcher.trades), watcher.fewest(desk.account, hours)
        amounts = (found.opening, found.closing, found.held, found.realised, found.unrealised, found.fees)
        count = sum(watcher.fills.get(desk.account, Counter()).values())
        rows.append((desk.name, f"{count:,}", str(fewest), *[dollars(each) for each in amounts]))
        wrong += [f"{desk.name}: an hour without a fill"] * (fewest == 0)
        wrong += [f"{desk.name}: {dollars(found.unexplained)} not explained"] * (found.unexplained != 0)
        wrong += [f"{desk.name}: not what tse performance says"] * (
            found.swapped != performances[desk.account].profit_minor
        )
        worth += found.closing
    print(table(OF_DESKS, rows))
    print(
        f"the firm is worth {dollars(worth)} by its books, {dollars(Fraction(watcher.equity_minor))} by its monitor\n"
    )
    counted = Counter((alert.rule, alert.subject, alert.severity) for alert in watcher.alerts)
    for (rule, subject, severity), count in sorted(counted.items()):
        print(f"{count} x {rule} {subject} {severity}")
    print(f"{len(watcher.alerts)} alerts, {len(watcher.critical())} of them critical\n")
    wrong += [f"critical: {alert.rule} {alert.subject}" for alert in watcher.critical()]
    lines = asset_lines(ended.world, prepared.plan)
    decimals = {name: asset.decimals for name, asset in prepared.plan.reference.assets.items()}
    print(table(OF_ASSETS, [asset_row(line, decimals) for line in lines]))
    wrong += [f"{line.asset}: not reconciled" for line in lines if line.difference or line.ledger_sum]
    print(
        "; ".join([ended.judgement.verdict.value, *(wrong or ["every hour traded, no critical alert, all explained"])])
    )
    return wrong


def dollars(minor: Fraction) -> str:
    return f"{Decimal(minor.numerator) / Decimal(minor.denominator) / 10**8:,.2f}"


if __name__ == "__main__":
    sys.exit(main())
