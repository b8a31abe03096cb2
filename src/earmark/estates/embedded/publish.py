"""Turns staged rows into files of the event store: without duplicates, a day at a time, each file complete or not
there at all.

What is the same row: DeviceId, ReportId and Timestamp where a table has all three and ReportId is not null
(Defender's own key); else the whole row. Both hold the day, so that only the files of one day are looked at. Of equal
rows the one that is in the estate stays, else the first that was read.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
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
_MANY = 8
"""As many files of one day are written anew as one."""
_SNAPSHOTS = ("DeviceTvm", "DeviceBaseline", "ExposureGraph")
"""Tables without times under these names describe a state: a newer import replaces them whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What publishing one table did, by number of the file the rows came from."""

    stored: Counter[int]
    duplicates: Counter[int]


def publish(stage: Stage, table: str, staged: str, store: EventStore) -> Published:
    """Write the staged rows of one table into the store."""
    stored: Counter[int] = Counter()
    duplicates: Counter[int] = Counter()
    for day in _read_days(stage, table, staged):
        files = read_day(store.day_folder(table, day.name), table)
        for path in files.stale:
            path.unlink(missing_ok=True)
        fresh, twice = f"{staged} WHERE {day.condition}", Counter[int]()
        if _replaces(table):
            if _is_same(stage, table, fresh, files):
                duplicates.update(day.counts)
                continue
            files = replace(files, live=())  # the snapshot before is not looked at
        if files.live or day.suspect:
            _find_duplicates(stage, table, fresh, files)
            fresh += ' AND "~row" NOT IN (SELECT id FROM duplicate)'
            twice.update(dict(stage.rows("SELECT file, count(DISTINCT id) FROM duplicate GROUP BY ALL")))
        duplicates.update(twice)
        stored.update(day.counts - twice)
        if day.counts != twice:
            _write(stage, table, fresh, files)
    return Published(stored=stored, duplicates=duplicates)


def sightings(stage: Stage, table: str, staged: str) -> Iterator[Sighting]:
    """What the staged rows say of devices, duplicates included."""
    if not has_column(table, "DeviceId"):
        return
    name = '"DeviceName"' if has_column(table, "DeviceName") else "''"
    time = '"Timestamp"' if has_column(table, "Timestamp") else "CAST(NULL AS BIGINT)"
    heard = table in sighting_tables()
    rows = stage.rows(
        f"""SELECT "DeviceId", coalesce(max_by({name}, ({time}, {name})) FILTER ({name} != ''), ''),
          min({time}), max({time})
        FROM {staged} WHERE "DeviceId" != '' GROUP BY "DeviceId" ORDER BY "DeviceId" """
    )
    for device, called, first, last in rows:
        yield Sighting(id=device, name=called, first_seen=first, last_seen=last if heard else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Day:
    """The staged rows of one day."""

    name: str
    condition: str
    """SQL that picks them."""
    counts: Counter[int]
    """How many there are, by file."""
    suspect: bool
    """Whether two of them have the same hash, so that duplicates are to be looked for."""


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


def _find_duplicates(stage: Stage, table: str, fresh: str, files: DayFiles) -> None:
    """Fill the table `duplicate` with the places of the rows to leave out."""
    key = _key(table)
    stage.connection.execute("CREATE OR REPLACE TEMP TABLE duplicate(id BIGINT, file INTEGER)")
    if key is None:
        _add_duplicates(stage, _whole(table), fresh, _existing(table, files))
        return
    _add_duplicates(stage, key, f'{fresh} AND "ReportId" IS NOT NULL', _existing(table, files))
    if stage.rows(f'SELECT 1 FROM {fresh} AND "ReportId" IS NULL LIMIT 1'):
        _add_duplicates(stage, _whole(table), f'{fresh} AND "ReportId" IS NULL', _existing(table, files))


def _add_duplicates(stage: Stage, key: str, fresh: str, existing: str | None) -> None:
    # Hashes first, because rows may be wide: the key itself is compared only where two hashes are equal.
    mark = f"hash(({key}))"
    again = f"SELECT {mark} FROM {fresh} GROUP BY {mark} HAVING count(*) > 1"
    stage.connection.execute(
        f"""INSERT INTO duplicate SELECT "~row", "~file" FROM (
          SELECT "~row", "~file", row_number() OVER (PARTITION BY {key} ORDER BY "~row") AS k
          FROM {fresh} AND {mark} IN ({again})) WHERE k > 1"""
    )
    if existing:
        same = " AND ".join(f"a.{part} IS NOT DISTINCT FROM b.{part}" for part in key.split(", "))
        stage.connection.execute(
            f"""INSERT INTO duplicate SELECT a."~row", a."~file"
            FROM (SELECT "~row", "~file", {key}, {mark} AS mark FROM {fresh}) a
            SEMI JOIN (SELECT {key}, {mark} AS mark FROM {existing}) b ON a.mark = b.mark AND {same}"""
        )


def _existing(table: str, files: DayFiles) -> str | None:
    """A relation with the rows of the day's files under their stored names; None when there are none."""
    if not files.live:
        return None
    paths = ", ".join(quoted(str(path)) for path in files.live)
    if files.uniform:
        return f"read_parquet([{paths}], hive_partitioning = false)"
    columns = physical_columns(table)
    scan = relation_sql(table, [files])
    chosen = ", ".join(f"c{i} AS {name_sql(stored)}" for i, (stored, _, _) in enumerate(columns))
    return f"(SELECT {chosen} FROM {scan} AS s({', '.join(f'c{i}' for i in range(len(columns)))}))"


def _write(stage: Stage, table: str, fresh: str, files: DayFiles) -> None:
    columns = ", ".join(name_sql(stored) for stored, _, _ in physical_columns(table))
    relation, kind = f"SELECT {columns} FROM {fresh}", "part"
    existing = _existing(table, files)
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
    settle(half, files.folder / f"{kind}-{number:06}-{schema_mark(table)}.parquet")


def _is_same(stage: Stage, table: str, fresh: str, files: DayFiles) -> bool:
    """Whether a snapshot holds just what the day holds."""
    existing = _existing(table, files)
    if existing is None:
        return False
    columns = ", ".join(name_sql(stored) for stored, _, _ in physical_columns(table))
    a, b = f"(SELECT {columns} FROM {fresh})", f"(SELECT {columns} FROM {existing})"
    return not stage.rows(
        f"(SELECT * FROM {a} EXCEPT SELECT * FROM {b}) UNION ALL (SELECT * FROM {b} EXCEPT SELECT * FROM {a}) LIMIT 1"
    )


def _replaces(table: str) -> bool:
    return table.startswith(_SNAPSHOTS) and not has_column(table, "Timestamp")


def settle(half: Path, target: Path) -> None:
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
