"""Perpetuals at a venue that is halted, dark or lies: whatever happens to its accounts, nothing is gained or lost."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import cast

import pytest
from tests.simulators.exchange.margin_crowd import ACCOUNTS, MarginCrowd
from tests.simulators.exchange.test_margin_oracle import venue
from tests.simulators.exchange.test_perpetuals import BUY, SELL, index, order, refused, short_of
from tests.simulators.exchange.test_phases import fault

from trading_ecosystem.chance import Dice
from trading_ecosystem.messages.accounts import AccountReported, QueryAccount
from trading_ecosystem.messages.chaos import FaultVenue, RestoreVenue, VenueFault
from trading_ecosystem.messages.market import MarketPhase, MarketPhaseChanged
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import AccountEvent, OrderRejected, RejectReason, TradeExecuted
from trading_ecosystem.messages.perpetuals import FundingSettled, PositionDeleveraged, PositionLiquidated
from trading_ecosystem.messages.runtime import Start, Wake
from trading_ecosystem.simulators.exchange.config import LiquidityConfig
from trading_ecosystem.simulators.exchange.core import Exchange
from trading_ecosystem.simulators.exchange.state import assert_locks_owned

HALF = 500_000
KINDS = (
    fault(VenueFault.HALT, "halt", by_ns=40_000),
    fault(VenueFault.HALT, "halt-one", by_ns=90_000, symbols=("BTC-PERP",)),
    fault(VenueFault.OUTAGE, "dark"),
    fault(VenueFault.OUTAGE, "dark-and-gone", cancels=True),
    fault(VenueFault.REJECT, "reject", share_ppm=HALF),
    fault(VenueFault.LATENCY, "late", by_ns=30_000),
    fault(VenueFault.PARTIAL_FILLS, "parts", share_ppm=HALF // 2),
    fault(VenueFault.DUPLICATE_REPORTS, "twice", share_ppm=HALF),
    fault(VenueFault.LOST_REPORTS, "lost", share_ppm=HALF),
    fault(VenueFault.STALE_BALANCES, "stale"),
    fault(VenueFault.MARGIN_RATES, "fear", share_ppm=6 * HALF),
)


def stream(seed: int, count: int) -> Iterator[tuple[int, Message]]:
    """A crowd on little margin, and every 60 commands or so a fault, or the end of one."""
    dice, crowd = Dice(seed, "trouble"), MarginCrowd(seed)
    in_force: list[FaultVenue] = []
    begun = 0
    yield 0, Start(memory={})
    for number, (now, command) in enumerate(crowd.commands(count)):
        if dice.below(60, number) == 0:
            begun += 1
            in_force.append(named(KINDS[int(dice.below(len(KINDS), number, 1))], begun))
            yield now, in_force[-1]
        elif in_force and dice.below(40, number, 2) == 0:
            yield now, RestoreVenue(to="venue", injection_id=in_force.pop(0).injection_id)
        yield now, command
    for each in in_force:
        yield crowd.now, RestoreVenue(to="venue", injection_id=each.injection_id)
    yield crowd.now + 1_000_000, Wake()


def named(kind: FaultVenue, number: int) -> FaultVenue:
    return fault(
        kind.venue_fault,
        f"{kind.injection_id}-{number}",
        kind.by_ns,
        kind.share_ppm,
        symbols=kind.symbols,
        cancels=kind.cancels,
    )


def equities(core: Exchange, now: int) -> list[int]:
    """Of every margin wallet, by the mark."""
    asked = [core.handle(QueryAccount(to="venue", asker="me", account=name), now) for name in ACCOUNTS]
    reports = [each for said in asked for each in said if isinstance(each, AccountReported)]
    assert len(reports) == len(ACCOUNTS)
    return [margin.equity_minor for report in reports for margin in report.margins]


@pytest.mark.parametrize("seed", range(8))
def test_no_fault_bends_positions_or_margin(silent: LiquidityConfig, seed: int) -> None:
    core = venue(silent, (0, 300, 20_000)[seed % 3])
    sequences: Counter[str] = Counter()
    trades: list[int] = []
    now = 0
    for now, message in stream(seed, 2_000):
        for each in core.handle(message, now):
            if isinstance(each, AccountEvent) and each.account_sequence:
                sequences[each.account] += 1
                assert each.account_sequence == sequences[each.account]
            elif isinstance(each, TradeExecuted):
                trades.append(each.trade_id)
        assert_locks_owned(core._matching, core._accounts)
    assert trades == list(range(1, len(trades) + 1))
    for total in core._accounts.totals.values():
        total.assert_conserved()
    state = cast(dict[str, dict[str, dict[str, dict[str, list[list[int]]]]]], core.save())
    for symbol, contract in state["perpetuals"]["contracts"].items():
        assert sum(position[0] for position in contract["positions"]) == 0, symbol
    assert min(equities(core, now)) >= 0, "who had less was taken over"
    assert core._perpetuals is not None
    for pool in core._perpetuals._pools:
        pool.purse.assert_conserved()


def test_the_crowd_is_liquidated_and_funded_while_the_market_is_halted(silent: LiquidityConfig) -> None:
    """Otherwise nothing above is about a halt."""
    seen: Counter[str] = Counter()
    for seed in range(6):
        core = venue(silent, 300)
        halted: set[str] = set()
        for now, message in stream(seed, 2_000):
            for each in core.handle(message, now):
                if isinstance(each, MarketPhaseChanged):
                    (halted.add if each.market_phase is MarketPhase.HALTED else halted.discard)(each.symbol)
                elif isinstance(each, PositionLiquidated | FundingSettled):
                    seen[type(each).__name__] += each.symbol in halted
                elif isinstance(each, OrderRejected):
                    seen[each.reject_reason.name] += 1
                elif isinstance(each, TradeExecuted):
                    assert each.symbol not in halted
    for name in ("PositionLiquidated", "FundingSettled", RejectReason.MARKET_HALTED.name):
        assert seen[name] > 0, seen


def test_a_hedge_that_is_closed_by_force_and_not_told_leaves_no_gap(silent: LiquidityConfig) -> None:
    """bob, who was short, is closed for ann's debts. He is told nothing of it, until he asks."""
    core = venue(silent, 0)
    core.handle(Start(memory={}), 0)
    short_of(core, 110)
    core.handle(fault(VenueFault.LOST_REPORTS, "lost", share_ppm=1_000_000, account="bob"), 6)
    [before] = core.handle(QueryAccount(to="venue", asker="me", account="bob"), 6)
    said = [each for now, ticks in ((7, 900), (8, 900)) for each in core.handle(index(ticks, now), now)]
    assert [each.account for each in said if isinstance(each, PositionDeleveraged)] == ["ann"]
    assert not [each for each in said if isinstance(each, AccountEvent) and each.account == "bob"]
    [after] = core.handle(QueryAccount(to="venue", asker="me", account="bob"), 9)
    assert isinstance(before, AccountReported) and isinstance(after, AccountReported)
    assert after.account_sequence == before.account_sequence
    assert before.positions and after.positions == ()


