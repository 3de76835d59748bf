"""Generated requests, good and bad, against every description: the surface does what the description says.

The seed is fixed, so a failure comes again; what is printed is the request that failed.
"""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings, strategies
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from trading_ecosystem import routes
from trading_ecosystem.live.rest.application import describe

SERVICES = (*routes.SIMULATORS, *routes.PRODUCTION, *routes.VALIDATION)
EXAMPLES = 20  # Of each operation and kind.
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
HEADERS = {"Authorization": "Bearer token-of-alice"}


@pytest.mark.parametrize("service", [*SERVICES, "audit"])
@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=str)
def test_the_surface_does_what_its_description_says(service: str, mode: Any, workshop: Any) -> None:
    served = workshop.serve(service)
    schema = schemathesis.openapi.from_dict(describe(served.app))
    schema.app = served.app
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        if mode is schemathesis.GenerationMode.POSITIVE or takes_anything(operation):
            check_all(operation.as_strategy(generation_mode=mode))


def takes_anything(operation: Any) -> bool:
    """What takes no parameter and no body can be asked in no bad way."""
    return bool({"parameters", "requestBody"} & operation.definition.raw.keys())


def check_all(strategy: strategies.SearchStrategy[Any]) -> None:
    @seed(7)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def check(case: Any) -> None:
        case.call_and_validate(headers=HEADERS, checks=CHECKS)

    check()
