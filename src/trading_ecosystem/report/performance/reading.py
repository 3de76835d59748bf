"""From the trail of a run to what each desk brought, in one pass that holds one line at a time.

Rule 1: trades are the venue's word to its custodian, each counted once; whatever became of the reports of them.
Rule 2: an asset is worth its last trade against the numeraire, a perpetual its mark; before the first of these in the
trail, that first one.
Rule 3: the figures are as good as the trail: `tse verify` says whether it is as it was written.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, final

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.report.performance.books import Books, Marks, Unpriced
from trading_ecosystem.report.performance.formulas import drawdowns, growth, sharpe
from trading_ecosystem.validation.audit_correlator.trail import CLOSING_TYPE, FORMAT

READ = ("TradeExecuted", "MarkPriceChanged", "AccountReported", "AccountMoved", "PositionChanged", "MarginMoved")
WORDS = [f'"{kind}"' for kind in (*READ, CLOSING_TYPE)]
MOST_PERIODS = 1_000_000
NEVER = (1 << 62) - 1
Fields = dict[str, Any]


@final
@dataclass(frozen=True)
class Point:
    """At the end of a period: what the trades have brought, and what the account is worth, in minor units."""

    ns: int
    profit_minor: int
    worth_minor: int


@final
@dataclass(frozen=True, kw_only=True)
class AssetLine:
    """What trading one asset, or perpetual, brought, in minor units of the numeraire."""

    asset: str
    position_minor: int
    realised_minor: int
    unrealised_minor: int
    fees_minor: int

    @property
    def profit_minor(self) -> int:
        return self.realised_minor + self.unrealised_minor - self.fees_minor


@final
@dataclass(frozen=True, kw_only=True)
class Performance:
    """Of one desk. `returns`: what its trades brought in each period, over what it was worth at the beginning of it."""

    desk: str
    account: str
    every_ns: int
    points: tuple[Point, ...]
    returns: tuple[float, ...]
    assets: tuple[AssetLine, ...]
    traded_minor: int
    trades: int
    closings: int
    gains: int

    @property
    def profit_minor(self) -> int:
        """At the end of the trail, which may be behind the last whole period."""
        return sum(line.profit_minor for line in self.assets)

    @property
    def realised_minor(self) -> int:
        return sum(line.realised_minor for line in self.assets)

    @property
    def unrealised_minor(self) -> int:
        return sum(line.unrealised_minor for line in self.assets)

    @property
    def fees_minor(self) -> int:
        return sum(line.fees_minor for line in self.assets)

    @property
    def total_return(self) -> float:
        return growth(self.returns)[-1] - 1.0

    @property
    def sharpe(self) -> float | None:
        return sharpe(self.returns, self.every_ns)

    @property
    def max_drawdown(self) -> float:
        """0 or less."""
        return min(drawdowns(growth(self.returns)))

    @property
    def turnover(self) -> float | None:
        """What was bought and sold, over what the account was worth on average."""
        total_minor = sum(point.worth_minor for point in self.points)
        return self.traded_minor * len(self.points) / total_minor if total_minor else None

    @property
    def hit_rate(self) -> float | None:
        return self.gains / self.closings if self.closings else None


@final
@dataclass(frozen=True)
class Desk:
    """A desk, and its account at its venue."""

    name: str
    account: str
    venue: str


@final
class Trail:
    """The entries of a trail that say what was traded. Raises `Problem` where the file is none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._names: dict[str, list[str]] = {}
        self.facts: Fields = {}
        with guarded(path), path.open(encoding="ascii") as lines:
            header = json.loads(next(lines, "null"))[1]
            if header["format"] != FORMAT:
                raise ValueError
            self._names, self.facts = header["fields"], header["facts"]

    def entries(self) -> Iterator[tuple[int, str, Fields]]:
        """When, of which type, and its fields; nothing for the end. Raises `Problem` where the file is damaged."""
        with guarded(self.path), self.path.open(encoding="ascii") as lines:
            for line in islice(lines, 1, None):
                if any([each in line for each in WORDS]):
                    _, ns, _, _, _, _, kind, values, _ = json.loads(line)
                    if kind == CLOSING_TYPE:
                        return
                    if kind in READ:
                        names = self._names.get(kind)
                        yield ns, kind, values if names is None else dict(zip(names, values, strict=True))
        raise Problem(f"{self.path}: the trail has no end; `tse verify` says where it breaks off")


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """What is no ASCII, no JSON, or no entry of a trail is one clear line."""
    try:
        yield
    except OSError as error:
        raise Problem(f"{path}: {error.strerror or error}") from None
    except (ValueError, TypeError, LookupError):
        raise Problem(f"{path}: no audit trail, or a damaged one; `tse verify` says more") from None


