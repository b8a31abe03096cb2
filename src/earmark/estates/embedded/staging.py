"""Where an import gathers its rows before they become part of the estate.

One DuckDB file of its own in the estate's `.staging` folder: rows of any size of import fit, memory stays bounded, and a crash leaves nothing
but that folder, which the next import throws away. A table of the estate is a table here, with three columns more: which file and line a row
came from, and why it cannot be taken (NULL for a good row).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb

from earmark.estates.embedded.physical import (
    MACROS,
    PHYSICAL,
    has_column,
    name_sql,
    physical_columns,
    quoted,
    unreadable_sql,
    value_sql,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Rows that are about to be staged: a relation and what its columns hold."""

    relation: str
    """SQL of a relation with a column `n` (line number) besides those of `texts`."""
    texts: Mapping[str, str]
    """Column of the table → SQL expression over the relation that gives its text."""


class Stage:
    """Gathers rows, table by table."""

    def __init__(self, folder: Path, *, memory: int = 10**9, threads: int | None = None) -> None:
        self.folder = folder
        config: dict[str, Any] = {
            "memory_limit": f"{memory // 10**6}MB",
            "temp_directory": str(folder / "spill"),
            "preserve_insertion_order": True,
        }
        if threads is not None:
            config["threads"] = threads
        self.connection = duckdb.connect(str(folder / "stage.duckdb"), config=config)
        self.connection.execute(MACROS)
        self._names: dict[str, str] = {}

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.connection.close()

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[Any]:
        """The rows of one statement."""
        return self.connection.execute(sql, parameters).fetchall()

    def tables(self) -> Iterator[tuple[str, str]]:
        """(table, its name here)."""
        yield from self._names.items()

    def add(self, table: str, source: Source, *, file: int) -> tuple[int, list[tuple[int, str]]]:
        """Stage rows of one table; how many, and (line, reason) of those that cannot be taken."""
        name = self._staged(table)
        before = self.rows(f"SELECT coalesce(max(rowid) + 1, 0) FROM {name}")[0][0]
        columns = [(stored, column, kind) for stored, column, kind in physical_columns(table) if column in source.texts]
        raw = ", ".join(f"{source.texts[column]} AS r{i}" for i, (_, column, _) in enumerate(columns))
        values = ", ".join(f"{value_sql(f'r{i}', kind)} AS v{i}" for i, (_, _, kind) in enumerate(columns))
        into = ", ".join([*(name_sql(stored) for stored, _, _ in columns), '"~line"', '"~file"', '"~bad"'])
        chosen = ", ".join([*(f"v{i}" for i in range(len(columns))), "n", str(file), _bad_sql(table, columns)])
        self.connection.execute(
            f"INSERT INTO {name} ({into}) SELECT {chosen} FROM "
            f"(SELECT *, {values} FROM (SELECT n{', ' if raw else ''}{raw} FROM {source.relation}))"
        )
        bad = self.rows(f'SELECT "~line", "~bad" FROM {name} WHERE rowid >= {before} AND "~bad" IS NOT NULL ORDER BY rowid')
        after = self.rows(f"SELECT coalesce(max(rowid) + 1, 0) FROM {name}")[0][0]
        return after - before, bad

    def _staged(self, table: str) -> str:
        if table not in self._names:
            self._names[table] = f"staged_{len(self._names)}"
            columns = [
                f"{name_sql(stored)} {PHYSICAL[kind]}{'''  DEFAULT '' ''' if kind == 'string' else ''}"
                for stored, _, kind in physical_columns(table)
            ]
            extra = ['"~line" BIGINT', '"~file" INTEGER', '"~bad" VARCHAR']
            self.connection.execute(f"CREATE TABLE {self._names[table]} ({', '.join([*columns, *extra])})")
        return self._names[table]


def _bad_sql(table: str, columns: Sequence[tuple[str, str, str]]) -> str:
    cases = []
    for i, (_, column, kind) in enumerate(columns):
        # The value is computed already: an expression over r and v, not over r twice.
        fault = unreadable_sql(f"r{i}", kind)
        if fault is not None:
            fault = fault.replace(value_sql(f"r{i}", kind), f"v{i}")
            cases.append(f"WHEN {fault} THEN {quoted(f'{column} cannot be read as {kind}: ')} || left(r{i}, 80)")
    if has_column(table, "Timestamp"):
        missing = next((f"v{i} IS NULL" for i, (_, column, _) in enumerate(columns) if column == "Timestamp"), "TRUE")
        cases.append(f"WHEN {missing} THEN 'It has no Timestamp.'")
    return f"CASE {' '.join(cases)} END" if cases else "CAST(NULL AS VARCHAR)"
