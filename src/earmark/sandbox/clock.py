"""The tenant's clock: real, or virtual and moved by whoever waits."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock

LATEST = datetime(9000, 1, 1, tzinfo=UTC)
"""The clock is not moved beyond: all that is counted from it stays within the calendar."""


def _wall() -> datetime:
    return datetime.now(UTC)


class TenantClock:
    """One time for tokens, limits, hunts and delays.

    A real clock runs with the machine's, from where it was set; a virtual one stands still until it is advanced.
    """

    def __init__(
        self, start: datetime | None = None, *, virtual: bool = False, wall: Callable[[], datetime] = _wall
    ) -> None:
        self.virtual = virtual
        self.skew = timedelta()
        """How far the clock that the tenant shows and judges assertions by is off: a fault."""
        self._wall = wall
        self._lock = Lock()
        begun = wall()
        self._ahead = (start or begun) - begun
        self._stands_at = start or begun

    def now(self) -> datetime:
        """The tenant's present, aware and UTC."""
        with self._lock:
            return self._stands_at if self.virtual else self._wall() + self._ahead

    def shown(self) -> datetime:
        """What the tenant's `Date` headers and tokens say."""
        return self.now() + self.skew

    def outside(self) -> datetime:
        """The callers' present, as the tenant sees it: what they sign is judged by it, whatever `now` says."""
        return self._wall() + self.skew

    def advance(self, seconds: float) -> datetime:
        """Move the clock forward; the time it then shows. Raises ValueError for a step back or out of the calendar."""
        if not math.isfinite(seconds) or seconds < 0:
            raise ValueError(f"the clock moves forward only, and {seconds} seconds are no step forward")
        at = self.now()
        try:
            moved = at + timedelta(seconds=seconds)
        except OverflowError:
            moved = LATEST
        if moved >= LATEST:
            raise ValueError(f"{seconds:g} seconds on from {at:%Y-%m-%d} is beyond the year {LATEST.year}")
        with self._lock:
            self._ahead += timedelta(seconds=seconds)
            self._stands_at += timedelta(seconds=seconds)
        return self.now()
