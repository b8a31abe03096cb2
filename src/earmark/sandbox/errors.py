"""Errors as each of the tenant's APIs words them, and the handlers that send them.

Defender: https://learn.microsoft.com/defender-endpoint/api/common-errors. Graph: https://learn.microsoft.com/graph/errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from earmark.sandbox.odata_tokens import ODataFault

GRAPH_PATHS = ("/v1.0/", "/beta/")
_CODES = {
    400: ("BadRequest", "BadRequest"),
    401: ("Unauthorized", "InvalidAuthenticationToken"),
    403: ("Forbidden", "Forbidden"),
    404: ("NotFound", "ResourceNotFound"),
    405: ("MethodNotAllowed", "MethodNotAllowed"),
    413: ("BadRequest", "RequestEntityTooLarge"),
    429: ("TooManyRequests", "TooManyRequests"),
    500: ("InternalServerError", "InternalServerError"),
    502: ("BadGateway", "BadGateway"),
    503: ("ServiceUnavailable", "ServiceUnavailable"),
    504: ("GatewayTimeout", "GatewayTimeout"),
}
"""Status → the code that Defender and Graph give it where nothing more is known."""


class ApiError(Exception):
    """An answer that is an error; its body follows from the API that was called."""

    def __init__(
        self, status: int, message: str, *, code: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message.encode("utf-8", "replace").decode()  # half a surrogate pair is no text that can be sent
        self.code = code
        """What stands in `error.code`; None for the ordinary one of the status."""
        self.headers = dict(headers or {})


def is_graph(path: str) -> bool:
    """Whether a path belongs to Graph, whose errors have a form of their own."""
    return path.startswith(GRAPH_PATHS)


def error_body(request: Request, error: ApiError) -> dict[str, Any]:
    """The JSON of an error in the form of the API that was called."""
    defender, graph = _CODES.get(error.status, ("BadRequest", "BadRequest"))
    if not is_graph(request.url.path):
        return {"error": {"code": error.code or defender, "message": error.message, "target": request_id(request)}}
    at = request.app.state.tenant.clock.shown()
    inner = {
        "date": f"{at:%Y-%m-%dT%H:%M:%S}",
        "request-id": request_id(request),
        "client-request-id": request.headers.get("client-request-id") or request_id(request),
    }
    return {"error": {"code": error.code or graph, "message": error.message, "innerError": inner}}


def request_id(request: Request) -> str:
    """The identifier of this request, which errors and the log carry."""
    if not hasattr(request.state, "id"):
        request.state.id = str(uuid4())
    return str(request.state.id)


def invalid_body(message: str) -> ApiError:
    """A body that cannot be read as what the operation takes."""
    return ApiError(400, message, code="InvalidRequestBody")


def not_found(what: str) -> ApiError:
    """Something that was named and is not there."""
    return ApiError(404, f"{what} was not found", code="ResourceNotFound")


async def _send(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return JSONResponse(error_body(request, error), status_code=error.status, headers=error.headers)


async def _send_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return await _send(request, ApiError(error.status_code, str(error.detail), headers=error.headers))


async def _send_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return await _send(request, _as_api_error(error))


async def _send_fault(request: Request, _error: Exception) -> Response:
    return await _send(request, ApiError(500, ""))


async def _send_odata(request: Request, error: Exception) -> Response:
    return await _send(request, ApiError(400, str(error), code=None if is_graph(request.url.path) else "ODataError"))


def _as_api_error(error: RequestValidationError) -> ApiError:
    """The first thing that is wrong with a request, in Defender's words."""
    fault = error.errors()[0]
    where, *path = fault["loc"]
    name = ".".join(str(part) for part in path if part != "body")
    if where != "body":
        return ApiError(400, f"The query parameter '{name}' is not valid: {fault['msg']}.", code="ODataError")
    if fault["type"] == "missing" and name:
        return ApiError(
            400, f"The required parameter '{name}' is missing from the body.", code="MissingRequiredParameter"
        )
    return invalid_body(f"The request's body is not valid{f' at {name}' if name else ''}: {fault['msg']}.")


def add_handlers(app: FastAPI) -> None:
    """Make every error of an app one of these."""
    app.add_exception_handler(ApiError, _send)
    app.add_exception_handler(HTTPException, _send_http)
    app.add_exception_handler(RequestValidationError, _send_invalid)
    app.add_exception_handler(ODataFault, _send_odata)
    app.add_exception_handler(Exception, _send_fault)


def error_schema(*, graph: bool = False) -> dict[str, Any]:
    """The JSON schema of an error's body."""
    text = {"type": "string"}
    detail: dict[str, Any] = {"code": text, "message": text, "target": text}
    if graph:
        inner = {"date": text, "request-id": text, "client-request-id": text}
        detail = {"code": text, "message": text, "innerError": {"type": "object", "properties": inner}}
    error = {"type": "object", "required": list(detail), "properties": detail}
    return {"type": "object", "required": ["error"], "properties": {"error": error}}


_MEANING = {
    400: "The request is not one that this operation takes.",
    401: "There is no token, or it is not valid, or no longer.",
    403: "The token is for another audience or lacks the role.",
    404: "What was named does not exist.",
    405: "The method is not one of this path.",
    413: "The request's body is too large.",
    429: "A limit is reached; `Retry-After` says for how long.",
    500: "A fault, as it happens in every service (a fault switch).",
    502: "A fault, as it happens in every service (a fault switch).",
    503: "A fault, as it happens in every service (a fault switch).",
    504: "A fault, as it happens in every service (a fault switch).",
}
GATED = (400, 401, 403, 429, 500, 502, 503, 504)
"""What every operation behind the gate may answer."""


def error_responses(*more: int, graph: bool = False) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's `responses` of an operation: what the gate may answer, and what is added."""
    content = {"application/json": {"schema": error_schema(graph=graph)}}
    return {status: {"description": _MEANING[status], "content": content} for status in sorted({*GATED, *more})}
