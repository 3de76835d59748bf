"""What lies at one venue, and what one account has and loses, beside the firm as a whole."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings, strategies as st
from tests.production.risk_monitor.conftest import HELD, PRICES, THREE, TWO, Rig, limits_with, ns

from trading_ecosystem.messages.orders import Side
from trading_ecosystem.messages.risk import AlertFired, Exposure
from trading_ecosystem.messages.transfers import AccountMoved
from trading_ecosystem.production.risk_monitor.groups import Group
from trading_ecosystem.production.risk_monitor.levels import Level, Levels
from trading_ecosystem.production.risk_monitor.rest_bodies import limits_body
from trading_ecosystem.production.risk_monitor.rules.plugin import Limit, one_limit
from trading_ecosystem.reference import ReferenceData

UNIT = 10**8


def level(at: int) -> Levels:
    return Levels(warning=None, critical=Level(at=at, for_ns=0, resolves=at))


OWN = {
    "position_limit": one_limit("alpha:BTC", "BTC minor", level(25 * UNIT)),
    "pnl_drawdown": one_limit("alpha", "ppm", level(20_000)),
    "delta_exposure": one_limit("alpha", "USD minor", level(9_000_000 * UNIT)),
}
NOWHERE: dict[str, object] = {"position_limit": {}, "concentration": {"assets": {}, "issuers": {}}}


@pytest.fixture
def rig(reference: ReferenceData) -> Rig:
    wide = limits_with(reference, NOWHERE)
    wide = wide.with_limits("pnl_drawdown", Limit(("firm",), "ppm", level(900_000)))
    wide = wide.with_limits("delta_exposure", Limit(("firm",), "USD minor", level(10**18)))
    made = Rig(reference, replace(wide, groups=(Group("account", "alpha", ("alpha",), OWN),)))
    made.begin()
    return made


def line(rig: Rig, measure: str, subject: str, at: float) -> Exposure:
    report = rig.monitor.statement.report(ns(at))
    [found] = [each for each in report.exposures if (each.measure, each.subject) == (measure, subject)]
    return found


def worth(account: str, **prices: str) -> int:
    """In minor units, from what an account held at the start."""
    told = {symbol.partition("/")[0]: price for symbol, price in PRICES.items() if symbol.endswith("/USD")}
    told |= {"USD": "1"} | prices
    return sum(int(Decimal(str(amount)) * Decimal(told[asset]) * UNIT) for asset, amount in HELD[account].items())


def test_an_account_is_judged_by_what_it_has_itself(rig: Rig) -> None:
    rig.fill("beta", "BTC/USD", Side.BUY, "20", "60000", 1)
    assert rig.fired() == []
    rig.fill("alpha", "BTC/USD", Side.BUY, "5", "60000", 2)
    assert rig.fired() == ["position_limit:alpha:BTC:critical:1"]


def test_a_loss_of_one_account_is_seen_though_the_firm_has_gained(rig: Rig) -> None:
    equity = worth("alpha")
    lost = equity // 40  # 2.5%, with a limit of 2%.
    rig.fill("alpha", "BTC/USD", Side.BUY, "0.0001", "60000", 1, fee=str(Decimal(lost) / UNIT))
    rig.fill("beta", "BTC/USD", Side.BUY, "0.0001", "60000", 1, fee=str(-Decimal(10 * lost) / UNIT))
    rig.quotes(2)
    assert rig.fired() == ["pnl_drawdown:alpha:critical:1"]
    [fired] = [message for _, message in rig.said if isinstance(message, AlertFired)]
    assert fired.value == lost * 1_000_000 // equity
    drawdown = line(rig, "account_drawdown", "alpha", 2)
    assert (drawdown.value, drawdown.limit, drawdown.certain) == (fired.value, 20_000, True)


def test_the_mark_of_an_account_survives_a_restart(rig: Rig) -> None:
    lost = worth("alpha") // 40
    rig.restart(10)
    held = {asset: str(amount) for asset, amount in HELD["alpha"].items()}
    held["USD"] = str(Decimal(held["USD"]) - Decimal(lost) / UNIT)
    rig.report("alpha", 11, held)
    rig.report("beta", 11)
    rig.quotes(12)
    assert "pnl_drawdown:alpha:critical:1" in rig.fired()


def test_what_is_taken_out_of_an_account_is_no_loss(rig: Rig) -> None:
    rig.sequence["alpha"] += 1
    half = Decimal(HELD["alpha"]["USD"]) / 2
    taken = AccountMoved(
        account="alpha",
        venue="exchange",
        account_sequence=rig.sequence["alpha"],
        occurred_ns=ns(1),
        transfer_id=1,
        movement_id=1,
        asset="USD",
        amount_minor=-int(half * UNIT),
    )
    rig.hear(taken, 1)
    rig.quotes(2)
    assert rig.fired() == []
    assert line(rig, "account_equity", "alpha", 2).value == worth("alpha") - int(half * UNIT)
    assert line(rig, "account_realised", "alpha", 2).value == 0


def test_a_firm_without_such_limits_says_nothing_of_its_accounts(rig: Rig) -> None:
    told = {each.subject for each in rig.figures(1).exposures if each.measure.startswith("account_")}
    assert told == {"alpha", "alpha:BTC"}


# Groups.

FIGURES = ("equity_minor", "delta_minor")
OF_THREE = tuple(Group("account", name, (name,), {}) for name in ("alpha", "beta", "gamma"))
MAJORS = Group("desk", "majors", ("beta", "alpha"), {})


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_the_accounts_add_up_to_every_level(reference: ReferenceData, data: st.DataObject) -> None:
    """A group is the sum of its accounts, and the firm that of all, but for rounding."""
    strategies = (Group("strategy", "making", ("gamma", "beta"), {}), Group("strategy", "holding", ("alpha",), {}))
    desks = (MAJORS, Group("desk", "house", ("alpha", "beta", "gamma"), {}))
    limits = replace(limits_with(reference, NOWHERE, THREE), groups=(*OF_THREE, *strategies, *desks))
    rig = Rig(reference, limits, THREE)
    rig.begin()
    for at in range(1, data.draw(st.integers(2, 12))):
        account = data.draw(st.sampled_from(["alpha", "beta", "gamma"]))
        side = data.draw(st.sampled_from(list(Side)))
        symbol = data.draw(st.sampled_from(["BTC/USD", "ETH/USDT", "BTC/USDT"]))
        rig.fill(account, symbol, side, "0.1", PRICES[symbol], at, fee=data.draw(st.sampled_from(["0", "1.5", "-2"])))
        rig.quotes(at, BTC_USD=str(data.draw(st.integers(50_000, 70_000))), USDT_USD="0.97")
    groups = {group.name: (group.accounts, wealth.portfolio) for group, wealth in rig.monitor._rulebook.groups}
    whole = (tuple(HELD), rig.monitor._rulebook.firm.portfolio)
    for members, portfolio in (*groups.values(), whole):
        parts = [groups[account][1] for account in members]
        for figure in FIGURES:
            assert abs(sum(getattr(each, figure) for each in parts) - getattr(portfolio, figure)) <= 100, figure
        for asset, position in portfolio.positions.items():
            assert sum(each.positions[asset].total_minor for each in parts) == position.total_minor
        profit = portfolio.realised_minor + portfolio.unrealised_minor  # What is realised depends on whose costs count.
        assert abs(sum(each.realised_minor + each.unrealised_minor for each in parts) - profit) <= 100


LOSS_OF_MAJORS = {
    "position_limit": one_limit("majors:BTC", "BTC minor", level(40 * UNIT)),
    "pnl_drawdown": one_limit("majors", "ppm", level(20_000)),
    "delta_exposure": one_limit("majors", "USD minor", level(9_000_000 * UNIT)),
}


@pytest.fixture
def desk(reference: ReferenceData) -> Rig:
    """A desk with an account at each of two venues has limits, and a third account is nobody's."""
    wide = limits_with(reference, NOWHERE, THREE)
    wide = wide.with_limits("pnl_drawdown", Limit(("firm",), "ppm", level(900_000)))
    wide = wide.with_limits("delta_exposure", Limit(("firm",), "USD minor", level(10**18)))
    made = Rig(reference, replace(wide, groups=(replace(MAJORS, entries=LOSS_OF_MAJORS),)), THREE)
    made.begin()
    return made


