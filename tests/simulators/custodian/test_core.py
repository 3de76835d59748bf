"""The custodian settles each trade once, on time, both legs or neither, whatever the network does."""

import json
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from heapq import heappop, heappush

import pytest
from hypothesis import given, settings, strategies as st
from tests.changing import replace

from trading_ecosystem.configuration.scalars import instant_ns
from trading_ecosystem.messages.accounts import HoldingsReported, QueryHoldings, QueryTrades, TradesReported
from trading_ecosystem.messages.custody import (
    FailReason,
    Posting,
    SettlementCanceled,
    SettlementFailed,
    SettlementInstructed,
    TransactionPosted,
)
from trading_ecosystem.messages.health import HealthChanged, HealthStatus
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.numbers import LARGEST
from trading_ecosystem.messages.orders import Side, TradeExecuted
from trading_ecosystem.messages.runtime import Start, Wake, WakeAt
from trading_ecosystem.reference import Asset, AssetKind, ReferenceData, instrument
from trading_ecosystem.simulators.custodian import settlement
from trading_ecosystem.simulators.custodian.config import CustodianConfig
from trading_ecosystem.simulators.custodian.core import ASK_AGAIN_NS, ASK_NS, PAUSE_NS, Custodian

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
MONDAY = instant_ns("2026-03-02T00:00:00Z")
ASSETS = {name: Asset(name, AssetKind.CRYPTO, 0) for name in ("USD", "USDT", "BTC")}
SYMBOLS = ("BTC/USD", "BTC/USDT", "USDT/USD")
REFERENCE = ReferenceData(
    "USD", list(ASSETS.values()), [instrument(symbol, Decimal(1), Decimal(1), ASSETS) for symbol in SYMBOLS]
)
CONFIG = CustodianConfig(
    cycles={"BTC/USDT": 1},
    same_day_delay_ns=10 * MINUTE_NS,
    cut_off_ns=6 * HOUR_NS,
    gap_wait_ns=10 * SECOND_NS,
)
NAMES = ("ann", "bob", "cat")
TIGHT = {name: {"USD": 12, "USDT": 9, "BTC": 2} for name in NAMES}
TRADE = TradeExecuted(
    venue="exchange",
    trade_id=1,
    symbol="BTC/USD",
    price_ticks=5,
    quantity_lots=2,
    taker_side=Side.BUY,
    buyer_account="ann",
    seller_account="bob",
    buyer_order_id=1,
    seller_order_id=2,
    buyer_fee_minor=1,
    seller_fee_minor=0,
    occurred_ns=MONDAY,
)
Log = list[tuple[int, Message]]


def custodian(config: CustodianConfig = CONFIG) -> Custodian:
    return Custodian("custodian", config, REFERENCE, TIGHT)


def run(core: Custodian, arrivals: Sequence[tuple[int, Message]], swaps: Sequence[int] = ()) -> Log:
    """Hand the core its messages and wakes in order of time. At each of `swaps` a restored twin takes over."""
    queue: list[tuple[int, int, Message]] = [(at, n, message) for n, (at, message) in enumerate(arrivals)]
    queue.append((MONDAY, -1, Start(memory={})))
    queue.sort(key=lambda item: item[:2])
    log: Log = []
    count = len(queue)
    steps = 0
    while queue:
        now, _, message = heappop(queue)
        for output in core.handle(message, now):
            log.append((now, output))
            if isinstance(output, WakeAt):
                assert output.at_ns >= now
                count += 1
                heappush(queue, (output.at_ns, count, Wake()))
        steps += 1
        if steps in swaps:
            saved = json.loads(json.dumps(core.save()))
            core = custodian()
            core.restore(saved)
            assert core.save() == saved
    return log


def said(log: Log, message_type: type[Message]) -> list[tuple[int, Message]]:
    return [(at, message) for at, message in log if isinstance(message, message_type)]


def posted(core: Custodian, now: int, name: str) -> dict[str, tuple[int, int]]:
    (report,) = core.handle(QueryHoldings(to="custodian", asker="me", account=name), now)
    assert isinstance(report, HoldingsReported)
    return {line.asset: (line.posted_minor, line.pending_minor) for line in report.holdings}


def move(balances: Counter[tuple[str, str]], postings: tuple[Posting, ...]) -> None:
    for line in postings:
        assert line.amount_minor > 0
        balances[line.debit_account, line.asset] -= line.amount_minor
        balances[line.credit_account, line.asset] += line.amount_minor


