"""Whether the estate's data reach to a hunt's end: an empty answer from missing data is not a no."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING

from earmark.hunting.local_cells import datetime_cell
from earmark.kql.base import TICKS_PER_SECOND
from earmark.kql.defender.tables import DEVICE_TELEMETRY, TABLES

if TYPE_CHECKING:
    from earmark.hunting.local import Events


def missing_data(
    events: Events, read: Collection[str], newest: int | None, now: int, freshness: timedelta
) -> str | None:
    """Why the tables that a query reads may lack rows; None when nothing speaks for it.

    A query that reads lists alone needs no events. A table that never held a row was never imported, or its sensor is
    off: empty is then not a no. Of the tables that the sensor fills on every device each must be fresh; others, such as
    alerts, may well be silent for days.
    """
    tables = sorted(table for table in read if table in TABLES)
    if not tables:
        return None
    if newest is None:
        return "the estate holds no event up to the hunt's end"
    if stale := _stale("data", newest, now, freshness):
        return stale
    for table in tables:
        dated = dict(TABLES[table]).get("Timestamp") == "datetime"
        last = events.newest([table], until=now) if dated else None
        if last is None and (dated or events.scan_sql(table, until=now) is None):
            return f"{table} has no data up to the hunt's end"
        if last is None:
            continue
        stale = _stale(f"data of {table}", last, now, freshness) if table in DEVICE_TELEMETRY else None
        if stale:
            return stale
    return None


def _stale(what: str, last: int, now: int, freshness: timedelta) -> str | None:
    age = timedelta(microseconds=(now - last) // (TICKS_PER_SECOND // 10**6))
    if age <= freshness:
        return None
    late = f"{_words(age)} before the hunt's end, more than the freshness of {_words(freshness)}"
    return f"{what} stop at {datetime_cell(last)}, {late}"


def _words(span: timedelta) -> str:
    """A span of time as people say it: `3d 4h`, `24h`, `5m`."""
    minutes = int(span.total_seconds() // 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24}d" + (f" {hours % 24}h" if hours % 24 else "")
    if hours:
        return f"{hours}h" + (f" {minutes}m" if minutes else "")
    return f"{minutes}m" if minutes else f"{span.total_seconds():.3g}s"
