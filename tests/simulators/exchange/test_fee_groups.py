"""A master and its sub-accounts pay by what all of them traded; a model in dictionaries says how much that is."""

import json
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given, settings, strategies as st

from trading_ecosystem.messages.accounts import AccountReported, QueryAccount
from trading_ecosystem.messages.orders import OrderFilled, OrderType, Side, SubmitOrder, TimeInForce
from trading_ecosystem.simulators.exchange.core import Exchange
from trading_ecosystem.simulators.exchange.fees import FeeTier

DAY_NS = 86_400_000_000_000
FIRST = (1_000, 3_000)
TIERS = (
    FeeTier(traded_minor=2_000, maker_fee_ppm=500, taker_fee_ppm=2_000),
    FeeTier(traded_minor=4_000, maker_fee_ppm=0, taker_fee_ppm=1_000),
)
PEOPLE = ("ann", "bob", "cid", "dan", "eve")
RICH = {name: {"USD": 10**9, "BTC": 10**9} for name in PEOPLE}
PRICE = 100
Make = Callable[..., Exchange]
Trade = tuple[int, str, str, int]  # Days since the one before, seller, buyer who takes, lots.


def trade(venue: Exchange, now: int, seller: str, buyer: str, lots: int) -> list[OrderFilled]:
    found: list[OrderFilled] = []
    for account, side in ((seller, Side.SELL), (buyer, Side.BUY)):
        terms = (OrderType.LIMIT, TimeInForce.GTC, PRICE, lots)
        answers = venue.handle(SubmitOrder("venue", account, f"{account}-{now}", "BTC/USD", side, *terms), now)
        found.extend([each for each in answers if isinstance(each, OrderFilled)])
    return found


def fees(venue: Exchange, account: str, now: int) -> tuple[int, int]:
    [report] = venue.handle(QueryAccount(to="venue", asker="me", account=account), now)[:1]
    assert isinstance(report, AccountReported)
    return report.maker_fee_ppm, report.taker_fee_ppm


class Model:
    """Who traded what on which day, and nothing else."""

    def __init__(self, masters: dict[str, str]) -> None:
        self.masters = masters
        self.traded: Counter[tuple[str, int]] = Counter()

    def group(self, account: str) -> list[str]:
        master = self.masters.get(account, account)
        return [master, *[sub for sub in self.masters if self.masters[sub] == master]]

    def fees(self, account: str, day: int) -> tuple[int, int]:
        days = range(day - 30, day)
        traded_minor = sum(self.traded[name, before] for name in self.group(account) for before in days)
        reached = [(each.maker_fee_ppm, each.taker_fee_ppm) for each in TIERS if traded_minor >= each.traded_minor]
        return reached[-1] if reached else FIRST


MASTERS = st.fixed_dictionaries(
    {},
    optional={"cid": st.sampled_from(("ann", "bob")), "dan": st.sampled_from(("ann", "bob")), "eve": st.just("ann")},
)
PAIRS = st.permutations(PEOPLE).map(lambda names: tuple(names[:2]))
TRADES = st.lists(
    st.tuples(st.sampled_from((0, 0, 1, 1, 2, 5, 29, 30, 31, 40)), PAIRS, st.integers(1, 25)).map(
        lambda drawn: (drawn[0], *drawn[1], drawn[2])
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(masters=MASTERS, trades=TRADES, crash_at=st.integers(0, 12))
def test_all_of_a_group_pay_by_what_the_group_traded_in_thirty_days(
    make_exchange: Make, masters: dict[str, str], trades: list[Trade], crash_at: int
) -> None:
    venue, model, day = make_exchange(RICH, fee_tiers=TIERS, masters=masters), Model(masters), 0
    for number, (days, seller, buyer, lots) in enumerate(trades):
        day += days
        now = day * DAY_NS + number
        if number == crash_at:
            saved = json.loads(json.dumps(venue.save()))
            venue = make_exchange(RICH, fee_tiers=TIERS, masters=masters)
            venue.restore(saved)
        [sold, bought] = trade(venue, now, seller, buyer, lots)
        for fill, account, place in ((sold, seller, 0), (bought, buyer, 1)):
            paid_ppm = model.fees(account, day)[place]
            assert fill.fee_minor == -(-PRICE * lots * paid_ppm // 1_000_000)
            model.traded[account, day] += PRICE * lots
        for name in PEOPLE:
            assert fees(venue, name, now) == model.fees(name, day)
            assert fees(venue, name, now) == fees(venue, masters.get(name, name), now)
    for name in PEOPLE:
        assert fees(venue, name, (day + 1) * DAY_NS) == model.fees(name, day + 1)


@pytest.mark.parametrize(("masters", "dan_pays"), [({"cid": "ann", "dan": "ann"}, (500, 2_000)), ({}, FIRST)])
def test_two_halves_of_a_tier_make_it_for_all_three(
    make_exchange: Make, masters: dict[str, str], dan_pays: tuple[int, int]
) -> None:
    venue = make_exchange(RICH, fee_tiers=TIERS, masters=masters)
    trade(venue, 5, "ann", "bob", 10)
    trade(venue, 6, "cid", "eve", 10)
    assert fees(venue, "ann", DAY_NS - 1) == fees(venue, "dan", DAY_NS - 1) == FIRST
    assert [fees(venue, name, DAY_NS) for name in ("ann", "cid", "dan")] == [dan_pays] * 3
    assert fees(venue, "bob", DAY_NS) == fees(venue, "eve", DAY_NS) == FIRST


def test_a_trade_of_a_master_with_its_sub_account_is_a_trade(make_exchange: Make) -> None:
    """Self-trade prevention is an account's own; both sides count, as those of strangers would."""
    venue = make_exchange(RICH, fee_tiers=TIERS, masters={"cid": "ann"})
    sold, bought = trade(venue, 5, "ann", "cid", 10)
    assert (sold.account, bought.account, sold.quantity_lots) == ("ann", "cid", 10)
    assert fees(venue, "cid", DAY_NS) == fees(venue, "ann", DAY_NS) == (500, 2_000)
