"""Instants as text: whole for documents and messages, to the minute where people read many."""

from __future__ import annotations

from datetime import UTC, datetime

YEARS = range(1970, 9000)
"""The years of instants that people may give: all that is counted from them stays within the calendar."""


def instant_text(at: datetime | None) -> str | None:
    """ISO 8601 in UTC with `Z`; None for None."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at is not None else None


def minute_text(at: datetime) -> str:
    """To the minute, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
