"""Changing machines: tags on one and on many, and the device value.

https://learn.microsoft.com/defender-endpoint/api/add-or-remove-machine-tags,
…/add-or-remove-multiple-machine-tags, …/update-machine-method, …/set-device-value
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Request
from fastapi.responses import JSONResponse

from earmark.model.device import Origin
from earmark.sandbox.errors import ApiError, invalid_body
from earmark.sandbox.faults import Fault
from earmark.sandbox.gate import admitted, entry_of, tenant_of
from earmark.sandbox.machine_api import (
    MACHINE,
    MACHINE_LIST,
    context,
    described,
    documents,
    found_machine,
    machine_answer,
)
from earmark.sandbox.tag_book import UnknownDevices
from earmark.sandbox.tenant import Tenant

MOST = 500
"""Machines of one bulk call."""
Value = Literal["Normal", "Low", "High"]


@dataclass(slots=True)
class TagChange:
    """One tag of one machine."""

    Value: str
    Action: Literal["Add", "Remove"]


@dataclass(slots=True)
class TagsChange:
    """One tag of many machines."""

    Value: str
    Action: Literal["Add", "Remove"]
    MachineIds: list[str]


@dataclass(slots=True)
class ValueChange:
    """A device value."""

    DeviceValue: Value


def router(_tenant: Tenant) -> APIRouter:
    """The writing operations."""
    routes = APIRouter(prefix="/api/machines", tags=["machines"])

    @routes.post(
        "/AddOrRemoveTagForMultipleMachines",
        dependencies=[Depends(admitted("machines.tag_many"))],
        responses=described(MACHINE_LIST),
    )
    def tag_many(request: Request, body: Annotated[TagsChange, Body()]) -> JSONResponse:
        """Add a tag to up to 500 machines, or remove it: from all of them, or from none when one is not known."""
        return tag_machines(request, body)

    @routes.post("/{id}/tags", dependencies=[Depends(admitted("machines.tag"))], responses=described(MACHINE, 404))
    def tag_one(request: Request, id: str, body: Annotated[TagChange, Body()]) -> JSONResponse:
        """Add a tag to a machine, or remove it; doing so again changes nothing and is no error."""
        device = found_machine(tenant_of(request), id)
        change_tags(request, usable_tag(body.Value), [device], add=body.Action == "Add")
        return machine_answer(request, device, accepted=True)

    @routes.post(
        "/{id}/setDeviceValue",
        dependencies=[Depends(admitted("machines.value"))],
        responses=described(MACHINE, 404),
    )
    def set_value(request: Request, id: str, body: Annotated[ValueChange, Body()]) -> JSONResponse:
        """Set a machine's value."""
        device = found_machine(tenant_of(request), id)
        _set_value(request, device, body.DeviceValue)
        return machine_answer(request, device, accepted=True)

    @routes.patch(
        "/{id}",
        dependencies=[Depends(admitted("machines.update"))],
        responses=described(MACHINE, 404),
        openapi_extra=_UPDATE_BODY,
    )
    def update(request: Request, id: str, body: Annotated[dict[str, Any], Body()]) -> JSONResponse:
        """Replace a machine's whole list of tags, or set its value; an empty list is refused, as Defender does."""
        device = found_machine(tenant_of(request), id)
        _update(request, device, body)
        return machine_answer(request, device, accepted=True)

    return routes


