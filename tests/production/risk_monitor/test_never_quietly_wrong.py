"""Where a failure makes a figure wrong, the monitor says that it is not certain, or goes on with the one that is right.

One test for each row of the coverage matrix that has such cells (see docs/coverage.md).
"""

import heapq
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trading_ecosystem.assembly import load_world
from trading_ecosystem.configuration.document import parse_document
from trading_ecosystem.messages.accounts import AccountReported, Balance, Holding, HoldingsReported, VenueHeartbeat
from trading_ecosystem.messages.custody import Settlement, SettlementsReported, SettlementStatus
from trading_ecosystem.messages.market import BookTopChanged, QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import Liquidity, OrderFilled, Side
from trading_ecosystem.messages.perpetuals import MarginBalance, MarkPriceChanged, OpenPosition
from trading_ecosystem.messages.risk import Exposure
from trading_ecosystem.messages.runtime import Remember, Start, Wake, WakeAt
from trading_ecosystem.production.risk_monitor.config import read
from trading_ecosystem.production.risk_monitor.core import RiskMonitor

WORLDS = Path(__file__).parents[3] / "worlds"
PLAN = load_world(WORLDS / "spot-and-futures-held.yaml")
SECOND, UNIT = 10**9, 10**8
VENUES: dict[str, tuple[str, ...]] = {"exchange.north": ("alpha",), "exchange.south": ("beta",)}
PRICES = {"BTC/USD": 6_000_000, "ETH/USD": 250_000, "BTC-PERP": 600_000, "ETH-PERP": 250_000}  # In ticks.
HELD = {"USD": 1_000_000, "BTC": 20, "ETH": 100}
WALLET, SHORT_LOTS, MARK = 200_000, -10_000, 600_000  # 10 BTC short at 60,000.
MORE = """
price_outlier:
  BTC/USD:
    warning: {at: 1%, for: 2s, resolves: 0.5%}
    critical: {at: 5%, for: 2s, resolves: 3%}
balance_sanity: {critical: 8s}
ask_venue_every: 10s
"""
TEXT = (WORLDS / "spot-and-futures-held-limits.yaml").read_text(encoding="utf-8")
WATCHED = read(parse_document("limits.yaml", TEXT + MORE), PLAN.reference, VENUES)


