"""Certificate assertions: a JWT that an application signs instead of sending a secret.

https://learn.microsoft.com/entra/identity-platform/certificate-credentials
"""

from __future__ import annotations

from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import load_pem_x509_certificate
from jwt.types import Options

from earmark.sandbox.apps import App, Certificate
from earmark.sandbox.tenant import Tenant

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ("PS256", "RS256")
LEEWAY = 300
"""Seconds by which the caller's clock may differ from the tenant's."""
_UNJUDGED: Options = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
}


class AssertionRefused(Exception):
    """An assertion that proves nothing, with Entra's number for why."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def check_assertion(tenant: Tenant, app: App, assertion: str, *, url: str) -> None:
    """Check signature, audience, issuer, subject and times; AssertionRefused when one does not hold."""
    try:
        header = jwt.get_unverified_header(assertion)
    except jwt.PyJWTError:
        raise AssertionRefused(50027, "JWT token is invalid or malformed.") from None
    certificate = _certificate_of(app, header)
    if header.get("alg") not in ALGORITHMS:
        raise AssertionRefused(700030, f"Invalid algorithm in the assertion: expected one of {', '.join(ALGORITHMS)}.")
    key = load_pem_x509_certificate(certificate.pem.encode()).public_key()
    assert isinstance(key, RSAPublicKey)  # no other is registered
    try:
        claims = jwt.decode(assertion, key, algorithms=[header["alg"]], options=_UNJUDGED)
    except jwt.PyJWTError:
        raise AssertionRefused(700027, "The client assertion's signature is not of the key it names.") from None
    _check_claims(tenant, app, claims, url)
    _check_replay(tenant, claims)


def _certificate_of(app: App, header: dict[str, Any]) -> Certificate:
    given = {name: _unpadded(header.get(key)) for name, key in (("sha256", "x5t#S256"), ("sha1", "x5t"))}
    if not any(given.values()):
        raise AssertionRefused(5002723, "The assertion's header has no thumbprint (x5t or x5t#S256).")
    for certificate in app.certificates:
        if all(value in (None, getattr(certificate, name)) for name, value in given.items()):
            return certificate
    thumbprint = given["sha256"] or given["sha1"]
    raise AssertionRefused(700027, f"The application has no certificate with the thumbprint {thumbprint!r}.")


def _unpadded(thumbprint: object) -> str | None:
    # Some libraries keep base64's padding.
    return thumbprint.rstrip("=") if isinstance(thumbprint, str) else None


def _check_claims(tenant: Tenant, app: App, claims: dict[str, Any], url: str) -> None:
    if claims.get("iss") != app.client_id:
        raise AssertionRefused(700022, "The assertion's issuer is not the client_id.")
    if claims.get("sub") != app.client_id:
        raise AssertionRefused(700021, "The assertion's subject is not the client_id.")
    if not _is_here(tenant, claims.get("aud"), url):
        raise AssertionRefused(700023, "The assertion's audience is not the address of the token endpoint.")
    now = tenant.clock.outside().timestamp()
    begins, ends = _number(claims.get("nbf", 0)), _number(claims.get("exp"))
    if begins is None or ends is None or not begins - LEEWAY <= now < ends + LEEWAY:
        raise AssertionRefused(700024, "The assertion is not within its valid time range.")


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _is_here(tenant: Tenant, audience: object, url: str) -> bool:
    """Whether an audience is a token endpoint of this tenant, at the address it was called by or at Microsoft's."""
    if not isinstance(audience, str):
        return False
    host, _, path = audience.removeprefix("https://").removeprefix("http://").partition("/")
    here = url.split("://", 1)[-1].partition("/")[0]
    known = {here, "login.microsoftonline.com", "login.microsoftonline.us"}
    paths = {f"{name}/{tail}" for name in tenant.names() for tail in ("oauth2/v2.0/token", "oauth2/token", "v2.0")}
    return host in known and path.lower() in paths


def _check_replay(tenant: Tenant, claims: dict[str, Any]) -> None:
    if not tenant.faults.settings["refuse-replay"]:
        return
    identifier = claims.get("jti")
    if not isinstance(identifier, str) or not identifier:
        raise AssertionRefused(50027, "JWT token is invalid or malformed: the claim 'jti' is missing.")
    if not tenant.first_use(identifier):
        raise AssertionRefused(50013, "Assertion failed validation: it was used before.")
