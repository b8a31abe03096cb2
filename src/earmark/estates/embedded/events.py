"""The events of an embedded estate: Parquet files that a query reads in place.

    <folder>/table=DeviceLogonEvents/day=2026-01-04/part-000001-1f2e3d4c.parquet

The folder is the whole truth; there is no index to go stale. A file appears by a rename, so that nobody ever sees
half of one. `base` files replace every file of a lower number in their day: a reader passes over those, whether or
not somebody has tidied them away yet. Files under other names (put there by hand) are read too; columns that they
lack are empty.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earmark.errors import EstateError
from earmark.estates.embedded.physical import (
    NO_DAY,
    columns_of,
    day_of,
    empty_sql,
    has_column,
    name_sql,
    physical_columns,
    quoted,
    schema_mark,
)
from earmark.kql.base import PHYSICAL
from earmark.kql.defender.tables import TABLES

if TYPE_CHECKING:
    import duckdb

DAMAGED_EVENTS = "Move that file out of the estate's events folder, then import the files of its day again."
_OURS = re.compile(r"(base|part)-(\d{6})-([0-9a-f]{8})\.parquet")


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFiles:
    """The files of one day of one table."""

    folder: Path
    live: tuple[Path, ...]
    """Those that hold the day's rows."""
    stale: tuple[Path, ...]
    """Those that a newer base file replaced."""
    last_number: int
    """The highest number used so far; 0 when there is none."""
    uniform: bool
    """Whether every live file is known to hold exactly the table's columns of today."""


def _listed(folder: Path) -> list[Path]:
    """What a folder holds, sorted; nothing where it is no folder. One that cannot be read is a fault, never empty."""
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise EstateError(
            f"The estate's events in {folder} cannot be read: {error.strerror or error}.",
            hint="Give this account the right to read the estate's folder.",
        ) from error


def read_day(folder: Path, table: str) -> DayFiles:
    """List one partition."""
    ours: list[tuple[int, str, str, Path]] = []
    live: list[Path] = []
    for path in _listed(folder):
        if path.suffix != ".parquet":
            continue
        if match := _OURS.fullmatch(path.name):
            ours.append((int(match[2]), match[1], match[3], path))
        else:
            live.append(path)
    uniform = not live
    base = max((number for number, kind, _, _ in ours if kind == "base"), default=0)
    stale = [path for number, _, _, path in ours if number < base]
    current = [(mark, path) for number, _, mark, path in ours if number >= base]
    return DayFiles(
        folder=folder,
        live=(*(path for _, path in current), *live),
        stale=tuple(stale),
        last_number=max((number for number, _, _, _ in ours), default=0),
        uniform=uniform and all(mark == schema_mark(table) for mark, _ in current),
    )


