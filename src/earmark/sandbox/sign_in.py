"""Signing in: the token endpoints of both versions, as Microsoft Entra answers them.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow, and for the texts of errors
https://learn.microsoft.com/entra/identity-platform/reference-error-codes.
"""

from __future__ import annotations

from base64 import b64decode
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import parse_qsl, unquote_plus
from uuid import uuid4

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from earmark.sandbox.apps import App
from earmark.sandbox.assertion import JWT_BEARER, AssertionRefused, check_assertion
from earmark.sandbox.gate import entry_of
from earmark.sandbox.operations import AUDIENCES
from earmark.sandbox.tenant import Tenant
from earmark.sandbox.tokens import LIFETIME

DEFAULT_SCOPE = "/.default"
_BODY_LIMIT = 100_000
TENANT_UNKNOWN = 90002


class SignInRefused(Exception):
    """An answer of the token endpoint that is no token."""

    def __init__(self, code: int, error: str, text: str, *, status: int = 400) -> None:
        super().__init__(text)
        self.code, self.error, self.text, self.status = code, error, text, status


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form; the last one of a name wins."""
    body = await request.body()
    if len(body) > _BODY_LIMIT:
        return {}
    form = dict(parse_qsl(body.decode("utf-8", errors="replace"), keep_blank_values=True))
    return _from_header(request) | form


def _from_header(request: Request) -> dict[str, str]:
    """Client and secret from HTTP's basic authentication, where a library sends them so (RFC 6749, section 2.3.1)."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        client, _, secret = b64decode(given, validate=True).decode().partition(":")
    except ValueError:
        return {}
    return {"client_id": unquote_plus(client), "client_secret": unquote_plus(secret)}


Form = Annotated[dict[str, str], Depends(form_of)]


def router(tenant: Tenant) -> APIRouter:
    """Both token endpoints."""
    routes = APIRouter(tags=["sign-in"])

    def answer(request: Request, name: str, form: dict[str, str], *, second: bool) -> JSONResponse:
        entry_of(request).operation = "token"
        try:
            document = sign_in(tenant, name, form, url=str(request.url), second=second)
        except SignInRefused as refused:
            return JSONResponse(refusal(refused, tenant.clock.shown()), status_code=refused.status)
        entry_of(request).app = form["client_id"]
        return JSONResponse(document, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})

    @routes.post("/{name}/oauth2/v2.0/token", responses=_RESPONSES, openapi_extra=_body("scope"))
    def token_v2(request: Request, name: str, form: Form) -> JSONResponse:
        """A token for `scope`, such as https://graph.microsoft.com/.default."""
        return answer(request, name, form, second=True)

    @routes.post("/{name}/oauth2/token", responses=_RESPONSES, openapi_extra=_body("resource"))
    def token_v1(request: Request, name: str, form: Form) -> JSONResponse:
        """A token for `resource`, such as https://api.securitycenter.microsoft.com."""
        return answer(request, name, form, second=False)

    return routes


