"""An alert and an incident as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from earmark.sandbox.alert_words import SEVERITIES


@dataclass(frozen=True, slots=True, kw_only=True)
class Care:
    """What people make of an alert or an incident: all that callers may change."""

    status: str | None = None
    """Of an alert New, InProgress or Resolved; of an incident in Graph's words; None: as it follows from elsewhere."""
    assigned: str | None = None
    classification: str | None = None
    determination: str | None = None
    tags: tuple[str, ...] = ()
    """Of incidents."""
    comments: tuple[Mapping[str, str], ...] = ()
    """comment, createdBy, createdTime."""
    updated: str | None = None
    """When it was changed last, as the API writes instants; None when never."""
    resolved: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert."""

    id: str
    incident: int
    created: str
    """As the API writes instants."""
    last_event: str
    title: str
    category: str
    severity: str
    service: str
    """Hunting's ServiceSource."""
    source: str
    """Hunting's DetectionSource."""
    techniques: tuple[str, ...]
    machine: str
    """A device's id; empty when the alert is about none."""
    machine_name: str
    entities: tuple[Mapping[str, Any], ...]
    """Rows of AlertEvidence."""
    description: str
    recommended: str
    care: Care

    @property
    def status(self) -> str:
        """New, InProgress or Resolved."""
        return self.care.status or "New"

    @property
    def updated(self) -> str:
        """When it was changed last."""
        return self.care.updated or self.created


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Alerts that belong together."""

    id: int
    alerts: Sequence[Alert]
    """The newest first; never empty."""
    care: Care

    @property
    def name(self) -> str:
        """What it is called."""
        first = self.alerts[-1]
        on = f" on {first.machine_name}" if first.machine_name else ""
        return f"{first.title}{on}" if len(self.alerts) == 1 else f"{len(self.alerts)} alerts{on}: {first.title}"

    @property
    def severity(self) -> str:
        """The highest of its alerts."""
        return max((alert.severity for alert in self.alerts), key=SEVERITIES.index)

    @property
    def status(self) -> str:
        """In Graph's words."""
        return self.care.status or ("resolved" if all(a.status == "Resolved" for a in self.alerts) else "active")

    @property
    def created(self) -> str:
        """When its first alert was."""
        return self.alerts[-1].created

    @property
    def updated(self) -> str:
        """When it or one of its alerts was changed last."""
        return max(self.care.updated or "", *(alert.updated for alert in self.alerts))
