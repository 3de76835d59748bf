"""How often somebody may call: a token bucket for each.

Rule 1: a call takes one token; a bucket holds at most `burst`, and gains `per_second`.
Rule 2: memory is bounded: only the last `MOST_KEYS` callers are known, and a forgotten one starts full.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import final

MOST_KEYS = 10_000
SECOND_NS = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class Rate:
    per_second: int
    burst: int


@final
class Bucket:
    """Counts in billionths of a token, so that nothing is rounded."""

    __slots__ = ("_at_ns", "_rate", "_tokens")

    def __init__(self, rate: Rate, now_ns: int) -> None:
        self._rate = rate
        self._tokens = rate.burst * SECOND_NS
        self._at_ns = now_ns

    def take(self, now_ns: int) -> int:
        """0 if there was a token; else in how many seconds, rounded up, there will be one."""
        gained = (now_ns - self._at_ns) * self._rate.per_second
        self._tokens = min(self._rate.burst * SECOND_NS, self._tokens + gained)
        self._at_ns = now_ns
        if self._tokens >= SECOND_NS:
            self._tokens -= SECOND_NS
            return 0
        return -((self._tokens - SECOND_NS) // (SECOND_NS * self._rate.per_second))


@final
class Rates:
    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, key: str) -> int:
        """As `Bucket.take`, for this caller, at the machine's monotonic time."""
        now_ns = time.monotonic_ns()
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(self._rate, now_ns)
            if len(self._buckets) > MOST_KEYS:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        return bucket.take(now_ns)