def sign_in(tenant: Tenant, name: str, form: dict[str, str], *, url: str, second: bool) -> dict[str, Any]:
    """The answer with a token; SignInRefused for everything that Entra refuses."""
    if name.lower() not in tenant.names():
        raise SignInRefused(TENANT_UNKNOWN, "invalid_request", f"There is no tenant '{name}'.")
    grant = _required(form, "grant_type")
    if grant != "client_credentials":
        raise SignInRefused(70003, "unsupported_grant_type", f"The app requested an unsupported grant type '{grant}'.")
    client = _required(form, "client_id")
    audience = _audience(form, second=second)
    app = tenant.apps.get(client.lower())
    if app is None:
        text = f"Application with identifier '{client}' was not found in the directory '{tenant.domain}'."
        raise SignInRefused(700016, "unauthorized_client", text)
    by_secret = _prove(tenant, app, form, url=url)
    roles = app.roles.get(AUDIENCES[audience.rstrip("/")], ())
    token = tenant.tokens.issue(app, audience, roles, at=tenant.clock.now(), by_secret=by_secret)
    seconds = int(LIFETIME.total_seconds())
    if second:
        return {"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token}
    begun = int(tenant.clock.shown().timestamp())
    times = {"expires_in": seconds, "ext_expires_in": seconds, "expires_on": begun + seconds, "not_before": begun}
    return {
        "token_type": "Bearer",
        **{key: str(value) for key, value in times.items()},  # the first version writes numbers as text
        "resource": audience,
        "access_token": token,
    }


def _required(form: dict[str, str], key: str) -> str:
    value = form.get(key, "")
    if not value:
        text = f"The body must hold the parameter '{key}'."
        raise SignInRefused(900144, "invalid_request", text)
    return value


def _audience(form: dict[str, str], *, second: bool) -> str:
    if not second:
        audience = _required(form, "resource")
    else:
        scope = _required(form, "scope")
        if not scope.endswith(DEFAULT_SCOPE) or " " in scope.strip():
            text = f"The scope {scope} is not valid: for an application it is one resource with /.default at its end."
            raise SignInRefused(1002012, "invalid_scope", text)
        audience = scope.removesuffix(DEFAULT_SCOPE)
    if audience.rstrip("/") not in AUDIENCES:
        text = f"The resource principal named {audience} was not found in the tenant."
        raise SignInRefused(500011, "invalid_resource", text)
    return audience


def _prove(tenant: Tenant, app: App, form: dict[str, str], *, url: str) -> bool:
    """Whether the application is who it says; True for a secret, False for a certificate."""
    assertion = form.get("client_assertion", "")
    if assertion:
        if form.get("client_assertion_type") != JWT_BEARER:
            text = f"The parameter 'client_assertion_type' must be '{JWT_BEARER}'."
            raise SignInRefused(900144, "invalid_request", text)
        try:
            check_assertion(tenant, app, assertion, url=url)
        except AssertionRefused as refused:
            raise SignInRefused(refused.code, "invalid_client", refused.text, status=401) from None
        return False
    secret = form.get("client_secret", "")
    if not secret:
        text = "The body must hold 'client_assertion' or 'client_secret'."
        raise SignInRefused(7000218, "invalid_client", text, status=401)
    if not app.has_secret(secret):
        text = f"The client secret is not one of the application {app.client_id}."
        raise SignInRefused(7000215, "invalid_client", text, status=401)
    return True


def refusal(refused: SignInRefused, at: datetime) -> dict[str, Any]:
    """A refusal as Entra writes it."""
    trace, correlation, when = str(uuid4()), str(uuid4()), f"{at:%Y-%m-%d %H:%M:%SZ}"
    tail = f" Trace ID: {trace} Correlation ID: {correlation} Timestamp: {when}"
    return {
        "error": refused.error,
        "error_description": f"AADSTS{refused.code}: {refused.text}{tail}",
        "error_codes": [refused.code],
        "timestamp": when,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={refused.code}",
    }


_TEXT = {"type": "string"}
_REFUSAL = {
    "type": "object",
    "required": ["error", "error_description", "error_codes"],
    "properties": {
        **dict.fromkeys(("error", "error_description", "timestamp", "trace_id", "correlation_id", "error_uri"), _TEXT),
        "error_codes": {"type": "array", "items": {"type": "integer"}},
    },
}
_TOKEN = {
    "type": "object",
    "required": ["token_type", "expires_in", "access_token"],
    "properties": {"token_type": _TEXT, "expires_in": {"type": ["integer", "string"]}, "access_token": _TEXT},
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "A token.", "content": {"application/json": {"schema": _TOKEN}}},
    **{
        status: {"description": "Refused.", "content": {"application/json": {"schema": _REFUSAL}}}
        for status in (400, 401)
    },
}


def _body(target: str) -> dict[str, Any]:
    fields = ("grant_type", "client_id", target, "client_secret", "client_assertion", "client_assertion_type")
    schema = {"type": "object", "required": list(fields[:3]), "properties": dict.fromkeys(fields, _TEXT)}
    return {"requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": schema}}}}
