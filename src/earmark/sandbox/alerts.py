"""Defender's alerts: list, get, update one and many, create from an event, and what an alert is about.

https://learn.microsoft.com/defender-endpoint/api/get-alerts, …/update-alert, …/batch-update-alerts,
…/create-alert-by-reference, …/get-machine-related-alerts
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha1
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from earmark.estates.embedded.physical import ticks_of
from earmark.sandbox import alert_words as words
from earmark.sandbox.alert_book import ENTITY, Change, incident_of
from earmark.sandbox.alert_forms import Machine, defender_alert
from earmark.sandbox.alert_record import Alert, Care
from earmark.sandbox.apps import App
from earmark.sandbox.bodies import object_of, schema_of
from earmark.sandbox.errors import ApiError, error_responses, invalid_body, not_found
from earmark.sandbox.gate import admitted
from earmark.sandbox.machine_api import context, documents, found_machine, machine_answer
from earmark.sandbox.machines import instant
from earmark.sandbox.odata import Collection, Kind, Options, Property
from earmark.sandbox.tenant import Tenant
from earmark.sandbox.timespan import TimespanFault, read_ticks

_TEXT, _NUMBER = Property(kind=Kind.TEXT), Property(kind=Kind.NUMBER)
ALERTS = Collection(
    properties={
        **dict.fromkeys(("alertCreationTime", "lastUpdateTime", "lastEventTime"), Property(kind=Kind.INSTANT)),
        **dict.fromkeys(("incidentId", "investigationId"), _NUMBER),
        **dict.fromkeys(("id", "assignedTo", "detectionSource", "category"), _TEXT),
        "status": Property(kind=Kind.CHOICE, choices=words.STATUSES),
        "severity": Property(kind=Kind.CHOICE, choices=words.SEVERITIES),
    },
    options=frozenset({"$filter", "$top", "$skip", "$expand"}),
    expandable=frozenset({"evidence"}),
)
"""What the list of alerts takes."""
_CHANGES = ("status", "assignedTo", "classification", "determination", "comment")
_SPELLINGS = {
    **{name: name for name in _CHANGES},
    **{name[:1].upper() + name[1:]: name for name in _CHANGES if name != "assignedTo"},
}
"""The page's examples spell names with a small letter, its tables some with a large one."""
_CREATION = ("machineId", "severity", "title", "description", "recommendedAction", "eventTime", "reportId", "category")


def router(tenant: Tenant) -> APIRouter:
    """The alert operations."""
    tenant.on_reset.append(tenant.alerts.forget)
    routes = APIRouter(prefix="/api", tags=["alerts"])

    @routes.get("/alerts", dependencies=[Depends(admitted("alerts.list"))], **_described(_LIST, odata=True))
    def list_alerts(request: Request) -> JSONResponse:
        """The tenant's alerts, the newest first."""
        options = ALERTS.read(request.query_params.multi_items())
        return _listed(request, tenant, tenant.alerts.alerts(tenant.clock.now()), options)

    @routes.get("/machines/{id}/alerts", dependencies=[Depends(admitted("machines.alerts"))], **_described(_LIST, 404))
    def list_alerts_of_machine(request: Request, id: str) -> JSONResponse:
        """The alerts about one machine, the newest first."""
        device = found_machine(tenant, id)
        alerts = [alert for alert in tenant.alerts.alerts(tenant.clock.now()) if alert.machine == device]
        return _listed(request, tenant, alerts, ALERTS.read(request.query_params.multi_items()))

    @routes.get("/alerts/{id}", dependencies=[Depends(admitted("alerts.get"))], **_described(_ALERT, 404))
    def get_alert(request: Request, id: str) -> JSONResponse:
        """One alert, with its evidence."""
        return _answer(request, tenant, found_alert(tenant, id))

    @routes.get("/alerts/{id}/machine", dependencies=[Depends(admitted("machines.get"))], **_described(_OBJECT, 404))
    def get_machine_of_alert(request: Request, id: str) -> JSONResponse:
        """The machine that an alert is about."""
        return machine_answer(request, found_machine(tenant, found_alert(tenant, id).machine))

    @routes.get(
        "/alerts/{id}/user", dependencies=[Depends(admitted("machines.logonusers"))], **_described(_OBJECT, 404)
    )
    def get_user_of_alert(request: Request, id: str) -> JSONResponse:
        """The user that an alert is about."""
        alert = found_alert(tenant, id)
        entity = next((entity for entity in alert.entities if entity["AccountName"]), None)
        if entity is None:
            raise not_found(f"User of alert {id}")
        user = {
            "id": f"{entity['AccountDomain']}\\{entity['AccountName']}",
            "accountName": entity["AccountName"],
            "accountDomain": entity["AccountDomain"],
            "accountSid": entity["AccountSid"] or None,
            "firstSeen": alert.created,
            "lastSeen": alert.last_event,
        }
        return JSONResponse({"@odata.context": context(request, "Users/$entity"), **user})

    @routes.patch(
        "/alerts/{id}",
        responses={200: _content(_ALERT), **error_responses(404, 413)},
        openapi_extra=schema_of(_CHANGE_FIELDS),
    )
    async def update_alert(
        request: Request, id: str, app: Annotated[App, Depends(admitted("alerts.update"))]
    ) -> JSONResponse:
        """Change status, owner, classification or determination, or add a comment."""
        change = read_change(await object_of(request), app.name, instant(ticks_of(tenant.clock.now())) or "")
        return await run_in_threadpool(_update, request, tenant, id, change)

    @routes.post(
        "/alerts/batchUpdate",
        response_class=Response,
        responses={200: {"description": "They are changed; the body is empty."}, **error_responses(404, 413)},
        openapi_extra=schema_of({"alertIds": {"type": "array", "items": _STRING}, **_CHANGE_FIELDS}, "alertIds"),
    )
    async def update_alerts(request: Request, app: Annotated[App, Depends(admitted("alerts.batch"))]) -> Response:
        """Change several alerts alike; when one is not known, none is changed."""
        body = await object_of(request)
        ids = body.pop("alertIds", None)
        if ids is None:
            raise _missing("alertIds")
        if not isinstance(ids, list) or not ids or not all(isinstance(id, str) for id in ids):
            raise invalid_body("'alertIds' must be a list of ids that is not empty.")
        change = read_change(body, app.name, instant(ticks_of(tenant.clock.now())) or "")
        await run_in_threadpool(_update_many, tenant, ids, change)
        return Response()

    @routes.post(
        "/alerts/CreateAlertByReference",
        responses={200: _content(_ALERT), **error_responses(404, 413)},
        openapi_extra=schema_of(dict.fromkeys(_CREATION, _STRING), *_CREATION),
        dependencies=[Depends(admitted("alerts.create"))],
    )
    async def create_alert(request: Request) -> JSONResponse:
        """An alert on top of an event, which must exist."""
        body = await object_of(request)
        return await run_in_threadpool(_create, request, tenant, body)

    return routes


