"""Who calls, what they may do, and how they reach the core.

Rule 1: whoever shows no valid token is told so in the same words, whatever is wrong with it.
Rule 2: an account that is not the caller's does not exist for the caller.
"""

import asyncio
import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Protocol, TypeVar, final

from fastapi import Depends
from starlette.requests import HTTPConnection

from trading_ecosystem.live.door import Door, Header, RefusalCode, Refused
from trading_ecosystem.live.rest.problems import Trouble, trouble_of, unknown
from trading_ecosystem.messages.message import Message

DEADLINE_S = 5.0  # Of one question to the core.
TOKEN = re.compile(r"[\x21-\x7e]{1,512}")
TRACE_PARENT = re.compile(r"00-0{16}([0-9a-f]{16})-([0-9a-f]{16})-[0-9a-f]{2}")
LARGEST_ID = (1 << 63) - 1
Kind = TypeVar("Kind", bound=Message)


class Scope(StrEnum):
    READ = "read"
    TRADE = "trade"
    WITHDRAW = "withdraw"
    APPROVE = "approve"
    ACKNOWLEDGE = "acknowledge"
    AUDIT = "audit"


class Authorise(Protocol):
    def __call__(self, token: str, scope: str, account: str) -> str:
        """Who the holder of this token is. `account` is empty where no account is meant.

        Raises `Refused`: UNAUTHENTICATED for no valid token, FORBIDDEN without the scope, NOT_FOUND for an account
        that is not the holder's.
        """


@final
class Caller:
    """Somebody with a valid token and the scope that the call needs. `cause` is their own span, if they told it."""

    def __init__(
        self, identity: str, token: str, scope: Scope, authorise: Authorise, door: Door, cause: Header | None
    ) -> None:
        self.identity = identity
        self.token = token
        self._scope = scope
        self._authorise = authorise
        self._door = door
        self._cause = cause

    def confine(self, account: str) -> None:
        """Raises `Trouble` (404) unless the account is the caller's to use."""
        try:
            self._authorise(self.token, self._scope, account)
        except Refused as refused:
            if refused.code in (RefusalCode.NOT_FOUND, RefusalCode.FORBIDDEN):
                raise unknown("account") from refused
            raise

    async def ask(self, message: Message) -> Sequence[Message]:
        """As `Door.ask`, but not for ever: raises `Refused` with DEADLINE after five seconds."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                return await self._door.ask(message, self._cause)
        except TimeoutError:
            raise Refused(RefusalCode.DEADLINE, "no answer in time; ask again what became of it") from None

    async def ask_for(self, message: Message, kind: type[Kind]) -> Kind:
        """A question with one answer of this kind."""
        return next(answer for answer in await self.ask(message) if isinstance(answer, kind))


def token_of(connection: HTTPConnection) -> str:
    """The bearer token, from the one place where it may be. Raises `Trouble` (401)."""
    shown = connection.headers.getlist("authorization")
    kind, _, token = shown[0].partition(" ") if len(shown) == 1 else ("", "", "")
    if kind.lower() != "bearer" or not TOKEN.fullmatch(token):
        raise stranger()
    return token


def admit(connection: HTTPConnection, scope: Scope, authorise: Authorise, door: Door) -> Caller:
    """Raises `Trouble`: 401 or 403."""
    token = token_of(connection)
    try:
        identity = authorise(token, scope, "")
    except Refused as refused:
        raise stranger() if refused.code is RefusalCode.UNAUTHENTICATED else trouble_of(refused) from refused
    return Caller(identity, token, scope, authorise, door, cause_of(connection))


def stranger() -> Trouble:
    return Trouble(401, "unauthenticated", "a valid bearer token is needed")


def cause_of(connection: HTTPConnection) -> Header | None:
    """The caller's span, where its ids are ours: a trace of another system has no place in the audit."""
    match = TRACE_PARENT.fullmatch(connection.headers.get("traceparent", ""))
    if match is None:
        return None
    trace, span = int(match[1], 16), int(match[2], 16)
    if not (0 < trace <= LARGEST_ID and 0 < span <= LARGEST_ID):
        return None
    return Header(message_id=span, correlation_id=trace)


def caller_of(connection: HTTPConnection) -> Caller:
    caller = connection.state.caller
    assert isinstance(caller, Caller)
    return caller


TheCaller = Annotated[Caller, Depends(caller_of)]
