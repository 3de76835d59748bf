"""Messages to plain data and back, by field name. One rule for journal, trail and wire.

A field's name has one meaning everywhere, so one small table tells which names hold more than plain data.
"""

from enum import Enum

from trading_ecosystem.messages import (
    accounts,
    audit,
    books,
    chaos,
    custody,
    health,
    kill_switch,
    market,
    order_changes,
    orders,
    perpetuals,
    risk,
    runtime,
    transfers,
    triggers,
)
from trading_ecosystem.messages.message import Message, field_names, values_of

MODULES = (
    *(runtime, market, orders, order_changes, triggers, perpetuals),
    *(accounts, custody, transfers, books, risk, health, chaos, audit, kill_switch),
)
MESSAGE_TYPES: dict[str, type[Message]] = {
    name: value
    for module in MODULES
    for name, value in vars(module).items()
    if isinstance(value, type)
    and issubclass(value, Message)
    and value.__module__ == module.__name__
    and name != "AccountEvent"
}

ENUMS: dict[str, type[Enum]] = {
    "side": orders.Side,
    "taker_side": orders.Side,
    "order_type": orders.OrderType,
    "time_in_force": orders.TimeInForce,
    "liquidity": orders.Liquidity,
    "market_phase": market.MarketPhase,
    "phase_reason": market.PhaseReason,
    "reject_reason": orders.RejectReason,
    "deny_reason": orders.DenyReason,
    "reason": orders.CancelReason,
    "self_trade": orders.SelfTradeMode,
    "trigger_kind": triggers.TriggerKind,
    "amend_reject_reason": order_changes.AmendRejectReason,
    "cancel_reject_reason": orders.CancelRejectReason,
    "move_reject_reason": perpetuals.MoveRejectReason,
    "fail_reason": custody.FailReason,
    "settlement_status": custody.SettlementStatus,
    "transfer_kind": transfers.TransferKind,
    "transfer_status": transfers.TransferStatus,
    "transfer_refusal": transfers.TransferRefusal,
    "movement_refusal": transfers.MovementRefusal,
    "loss_reason": audit.LossReason,
    "severity": risk.Severity,
    "health": health.HealthStatus,
    "anchor": chaos.PathAnchor,
    "fault": chaos.LinkFault,
    "service_fault": chaos.ServiceFault,
    "feed_fault": chaos.FeedFault,
    "custody_fault": chaos.CustodyFault,
    "venue_fault": chaos.VenueFault,
    "lift_refusal": kill_switch.LiftRefusal,
}
PARTS: dict[str, type] = {
    "balances": accounts.Balance,
    "open_orders": accounts.OpenOrder,
    "positions": perpetuals.OpenPosition,
    "margins": perpetuals.MarginBalance,
    "holdings": accounts.Holding,
    "postings": custody.Posting,
    "settlements": custody.Settlement,
    "transfers": transfers.Transfer,
    "profits": books.Profit,
    "entries": books.BookEntry,
    "breaks": books.Break,
    "netted": books.NettedInstruction,
    "exposures": risk.Exposure,
    "points": chaos.PathPoint,
    "trades": orders.TradeExecuted,
}
TEXTS = ("symbols", "subjects", "senders", "recipients")


def to_plain(message: object) -> list[object]:
    """The values of a message's fields as plain data, in the order of `field_names`."""
    return [plain(value) for value in values_of(message)]


def plain(value: object) -> object:
    if isinstance(value, tuple):
        return [item if isinstance(item, str) else to_plain(item) for item in value]
    if isinstance(value, Message):
        return [type(value).__name__, *to_plain(value)]
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    return value


def from_plain(type_name: str, values: list[object]) -> Message:
    """The message that `to_plain` came from. Raises KeyError, TypeError or ValueError for anything else."""
    message_type = MESSAGE_TYPES[type_name]
    return build(message_type, values)


def build(part_type: type, values: list[object]) -> Message:
    names = field_names(part_type)
    if len(names) != len(values):
        raise ValueError(f"{part_type.__name__} has {len(names)} fields, not {len(values)}")
    built = {name: typed(name, value) for name, value in zip(names, values, strict=True)}
    result: Message = part_type(**built)
    return result


def typed(name: str, value: object) -> object:
    if name in ENUMS:
        return ENUMS[name](value)
    if name in PARTS or name in TEXTS:
        assert isinstance(value, list)
        part = PARTS.get(name)
        return tuple(item if part is None else build(part, item) for item in value)
    if name == "message":
        assert isinstance(value, list)
        return from_plain(value[0], value[1:])
    return value