def tag_machines(request: Request, body: TagsChange) -> JSONResponse:
    """The bulk call."""
    tenant, entry = tenant_of(request), entry_of(request)
    tag, ids = usable_tag(body.Value), list(dict.fromkeys(body.MachineIds))
    if not ids:
        raise invalid_body("MachineIds is empty; name the machines to change.")
    if len(body.MachineIds) > MOST:
        text = f"The number of machines is too large. Received: {len(body.MachineIds)}, allowed: {MOST}"
        raise ApiError(400, text, code="MaximumBatchSizeExceeded")
    if tenant.faults.strikes(Fault.BULK_FORBIDDEN):
        entry.fault = Fault.BULK_FORBIDDEN
        raise ApiError(403, "The application may not change several machines at once.")
    if tenant.faults.strikes(Fault.BAD_ID):
        entry.fault = Fault.BAD_ID
        raise _unknown(tenant, [tenant.faults.choose(ids)])
    unknown = [id_ for id_ in ids if tenant.machines.find_id(id_) is None]
    if unknown:
        raise _unknown(tenant, unknown)
    known = list(dict.fromkeys(tenant.machines.find_id(id_) or id_ for id_ in ids))
    change_tags(request, tag, known, add=body.Action == "Add")
    value = documents(tenant, known, accepted=True)
    return JSONResponse({"@odata.context": context(request, "Machines"), "value": value})


def _unknown(tenant: Tenant, ids: list[str]) -> ApiError:
    # Four words, then nothing but the ids: scripts that exist read them from there, whichever way they split a text.
    named = f": {' '.join(ids)}" if tenant.faults.settings["bad-ids-named"] else ""
    return ApiError(400, f"Could not find machines{named}", code="InvalidInput")


def change_tags(request: Request, tag: str, devices: list[str], *, add: bool) -> None:
    """Change a tag on machines that are known, and write down in the log what was changed."""
    tenant, entry = tenant_of(request), entry_of(request)
    entry.action, entry.tag, entry.named = "add" if add else "remove", tag, devices
    late = timedelta()
    if tenant.faults.strikes(Fault.SLOW_VISIBILITY):
        entry.fault = entry.fault or Fault.SLOW_VISIBILITY
        late = timedelta(seconds=tenant.faults.settings["visibility-seconds"])
    try:
        entry.changed = tenant.tags.change(tag, devices, add=add, now=tenant.clock.now(), shows_after=late)
    except UnknownDevices as unknown:
        raise _unknown(tenant, unknown.ids) from None
    entry.done = True


def _set_value(request: Request, device: str, value: str) -> None:
    entry = entry_of(request)
    entry.named = [device]
    entry.changed = [device] if tenant_of(request).machines.set_value(device, value) else []
    entry.done = True


def _update(request: Request, device: str, body: dict[str, Any]) -> None:
    tenant, entry = tenant_of(request), entry_of(request)
    given = {key: value for key, value in body.items() if value is not None}
    tags, value = given.pop("machineTags", None), given.pop("deviceValue", None)
    if given or (tags is None and value is None) or tags == []:
        raise invalid_body("Only 'machineTags' (not empty) and 'deviceValue' can be updated.")
    if tags is not None and not (isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)):
        raise invalid_body("machineTags must be a list of strings.")
    if value is not None and value not in ("Normal", "Low", "High"):
        raise invalid_body("deviceValue must be Normal, Low or High.")
    if tags is not None:
        wanted = [usable_tag(tag) for tag in tags]
        before = {tag for tag, origin in tenant.tags.standing([device])[device] if origin is Origin.MANUAL}
        tenant.tags.replace(device, wanted, now=tenant.clock.now())
        entry.named, entry.changed = [device], [device] if before != set(wanted) else []
        entry.done = True
    if value is not None:
        changed = entry.changed
        _set_value(request, device, value)
        entry.changed = entry.changed or changed


def usable_tag(tag: str) -> str:
    """A tag that can stand on a device."""
    if not tag.strip() or not tag.isprintable():
        raise ApiError(400, "A tag must not be empty or hold characters that cannot be shown.", code="InvalidInput")
    return tag


_UPDATE_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "machineTags": {"type": "array", "items": {"type": "string"}, "minItems": 1},
                        "deviceValue": {"type": "string", "enum": ["Normal", "Low", "High"]},
                    },
                    "additionalProperties": False,
                    "minProperties": 1,
                }
            }
        },
    }
}
