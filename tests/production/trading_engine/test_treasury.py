"""What a desk keeps at its venue: it asks what is on its way, and only then for more."""

from collections.abc import Callable

import pytest

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.messages.message import Message
from trading_ecosystem.messages.transfers import (
    QueryTransfers,
    RequestTransfer,
    RequestWithdrawal,
    Transfer,
    TransferKind,
    TransfersReported,
    TransferStatus,
)
from trading_ecosystem.production.trading_engine.config import DeskConfig
from trading_ecosystem.production.trading_engine.desk import Positions
from trading_ecosystem.production.trading_engine.treasury import Treasury

SECOND = 1_000_000_000
UNIT = 10**8
KEEP = """
treasury:
  custodian: custodian
  every: 10m
  keep:
    USD: {floor: 100, keep: 200, ceiling: 300, most: 60, vault: v, bank: b}
    BTC: {floor: 1, keep: 2, ceiling: 3, most: 5, vault: v}
"""
Build = Callable[[str], DeskConfig]


def treasury(desk_config: Build, maker_text: str, usd: int, btc: int) -> Treasury:
    config = desk_config(maker_text + KEEP).treasury
    assert config is not None
    positions = Positions()
    positions.move("USD", usd * UNIT)
    positions.move("BTC", btc * UNIT)
    made = Treasury("desk", "alpha", config, positions)
    made.start(SECOND)
    return made


def report(*assets: str, account: str = "alpha", custodian: str = "custodian") -> TransfersReported:
    open_ones = tuple(
        Transfer(
            transfer_id=1,
            request_id="r",
            transfer_kind=TransferKind.INTERNAL,
            debit_account=account,
            credit_account="v",
            asset=asset,
            amount_minor=1,
            transfer_status=TransferStatus.IN_PROGRESS,
            expected_ns=1,
        )
        for asset in assets
    )
    return TransfersReported(
        to="desk",
        custodian=custodian,
        account=account,
        transfers=open_ones,
        open_count=len(open_ones),
        last_movement_id=0,
        occurred_ns=1,
    )


def asked(made: Treasury, now: int, answer: TransfersReported, trusted: bool = True) -> list[Message]:
    out: list[Message] = []
    made.look(now, trusted, out)
    questions = [QueryTransfers(to="custodian", asker="desk", account="alpha")] if trusted else []
    assert out == questions
    made.take(answer, now, out)
    return out[len(questions) :]


def test_what_is_too_much_goes_to_the_bank_and_without_one_to_the_vault(desk_config: Build, maker_text: str) -> None:
    (sent, put) = asked(treasury(desk_config, maker_text, 301, 9), 600 * SECOND, report())
    assert isinstance(sent, RequestWithdrawal) and isinstance(put, RequestTransfer)
    assert (sent.destination, sent.amount_minor, sent.request_id) == ("b", 60 * UNIT, "alpha.USD.600")
    assert (put.account, put.credit_account, put.amount_minor) == ("alpha", "v", 5 * UNIT)
    assert sent.operator == put.operator == "desk"


def test_what_is_too_little_comes_from_the_vault(desk_config: Build, maker_text: str) -> None:
    (fetched,) = asked(treasury(desk_config, maker_text, 99, 2), 600 * SECOND, report())
    assert isinstance(fetched, RequestTransfer)
    assert (fetched.account, fetched.credit_account, fetched.amount_minor) == ("v", "alpha", 60 * UNIT)


@pytest.mark.parametrize(("usd", "btc"), [(100, 1), (300, 3), (200, 2)])
def test_between_floor_and_ceiling_nothing_is_asked_for(
    usd: int, btc: int, desk_config: Build, maker_text: str
) -> None:
    assert asked(treasury(desk_config, maker_text, usd, btc), 600 * SECOND, report()) == []


def test_one_of_an_asset_at_a_time(desk_config: Build, maker_text: str) -> None:
    made = treasury(desk_config, maker_text, 400, 9)
    assert [type(each) for each in asked(made, 600 * SECOND, report("USD"))] == [RequestTransfer]


def test_an_answer_counts_once_and_only_to_ones_own_question(desk_config: Build, maker_text: str) -> None:
    made = treasury(desk_config, maker_text, 400, 2)
    out: list[Message] = []
    made.take(report(), SECOND, out)
    assert out == []
    assert asked(made, 600 * SECOND, report(account="beta")) == []
    made.take(report(custodian="other"), 600 * SECOND, out)
    made.take(report(), 600 * SECOND, out)
    made.take(report(), 600 * SECOND, out)
    assert len(out) == 1


def test_who_is_not_sure_of_its_positions_asks_for_nothing(desk_config: Build, maker_text: str) -> None:
    made = treasury(desk_config, maker_text, 400, 9)
    assert asked(made, 600 * SECOND, report(), trusted=False) == []
    assert made.due_ns() == 1_200 * SECOND


def test_what_is_brought_in_leaves_a_strategy_flat() -> None:
    positions = Positions()
    assert positions.move("BTC", 5) is None  # Before the first report nothing is remembered.
    positions.resume({"BTC": 10})
    before = positions.excess_minor("BTC")
    remembered = positions.move("BTC", 7)
    assert positions.excess_minor("BTC") == before and remembered is not None
    assert remembered.value == {"BTC": 17}


@pytest.mark.parametrize(
    ("right", "wrong", "problem"),
    [
        ("keep: 200", "keep: 400", "is not between the floor and the ceiling"),
        ("floor: 100", "floor: 250", "is not between the floor and the ceiling"),
        ("    USD:", "    USDX:", "unknown asset 'USDX'"),
        ("vault: v}", "volt: v}", "unknown key 'volt'; did you mean 'vault'?"),
        ("every: 10m", "every: 10ms", "the shortest time allowed is 1s"),
        ("most: 60", "most: 0", "0 is not above zero"),
    ],
)
def test_a_mistake_is_one_line(right: str, wrong: str, problem: str, desk_config: Build, maker_text: str) -> None:
    with pytest.raises(Problem, match=problem.replace("?", r"\?")):
        desk_config(maker_text + KEEP.replace(right, wrong, 1))