def found_alert(tenant: Tenant, id: str) -> Alert:
    """An alert named in an address; 404 when there is none."""
    alert = tenant.alerts.alert(id, tenant.clock.now())
    if alert is None:
        raise not_found(f"Alert {id}")
    return alert


def machines_of(tenant: Tenant, alerts: list[Alert]) -> dict[str, Machine]:
    """The machines that alerts are about, as far as the tenant has them."""
    ids = sorted({alert.machine for alert in alerts if alert.machine and tenant.machines.find(alert.machine)})
    return {machine["id"]: machine for machine in documents(tenant, ids)}


def _listed(request: Request, tenant: Tenant, alerts: list[Alert], options: Options) -> JSONResponse:
    machines = machines_of(tenant, alerts)
    evidence = "evidence" in options.expand
    rows = [defender_alert(a, machines.get(a.machine, {}), tenant.id, evidence=evidence) for a in alerts]
    page = options.page(rows)
    answer: dict[str, Any] = {"@odata.context": context(request, "Alerts"), "value": page.rows}
    if page.following is not None:
        answer["@odata.nextLink"] = f"{str(request.url).partition('?')[0]}?{page.following}"
    return JSONResponse(answer)


def _answer(request: Request, tenant: Tenant, alert: Alert) -> JSONResponse:
    machine = machines_of(tenant, [alert]).get(alert.machine, {})
    body = defender_alert(alert, machine, tenant.id, evidence=True)
    return JSONResponse({"@odata.context": context(request, "Alerts/$entity"), **body})


def _update(request: Request, tenant: Tenant, id: str, change: Change) -> JSONResponse:
    found_alert(tenant, id)
    tenant.alerts.change_alerts([id], change, tenant.clock.now())
    return _answer(request, tenant, found_alert(tenant, id))


def _update_many(tenant: Tenant, ids: list[str], change: Change) -> None:
    known = {alert.id for alert in tenant.alerts.alerts(tenant.clock.now())}
    for id in ids:
        if id not in known:
            raise not_found(f"Alert {id}")
    tenant.alerts.change_alerts(dict.fromkeys(ids), change, tenant.clock.now())


def read_change(body: Mapping[str, Any], who: str, at: str) -> Change:
    """What a body asks to be changed."""
    given: dict[str, str | None] = {}
    for key, value in body.items():
        name = _SPELLINGS.get(key)
        if name is None:
            raise invalid_body(f"'{key[:100]}' cannot be changed; what can be is {', '.join(_CHANGES)}.")
        if value is not None and not isinstance(value, str):
            raise invalid_body(f"'{key}' must be a text.")
        given[name] = value
    if not given:
        raise invalid_body(f"The body changes nothing; it takes {', '.join(_CHANGES)}.")
    for name, choices in _CHOICES.items():
        if given.get(name) is not None:
            given[name] = _chosen(name, given[name] or "", choices)
    fields: dict[str, Any] = {name: given[name] for name in ("classification", "determination") if name in given}
    if given.get("status"):
        fields["status"] = given["status"]
    if "assignedTo" in given:
        fields["assigned"] = given["assignedTo"]
    comment = given.get("comment")

    def change(care: Care) -> Care:
        changed = replace(care, **fields)
        if comment:
            said = {"comment": comment, "createdBy": who, "createdTime": at}
            changed = replace(changed, comments=(*changed.comments, said))
        return changed

    return change