class Watch:
    """A monitor of an account at each of two venues; beta is short a perpetual. Times are seconds."""

    def __init__(self) -> None:
        self.memory: dict[str, object] = {}
        self.silent: tuple[str, ...] = ()
        self.prices = dict(PRICES)
        self.start(0)
        for account in ("alpha", "beta"):
            self.report(account, 0)
        self.run(0, 20)

    def start(self, at: float) -> None:
        self.wakes: list[int] = []
        self.monitor = RiskMonitor("risk", WATCHED, PLAN.reference, VENUES, "custodian")
        self.hear(Start(memory=self.memory), at)

    def hear(self, message: Message, at: float) -> None:
        now = round(at * SECOND)
        while self.wakes and self.wakes[0] <= now:
            due_ns = heapq.heappop(self.wakes)
            self.take(self.monitor.handle(Wake(), due_ns))
        self.take(self.monitor.handle(message, now))

    def take(self, said: object) -> None:
        assert isinstance(said, (list, tuple))
        for each in said:
            if isinstance(each, WakeAt):
                heapq.heappush(self.wakes, each.at_ns)
            elif isinstance(each, Remember):
                self.memory[each.key] = each.value

    def run(self, since: int, until: int) -> None:
        """Everything that comes every second, from the second after `since` on."""
        for at in range(since + 1, until + 1):
            for symbol, ticks in self.prices.items():
                self.quote(symbol, ticks, at)
            for venue in VENUES:
                if venue not in self.silent:
                    self.hear(VenueHeartbeat(venue=venue, session=1, occurred_ns=at * SECOND), at)
                    self.hear(BookTopChanged(venue, "BTC/USD", 5_999_900, 1, 6_000_100, 1, at, at * SECOND), at)
                    self.hear(mark_at(venue, at), at)

    def quote(self, symbol: str, ticks: int, at: float) -> None:
        occurred_ns = round(at * SECOND)
        self.hear(QuotePublished(symbol, ticks - 1, round(at * 10) + 1, ticks + 1, 1, 1, occurred_ns), at)

    def report(self, account: str, at: float, sequence: int = 0, **amounts: int) -> None:
        held = {**HELD, **amounts}
        short = OpenPosition(symbol="BTC-PERP", position_lots=SHORT_LOTS, cost_minor=-600_000 * UNIT, mark_ticks=MARK)
        wallet_minor = WALLET * UNIT
        margin = MarginBalance(
            asset="USD",
            wallet_minor=wallet_minor,
            moved_in_minor=wallet_minor,
            equity_minor=wallet_minor,
            initial_minor=0,
            maintenance_minor=0,
        )
        report = AccountReported(
            to="risk",
            venue="exchange.north" if account == "alpha" else "exchange.south",
            account=account,
            account_sequence=sequence,
            balances=tuple(Balance(asset=a, free_minor=units * UNIT, locked_minor=0) for a, units in held.items()),
            open_orders=(),
            occurred_ns=round(at * SECOND),
            margins=(margin,) if account == "beta" else (),
            positions=(short,) if account == "beta" else (),
        )
        self.hear(report, at)

    def fill(self, at: float, sequence: int) -> None:
        """Beta buys one BTC."""
        fill = OrderFilled(
            account="beta",
            venue="exchange.south",
            account_sequence=sequence,
            occurred_ns=round(at * SECOND),
            order_id=1,
            client_order_id="c",
            symbol="BTC/USD",
            side=Side.BUY,
            price_ticks=6_000_000,
            quantity_lots=10_000,
            leaves_quantity_lots=0,
            fee_minor=0,
            liquidity=Liquidity.TAKER,
            trade_id=7,
        )
        self.hear(fill, at)

    def figures(self, at: float) -> dict[str, list[tuple[int, bool]]]:
        """Value and certainty of each figure of a cell."""
        report = self.monitor.statement.report(round(at * SECOND))

        def lines(measure: str, which: Callable[[Exposure], bool] = lambda _: True) -> list[tuple[int, bool]]:
            return [(each.value, each.certain) for each in report.exposures if each.measure == measure and which(each)]

        return {
            "PL": lines("position"),
            "PD": [(report.equity_minor, report.certain)],
            "DE": lines("delta"),
            "CO": lines("concentration"),
            "MAR": lines("margin", lambda each: each.subject == "beta"),
        }


def mark_at(venue: str, at: int) -> MarkPriceChanged:
    return MarkPriceChanged(
        venue=venue,
        symbol="BTC-PERP",
        index_ticks=6_000_000,
        mark_ticks=MARK,
        funding_ppb=0,
        funding_due_ns=0,
        occurred_ns=at * SECOND,
    )


@pytest.fixture
def watch() -> Iterator[Watch]:
    """All is certain at 20."""
    made = Watch()
    assert all(certain for figures in made.figures(20).values() for _, certain in figures)
    yield made


# What happens in each row, from second 20 on. Each returns when to look.


def wick(watch: Watch) -> float:
    """The provider's price falls by 85% and nobody else's does."""
    watch.quote("BTC/USD", 900_000, 20.5)
    return 20.5


def phantom_credit(watch: Watch) -> float:
    watch.report("beta", 20.5, BTC=20_000)
    return 20.5


def settlement_delay(watch: Watch) -> float:
    late = Settlement(
        instruction_id=1,
        trade_id=1,
        venue="exchange.south",
        settlement_status=SettlementStatus.PENDING,
        due_ns=0,
        retry_ns=0,
        age_days=0,
    )
    report = SettlementsReported(
        to="risk",
        custodian="custodian",
        account="beta",
        settlements=(late,),
        unsettled_count=1,
        occurred_ns=round(20.5 * SECOND),
    )
    watch.hear(report, 20.5)
    return 20.5


