"""The events that a hunt sees in the tenant: those of its span of time, and DeviceInfo as the tenant has it now."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from earmark.estates.embedded.current import TABLE, overlay_sql
from earmark.estates.embedded.events import EventStore
from earmark.kql.defender.tables import TABLES


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A span of time, in ticks, both ends included."""

    begin: int
    end: int


class HuntedEvents:
    """An event store seen through a window; see `hunting.local.Events`."""

    def __init__(self, store: EventStore, window: Window, current: Path | None) -> None:
        self.folder = store.folder
        self._store = store
        self._window = window
        self._current = current

    def scan_sql(self, table: str, *, until: int) -> str | None:
        """A relation with the table's columns, or None when there are no data."""
        last = min(until, self._window.end)
        reported = self._store.scan_sql(table, until=last)
        if table == TABLE and self._current is not None:
            newest = self._store.scan_sql(table, until=until)
            return self._clipped(overlay_sql(self._current, reported, newest, until), last)
        if reported is None or dict(TABLES[table]).get("Timestamp") != "datetime":
            return reported
        return self._clipped(reported, last)

    def _clipped(self, relation: str, last: int) -> str:
        return f'(SELECT * FROM {relation} WHERE "Timestamp" BETWEEN {self._window.begin} AND {last})'

    def newest(self, tables: Collection[str] | None = None, *, until: int) -> int | None:
        """Ticks of the newest event at or before `until`."""
        return self._store.newest(tables, until=until)
