"""What an event costs the monitor does not grow with the positions that are open: rules are evaluated incrementally.

It is counted in lines of Python, not in time: a fast machine and a slow one agree.
"""

import runpy
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import trading_ecosystem.production.risk_monitor.core as core
from trading_ecosystem.messages.message import Message

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "monitor.py"
FEW, MANY = 10, 400


def lines_of(room: Any, events: list[Message]) -> int:
    """The lines of Python that run while the monitor hears these."""
    counted = 0

    def count(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal counted
        counted += event == "line"
        return count

    tracer = sys.gettrace()
    sys.settrace(count)
    try:
        for message in events:
            room.monitor.handle(message, room.now)
    finally:
        sys.settrace(tracer)
    return counted


@pytest.mark.skipif(not core.__file__.endswith(".py"), reason="compiled code runs no lines that could be counted")
@pytest.mark.parametrize("kind", ["quotes", "fills"])
def test_an_event_costs_as_much_with_many_positions_as_with_few(kind: str) -> None:
    room = runpy.run_path(str(BENCHMARK))["Room"]
    few, many = (room(positions, positions) for positions in (FEW, MANY))
    cost, cost_of_many = (lines_of(each, getattr(each, kind)(2 * MANY)) for each in (few, many))
    assert cost > 10 * 2 * MANY
    assert cost_of_many == pytest.approx(cost, rel=0.01)
