"""A project's settings as values: what earmark.yaml says once it is read, checked and completed with defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from earmark.model.guard import GuardLimits
from earmark.model.hunt import HuntLimits


class EstateKind(StrEnum):
    """Where devices and their tags live."""

    EMBEDDED = "embedded"
    DEFENDER = "defender"


class EngineKind(StrEnum):
    """What runs hunts."""

    LOCAL = "local"
    GRAPH = "graph"
    KUSTO = "kusto"


class Mode(StrEnum):
    """Whether commands may write to the estate."""

    APPLY = "apply"
    OBSERVE = "observe"


class Cloud(StrEnum):
    """Microsoft's clouds (https://learn.microsoft.com/defender-endpoint/gov)."""

    PUBLIC = "public"
    GCC = "gcc"
    GCC_HIGH = "gcc-high"
    DOD = "dod"


class Geo(StrEnum):
    """Where the public cloud answers fastest (https://learn.microsoft.com/defender-endpoint/api/exposed-apis-list)."""

    US = "us"
    EU = "eu"
    UK = "uk"
    AU = "au"
    SWA = "swa"
    INA = "ina"
    AEA = "aea"


class SignInMethod(StrEnum):
    """How Earmark shows who it is."""

    SECRET = "secret"
    CERTIFICATE = "certificate"
    MANAGED_IDENTITY = "managed_identity"
    WORKLOAD_IDENTITY = "workload_identity"
    CLI = "cli"
    """As the person who is signed in to the Azure CLI: sees only the devices that this person may see."""


class SecretKind(StrEnum):
    """Where a secret is kept."""

    ENV = "env"
    FILE = "file"
    KEYRING = "keyring"
    VAULT = "vault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """Where a secret is kept, never the secret itself; its text is the reference as it was written."""

    kind: SecretKind
    name: str
    """Of a variable; a file's path; SERVICE/NAME of the keyring; VAULT/SECRET of Azure Key Vault."""
    folder: Path = field(repr=False, compare=False)
    """What a file's path is relative to."""

    def __str__(self) -> str:
        return f"${{{self.kind}:{self.name}}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """How to sign in; which fields are set depends on the method."""

    method: SignInMethod
    client_id: str | None = None
    secret: Secret | None = None
    certificate: Secret | None = None
    """A certificate with its key, PEM or PKCS #12."""
    password: Secret | None = None
    """Of the certificate's key."""
    token_file: Path | None = None
    """Holds the outside token of a workload identity, absolute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """Addresses that stand in for the cloud's own: of a sandbox, or of a gateway."""

    sign_in: str | None = None
    defender: str | None = None
    graph: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DefenderSettings:
    """Which tenant, and how it is reached."""

    tenant: str
    """Its id or one of its domains, in lower case."""
    sign_in: SignIn
    cloud: Cloud = Cloud.PUBLIC
    geo: Geo | None = None
    hosts: HostSettings = HostSettings()
    ca: Path | None = None
    """Certificates that are trusted instead of the system's, absolute."""
    proxy: str | None = field(default=None, repr=False)
    """May hold a password."""
    old_hunting: bool = False
    """Hunt through the endpoints that stop answering on 1 February 2027."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EstateSettings:
    """Which estate."""

    kind: EstateKind
    path: Path
    """The folder of the embedded estate, or of the events that a Defender tenant's export was imported to; absolute."""
    defender: DefenderSettings | None = None
    """Set for an estate of kind defender, and only then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSettings:
    """What is kept as the reason for a tag."""

    keep: timedelta = timedelta(days=90)
    """How long."""
    redact: tuple[str, ...] = ("AccountName", "AccountUpn")
    """Columns left out wherever output may leave the team."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that earmark.yaml settles."""

    estate: EstateSettings
    engine: EngineKind
    state: str
    """URL of the state store: `sqlite:` and an absolute path."""
    mode: Mode = Mode.APPLY
    guard: GuardLimits = GuardLimits()
    """Limits for flows that set none."""
    limits: HuntLimits = HuntLimits()
    """What one hunt may use."""
    evidence: EvidenceSettings = EvidenceSettings()
