"""Signing in: tokens of `azure-identity`, one for each interface, kept until shortly before they end.

The library is made to sign in nowhere but where the settings say: discovery of other addresses is off where they are
not Microsoft's own, and so is its own log of requests.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from earmark.errors import EstateError, PermissionDenied
from earmark.estates.defender.clouds import Addresses, Api, same_place
from earmark.estates.defender.faults import clean
from earmark.estates.defender.pace import Pace
from earmark.estates.defender.secrets import fetch_secret, fetch_text
from earmark.project.settings import SignIn, SignInMethod

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

EARLY = 300
"""Seconds before its end at which a token is no longer used."""


class Tokens(Protocol):
    """Gives tokens."""

    def token(self, api: Api, *, fresh: bool = False) -> str:
        """A token for an interface; `fresh`: not the one given before, which was refused."""


@dataclass(slots=True)
class _Kept:
    value: str
    ends_at: float


class SignedIn:
    """Tokens for one application of one tenant."""

    def __init__(self, *, credential: Callable[[], TokenCredential], addresses: Addresses, pace: Pace) -> None:
        self._make = credential
        self._credential: TokenCredential | None = None
        self._addresses = addresses
        self._pace = pace
        self._kept: dict[Api, _Kept] = {}

    def token(self, api: Api, *, fresh: bool = False) -> str:
        """A token for an interface; see `Tokens`."""
        kept = self._kept.get(api)
        if kept is not None and not fresh and self._pace.now().timestamp() < kept.ends_at - EARLY:
            return kept.value
        if fresh or self._credential is None:
            self._credential = self._make()  # the library keeps tokens, too: only a new one asks again
        found = self._ask(self._credential, self._addresses.scope[api])
        self._kept[api] = found
        return found.value

    def _ask(self, credential: TokenCredential, scope: str) -> _Kept:
        from azure.core.exceptions import (
            AzureError,
            ClientAuthenticationError,
            ServiceRequestError,
            ServiceResponseError,
        )

        host = self._addresses.sign_in
        try:
            token = credential.get_token(scope)
        except (ServiceRequestError, ServiceResponseError) as error:
            raise _no_answer(host, error) from None
        except ClientAuthenticationError as error:
            if isinstance(error.__cause__, ServiceRequestError | ServiceResponseError):
                raise _no_answer(host, error.__cause__) from None
            raise refused(str(error)) from None
        except (AzureError, ValueError) as error:
            raise refused(str(error)) from None
        if not (token.token.isascii() and token.token.isprintable()):
            raise refused(f"{host} gave a token that cannot be sent.")
        return _Kept(token.token, float(token.expires_on))


def _no_answer(host: str, error: Exception) -> EstateError:
    return EstateError(
        f"signing in at {host} got no answer: {clean(str(error))}",
        hint="Check the network, `proxy`, `ca` and `hosts` of the estate.",
    )


_ADVICE = {
    "AADSTS7000215": "The secret is not one of the application's: take its value, not its id, from the portal.",
    "AADSTS7000222": "The application's secret has expired: make a new one.",
    "AADSTS700016": "The tenant knows no application with this client_id.",
    "AADSTS90002": "There is no such tenant: check `tenant` and `cloud`.",
    "AADSTS700027": "The certificate is not one of the application's: upload its public part, or take the right one.",
    "AADSTS700024": "The assertion's time does not fit: set this machine's clock.",
    "AADSTS500011": "The tenant has no service principal of this interface: is Defender for Endpoint set up there?",
}


_NO_TENANT = "Unable to get authority configuration"
"""How Microsoft's library says that a host tells nothing of a tenant; the rest of what it says is of no use here."""


def refused(said: str) -> PermissionDenied:
    """What the sign-in's refusal means, with what to do where its code says."""
    if _NO_TENANT in said:
        return PermissionDenied(
            "signing in failed: its host knows no such tenant.",
            hint="Check `tenant` (an id, or a domain of it) and `cloud` in earmark.yaml.",
        )
    text = clean(said)
    advice = next((advice for code, advice in _ADVICE.items() if code + ":" in text), "")
    return PermissionDenied(
        f"signing in failed: {text}", hint=advice or "Check `sign_in` and `tenant` in earmark.yaml."
    )


def sign_in(
    settings: SignIn,
    *,
    tenant: str,
    addresses: Addresses,
    pace: Pace,
    ca: Path | None = None,
    proxy: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> SignedIn:
    """Tokens by the method that the settings name; nothing is sent before the first one is asked for."""
    from azure.core.exceptions import AzureError

    # What goes wrong is raised and said once; without a handler it would go to stderr as well.
    for library in ("azure", "msal"):
        logging.getLogger(library).addHandler(logging.NullHandler())
    options: dict[str, Any] = {
        "authority": addresses.sign_in,
        "disable_instance_discovery": not addresses.known,
        "retry_total": 3,
        "retry_backoff_factor": 0.5,
        "connection_timeout": 10,
        "read_timeout": 30,
    }
    if not addresses.known:
        options["transport"] = _only_to(addresses.sign_in, ca)
    if ca is not None:
        options["connection_verify"] = str(ca)
    if proxy is not None:
        options["proxies"] = {"https": proxy, "http": proxy}

    def make() -> TokenCredential:
        try:
            return _credential(settings, tenant, options, environment)
        except (ValueError, AzureError) as error:
            raise refused(f"{type(error).__name__}: {error}") from None

    return SignedIn(credential=make, addresses=addresses, pace=pace)


def _only_to(host: str, ca: Path | None) -> Any:
    """A connection that sends secrets to one host alone: what stands in for Microsoft's may name others."""
    from azure.core.exceptions import ClientAuthenticationError
    from azure.core.pipeline.transport import RequestsTransport

    class OneHost(RequestsTransport):  # type: ignore[misc]  # the library does not say its type
        def send(self, request: Any, **options: Any) -> Any:
            if same_place(request.url, host, frozenset()) is None:
                raise ClientAuthenticationError(
                    message=f"{host} leads to another place ({request.url.partition('?')[0]}); nothing was sent there."
                )
            return super().send(request, **options)

    return OneHost(connection_verify=True if ca is None else str(ca), connection_timeout=10, read_timeout=30)


def _credential(
    settings: SignIn, tenant: str, options: dict[str, Any], environment: Mapping[str, str] | None
) -> TokenCredential:
    from azure import identity

    client = settings.client_id or ""
    match settings.method:
        case SignInMethod.SECRET:
            assert settings.secret is not None
            return identity.ClientSecretCredential(tenant, client, fetch_text(settings.secret, environment), **options)
        case SignInMethod.CERTIFICATE:
            assert settings.certificate is not None
            password = None if settings.password is None else fetch_text(settings.password, environment)
            data = fetch_secret(settings.certificate, environment)
            return identity.CertificateCredential(tenant, client, certificate_data=data, password=password, **options)
        case SignInMethod.MANAGED_IDENTITY:
            return identity.ManagedIdentityCredential(client_id=client or None)
        case SignInMethod.WORKLOAD_IDENTITY:
            variables = os.environ if environment is None else environment
            file = settings.token_file or variables.get("AZURE_FEDERATED_TOKEN_FILE")
            return identity.WorkloadIdentityCredential(
                tenant_id=tenant,
                client_id=client or variables.get("AZURE_CLIENT_ID"),
                token_file_path=None if file is None else str(file),
                **options,
            )
        case SignInMethod.CLI:
            return identity.AzureCliCredential(tenant_id=tenant)


def is_delegated(settings: SignIn) -> bool:
    """Whether Earmark sees only what a person sees."""
    return settings.method is SignInMethod.CLI
