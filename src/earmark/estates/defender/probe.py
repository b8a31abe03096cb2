"""What `connect` tries at a tenant: its clock, tokens and what they grant, one page of machines, when the proof of the
sign-in ends.

Tokens and secrets stay in here: what leaves is what they say of themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from earmark.errors import EstateError, PermissionDenied
from earmark.estates.defender.client import Client
from earmark.estates.defender.clouds import Api
from earmark.estates.defender.faults import CallRefused
from earmark.estates.defender.machines import read_instant
from earmark.estates.defender.operations import GET_APPLICATION, LIST_MACHINES
from earmark.estates.defender.secrets import fetch_secret, fetch_text
from earmark.estates.defender.sign_in import Tokens
from earmark.model.permission import Proof, Resource, Token
from earmark.project.settings import DefenderSettings, Secret, SignInMethod

PATIENCE = 30.0
"""Seconds that one line may wait for quotas and repeats: somebody looks on."""
_APIS = {Resource.DEFENDER: Api.DEFENDER, Resource.GRAPH: Api.GRAPH}
_NOT_SHOWN = (
    "when it expires is not shown to the application itself, which may not read applications. "
    "See Certificates & secrets of the application in the portal."
)


class TenantProbe:
    """Tries one tenant; a `services.connect.Probe`."""

    def __init__(
        self,
        client: Client,
        tokens: Tokens,
        settings: DefenderSettings,
        *,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._client = client
        self._tokens = tokens
        self._settings = settings
        self._environment = environment

    def fetch_clock_lead(self) -> timedelta:
        """How far the clock of the sign-in's host is ahead of this machine's; without signing in."""
        host = self._client.addresses.sign_in
        return self._client.clock_lead(f"{host}/{self._settings.tenant}/v2.0/.well-known/openid-configuration")

    def fetch_token(self, resource: Resource) -> Token:
        """Sign in for an API."""
        return read_token(self._tokens.token(_APIS[resource]))

    def fetch_devices(self) -> int:
        """Ask for the smallest page of machines; how many it holds."""
        try:
            page = self._client.call(LIST_MACHINES, params={"$top": "1"}, until=self._until())
        except CallRefused as error:
            if error.status == 404:  # documented: there are no recent machines
                return 0
            raise
        values = page.document.get("value")
        if not isinstance(values, list):
            raise EstateError("a page of the tenant's machines holds no list of them.")
        return len(values)

    def fetch_proof(self, *, may_ask: bool) -> Proof:
        """What Earmark signs in with, and until when it holds."""
        match self._settings.sign_in.method:
            case SignInMethod.SECRET:
                return self._secret(may_ask)
            case SignInMethod.CERTIFICATE:
                return self._certificate()
            case SignInMethod.MANAGED_IDENTITY:
                return Proof(kind="managed identity", ends_at=None)
            case SignInMethod.WORKLOAD_IDENTITY:
                return Proof(kind="federated credential", ends_at=None)
            case SignInMethod.CLI:
                return Proof(kind="Azure CLI's sign-in", ends_at=None, why_unknown="the Azure CLI keeps it by itself.")

    def _secret(self, may_ask: bool) -> Proof:
        sign_in = self._settings.sign_in
        if not may_ask or sign_in.secret is None:
            return Proof(kind="secret", ends_at=None, why_unknown=_NOT_SHOWN)
        begin = fetch_text(sign_in.secret, self._environment)[:3]
        try:
            answer = self._client.call(
                GET_APPLICATION,
                sign_in.client_id or "",
                params={"$select": "passwordCredentials"},
                until=self._until(),
            )
        except (CallRefused, PermissionDenied):
            return Proof(kind="secret", ends_at=None, why_unknown=_NOT_SHOWN)
        ends = _ends(answer.document.get("passwordCredentials"), begin)
        if not ends:
            return Proof(kind="secret", ends_at=None, why_unknown="the application's secrets do not tell which it is.")
        return Proof(kind="secret", ends_at=min(ends))

    def _certificate(self) -> Proof:
        sign_in = self._settings.sign_in
        assert sign_in.certificate is not None
        password = None if sign_in.password is None else fetch_secret(sign_in.password, self._environment)
        data = fetch_secret(sign_in.certificate, self._environment)
        return Proof(kind="certificate", ends_at=certificate_end(data, password, named=sign_in.certificate))

    def _until(self) -> float:
        return self._client.pace.monotonic() + PATIENCE


def read_token(token: str) -> Token:
    """What a token says of itself. Its signature is the tenant's to judge."""
    import jwt

    try:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        return Token(roles=None, delegated=False, ends_at=None)
    scopes, roles, ends = claims.get("scp"), claims.get("roles", []), claims.get("exp")
    delegated = isinstance(scopes, str)
    names = scopes.split() if isinstance(scopes, str) else roles if isinstance(roles, list) else []
    return Token(
        roles=frozenset(_as_role(name) for name in names if isinstance(name, str)),
        delegated=delegated,
        ends_at=datetime.fromtimestamp(ends, UTC) if isinstance(ends, int) else None,
    )


def _as_role(name: str) -> str:
    """`Machine.Read`, as a person's permission is called, as the application permission that means the same."""
    return f"{name}.All" if name.endswith((".Read", ".ReadWrite")) and not name.startswith("User.") else name


def _ends(credentials: Any, begin: str) -> list[datetime]:
    """When the secrets end that begin with some letters, which is all that Entra tells of a secret (`hint`)."""
    listed = [one for one in credentials if isinstance(one, dict)] if isinstance(credentials, list) else []
    ours = [one for one in listed if one.get("hint") == begin]
    found = [read_instant(one.get("endDateTime")) for one in ours]
    return [at for at in found if at is not None]


def certificate_end(data: bytes, password: bytes | None, *, named: Secret) -> datetime:
    """When a certificate ends, PEM or PKCS #12; the first one of a PEM file is what signs in."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import pkcs12

    try:
        if b"-----BEGIN" in data:
            return x509.load_pem_x509_certificates(data)[0].not_valid_after_utc
        certificate = pkcs12.load_key_and_certificates(data, password)[1]
    except ValueError:
        certificate = None
    if certificate is None:
        raise PermissionDenied(
            f"{named} holds no certificate that can be read with its password.",
            hint="Name a file with the certificate and its key, PEM or PKCS #12.",
        )
    return certificate.not_valid_after_utc
