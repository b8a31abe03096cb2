"""Where secrets come from: the environment, a file, the system's keyring, Azure Key Vault.

A secret is fetched when it is needed and handed on; nothing here keeps it, and no message shows it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from earmark.errors import PermissionDenied
from earmark.project.settings import Secret, SecretKind

MAX_BYTES = 65_536
"""Largest file that holds a secret."""
VAULT_SUFFIX = "vault.azure.net"


def fetch_secret(secret: Secret, environment: Mapping[str, str] | None = None) -> bytes:
    """What a reference stands for; `PermissionDenied` says why it cannot be had."""
    variables = os.environ if environment is None else environment
    match secret.kind:
        case SecretKind.ENV:
            found = variables.get(secret.name, "").encode()
        case SecretKind.FILE:
            found = _from_file(secret)
        case SecretKind.KEYRING:
            found = _from_keyring(secret)
        case SecretKind.VAULT:
            found = _from_vault(secret)
    if not found:
        raise _unavailable(secret, _EMPTY[secret.kind])
    return found


def fetch_text(secret: Secret, environment: Mapping[str, str] | None = None) -> str:
    """A secret that is one line of text."""
    try:
        text = fetch_secret(secret, environment).decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise _unavailable(secret, "is not UTF-8 text") from None
    if not text or not text.isprintable():
        raise _unavailable(secret, "is not one line of text")
    return text


_EMPTY = {
    SecretKind.ENV: "is not set, or is empty",
    SecretKind.FILE: "is empty",
    SecretKind.KEYRING: "is not in the keyring, or is empty",
    SecretKind.VAULT: "is empty",
}


def _unavailable(secret: Secret, why: str) -> PermissionDenied:
    return PermissionDenied(f"the secret {secret} {why}.", hint="Put it where the reference says, or correct it.")


def _from_file(secret: Secret) -> bytes:
    path = secret.folder / secret.name
    try:
        with path.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise _unavailable(secret, f"cannot be read ({getattr(error, 'strerror', None) or 'no usable path'})") from None
    if len(content) > MAX_BYTES:
        raise _unavailable(secret, f"has more than {MAX_BYTES:,} bytes")
    return content


def _from_keyring(secret: Secret) -> bytes:
    import keyring
    from keyring.errors import KeyringError

    service, _, name = secret.name.partition("/")
    try:
        found = keyring.get_password(service, name)
    except (KeyringError, RuntimeError) as error:
        raise _unavailable(secret, f"cannot be had: the keyring answered {type(error).__name__}") from None
    return (found or "").encode()


def _from_vault(secret: Secret) -> bytes:
    from azure.core.exceptions import AzureError, HttpResponseError
    from azure.identity import DefaultAzureCredential
    from azure.keyvault.secrets import SecretClient

    vault, _, name = secret.name.rpartition("/")
    try:
        client = SecretClient(vault_url(vault), DefaultAzureCredential(exclude_interactive_browser_credential=True))
        return (client.get_secret(name).value or "").encode()
    except HttpResponseError as error:
        raise _unavailable(secret, f"cannot be had: the vault answered {error.status_code or 'nothing'}") from None
    except (AzureError, ValueError) as error:
        raise _unavailable(secret, f"cannot be had: {type(error).__name__}") from None


def vault_url(vault: str) -> str:
    """The address of a vault that is named by it, by its host, or by its name alone."""
    if vault.startswith("https://"):
        return f"https://{urlsplit(vault).netloc}"
    return f"https://{vault}" if "." in vault else f"https://{vault}.{VAULT_SUFFIX}"
