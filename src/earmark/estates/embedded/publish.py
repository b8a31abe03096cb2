"""Turns staged rows into files of the event store: without duplicates, a day at a time, each file complete or not there at all.

What is the same row: DeviceId, ReportId and Timestamp where a table has all three and ReportId is not null (Defender's own key); else the
whole row. Both hold the day, so that only the files of one day are looked at. Of equal rows the one that is in the estate stays, else the
first that was read.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from earmark.estates.embedded.devices import Sighting
from earmark.estates.embedded.events import DayFiles, EventStore, read_day, relation_sql, sighting_tables
from earmark.estates.embedded.physical import (
    NO_DAY,
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
    for day, condition in _days(stage, table, staged):
        folder = store.day_folder(table, day)
        files = read_day(folder, table)
        for path in files.stale:
            path.unlink(missing_ok=True)
        _find_duplicates(stage, table, staged, condition, files)
        counts = f'SELECT "~file", count(*) FROM {staged} WHERE {condition} AND rowid %s (SELECT id FROM duplicate) GROUP BY ALL'
        if _replaces(table) and _is_same(stage, table, f"{staged} WHERE {condition}", files):
            stage.connection.execute(f"INSERT INTO duplicate SELECT rowid FROM {staged} WHERE {condition}")
        new = dict(stage.rows(counts % "NOT IN"))
        duplicates.update(dict(stage.rows(counts % "IN")))
        if not new:
            continue
        stored.update(new)
        _write(stage, table, f"{staged} WHERE {condition} AND rowid NOT IN (SELECT id FROM duplicate)", files)
    return Published(stored=stored, duplicates=duplicates)


def sightings(stage: Stage, table: str, staged: str) -> Iterator[Sighting]:
    """What the staged rows say of devices, duplicates included."""
    if not has_column(table, "DeviceId"):
        return
    name = '"DeviceName"' if has_column(table, "DeviceName") else "''"
    time = '"Timestamp"' if has_column(table, "Timestamp") else "CAST(NULL AS BIGINT)"
    heard = table in sighting_tables()
    rows = stage.rows(
        f"""SELECT "DeviceId", coalesce(max_by({name}, ({time}, {name})) FILTER ({name} != ''), ''), min({time}), max({time})
        FROM {staged} WHERE "~bad" IS NULL AND "DeviceId" != '' GROUP BY "DeviceId" ORDER BY "DeviceId" """
    )
    for device, called, first, last in rows:
        yield Sighting(id=device, name=called, first_seen=first, last_seen=last if heard else None)


def _days(stage: Stage, table: str, staged: str) -> Iterator[tuple[str, str]]:
    if not has_column(table, "Timestamp"):
        if stage.rows(f'SELECT 1 FROM {staged} WHERE "~bad" IS NULL LIMIT 1'):
            yield NO_DAY, '"~bad" IS NULL'
        return
    days = stage.rows(f'SELECT DISTINCT "Timestamp" // {TICKS_PER_DAY} AS d FROM {staged} WHERE "~bad" IS NULL ORDER BY d')
    for (day,) in days:
        start = day * TICKS_PER_DAY
        yield day_of(start), f'"~bad" IS NULL AND "Timestamp" BETWEEN {start} AND {start + TICKS_PER_DAY - 1}'


def _find_duplicates(stage: Stage, table: str, staged: str, condition: str, files: DayFiles) -> None:
    """Fill the table `duplicate` with the rowids of the rows to leave out."""
    columns = ", ".join(name_sql(stored) for stored, _, _ in physical_columns(table))
    keyed = all(has_column(table, name) for name in ("DeviceId", "ReportId", "Timestamp"))
    stage.connection.execute("CREATE OR REPLACE TEMP TABLE duplicate(id BIGINT)")
    cases = [(columns, f"{condition} AND \"ReportId\" IS NULL" if keyed else condition)]
    if keyed:
        cases.append(('"DeviceId", "ReportId", "Timestamp"', f'{condition} AND "ReportId" IS NOT NULL'))
    existing = _existing(table, files)
    for key, rows in cases:
        whole = key == columns
        # Hashes first: whole rows are compared only where two hashes are equal.
        mark = f"hash(({key}))" if whole else key
        stage.connection.execute(
            f"""INSERT INTO duplicate SELECT rowid FROM (SELECT rowid, row_number() OVER (PARTITION BY {key} ORDER BY rowid) AS k
            FROM {staged} WHERE {rows} AND ({mark}) IN (SELECT ({mark}) FROM {staged} WHERE {rows} GROUP BY {mark} HAVING count(*) > 1))
            WHERE k > 1"""
        )
        if existing and not _replaces(table):
            same = " AND ".join(f"a.{part} IS NOT DISTINCT FROM b.{part}" for part in key.split(", "))
            stage.connection.execute(
                f"""INSERT INTO duplicate SELECT a.id FROM (SELECT rowid AS id, {key}, {mark} AS mark FROM {staged} WHERE {rows}) a
                SEMI JOIN (SELECT {key}, {mark} AS mark FROM {existing}) b ON a.mark = b.mark AND {same}"""
                if whole
                else f"INSERT INTO duplicate SELECT rowid FROM {staged} a SEMI JOIN (SELECT {key} FROM {existing}) b USING ({key}) WHERE {rows}"
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
    if existing and _replaces(table):
        kind = "base"
    elif existing:
        count = stage.rows(f"SELECT count(*) FROM {existing}")[0][0]
        if count < _SMALL or len(files.live) >= _MANY:
            relation, kind = f"{relation} UNION ALL SELECT {columns} FROM {existing}", "base"
    order = [name for name in ("Timestamp", "DeviceId") if has_column(table, name)]
    if order:
        relation = f"SELECT * FROM ({relation}) ORDER BY {', '.join(name_sql(name) for name in order)}"
    half = stage.folder / "half.parquet"
    stage.connection.execute(f"COPY ({relation}) TO {quoted(str(half))} (FORMAT parquet, COMPRESSION zstd)")
    number = files.last_number + 1
    settle(half, files.folder / f"{kind}-{number:06}-{schema_mark(table)}.parquet")


def _is_same(stage: Stage, table: str, fresh: str, files: DayFiles) -> bool:
    """Whether a snapshot holds just what the day holds."""
    existing = _existing(table, files)
    if existing is None:
        return False
    columns = ", ".join(name_sql(stored) for stored, _, _ in physical_columns(table))
    a, b = f"(SELECT {columns} FROM {fresh})", f"(SELECT {columns} FROM {existing})"
    return not stage.rows(f"(SELECT * FROM {a} EXCEPT SELECT * FROM {b}) UNION ALL (SELECT * FROM {b} EXCEPT SELECT * FROM {a}) LIMIT 1")


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
