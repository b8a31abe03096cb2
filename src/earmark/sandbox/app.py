"""The application that answers for a tenant: one router a concern, the same ones for every host that Defender has."""

from __future__ import annotations

from importlib.metadata import version

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


def create_app(tenant: Tenant) -> FastAPI:
    """The ASGI app of one tenant."""
    app = FastAPI(title="Earmark's sandbox tenant", version=version("earmark"), docs_url=None, redoc_url=None)
    app.state.tenant = tenant
    add_handlers(app)
    app.add_middleware(Recorder, tenant=tenant)
    for module in (sign_in, discovery, cloud, identity, machine_api, tag_api, hunting, alerts, graph, control, page):
        app.include_router(module.router(tenant))
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    return app
