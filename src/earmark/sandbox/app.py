"""The application that answers for a tenant: one router a concern, the same ones for every host that Defender has."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI

from earmark.sandbox import (
    alerts,
    cloud,
    control,
    discovery,
    graph,
    hunting,
    identity,
    machine_api,
    page,
    sign_in,
    tag_api,
)
from earmark.sandbox.description import describe
from earmark.sandbox.errors import add_handlers
from earmark.sandbox.recorder import Recorder
from earmark.sandbox.tenant import Tenant


class _TenantApp(FastAPI):
    def openapi(self) -> dict[str, Any]:
        return describe(self)


def create_app(tenant: Tenant) -> FastAPI:
    """The ASGI app of one tenant."""
    app = _TenantApp(title="Earmark's sandbox tenant", version=version("earmark"), docs_url=None, redoc_url=None)
    app.state.tenant = tenant
    add_handlers(app)
    app.add_middleware(Recorder, tenant=tenant)
    for module in (sign_in, discovery, cloud, identity, machine_api, tag_api, hunting, alerts, graph, control, page):
        app.include_router(module.router(tenant))
    return app
