"""Parquet files that are already in Defender's columns, as other tools write them.

The table comes from a folder `table=<Table>`, else from the file's name (`DeviceLogonEvents.parquet`,
`DeviceLogonEvents-01.parquet`), else from the caller. Datetimes may be timestamps, text or ticks (64-bit integers of
100 ns since 0001-01-01).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from earmark.estates.embedded.physical import columns_of, name_sql, quoted
from earmark.estates.embedded.readers.base import Taken
from earmark.estates.embedded.staging import Source, Stage
from earmark.kql.base import EPOCH_TICKS
from earmark.kql.defender.tables import TABLES


def table_of(path: Path, given: str | None) -> str | None:
    """The table that a file's rows belong to; None when neither its place, its name nor the caller says so."""
    for part in reversed(path.parent.parts):
        if part.startswith("table=") and part[6:] in TABLES:
            return part[6:]
    match = re.match(r"[A-Za-z]+", path.name)
    if match and match[0] in TABLES:
        return match[0]
    return given


def stage_parquet(path: Path, table: str, stage: Stage, *, file: int) -> Taken:
    """Stage the rows of one file."""
    source = f"read_parquet({quoted(str(path))}, hive_partitioning = false, file_row_number = true)"
    there: Mapping[str, str] = {name: kind for name, kind, *_ in stage.rows(f"DESCRIBE SELECT * FROM {source}")}
    texts = {name: _text_sql(name, kind, there[name]) for name, kind in columns_of(table) if name in there}
    rows = Source(relation=f"(SELECT file_row_number + 1 AS n, * FROM {source})", texts=texts)
    (added,) = stage.add(table, rows, files=[(file, 1)])
    taken = Taken(rows=added.rows, staged=added.good, rejects=added.bad)
    known = {name for name, _ in columns_of(table)} | {"file_row_number", "MachineGroup"}
    taken.warnings.update(
        {f"{table} has no column {name}; it was left out": added.rows for name in there if name not in known}
    )
    return taken


def _text_sql(name: str, kind: str, physical: str) -> str:
    """The text of a column, from which the stage reads the value again: one way of reading for every format."""
    column = name_sql(name)
    if kind == "datetime" and physical.startswith("TIMESTAMP"):
        if physical == "TIMESTAMP_NS":
            return f"strftime({column}, '%Y-%m-%dT%H:%M:%S.%nZ')"
        return f"strftime(make_timestamp(epoch_us({column})), '%Y-%m-%dT%H:%M:%S.%fZ')"
    if kind == "datetime" and physical in ("BIGINT", "UBIGINT"):
        micro = f"(CAST({column} AS BIGINT) - {EPOCH_TICKS}) // 10"
        return f"strftime(make_timestamp({micro}), '%Y-%m-%dT%H:%M:%S.%f') || CAST({column} % 10 AS VARCHAR) || 'Z'"
    if physical.endswith("[]") or physical.startswith(("STRUCT", "MAP")):
        return f"CAST(to_json({column}) AS VARCHAR)"
    return f"CAST({column} AS VARCHAR)"
