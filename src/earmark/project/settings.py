"""A project's settings as values: what earmark.yaml says once it is read, checked and completed with defaults."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class EstateSettings:
    """Which estate."""

    kind: EstateKind
    path: Path
    """The embedded estate's folder, absolute."""


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
