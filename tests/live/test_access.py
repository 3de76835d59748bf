"""What a caller may not see or use is answered as if it were not there."""

import pytest

from trading_ecosystem.live.access import Access
from trading_ecosystem.live.door import RefusalCode, Refused
from trading_ecosystem.messages.accounts import QueryAccount, QueryTrades, TradesReported, VenueHeartbeat
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.orders import CancelOrder, CancelRejected, CancelRejectReason

ACCESS = Access(
    sees={"desk": frozenset({"alpha"}), "monitor": frozenset({"alpha", "beta"})},
    trades={"desk": frozenset({"alpha"})},
)
PRIVATE = CancelRejected(
    account="alpha",
    venue="exchange",
    account_sequence=1,
    occurred_ns=1,
    client_order_id="one",
    cancel_reject_reason=CancelRejectReason.UNKNOWN_ORDER,
)
PUBLIC = VenueHeartbeat(venue="exchange", session=1, occurred_ns=1)
ADDRESSED = TradesReported(to="keeper", venue="exchange", from_trade_id=1, trades=(), occurred_ns=1)


def question(asker: str, account: str) -> QueryAccount:
    return QueryAccount(to="exchange", asker=asker, account=account)


@pytest.mark.parametrize(
    ("caller", "message", "heard"),
    [
        ("desk", PRIVATE, True),
        ("monitor", PRIVATE, True),
        ("stranger", PRIVATE, False),
        ("stranger", PUBLIC, True),
        ("keeper", ADDRESSED, True),
        ("desk", ADDRESSED, False),
    ],
)
def test_who_hears_what(caller: str, message: Message, heard: bool) -> None:
    assert ACCESS.may_hear(caller, message) is heard


@pytest.mark.parametrize(
    ("caller", "command", "code"),
    [
        ("desk", CancelOrder("exchange", "alpha", "one"), None),
        ("desk", CancelOrder("exchange", "beta", "one"), RefusalCode.NOT_FOUND),
        ("desk", CancelOrder("exchange", "nowhere", "one"), RefusalCode.NOT_FOUND),
        ("monitor", CancelOrder("exchange", "alpha", "one"), RefusalCode.NOT_FOUND),  # It sees, and may not trade.
        ("monitor", question("monitor", "beta"), None),
        ("desk", question("desk", "beta"), RefusalCode.NOT_FOUND),
        ("monitor", question("desk", "alpha"), RefusalCode.FORBIDDEN),
        ("stranger", QueryTrades(to="exchange", asker="stranger", from_trade_id=1), None),
        ("stranger", QueryTrades(to="exchange", asker="keeper", from_trade_id=1), RefusalCode.FORBIDDEN),
    ],
)
def test_who_may_ask_for_what(caller: str, command: Message, code: RefusalCode | None) -> None:
    if code is None:
        ACCESS.check(caller, command)
        return
    with pytest.raises(Refused) as refused:
        ACCESS.check(caller, command)
    assert refused.value.code is code


def test_an_account_of_others_is_refused_in_the_same_words_as_none() -> None:
    told = []
    for account in ("beta", "nowhere"):
        with pytest.raises(Refused) as refused:
            ACCESS.check("desk", CancelOrder("exchange", account, "one"))
        told.append(str(refused.value))
    assert told[0] == told[1]


def test_a_service_without_private_accounts_refuses_nobody() -> None:
    Access().check("anybody", QueryTrades(to="exchange", asker="anybody", from_trade_id=1))
    assert Access().may_hear("anybody", PUBLIC)
