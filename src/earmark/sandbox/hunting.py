"""Advanced hunting: Graph's `runHuntingQuery`, and the two older endpoints that stop on 1 February 2027.

https://learn.microsoft.com/graph/api/security-security-runhuntingquery,
https://learn.microsoft.com/defender-endpoint/api/run-advanced-query-api,
https://learn.microsoft.com/defender-xdr/api-advanced-hunting.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from earmark.sandbox.bodies import object_of, schema_of
from earmark.sandbox.errors import ApiError, error_responses
from earmark.sandbox.faults import Fault
from earmark.sandbox.gate import admitted, entry_of, too_many
from earmark.sandbox.hunt_answer import TooBig, graph_answer, old_answer
from earmark.sandbox.hunts import TOO_BIG, Hunts
from earmark.sandbox.tenant import Tenant
from earmark.sandbox.timespan import DEFAULT, TimespanFault, read_timespan

RETIRED_AT = datetime(2027, 2, 1, tzinfo=UTC)
"""From here on the older endpoints give no data."""
_RETIRED = (
    "This advanced hunting API is retired since 1 February 2027 and returns no data. Use Microsoft Graph: "
    "POST /v1.0/security/runHuntingQuery."
)


def router(tenant: Tenant) -> APIRouter:
    """The hunting endpoints."""
    hunts = tenant.hunts
    tenant.on_reset.append(hunts.forget)
    routes = APIRouter(tags=["hunting"])

    async def hunt_in_graph(request: Request) -> Response:
        """Run one query; rows, at most 100,000, with their schema."""
        _check_cpu(request, tenant, hunts)
        body = await object_of(request)
        query, timespan = _graph_parameters(body)
        now = tenant.clock.now()
        try:
            begin, end = read_timespan(timespan, now)
        except TimespanFault as fault:
            raise ApiError(400, str(fault)) from None
        version = request.url.path.split("/")[1]
        context = f"{request.base_url}{version}/$metadata#microsoft.graph.security.huntingQueryResults"
        result = await run_in_threadpool(hunts.run, query, begin, end, now=now)
        return await _sent(lambda: graph_answer(result, context))

    for version in ("v1.0", "beta"):
        for name in ("runHuntingQuery", "microsoft.graph.security.runHuntingQuery"):
            routes.add_api_route(
                f"/{version}/security/{name}",
                hunt_in_graph,
                methods=["POST"],
                operation_id=f"{version}.{name}",
                dependencies=[Depends(admitted("hunting.graph"))],
                response_class=Response,
                responses={200: _GRAPH_ANSWER, **error_responses(413, graph=True)},
                openapi_extra=schema_of({"Query": {"type": "string"}, "Timespan": _TIMESPAN}, "Query"),
            )

    async def hunt_as_before(request: Request) -> Response:
        """Run one query on the last 30 days; refused after the API's retirement."""
        now = tenant.clock.now()
        if now >= RETIRED_AT:
            raise ApiError(403, _RETIRED, code="DisabledFeature")
        _check_cpu(request, tenant, hunts)
        query = _old_query(await object_of(request))
        result = await run_in_threadpool(hunts.run, query, now - DEFAULT, now, now=now)
        return await _sent(lambda: old_answer(result))

    for path, operation in (("advancedqueries", "hunting.defender"), ("advancedhunting", "hunting.xdr")):
        routes.add_api_route(
            f"/api/{path}/run",
            hunt_as_before,
            methods=["POST"],
            operation_id=operation,
            dependencies=[Depends(admitted(operation))],
            response_class=Response,
            responses={200: _OLD_ANSWER, **error_responses(413)},
            openapi_extra=schema_of({"Query": {"type": "string"}}, "Query"),
        )
    return routes


async def _sent(answer: Any) -> Response:
    try:
        content = await run_in_threadpool(answer)
    except TooBig:
        raise ApiError(400, TOO_BIG) from None
    return Response(content, media_type="application/json")


def _check_cpu(request: Request, tenant: Tenant, hunts: Hunts) -> None:
    """Refuse while the tenant's CPU quota is used up; a fault uses it up."""
    now = tenant.clock.now()
    if tenant.faults.strikes(Fault.HUNTING_CPU):
        entry_of(request).fault = Fault.HUNTING_CPU
        hunts.use_up_cpu(now)
    wait = math.ceil((hunts.cpu_until - now).total_seconds())
    if wait > 0:
        minutes, seconds = divmod(wait, 60)
        again = f"00:{minutes:02}:{seconds:02}"
        message = (
            f"You have exceeded processing resources allocated to this tenant. You can run queries again in {again}."
        )
        raise too_many(tenant, wait, message)


def _graph_parameters(body: Mapping[str, Any]) -> tuple[str, str | None]:
    """Query and time span; Graph reads the names of an action's parameters without regard to case."""
    given = {name.lower(): value for name, value in body.items()}
    query, timespan = given.get("query"), given.get("timespan")
    if not isinstance(query, str) or not query.strip():
        raise ApiError(400, "The parameter 'Query' is required and must be a text that is not empty.")
    if timespan is not None and not isinstance(timespan, str):
        raise ApiError(400, "The parameter 'Timespan' must be a text in ISO 8601, such as P30D.")
    return query, timespan


def _old_query(body: Mapping[str, Any]) -> str:
    query = body.get("Query")
    if query is None:
        raise ApiError(400, "The required parameter 'Query' is missing from the body.", code="MissingRequiredParameter")
    if not isinstance(query, str) or not query.strip():
        raise ApiError(400, "The parameter 'Query' must be a text that is not empty.", code="InvalidRequestBody")
    return query


_TIMESPAN = {
    "type": ["string", "null"],
    "examples": [
        "P30D",
        "2024-02-01T08:00:00Z",
        "2024-02-01T08:00:00Z/2024-02-15T08:00:00Z",
        "P30D/2024-02-15T08:00:00Z",
        "2024-02-01T08:00:00Z/P30D",
    ],
}


def _answer(schema: str, results: str, name: str, kind: str, *more: str) -> dict[str, Any]:
    column = {"type": "object", "properties": {name: {"type": "string"}, kind: {"type": "string"}}}
    properties: dict[str, Any] = {
        schema: {"type": "array", "items": column},
        results: {"type": "array", "items": {"type": "object"}},
        **{key: {"type": "object"} for key in more},
    }
    content = {"application/json": {"schema": {"type": "object", "properties": properties}}}
    return {"description": "The rows, with the schema of their columns.", "content": content}


_GRAPH_ANSWER = _answer("schema", "results", "name", "type")
_OLD_ANSWER = _answer("Schema", "Results", "Name", "Type", "Stats")
