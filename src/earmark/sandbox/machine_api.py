"""Reading machines: list, get, find by tag, logged-on users.

https://learn.microsoft.com/defender-endpoint/api/get-machines, …/get-machine-by-id, …/find-machines-by-tag,
…/get-machine-log-on-users
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse

from earmark.sandbox.errors import ApiError, error_responses, not_found
from earmark.sandbox.gate import admitted, page_of_list, tenant_of
from earmark.sandbox.odata import Collection, Kind, Properties, Property
from earmark.sandbox.odata_filter import Row
from earmark.sandbox.tenant import Tenant

_CHOICES: Properties = {
    "riskScore": Property(kind=Kind.CHOICE, choices=("None", "Informational", "Low", "Medium", "High")),
    "exposureLevel": Property(kind=Kind.CHOICE, choices=("None", "Low", "Medium", "High")),
    "deviceValue": Property(kind=Kind.CHOICE, choices=("Normal", "Low", "High")),
    "healthStatus": Property(
        kind=Kind.CHOICE,
        choices=(
            *("Active", "Inactive", "ImpairedCommunication", "NoSensorData", "NoSensorDataImpairedCommunication"),
            "Unknown",
        ),
    ),
    "onboardingStatus": Property(
        kind=Kind.CHOICE, choices=("Onboarded", "CanBeOnboarded", "Unsupported", "InsufficientInfo")
    ),
}
MACHINES = Collection(
    properties={
        **dict.fromkeys(("id", "computerDnsName", "version", "osPlatform", "lastIpAddress"), Property(kind=Kind.TEXT)),
        "aadDeviceId": Property(kind=Kind.GUID),
        "lastSeen": Property(kind=Kind.INSTANT),
        "machineTags": Property(kind=Kind.TEXTS),
        "rbacGroupId": Property(kind=Kind.LOOSE_NUMBER),
        **_CHOICES,
    }
)
"""What the list of machines takes."""


def router(_tenant: Tenant) -> APIRouter:
    """The reading operations."""
    routes = APIRouter(prefix="/api/machines", tags=["machines"])

    @routes.get("", dependencies=[Depends(admitted("machines.list"))], **_described(MACHINE_LIST, 404, odata=True))
    def list_machines(request: Request) -> JSONResponse:
        """The tenant's machines: 10,000 a page, `@odata.nextLink` leads on; 404 when there are none."""
        return JSONResponse(machine_list(request))

    @routes.get("/findbytag", dependencies=[Depends(admitted("machines.findbytag"))], **_described(MACHINE_LIST))
    def find_by_tag(request: Request, tag: str = Query(), useStartsWithFilter: bool = False) -> JSONResponse:
        """Machines that carry a tag, or one that begins so; upper and lower case differ."""
        tenant = tenant_of(request)

        def fits(text: str) -> bool:
            return text.startswith(tag) if useStartsWithFilter else text == tag

        machines = documents(tenant, tenant.tags.carriers(fits))
        found = [machine for machine in machines if any(map(fits, machine["machineTags"]))]
        return JSONResponse({"@odata.context": context(request, "Machines"), "value": found})

    @routes.get("/{id}", dependencies=[Depends(admitted("machines.get"))], **_described(MACHINE, 404))
    def get_machine(request: Request, id: str) -> JSONResponse:
        """One machine, by id or by computer name."""
        tenant = tenant_of(request)
        return machine_answer(request, found_machine(tenant, id))

    @routes.get("/{id}/logonusers", dependencies=[Depends(admitted("machines.logonusers"))], **_described(USERS, 404))
    def list_users(request: Request, id: str) -> JSONResponse:
        """Who logged on to a machine, the latest first."""
        tenant = tenant_of(request)
        users = tenant.machines.users(found_machine(tenant, id), now=tenant.clock.now())
        return JSONResponse({"@odata.context": context(request, "Users"), "value": users})

    return routes


