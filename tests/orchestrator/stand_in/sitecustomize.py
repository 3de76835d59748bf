"""Every service of the ecosystem is played by `stand_in`, in each process that has this folder on its path."""

from trading_ecosystem.orchestrator import planes


def stand_in(instance: str) -> str:
    return "stand_in"


planes.module_of = stand_in