_CHOICES: Mapping[str, tuple[str, ...]] = {
    "status": words.SETTABLE_STATUSES,
    "classification": words.CLASSIFICATIONS,
    "determination": tuple(words.DETERMINATIONS),
}


def _chosen(name: str, value: str, choices: tuple[str, ...]) -> str:
    found = {choice.lower(): choice for choice in choices}.get(value.lower())
    if found is None:
        raise ApiError(400, f"'{value[:100]}' is no {name}; it takes {', '.join(choices)}.", code="InvalidInput")
    return found


def _missing(name: str) -> ApiError:
    message = f"The required parameter '{name}' is missing from the body."
    return ApiError(400, message, code="MissingRequiredParameter")


def _create(request: Request, tenant: Tenant, body: Mapping[str, Any]) -> JSONResponse:
    given = {name: body.get(name) for name in _CREATION}
    for name, value in given.items():
        if value is None or value == "":
            raise _missing(name)
    texts = {name: str(value) if isinstance(value, str | int) else "" for name, value in given.items()}
    for name, text in texts.items():
        if not text:
            raise invalid_body(f"'{name}' must be a text.")
    severity = _chosen("severity", texts["severity"], words.SEVERITIES[2:])
    category = _chosen("category", texts["category"], words.CATEGORIES)
    try:
        at = read_ticks(texts["eventTime"])
        report = int(texts["reportId"][:19])
    except (TimespanFault, ValueError):
        raise ApiError(400, "'eventTime' must be an instant and 'reportId' a number.", code="InvalidInput") from None
    device, now = tenant.machines.find(texts["machineId"]), tenant.clock.now()
    if device is None or not tenant.alerts.has_event(device, at, report, now):
        raise not_found("The event")
    created = instant(ticks_of(now)) or ""
    same = (
        a
        for a in tenant.alerts.alerts(now)
        if a.machine == device and a.title == texts["title"] and a.status != "Resolved"
    )
    known = next(same, None)
    if known is None:
        digest = sha1(f"{device}/{texts['title']}/{created}".encode()).hexdigest()
        known = _made(tenant, f"ca{digest[:18]}_{int(digest[18:26], 16)}", device, created, texts, severity, category)
        tenant.alerts.add(known)
    return _answer(request, tenant, known)


def _made(
    tenant: Tenant, id: str, device: str, at: str, texts: Mapping[str, str], severity: str, category: str
) -> Alert:
    name = tenant.machines.name_of(device)
    entity = dict.fromkeys(ENTITY, "") | {"EntityType": "Machine", "DeviceId": device, "DeviceName": name}
    return Alert(
        id=id,
        incident=incident_of(device, id),
        created=at,
        last_event=at,
        title=texts["title"],
        category=category,
        severity=severity,
        service="Microsoft Defender for Endpoint",
        source="Custom TI",
        techniques=(),
        machine=device,
        machine_name=name,
        entities=(entity,),
        description=texts["description"],
        recommended=texts["recommendedAction"],
        care=Care(),
    )


_STRING: dict[str, Any] = {"type": "string"}
_CHANGE_FIELDS: dict[str, Any] = {
    "status": {"type": "string", "enum": list(words.SETTABLE_STATUSES)},
    "assignedTo": {"type": ["string", "null"]},
    "classification": {"type": "string", "enum": list(words.CLASSIFICATIONS)},
    "determination": {"type": "string", "enum": list(words.DETERMINATIONS)},
    "comment": _STRING,
}
_ALERT: dict[str, Any] = {
    "type": "object",
    "required": ["id", "incidentId", "severity", "status", "machineId", "evidence"],
    "properties": {"id": _STRING, "incidentId": {"type": "integer"}, "severity": _STRING, "status": _STRING},
}
_OBJECT = {"type": "object"}
_LIST = {
    "type": "object",
    "required": ["value"],
    "properties": {"value": {"type": "array", "items": _ALERT}, "@odata.nextLink": _STRING},
}


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": "As documented.", "content": {"application/json": {"schema": schema}}}


def _described(schema: dict[str, Any], *statuses: int, odata: bool = False) -> dict[str, Any]:
    kinds: dict[str, dict[str, Any]] = {
        "$filter": _STRING,
        "$top": {"type": "integer", "minimum": 0, "maximum": ALERTS.most},
        "$skip": {"type": "integer", "minimum": 0},
        "$expand": {"type": "string", "enum": ["evidence"]},
    }
    parameters = [{"name": name, "in": "query", "required": False, "schema": kind} for name, kind in kinds.items()]
    extra = {"openapi_extra": {"parameters": parameters}} if odata else {}
    return {"responses": {200: _content(schema), **error_responses(*statuses)}, **extra}
