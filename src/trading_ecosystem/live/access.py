"""Whose accounts a caller may see and use. Callers are other services and people, by the name on their certificate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trading_ecosystem.live.door import RefusalCode, Refused
from trading_ecosystem.messages.message import Addressed, Message, Private

told_fields: dict[type[Message], list[str]] = {}  # By kind of command: whom it says that it comes from.


@dataclass(frozen=True, kw_only=True)
class Access:
    """`sees` and `trades`: caller -> accounts. A service without private accounts has neither."""

    sees: Mapping[str, frozenset[str]] = field(default_factory=dict)
    trades: Mapping[str, frozenset[str]] = field(default_factory=dict)
    confined: frozenset[str] = frozenset()  # Callers who hear of their accounts and what is said to them, nothing else.

    def may_hear(self, caller: str, message: Message) -> bool:
        if isinstance(message, Private):
            return message.account in self.sees.get(caller, frozenset())
        if isinstance(message, Addressed):
            return message.to == caller
        return caller not in self.confined

    def answers(self, caller: str, command: Message, outputs: Sequence[Message]) -> list[Message]:
        """Those of the outputs that answer the command and that the caller may hear."""
        account = getattr(command, "account", None)
        return [
            output
            for output in outputs
            if self.may_hear(caller, output) and (account is None or getattr(output, "account", account) == account)
        ]

    def check(self, caller: str, command: Message) -> None:
        """Raises `Refused`: an account that is not the caller's is answered like one that does not exist."""
        kind = type(command)
        told = told_fields.get(kind)
        if told is None:
            told = told_fields[kind] = [name for name in ("account", "asker", "operator") if hasattr(command, name)]
        if "account" in told:
            allowed = (self.sees if "asker" in told else self.trades).get(caller, frozenset())
            if getattr(command, "account", None) not in allowed:
                raise Refused(RefusalCode.NOT_FOUND, "no such account", "account")
        for name in told:
            if name != "account" and getattr(command, name) != caller:
                raise Refused(RefusalCode.FORBIDDEN, f"the {name} is not the caller", name)
