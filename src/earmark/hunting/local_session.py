"""A DuckDB of its own for one hunt: in memory, sees the events folder and nothing else, and stops when told.

In come the views to make and the SQL to run; out come rows, and whether they are all. What DuckDB raises becomes a
sentence.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from earmark.kql.base import PHYSICAL, Columns, view_names
from earmark.model.hunt import ListTable, Shortfall

MOST_BYTES = 256 * 2**20
"""Characters of text in a result, about; more is cut."""
_FETCHED_AT_ONCE = 2_048


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What came of a query."""

    rows: list[tuple[Any, ...]]
    why_not: str | None
    """Why the rows are not all there are; None when they are."""
    shortfall: Shortfall | None = None
    """The kind of `why_not`."""


def name_sql(name: str) -> str:
    """A name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def empty_view_sql(columns: Columns, *, with_day: bool) -> str:
    """A relation with these columns and no rows."""
    chosen = [f"NULL::{PHYSICAL[kind]}" for _, kind in columns] + (["NULL::VARCHAR"] if with_day else [])
    return f"(SELECT {', '.join(chosen)} WHERE FALSE)"


class Session:
    """One connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def make_view(self, name: str, columns: Columns, relation: str, *, with_day: bool) -> None:
        """A table of the estate under the name that the compiled SQL reads."""
        names = [*view_names(columns), *(["~day"] if with_day else [])]
        listed = ", ".join(name_sql(column) for column in names)
        self._connection.execute(f"CREATE TEMP VIEW {name_sql(name)} ({listed}) AS SELECT * FROM {relation}")

    def make_list(self, name: str, columns: Columns, table: ListTable) -> None:
        """A list under the name that the compiled SQL reads; every cell is a string."""
        names = view_names(columns)
        listed = ", ".join(name_sql(column) for column in names)
        cells = [[row[place] for row in table.rows] for place in range(len(names))]
        unnested = ", ".join(f"unnest(${place}::VARCHAR[])" for place in range(1, len(names) + 1))
        self._connection.execute(f"CREATE TEMP TABLE {name_sql(name)} ({listed}) AS SELECT {unnested}", cells)

    def lock(self, macros: Sequence[str]) -> None:
        """Make the macros; from here on nothing but the events can be read and no setting changed."""
        for macro in macros:
            self._connection.execute(macro)
        self._connection.execute("SET lock_configuration = true")

    def fetch(self, sql: str, *, rows: int, seconds: float) -> Fetched:
        """Run the query, stop it after so many seconds, and take at most so many rows."""
        watch = _Watch(self._connection, seconds)
        taken: list[tuple[Any, ...]] = []
        try:
            with watch:
                cursor = self._connection.execute(sql)
                size = 0
                while batch := cursor.fetchmany(min(_FETCHED_AT_ONCE, rows + 1 - len(taken))):
                    taken += batch
                    size += sum(len(cell) for row in batch for cell in row if isinstance(cell, str))
                    if len(taken) > rows:
                        cut = f"the result was cut at {rows:,} rows"
                        return Fetched(rows=taken[:rows], why_not=cut, shortfall=Shortfall.ROWS)
                    if size > MOST_BYTES:
                        cut = f"the result was cut at {MOST_BYTES // 2**20} MB"
                        return Fetched(rows=taken, why_not=cut, shortfall=Shortfall.SIZE)
        except duckdb.Error as fault:
            if watch.fired:
                late = f"the hunt was stopped after {seconds:.3g} s, its limit of time"
                return Fetched(rows=[], why_not=late, shortfall=Shortfall.TIME)
            return failed(fault)
        return Fetched(rows=taken, why_not=None)


class _Watch:
    """Interrupts a connection when the time is over."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, seconds: float) -> None:
        self._connection = connection
        self._over = threading.Event()
        self._ends = time.monotonic() + seconds
        self._thread = threading.Thread(target=self._run, name="hunt-watch", daemon=True)
        self.fired = False

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        # An interrupt between two statements has no effect, so it is repeated until the query is over.
        while not self._over.wait(max(0.02, self._ends - time.monotonic())):
            if time.monotonic() >= self._ends:
                self.fired = True
                self._connection.interrupt()


FAULTS: tuple[type[Exception], ...] = (duckdb.Error, OSError)
"""What can go wrong while a session is made or used."""


def failed(fault: Exception) -> Fetched:
    """What DuckDB or the system raised, as the result of a hunt."""
    if isinstance(fault, duckdb.OutOfMemoryException):
        needed = "the hunt needed more memory or temporary space than its limit"
        return Fetched(rows=[], why_not=needed, shortfall=Shortfall.MEMORY)
    first = str(fault).strip().splitlines()[0] if str(fault).strip() else type(fault).__name__
    return Fetched(rows=[], why_not=f"the hunt failed while it ran: {first}", shortfall=Shortfall.FAILED)


@contextmanager
def open_session(
    *, events_folder: Path, temp: Path | None, memory: int, threads: int | None = None
) -> Iterator[Session]:
    """A session; its temporary files, bounded by `memory`, go below `temp`, or nowhere."""
    spill = None
    if temp is not None:
        temp.mkdir(parents=True, exist_ok=True)
        spill = Path(tempfile.mkdtemp(prefix="hunt-", dir=temp))
    try:
        with duckdb.connect(":memory:", config=_settings(spill, memory, threads)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET enable_progress_bar = false")
            connection.execute("SET allowed_directories = $1", [[str(events_folder.absolute())]])
            connection.execute("SET enable_external_access = false")
            yield Session(connection)
    finally:
        if spill is not None:
            shutil.rmtree(spill, ignore_errors=True)


def _settings(spill: Path | None, memory: int, threads: int | None) -> dict[str, str | bool | int | float | list[str]]:
    return {
        "memory_limit": f"{memory}B",
        "threads": threads or os.cpu_count() or 1,
        "temp_directory": "" if spill is None else str(spill),
        "max_temp_directory_size": "0B" if spill is None else f"{memory}B",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "python_enable_replacements": False,
        "python_scan_all_frames": False,
    }
