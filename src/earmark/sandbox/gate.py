"""The gate before every operation: the token first, then the documented limit, then the faults that are switched on.

A router writes `app: App = Depends(admitted("machines.list"))`, or calls `authorize` and `limit` itself. Faults that
strike after the operation was done are left in the request's state for `recorder`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime

from fastapi import Request

from earmark.sandbox.apps import App
from earmark.sandbox.errors import ApiError, is_graph
from earmark.sandbox.faults import Fault
from earmark.sandbox.log import Entry
from earmark.sandbox.operations import AUDIENCES, OPERATIONS, Audience
from earmark.sandbox.tenant import Tenant

_EXPIRED = {"graph": "Lifetime validation failed, the token is expired.", "defender": "The token has expired."}
_STATUSES = ["500", "502", "503", "504"]


def tenant_of(request: Request) -> Tenant:
    """The tenant that is served."""
    tenant: Tenant = request.app.state.tenant
    return tenant


def entry_of(request: Request) -> Entry:
    """The log's entry for this request."""
    entry: Entry = request.state.entry
    return entry


def admitted(operation: str) -> Callable[[Request], App]:
    """A dependency that lets a request through to an operation of `operations.OPERATIONS`, or answers why not."""
    rule = OPERATIONS[operation]

    def admit(request: Request) -> App:
        entry_of(request).operation = operation
        app = authorize(request, rule.audience, rule.roles)
        limit(request, operation)
        return app

    return admit


def authorize(request: Request, audience: Audience, any_of_roles: Sequence[str]) -> App:
    """The application that a request's token is of; ApiError 401 or 403 unless it may call what it calls."""
    tenant = tenant_of(request)
    token = _bearer(request)
    claims = tenant.tokens.read(token)
    if claims is None:
        raise _unauthorized("The token's signature or form is not valid.")
    now = tenant.clock.now().timestamp()
    if token in tenant.tokens.refused or now >= claims["exp"]:
        raise _unauthorized(_EXPIRED["graph" if is_graph(request.url.path) else "defender"])
    app = tenant.apps.get(claims["appid"])
    if app is None:
        raise _unauthorized("The token's application is not known in this tenant.")
    entry_of(request).app = app.client_id
    request.state.token = token
    if AUDIENCES.get(claims["aud"].rstrip("/")) is not audience:
        if audience is Audience.GRAPH:
            raise _unauthorized("Access token validation failure. Invalid audience.")
        raise ApiError(403, f"The token's audience is {claims['aud']}, and this API is of {audience}.")
    if not set(any_of_roles) & set(claims.get("roles", ())):
        raise ApiError(403, f"The token's application roles lack one of: {', '.join(any_of_roles)}.")
    return app


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise _unauthorized("There is no bearer token in the Authorization header.")
    return token.strip()


def _unauthorized(message: str) -> ApiError:
    return ApiError(401, message, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})


def limit(request: Request, name: str) -> None:
    """Count a call of an operation and let faults strike; ApiError 429 when a limit is reached."""
    tenant, entry = tenant_of(request), entry_of(request)
    entry.operation = name
    app = entry.app or ""
    now = tenant.clock.now()
    until = tenant.blocked.get((name, app), now)
    if until > now:
        entry.early = True
        raise too_many(tenant, math.ceil((until - now).total_seconds()))
    if wait := tenant.limits.take(name, app, now):
        entry.over_limit = True
        raise too_many(tenant, wait)
    _strike_before(request, tenant, entry, now)
    _strike_after(request, tenant, entry)


def too_many(tenant: Tenant, seconds: int, message: str = "") -> ApiError:
    """The 429 that asks to come back after some seconds."""
    message = message or f"The rate limit of this API is reached; retry after {seconds} seconds."
    return ApiError(429, message, headers=retry_after(tenant, seconds))


def retry_after(tenant: Tenant, seconds: float) -> dict[str, str]:
    """The header, in seconds or as an HTTP date."""
    if tenant.faults.settings["retry-after-date"]:
        at = tenant.clock.shown() + timedelta(seconds=math.ceil(seconds))
        return {"Retry-After": format_datetime(at, usegmt=True)}
    return {"Retry-After": str(math.ceil(seconds))}


def _strike_before(request: Request, tenant: Tenant, entry: Entry, now: datetime) -> None:
    faults, asked = tenant.faults, tenant.faults.settings["retry-after-seconds"]
    if faults.strikes(Fault.THROTTLE):
        entry.fault = Fault.THROTTLE
        tenant.blocked[entry.operation or "", entry.app or ""] = now + timedelta(seconds=asked)
        raise too_many(tenant, math.ceil(asked))
    if faults.strikes(Fault.EXPIRED_TOKEN) and hasattr(request.state, "token"):
        entry.fault = Fault.EXPIRED_TOKEN
        tenant.tokens.refuse(request.state.token)
        raise _unauthorized(_EXPIRED["graph" if is_graph(request.url.path) else "defender"])
    if faults.strikes(Fault.DROP):
        entry.fault = request.state.strike = Fault.DROP
        raise ApiError(503, "The connection is closed.")  # nobody reads it: the recorder closes the connection
    if faults.strikes(Fault.ERROR):
        entry.fault = Fault.ERROR
        raise broken(tenant)


def page_of_list(request: Request) -> bool:
    """Let the faults of lists strike: ApiError 500, or whether the page is to be a short one."""
    tenant, entry = tenant_of(request), entry_of(request)
    if tenant.faults.strikes(Fault.BAD_PAGE):
        entry.fault = Fault.BAD_PAGE
        raise ApiError(500, "")
    if tenant.faults.strikes(Fault.SHORT_PAGE):
        entry.fault = Fault.SHORT_PAGE
        return True
    return False


def broken(tenant: Tenant) -> ApiError:
    """A server's error of some kind."""
    status = int(tenant.faults.choose(_STATUSES))
    headers = retry_after(tenant, tenant.faults.settings["retry-after-seconds"]) if status == 503 else {}
    return ApiError(status, "", headers=headers)


def _strike_after(request: Request, tenant: Tenant, entry: Entry) -> None:
    faults = tenant.faults
    if faults.strikes(Fault.LATENCY):
        request.state.delay = faults.settings["latency-seconds"]
        entry.fault = Fault.LATENCY
    for fault in (Fault.TIMEOUT, Fault.DROP_AFTER, Fault.ERROR_AFTER):
        if faults.strikes(fault):
            entry.fault = request.state.strike = fault
            return
