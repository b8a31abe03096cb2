"""How tests and people steer a sandbox: its clock, its faults, its log. Part of no Microsoft API; takes no token."""

from __future__ import annotations

from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Body, Depends, Query

from earmark.errors import UsageError
from earmark.model.instant import instant_text
from earmark.sandbox.apps import App
from earmark.sandbox.errors import ApiError, error_schema
from earmark.sandbox.log import Entry, over_limit, sent_without_need
from earmark.sandbox.operations import Audience, every_role
from earmark.sandbox.page import require_same_origin
from earmark.sandbox.tenant import Tenant
from earmark.sandbox.tls import registered

PAGE = 1_000
"""Requests that one answer of the log lists."""


def router(tenant: Tenant) -> APIRouter:
    """Everything below /sandbox."""
    routes = APIRouter(
        prefix="/sandbox", tags=["sandbox"], responses=_RESPONSES, dependencies=[Depends(require_same_origin)]
    )

    @routes.get("/clock")
    def read_clock() -> dict[str, Any]:
        """The tenant's time."""
        return clock_document(tenant)

    @routes.post("/clock")
    def move_clock(advance: Annotated[float, Body(embed=True, ge=0)]) -> dict[str, Any]:
        """Move the tenant's time forward by some seconds."""
        try:
            tenant.clock.advance(advance)
        except ValueError as fault:
            raise ApiError(400, str(fault)) from None
        return clock_document(tenant)

    @routes.get("/faults")
    def read_faults() -> dict[str, float]:
        """The rate of each fault and every setting."""
        return tenant.faults.document()

    @routes.post("/faults")
    def set_faults(values: Annotated[dict[str, float], Body()]) -> dict[str, float]:
        """Set rates and settings; those not named stay."""
        try:
            tenant.set_faults(values)
        except UsageError as fault:
            raise ApiError(400, f"{fault.message} {fault.hint}") from None
        return tenant.faults.document()

    @routes.get("/log")
    def read_log(after: Annotated[int, Query(ge=0)] = 0) -> dict[str, Any]:
        """Requests after a number, a thousand at most, and what the whole log says of limits and needless writes."""
        return log_document(tenant.log.entries(), after) | {
            "forgotten": tenant.log.forgotten,
            "limits": tenant.limits.counts(tenant.clock.now()),
        }

    @routes.get("/apps")
    def list_apps() -> list[dict[str, Any]]:
        """The registered applications with their secrets."""
        return [app.document() for app in tenant.apps.values()]

    @routes.post("/apps")
    def register_app(body: Annotated[NewApp, Body()]) -> dict[str, Any]:
        """Register an application."""
        try:
            app = new_app(body)
        except ValueError as fault:
            raise ApiError(400, f"{fault}") from None
        tenant.apps[app.client_id] = app
        return app.document()

    @routes.post("/reset")
    def reset(tags: bool = False) -> dict[str, Any]:
        """Forget requests, limits and faults; `tags=true` also lets the tags be as they were at first."""
        tenant.reset()
        if tags:
            tenant.tags.restore()
        return clock_document(tenant)

    return routes


@dataclass(slots=True)
class NewApp:
    """An application to register."""

    name: str
    roles: dict[str, list[str]]
    secret: str | None = None
    certificate: str | None = None


def new_app(given: NewApp) -> App:
    """The application; ValueError when its name or secret cannot be shown, or a role or the certificate is not one."""
    for key, text in (("name", given.name), ("secret", given.secret or "")):
        if not text.isprintable():
            raise ValueError(f"The {key} holds characters that cannot be shown.")
    every = every_role()
    for name, roles in given.roles.items():
        known = every.get(Audience(name)) if name in list(Audience) else None
        if known is None:
            raise ValueError(f"There is no audience {name!r}; there are {', '.join(Audience)}.")
        if missing := sorted(set(roles) - set(known)):
            raise ValueError(f"{name} has no role {missing[0]!r}; it has {', '.join(known)}.")
    return App(
        client_id=str(uuid4()),
        name=given.name,
        secret=token_urlsafe(24) if given.secret is None else given.secret,
        certificates=(registered(given.certificate),) if given.certificate else (),
        roles={Audience(name): tuple(roles) for name, roles in given.roles.items()},
    )


def clock_document(tenant: Tenant) -> dict[str, Any]:
    """The clock as JSON."""
    shown = instant_text(tenant.clock.shown())
    return {"now": instant_text(tenant.clock.now()), "shown": shown, "virtual": tenant.clock.virtual}


def log_document(entries: list[Entry], after: int) -> dict[str, Any]:
    """A part of the log as JSON, with the judgement of the whole."""
    shown = [entry for entry in entries if entry.number > after][:PAGE]
    return {
        "over_limit": [entry.number for entry in over_limit(entries)],
        "early": [entry.number for entry in entries if entry.early],
        "sent_without_need": [{"request": number, "device": device} for number, device in sent_without_need(entries)],
        "requests": [entry.document() for entry in shown],
    }


_ERROR = {"application/json": {"schema": error_schema()}}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"description": "The request is not one that this operation takes.", "content": _ERROR},
    403: {"description": "Another site sent the request.", "content": _ERROR},
}
