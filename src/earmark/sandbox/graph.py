"""Alerts and incidents of Graph's security API, and Defender XDR's own older list of incidents.

https://learn.microsoft.com/graph/api/security-list-alerts_v2, …/security-alert-update, …/security-list-incidents,
…/security-incident-update, https://learn.microsoft.com/defender-xdr/api-list-incidents
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from earmark.sandbox import alert_words as words
from earmark.sandbox.alert_book import Change
from earmark.sandbox.alert_forms import graph_alert, graph_incident, xdr_incident
from earmark.sandbox.alert_record import Alert, Care, Incident
from earmark.sandbox.alerts import machines_of
from earmark.sandbox.bodies import object_of, schema_of
from earmark.sandbox.errors import ApiError, error_responses
from earmark.sandbox.gate import admitted
from earmark.sandbox.machine_api import context
from earmark.sandbox.odata import Collection, Kind, Options, Property
from earmark.sandbox.tenant import Tenant

_TEXT, _INSTANT = Property(kind=Kind.TEXT), Property(kind=Kind.INSTANT)
_COMMON = {
    "assignedTo": _TEXT,
    "classification": Property(kind=Kind.CHOICE, choices=words.GRAPH_CLASSIFICATIONS),
    "determination": Property(kind=Kind.CHOICE, choices=words.GRAPH_DETERMINATIONS),
    "createdDateTime": _INSTANT,
    "lastUpdateDateTime": _INSTANT,
    "severity": Property(kind=Kind.CHOICE, choices=words.GRAPH_SEVERITIES),
}
ALERTS = Collection(
    properties={
        **_COMMON,
        "status": Property(kind=Kind.CHOICE, choices=words.GRAPH_STATUSES),
        "serviceSource": Property(kind=Kind.CHOICE, choices=words.GRAPH_SERVICES),
    },
    options=frozenset({"$count", "$filter", "$skip", "$top"}),
    page_size=1_000,
    pages_by_top=True,
)
"""What the list of alerts takes."""
INCIDENTS = Collection(
    properties={**_COMMON, "status": Property(kind=Kind.CHOICE, choices=words.INCIDENT_STATUSES)},
    options=frozenset({"$count", "$filter", "$skip", "$top", "$expand"}),
    page_size=1_000,
    pages_by_top=True,
    expandable=frozenset({"alerts"}),
)
XDR_INCIDENTS = Collection(
    properties={
        **dict.fromkeys(("lastUpdateTime", "createdTime"), _INSTANT),
        "status": Property(kind=Kind.CHOICE, choices=("Active", "Resolved", "InProgress", "Redirected")),
        "assignedTo": _TEXT,
    },
    most=100,
    page_size=100,
)


def router(tenant: Tenant) -> APIRouter:
    """The operations, under both versions of Graph."""
    routes = APIRouter()
    for version in ("v1.0", "beta"):
        _add_alerts(routes, tenant, version)
        _add_incidents(routes, tenant, version)

    @routes.get(
        "/api/incidents",
        tags=["incidents"],
        dependencies=[Depends(admitted("incidents.xdr"))],
        **_described(_LIST, XDR_INCIDENTS, graph=False),
    )
    def list_xdr_incidents(request: Request) -> JSONResponse:
        """The tenant's incidents with their alerts, the newest first; 100 a page."""
        incidents = tenant.alerts.incidents(tenant.clock.now())
        machines = machines_of(tenant, [alert for incident in incidents for alert in incident.alerts])
        page = XDR_INCIDENTS.read(request.query_params.multi_items()).page(
            [xdr_incident(incident, machines) for incident in incidents]
        )
        answer: dict[str, Any] = {"@odata.context": context(request, "Incidents"), "value": page.rows}
        if page.following is not None:
            answer["@odata.nextLink"] = f"{str(request.url).partition('?')[0]}?{page.following}"
        return JSONResponse(answer)

    return routes


