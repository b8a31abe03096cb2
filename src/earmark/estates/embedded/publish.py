"""Turns staged rows into files of the event store: without duplicates, a day at a time, each file complete or not
there at all.

What is the same row: DeviceId, ReportId and Timestamp where a table has all three and ReportId is not null
(Defender's own key); else the whole row. Both hold the day, so that only the files of one day are looked at. Of equal
rows the one that is in the estate stays, else the first that was read.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from earmark.estates.embedded.devices import Sighting
from earmark.estates.embedded.events import DayFiles, EventStore, read_day, relation_sql, sighting_tables
from earmark.estates.embedded.physical import (
    TICKS_PER_DAY,
    day_of,
    has_column,
    name_sql,
    physical_columns,
    quoted,
    schema_mark,
)
from earmark.estates.embedded.staging import Stage

_SMALL = 200_000
"""A day with fewer rows is written anew rather than given one more file."""
_MANY_ROWS = 100_000
"""A day with as many new rows is written sooner by several threads."""
_SMALL_BYTES = 100 * 10**6
"""Days whose files are smaller together are looked at together."""
_NEW = '"~row" NOT IN (SELECT id FROM duplicate)'
"""Leaves duplicates out, once these have been looked for."""
_MANY = 8
"""As many files of one day are written anew as one."""
_SNAPSHOTS = ("DeviceTvm", "DeviceBaseline", "ExposureGraph")
"""Tables without times under these names describe a state: a newer import replaces them whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What publishing one table did, by number of the file the rows came from."""

    stored: Counter[int]
    duplicates: Counter[int]


def publish(stage: Stage, table: str, store: EventStore) -> Published:
    """Write the staged rows of one table into the store."""
    staged = stage.relation(table)
    days = [(day, _clean_day(store, table, day)) for day in _read_days(stage, table, staged)]
    if _are_small(days) and has_column(table, "Timestamp"):
        return _publish_together(stage, table, staged, days)
    stored: Counter[int] = Counter()
    duplicates: Counter[int] = Counter()
    for day, files in days:
        fresh, twice = f"{stage.relation(table, day.counts)} WHERE {day.condition}", Counter[int]()
        if _replaces(table):
            if _is_same(stage, table, fresh, files):
                duplicates.update(day.counts)
                continue
            files = replace(files, live=())  # the snapshot before is not looked at
        if files.live or day.suspect:
            _find_duplicates(stage, table, fresh, [files])
            fresh, twice = f"{fresh} AND {_NEW}", day.twice(stage)
        duplicates.update(twice)
        stored.update(day.counts - twice)
        if day.counts != twice:
            stage.use_threads(several=day.counts.total() >= _MANY_ROWS)
            _write(stage, table, fresh, files)
    stage.use_threads(several=False)
    return Published(stored=stored, duplicates=duplicates)


def _publish_together(stage: Stage, table: str, staged: str, days: Sequence[tuple[_Day, DayFiles]]) -> Published:
    """Many small days: the rows are read once, duplicates looked for in all days at once, new days written at once."""
    stored: Counter[int] = Counter()
    duplicates: Counter[int] = Counter()
    stage.connection.execute(f"CREATE OR REPLACE TEMP TABLE gathered AS SELECT * FROM {staged}")
    _find_duplicates(stage, table, "gathered WHERE TRUE", [files for _, files in days])
    new_days = []
    for day, files in days:
        twice = day.twice(stage)
        duplicates.update(twice)
        stored.update(day.counts - twice)
        if day.counts == twice:
            continue
        if files.live:
            _write(stage, table, f"gathered WHERE {day.condition} AND {_NEW}", files)
        else:
            new_days.append((day, files))
    _write_new_days(stage, table, new_days)
    return Published(stored=stored, duplicates=duplicates)


def _clean_day(store: EventStore, table: str, day: _Day) -> DayFiles:
    """The files of one day, without those that a newer one replaced."""
    files = read_day(store.day_folder(table, day.name), table)
    for path in files.stale:
        path.unlink(missing_ok=True)
    return files


def _are_small(days: Sequence[tuple[_Day, DayFiles]]) -> bool:
    """Whether the rows of all days, staged and stored, go into memory together."""
    rows = sum(day.counts.total() for day, _ in days)
    return rows <= _SMALL and sum(path.stat().st_size for _, files in days for path in files.live) <= _SMALL_BYTES


def sightings(stage: Stage, table: str) -> Iterator[Sighting]:
    """What the staged rows say of devices, duplicates included."""
    if not has_column(table, "DeviceId"):
        return
    name = '"DeviceName"' if has_column(table, "DeviceName") else "''"
    time = '"Timestamp"' if has_column(table, "Timestamp") else "CAST(NULL AS BIGINT)"
    heard = table in sighting_tables()
    # By name first: few names are compared as pairs, not all rows.
    rows = stage.rows(
        f"""SELECT id, coalesce(max_by(name, (last, name)) FILTER (name != ''), ''), min(first), max(last)
        FROM (SELECT "DeviceId" AS id, {name} AS name, min({time}) AS first, max({time}) AS last
          FROM {stage.relation(table)} WHERE "DeviceId" != '' GROUP BY ALL)
        GROUP BY id ORDER BY id"""
    )
    for device, called, first, last in rows:
        yield Sighting(id=device, name=called, first_seen=first, last_seen=last if heard else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Day:
    """The staged rows of one day."""

    name: str
    number: int
    """Days since the first tick; 0 for rows without a time."""
    condition: str
    """SQL that picks them."""
    counts: Counter[int]
    """How many there are, by file."""
    suspect: bool
    """Whether two of them have the same hash, so that duplicates are to be looked for."""

    def twice(self, stage: Stage) -> Counter[int]:
        """How many of them are duplicates, by file, once these have been looked for."""
        found = f"SELECT file, count(DISTINCT id) FROM duplicate WHERE day = {self.number} GROUP BY ALL"
        return Counter(dict(stage.rows(found)))


def _read_days(stage: Stage, table: str, staged: str) -> list[_Day]:
    timed = has_column(table, "Timestamp")
    day = f'"Timestamp" // {TICKS_PER_DAY}' if timed else "0"
    counts: dict[int, Counter[int]] = {}
    for number, file, rows in stage.rows(
        f'SELECT {day} AS d, "~file", count(*) FROM {staged} GROUP BY ALL ORDER BY ALL'
    ):
        counts.setdefault(number, Counter())[file] = rows
    marks = (
        f"SELECT {day} AS d, count(*) - count(DISTINCT hash(({_key(table) or _whole(table)}))) FROM {staged} GROUP BY d"
    )
    again = dict(stage.rows(marks))
    return [
        _Day(
            name=day_of(number * TICKS_PER_DAY),
            number=number,
            condition=f'"Timestamp" BETWEEN {number * TICKS_PER_DAY} AND {(number + 1) * TICKS_PER_DAY - 1}'
            if timed
            else "TRUE",
            counts=by_file,
            suspect=again[number] > 0,
        )
        for number, by_file in counts.items()
    ]


def _key(table: str) -> str | None:
    """Defender's own key of a row; None for tables that lack one of its columns."""
    names = ("DeviceId", "ReportId", "Timestamp")
    return ", ".join(name_sql(name) for name in names) if all(has_column(table, name) for name in names) else None


