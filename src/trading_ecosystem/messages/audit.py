"""Delivery facts for the audit correlator, and what it finds."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, final

from mypy_extensions import mypyc_attr

from trading_ecosystem.messages.message import Message, Published


@final
@mypyc_attr(acyclic=True)
class Envelope(Message):
    """Delivery facts about a message. Runners read and write these; no other core sees one.

    `causation_id` is the message whose handling sent this one, 0 if it came from outside;
    `correlation_id` is the first message of the story, handed on from cause to effect.
    """

    __slots__ = ("causation_id", "correlation_id", "message", "message_id", "sender", "sent_ns")
    __match_args__: Final = (
        "message_id",
        "causation_id",
        "correlation_id",
        "sender",
        "sent_ns",
        "message",
    )

    def __init__(
        self,
        message_id: int,
        causation_id: int,
        correlation_id: int,
        sender: str,
        sent_ns: int,
        message: Message,
    ) -> None:
        self.message_id = message_id
        self.causation_id = causation_id
        self.correlation_id = correlation_id
        self.sender = sender
        self.sent_ns = sent_ns
        self.message = message


class LossReason(StrEnum):
    PARTITION = "partition"
    LOSS = "loss"
    RECIPIENT_DOWN = "recipient_down"
    SENDER_CRASHED = "sender_crashed"  # Handled, but not durable when the sender died.


@final
@dataclass(frozen=True, kw_only=True)
class DeliveryLost(Message):
    """A message did not reach one of its recipients."""

    message_id: int
    recipient: str
    loss_reason: LossReason
    occurred_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class InvariantViolated(Published):
    """The streaming checker found what must never be."""

    invariant: str  # The id and words of the invariant.
    detail: str
    message_id: int
    occurred_ns: int
