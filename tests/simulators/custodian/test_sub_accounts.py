"""Assets between a master and its sub-account before what brought them has settled, seen by the streaming checker."""

import pytest
from tests.simulators.custodian.coupled import (
    AT_VENUE,
    HOUR_NS,
    MINUTE_NS,
    NOBODY_APPROVES,
    REFERENCE,
    SECOND_NS,
    VAULTS,
    Coupled,
    order,
    transfer,
)

from trading_ecosystem.messages.audit import Envelope
from trading_ecosystem.messages.orders import Side
from trading_ecosystem.messages.transfers import RequestTransfer, TransferRefused, TransferStatus
from trading_ecosystem.validation.audit_correlator.checker import ConservationChecker

COMPLETED, IN_PROGRESS = TransferStatus.COMPLETED, TransferStatus.IN_PROGRESS
NOTHING = {"USD": 0, "BTC": 0}


def violations(rig: Coupled) -> list[str]:
    """All that both said, from the beginning to now, as the end."""
    [pair] = REFERENCE.instruments.values()
    sizes = {pair.symbol: pair.quote_minor_per_tick_lot}, {pair.symbol: pair.base_minor_per_lot}
    checker = ConservationChecker(AT_VENUE, *sizes, 0, VAULTS)
    found = []
    for number, (at_ns, message) in enumerate(rig.log, start=1):
        found += checker.observe(Envelope(number, 0, number, "somebody", at_ns, message))
    return [each.invariant for each in (*found, *checker.finish(rig.now))]


def bought_by_sub(rig: Coupled) -> None:
    """Ann gives her sub-account 200 USD, with which it buys 8 BTC of Bob at 25. They settle ten minutes later."""
    rig.say(transfer("funds", "ann", "sub", "USD", 200))
    rig.run(SECOND_NS)
    rig.say(order("bob", "b1", Side.SELL, 25, 8), order("sub", "s1", Side.BUY, 25, 8))
    rig.run(SECOND_NS)
    assert rig.venue("sub") == {"USD": 0, "BTC": 8} and rig.custody("sub") == {"USD": 200}
    assert rig.pending("sub") == {"USD": -200, "BTC": 8}


def test_what_a_sub_account_bought_goes_up_when_it_has_settled() -> None:
    rig = Coupled(NOBODY_APPROVES)
    bought_by_sub(rig)
    rig.say(transfer("up", "sub", "ann", "BTC", 8))
    rig.run(SECOND_NS)
    assert rig.venue("sub")["BTC"] == 0 and rig.status("up") is IN_PROGRESS
    assert rig.custody("sub") == {"USD": 200}, "what custody does not have yet cannot leave"
    assert rig.differences() == NOTHING
    rig.run(11 * MINUTE_NS)
    assert rig.status("up") is COMPLETED
    assert rig.venue("ann") == {"USD": 800, "BTC": 18} and rig.custody("ann") == {"USD": 800, "BTC": 18}
    assert rig.custody("sub") == {} and rig.differences() == NOTHING
    assert violations(rig) == []


@pytest.mark.parametrize(("account", "credit_account"), [("sub", "bob"), ("bob", "sub"), ("sub", "bob.vault")])
def test_a_stranger_is_refused_whatever_is_on_its_way(account: str, credit_account: str) -> None:
    rig = Coupled(NOBODY_APPROVES)
    bought_by_sub(rig)
    before = [rig.venue(each) for each in AT_VENUE]
    said = rig.say(transfer("x", account, credit_account, "BTC", 1))
    assert [each.transfer_refusal.value for each in said if isinstance(each, TransferRefused)] == ["other_owner"]
    rig.run(HOUR_NS)
    assert [rig.venue(each) for each in AT_VENUE] == before
    assert violations(rig) == []


def test_what_went_round_comes_back_as_it_was() -> None:
    """Down, into the vault of the owner and back up, with a trade that settles in between."""
    rig = Coupled(NOBODY_APPROVES)
    bought_by_sub(rig)
    ways: list[RequestTransfer] = [
        transfer("1", "ann", "sub", "USD", 300),
        transfer("2", "sub", "ann.vault", "USD", 300),
        transfer("3", "ann.vault", "ann", "USD", 300),
    ]
    for way in ways:
        rig.say(way)
        rig.run(4 * MINUTE_NS)
        assert rig.differences() == NOTHING
    rig.run(HOUR_NS)
    assert [rig.status(way.request_id) for way in ways] == [COMPLETED] * 3
    assert rig.custody("ann") == {"USD": 800, "BTC": 10} and rig.custody("sub") == {"BTC": 8}
    assert violations(rig) == []


def test_the_checker_would_see_what_custody_lost() -> None:
    rig = Coupled(NOBODY_APPROVES)
    bought_by_sub(rig)
    rig.say(transfer("up", "sub", "ann", "BTC", 8))
    rig.run(HOUR_NS)
    rig.log = [(at_ns, each) for at_ns, each in rig.log if getattr(each, "movement_id", 0) != 3]
    assert violations(rig) != []