# A venue: nobody overspends there.

DEALS = st.lists(
    st.tuples(
        st.sampled_from(SYMBOLS),
        st.permutations(NAMES),
        st.integers(1, 4),
        st.integers(1, 4),
        st.tuples(st.integers(-1, 1), st.integers(0, 1)),
        st.sampled_from([0, 1, MINUTE_NS, 11 * MINUTE_NS, 5 * HOUR_NS, 15 * HOUR_NS]),
    ),
    max_size=40,
)


def trades_of(deals: list[tuple[str, list[str], int, int, tuple[int, int], int]]) -> list[TradeExecuted]:
    """Those deals that the parties can pay for at that moment, numbered."""
    balances = Counter({(name, asset): amount for name in NAMES for asset, amount in TIGHT[name].items()})
    trades: list[TradeExecuted] = []
    now = MONDAY
    for symbol, (buyer, seller, _), price, quantity, (maker_fee, taker_fee), step in deals:
        now += step
        base, _, quote = symbol.partition("/")
        after = balances.copy()
        after[seller, base] -= quantity
        after[buyer, base] += quantity
        after[buyer, quote] -= price * quantity + taker_fee
        after[seller, quote] += price * quantity - maker_fee
        if min(after.values()) < 0:
            continue
        balances = after
        trade = replace(TRADE, trade_id=len(trades) + 1, symbol=symbol, price_ticks=price, quantity_lots=quantity)
        trade = replace(trade, buyer_account=buyer, seller_account=seller, occurred_ns=now)
        trades.append(replace(trade, buyer_fee_minor=taker_fee, seller_fee_minor=maker_fee))
    return trades


DELAYS = st.lists(st.lists(st.integers(0, 9 * SECOND_NS), min_size=1, max_size=3), min_size=1, max_size=40)


def deliveries(trades: list[TradeExecuted], delays: list[list[int]]) -> list[tuple[int, Message]]:
    """Each trade once or more often, each time late by less than the custodian waits for a gap."""
    arrivals: list[tuple[int, Message]] = []
    for n, trade in enumerate(trades):
        arrivals += [(trade.occurred_ns + delay, trade) for delay in delays[n % len(delays)]]
    return arrivals


@settings(max_examples=150)
@given(DEALS, DELAYS)
def test_what_the_venue_allowed_settles_once_and_on_time(
    deals: list[tuple[str, list[str], int, int, tuple[int, int], int]], delays: list[list[int]]
) -> None:
    trades = trades_of(deals)
    core = custodian()
    log = run(core, deliveries(trades, delays))
    assert not said(log, SettlementFailed)
    instructed = [message for _, message in said(log, SettlementInstructed)]
    assert [line.trade_id for line in instructed if isinstance(line, SettlementInstructed)] == [
        trade.trade_id for trade in trades
    ]
    by_id = {line.instruction_id: line for line in instructed if isinstance(line, SettlementInstructed)}
    balances = Counter({(name, asset): amount for name in NAMES for asset, amount in TIGHT[name].items()})
    for at, message in said(log, TransactionPosted):
        assert isinstance(message, TransactionPosted)
        instruction = by_id.pop(message.instruction_id)
        assert at == message.occurred_ns == instruction.due_ns
        assert message.postings == instruction.postings
        move(balances, message.postings)
        assert min(balances[name, asset] for name in NAMES for asset in ASSETS) >= 0
    assert not by_id
    for name in (*NAMES, "fees"):
        for asset, amounts in posted(core, MONDAY + 10_000 * HOUR_NS, name).items():
            assert amounts == (balances[name, asset], 0)


@settings(max_examples=60)
@given(DEALS, DELAYS, st.sets(st.integers(1, 60), max_size=3))
def test_a_restored_custodian_has_the_same_future(
    deals: list[tuple[str, list[str], int, int, tuple[int, int], int]], delays: list[list[int]], swaps: set[int]
) -> None:
    arrivals = deliveries(trades_of(deals), delays)
    assert run(custodian(), arrivals) == run(custodian(), arrivals, tuple(swaps))


