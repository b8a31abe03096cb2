"""The documented limits, counted on the tenant's clock.

A window slides: never more than 100 calls within any 60 seconds. That is the strictest reading of "100 calls per
minute"; who keeps it keeps every other. A refused call is not counted, and neither does it move the window.
"""

from __future__ import annotations

import math
from collections import deque
from datetime import datetime
from threading import Lock

from earmark.sandbox.operations import OPERATIONS

MINUTE, HOUR = 60, 3_600


class Limits:
    """How often each operation was called of late, by application or by tenant."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, str], deque[float]] = {}
        self._lock = Lock()

    def take(self, operation: str, app: str, at: datetime) -> int:
        """Count one call: 0 when it may pass, else the whole seconds after which the next may."""
        rule = OPERATIONS[operation]
        now = at.timestamp()
        windows = [(n, s) for n, s in ((rule.per_minute, MINUTE), (rule.per_hour, HOUR)) if n is not None]
        with self._lock:
            calls = self._calls.setdefault((operation, app if rule.per_app else ""), deque())
            while calls and calls[0] <= now - HOUR:
                calls.popleft()
            waits = [calls[-most] + seconds - now for most, seconds in windows if len(calls) >= most]
            wait = max(waits, default=0.0)
            if wait > 0:
                return max(1, math.ceil(wait))
            calls.append(now)
            return 0

    def counts(self, at: datetime) -> list[dict[str, object]]:
        """Calls within the last minute and hour, for each counter in use."""
        now = at.timestamp()
        with self._lock:
            return [
                {
                    "operation": operation,
                    "app": app or None,
                    "last_minute": sum(call > now - MINUTE for call in calls),
                    "last_hour": sum(call > now - HOUR for call in calls),
                    "per_minute": OPERATIONS[operation].per_minute,
                    "per_hour": OPERATIONS[operation].per_hour,
                }
                for (operation, app), calls in sorted(self._calls.items())
            ]

    def reset(self) -> None:
        """Forget every call."""
        with self._lock:
            self._calls.clear()
