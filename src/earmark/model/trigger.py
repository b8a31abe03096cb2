"""When a flow is due: recurrence, cron or on demand. (`next_fire` and the limits are written here.)"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Frequency(StrEnum):
    """The unit of a recurrence."""

    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """Every `interval` of `frequency`, on some days, at some times of day."""

    frequency: Frequency
    interval: int = 1
    days: tuple[int, ...] = ()
    """Monday 0 to Sunday 6; only with week."""
    at: tuple[tuple[int, int], ...] = ()
    """(hour, minute) times of day, sorted; only with day or week."""
    time_zone: str = "UTC"
    """IANA name."""
    start: datetime | None = None
    """Naive, in `time_zone`: nothing fires before it and intervals count from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """Five cron fields, read in `time_zone`."""

    expression: str
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDemand:
    """Never due by itself."""


Trigger = Recurrence | Cron | OnDemand
