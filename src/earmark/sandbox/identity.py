"""Managed identities: the endpoints that a virtual machine and an app service offer to what runs on them.

https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token,
https://learn.microsoft.com/azure/app-service/overview-managed-identity. `AZURE_POD_IDENTITY_AUTHORITY_HOST` leads
Microsoft's libraries to the first, `IDENTITY_ENDPOINT` and `IDENTITY_HEADER` (an application's secret) to the second.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse

from earmark.sandbox.apps import App
from earmark.sandbox.gate import entry_of
from earmark.sandbox.operations import AUDIENCES
from earmark.sandbox.tenant import Tenant
from earmark.sandbox.tokens import LIFETIME


def router(tenant: Tenant) -> APIRouter:
    """Both endpoints."""
    routes = APIRouter(tags=["sign-in"], responses=_RESPONSES)

    @routes.get("/metadata/identity/oauth2/token")
    def of_machine(
        request: Request,
        resource: str = Query(),
        client_id: str | None = None,
        metadata: Annotated[str | None, Header()] = None,
    ) -> JSONResponse:
        """A token for the identity of a virtual machine: the application `client_id`, else the tagger."""
        if (metadata or "").lower() != "true":
            return _refused("invalid_request", "The header Metadata: true is missing.")
        app = tenant.apps.get(client_id.lower()) if client_id else _tagger(tenant)
        return _answer(request, tenant, app, resource)

    @routes.get("/msi/token")
    def of_service(
        request: Request,
        resource: str = Query(),
        x_identity_header: Annotated[str | None, Header()] = None,
    ) -> JSONResponse:
        """A token for the identity of an app service: the application whose secret the header holds."""
        found = [app for app in tenant.apps.values() if app.has_secret(x_identity_header or "")]
        return _answer(request, tenant, found[0] if found else None, resource)

    return routes


def _tagger(tenant: Tenant) -> App | None:
    return next((app for app in tenant.apps.values() if app.name == "tagger"), None)


def _answer(request: Request, tenant: Tenant, app: App | None, resource: str) -> JSONResponse:
    entry = entry_of(request)
    entry.operation = "token"
    if app is None:
        return _refused("invalid_request", "Identity not found.")
    audience = AUDIENCES.get(resource.rstrip("/"))
    if audience is None:
        return _refused("invalid_resource", f"The resource {resource} was not found in the tenant.")
    entry.app = app.client_id
    begun = tenant.clock.now()
    token = tenant.tokens.issue(app, resource, app.roles.get(audience, ()), at=begun, by_secret=False)
    seconds = int(LIFETIME.total_seconds())
    times = {
        "expires_in": seconds,
        "expires_on": int(begun.timestamp()) + seconds,
        "not_before": int(begun.timestamp()),
    }
    return JSONResponse(
        {
            "access_token": token,
            "client_id": app.client_id,
            "resource": resource,
            "token_type": "Bearer",
            **{key: str(value) for key, value in times.items()},
        }
    )


def _refused(error: str, text: str) -> JSONResponse:
    return JSONResponse({"error": error, "error_description": text}, status_code=400)


_TEXT = {"type": "string"}
_REFUSAL = {"type": "object", "properties": {"error": {}, "error_description": _TEXT}, "required": ["error"]}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"description": "Refused.", "content": {"application/json": {"schema": _REFUSAL}}}
}