def test_a_desk_is_judged_by_what_all_its_accounts_have(desk: Rig) -> None:
    desk.fill("gamma", "BTC/USD", Side.BUY, "30", "60000", 1)
    desk.fill("alpha", "BTC/USD", Side.BUY, "3", "60000", 2)
    assert desk.fired() == []
    desk.fill("beta", "BTC/USD", Side.BUY, "2", "60000", 3)
    assert desk.fired() == ["position_limit:majors:BTC:critical:1"]
    bought = line(desk, "desk_position", "majors:BTC", 3)
    assert (bought.value, bought.limit, bought.unit) == (40 * UNIT, 40 * UNIT, "BTC minor")


def test_a_gain_in_one_account_makes_good_a_loss_in_another_of_the_desk(desk: Rig) -> None:
    lost = (worth("alpha") + worth("beta")) // 40  # 2.5% of the desk, with a limit of 2%.
    desk.fill("alpha", "BTC/USD", Side.BUY, "0.0001", "60000", 1, fee=str(Decimal(lost) / UNIT))
    desk.fill("beta", "BTC/USD", Side.BUY, "0.0001", "60000", 1, fee=str(-Decimal(lost) / UNIT))
    desk.quotes(2)
    marked = line(desk, "desk_drawdown", "majors", 2)
    assert (desk.fired(), marked.limit, marked.certain) == (["pnl_drawdown:majors:critical:1"], 20_000, True)
    desk.fill("gamma", "BTC/USD", Side.BUY, "0.0001", "60000", 3, fee=str(-Decimal(lost) / UNIT))
    assert line(desk, "desk_drawdown", "majors", 3) == marked, "what another gains is not the desk's"


