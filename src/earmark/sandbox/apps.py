"""The applications that are registered in the tenant."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from earmark.sandbox.operations import Audience, every_role


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate that an application may sign in with."""

    pem: str
    sha1: str
    """Thumbprint, base64url: `x5t`."""
    sha256: str
    """Thumbprint, base64url: `x5t#S256`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A registered application with what it may do."""

    client_id: str
    name: str
    secret: str = field(default="", repr=False)
    """Empty: it cannot sign in with a secret."""
    certificates: tuple[Certificate, ...] = ()
    roles: Mapping[Audience, tuple[str, ...]] = field(default_factory=dict)
    """Application permissions that an administrator consented to."""

    @property
    def principal(self) -> str:
        """The object id of its service principal."""
        return str(uuid5(NAMESPACE_URL, f"principal:{self.client_id}"))

    def has_secret(self, given: str) -> bool:
        """Whether this is the secret."""
        return bool(self.secret) and hmac.compare_digest(self.secret.encode(), given.encode())

    def document(self) -> dict[str, Any]:
        """As JSON, with the secret: whoever starts a sandbox must learn it."""
        return {
            "name": self.name,
            "client_id": self.client_id,
            "secret": self.secret,
            "roles": {audience.value: list(roles) for audience, roles in self.roles.items()},
        }


TAGGER = {Audience.DEFENDER: ("Machine.ReadWrite.All",), Audience.GRAPH: ("ThreatHunting.Read.All",)}
"""The least that keeping tags takes."""
OBSERVER = {Audience.DEFENDER: ("Machine.Read.All",), Audience.GRAPH: ("ThreatHunting.Read.All",)}
"""The least that planning takes."""


def default_apps(seed: int, secret: str) -> list[App]:
    """Three applications: all roles, those of a tagger, those of an observer. Ids follow from the seed."""
    kinds: dict[str, Mapping[Audience, tuple[str, ...]]] = {
        "everything": every_role(),
        "tagger": TAGGER,
        "observer": OBSERVER,
    }
    return [
        App(
            client_id=str(uuid5(NAMESPACE_URL, f"earmark:{seed}:{name}")),
            name=name,
            secret=f"{secret}{name}",
            roles=roles,
        )
        for name, roles in kinds.items()
    ]
