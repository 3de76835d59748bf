"""The simulated network: one `Link` per pair of services, and on it what was impaired on purpose.

Rule 1: a link's jitter is a function of the moment of sending, so more traffic shifts nobody's latency.
Rule 2: without a reorder fault a link keeps the order of its messages.
Rule 3: every fault has its undo; a message that a fault takes is lost aloud, a held one waits.
Rule 4: a fault strikes a message once. What is held is struck when it is released; only a partition comes before.
"""

from math import log
from struct import pack
from typing import Final, final

from mypy_extensions import i64

from trading_ecosystem.chance import Dice
from trading_ecosystem.impairment import Impairment
from trading_ecosystem.messages.audit import Envelope, LossReason
from trading_ecosystem.messages.chaos import LinkFault
from trading_ecosystem.virtual.queue import COMPILED

JITTERS: Final = 1024
LONGEST_PACKED_NS: Final = 0xFFFFFFFF
NO_TRAIN: Final = -1  # Is due at no time.
HELD: Final = -1  # A delay that stands for: kept back until released.


@final
class Link:
    """The way from one service to another. Latency = base + exponential jitter, both in ns.

    Each message takes one jitter of a thousand, which are drawn when the first needs one: most pairs of services have
    nothing to say to each other. As objects they are ten times as large as packed, and compiled code waits for memory;
    plain Python is faster with the objects.

    `train`: what was sent last, which is due at `train_due_ns` at the recipient of that incarnation.
    """

    __slots__ = (
        "_base_ns",
        "_dice",
        "_is_drawn",
        "_is_packed",
        "_jitter_ns",
        "_jitters",
        "_jitters_ns",
        "_last_due_ns",
        "_nth",
        "_nth_at_ns",
        "_sent_ns",
        "impairments",
        "train",
        "train_due_ns",
        "train_incarnation",
    )

    def __init__(self, base_ns: int, jitter_ns: int, dice: Dice) -> None:
        self._base_ns: i64 = base_ns
        self._jitter_ns = jitter_ns
        self._dice = dice
        self._is_drawn = False
        self._jitters_ns: list[int] = []
        self._is_packed: bool = False
        self._jitters = b""
        self._last_due_ns: i64 = 0
        self._nth: i64 = 0
        self._nth_at_ns: i64 = 0
        self._sent_ns: i64 = -1
        self.impairments: list[Impairment] = []
        self.train: list[Envelope] = []
        self.train_due_ns: i64 = NO_TRAIN
        self.train_incarnation: i64 = 0

    def due_ns(self, now: i64, elapsed_ns: i64) -> i64:
        """When a message sent now arrives over a sound link; what is sent at one moment arrives at one."""
        if now == self._sent_ns:
            return self._last_due_ns
        self._sent_ns = now
        due: i64 = now + self.latency_ns(elapsed_ns)
        if due < self._last_due_ns:
            due = self._last_due_ns
        self._last_due_ns = due
        return due

    def _draw(self) -> None:
        self._is_drawn = True
        self._jitters_ns = [int(-log(self._dice.uniform(i)) * self._jitter_ns) for i in range(JITTERS)]
        self._is_packed = COMPILED and max(self._jitters_ns) <= LONGEST_PACKED_NS
        if self._is_packed:
            self._jitters = pack(f"<{JITTERS}I", *self._jitters_ns)

    def latency_ns(self, elapsed_ns: i64) -> i64:
        if not self._is_drawn:
            self._draw()
        draw: i64 = ((elapsed_ns // 1_000) * 40_503 >> 7) & (JITTERS - 1)
        if not self._is_packed:
            return self._base_ns + self._jitters_ns[draw]
        packed, at = self._jitters, 4 * draw
        jitter: i64 = packed[at] | packed[at + 1] << 8 | packed[at + 2] << 16 | packed[at + 3] << 24
        return self._base_ns + jitter

    def fates_ns(self, now: i64, elapsed_ns: i64) -> list[int]:
        """When the deliveries of a message sent now arrive over an impaired link; HELD for not yet."""
        if self.has(LinkFault.PARTITION):
            return []
        if self.has(LinkFault.HOLD):
            return [HELD]
        if now != self._nth_at_ns:
            self._nth_at_ns = now
            self._nth = 0
        self._nth += 1
        latency = int(self.latency_ns(elapsed_ns))
        delays = [latency]
        reordered = False
        for impairment in self.impairments:
            delays = impairment.fate(delays, elapsed_ns, self._nth)
            reordered = reordered or impairment.fault is LinkFault.REORDER
        if reordered:
            return [now + delay for delay in delays]
        return [self.in_order(now + delay) for delay in delays]

    def in_order(self, due_ns: i64) -> int:
        if due_ns < self._last_due_ns:
            due_ns = self._last_due_ns
        self._last_due_ns = due_ns
        return due_ns

    def impair(self, impairment: Impairment) -> None:
        self.impairments.append(impairment)

    def restore(self, injection_id: str) -> None:
        self.impairments = [held for held in self.impairments if held.injection_id != injection_id]

    def loss_reason(self) -> LossReason:
        """Why this link, as it is impaired now, lost a message."""
        return LossReason.PARTITION if self.has(LinkFault.PARTITION) else LossReason.LOSS

    def has(self, fault: LinkFault) -> bool:
        return any([impairment.fault is fault for impairment in self.impairments])
