"""Trades as the network brings them, to trades once each and in the order of the venue.

Rule 1: a trade passes once; a repetition is dropped, another trade under a used id is told apart.
Rule 2: trades pass in the order of their ids; one that is early waits for those before it, but no longer
than `gap_wait_ns`, for they may be lost. One that is still later than that passes when it comes.
Rule 3: a trade that is missing stays wanted until it comes, or until the venue says that it has it no more.
"""

from collections.abc import Sequence
from typing import cast, final
from zlib import crc32

from trading_ecosystem.messages import codec
from trading_ecosystem.messages.orders import TradeExecuted

REMEMBERED = 10_000
MOST_AHEAD = 1_000_000  # Trades that may be missed before one that comes by itself.
NO_TRADES: Sequence[TradeExecuted] = ()


@final
class Held:
    """A trade that came before its turn, and how long it waits."""

    __slots__ = ("trade", "until_ns")

    def __init__(self, trade: TradeExecuted, until_ns: int) -> None:
        self.trade = trade
        self.until_ns = until_ns


@final
class TradeIntake:
    """The trades of one venue, whose ids count 1, 2, 3, ...

    It keeps a 32-bit fingerprint of the last `REMEMBERED` trades at least, and of twice as many at most. An id older
    than that counts as used by another trade, so a repetition that comes so late is refused aloud.
    """

    __slots__ = ("_fingerprints", "_forgotten_id", "_gap_wait_ns", "_held", "_missing", "_passed_id", "lost_count")

    def __init__(self, gap_wait_ns: int) -> None:
        self._gap_wait_ns = gap_wait_ns
        self._passed_id = 0  # Everything up to here has passed or is missing.
        self._missing: list[tuple[int, int]] = []  # Ids that others have passed: first and last of each run, in order.
        self.lost_count = 0  # Trades that never came, and that the venue has no more.
        self._forgotten_id = 0
        self._fingerprints: dict[int, int] = {}
        self._held: dict[int, Held] = {}

    def is_id_reused(self, trade: TradeExecuted) -> bool:
        """True for a used id with other content."""
        known = self._fingerprints.get(trade.trade_id)
        if known is None:
            return trade.trade_id <= self._forgotten_id
        return known != fingerprint(trade)

    def is_far_ahead(self, trade: TradeExecuted) -> bool:
        """True for an id that no venue can have reached while nobody heard of it."""
        return trade.trade_id > self._passed_id + MOST_AHEAD

    def admit(self, trade: TradeExecuted, now: int) -> Sequence[TradeExecuted]:
        """The trades whose turn it is now that this one, whose id is not reused, is here."""
        trade_id = trade.trade_id
        if trade_id in self._fingerprints:
            return NO_TRADES
        self._fingerprints[trade_id] = fingerprint(trade)
        if trade_id > self._passed_id + 1:
            self._held[trade_id] = Held(trade, now + self._gap_wait_ns)
            return NO_TRADES
        if trade_id <= self._passed_id:
            self._find(trade_id)
            return (trade,)
        self._passed_id = trade_id
        self._forget()
        return (trade, *self._pass_held(trade_id)) if self._held else (trade,)

    def expire(self, now: int) -> Sequence[TradeExecuted]:
        """The trades that have waited long enough, with those before them, in order."""
        expired = [trade_id for trade_id, held in self._held.items() if held.until_ns <= now]
        return self._pass_held(max(expired)) if expired else NO_TRADES

    def next_ns(self) -> int:
        """When `expire` will have something to give; 0 for never."""
        return min([held.until_ns for held in self._held.values()], default=0)

    @property
    def has_gap(self) -> bool:
        """A trade has come whose forerunner has not."""
        return bool(self._missing or self._held)

    def last_whole_id(self) -> int:
        """Every trade up to this one has passed or is lost for good, and no later one has; 0 while one is missing."""
        return 0 if self.has_gap else self._passed_id

    def first_wanted_id(self) -> int:
        return self._missing[0][0] if self._missing else self._passed_id + 1

    def forsake(self, before_id: int) -> bool:
        """The venue has nothing older than this id. True if that is the end of a missing trade."""
        kept = [(max(first, before_id), last) for first, last in self._missing if last >= before_id]
        gone = count(self._missing) - count(kept)
        self._missing = kept
        self.lost_count += gone
        return gone > 0

    def _pass_held(self, up_to_id: int) -> list[TradeExecuted]:
        """Held trades up to that id, and those that follow without a gap."""
        passed: list[TradeExecuted] = []
        for trade_id in sorted(self._held):
            if trade_id > up_to_id and trade_id != self._passed_id + 1:
                break
            if trade_id > self._passed_id + 1:
                self._missing.append((self._passed_id + 1, trade_id - 1))
            self._passed_id = trade_id
            passed.append(self._held.pop(trade_id).trade)
        return passed

    def _find(self, trade_id: int) -> None:
        """It is missing no more, if it was."""
        for place, (first, last) in enumerate(self._missing):
            if first <= trade_id <= last:
                rest = ((first, trade_id - 1), (trade_id + 1, last))
                self._missing[place : place + 1] = [run for run in rest if run[0] <= run[1]]
                return

    def _forget(self) -> None:
        if len(self._fingerprints) > 2 * REMEMBERED:
            self._forgotten_id = self._passed_id - REMEMBERED
            kept = [item for item in self._fingerprints.items() if item[0] > self._forgotten_id]
            self._fingerprints = dict(kept)

    def save(self) -> list[object]:
        """As plain data, for `restore`."""
        held = [[held.until_ns, *codec.to_plain(held.trade)] for held in self._held.values()]
        fingerprints = [[trade_id, value] for trade_id, value in self._fingerprints.items()]
        return [
            self._passed_id,
            self._forgotten_id,
            fingerprints,
            held,
            [[*run] for run in self._missing],
            self.lost_count,
        ]

    def restore(
        self,
        passed_id: int,
        forgotten_id: int,
        fingerprints: list[list[int]],
        held: list[list[object]],
        missing: list[list[int]],
        lost_count: int,
    ) -> None:
        self._passed_id = passed_id
        self._forgotten_id = forgotten_id
        self._fingerprints = {trade_id: value for trade_id, value in fingerprints}
        self._missing = [(first, last) for first, last in missing]
        self.lost_count = lost_count
        self._held = {}
        for until_ns, *values in held:
            trade = codec.from_plain("TradeExecuted", values)
            assert isinstance(trade, TradeExecuted)
            self._held[trade.trade_id] = Held(trade, cast(int, until_ns))


def count(runs: list[tuple[int, int]]) -> int:
    return sum([last - first + 1 for first, last in runs])


def fingerprint(trade: TradeExecuted) -> int:
    """Equal for equal trades, in every process; different for others but for one in four thousand million."""
    text = (
        f"{trade.symbol} {trade.price_ticks} {trade.quantity_lots} {int(trade.taker_side)} {trade.buyer_account} "
        f"{trade.seller_account} {trade.buyer_order_id} {trade.seller_order_id} {trade.buyer_fee_minor} "
        f"{trade.seller_fee_minor} {trade.occurred_ns}"
    )
    return crc32(text.encode())