def _add_alerts(routes: APIRouter, tenant: Tenant, version: str) -> None:
    path = f"/{version}/security/alerts_v2"

    def found(id: str) -> Alert:
        alert = tenant.alerts.alert(id, tenant.clock.now())
        if alert is None:
            raise ApiError(404, f"There is no alert '{id}'.")
        return alert

    def answer(request: Request, id: str) -> JSONResponse:
        alert = found(id)
        body = graph_alert(alert, machines_of(tenant, [alert]).get(alert.machine, {}), tenant.id)
        return JSONResponse({"@odata.context": _context(request, version, "alerts_v2/$entity"), **body})

    def list_alerts(request: Request) -> JSONResponse:
        """The tenant's alerts, the newest first."""
        options = ALERTS.read(request.query_params.multi_items())
        alerts = tenant.alerts.alerts(tenant.clock.now())
        machines = machines_of(tenant, alerts)
        rows = [graph_alert(alert, machines.get(alert.machine, {}), tenant.id) for alert in alerts]
        return _listed(request, options, rows, _context(request, version, "alerts_v2"))

    def get_alert(request: Request, id: str) -> JSONResponse:
        """One alert with its evidence."""
        return answer(request, id)

    async def update_alert(request: Request, id: str) -> JSONResponse:
        """Change status, classification, determination or owner."""
        change = read_change(await object_of(request), _ALERT_CHANGES)

        def update() -> JSONResponse:
            tenant.alerts.change_alerts([found(id).id], change, tenant.clock.now())
            return answer(request, id)

        return await run_in_threadpool(update)

    _add(routes, "alerts", version, path, list_alerts, get_alert, update_alert, ALERTS, _ALERT_CHANGES)


def _add_incidents(routes: APIRouter, tenant: Tenant, version: str) -> None:
    path = f"/{version}/security/incidents"

    def found(id: str) -> Incident:
        incident = tenant.alerts.incident(id, tenant.clock.now())
        if incident is None:
            raise ApiError(404, f"There is no incident '{id}'.")
        return incident

    def written(incidents: Sequence[Incident], *, with_alerts: bool) -> list[dict[str, Any]]:
        if not with_alerts:
            return [graph_incident(incident, tenant.id, None) for incident in incidents]
        machines = machines_of(tenant, [alert for incident in incidents for alert in incident.alerts])
        return [
            graph_incident(i, tenant.id, [graph_alert(a, machines.get(a.machine, {}), tenant.id) for a in i.alerts])
            for i in incidents
        ]

    def answer(request: Request, id: str, *, with_alerts: bool) -> JSONResponse:
        (body,) = written([found(id)], with_alerts=with_alerts)
        return JSONResponse({"@odata.context": _context(request, version, "incidents/$entity"), **body})

    def list_incidents(request: Request) -> JSONResponse:
        """The tenant's incidents, the newest first; with their alerts where `$expand=alerts` asks for them."""
        options = INCIDENTS.read(request.query_params.multi_items())
        rows = written(tenant.alerts.incidents(tenant.clock.now()), with_alerts="alerts" in options.expand)
        return _listed(request, options, rows, _context(request, version, "incidents"))

    def get_incident(request: Request, id: str) -> JSONResponse:
        """One incident; with its alerts where `$expand=alerts` asks for them."""
        options = _ELEMENT.read(request.query_params.multi_items())
        return answer(request, id, with_alerts="alerts" in options.expand)

    async def update_incident(request: Request, id: str) -> JSONResponse:
        """Change status, classification, determination, owner or tags."""
        change = read_change(await object_of(request), _INCIDENT_CHANGES)

        def update() -> JSONResponse:
            tenant.alerts.change_incident(found(id), change, tenant.clock.now())
            return answer(request, id, with_alerts=False)

        return await run_in_threadpool(update)

    kinds = INCIDENTS, _INCIDENT_CHANGES
    _add(routes, "incidents", version, path, list_incidents, get_incident, update_incident, *kinds)


_ELEMENT = Collection(properties={}, options=frozenset({"$expand"}), expandable=frozenset({"alerts"}))
"""What one incident takes."""


def _add(
    routes: APIRouter,
    what: str,
    version: str,
    path: str,
    listing: Callable[..., Any],
    getting: Callable[..., Any],
    updating: Callable[..., Any],
    collection: Collection,
    changes: Mapping[str, Any],
) -> None:
    """The three routes of a resource."""
    element: dict[str, Any] = {"responses": {200: _content(_OBJECT), **error_responses(404, graph=True)}}
    updated: dict[str, Any] = {"responses": {200: _content(_OBJECT), **error_responses(404, 413, graph=True)}}
    for name, address, method, endpoint, extra in (
        ("list", path, "GET", listing, _described(_LIST, collection, graph=True)),
        ("get", f"{path}/{{id}}", "GET", getting, element),
        ("update", f"{path}/{{id}}", "PATCH", updating, {**updated, "openapi_extra": schema_of(_fields(changes))}),
    ):
        routes.add_api_route(
            address,
            endpoint,
            methods=[method],
            operation_id=f"{version}.{what}.{name}",
            tags=[what],
            dependencies=[Depends(admitted(f"graph.{what}.{name}"))],
            **extra,
        )


