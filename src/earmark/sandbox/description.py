"""The OpenAPI description: FastAPI's, without the statuses that this tenant never answers."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi


def describe(app: FastAPI) -> dict[str, Any]:
    """The description of an app, made once."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, summary=SUMMARY, routes=app.routes)
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)  # a request that is not valid is 400 here, as with Defender
        schemas = document.get("components", {}).get("schemas", {})
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        app.openapi_schema = document
    return app.openapi_schema


SUMMARY = "A tenant of Microsoft Defender for Endpoint and Graph's security API, on this machine, for tests."
