"""The whole ecosystem in one process: the shipped world of two desks, nothing broken. Delivered messages per second.

Argument: hours. All services take part, the checker and the trail's hash chain among them; nothing is written.
"""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

from trading_ecosystem.configuration.scalars import UNITS_NS
from trading_ecosystem.preparation import RunRequest, prepare
from trading_ecosystem.validation.audit_correlator.trail import NoSink
from trading_ecosystem.validation.test_coordinator.scenario import twin
from trading_ecosystem.virtual.run import execute

SCENARIO = Path(__file__).parent.parent / "scenarios" / "market-crash-15pct.yaml"
ROUNDS = 3


def measure(hours: int) -> dict[str, float]:
    """The best of some rounds."""
    prepared = prepare(RunRequest(scenario_path=SCENARIO))
    calm = replace(twin(prepared.scenario), duration_ns=hours * UNITS_NS["h"])
    walls_s, messages = [], 0
    for _ in range(ROUNDS):
        began = time.perf_counter()
        ended = execute(replace(prepared, scenario=calm), NoSink(), None)
        walls_s.append(time.perf_counter() - began)
        messages = int(ended.world.delivered)
    return {"hours": hours, "messages": messages, "wall_s": min(walls_s), "slowest_s": max(walls_s)}


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
