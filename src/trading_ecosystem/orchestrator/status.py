"""What `tse status` is told of each service."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from trading_ecosystem.live.discovery.registration import Registration
from trading_ecosystem.orchestrator.control import Line
from trading_ecosystem.orchestrator.planes import plane_of
from trading_ecosystem.orchestrator.processes import Processes


def service_lines(processes: Processes, ready: Mapping[str, Registration]) -> Iterator[Line]:
    for instance in processes.instances():
        pid = processes.pid(instance)
        found = ready.get(instance) if pid is not None else None
        yield {
            "instance": instance,
            "plane": plane_of(instance),
            "state": processes.state(instance),
            "ready": found is not None,
            "addresses": dict(found.addresses) if found else {},
            "pid": pid,
            "restarts": processes.restarts(instance),
            "memory_mib": resident_mib(pid) if pid is not None else None,
        }


def resident_mib(pid: int) -> float | None:
    """The memory that a process holds, in MiB; None when it has just ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return None
    return round(pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20), 1)
