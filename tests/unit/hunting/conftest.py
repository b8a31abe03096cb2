from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from earmark.hunting.base import HuntRequest
from earmark.hunting.local import LocalEngine
from earmark.hunting.local_cells import ticks_of
from earmark.kql.base import Analysis, Tables
from earmark.kql.defender.tables import TABLES
from earmark.kql.service import Kql
from earmark.model.hunt import HuntLimits, HuntResult, ListTable

NOW = datetime(2026, 1, 4, 6, tzinfo=UTC)
_EMPTY = {"string": "''", "bool": "NULL::BOOLEAN", "int": "NULL::INTEGER", "real": "NULL::DOUBLE"}


@dataclass
class FakeEvents:
    """Events in memory: table → rows, each a mapping of column to SQL text or value."""

    folder: Path
    rows: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)

    def scan_sql(self, table: str, *, until: int) -> str | None:
        shown = [
            row for row in self.rows.get(table, ()) if "Timestamp" not in row or ticks_of(row["Timestamp"]) <= until
        ]
        if not shown:
            return None
        return "(" + " UNION ALL ".join(self._row_sql(table, row) for row in shown) + ")"

    def newest(self, tables: Sequence[str] | None = None, *, until: int) -> int | None:
        wanted = self.rows if tables is None else tables
        found = [
            ticks_of(row["Timestamp"]) for table in wanted for row in self.rows.get(table, ()) if "Timestamp" in row
        ]
        return max((ticks for ticks in found if ticks <= until), default=None)

    def _row_sql(self, table: str, row: Mapping[str, Any]) -> str:
        cells = [self._cell_sql(row.get(name), kind) for name, kind in TABLES[table]]
        names = [f'"{name}~{place}"' for place, (name, _) in enumerate(TABLES[table])]
        listed = ", ".join(f"{cell} AS {name}" for cell, name in zip(cells, names, strict=True))
        return f"SELECT {listed}" + (f", '{row['Timestamp']:%Y-%m-%d}' AS \"~day\"" if "Timestamp" in row else "")

    def _cell_sql(self, value: Any, kind: str) -> str:
        if value is None:
            return _EMPTY.get(kind, "NULL::BIGINT" if kind in ("long", "datetime", "timespan") else "NULL::VARCHAR")
        if isinstance(value, datetime):
            return f"{ticks_of(value)}::BIGINT"
        return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)


class SharedKql:
    """One language service for each set of tables, however many engines ask."""

    def __init__(self) -> None:
        self._made: list[tuple[Tables, Kql]] = []

    def __call__(self, tables: Tables, timeout: timedelta) -> Kql:
        for known, kql in self._made:
            if known == tables:
                return kql
        self._made.append((tables, Kql(tables)))
        return self._made[-1][1]

    def close(self) -> None:
        for _, kql in self._made:
            kql.close()


@pytest.fixture(scope="session")
def shared_kql() -> Iterator[SharedKql]:
    made = SharedKql()
    yield made
    made.close()


Hunt = Callable[..., HuntResult]


@pytest.fixture
def hunt(shared_kql: Callable[[Tables, timedelta], Kql], tmp_path: Path) -> Hunt:
    """Hunts over rows given as `table=[…]`."""

    def run(
        query: str,
        *,
        now: datetime = NOW,
        lists: Mapping[str, ListTable] | None = None,
        limits: HuntLimits = HuntLimits(),
        temp: Path | None = None,
        **rows: Sequence[Mapping[str, Any]],
    ) -> HuntResult:
        (tmp_path / "events").mkdir(exist_ok=True)
        events = FakeEvents(folder=tmp_path / "events", rows=rows)
        engine = LocalEngine(events=events, kql=shared_kql, temp=temp, threads=1)
        return engine.hunt(HuntRequest(query=query, now=now, lists=lists or {}, limits=limits))

    return run


def logon(hours_ago: float, **cells: Any) -> Mapping[str, Any]:
    """A row of DeviceLogonEvents (or of any table with these columns), some hours before NOW."""
    return {"Timestamp": NOW - timedelta(hours=hours_ago), "DeviceId": "d1", **cells}


__all__ = ["NOW", "Analysis", "FakeEvents", "Hunt", "logon"]
