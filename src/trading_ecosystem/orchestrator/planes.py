"""Which plane an instance is of, which program it runs, and who starts after whom."""

from trading_ecosystem import routes

PLANES = {"simulators": routes.SIMULATORS, "production": routes.PRODUCTION, "validation": routes.VALIDATION}
TIERS = ((*routes.SIMULATORS, routes.AUDIT_CORRELATOR), routes.PRODUCTION, (routes.TEST_COORDINATOR,))


def role_of(instance: str) -> str:
    return instance.partition(".")[0]


def plane_of(instance: str) -> str:
    """The injector is no service; what it does counts as validation."""
    return next((plane for plane, roles in PLANES.items() if role_of(instance) in roles), "validation")


def module_of(instance: str) -> str:
    """The program of a service's process, for `python -m`."""
    return f"trading_ecosystem.{plane_of(instance)}.{role_of(instance)}"


def starting_order(instances: list[str]) -> list[list[str]]:
    """Who may start together, one tier after the other: whoever is asked or told comes before whoever asks or tells."""
    return [[name for name in instances if role_of(name) in roles] for roles in TIERS]


def stopping_order(instances: list[str]) -> list[list[str]]:
    """The opposite; and the audit goes when everybody has told it the last of their traces."""
    audits = [name for name in instances if role_of(name) == routes.AUDIT_CORRELATOR]
    others = [name for name in instances if name not in audits]
    return [*reversed(starting_order(others)), audits]
