"""What a venue does wrong on purpose: each fault, its effect, and that its undo leaves nothing of it."""

import json
from collections import Counter
from collections.abc import Callable

import pytest
from tests.simulators.exchange.crowd import Crowd
from tests.simulators.exchange.test_phases import BUY, RICH, SELL, Venue, fault

from trading_ecosystem.messages.accounts import AccountReported, QueryAccount, QueryTrades, VenueHeartbeat
from trading_ecosystem.messages.chaos import (
    FaultVenue,
    InjectionEnded,
    InjectionRefused,
    InjectionStarted,
    InjectionStruck,
    RestoreVenue,
    VenueFault,
)
from trading_ecosystem.messages.health import HealthChanged
from trading_ecosystem.messages.market import BookTopChanged, QuotePublished
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import (
    AccountEvent,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    TradeExecuted,
)
from trading_ecosystem.messages.runtime import Start, Wake, WakeAt
from trading_ecosystem.simulators.exchange.config import LiquidityConfig
from trading_ecosystem.simulators.exchange.core import Exchange
from trading_ecosystem.simulators.exchange.fault_register import FaultRegister
from trading_ecosystem.simulators.exchange.state import assert_locks_owned

Make = Callable[..., Exchange]
ALL = 1_000_000
WORLD = {
    **RICH,
    "background": {"USD": 10_000_000, "BTC": 1_000_000},
    "noise": {"USD": 500_000, "BTC": 50_000},
}
ONE_OF_EACH = (
    fault(VenueFault.OUTAGE),
    fault(VenueFault.OUTAGE, cancels=True),
    fault(VenueFault.HALT, by_ns=20),
    fault(VenueFault.REJECT, share_ppm=ALL // 2),
    fault(VenueFault.LATENCY, by_ns=30),
    fault(VenueFault.SPREAD, spread_ppm=3 * ALL, share_ppm=ALL // 2),
    fault(VenueFault.PARTIAL_FILLS, share_ppm=ALL // 3),
    fault(VenueFault.DUPLICATE_REPORTS, share_ppm=ALL // 2),
    fault(VenueFault.LOST_REPORTS, share_ppm=ALL // 2),
    fault(VenueFault.STALE_BALANCES),
    fault(VenueFault.PHANTOM_CREDIT, share_ppm=3 * ALL),
    fault(VenueFault.WICK, by_ns=60, share_ppm=ALL * 4 // 5),
)


@pytest.fixture
def venue(make_exchange: Make) -> Venue:
    return Venue(make_exchange(RICH))


def report(venue: Venue, account: str = "ann") -> AccountReported:
    told = venue.say(QueryAccount(to="venue", asker="me", account=account))
    [found] = [each for each in told if isinstance(each, AccountReported)]
    return found


def fills(venue: Venue, account: str) -> list[tuple[int, int]]:
    """Sequence and lots."""
    found = [each for each in venue.told if isinstance(each, OrderFilled) and each.account == account]
    return [(each.account_sequence, each.quantity_lots) for each in found]


def trade(venue: Venue, lots: int = 1) -> None:
    """Ann sells to bob, who comes to her."""
    venue.order("ann", SELL, lots, 100)
    venue.order("bob", BUY, lots, 100)


# Begin, end, refuse.


@pytest.mark.parametrize("command", ONE_OF_EACH, ids=lambda each: each.venue_fault.value)
def test_a_fault_has_its_receipts_once(venue: Venue, command: FaultVenue) -> None:
    if command.venue_fault in (VenueFault.SPREAD, VenueFault.WICK):
        pytest.skip("nothing is quoted here")
    [started] = [each for each in venue.say(command) if isinstance(each, InjectionStarted)]
    assert (started.kind, started.target) == (command.venue_fault.value, "venue")
    assert not [each for each in venue.say(command) if isinstance(each, InjectionStarted)]
    [ended] = [each for each in venue.say(restore()) if isinstance(each, InjectionEnded)]
    assert ended.injection_id == "fault"
    state = venue.exchange.save()
    assert venue.say(restore()) == venue.say(command) == []
    assert venue.exchange.save() == state


def restore(name: str = "fault") -> RestoreVenue:
    return RestoreVenue(to="venue", injection_id=name)


@pytest.mark.parametrize(
    ("command", "detail"),
    [
        (fault(VenueFault.HALT), "venue.halt needs a time above 0 and up to 30 days"),
        (fault(VenueFault.HALT, by_ns=5, symbols=("NO/NE",)), "the venue has no market NO/NE"),
        (fault(VenueFault.HALT, by_ns=1 << 62), "venue.halt needs a time above 0 and up to 30 days"),
        (fault(VenueFault.LATENCY, by_ns=-1), "venue.latency needs a time above 0 and up to 30 days"),
        (fault(VenueFault.LOST_REPORTS), "venue.lost_reports needs a share above nothing and up to all"),
        (fault(VenueFault.REJECT, share_ppm=ALL + 1), "venue.reject needs a share above nothing and up to all"),
        (fault(VenueFault.STALE_BALANCES, account="nobody"), "the venue has no participant nobody"),
        (fault(VenueFault.STALE_BALANCES, account="fees"), "the venue has no participant fees"),
        (fault(VenueFault.SPREAD), "a spread and a depth are above nothing and up to a hundred times what they were"),
        (fault(VenueFault.SPREAD, spread_ppm=ALL, share_ppm=5), "nothing is quoted there by the background"),
        (
            fault(VenueFault.PHANTOM_CREDIT, share_ppm=ALL),
            "a phantom credit is more than there is, and up to a million times",
        ),
        (fault(VenueFault.PHANTOM_CREDIT, share_ppm=2 * ALL, symbols=("DOGE",)), "the venue has no asset DOGE"),
        (
            fault(VenueFault.PHANTOM_CREDIT, share_ppm=2 * ALL, account="fees"),
            "the venue has no participant fees",
        ),
        (fault(VenueFault.WICK, share_ppm=5), "venue.wick needs a time above 0 and up to 30 days"),
        (
            fault(VenueFault.WICK, by_ns=1, share_ppm=ALL),
            "a wick goes to another price, above nothing and up to a hundred times what it was",
        ),
        (fault(VenueFault.WICK, by_ns=1, share_ppm=5), "nothing is quoted there by the background"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(venue: Venue, command: FaultVenue, detail: str) -> None:
    state = venue.exchange.save()
    [refused] = venue.say(command)
    assert isinstance(refused, InjectionRefused) and refused.detail == detail
    assert venue.exchange.save() == state


def test_one_fault_of_a_kind_at_a_time(venue: Venue) -> None:
    venue.say(fault(VenueFault.STALE_BALANCES))
    [refused] = venue.say(fault(VenueFault.STALE_BALANCES, "second"))
    assert isinstance(refused, InjectionRefused)
    assert refused.detail == "venue.stale_balances is in force already, by fault"


# Outage.


def test_in_the_dark_nothing_is_said_and_nothing_is_done(venue: Venue) -> None:
    venue.order("ann", SELL, 5, 100)
    before = report(venue)
    told = venue.say(fault(VenueFault.OUTAGE))
    assert [each.health.value for each in told if isinstance(each, HealthChanged)] == ["not_serving"]
    venue.order("bob", BUY, 5, 100)
    assert venue.told == []
    assert venue.say(Wake(), after=5_000) == []
    assert venue.say(QueryTrades(to="venue", asker="me", from_trade_id=1)) == []
    told = venue.say(restore())
    assert [each.session for each in told if isinstance(each, VenueHeartbeat)] == [1]
    assert any(isinstance(each, WakeAt) for each in told)
    after = report(venue)
    assert (after.balances, after.open_orders) == (before.balances, before.open_orders)


def test_orders_that_expired_in_the_dark_are_told_when_it_ends(venue: Venue) -> None:
    venue.order("ann", SELL, 5, 100)
    venue.say(fault(VenueFault.OUTAGE, cancels=True))
    told = venue.say(restore())
    [gone] = [each for each in told if isinstance(each, OrderCanceled)]
    assert gone.reason.value == "venue_outage"
    assert report(venue).open_orders == ()


def test_a_venue_that_is_started_in_the_dark_stays_dark(venue: Venue) -> None:
    venue.say(fault(VenueFault.OUTAGE))
    assert [type(each) for each in venue.say(Start(memory={}))] == [HealthChanged]
    [beat] = [each for each in venue.say(restore()) if isinstance(each, VenueHeartbeat)]
    assert beat.session == 2


def test_in_the_dark_no_other_fault_begins(venue: Venue) -> None:
    venue.say(fault(VenueFault.OUTAGE))
    [refused] = venue.say(fault(VenueFault.LATENCY, "late", by_ns=5))
    assert isinstance(refused, InjectionRefused) and refused.detail == "the venue is away"


# Orders.


def test_orders_are_rejected_for_no_fault_of_theirs(venue: Venue) -> None:
    venue.say(fault(VenueFault.REJECT, share_ppm=ALL))
    venue.order("ann", SELL, 5, 100)
    assert venue.reasons() == ["system_error"]
    assert [each.injection_id for each in venue.told if isinstance(each, InjectionStruck)] == ["fault"]
    venue.order("ann", SELL, 5, 100)
    assert not venue.of(InjectionStruck)
    venue.say(restore())
    venue.order("ann", SELL, 5, 100)
    assert venue.of(OrderAccepted)


def test_a_share_of_them_and_never_another_share_of_the_same_world(make_exchange: Make) -> None:
    counts = []
    for _ in range(2):
        venue = Venue(make_exchange(RICH))
        venue.say(fault(VenueFault.REJECT, share_ppm=ALL // 4))
        rejected = 0
        for _ in range(400):
            venue.order("ann", SELL, 1, 100)
            rejected += len(venue.reasons())
        counts.append(rejected)
    assert counts[0] == counts[1]
    assert 70 <= counts[0] <= 130


def test_an_order_is_filled_in_parts(venue: Venue) -> None:
    venue.say(fault(VenueFault.PARTIAL_FILLS, share_ppm=ALL // 3))
    trade(venue, 10)
    assert [each.quantity_lots for each in venue.told if isinstance(each, TradeExecuted)] == [3, 3, 3, 1]
    venue.say(restore())
    trade(venue, 10)
    assert [each.quantity_lots for each in venue.told if isinstance(each, TradeExecuted)] == [10]


def test_the_background_quotes_another_spread_and_depth(make_exchange: Make, ladder: LiquidityConfig) -> None:
    venue = Venue(make_exchange({**WORLD, "noise": {}}, ladder))
    tops = []
    for command in (Wake(), fault(VenueFault.SPREAD, spread_ppm=5 * ALL, share_ppm=ALL // 10), restore()):
        venue.say(command)
        venue.say(QuotePublished("BTC/USD", 99_999, 1, 100_001, 1, 0, venue.now + 1))
        [top] = [each for each in venue.told if isinstance(each, BookTopChanged)]
        tops.append((top.bid_ticks, top.bid_lots >= 50))
    assert tops == [(99_900, True), (99_500, False), (99_900, True)]


# Reports.


def test_a_lost_fill_leaves_no_gap(venue: Venue) -> None:
    venue.say(fault(VenueFault.LOST_REPORTS, share_ppm=ALL, account="ann"))
    trade(venue)
    assert fills(venue, "ann") == [] and fills(venue, "bob") == [(2, 1)]
    assert venue.of(TradeExecuted)
    venue.order("ann", SELL, 1, 200)
    [accepted] = [each for each in venue.told if isinstance(each, OrderAccepted)]
    assert accepted.account_sequence == 2
    assert report(venue).account_sequence == 2
    [beat] = [each for each in venue.say(restore()) if isinstance(each, VenueHeartbeat)]
    assert beat.session == 1
    trade(venue)
    assert fills(venue, "ann") == [(4, 1)]


def test_a_fill_told_twice_is_another_event_of_the_same_trade(venue: Venue) -> None:
    venue.say(fault(VenueFault.DUPLICATE_REPORTS, share_ppm=ALL, account="ann"))
    trade(venue, 2)
    assert fills(venue, "ann") == [(2, 2), (3, 2)]
    told = [each.trade_id for each in venue.told if isinstance(each, OrderFilled) and each.account == "ann"]
    assert told == [1, 1]
    assert report(venue).account_sequence == 3


def test_what_is_late_keeps_its_order_and_its_time(venue: Venue) -> None:
    venue.say(fault(VenueFault.LATENCY, by_ns=30))
    venue.order("ann", SELL, 1, 100)
    said_ns = venue.now
    assert not venue.of(AccountEvent) and WakeAt(said_ns + 30) in venue.told
    venue.order("ann", SELL, 1, 101)
    told = venue.say(Wake(), after=29)
    assert [(each.account_sequence, each.occurred_ns) for each in told if isinstance(each, AccountEvent)] == [
        (1, said_ns)
    ]
    told = venue.say(restore(), after=0)
    assert [each.account_sequence for each in told if isinstance(each, AccountEvent)] == [2]


def test_balances_are_those_of_when_it_began(venue: Venue) -> None:
    before = report(venue).balances
    venue.say(fault(VenueFault.STALE_BALANCES, account="ann"))
    trade(venue)
    assert report(venue).balances == before
    assert [each.asset for each in report(venue, "bob").balances] == ["USD", "BTC", "ETH"]
    assert report(venue, "bob").balances != before
    venue.say(restore())
    assert report(venue).balances != before


# All of them.


def stream(seed: int, count: int = 900) -> list[tuple[int, Message]]:
    """A crowd, quotes, and now and then one of the faults, for a while."""
    found: list[tuple[int, Message]] = []
    middle = 100
    for number, (now, command) in enumerate(Crowd(seed, rare=0).commands(count)):
        found.append((now, command))
        if number % 3 == 0:
            middle += (number * 7 + seed) % 3 - 1
            found.append((now, QuotePublished("BTC/USD", middle - 1, 1, middle + 1, 1, 0, now * 3 + 1)))
        if number % 40 == 10:
            kind = ONE_OF_EACH[(number // 40 + seed) % len(ONE_OF_EACH)]
            found.append((now, renamed(kind, f"fault-{number // 40}")))
        if number % 40 == 35:
            found.append((now, restore(f"fault-{number // 40}")))
        if number % 150 == 149:
            found.append((now, Start(memory={})))
    return found


def renamed(command: FaultVenue, name: str) -> FaultVenue:
    return fault(
        command.venue_fault,
        name,
        command.by_ns,
        command.share_ppm,
        command.spread_ppm,
        cancels=command.cancels,
    )


@pytest.mark.parametrize("seed", range(5))
def test_no_fault_bends_the_books(make_exchange: Make, ladder: LiquidityConfig, seed: int) -> None:
    """Money is conserved, locks are owned, numbers go on one by one, and what is said leaves in their order."""
    exchange = make_exchange(WORLD, ladder)
    sequences: Counter[str] = Counter()
    trades: list[int] = []
    begun: set[str] = set()
    now = 0
    for now, message in stream(seed):
        for each in exchange.handle(message, now):
            if isinstance(each, AccountEvent):
                sequences[each.account] += 1
                assert each.account_sequence == sequences[each.account]
            elif isinstance(each, TradeExecuted):
                trades.append(each.trade_id)
            elif isinstance(each, InjectionStarted):
                begun.add(each.kind)
        assert_locks_owned(exchange._matching, exchange._accounts)
    assert trades == list(range(1, len(trades) + 1))
    assert begun == {kind.value for kind in VenueFault} - {VenueFault.MARGIN_RATES.value}  # There are no perpetuals.
    for asset, total in exchange._accounts.totals.items():
        total.assert_conserved()
        held = sum(held.get(asset, 0) for held in WORLD.values())
        assert total.counted_minor == held


@pytest.mark.parametrize("seed", range(4))
def test_a_venue_that_misbehaves_does_so_after_a_restart(
    make_exchange: Make, ladder: LiquidityConfig, seed: int
) -> None:
    original, restored = make_exchange(WORLD, ladder), make_exchange(WORLD, ladder)
    for number, (now, message) in enumerate(stream(seed)):
        assert restored.handle(message, now) == original.handle(message, now)
        if number % 23 == 0:
            saved = json.dumps(original.save(), sort_keys=True)
            restored = make_exchange(WORLD, ladder)
            restored.restore(json.loads(saved))
            assert json.dumps(restored.save(), sort_keys=True) == saved


def test_a_world_without_faults_throws_no_dice_for_them(make_exchange: Make, ladder: LiquidityConfig) -> None:
    """One that was refused and one that has ended leave what comes after them as it would have been."""
    calm, disturbed = make_exchange(WORLD, ladder), make_exchange(WORLD, ladder)
    disturbed.handle(fault(VenueFault.REJECT, share_ppm=ALL), 0)
    disturbed.handle(restore(), 0)
    disturbed.handle(fault(VenueFault.HALT), 0)
    for now, message in stream(1, 300):
        if not isinstance(message, (FaultVenue, RestoreVenue)):
            assert disturbed.handle(message, now) == calm.handle(message, now)


def test_each_kind_of_fault_has_dice_of_its_own() -> None:
    drawn = []
    for kind in (VenueFault.REJECT, VenueFault.LOST_REPORTS, VenueFault.DUPLICATE_REPORTS):
        register = FaultRegister("venue", 1)
        drawn.append([register.draws(fault(kind, share_ppm=ALL // 2)) for _ in range(64)])
    assert drawn[0] != drawn[1] != drawn[2] != drawn[0]


# A phantom credit.


def test_a_phantom_credit_is_told_and_cannot_be_spent(venue: Venue) -> None:
    before = report(venue)
    venue.say(fault(VenueFault.PHANTOM_CREDIT, share_ppm=5 * ALL, symbols=("BTC",), account="ann"))
    during = report(venue)
    assert {line.asset: line.free_minor for line in during.balances} == {
        line.asset: line.free_minor * (5 if line.asset == "BTC" else 1) for line in before.balances
    }
    assert report(venue, "bob").balances == report(venue, "bob").balances != during.balances
    assert venue.exchange._accounts.by_name["ann"].funds["BTC"].free_minor == next(
        line.free_minor for line in before.balances if line.asset == "BTC"
    )
    venue.say(restore())
    assert report(venue).balances == before.balances


# A wick.


def tops(told: list[Message]) -> list[tuple[int, int]]:
    return [(each.bid_ticks, each.ask_ticks) for each in told if isinstance(each, BookTopChanged)]


def quoted(exchange: Exchange, middle: int, now: int) -> list[Message]:
    return exchange.handle(QuotePublished("BTC/USD", middle - 1, 1, middle + 1, 1, 0, now), now)


def test_a_wick_walks_away_and_is_back_at_once(make_exchange: Make, ladder: LiquidityConfig) -> None:
    exchange = make_exchange(WORLD, ladder)
    [(bid, ask)] = tops(quoted(exchange, 10_000, 1_000))
    assert bid < 10_000 < ask
    exchange.handle(fault(VenueFault.WICK, by_ns=400, share_ppm=ALL // 2), 2_000)
    middles = [sum(tops(quoted(exchange, 10_000, 2_000 + after))[-1]) // 2 for after in range(10, 401, 10)]
    assert middles == pytest.approx([10_000 - 125 * step for step in range(1, 41)], rel=0.005)
    quoted(exchange, 10_000, 2_500)
    assert exchange._liquidity["BTC/USD"]._middle == pytest.approx(10_000, rel=0.001)  # Twice 5,000: there it stays.
    exchange.handle(restore(), 3_000)
    quoted(exchange, 10_000, 3_001)
    [(bid, ask)] = tops(quoted(exchange, 10_000, 3_002))  # So far is believed when it is said twice.
    assert bid < 10_000 < ask


def test_a_wick_strikes_when_it_shows_and_survives_a_restart(make_exchange: Make, ladder: LiquidityConfig) -> None:
    exchange = make_exchange(WORLD, ladder)
    quoted(exchange, 10_000, 1_000)
    begun = exchange.handle(fault(VenueFault.WICK, by_ns=400, share_ppm=2 * ALL), 2_000)
    assert not [each for each in begun if isinstance(each, InjectionStruck)]
    assert [each for each in quoted(exchange, 10_000, 2_010) if isinstance(each, InjectionStruck)]
    again = make_exchange(WORLD, ladder)
    again.restore(json.loads(json.dumps(exchange.save())))
    assert tops(quoted(again, 10_000, 2_020)) == tops(quoted(exchange, 10_000, 2_020)) != []


def test_a_wick_of_one_market_leaves_the_others_and_what_is_one_sided(
    make_exchange: Make, ladder: LiquidityConfig
) -> None:
    from trading_ecosystem.simulators.exchange.wick import Wick

    wick, command = Wick(), fault(VenueFault.WICK, by_ns=1, share_ppm=1, symbols=("BTC/USD",))
    other = QuotePublished("ETH/USD", 99, 1, 101, 1, 0, 5)
    assert wick.moved(other, command) is other
    least = wick.moved(QuotePublished("BTC/USD", 99, 1, 101, 1, 0, 5), command)
    assert (least.bid_ticks, least.ask_ticks) == (1, 2)
    exchange = make_exchange(WORLD, ladder)
    exchange.handle(command, 1)
    assert not tops(exchange.handle(QuotePublished("BTC/USD", 0, 0, 101, 1, 0, 5), 5))
