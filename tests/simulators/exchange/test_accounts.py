"""Amounts never get below zero, and what one account is credited another was debited."""

import pytest

from trading_ecosystem.simulators.exchange.accounts import Accounts, AssetTotal, Funds


def funds_of(free_minor: int) -> Funds:
    funds = Funds(AssetTotal())
    funds.credit(free_minor)
    return funds


def test_a_lock_is_released_or_spent() -> None:
    funds = funds_of(100)
    funds.lock(70)
    funds.release(20)
    funds.spend(unlocked_minor=30, cost_minor=25)
    assert (funds.free_minor, funds.locked_minor, funds.total.counted_minor) == (55, 20, 75)
    funds.spend(unlocked_minor=0, cost_minor=55)
    assert (funds.free_minor, funds.locked_minor) == (0, 20)


@pytest.mark.parametrize(
    ("verb", "amounts"),
    [
        ("lock", (81,)),
        ("lock", (-1,)),
        ("release", (21,)),
        ("release", (-1,)),
        ("spend", (21, 0)),
        ("spend", (0, 81)),
        ("spend", (10, 11)),  # A lock that does not cover its cost.
        ("credit", (-1,)),
    ],
)
def test_what_must_never_be_is_asserted(verb: str, amounts: tuple[int, ...]) -> None:
    funds = funds_of(100)
    funds.lock(20)
    with pytest.raises(AssertionError):
        getattr(funds, verb)(*amounts)


def test_a_credit_without_a_debit_is_noticed() -> None:
    accounts = Accounts(["USD"], {"ann": {"USD": 5}})
    accounts.totals["USD"].assert_conserved()
    accounts.by_name["ann"].funds["USD"].credit(1)
    with pytest.raises(AssertionError):
        accounts.totals["USD"].assert_conserved()


def test_a_state_with_other_totals_is_not_taken_over() -> None:
    saved = Accounts(["USD"], {"ann": {"USD": 6}}).save()
    with pytest.raises(AssertionError):
        Accounts(["USD"], {"ann": {"USD": 5}}).restore(saved)
    with pytest.raises(AssertionError):
        Accounts(["USD"], {"bob": {"USD": 6}}).restore(saved)


def test_the_accounts_of_the_venue_are_there_and_are_no_clients() -> None:
    accounts = Accounts(["USD"], {"ann": {}, "noise": {"USD": 3}})
    assert list(accounts.by_name) == ["ann", "noise", "background", "fees"]
    assert [name for name in accounts.by_name if accounts.client(name)] == ["ann"]
    assert accounts.client("nobody") is None
