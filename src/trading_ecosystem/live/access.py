"""Whose accounts a caller may see and use. Callers are other services and people, by the name on their certificate."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from trading_ecosystem.live.door import RefusalCode, Refused
from trading_ecosystem.messages.message import Addressed, Message, Private


@dataclass(frozen=True, kw_only=True)
class Access:
    """`sees` and `trades`: caller -> accounts. A service without private accounts has neither."""

    sees: Mapping[str, frozenset[str]] = field(default_factory=dict)
    trades: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def may_hear(self, caller: str, message: Message) -> bool:
        if isinstance(message, Private):
            return message.account in self.sees.get(caller, frozenset())
        return not isinstance(message, Addressed) or message.to == caller

    def check(self, caller: str, command: Message) -> None:
        """Raises `Refused`: an account that is not the caller's is answered like one that does not exist."""
        account = getattr(command, "account", None)
        if account is not None:
            question = hasattr(command, "asker")
            allowed = (self.sees if question else self.trades).get(caller, frozenset())
            if account not in allowed:
                raise Refused(RefusalCode.NOT_FOUND, "no such account", "account")
        if getattr(command, "asker", caller) != caller:
            raise Refused(RefusalCode.FORBIDDEN, "the asker is not the caller", "asker")
        if getattr(command, "operator", caller) != caller:
            raise Refused(RefusalCode.FORBIDDEN, "the operator is not the caller", "operator")
