"""The shape of earmark.yaml, and of an environment's file laid over it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from earmark.project.flow_file import GuardFile
from earmark.project.scalars import (
    HostText,
    PathText,
    PositiveDuration,
    ProxyText,
    ReferenceText,
    Size,
    TenantText,
    Text,
)
from earmark.project.settings import Cloud, EngineKind, EstateKind, Geo, Mode, SignInMethod
from earmark.project.shape import Strict


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


class SignInFile(Strict):
    """How to sign in to the tenant."""

    method: Annotated[SignInMethod, Field(strict=False)]
    """secret, certificate, managed_identity, workload_identity, or cli: as the Azure CLI's user."""
    client_id: Text | None = None
    """The application's (client) id; with secret and certificate it must be given."""
    secret: ReferenceText | None = None
    """A reference to the application's secret; for method secret."""
    certificate: ReferenceText | None = None
    """A reference to a certificate with its key, PEM or PKCS #12; for method certificate."""
    password: ReferenceText | None = None
    """A reference to the password of the certificate's key; for method certificate."""
    token_file: PathText | None = None
    """The file that holds the outside token; for workload_identity. AZURE_FEDERATED_TOKEN_FILE when not given."""


class HostsFile(Strict):
    """Addresses that stand in for the cloud's own, such as a sandbox's or a gateway's."""

    sign_in: HostText | None = None
    """Where tokens are given out; always https."""
    defender: HostText | None = None
    """Where machines, tags and alerts are."""
    graph: HostText | None = None
    """Where hunts are run."""


class EstateFile(Strict):
    """Where devices, their tags and alerts live."""

    kind: Annotated[EstateKind, Field(strict=False)]
    """embedded, or defender: a tenant of Microsoft Defender for Endpoint."""
    path: PathText | None = None
    """The folder of the embedded estate, or of imported events; `estate` when not given."""
    tenant: TenantText | None = None
    """The tenant's id or domain; for kind defender."""
    cloud: Annotated[Cloud, Field(strict=False)] | None = None
    """The tenant's cloud: public (when not given), gcc, gcc-high or dod."""
    geo: Annotated[Geo, Field(strict=False)] | None = None
    """The region whose address answers fastest; public cloud alone."""
    sign_in: SignInFile | None = None
    """How to sign in to the tenant."""
    hosts: HostsFile | None = None
    """Addresses that stand in for the cloud's own."""
    ca: PathText | None = None
    """A PEM file of certificates that are trusted instead of the system's."""
    proxy: ProxyText | None = None
    """The address of a proxy that leads out: http://proxy.example:3128."""
    old_hunting: bool | None = None
    """Hunt through the endpoints that stop answering on 1 February 2027; false when not given."""


class LimitsFile(Strict):
    """What one hunt may use."""

    memory: Size | None = None
    """Most memory; 2GB when not given."""
    hunt_timeout: PositiveDuration | None = None
    """Longest time, translation included; 3m when not given."""
    rows: Annotated[int, Field(ge=1, le=10_000_000)] = 100_000
    """Most rows of a result."""
    freshness: PositiveDuration | None = None
    """How old the newest data may be; 24h when not given."""


class EvidenceFile(Strict):
    """What is kept as the reason for a tag, and what is left out where it may leave the team."""

    keep: PositiveDuration | None = None
    """How long it is kept; 90d when not given."""
    redact: Annotated[tuple[Text, ...], BeforeValidator(_as_tuple)] = ("AccountName", "AccountUpn")
    """Columns left out of plans, mails and comments unless asked for."""


class ProjectFile(Strict):
    """A project's settings."""

    estate: EstateFile
    """The estate: where devices, their tags and alerts live."""
    hunting: Annotated[EngineKind, Field(strict=False)] = EngineKind.LOCAL
    """The engine: local, or graph: the tenant's own hunting. kusto is not supported in this version."""
    state: PathText = "sqlite:.earmark/state.db"
    """Where runs and the ledger are kept: sqlite:PATH. PostgreSQL is not supported in this version."""
    mode: Annotated[Mode, Field(strict=False)] = Mode.APPLY
    """observe: no command can write to the estate."""
    guard: GuardFile | None = None
    """Limits for flows that set none."""
    limits: LimitsFile | None = None
    """What one hunt may use."""
    evidence: EvidenceFile | None = None
    """What is kept as the reason for a tag."""
