"""The clock that services are given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Two times: the wall clock, and the effective time that hunts, grace and schedules go by."""

    pinned_at: datetime | None = None
    """The effective time, when `--now` pins it."""

    def wall(self) -> datetime:
        """The machine's time, aware and UTC."""
        return datetime.now(UTC)

    def effective(self) -> datetime:
        """The pinned time, else the wall clock."""
        return self.pinned_at or self.wall()
