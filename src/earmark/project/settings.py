"""A project's settings as values: what earmark.yaml says once it is read, checked and completed with defaults."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from earmark.model.guard import GuardLimits


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
class Limits:
    """What one hunt may use."""

    memory: int = 2 * 10**9
    """Bytes."""
    hunt_timeout: timedelta = timedelta(minutes=3)
    """For translation and execution together."""
    rows: int = 100_000
    """Most rows of a result."""
    freshness: timedelta = timedelta(hours=24)
    """How old the newest data may be at the hunt's end."""


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
    limits: Limits = Limits()
    evidence: EvidenceSettings = EvidenceSettings()
