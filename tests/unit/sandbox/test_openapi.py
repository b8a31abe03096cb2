"""The sandbox against its own OpenAPI description, by schemathesis: no 5xx, no status that is not documented."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.unit.sandbox.world import DEFENDER, GRAPH, World

XDR = "https://api.security.microsoft.com"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def audience(path: str) -> str:
    """Which token a path takes."""
    if path.startswith(("/v1.0", "/beta")):
        return GRAPH
    return XDR if path.startswith(("/api/advancedhunting", "/api/incidents")) else DEFENDER


def operations(world: World) -> list[Any]:
    schema: Any = schemathesis.openapi.from_asgi("/openapi.json", world.app)
    return [result.ok() for result in schema.get_all_operations()]


def name_what_exists(world: World, case: Any) -> bool:
    """Let a request be about things that the tenant has; whether it names any."""
    named = False
    if "name" in case.path_parameters:
        case.path_parameters["name"] = world.tenant.id
        named = True
    if "id" in case.path_parameters and "machines" in case.path:
        case.path_parameters["id"] = world.ids[0]
        named = True
    if isinstance(case.body, dict) and "MachineIds" in case.body:
        case.body = {**case.body, "MachineIds": world.ids[:3]}
        named = True
    return named


def hold_against(world: World, operation: Any, examples: int) -> None:
    """Call one operation with many requests, valid ones and others."""
    token = world.token(resource=audience(operation.path))
    modes = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
    cases = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in modes))

    @settings(
        max_examples=examples,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def check(case: Any) -> None:
        world.tenant.reset()  # neither limits nor faults that an earlier request switched on
        response = case.call(headers={"Authorization": f"Bearer {token}"})
        case.validate_response(response, checks=CHECKS)
        if name_what_exists(world, case):
            response = case.call(headers={"Authorization": f"Bearer {token}"})
            case.validate_response(response, checks=CHECKS)

    check()


def test_every_answer_is_described(world: World) -> None:
    found = operations(world)
    assert len(found) > 15
    for operation in found:
        hold_against(world, operation, examples=8)


@pytest.mark.slow
def test_every_answer_is_described_at_length(estate: Path, tmp_path: Path) -> None:
    for number, operation in enumerate(operations(World(estate, tmp_path / "first"))):
        world = World(estate, tmp_path / str(number))
        fresh = next(o for o in operations(world) if (o.method, o.path) == (operation.method, operation.path))
        hold_against(world, fresh, examples=400)