def _whole(table: str) -> str:
    return ", ".join(name_sql(stored) for stored, _, _ in physical_columns(table))


def _find_duplicates(stage: Stage, table: str, fresh: str, days: Sequence[DayFiles]) -> None:
    """Fill the table `duplicate` with the places of the rows to leave out; `days` are those that hold rows already."""
    key, whole = _key(table), _whole(table)
    day = f'"Timestamp" // {TICKS_PER_DAY}' if has_column(table, "Timestamp") else "0"
    existing = _existing(table, days)
    stage.connection.execute("CREATE OR REPLACE TEMP TABLE duplicate(id BIGINT, file INTEGER, day BIGINT)")
    if key is None:
        _add_duplicates(stage, whole, day, fresh, existing)
        return
    _add_duplicates(stage, key, day, f'{fresh} AND "ReportId" IS NOT NULL', existing)
    if stage.rows(f'SELECT 1 FROM {fresh} AND "ReportId" IS NULL LIMIT 1'):
        _add_duplicates(stage, whole, day, f'{fresh} AND "ReportId" IS NULL', existing)


def _add_duplicates(stage: Stage, key: str, day: str, fresh: str, existing: str | None) -> None:
    # Hashes first, because rows may be wide: the key itself is compared only where two hashes are equal.
    mark = f"hash(({key}))"
    again = f"SELECT {mark} FROM {fresh} GROUP BY {mark} HAVING count(*) > 1"
    stage.connection.execute(
        f"""INSERT INTO duplicate SELECT "~row", "~file", day FROM (
          SELECT "~row", "~file", {day} AS day, row_number() OVER (PARTITION BY {key} ORDER BY "~row") AS k
          FROM {fresh} AND {mark} IN ({again})) WHERE k > 1"""
    )
    if existing:
        same = " AND ".join(f"a.{part} IS NOT DISTINCT FROM b.{part}" for part in key.split(", "))
        stage.connection.execute(
            f"""INSERT INTO duplicate SELECT a."~row", a."~file", a.day
            FROM (SELECT "~row", "~file", {day} AS day, {key}, {mark} AS mark FROM {fresh}) a
            SEMI JOIN (SELECT {key}, {mark} AS mark FROM {existing}) b ON a.mark = b.mark AND {same}"""
        )


