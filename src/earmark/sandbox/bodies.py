"""A request's body as a JSON object, or the error that says why it is none."""

from __future__ import annotations

import json
from typing import Any

from fastapi import Request

from earmark.sandbox.errors import ApiError, invalid_body, is_graph

MOST_BYTES = 2**20
"""A body of about this size is refused with 413 (seen with Graph's hunting)."""


async def object_of(request: Request, *, most: int = MOST_BYTES) -> dict[str, Any]:
    """The JSON object in a request's body."""
    content = await _content(request, most)
    try:
        value = json.loads(content.decode("utf-8-sig"), parse_constant=_refused)
    except (ValueError, RecursionError):
        raise _unreadable(request) from None
    if not isinstance(value, dict):
        raise _unreadable(request)
    return value


async def _content(request: Request, most: int) -> bytes:
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > most:
            raise ApiError(413, f"The request's body is larger than {most:,} bytes.")
    return bytes(found)


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _unreadable(request: Request) -> ApiError:
    if is_graph(request.url.path):
        return ApiError(
            400,
            "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid "
            "JSON format.",
        )
    return invalid_body("The request's body is not a JSON object.")


def schema_of(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    """OpenAPI's `requestBody` of an object, for routes that read their body with `object_of`."""
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = list(required)
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
