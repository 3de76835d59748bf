"""What is said about the kill switch of a desk: who engages it, who lifts it, and how it stands.

While it is engaged, the desk sends no order, and has none at its venue.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import final

from trading_ecosystem.messages.message import Addressed, Published


class LiftRefusal(StrEnum):
    """Why a switch stays as it is. Listed by precedence: when several apply, the first is the one reported."""

    NOT_ENGAGED = "not_engaged"
    NO_PERSON = "no_person"  # Whoever lifts it is a person, and is named.
    NO_GROUNDS = "no_grounds"


@final
@dataclass(frozen=True, kw_only=True)
class EngageKillSwitch(Addressed):
    """Stop the desk `to`. `operator` is the person or the service that does; engaged already, it stays as it is."""

    to: str
    operator: str
    grounds: str


@final
@dataclass(frozen=True, kw_only=True)
class LiftKillSwitch(Addressed):
    """Let the desk `to` trade again."""

    to: str
    operator: str
    grounds: str


@final
@dataclass(frozen=True, kw_only=True)
class QueryKillSwitch(Addressed):
    to: str
    asker: str


@final
@dataclass(frozen=True, kw_only=True)
class KillSwitchReported(Addressed):
    """How the switch stands, and since when, by whom and why; 0 and empty while nobody has ever touched it."""

    to: str
    account: str
    engaged: bool
    operator: str
    grounds: str
    occurred_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class KillSwitchChanged(Published):
    """The desk of `account` was stopped, or may trade again. A desk that starts while it is stopped says so again."""

    account: str
    engaged: bool
    operator: str
    grounds: str
    occurred_ns: int


@final
@dataclass(frozen=True, kw_only=True)
class LiftRefused(Published):
    """The switch of the desk of `account` stays as it is."""

    account: str
    operator: str
    lift_refusal: LiftRefusal
    occurred_ns: int
