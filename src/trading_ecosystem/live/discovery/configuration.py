"""Parameters of a running ecosystem by dotted name, such as `clock` or `risk_monitor.poll`. Values are text.

Rule 1: a value is typed by its reader; whoever sets it learns only that it is text.
Rule 2: a version is never used twice, not even after a parameter was taken away and set again.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import final

from trading_ecosystem.live.door import RefusalCode, Refused

NAME = r"^[a-z][a-z0-9_]{0,31}(\.[a-z0-9][a-z0-9_-]{0,31}){0,7}$"
LONGEST_VALUE = 4_096  # Characters.
MOST_PARAMETERS = 1_000


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """`changed_ns` is in ns since 1970, UTC."""

    name: str
    value: str
    version: int
    changed_ns: int


@final
class Configuration:
    def __init__(self, now_ns: Callable[[], int]) -> None:
        self.version = 0  # The highest that was given.
        self._now_ns = now_ns
        self._parameters: dict[str, Parameter] = {}

    def get(self, name: str) -> Parameter | None:
        return self._parameters.get(name)

    def all(self, prefix: str = "") -> list[Parameter]:
        """In the order of their names."""
        return [self._parameters[name] for name in sorted(self._parameters) if name.startswith(prefix)]

    def draft(self, name: str, value: str) -> Parameter:
        """What `take` shall be given once it is safe elsewhere too. Raises `Refused` when there is no room."""
        if name not in self._parameters and len(self._parameters) >= MOST_PARAMETERS:
            raise Refused(RefusalCode.CONFLICT, f"there are {MOST_PARAMETERS} parameters already")
        return Parameter(name=name, value=value, version=self.version + 1, changed_ns=self._now_ns())

    def take(self, parameter: Parameter) -> None:
        self.version = max(self.version, parameter.version)
        self._parameters[parameter.name] = parameter

    def set(self, name: str, value: str) -> Parameter:
        """Draft and take in one."""
        parameter = self.draft(name, value)
        self.take(parameter)
        return parameter

    def remove(self, name: str) -> None:
        self._parameters.pop(name, None)

    def restore(self, version: int, parameters: Iterable[Parameter]) -> None:
        """Take over what was written down by an earlier process."""
        for parameter in parameters:
            self.take(parameter)
        self.version = max(self.version, version)
