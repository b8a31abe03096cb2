"""Entries for tests of the store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from earmark.model.ledger import Entry, What

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def entry(what: What, device: str = "d1", **changed: Any) -> Entry:
    """An entry; keyword arguments change its fields."""
    plain = Entry(
        what=what,
        estate="e1",
        at=NOON,
        effective_at=NOON,
        run="r1",
        who="tester",
        flow="executive",
        device=device,
        tag="Executive",
    )
    return replace(plain, **changed)
