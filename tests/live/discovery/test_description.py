"""The OpenAPI description, and whatever can be made from it: every answer is one that the description names."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings

from trading_ecosystem.live.rest.application import describe

PATHS = {
    "/api/v1/health": ("GET",),
    "/api/v1/services": ("GET",),
    "/api/v1/services/{instance}": ("DELETE", "GET", "PUT"),
    "/api/v1/targets": ("GET",),
    "/api/v1/configuration": ("GET",),
    "/api/v1/configuration/{name}": ("DELETE", "GET", "PUT"),
}
LIMITS = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def schema(app: Any) -> Any:
    loaded = schemathesis.openapi.from_dict(describe(app))
    loaded.app = app
    return loaded


def test_the_description_names_every_path(schema: Any) -> None:
    found: dict[str, list[str]] = {}
    for result in schema.get_all_operations():
        found.setdefault(result.ok().path, []).append(result.ok().method.upper())
    assert {path: tuple(sorted(methods)) for path, methods in found.items()} == PATHS


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_is_as_described(schema: Any, tokens: dict[str, str], path: str) -> None:
    """The administrator for configuration, an exchange for itself; the answers are checked as schemathesis does."""
    headers = {"Authorization": f"Bearer {tokens['administrator' if 'configuration' in path else 'exchange.alpha']}"}
    for method in PATHS[path]:

        @LIMITS
        @given(case=schema[path][method].as_strategy())
        def check(case: Any) -> None:
            case.call_and_validate(headers=headers)

        check()
