"""Instants as documents write them."""

from __future__ import annotations

from datetime import UTC, datetime


def instant_text(at: datetime | None) -> str | None:
    """ISO 8601 in UTC with `Z`; None for None."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at is not None else None