def custody_has_not_what_it_said(watch: Watch) -> float:
    """It reports less than the venue does, as often as it is asked."""
    holdings = tuple(
        Holding(account="beta", asset=asset, posted_minor=(units - 1) * UNIT, pending_minor=0)
        for asset, units in HELD.items()
    )
    for at in (20.1, 20.2, 20.3):
        watch.hear(HoldingsReported("risk", "custodian", "beta", holdings, round(at * SECOND)), at)
    return 20.5


def outage(watch: Watch) -> float:
    watch.silent = ("exchange.south",)
    watch.run(20, 40)
    return 40


def several_outages(watch: Watch) -> float:
    watch.silent = ("exchange.north", "exchange.south")
    watch.run(20, 40)
    return 40


def duplicate_fill(watch: Watch) -> float:
    """The monitor has counted a fill twice; after a restart of the venue it is told what the account has."""
    watch.fill(20.1, 1)
    watch.fill(20.2, 2)
    watch.report("beta", 20.5, sequence=2, USD=940_000, BTC=21)
    return 20.5


def lost_fill(watch: Watch) -> float:
    """One event did not come; the next one shows it."""
    watch.fill(20.1, 2)
    return 20.2


def stale_price(watch: Watch) -> float:
    """Of BTC and its perpetual nothing comes any more."""
    del watch.prices["BTC/USD"], watch.prices["BTC-PERP"]
    watch.run(20, 40)
    return 40


def price_below_zero(watch: Watch) -> float:
    for symbol in ("BTC/USD", "BTC-PERP"):
        watch.quote(symbol, -3_763, 20.5)
    return 20.5


ROWS: list[tuple[Callable[[Watch], float], tuple[str, ...]]] = [
    (wick, ("PD", "CO", "MAR")),
    (phantom_credit, ("PD", "CO", "MAR")),
    (settlement_delay, ("PD",)),
    (custody_has_not_what_it_said, ("PD",)),
    (outage, ("PL", "PD", "DE")),
    (several_outages, ("PL", "PD", "DE")),
    (duplicate_fill, ("PL", "PD", "DE", "CO", "MAR")),
    (lost_fill, ("PL", "PD", "DE", "CO", "MAR")),
    (stale_price, ("PD", "DE", "CO", "MAR")),
    (price_below_zero, ("PD", "DE", "CO", "MAR")),
]
RIGHT_AS_BEFORE = (wick, phantom_credit)  # Nothing was gained or lost: the figure from before may stand.
CELLS = [(row, cell) for row, cells in ROWS for cell in cells]


@pytest.mark.parametrize(("row", "cell"), CELLS, ids=[f"{row.__name__}-{cell}" for row, cell in CELLS])
def test_a_figure_that_may_be_wrong_is_told_so(watch: Watch, row: Callable[[Watch], float], cell: str) -> None:
    before = watch.figures(20)[cell]
    at = row(watch)
    now = watch.figures(at)[cell]
    assert now
    if row in RIGHT_AS_BEFORE and now == before:
        return
    assert not any(certain for _, certain in now), now


@pytest.mark.parametrize("cell", ["PL", "PD", "DE", "CO", "MAR"])
def test_a_monitor_that_was_restarted_is_sure_of_nothing_before_it_is_answered(watch: Watch, cell: str) -> None:
    watch.start(21)
    watch.run(21, 23)
    assert not any(certain for _, certain in watch.figures(23)[cell])
    for account in VENUES["exchange.north"] + VENUES["exchange.south"]:
        watch.report(account, 24)
    watch.run(24, 25)
    assert all(certain for _, certain in watch.figures(25)[cell])
