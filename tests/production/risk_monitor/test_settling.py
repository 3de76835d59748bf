"""What is on its way to the firm, by settlement or transfer, is a share of its wealth; unknown, it is no figure."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from tests.production.risk_monitor.conftest import HELD, PRICES, Rig, limits_with, ns
from tests.production.risk_monitor.test_custody import settlements

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.messages.accounts import Holding, HoldingsReported
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import Side
from trading_ecosystem.messages.risk import AlertFired, Exposure
from trading_ecosystem.messages.transfers import Transfer, TransferKind, TransfersReported, TransferStatus
from trading_ecosystem.reference import ReferenceData

PAGE = Path(__file__).parents[3] / "docs" / "limits.md"
UNIT = 10**8
WHOLE = 11_350_000  # What both accounts have at the usual prices, in USD.
LIMITS: dict[str, object] = {
    "concentration": {
        "assets": {},
        "issuers": {},
        "settlement": {"warning": {"at": "10%"}, "critical": {"at": "15%", "resolves": "12%"}},
    }
}
TRANSFERS: dict[str, object] = {"transfer_overdue": {"critical": "1h"}}
MOVING = TransferStatus.IN_PROGRESS


def holdings(account: str, at: float, **pending: str) -> HoldingsReported:
    """All that the venue says, so much of it still pending."""
    held: list[Holding] = []
    for asset, amount in HELD[account].items():
        pending_minor = int(Decimal(pending.get(asset, "0")) * UNIT)
        posted_minor = amount * UNIT - pending_minor
        held.append(Holding(account=account, asset=asset, posted_minor=posted_minor, pending_minor=pending_minor))
    return HoldingsReported("risk", "custodian", account, tuple(held), ns(at))


def holding(account: str, asset: str, posted: int, pending: int) -> Holding:
    return Holding(account=account, asset=asset, posted_minor=posted * UNIT, pending_minor=pending * UNIT)


def transfer(
    number: int, asset: str, amount: str, debit: str, credit: str, status: TransferStatus = MOVING
) -> Transfer:
    return Transfer(
        transfer_id=number,
        request_id=f"r{number}",
        transfer_kind=TransferKind.INTERNAL,
        debit_account=debit,
        credit_account=credit,
        asset=asset,
        amount_minor=int(Decimal(amount) * UNIT),
        transfer_status=status,
        expected_ns=0,
    )


def transfers(account: str, at: float, *moving: Transfer, unheard: int = 0) -> TransfersReported:
    return TransfersReported(
        to="risk",
        custodian="custodian",
        account=account,
        transfers=moving,
        open_count=len(moving) + unheard,
        last_movement_id=0,
        occurred_ns=ns(at),
    )


def made(reference: ReferenceData, entries: dict[str, object]) -> Rig:
    rig = Rig(reference, limits_with(reference, entries))
    rig.begin()
    return rig


@pytest.fixture
def rig(reference: ReferenceData) -> Rig:
    return made(reference, LIMITS)


@pytest.fixture
def moving(reference: ReferenceData) -> Rig:
    return made(reference, LIMITS | TRANSFERS)


def hear(rig: Rig, at: float, *messages: Message) -> None:
    for message in messages:
        rig.hear(message, at)


def line(rig: Rig, at: float) -> Exposure:
    lines = rig.monitor.statement.report(ns(at)).exposures
    [found] = [each for each in lines if (each.measure, each.subject) == ("concentration", "settlement")]
    return found


def ours(rig: Rig) -> list[str]:
    return [each for each in rig.fired() if each.startswith("concentration:settlement")]


def test_what_is_not_delivered_is_a_share_of_the_whole(rig: Rig) -> None:
    hear(rig, 1, holdings("alpha", 1, BTC="10", USD="-600000"), holdings("beta", 1))
    told = line(rig, 1)
    assert (told.value, told.limit, told.unit, told.certain) == (600_000 * 10**6 // WHOLE, 150_000, "ppm", True)
    assert ours(rig) == []


def test_too_much_of_it_is_an_alert_and_its_delivery_ends_it(rig: Rig) -> None:
    hear(rig, 1, holdings("alpha", 1, BTC="10"), holdings("beta", 1, BTC="8.916", ETH="-300"))
    assert ours(rig) == []
    hear(rig, 5, holdings("beta", 5, BTC="8.917"))
    assert ours(rig) == ["concentration:settlement:warning:1"]
    hear(rig, 9, holdings("alpha", 9, USDT="502500", BTC="10"), holdings("beta", 9, USDT="600000"))
    assert ours(rig) == ["concentration:settlement:warning:1", "concentration:settlement:critical:1"]
    [fired] = [m for _, m in rig.said if isinstance(m, AlertFired) and m.severity.value == "critical"]
    assert (fired.value, fired.limit, fired.breached_ns) == (1_702_500 * 10**6 // WHOLE, 150_000, ns(9))
    for second in range(13, 900, 4):
        rig.quotes(second)
        hear(rig, second, holdings("alpha", second), holdings("beta", second))
    assert [each for each in rig.resolved() if "settlement" in each] == [f"{each}" for each in ours(rig)]


def test_what_one_account_owes_pays_nothing_to_another(rig: Rig) -> None:
    hear(rig, 1, holdings("alpha", 1, BTC="10"), holdings("beta", 1, BTC="-10"))
    assert line(rig, 1).value == 600_000 * 10**6 // WHOLE


def test_a_price_moves_the_share(rig: Rig) -> None:
    hear(rig, 1, holdings("alpha", 1, BTC="18.9"), holdings("beta", 1))
    assert ours(rig) == []
    rig.quotes(2, BTC_USD="61000")
    assert line(rig, 2).value == 18_900 * 61 * 10**6 // (WHOLE + 35_000)
    assert ours(rig) == ["concentration:settlement:warning:1"]


def test_a_transfer_counts_while_it_is_on_its_way(moving: Rig) -> None:
    both = [transfer(1, "USD", "1000000", "alpha", "external", TransferStatus.CONFIRMING)]
    both.append(transfer(2, "BTC", "5", "vault", "alpha"))
    waits = transfer(3, "USD", "900000", "alpha", "external", TransferStatus.AWAITING_APPROVAL)
    hear(moving, 1, holdings("alpha", 1), holdings("beta", 1), transfers("beta", 1))
    hear(moving, 1, transfers("alpha", 1, *both, waits))
    assert line(moving, 1).value == 1_300_000 * 10**6 // (WHOLE + 1_300_000) and line(moving, 1).certain
    assert ours(moving) == ["concentration:settlement:warning:1"]
    hear(moving, 5, transfers("alpha", 5))
    assert line(moving, 5).value == 0


def test_a_transfer_between_accounts_of_the_firm_counts_once(moving: Rig) -> None:
    between = transfer(1, "USD", "1000000", "alpha", "beta")
    hear(moving, 1, holdings("alpha", 1), holdings("beta", 1))
    hear(moving, 1, transfers("alpha", 1, between), transfers("beta", 1, between))
    assert line(moving, 1).value == 1_000_000 * 10**6 // (WHOLE + 1_000_000)


def test_the_example_of_the_page_is_right(reference: ReferenceData) -> None:
    """That of docs/limits.md: of 10 BTC 4 have come, and 200,000 USD have left the venue."""
    rig = Rig(reference, limits_with(reference, LIMITS | TRANSFERS))
    rig.report("alpha", 0, {"USD": "4400000", "BTC": "10"})
    rig.report("beta", 0, {"USD": "1000000"})
    rig.quotes(0)
    bought = (holding("alpha", "USD", 4_760_000, -360_000), holding("alpha", "BTC", 4, 6))
    hear(rig, 1, HoldingsReported("risk", "custodian", "alpha", bought, ns(1)))
    hear(rig, 1, HoldingsReported("risk", "custodian", "beta", (holding("beta", "USD", 1_000_000, 0),), ns(1)))
    hear(rig, 1, transfers("alpha", 1, transfer(1, "USD", "200000", "alpha", "bank")), transfers("beta", 1))
    told = line(rig, 1)
    assert (told.value, told.certain) == (90_322, True)
    assert "560,000 of 6.2 million USD are on their way, 9.03%" in PAGE.read_text(encoding="utf-8")


HUGE = {"BTC": "19", "USDT": "900000"}


@pytest.mark.parametrize("account", ["alpha", "beta"])
def test_before_every_account_is_answered_nothing_is_known(rig: Rig, account: str) -> None:
    hear(rig, 1, holdings(account, 1, **{asset: "14" if asset == "BTC" else amount for asset, amount in HUGE.items()}))
    assert not line(rig, 1).certain and ours(rig) == []
    other = "beta" if account == "alpha" else "alpha"
    hear(rig, 2, holdings(other, 2, BTC="5"))
    assert line(rig, 2).certain and len(ours(rig)) == 2


def test_without_an_answer_about_transfers_nothing_is_known(moving: Rig) -> None:
    hear(moving, 1, holdings("alpha", 1, **HUGE), holdings("beta", 1), transfers("alpha", 1))
    assert not line(moving, 1).certain and ours(moving) == []
    hear(moving, 2, transfers("beta", 2))
    assert line(moving, 2).certain and len(ours(moving)) == 2


def test_a_report_that_is_cut_short_is_no_figure(moving: Rig) -> None:
    hear(moving, 1, holdings("alpha", 1, **HUGE), holdings("beta", 1), transfers("beta", 1))
    hear(moving, 1, transfers("alpha", 1, unheard=1))
    assert not line(moving, 1).certain and ours(moving) == []


@pytest.mark.parametrize("others_speak", [True, False])
def test_a_custodian_that_says_no_more_leaves_nothing_known(rig: Rig, others_speak: bool) -> None:
    limited = {"warning": {"at": "10%", "for": "30s"}, "critical": {"at": "15%", "for": "30s"}}
    concentration = {"assets": {}, "issuers": {}, "settlement": limited}
    rig = made(rig.reference, {"concentration": concentration})
    hear(rig, 1, holdings("alpha", 1, **HUGE), holdings("beta", 1))
    rig.stay(1, 12)
    assert line(rig, 12).certain
    if others_speak:
        rig.stay(12, 40)
    else:
        rig.wait(40)
    assert not line(rig, 40).certain and ours(rig) == []
    assert any("in settlement is not known" in each for each in rig.monitor.statement.doubts())
    if not others_speak:
        return
    hear(rig, 41, holdings("alpha", 41, **HUGE), holdings("beta", 41))
    assert line(rig, 41).certain and len(ours(rig)) == 2
    assert not any("in settlement" in each for each in rig.monitor.statement.doubts())


def test_books_that_are_disputed_tell_nothing(rig: Rig) -> None:
    for second in (1, 2, 3):
        short = holdings("alpha", second, **HUGE)
        held = tuple(
            Holding(account="alpha", asset=h.asset, posted_minor=h.posted_minor - 1, pending_minor=h.pending_minor)
            for h in short.holdings
        )
        hear(rig, second, HoldingsReported("risk", "custodian", "alpha", held, ns(second)))
    hear(rig, 3, holdings("beta", 3))
    assert not line(rig, 3).certain and ours(rig) == []


def test_an_older_report_says_nothing(moving: Rig) -> None:
    hear(moving, 5, holdings("alpha", 5), holdings("beta", 5), transfers("alpha", 5), transfers("beta", 5))
    hear(moving, 6, holdings("alpha", 4, **HUGE))
    hear(moving, 6, transfers("alpha", 4, transfer(1, "USD", "5000000", "alpha", "external")))
    assert line(moving, 6).value == 0 and ours(moving) == []


def test_what_has_no_price_is_not_known(reference: ReferenceData) -> None:
    rig = Rig(reference, limits_with(reference, LIMITS | TRANSFERS))
    for account in rig.places:
        rig.report(account, 0)
    for symbol in ("BTC/USD", "ETH/USD", "USDT/USD"):  # And none of what nobody holds.
        rig.quote(symbol, PRICES[symbol], 0)
    hear(rig, 1, holdings("alpha", 1), holdings("beta", 1), transfers("beta", 1))
    hear(rig, 1, transfers("alpha", 1, transfer(1, "USDC", "9000000", "external", "alpha")))
    assert not line(rig, 1).certain and ours(rig) == []
    rig.quote("USDC/USD", "1", 2)
    rig.quotes(2)
    assert line(rig, 2).certain and len(ours(rig)) == 2


def test_while_the_whole_is_not_known_no_share_of_it_fires(reference: ReferenceData) -> None:
    limited = {"warning": {"at": "10%", "for": "30s"}, "critical": {"at": "15%", "for": "30s"}}
    concentration = {"assets": {}, "issuers": {}, "settlement": limited}
    rig = Rig(reference, limits_with(reference, {"concentration": concentration}))
    for account in rig.places:
        rig.report(account, 0)
    for symbol in ("BTC/USD", "ETH/USD", "USDT/USD"):
        rig.quote(symbol, PRICES[symbol], 0)
    hear(rig, 1, holdings("alpha", 1, **HUGE), holdings("beta", 1))
    rig.fill("alpha", "USDC/USD", Side.BUY, "1000", "1", 2)  # Nobody has said what that is worth.
    for second in range(5, 60, 4):
        hear(rig, second, holdings("alpha", second, **HUGE), holdings("beta", second))
    assert not line(rig, 60).certain and ours(rig) == []


def test_without_the_limit_there_is_no_figure(reference: ReferenceData) -> None:
    rig = made(reference, {})
    hear(rig, 1, holdings("alpha", 1, **HUGE), holdings("beta", 1))
    assert not [each for each in rig.monitor.statement.report(ns(1)).exposures if each.subject == "settlement"]


def test_levels_must_be_levels(reference: ReferenceData) -> None:
    levels = {"warning": {"at": "15%"}, "critical": {"at": "10%"}}
    with pytest.raises(Problem, match="the critical level must be above the warning level"):
        limits_with(reference, {"concentration": {"assets": {}, "issuers": {}, "settlement": levels}})


def test_nothing_else_has_the_name(reference: ReferenceData) -> None:
    named = [replace(asset, issuer="settlement" if asset.issuer else "") for asset in reference.assets.values()]
    other = ReferenceData("USD", named, list(reference.instruments.values()))
    levels = {"warning": {"at": "10%"}, "critical": {"at": "15%"}}
    with pytest.raises(Problem, match="nothing else can have the name 'settlement' here"):
        limits_with(other, {"concentration": {"assets": {}, "issuers": {"settlement": levels}}})


def test_what_is_overdue_is_owed_for_certain(rig: Rig) -> None:
    rig.stay(0, 100)
    hear(rig, 100, holdings("alpha", 100, BTC="10"), holdings("beta", 100), settlements(1, at=100))
    assert "settlement_overdue:alpha:critical:1" in rig.fired()
    rig.quotes(101)
    told = rig.monitor.statement.report(ns(101))
    assert line(rig, 101).certain and not told.certain


# The same, reckoned from the start each time.

AMOUNTS = st.integers(-30 * UNIT, 30 * UNIT)
ASSETS = ("USD", "USDT", "BTC", "ETH")
STATES = (TransferStatus.HELD, TransferStatus.IN_PROGRESS, TransferStatus.CONFIRMING)


@st.composite
def events(draw: Any) -> tuple[str, Any]:
    what = draw(st.sampled_from(["holdings", "transfers", "price"]))
    account = draw(st.sampled_from(["alpha", "beta"]))
    if what == "price":
        return what, (draw(st.sampled_from(["BTC", "ETH"])), draw(st.integers(100, 90_000)))
    if what == "holdings":
        return what, (account, draw(st.dictionaries(st.sampled_from(ASSETS), AMOUNTS)))
    other = draw(st.sampled_from(["external", "alpha" if account == "beta" else "beta"]))
    ends = draw(st.permutations([account, other]))
    return what, (
        account,
        draw(st.sampled_from(ASSETS)),
        draw(st.integers(1, 30 * UNIT)),
        draw(st.sampled_from(STATES)),
        ends,
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(events(), min_size=1, max_size=25))
def test_the_share_is_that_of_all_that_is_open(reference: ReferenceData, story: list[tuple[str, Any]]) -> None:
    rig = made(reference, LIMITS | TRANSFERS)
    pending: dict[str, dict[str, int]] = {"alpha": {}, "beta": {}}
    moving: dict[str, list[Transfer]] = {"alpha": [], "beta": []}
    prices = {"USD": 1, "USDT": 1, "BTC": 60_000, "ETH": 2_500}
    for account in rig.places:
        hear(rig, 0, holdings(account, 0), transfers(account, 0))
    for at, (what, told) in enumerate(story, start=1):
        if what == "price":
            prices[told[0]] = told[1]
            rig.quote(f"{told[0]}/USD", str(told[1]), at)
        elif what == "holdings":
            account, pending[account] = told
            amounts = {asset: str(Decimal(minor) / UNIT) for asset, minor in pending[account].items()}
            hear(rig, at, holdings(account, at, **amounts))
        else:
            account, asset, minor, status, (debit, credit) = told
            each = transfer(at, asset, str(Decimal(minor) / UNIT), debit, credit, status)
            for end in {debit, credit} & set(moving):  # Both are told of it, in the same state.
                moving[end].append(each)
                hear(rig, at, transfers(end, at, *moving[end]))
    owed = sum(prices[a] * m for amounts in pending.values() for a, m in amounts.items() if m > 0)
    unique = {each.transfer_id: each for ones in moving.values() for each in ones if each.transfer_status in STATES[1:]}
    on_its_way = sum(prices[each.asset] * each.amount_minor for each in unique.values())
    gross = sum(prices[asset] * amount * UNIT for account in rig.places for asset, amount in HELD[account].items())
    assert line(rig, len(story)).value == int(Fraction((owed + on_its_way) * 10**6, gross + on_its_way))