def _existing(table: str, days: Sequence[DayFiles]) -> str | None:
    """A relation with the rows of some days' files under their stored names; None when there are none."""
    paths = ", ".join(quoted(str(path)) for files in days for path in files.live)
    if not paths:
        return None
    if all(files.uniform for files in days):
        return f"read_parquet([{paths}], hive_partitioning = false)"
    columns = physical_columns(table)
    scan = relation_sql(table, days)
    chosen = ", ".join(f"c{i} AS {name_sql(stored)}" for i, (stored, _, _) in enumerate(columns))
    return f"(SELECT {chosen} FROM {scan} AS s({', '.join(f'c{i}' for i in range(len(columns)))}))"


def _write(stage: Stage, table: str, fresh: str, files: DayFiles) -> None:
    columns = ", ".join(name_sql(stored) for stored, _, _ in physical_columns(table))
    relation, kind = f"SELECT {columns} FROM {fresh}", "part"
    existing = _existing(table, [files])
    if _replaces(table):
        kind = "base"
    elif existing:
        count = stage.rows(f"SELECT count(*) FROM {existing}")[0][0]
        if count < _SMALL or len(files.live) >= _MANY:
            relation, kind = f"{relation} UNION ALL SELECT {columns} FROM {existing}", "base"
    order = [name for name in ("DeviceId", "Timestamp") if has_column(table, name)]
    if order:
        relation = f"SELECT * FROM ({relation}) ORDER BY {', '.join(name_sql(name) for name in order)}"
    half = stage.folder / "half.parquet"
    stage.connection.execute(
        f"COPY ({relation}) TO {quoted(str(half))} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
    )
    number = files.last_number + 1
    put_in_place(half, files.folder / f"{kind}-{number:06}-{schema_mark(table)}.parquet")


def _write_new_days(stage: Stage, table: str, days: Sequence[tuple[_Day, DayFiles]]) -> None:
    """Write days that hold nothing yet, all with one statement."""
    if not days:
        return
    columns = ", ".join(name_sql(stored) for stored, _, _ in physical_columns(table))
    numbers = ", ".join(str(day.number) for day, _ in days)
    order = ", ".join(name_sql(name) for name in ("DeviceId", "Timestamp") if has_column(table, name))
    halves = stage.folder / "halves"
    stage.use_threads(several=False)  # keeps the order of rows within each file
    stage.connection.execute(
        f"""COPY (SELECT {columns}, "Timestamp" // {TICKS_PER_DAY} AS "~day" FROM gathered
          WHERE "~day" IN ({numbers}) AND {_NEW} ORDER BY "~day", {order})
        TO {quoted(str(halves))} (FORMAT parquet, PARTITION_BY ("~day"), COMPRESSION zstd, COMPRESSION_LEVEL 1)"""
    )
    for day, files in days:
        written = sorted((halves / f"~day={day.number}").iterdir())
        for number, half in enumerate(written, files.last_number + 1):
            put_in_place(half, files.folder / f"part-{number:06}-{schema_mark(table)}.parquet")
    shutil.rmtree(halves)


def _is_same(stage: Stage, table: str, fresh: str, files: DayFiles) -> bool:
    """Whether a snapshot holds just what the day holds."""
    existing = _existing(table, [files])
    if existing is None:
        return False
    columns = ", ".join(name_sql(stored) for stored, _, _ in physical_columns(table))
    a, b = f"(SELECT {columns} FROM {fresh})", f"(SELECT {columns} FROM {existing})"
    return not stage.rows(
        f"(SELECT * FROM {a} EXCEPT SELECT * FROM {b}) UNION ALL (SELECT * FROM {b} EXCEPT SELECT * FROM {a}) LIMIT 1"
    )


def _replaces(table: str) -> bool:
    return table.startswith(_SNAPSHOTS) and not has_column(table, "Timestamp")


def put_in_place(half: Path, target: Path) -> None:
    """Make a finished file part of the estate: on the disk first, then under its name."""
    with half.open("rb+") as file:
        os.fsync(file.fileno())
    target.parent.mkdir(parents=True, exist_ok=True)
    half.replace(target)
    if os.name == "posix":
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
