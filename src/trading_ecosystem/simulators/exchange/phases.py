"""The phase of each market: open, halted, in an auction; how long it lasts, and how it is told.

Rule 1: a market's phase changes by the table below and by nothing else, and every change is told.
Rule 2: a phase ends by time, unless a fault holds the market in a halt: then the undo ends it.
"""

from enum import IntEnum
from typing import Final, final

from trading_ecosystem.messages.market import MarketPhase, MarketPhaseChanged, PhaseReason
from trading_ecosystem.messages.message import Message
from trading_ecosystem.simulators.exchange.deadlines import Deadlines
from trading_ecosystem.simulators.exchange.market import Market

UNKNOWN_NS: Final = 0  # The `until_ns` of a phase of which nobody can say how long it lasts.


class PhaseStep(IntEnum):
    HALT = 0
    CALL = 1
    OPEN = 2


TRANSITIONS: Final[dict[tuple[MarketPhase, PhaseStep], MarketPhase]] = {
    (MarketPhase.OPEN, PhaseStep.HALT): MarketPhase.HALTED,
    (MarketPhase.AUCTION, PhaseStep.HALT): MarketPhase.HALTED,
    (MarketPhase.HALTED, PhaseStep.CALL): MarketPhase.AUCTION,
    (MarketPhase.AUCTION, PhaseStep.OPEN): MarketPhase.OPEN,
}


@final
class Phases:
    """`ends`: when phases end, by the number of the market."""

    __slots__ = ("_venue", "ends")

    def __init__(self, venue: str) -> None:
        self._venue = venue
        self.ends = Deadlines()

    def trip(self, market: Market, now: int, out: list[Message]) -> None:
        """Halt a market that would have traded out of its band."""
        assert market.band is not None
        rule = market.band.rule
        market.auction_ns = rule.auction_ns
        self.change(market, PhaseStep.HALT, PhaseReason.OUT_OF_BAND, now + rule.halt_ns, now, out)

    def change(
        self, market: Market, step: PhaseStep, reason: PhaseReason, until_ns: int, now: int, out: list[Message]
    ) -> None:
        self.forget(market)
        market.phase = TRANSITIONS[market.phase, step]
        market.is_open = market.phase is MarketPhase.OPEN
        market.until_ns = until_ns
        market.phase_changes += 1
        if until_ns != UNKNOWN_NS:
            self.ends.add(until_ns, market.number)
        if step is PhaseStep.HALT and market.band is not None:
            market.band.clear()
        out.append(self.told(market, reason, now))

    def forget(self, market: Market) -> None:
        """Its phase does not end by time any more."""
        if market.until_ns != UNKNOWN_NS:
            self.ends.remove(market.until_ns, market.number)
            market.until_ns = UNKNOWN_NS

    def told(self, market: Market, reason: PhaseReason, now: int) -> MarketPhaseChanged:
        return MarketPhaseChanged(
            venue=self._venue,
            symbol=market.symbol,
            market_phase=market.phase,
            phase_reason=reason,
            until_ns=market.until_ns,
            occurred_ns=now,
        )
