"""Quotas: how many calls of a kind an estate answers within a span of time, and a caller's turn under them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaLimit:
    """At most so many calls within any span of this length."""

    calls: int
    within: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Whether a call may be made now."""

    wait: float
    """Seconds until it is worth asking again; 0 when the call may be made."""
    ticket: int = 0
    """Names the call, so that its end can be noted; 0 when it may not be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaUse:
    """What a quota's window holds."""

    limit: QuotaLimit
    used: int
    """Calls within the window that ends now."""
    empty_at: datetime | None = None
    """When the last of them leaves the window, if nothing else is called; None when it holds none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaState:
    """How the quota of one kind of call stands."""

    call: str
    """Which kind."""
    uses: tuple[QuotaUse, ...]
    """Each of its limits, the shortest first."""
    blocked_until: datetime | None = None
    """Until when the estate asked to be left alone; None when it does not."""
