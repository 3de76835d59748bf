"""The walk back that `docs/life-of-an-order.md` describes, on the trail of a run."""

from typing import Any

import pytest

pytestmark = pytest.mark.whole

BLOCKS_OF_QUOTES = ("QuotePublished", "BookTopChanged")


def of_type(trail: list[Any], type_name: str) -> list[Any]:
    return [entry for entry in trail if entry.type_name == type_name]


def by(entries: list[Any], field: str) -> dict[Any, Any]:
    return {entry.values[field]: entry for entry in entries}


def in_a_block(trail: list[Any], message_id: int, *type_names: str) -> bool:
    blocks = [entry.values for entry in of_type(trail, "Block") if entry.values["type"] in type_names]
    return any(block["first_id"] <= message_id <= block["last_id"] for block in blocks)


def test_every_settlement_leads_back_to_the_order_or_the_quote_that_began_it(trail: list[Any]) -> None:
    by_id = {entry.message_id: entry for entry in trail if entry.type_name != "Block"}
    instructed = by(of_type(trail, "SettlementInstructed"), "instruction_id")
    trades = by(of_type(trail, "TradeExecuted"), "trade_id")
    accepted = by(of_type(trail, "OrderAccepted"), "client_order_id")
    posted = of_type(trail, "TransactionPosted")
    begun_by_a_desk = 0
    for settled in posted:
        trade = trades[instructed[settled.values["instruction_id"]].values["trade_id"]]
        cause = by_id.get(trade.causation_id)
        if cause is None:
            assert in_a_block(trail, trade.causation_id, "QuotePublished")
            continue
        assert cause.type_name == "SubmitOrder"
        order_id = accepted[cause.values["client_order_id"]].values["order_id"]
        assert order_id in (trade.values["buyer_order_id"], trade.values["seller_order_id"])
        begun_by_a_desk += 1
    assert 0 < begun_by_a_desk < len(posted)


def test_an_order_was_caused_by_what_its_strategy_answered(trail: list[Any]) -> None:
    by_id = {entry.message_id: entry for entry in trail if entry.type_name != "Block"}
    orders = of_type(trail, "SubmitOrder")
    assert orders
    for order in orders:
        cause = by_id.get(order.causation_id)
        assert cause is not None or in_a_block(trail, order.causation_id, *BLOCKS_OF_QUOTES, "Wake", "VenueHeartbeat")


def test_a_settlement_follows_from_a_timer_and_not_from_its_trade(trail: list[Any]) -> None:
    for settled in of_type(trail, "TransactionPosted"):
        assert in_a_block(trail, settled.causation_id, "Wake")


def test_each_order_is_named_once(trail: list[Any]) -> None:
    names = [entry.values["client_order_id"] for entry in of_type(trail, "SubmitOrder")]
    assert len(names) == len(set(names))
