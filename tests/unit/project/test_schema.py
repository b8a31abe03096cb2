from __future__ import annotations

import json
from typing import Any

import pytest

from earmark.project.schema import KINDS, render_schema


def described(schema: Any) -> list[str]:
    """Names of properties without a description."""
    if not isinstance(schema, dict):
        return []
    bare = [name for name, body in schema.get("properties", {}).items() if "description" not in body]
    return bare + [name for body in schema.get("$defs", {}).values() for name in described(body)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_is_described(kind: str) -> None:
    schema = json.loads(render_schema(kind))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["additionalProperties"] is False
    assert described(schema) == []


def test_the_flow_s_schema_knows_every_key_of_a_full_flow() -> None:
    schema = json.loads(render_schema("flow"))
    assert schema["required"] == ["flow", "trigger", "hunt", "tag"]
    assert set(schema["$defs"]["TagFile"]["properties"]) == {
        *("value", "values", "action", "adopt", "on_drift", "keep_for", "expires", "exclusive", "foreign"),
    }
