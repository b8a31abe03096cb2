"""The page: the tenant's devices and tags, and a form by which a person changes a tag, as in the portal.

Made on the server, without scripts. A form carries a secret that only this page knows, so that no other site can send
it.
"""

from __future__ import annotations

import hmac
from importlib.resources import files
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from earmark.sandbox.errors import ApiError, error_schema
from earmark.sandbox.faults import SETTINGS
from earmark.sandbox.gate import tenant_of
from earmark.sandbox.machine_api import found_machine
from earmark.sandbox.sign_in import Form
from earmark.sandbox.tag_api import usable_tag
from earmark.sandbox.tenant import Tenant

ROWS = 50
_LAST_PAGE = 1_000_000
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def router(tenant: Tenant) -> APIRouter:
    """The page and what belongs to it."""
    routes = APIRouter(tags=["page"], responses=_RESPONSES, dependencies=[Depends(require_same_origin)])
    pages = Environment(
        loader=PackageLoader("earmark.sandbox", "pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )

    def shown(name: str, **values: Any) -> HTMLResponse:
        settled = {key: value for key, (value, _) in SETTINGS.items()}
        faults = [(key, value) for key, value in tenant.faults.document().items() if value != settled.get(key, 0.0)]
        text = pages.get_template(name).render(tenant=tenant, now=tenant.clock.now(), faults=faults, **values)
        return HTMLResponse(text, headers=_HEADERS)

    @routes.get("/", response_class=HTMLResponse)
    def show_devices(
        q: str = Query(default="", max_length=200), page: int = Query(default=1, ge=1, le=_LAST_PAGE)
    ) -> Response:
        """The devices, fifty a page."""
        found = tenant.machines.search(q.strip())
        pages_ = max(1, -(-len(found) // ROWS))
        page = min(page, pages_)
        rows = device_rows(tenant, found[(page - 1) * ROWS : page * ROWS])
        return shown(
            "devices.html",
            devices=rows,
            count=len(found),
            q=q,
            page=page,
            pages=pages_,
            before=urlencode({"q": q, "page": page - 1}) if page > 1 else None,
            after=urlencode({"q": q, "page": page + 1}) if page < pages_ else None,
        )

    @routes.get("/page/sandbox.css", response_class=Response)
    def style() -> Response:
        """The page's style sheet."""
        text = (files("earmark.sandbox") / "pages" / "sandbox.css").read_text(encoding="utf-8")
        return Response(text, media_type="text/css", headers={"X-Content-Type-Options": "nosniff"})

    @routes.get("/page/devices/{id}", response_class=HTMLResponse)
    def show_device(id: str) -> Response:
        """One device with its tags."""
        (device,) = device_rows(tenant, [found_machine(tenant, id)])
        return shown("device.html", device=device, token=tenant.page_token)

    @routes.post("/page/devices/{id}", status_code=303, response_class=RedirectResponse, openapi_extra=_FORM)
    def change_device(id: str, form: Form) -> Response:
        """Add a tag or remove one, as a person does; no request of the API, no limit, no fault."""
        if not hmac.compare_digest(form.get("token", "").encode(), tenant.page_token.encode()):
            raise ApiError(403, "The form was not sent by this page, or the sandbox was started anew since.")
        if form.get("action") not in ("add", "remove"):
            raise ApiError(400, "The action is neither add nor remove.")
        device, tag = found_machine(tenant, id), usable_tag(form.get("tag", ""))
        tenant.tags.change(tag, [device], add=form["action"] == "add", now=tenant.clock.now())
        return RedirectResponse(f"/page/devices/{quote(device)}", status_code=303, headers=_HEADERS)

    return routes


def require_same_origin(request: Request) -> None:
    """Refuse what a browser says that another site sent, and what came by a name that is not the sandbox's.

    The second keeps out sites that let their own name lead to this machine, to read what only it may.
    """
    tenant, host = tenant_of(request), request.url.hostname or ""
    if tenant.hosts is not None and host not in tenant.hosts and not is_address(host):
        raise ApiError(403, f"This sandbox is not called {host}; --name adds a name.")
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host", "")
    if foreign or site not in (None, "same-origin", "none"):
        raise ApiError(403, "This request was sent by another site.")


def is_address(host: str) -> bool:
    """Whether a host is an address instead of a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def device_rows(tenant: Tenant, devices: list[str]) -> list[dict[str, Any]]:
    """Devices as the page shows them, each tag with its origin."""
    now = tenant.clock.now()
    machines = tenant.machines.documents(devices, now=now, united=True)
    standing, seen = tenant.tags.standing(devices), tenant.tags.shown(devices, now=now)
    return [
        machine
        | {
            "tags": [
                {"text": tag, "origin": origin.value, "late": (tag, origin) not in seen[machine["id"]]}
                for tag, origin in standing[machine["id"]]
            ]
        }
        for machine in machines
    ]


_ERROR = {"application/json": {"schema": error_schema()}}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"description": "The request is not one that this page sends.", "content": _ERROR},
    403: {"description": "Another site sent the request.", "content": _ERROR},
    404: {"description": "No such device.", "content": _ERROR},
}
_FIELDS = {
    "token": {"type": "string"},
    "tag": {"type": "string"},
    "action": {"type": "string", "enum": ["add", "remove"]},
}
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {"type": "object", "required": list(_FIELDS), "properties": _FIELDS}
            }
        },
    }
}
