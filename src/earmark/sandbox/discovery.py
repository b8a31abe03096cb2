"""What sign-in libraries ask before they sign in: where the endpoints are, and which keys tokens are signed with.

https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from earmark.sandbox.errors import ApiError, error_schema
from earmark.sandbox.sign_in import TENANT_UNKNOWN
from earmark.sandbox.tenant import Tenant


def router(tenant: Tenant) -> APIRouter:
    """OpenID discovery of both versions, instance discovery, and the keys."""
    routes = APIRouter(tags=["sign-in"], responses=_RESPONSES)

    def here(request: Request, name: str) -> str:
        if name.lower() not in tenant.names() | {"common", "organizations"}:
            raise ApiError(400, f"AADSTS{TENANT_UNKNOWN}: There is no tenant '{name}'.", code="invalid_tenant")
        return f"{request.url.scheme}://{request.url.netloc}/{tenant.id}"

    @routes.get("/common/discovery/instance")
    def instances(request: Request, authorization_endpoint: str = Query(default="")) -> dict[str, Any]:
        """Which hosts sign in for which tenants: this one."""
        host = request.url.netloc
        known = {"preferred_network": host, "preferred_cache": host, "aliases": [host]}
        address = f"{here(request, tenant.id)}/v2.0/.well-known/openid-configuration"
        return {"tenant_discovery_endpoint": address, "api-version": "1.1", "metadata": [known]}

    @routes.get("/{name}/v2.0/.well-known/openid-configuration")
    def configuration_v2(request: Request, name: str) -> JSONResponse:
        """The endpoints of the second version."""
        base = here(request, name)
        return JSONResponse(_configuration(base, issuer=f"{base}/v2.0", token=f"{base}/oauth2/v2.0/token"))

    @routes.get("/{name}/.well-known/openid-configuration")
    def configuration_v1(request: Request, name: str) -> JSONResponse:
        """The endpoints of the first version."""
        base = here(request, name)
        return JSONResponse(_configuration(base, issuer=tenant.tokens.issuer, token=f"{base}/oauth2/token"))

    @routes.get("/{name}/discovery/v2.0/keys")
    def keys_v2(request: Request, name: str) -> dict[str, Any]:
        """The keys that tokens are signed with."""
        here(request, name)
        return tenant.tokens.keys()

    @routes.get("/{name}/discovery/keys")
    def keys_v1(request: Request, name: str) -> dict[str, Any]:
        """The keys that tokens are signed with."""
        here(request, name)
        return tenant.tokens.keys()

    return routes


def _configuration(base: str, *, issuer: str, token: str) -> dict[str, Any]:
    second = token.endswith("v2.0/token")
    return {
        "issuer": issuer,
        "token_endpoint": token,
        "authorization_endpoint": token.removesuffix("token") + "authorize",
        "jwks_uri": f"{base}/discovery/v2.0/keys" if second else f"{base}/discovery/keys",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "private_key_jwt"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "tenant_region_scope": "EU",
    }


_RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"description": "No such tenant.", "content": {"application/json": {"schema": error_schema()}}}
}
