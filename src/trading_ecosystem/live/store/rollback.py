"""An older copy of a store is a whole one to who reads it. What has left the service since knows better.

Rule 1: a service does not start on a copy that was overtaken: it would say other things under the numbers of those that
  were said before. Only a person may want that, and says so.
"""

from typing import Any

from trading_ecosystem.live.store.ports import Store, StoreRefused


def refuse_older_copy(store: Store[Any], told: int) -> None:
    """`told`: the last journal record whose consequences have left the service. Raises StoreRefused."""
    last = store.journal.last_sequence()
    if last < told:
        raise StoreRefused(
            f"{store.name}: the journal ends with record {last}, but what record {told} led to has left this service: "
            f"an older copy was put back; with accept_rollback: true it starts from there, and what came since is gone"
        )