def _listed(request: Request, options: Options, rows: list[dict[str, Any]], context: str) -> JSONResponse:
    page = options.page(rows)
    answer: dict[str, Any] = {"@odata.context": context}
    if page.count is not None:
        answer["@odata.count"] = page.count
    if page.following is not None:
        answer["@odata.nextLink"] = f"{str(request.url).partition('?')[0]}?{page.following}"
    return JSONResponse({**answer, "value": page.rows})


def _context(request: Request, version: str, what: str) -> str:
    return f"{request.url.scheme}://{request.url.netloc}/{version}/$metadata#security/{what}"


_ALERT_CHANGES: Mapping[str, tuple[str, ...] | None] = {
    "status": words.GRAPH_STATUSES[1:],
    "classification": words.GRAPH_CLASSIFICATIONS,
    "determination": words.GRAPH_DETERMINATIONS,
    "assignedTo": None,
}
"""What may be changed of an alert, and to what; None: to any text."""
_INCIDENT_CHANGES: Mapping[str, tuple[str, ...] | None] = {
    **_ALERT_CHANGES,
    "status": words.INCIDENT_STATUSES,
    "customTags": None,
}


def read_change(body: Mapping[str, Any], changes: Mapping[str, tuple[str, ...] | None]) -> Change:
    """What a body asks to be changed; annotations (`@odata.type`) are passed over."""
    fields: dict[str, Any] = {}
    for name, value in body.items():
        if name.startswith("@"):
            continue
        if name not in changes:
            raise ApiError(400, f"The property '{name[:100]}' cannot be changed; what can be is {', '.join(changes)}.")
        fields.update(_field(name, value, changes[name]))
    if not fields:
        raise ApiError(400, f"The body changes nothing; it takes {', '.join(changes)}.")
    return lambda care: _changed(care, fields)


def _changed(care: Care, fields: Mapping[str, Any]) -> Care:
    return replace(care, **fields)


def _field(name: str, value: Any, choices: tuple[str, ...] | None) -> dict[str, Any]:
    if name == "customTags":
        if not isinstance(value, list) or not all(isinstance(tag, str) for tag in value):
            raise ApiError(400, "'customTags' must be a list of texts.")
        return {"tags": tuple(value)}
    if value is not None and not isinstance(value, str):
        raise ApiError(400, f"'{name}' must be a text.")
    if choices is None:
        return {"assigned": value}
    if value is None:
        raise ApiError(400, f"'{name}' cannot be null; it takes {', '.join(choices)}.")
    if name == "determination":
        word = words.determination_from_graph(value)
        if word is None and value.lower() != "unknown":
            raise ApiError(400, f"'{value[:100]}' is no determination; it takes {', '.join(choices)}.")
        return {name: word}
    chosen = {choice.lower(): choice for choice in choices}.get(value.lower())
    if chosen is None:
        raise ApiError(400, f"'{value[:100]}' is no {name}; it takes {', '.join(choices)}.")
    if name == "classification":
        return {name: None if chosen == "unknown" else chosen[:1].upper() + chosen[1:]}
    return {name: chosen if choices is words.INCIDENT_STATUSES else chosen[:1].upper() + chosen[1:]}


_STRING: dict[str, Any] = {"type": "string"}
_OBJECT: dict[str, Any] = {"type": "object", "properties": {"id": _STRING}}
_LIST: dict[str, Any] = {
    "type": "object",
    "required": ["value"],
    "properties": {"value": {"type": "array", "items": {"type": "object"}}, "@odata.nextLink": _STRING},
}


def _fields(changes: Mapping[str, tuple[str, ...] | None]) -> dict[str, Any]:
    kinds: dict[str, Any] = {
        name: {"type": ["string", "null"]} if choices is None else {"type": "string", "enum": list(choices)}
        for name, choices in changes.items()
    }
    return {**kinds, **({"customTags": {"type": "array", "items": _STRING}} if "customTags" in changes else {})}


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": "As documented.", "content": {"application/json": {"schema": schema}}}


def _described(schema: dict[str, Any], collection: Collection, *, graph: bool) -> dict[str, Any]:
    kinds: dict[str, dict[str, Any]] = {
        "$filter": _STRING,
        "$top": {"type": "integer", "minimum": 0, "maximum": collection.most},
        "$skip": {"type": "integer", "minimum": 0},
        "$count": {"type": "boolean"},
        "$expand": {"type": "string", "enum": sorted(collection.expandable)},
    }
    parameters = [
        {"name": name, "in": "query", "required": False, "schema": kinds[name]} for name in sorted(collection.options)
    ]
    responses = {200: _content(schema), **error_responses(graph=graph)}
    return {"responses": responses, "openapi_extra": {"parameters": parameters}}
