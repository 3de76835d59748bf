"""What may not be switched on in production.

Rule 1: a process that would be open to it does not start; it says so in one line and names the setting.
"""

from collections.abc import Mapping

from trading_ecosystem.configuration.document import Problem

HOOKS = ("TSE_CHAOS", "TSE_FAULT")  # What settings of the environment that break something begin with.


def refuse_hooks(*, production: bool, audit: str, environment: Mapping[str, str]) -> None:
    """Raises `Problem` where a production process would have an audit surface or a hook.

    `audit` is the address of the audit surface, empty where it is off. How fast time runs is told to all services
    alike by the ecosystem that they are in; it is no setting of theirs.
    """
    if not production:
        return
    found = [f"audit: {audit}"] if audit else []
    found += sorted(name for name, value in environment.items() if name.startswith(HOOKS) and value)
    if found:
        raise Problem(f"profile: production does not allow {', '.join(found)}")
