"""The whole ecosystem in one process: the shipped world of two desks, nothing broken. Delivered messages per second.

Argument: hours. All services take part, the checker and the trail's hash chain among them; nothing is written.
Beside wall time stands processor time, which other work on the machine disturbs less.
"""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

from trading_ecosystem.configuration.scalars import UNITS_NS
from trading_ecosystem.preparation import RunRequest, prepare
from trading_ecosystem.routes import TRADING_ENGINE
from trading_ecosystem.validation.test_coordinator.scenario import twin
from trading_ecosystem.virtual.run import Ended, execute

SCENARIO = Path(__file__).parent.parent / "scenarios" / "market-crash-15pct.yaml"
ROUNDS = 3


def measure(hours: int) -> dict[str, float]:
    """The best of some rounds."""
    prepared = prepare(RunRequest(scenario_path=SCENARIO))
    calm = replace(prepared, scenario=replace(twin(prepared.scenario), duration_ns=hours * UNITS_NS["h"]))
    walls_s, cpus_s = [], []
    for _ in range(ROUNDS):
        began, began_cpu = time.perf_counter(), time.process_time()
        ended = execute(calm, None, None)
        walls_s.append(time.perf_counter() - began)
        cpus_s.append(time.process_time() - began_cpu)
    return {"hours": hours, "wall_s": min(walls_s), "slowest_s": max(walls_s), "cpu_s": min(cpus_s), **counts(ended)}


def counts(ended: Ended) -> dict[str, int]:
    """Of deliveries, of those to the desks, and of quotes and orders sent."""
    to_desks = sum(service.delivered for service in ended.world.services if service.name.startswith(TRADING_ENGINE))
    sent = ended.audit.counts()
    quotes, orders = sent["QuotePublished"], sent["SubmitOrder"]
    return {"messages": int(ended.world.delivered), "to_desks": int(to_desks), "quotes": quotes, "orders": orders}


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