@settings(max_examples=80)
@given(DEALS, st.sets(st.integers(1, 30)))
def test_lost_trades_break_nothing_but_what_depends_on_them(
    deals: list[tuple[str, list[str], int, int, tuple[int, int], int]], lost: set[int]
) -> None:
    """Whatever is missing, nothing turns negative, both legs move or none, and every instruction has one end."""
    arrived = [trade for trade in trades_of(deals) if trade.trade_id not in lost]
    core = custodian()
    log = run(core, [(trade.occurred_ns, trade) for trade in arrived])
    instructed = {m.instruction_id: m for _, m in log if isinstance(m, SettlementInstructed)}
    ends = [m for _, m in log if isinstance(m, TransactionPosted | SettlementCanceled)]
    assert sorted(end.instruction_id for end in ends) == sorted(instructed) == list(range(1, len(arrived) + 1))
    balances = Counter({(name, asset): amount for name in NAMES for asset, amount in TIGHT[name].items()})
    for end in ends:
        after = balances.copy()
        move(after, instructed[end.instruction_id].postings)
        covered = min(after[name, asset] for name in NAMES for asset in ASSETS) >= 0
        assert covered == isinstance(end, TransactionPosted)
        balances = after if covered else balances
    for asset in ASSETS:
        assert sum(balances[name, asset] for name in (*NAMES, "fees")) == sum(TIGHT[name][asset] for name in NAMES)


# One thing at a time.


def test_starts_serving_and_asks_for_nothing() -> None:
    assert custodian().handle(Start(memory={}), MONDAY) == [
        HealthChanged(service="custodian", health=HealthStatus.SERVING, detail="", occurred_ns=MONDAY)
    ]


def test_the_life_of_a_trade() -> None:
    core = custodian()
    due_ns = MONDAY + 10 * MINUTE_NS
    outputs = core.handle(TRADE, MONDAY + 5)
    (instructed, wake_at) = outputs
    assert isinstance(instructed, SettlementInstructed)
    assert [(p.debit_account, p.credit_account, p.asset, p.amount_minor) for p in instructed.postings] == [
        ("ann", "bob", "USD", 10),
        ("bob", "ann", "BTC", 2),
        ("ann", "fees", "USD", 1),
    ]
    assert wake_at == WakeAt(due_ns)
    assert (instructed.due_ns, instructed.occurred_ns) == (due_ns, MONDAY + 5)
    assert posted(core, MONDAY + 6, "ann") == {"USD": (12, -11), "USDT": (9, 0), "BTC": (2, 2)}
    assert core.handle(Wake(), due_ns - 1) == []
    (end,) = core.handle(Wake(), due_ns)
    assert isinstance(end, TransactionPosted) and end.postings == instructed.postings
    assert posted(core, due_ns, "ann") == {"USD": (1, 0), "USDT": (9, 0), "BTC": (4, 0)}
    assert core.handle(Wake(), due_ns) == []
    assert core.handle(TRADE, due_ns) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"buyer_account": "nobody"}, FailReason.UNKNOWN_ACCOUNT),
        ({"seller_account": "external"}, FailReason.UNKNOWN_ACCOUNT),
        ({"buyer_account": "fees", "symbol": "X/Y"}, FailReason.UNKNOWN_ACCOUNT),
        ({"symbol": "X/Y"}, FailReason.UNKNOWN_SYMBOL),
        ({"trade_id": 0}, FailReason.TRADE_ID_REUSED),
        ({"trade_id": LARGEST, "symbol": "X/Y"}, FailReason.TRADE_ID_FAR_AHEAD),
        ({"symbol": "X/Y", "price_ticks": 0}, FailReason.UNKNOWN_SYMBOL),
        ({"price_ticks": 0}, FailReason.IMPOSSIBLE_TRADE),
        ({"quantity_lots": -1, "buyer_account": "bob"}, FailReason.IMPOSSIBLE_TRADE),
        ({"price_ticks": LARGEST, "quantity_lots": LARGEST}, FailReason.IMPOSSIBLE_TRADE),
        ({"buyer_fee_minor": -LARGEST - 1}, FailReason.IMPOSSIBLE_TRADE),
        ({"occurred_ns": LARGEST}, FailReason.IMPOSSIBLE_TRADE),
    ],
)
def test_refuses_what_it_cannot_instruct(change: dict[str, str | int], reason: FailReason) -> None:
    core = custodian()
    (refused,) = core.handle(replace(TRADE, **change), MONDAY)
    assert refused == SettlementFailed(
        custodian="custodian",
        instruction_id=0,
        trade_id=change.get("trade_id", 1),  # type: ignore[arg-type]
        fail_reason=reason,
        occurred_ns=MONDAY,
    )
    assert posted(core, MONDAY, "bob")["BTC"] == (2, 0)


