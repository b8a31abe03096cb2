"""The shape of earmark.yaml, and of an environment's file laid over it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from earmark.project.flow_file import GuardFile
from earmark.project.scalars import PathText, PositiveDuration, Size, Text
from earmark.project.settings import EngineKind, EstateKind, Mode
from earmark.project.shape import Strict


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


class EstateFile(Strict):
    """Where devices, their tags and alerts live."""

    kind: Annotated[EstateKind, Field(strict=False)]
    """embedded; defender is not supported in this version."""
    path: PathText | None = None
    """The embedded estate's folder, relative to the project; `estate` when not given."""
    tenant: Text | None = None
    """The tenant's id. Not supported in this version."""
    cloud: Text | None = None
    """The tenant's cloud. Not supported in this version."""
    sign_in: dict[str, Text] | None = None
    """How to sign in to the tenant. Not supported in this version."""


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
    """The engine: local; graph and kusto are not supported in this version."""
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