def test_the_mark_of_a_desk_survives_a_restart(desk: Rig) -> None:
    lost = (worth("alpha") + worth("beta")) // 40
    desk.restart(10)
    held = {asset: str(amount) for asset, amount in HELD["beta"].items()}
    held["USD"] = str(Decimal(held["USD"]) - Decimal(lost) / UNIT)
    desk.report("beta", 11, held)
    desk.report("gamma", 11)
    desk.quotes(12)
    assert desk.fired() == [], "an account of it has not answered"
    desk.report("alpha", 13)
    assert desk.fired() == ["pnl_drawdown:majors:critical:1"]
    told = {key for key in desk.memory if key.endswith(" majors")}
    assert told == {"high_water_mark majors", "profit majors"}


def test_a_desk_is_complete_when_its_own_accounts_have_answered(desk: Rig) -> None:
    desk.restart(10)
    desk.report("alpha", 11)
    desk.quotes(12)
    assert not line(desk, "desk_equity", "majors", 12).certain
    desk.report("beta", 13)
    assert line(desk, "desk_equity", "majors", 13).value == worth("alpha") + worth("beta")
    assert not line(desk, "desk_equity", "majors", 13).certain, "another account of the firm has not answered"
    desk.report("gamma", 14)
    assert line(desk, "desk_equity", "majors", 14).certain


def test_only_levels_that_are_given_are_told(desk: Rig) -> None:
    told = {each.measure.partition("_")[0] for each in desk.figures(1).exposures}
    assert "desk" in told and not told & {"account", "strategy"}


def test_people_see_the_limits_of_every_level(desk: Rig) -> None:
    told = {(each.rule, each.subject): each.at for each in limits_body(desk.limits, desk.reference).limits}
    assert told["position_limit", "majors:BTC"] == "40.00000000"
    assert told["pnl_drawdown", "majors"] == "0.020000" and ("pnl_drawdown", "firm") in told


def test_without_groups_an_event_is_counted_once(reference: ReferenceData) -> None:
    rig = Rig(reference, limits_with(reference, {}, THREE), THREE)
    rulebook = rig.monitor._rulebook
    assert rulebook.wealths == [rulebook.firm]
    assert all(rulebook.wealths_of(account) == [rulebook.firm] for account in HELD)


# Venues.


@pytest.fixture
def apart(reference: ReferenceData) -> Rig:
    """Alpha has 54.6% of the firm's gross wealth, all of it in the north."""
    shares = {"exchange.north": 570_000, "exchange.south": 900_000}
    of_venues = [Limit((venue,), "ppm", level(share)) for venue, share in shares.items()]
    made = Rig(reference, limits_with(reference, NOWHERE, TWO).with_limits("concentration", *of_venues), TWO)
    made.begin()
    return made


def test_what_lies_at_a_venue_is_a_share_of_the_whole(apart: Rig) -> None:
    north = line(apart, "concentration", "exchange.north", 1)
    whole = worth("alpha") + worth("beta")
    assert north.value == worth("alpha") * 1_000_000 // whole and north.limit == 570_000 and north.certain
    south = line(apart, "concentration", "exchange.south", 1)
    assert north.value + south.value in (999_999, 1_000_000)


def test_too_much_at_one_venue_is_an_alert(apart: Rig) -> None:
    assert apart.fired() == []
    held = {asset: str(amount) for asset, amount in HELD["alpha"].items()}
    held["USD"] = str(Decimal(held["USD"]) * 3)
    apart.report("alpha", 2, held, sequence=1)
    assert "concentration:exchange.north:critical:1" in apart.fired()
    assert not any("exchange.south" in each for each in apart.fired())


def test_a_price_moves_the_share_of_a_venue(apart: Rig) -> None:
    before = line(apart, "concentration", "exchange.north", 1).value
    apart.quotes(61, BTC_USD="30000")
    after = line(apart, "concentration", "exchange.north", 62)
    whole = worth("alpha", BTC="30000") + worth("beta", BTC="30000")
    assert after.value == worth("alpha", BTC="30000") * 1_000_000 // whole != before


def test_two_silent_venues_are_one_trouble(reference: ReferenceData) -> None:
    rig = Rig(reference, limits_with(reference, {"systemic_venue": {"critical": 2}}, TWO), TWO)
    rig.begin()
    rig.dark = ("exchange.north",)
    rig.stay(0, 30)
    assert [each for each in rig.fired() if each.startswith("systemic")] == []
    rig.dark = ("exchange.north", "exchange.south")
    rig.stay(30, 45)
    assert [each for each in rig.fired() if each.startswith("systemic")] == ["systemic_venue:venues:critical:1"]
    [fired] = [m for _, m in rig.said if isinstance(m, AlertFired) and m.rule == "systemic_venue"]
    assert fired.value == 2 and ns(39) < fired.occurred_ns <= ns(41)
    rig.dark = ("exchange.north",)
    rig.stay(45, 45 + 12 * 60)
    assert "systemic_venue:venues:critical:1" in rig.resolved()