@pytest.mark.parametrize("wrong", [{"trade_id": 4}, {"trade_id": LARGEST}, {"venue": "another"}])
def test_a_report_that_cannot_be_one_is_no_report(wrong: dict[str, str | int]) -> None:
    core = asking()
    trades = (replace(TRADE, trade_id=2), replace(TRADE, **{"trade_id": 3, **wrong}))
    outputs = core.handle(told_again(*trades, from_trade_id=2), MONDAY)
    assert [output for output in outputs if not isinstance(output, WakeAt)] == []
    (instructed, *_) = core.handle(TRADE, MONDAY)
    assert isinstance(instructed, SettlementInstructed) and instructed.trade_id == 1


def test_an_id_of_another_trade_is_refused_and_an_id_of_another_venue_is_not() -> None:
    core = custodian()
    core.handle(TRADE, MONDAY)
    (refused,) = core.handle(replace(TRADE, quantity_lots=1), MONDAY)
    assert isinstance(refused, SettlementFailed) and refused.fail_reason is FailReason.TRADE_ID_REUSED
    (elsewhere,) = core.handle(replace(TRADE, venue="other", quantity_lots=1), MONDAY)
    assert isinstance(elsewhere, SettlementInstructed) and elsewhere.instruction_id == 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"price_ticks": 6}, FailReason.BUYER_LACKS_CASH),  # 12 and a fee of 1.
        ({"quantity_lots": 3, "price_ticks": 1}, FailReason.SELLER_LACKS_ASSET),
        ({"quantity_lots": 3, "price_ticks": 6}, FailReason.BUYER_LACKS_CASH),
    ],
)
def test_what_the_ledger_cannot_cover_fails_when_due_and_moves_nothing(
    change: dict[str, int], reason: FailReason
) -> None:
    core = custodian()
    before = [posted(core, MONDAY, name) for name in NAMES]
    log = run(core, [(MONDAY, replace(TRADE, **change))])
    (at, failed) = said(log, SettlementFailed)[0]
    assert isinstance(failed, SettlementFailed)
    assert (at, failed.instruction_id, failed.fail_reason) == (MONDAY + 10 * MINUTE_NS, 1, reason)
    assert not said(log, TransactionPosted)
    ((at, canceled),) = said(log, SettlementCanceled)
    assert isinstance(canceled, SettlementCanceled) and canceled.fail_reason is reason
    assert [posted(core, at, name) for name in NAMES] == before


def test_bought_for_tomorrow_and_sold_before_is_not_due_before_tomorrow() -> None:
    bought = replace(TRADE, symbol="BTC/USDT", price_ticks=1, buyer_fee_minor=0)
    sold = replace(
        TRADE, trade_id=2, quantity_lots=3, price_ticks=1, buyer_account="cat", seller_account="ann", occurred_ns=MONDAY
    )
    log = run(custodian(), [(MONDAY, bought), (MONDAY, sold)])
    tuesday = MONDAY + 30 * HOUR_NS
    assert [m.due_ns for _, m in log if isinstance(m, SettlementInstructed)] == [tuesday, tuesday]
    assert [at for at, _ in said(log, TransactionPosted)] == [tuesday, tuesday]


def test_a_trade_that_comes_after_it_was_due_settles_at_once() -> None:
    late_ns = MONDAY + HOUR_NS
    log = run(custodian(), [(late_ns, TRADE)])
    assert [at for at, _ in said(log, TransactionPosted)] == [late_ns]


def test_one_moment_settles_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settlement, "BATCH", 2)
    there_and_back = [
        replace(TRADE, trade_id=n, quantity_lots=1, price_ticks=1, buyer_fee_minor=0) for n in range(1, 6)
    ]
    arrivals: list[tuple[int, Message]] = [(MONDAY, trade) for trade in there_and_back[:2]]
    for trade in there_and_back[2:]:
        arrivals.append((MONDAY, replace(trade, buyer_account="bob", seller_account="ann")))
    times = [at - MONDAY - 10 * MINUTE_NS for at, _ in said(run(custodian(), arrivals), TransactionPosted)]
    assert times == [0, 0, PAUSE_NS, PAUSE_NS, 2 * PAUSE_NS]


