"""Time as this room sees it: what time it is, and waiting. Tests give one whose waiting takes no time."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Pace(Protocol):
    """A clock that can be waited on."""

    def now(self) -> datetime:
        """The time, aware and UTC."""

    def monotonic(self) -> float:
        """Seconds that never run backwards."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class RealPace:
    """The machine's own time."""

    def now(self) -> datetime:
        """The time, aware and UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