def read(trail: Trail, reference: ReferenceData, desks: tuple[Desk, ...], every_ns: int) -> tuple[Performance, ...]:
    """What each desk brought in each period. Raises `Problem`."""
    with guarded(trail.path):
        start_ns, duration_ns = int(trail.facts["start_ns"]), int(trail.facts["duration_ns"])
        if duration_ns < every_ns or duration_ns // every_ns > MOST_PERIODS:
            raise Problem(f"--every: from one to {MOST_PERIODS:,} periods are expected in {duration_ns // 10**9} s")
        reading = Reading(reference, desks, Marks(reference, first_ticks(trail)))
        dues = iter(range(start_ns + every_ns, start_ns + duration_ns + 1, every_ns))
        try:
            due_ns = next(dues)
            for ns, kind, fields in trail.entries():
                while ns >= due_ns:
                    reading.sample(due_ns)
                    due_ns = next(dues, NEVER)
                reading.take(kind, fields)
            for rest_ns in (due_ns, *dues) if due_ns != NEVER else ():
                reading.sample(rest_ns)
        except Unpriced as unpriced:
            raise Problem(f"{unpriced} has no price in this trail, so what is held of it cannot be valued") from None
        return tuple(reading.performance(desk, start_ns, every_ns) for desk in desks)


def first_ticks(trail: Trail) -> dict[str, int]:
    """The first price of each instrument."""
    first: dict[str, int] = {}
    for _, kind, fields in trail.entries():
        if kind == "TradeExecuted":
            first.setdefault(fields["symbol"], fields["price_ticks"])
        elif kind == "MarkPriceChanged":
            first.setdefault(fields["symbol"], fields["mark_ticks"])
    return first


@final
class Reading:
    def __init__(self, reference: ReferenceData, desks: tuple[Desk, ...], marks: Marks) -> None:
        self._reference = reference
        self._marks = marks
        self._books = {(desk.venue, desk.account): Books(reference, marks) for desk in desks}
        self._points: dict[tuple[str, str], list[Point]] = {place: [] for place in self._books}
        self._opening_minor: dict[tuple[str, str], int] = {}
        self._last_trade: dict[str, int] = {}  # Of each venue.
        self._last_event: dict[tuple[str, str], int] = {}  # Of each account.

    def take(self, kind: str, fields: Fields) -> None:
        if kind == "TradeExecuted":
            self._take_trade(fields)
        elif kind == "MarkPriceChanged":
            self._marks.ticks[fields["symbol"]] = fields["mark_ticks"]
        else:
            place = fields["venue"], fields["account"]
            if place in self._books:
                self._take_word(kind, fields, place, self._books[place])

    def _take_trade(self, trade: Fields) -> None:
        venue, symbol = trade["venue"], trade["symbol"]
        if symbol not in self._reference.instruments:
            raise Problem(f"{symbol} is traded in this trail, but is not in the world that was read for it")
        if trade["trade_id"] <= self._last_trade.get(venue, -1):
            return
        self._last_trade[venue] = trade["trade_id"]
        instrument = self._reference.instruments[symbol]
        if instrument.terms is None:
            self._marks.ticks[symbol] = trade["price_ticks"]
        for party, sign in (("buyer", 1), ("seller", -1)):
            books = self._books.get((venue, trade[f"{party}_account"]))
            if books is not None:
                books.trade(instrument, sign, trade["price_ticks"], trade["quantity_lots"], trade[f"{party}_fee_minor"])

    def _take_word(self, kind: str, told: Fields, place: tuple[str, str], books: Books) -> None:
        if kind == "AccountReported":
            if place not in self._opening_minor:
                self._open(told, place, books)
            return
        if told["account_sequence"] <= self._last_event.get(place, -1):
            return
        self._last_event[place] = told["account_sequence"]
        if kind == "PositionChanged":
            gained_minor = told["realised_minor"] + told["funding_minor"]
            books.contract(
                *(told["symbol"], told["position_lots"], told["cost_minor"]),
                *(gained_minor, told["fee_minor"], told["wallet_minor"]),
            )
        elif kind == "MarginMoved":
            books.move(told["asset"], -told["amount_minor"])
            books.wallets[told["asset"]] = told["wallet_minor"]
        else:
            books.move(told["asset"], told["amount_minor"])

    def _open(self, report: Fields, place: tuple[str, str], books: Books) -> None:
        """What the account has when it is first told of; nothing was traded before."""
        for asset, free_minor, locked_minor in report["balances"]:
            books.move(asset, free_minor + locked_minor)
        for asset, wallet_minor, *_ in report["margins"]:
            books.wallets[asset] = wallet_minor
        self._opening_minor[place] = books.worth_minor()

    def sample(self, ns: int) -> None:
        for place, books in self._books.items():
            self._points[place].append(Point(ns, books.profit_minor(), books.worth_minor()))

    def performance(self, desk: Desk, start_ns: int, every_ns: int) -> Performance:
        place = desk.venue, desk.account
        if place not in self._opening_minor:
            raise Problem(f"this trail never tells what the account {desk.account} has at {desk.venue}")
        books = self._books[place]
        points = (Point(start_ns, 0, self._opening_minor[place]), *self._points[place])
        return Performance(
            desk=desk.name,
            account=desk.account,
            every_ns=every_ns,
            points=points,
            returns=tuple(
                (now.profit_minor - before.profit_minor) / before.worth_minor if before.worth_minor > 0 else 0.0
                for before, now in pairwise(points)
            ),
            assets=lines_of(books),
            traded_minor=books.traded_minor,
            trades=books.trades,
            closings=books.closings,
            gains=books.gains,
        )


def lines_of(books: Books) -> tuple[AssetLine, ...]:
    return tuple(
        AssetLine(
            asset=asset,
            position_minor=position.amount_minor,
            realised_minor=position.realised_minor,
            unrealised_minor=books.unrealised_minor(asset),
            fees_minor=position.fees_minor,
        )
        for asset, position in sorted(books.positions.items())
    )