def test_a_restarted_custodian_asks_again_for_what_is_due() -> None:
    core, twin = custodian(), custodian()
    core.handle(TRADE, MONDAY)
    core.handle(replace(TRADE, trade_id=4), MONDAY)
    twin.restore(core.save())
    (_, wake_at) = twin.handle(Start(memory={}), MONDAY + 1)
    assert wake_at == WakeAt(MONDAY + CONFIG.gap_wait_ns)
    instructed, wake_at = twin.handle(Wake(), MONDAY + CONFIG.gap_wait_ns)
    assert isinstance(instructed, SettlementInstructed) and instructed.trade_id == 4
    assert wake_at == WakeAt(MONDAY + 10 * MINUTE_NS)


def asking() -> Custodian:
    return Custodian("custodian", CONFIG, REFERENCE, TIGHT, ("exchange",))


def told_again(*trades: TradeExecuted, from_trade_id: int) -> TradesReported:
    return TradesReported(
        to="custodian", venue="exchange", from_trade_id=from_trade_id, trades=trades, occurred_ns=MONDAY
    )


def asked_for(outputs: Sequence[Message]) -> list[int]:
    return [output.from_trade_id for output in outputs if isinstance(output, QueryTrades)]


def instructed(outputs: Sequence[Message]) -> list[int]:
    return [output.trade_id for output in outputs if isinstance(output, SettlementInstructed)]


def test_it_asks_at_its_start_and_now_and_then_for_trades_that_left_no_gap() -> None:
    core = asking()
    assert asked_for(core.handle(Start(memory={}), MONDAY)) == [1]
    core.handle(TRADE, MONDAY)
    assert asked_for(core.handle(Wake(), MONDAY + ASK_NS - 1)) == []
    assert asked_for(core.handle(Wake(), MONDAY + ASK_NS)) == [2]
    last = replace(TRADE, trade_id=2)
    assert instructed(core.handle(told_again(last, from_trade_id=2), MONDAY + ASK_NS)) == [2]
    assert instructed(core.handle(last, MONDAY + ASK_NS)) == []


def test_a_missing_trade_is_asked_for_until_it_comes_and_then_takes_its_turn() -> None:
    core = asking()
    core.handle(Start(memory={}), MONDAY)
    second, third = replace(TRADE, trade_id=2), replace(TRADE, trade_id=3)
    assert instructed(core.handle(third, MONDAY + ASK_NS - 1)) == []
    assert asked_for(core.handle(Wake(), MONDAY + ASK_NS)) == [1]
    assert asked_for(core.handle(Wake(), MONDAY + ASK_NS + ASK_AGAIN_NS)) == [1]
    outputs = core.handle(told_again(TRADE, second, third, from_trade_id=1), MONDAY + ASK_NS + ASK_AGAIN_NS + 1)
    assert instructed(outputs) == [1, 2, 3]


def test_a_trade_that_even_the_venue_has_no_more_is_lost_aloud() -> None:
    core = asking()
    core.handle(Start(memory={}), MONDAY)
    fourth = replace(TRADE, trade_id=4)
    core.handle(told_again(fourth, from_trade_id=4), MONDAY)
    outputs = core.handle(Wake(), MONDAY + CONFIG.gap_wait_ns)
    assert (asked_for(outputs), instructed(outputs)) == ([1], [4])
    (health,) = core.handle(told_again(fourth, from_trade_id=4), MONDAY + CONFIG.gap_wait_ns)
    assert isinstance(health, HealthChanged)
    assert (health.health, health.detail) == (HealthStatus.DEGRADED, "3 trades of exchange are lost")
    restored = asking()
    restored.restore(json.loads(json.dumps(core.save())))
    assert health.detail in [
        said.detail for said in restored.handle(Start(memory={}), MONDAY + HOUR_NS) if isinstance(said, HealthChanged)
    ]


def test_settled_instructions_leave_nothing_behind() -> None:
    core = custodian()
    trades: list[tuple[int, Message]] = []
    for n in range(1, 201):
        buyer, seller = ("ann", "bob") if n % 2 else ("bob", "ann")
        trade = replace(TRADE, trade_id=n, quantity_lots=1, price_ticks=1, buyer_fee_minor=0)
        trades.append((MONDAY + n, replace(trade, buyer_account=buyer, seller_account=seller, occurred_ns=MONDAY + n)))
    assert len(said(run(core, trades), TransactionPosted)) == 200
    state = core.save()
    assert isinstance(state, dict) and state["desk"] == [200, [], [[], [], {}]]
