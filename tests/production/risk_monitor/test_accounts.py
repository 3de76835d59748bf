"""What is known of an account is what the venue knew, however its events were lost, repeated or shuffled."""

from hypothesis import given, settings, strategies as st

from trading_ecosystem.messages.accounts import AccountReported, Balance, Holding, HoldingsReported
from trading_ecosystem.messages.orders import AccountEvent, CancelReason, OrderCanceled
from trading_ecosystem.production.risk_monitor.accounts import Account, Custody

LENGTH = 12


def event(sequence: int) -> OrderCanceled:
    return OrderCanceled("alpha", "exchange", sequence, 0, 1, "c", "BTC/USD", 1, CancelReason.REQUESTED)


def report(sequence: int, **amounts: int) -> AccountReported:
    balances = tuple(Balance(asset=a, free_minor=m - 1, locked_minor=1) for a, m in amounts.items())
    return AccountReported(
        to="risk",
        venue="exchange",
        account="alpha",
        account_sequence=sequence,
        balances=balances,
        open_orders=(),
        occurred_ns=0,
    )


def holdings(posted: int, pending: int) -> HoldingsReported:
    held = (Holding(account="alpha", asset="BTC", posted_minor=posted, pending_minor=pending),)
    return HoldingsReported(to="risk", custodian="custodian", account="alpha", holdings=held, occurred_ns=0)


def known(reports: list[int], events: set[int]) -> int | None:
    """How far an account is known: the latest report, and whatever follows it without a gap."""
    if not reports:
        return None
    sequence = max(reports)
    while sequence + 1 in events:
        sequence += 1
    return sequence


@settings(max_examples=100)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, LENGTH)), max_size=30))
def test_an_account_is_known_as_far_as_report_and_events_reach(steps: list[tuple[bool, int]]) -> None:
    account = Account("alpha", "exchange")
    reports: list[int] = []
    events: set[int] = set()
    counted: list[AccountEvent] = []
    for is_report, sequence in steps:
        if is_report:
            reports.append(sequence)
            account.take(report(sequence, BTC=10 + sequence))
            counted += account.release()
        else:
            events.add(sequence)
            counted += account.accept(event(sequence), 0)
        expected = known(reports, events)
        assert account.answered == (expected is not None)
        if expected is not None:
            assert account.sequence == expected
            assert bool(account.early) == any(each > expected for each in events)
    numbers = [each.account_sequence for each in counted]
    assert numbers == sorted(set(numbers))


def test_a_report_counts_orders_in_the_book_and_tells_what_it_changes() -> None:
    account = Account("alpha", "exchange")
    assert account.doubt
    assert account.take(report(4, BTC=10, USD=5)) == {"BTC": 10, "USD": 5}
    assert account.take(report(6, BTC=7)) == {"BTC": -3, "USD": -5}
    assert account.take(report(5, BTC=1)) is None
    assert (account.amounts["BTC"], account.doubt) == (7, "")


def test_balances_that_differ_at_the_same_event_are_doubtful_until_a_report_agrees() -> None:
    account = Account("alpha", "exchange")
    account.take(report(4, BTC=10))
    assert account.take(report(4, BTC=9)) == {"BTC": -1}
    assert "differed from what its fills say" in account.doubt
    assert account.take(report(4, BTC=9)) == {}
    assert account.doubt == ""


def test_one_differing_answer_of_the_custodian_is_a_trade_on_its_way_and_three_are_a_doubt() -> None:
    account = Account("alpha", "exchange")
    account.take(report(4, BTC=10))
    custody = Custody(account)
    custody.take(holdings(posted=8, pending=2))
    assert (custody.asked, custody.doubt) == (False, "")
    for _ in range(2):
        custody.take(holdings(posted=8, pending=1))
        assert (custody.asked, custody.doubt) == (True, "")
    custody.take(holdings(posted=8, pending=1))
    assert custody.doubt and not custody.asked
    custody.take(holdings(posted=10, pending=0))
    assert custody.doubt == ""


def test_what_the_custodian_says_is_not_compared_with_an_account_that_is_in_doubt() -> None:
    custody = Custody(Account("alpha", "exchange"))
    for _ in range(5):
        custody.take(holdings(posted=1, pending=0))
    assert custody.asked and not custody.doubt


def test_trades_on_their_way_at_every_answer_are_no_dispute_and_a_dispute_ends_only_by_an_answer_that_agrees() -> None:
    """A busy account whose trades fall just before each question differs every time, each time by another trade."""
    account = Account("alpha", "exchange")
    account.take(report(1, BTC=10))
    custody = Custody(account)
    for posted in (9, 8, 9, 7, 12):
        custody.take(holdings(posted=posted, pending=0))
        assert custody.doubt == "" and custody.asked
    for _ in range(3):
        custody.take(holdings(posted=4, pending=0))
    assert custody.doubt and not custody.asked
    custody.take(holdings(posted=5, pending=0))
    assert custody.doubt
    custody.take(holdings(posted=4, pending=6))
    assert custody.doubt == "" and not custody.asked
