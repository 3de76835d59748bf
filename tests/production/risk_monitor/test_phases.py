"""The monitor says in which markets its firm cannot trade, and for no longer than the venue does."""

from typing import Any

from tests.production.risk_monitor.conftest import ns

from trading_ecosystem.messages.market import MarketPhase, MarketPhaseChanged, PhaseReason


def tell(rig: Any, phase: MarketPhase, at: float, symbol: str = "BTC/USD", occurred: float | None = None) -> None:
    rig.hear(
        MarketPhaseChanged(
            venue="exchange",
            symbol=symbol,
            market_phase=phase,
            phase_reason=PhaseReason.VENUE_HALT,
            until_ns=0,
            occurred_ns=ns(at if occurred is None else occurred),
        ),
        at,
    )


def doubts(rig: Any) -> list[str]:
    return [each for each in rig.monitor.statement.doubts() if "not open" in each]


def test_it_says_so_until_the_market_is_open_again(rig: Any) -> None:
    tell(rig, MarketPhase.HALTED, 1)
    tell(rig, MarketPhase.AUCTION, 2)
    assert doubts(rig) == ["BTC/USD is not open at exchange: auction"]
    tell(rig, MarketPhase.OPEN, 3)
    tell(rig, MarketPhase.HALTED, 4, occurred=2.5)  # Came late.
    assert doubts(rig) == []


def test_a_new_session_begins_with_open_markets(rig: Any) -> None:
    rig.heartbeat(1)
    tell(rig, MarketPhase.HALTED, 2)
    rig.heartbeat(3, session=2)
    assert doubts(rig) == []


def test_a_market_that_it_does_not_know_is_none_of_its_business(rig: Any) -> None:
    tell(rig, MarketPhase.HALTED, 1, symbol="NO/NE")
    assert doubts(rig) == []
