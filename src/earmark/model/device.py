"""Devices and the tags they carry, as an estate reports them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Origin(StrEnum):
    """Who put a tag on a device (https://learn.microsoft.com/defender-endpoint/machine-tags)."""

    MANUAL = "manual"
    """Set in the portal or by the API: the only kind Earmark writes."""
    DYNAMIC = "dynamic"
    """Set by an asset rule of the tenant."""
    REGISTRY = "registry"
    """Set by the device's own configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A tag as it stands on a device."""

    value: str
    """The text, compared exactly."""
    origin: Origin = Origin.MANUAL
    """Who put it there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One machine of an estate."""

    id: str
    """The estate's own identifier; in Defender 40 lower-case hex digits."""
    name: str
    """Fully qualified name where known; need not be unique."""
    last_seen_at: datetime | None = None
    """When the estate last heard of it, aware and UTC; None when never."""
    tags: tuple[Tag, ...] = ()
    """Its tags, of every origin, sorted by value and origin."""

    def has(self, tag: str) -> bool:
        """Whether the device carries `tag` with origin manual."""
        return any(t.value == tag and t.origin is Origin.MANUAL for t in self.tags)
