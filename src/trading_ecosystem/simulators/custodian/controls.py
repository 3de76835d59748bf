"""Who may send how much where: destinations outside that an owner may use, and how much may leave in a span of time.

Rule 1: a destination that is new cannot be used before its hold period is over; those of the world are not new.
Rule 2: what an owner requested counts against the limit for as long as its span, unless it ended without leaving.
"""

from typing import cast, final

from trading_ecosystem.simulators.custodian.transfer_config import TransferConfig


@final
class Controls:
    __slots__ = ("_config", "_requested", "_usable_ns")

    def __init__(self, config: TransferConfig) -> None:
        self._config = config
        self._usable_ns: dict[str, dict[str, int]] = {}  # Owner -> destination -> since when it can be used.
        for owner, destinations in config.destinations.items():
            self._usable_ns[owner] = dict.fromkeys(destinations, 0)
        self._requested: dict[str, list[list[int]]] = {}  # Owner and asset -> [when, transfer id, minor units].

    # Destinations.

    def usable_ns(self, owner: str, destination: str) -> int | None:
        """Since when it can be used; None for one that is not on the owner's list."""
        return self._usable_ns.get(owner, {}).get(destination)

    def allow(self, owner: str, destination: str, now: int) -> int:
        """Put it on the list. Returns from when on it can be used."""
        usable_ns = now + self._config.hold_new_ns
        self._usable_ns.setdefault(owner, {})[destination] = usable_ns
        return usable_ns

    # Velocity.

    def is_too_fast(self, owner: str, asset: str, amount_minor: int, now: int) -> bool:
        """Whether so much more would be above the limit of the asset."""
        limit = self._config.limits.get(asset)
        if limit is None:
            return False
        lines = self._requested.get(f"{owner} {asset}", [])
        recent = sum([minor for at_ns, _, minor in lines if at_ns > now - limit.per_ns])
        return recent + amount_minor > limit.most_minor

    def count(self, owner: str, asset: str, transfer_id: int, amount_minor: int, now: int) -> None:
        limit = self._config.limits.get(asset)
        if limit is not None:
            lines = self._requested.get(f"{owner} {asset}", [])
            kept = [line for line in lines if line[0] > now - limit.per_ns]
            self._requested[f"{owner} {asset}"] = [*kept, [now, transfer_id, amount_minor]]

    def discount(self, owner: str, asset: str, transfer_id: int) -> None:
        """It has ended, and nothing left."""
        lines = self._requested.get(f"{owner} {asset}", [])
        lines[:] = [line for line in lines if line[1] != transfer_id]

    # State.

    def save(self) -> list[object]:
        usable = {owner: dict(destinations) for owner, destinations in self._usable_ns.items()}
        return [usable, {key: [list(line) for line in lines] for key, lines in self._requested.items()}]

    def restore(self, saved: list[object]) -> None:
        usable, requested = saved
        self._usable_ns = {
            owner: dict(destinations) for owner, destinations in cast(dict[str, dict[str, int]], usable).items()
        }
        self._requested = {
            key: [list(line) for line in lines] for key, lines in cast(dict[str, list[list[int]]], requested).items()
        }
