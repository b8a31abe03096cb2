"""What Azure's resource manager says of its cloud: by it clients that are told of another cloud find its sign-in.

https://learn.microsoft.com/azure/azure-resource-manager (`GET /metadata/endpoints`)
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from earmark.sandbox.tenant import Tenant


def router(_tenant: Tenant) -> APIRouter:
    """The cloud's endpoints; resources keep Microsoft's names, since tokens are made for these."""
    routes = APIRouter(tags=["sign-in"])

    @routes.get("/metadata/endpoints")
    def read_endpoints(request: Request) -> dict[str, Any]:
        """Where one signs in, and what the resources are called."""
        here = f"{request.url.scheme}://{request.url.netloc}"
        return {
            "name": "EarmarkSandbox",
            "authentication": {
                "loginEndpoint": here,
                "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"],
                "tenant": "common",
                "identityProvider": "AAD",
            },
            "resourceManager": f"{here}/",
            "microsoftGraphResourceId": "https://graph.microsoft.com/",
            "suffixes": {},
        }

    return routes
