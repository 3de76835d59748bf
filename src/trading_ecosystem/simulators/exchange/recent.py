"""The venue's memory of its last trades, for those who missed them.

Rule 1: the last `REMEMBERED_TRADES` are known, and for a while up to twice as many; ids count 1, 2, 3, ...
"""

from typing import Final, final

from trading_ecosystem.messages import codec
from trading_ecosystem.messages.orders import TradeExecuted
from trading_ecosystem.messages.runtime import Plain

REMEMBERED_TRADES: Final = 1_000


@final
class RecentTrades:
    """Trades in the order of their ids, without a gap."""

    __slots__ = ("_maximum", "_trades")

    def __init__(self, maximum: int = REMEMBERED_TRADES) -> None:
        self._maximum = maximum
        self._trades: list[TradeExecuted] = []

    def add(self, trade: TradeExecuted) -> None:
        assert not self._trades or trade.trade_id == self._trades[-1].trade_id + 1
        self._trades.append(trade)
        if len(self._trades) >= 2 * self._maximum:
            self._trades = self._trades[-self._maximum :]

    def since(self, trade_id: int) -> tuple[TradeExecuted, ...]:
        """The trades from this id on, or from the oldest that is known."""
        if not self._trades:
            return ()
        return tuple(self._trades[max(0, trade_id - self._trades[0].trade_id) :])

    def oldest_id(self) -> int:
        """1 before the first trade."""
        return self._trades[0].trade_id if self._trades else 1

    def save(self) -> Plain:
        return [codec.to_plain(trade) for trade in self._trades]

    def restore(self, state: Plain) -> None:
        assert isinstance(state, list)
        self._trades = []
        for values in state:
            trade = codec.from_plain("TradeExecuted", values)
            assert isinstance(trade, TradeExecuted)
            self._trades.append(trade)