class EventStore:
    """Reads the events below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._connection: duckdb.DuckDBPyConnection | None = None
        """Kept for the next question: making one takes longer than most answers."""
        self._newest: dict[tuple[tuple[Path, ...], int], int | None] = {}
        """What was asked before of a day's files and a moment."""

    def tables(self) -> tuple[str, ...]:
        """The tables that hold rows, sorted."""
        return tuple(sorted(table for table in TABLES if any(day.live for _, day in self._days(table, None))))

    def day_folder(self, table: str, day: str) -> Path:
        """Where the rows of one day lie."""
        return self.folder / f"table={table}" / f"day={day}"

    def scan_sql(self, table: str, *, until: int) -> str | None:
        """A relation for DuckDB with the table's columns in order, then `"~day"` where rows carry a time.

        None when there is no data. Rows later than `until` (ticks) are hidden. Columns keep Defender's spelling, so
        two may differ in case alone: address them by place.
        """
        days = [(day, files) for day, files in self._days(table, until) if files.live]
        if not days:
            return None
        hide = has_column(table, "Timestamp") and days[-1][0] >= day_of(until)
        return relation_sql(table, [files for _, files in days], f' WHERE "Timestamp" <= {until}' if hide else "")

    def newest(self, tables: Collection[str] | None = None, *, until: int) -> int | None:
        """Ticks of the newest event at or before `until`, in some tables or in all; None when there is none."""
        wanted = [table for table in (TABLES if tables is None else tables) if has_column(table, "Timestamp")]
        pending = {table: [(d, f) for d, f in self._days(table, until) if f.live] for table in wanted}
        found: int | None = None
        while True:
            # Only a table whose last remaining day can hold something newer is worth another look.
            asked = {
                t: days.pop() for t, days in pending.items() if days and (found is None or days[-1][0] >= day_of(found))
            }
            if not asked:
                return found
            answers = self._newest_of_days([files for _, files in asked.values()], until)
            found = max((t for t in (found, *answers) if t is not None), default=None)

    def _newest_of_days(self, days: Sequence[DayFiles], until: int) -> list[int | None]:
        """Ticks of the newest event at or before `until` in each of some days, all asked at once and then remembered:
        a file that stands is not changed.
        """
        keys = [(files.live, until) for files in days]
        if unknown := [key for key in keys if key not in self._newest]:
            parts = [
                f"""SELECT {place} AS place, max("Timestamp") AS t FROM read_parquet([{_paths(live)}])
                WHERE "Timestamp" <= {until}"""
                for place, (live, _) in enumerate(unknown)
            ]
            answers = self._query(f"SELECT t FROM ({' UNION ALL '.join(parts)}) ORDER BY place")
            self._newest.update((key, newest) for key, (newest,) in zip(unknown, answers, strict=True))
        return [self._newest[key] for key in keys]

    def last_seen(self, *, until: int) -> dict[str, int]:
        """Ticks of each device's newest telemetry at or before `until`, by device id."""
        parts = []
        for table in sighting_tables():
            if scan := self.scan_sql(table, until=until):
                parts.append(f'SELECT "DeviceId" AS id, max("Timestamp") AS t FROM {scan} GROUP BY ALL')
        if not parts:
            return {}
        return dict(self._query(f"SELECT id, max(t) FROM ({' UNION ALL '.join(parts)}) WHERE id != '' GROUP BY id"))

    def select(self, table: str, statement: str, *, until: int, values: Sequence[object] = ()) -> list[Any]:
        """The rows of a SELECT in which `{events}` stands for a table's rows up to `until`; none without data."""
        scan = self.scan_sql(table, until=until)
        return [] if scan is None else self._query(statement.format(events=scan), values)

    def _query(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """The rows of one statement."""
        with _told():
            if self._connection is None:
                self._connection = connect()
            return self._connection.cursor().execute(sql, list(values)).fetchall()

    def _days(self, table: str, until: int | None) -> Iterator[tuple[str, DayFiles]]:
        """The days of a table in order; those after `until` are not looked at."""
        root = self.folder / f"table={table}"
        if not columns_of(table):
            return
        last = None if until is None else day_of(until)
        for folder in _listed(root):
            day = folder.name.removeprefix("day=")
            if folder.name == day or (last is not None and day > last and day != NO_DAY):
                continue
            yield day, read_day(folder, table)


def relation_sql(table: str, days: Sequence[DayFiles], hidden: str = "") -> str:
    """A relation with a table's columns in order, and the day where rows carry a time, over days that hold files."""
    paths = _paths(path for files in days for path in files.live)
    uniform = all(files.uniform for files in days)
    source = f"read_parquet([{paths}], hive_partitioning = true, hive_types_autocast = false"
    source += ")" if uniform else ", union_by_name = true)"
    present = None if uniform else _column_names(source)
    chosen = [_column_sql(stored, name, kind, present) for stored, name, kind in physical_columns(table)]
    if has_column(table, "Timestamp"):
        chosen.append('day AS "~day"')
    return f"(SELECT {', '.join(chosen)} FROM {source}{hidden})"


def _paths(paths: Iterable[Path]) -> str:
    return ", ".join(quoted(str(path)) for path in paths)


def sighting_tables() -> tuple[str, ...]:
    """The tables whose rows mean that a device was heard of then: its own telemetry, not what others say of it."""
    return tuple(
        table
        for table in TABLES
        if table.startswith("Device") and has_column(table, "DeviceId") and has_column(table, "Timestamp")
    )


def connect() -> duckdb.DuckDBPyConnection:
    """A connection that holds nothing: no table, no temporary file, no piece of the files it read."""
    import duckdb  # not at import time: most commands on an estate never need it

    return duckdb.connect(config={"temp_directory": "", "enable_external_file_cache": False})


def query(sql: str) -> list[Any]:
    """The rows of one statement, on a connection of its own."""
    with _told(), connect() as connection:
        return connection.execute(sql).fetchall()


@contextmanager
def _told() -> Iterator[None]:
    """Turn what DuckDB says of a file that it cannot read into a sentence."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        said = str(error).strip().splitlines()[0]
        hint = "Give this account the right to read it." if "Permission denied" in said else DAMAGED_EVENTS
        raise EstateError(f"The estate's events cannot be read: {said}.", hint=hint) from error


def _column_names(source: str) -> Mapping[str, str]:
    return {name.lower(): kind for name, kind, *_ in query(f"DESCRIBE SELECT * FROM {source}")}


def _column_sql(stored: str, name: str, kind: str, present: Mapping[str, str] | None) -> str:
    if present is None:
        return f"{name_sql(stored)} AS {name_sql(name)}" if stored != name else name_sql(name)
    if stored.lower() not in present:
        return f"{empty_sql(kind)} AS {name_sql(name)}"
    value = name_sql(stored)
    if present[stored.lower()] != PHYSICAL[kind]:
        value = f"CAST({value} AS {PHYSICAL[kind]})"
    return f"{f'''coalesce({value}, '')''' if kind == 'string' else value} AS {name_sql(name)}"
