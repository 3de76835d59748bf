"""Production does not start with anything that belongs to a test."""

import pytest

from trading_ecosystem.configuration.document import Problem
from trading_ecosystem.live.security.profile import refuse_hooks


@pytest.mark.parametrize(
    ("audit", "environment", "named"),
    [
        ("127.0.0.1:0", {}, "audit: 127.0.0.1:0"),
        ("", {"TSE_CHAOS": "1"}, "TSE_CHAOS"),
        ("", {"TSE_FAULT_DISK": "full", "TSE_CHAOS_LINKS": "x"}, "TSE_CHAOS_LINKS, TSE_FAULT_DISK"),
        ("unix:/a", {"TSE_CHAOS": "1"}, "audit: unix:/a, TSE_CHAOS"),
    ],
)
def test_production_does_not_start_with(audit: str, environment: dict[str, str], named: str) -> None:
    with pytest.raises(Problem) as caught:
        refuse_hooks(production=True, audit=audit, environment=environment)
    assert str(caught.value) == f"profile: production does not allow {named}"
    refuse_hooks(production=False, audit=audit, environment=environment)


def test_production_starts_with_what_belongs_to_it() -> None:
    refuse_hooks(production=True, audit="", environment={"TSE_INSTANCE": "risk_monitor", "TSE_CHAOS": ""})