def machine_list(request: Request) -> dict[str, Any]:
    """One page of the list of machines."""
    tenant = tenant_of(request)
    options = MACHINES.read(request.query_params.multi_items())
    ids = tenant.machines.ids()
    if not ids:
        raise ApiError(404, "There are no recent machines.", code="ResourceNotFound")
    if page_of_list(request):
        options = replace(options, page_size=max(1, (len(ids) - options.skip) // 2))
    if options.keeps is None:  # a page of ids first: a hundred thousand machines are not written down for one page
        page = options.page(cast(Sequence[Row], ids))
        value = documents(tenant, cast(Sequence[str], page.rows))
    else:
        page = options.page(documents(tenant, ids))
        value = cast(list[dict[str, Any]], page.rows)
    answer: dict[str, Any] = {"@odata.context": context(request, "Machines"), "value": value}
    if page.following is not None:
        answer["@odata.nextLink"] = f"{str(request.url).partition('?')[0]}?{page.following}"
    return answer


def found_machine(tenant: Tenant, named: str) -> str:
    """The id of a machine named in an address; 404 when there is none."""
    device = tenant.machines.find(named)
    if device is None:
        raise not_found(f"Machine {named}")
    return device


def documents(tenant: Tenant, devices: Sequence[str], *, accepted: bool = False) -> list[dict[str, Any]]:
    """Machines as the tenant shows them now."""
    united = bool(tenant.faults.settings["united-tags"])
    return tenant.machines.documents(devices, now=tenant.clock.now(), united=united, accepted=accepted)


def machine_answer(request: Request, device: str, *, accepted: bool = False) -> JSONResponse:
    """The answer that is one machine."""
    (machine,) = documents(tenant_of(request), [device], accepted=accepted)
    return JSONResponse({"@odata.context": context(request, "Machines/$entity"), **machine})


def context(request: Request, what: str) -> str:
    """`@odata.context`."""
    return f"{request.url.scheme}://{request.url.netloc}/api/$metadata#{what}"


_TEXT, _MAYBE = {"type": "string"}, {"type": ["string", "null"]}
_MACHINE_FIELDS: dict[str, Any] = {
    "id": _TEXT,
    **dict.fromkeys(("computerDnsName", "firstSeen", "lastSeen", "rbacGroupName", "aadDeviceId"), _MAYBE),
    **dict.fromkeys(("osPlatform", "healthStatus", "deviceValue", "riskScore", "exposureLevel"), _TEXT),
    "machineTags": {"type": "array", "items": _TEXT},
    "rbacGroupId": {"type": "integer"},
}
MACHINE = {"type": "object", "required": list(_MACHINE_FIELDS), "properties": _MACHINE_FIELDS}
"""The JSON schema of a machine."""


def _list_of(item: dict[str, Any]) -> dict[str, Any]:
    fields = {"@odata.context": _TEXT, "value": {"type": "array", "items": item}, "@odata.nextLink": _TEXT}
    return {"type": "object", "required": ["value"], "properties": fields}


MACHINE_LIST = _list_of(MACHINE)
USERS = _list_of(
    {"type": "object", "required": ["id", "accountName"], "properties": {"id": _TEXT, "accountName": _TEXT}}
)


def described(schema: dict[str, Any], *statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's `responses` of an operation that answers 200 with JSON of this schema."""
    content = {"application/json": {"schema": schema}}
    return {200: {"description": "As documented.", "content": content}, **error_responses(*statuses)}


def _described(schema: dict[str, Any], *statuses: int, odata: bool = False) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "query", "required": False, "schema": schema_of}
        for name, schema_of in (
            ("$filter", _TEXT),
            ("$top", {"type": "integer", "minimum": 0, "maximum": MACHINES.most}),
            ("$skip", {"type": "integer", "minimum": 0}),
        )
    ]
    extra = {"openapi_extra": {"parameters": parameters}} if odata else {}
    return {"responses": described(schema, *statuses), **extra}