def test_who_goes_bankrupt_in_a_halt_is_closed_against_the_other_side(silent: LiquidityConfig) -> None:
    """Nobody can be traded with, and nobody is left with a loss that is not paid."""
    core = venue(silent, 0)
    core.handle(Start(memory={}), 0)
    short_of(core, 110)
    core.handle(fault(VenueFault.HALT, "halt", by_ns=10), 6)
    said = [each for now, ticks in ((7, 900), (8, 900)) for each in core.handle(index(ticks, now), now)]
    assert not [each for each in said if isinstance(each, TradeExecuted)]
    closed = [
        (each.account, each.side, each.quantity_lots, each.price_ticks)
        for each in said
        if isinstance(each, PositionDeleveraged)
    ]
    assert closed == [("ann", SELL, 110, 919), ("bob", BUY, 110, 919)], "the first price that her 9,000 can bear"
    assert min(equities(core, 10)) >= 0
    core.handle(RestoreVenue(to="venue", injection_id="halt"), 11)
    core.handle(Wake(), 30)
    assert refused(core.handle(order("b1", "bob", SELL, 1, ticks=900), 31)) is None


@pytest.mark.parametrize("seed", range(3))
def test_in_trouble_a_restored_venue_goes_on_alike(silent: LiquidityConfig, seed: int) -> None:
    core, straight = venue(silent, 300), venue(silent, 300)
    for place, (now, message) in enumerate(stream(seed, 1_000)):
        assert core.handle(message, now) == straight.handle(message, now), (seed, place)
        if place % 61 == 0:
            saved = json.dumps(core.save())
            core = venue(silent, 300)
            core.restore(json.loads(saved))
            assert json.dumps(core.save()) == saved
