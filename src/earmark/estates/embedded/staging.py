"""Where an import gathers its rows before they become part of the estate.

Every batch of input becomes a Parquet file in the estate's `.staging` folder: any size of import fits, memory stays
bounded, and a crash leaves nothing but that folder, which the next import throws away. Besides the columns of its
table a row has four more: its place in the import, the file and line it came from, and why it cannot be taken (NULL
for a good row).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb

from earmark.estates.embedded.physical import (
    MACROS,
    empty_sql,
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
    mark: str = "0"
    """SQL expression over the relation; from its distinct values the reader tells whether all was as expected."""


_GROUP = 20_480
"""Rows that a reader of one day takes or leaves together: a batch may hold many days."""
Files = Sequence[tuple[int, int]]
"""(number of a file, the `n` of its first line): up to the next one's, all lines are of that file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What staging gave, of one file."""

    rows: int
    bad: list[tuple[int, str]]
    """(line, reason) of rows that cannot be taken."""
    marks: frozenset[object]

    @property
    def good(self) -> int:
        """Rows that can be taken."""
        return self.rows - len(self.bad)


_NOTHING = Added(rows=0, bad=[], marks=frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Staged:
    """A Parquet file of staged rows."""

    path: Path
    columns: frozenset[str]
    """The columns of the table that it holds."""
    files: frozenset[int]
    """Numbers of the files that its rows came from."""


class Stage:
    """Gathers rows, table by table."""

    def __init__(self, folder: Path, *, memory: int = 10**9) -> None:
        self.folder = folder
        config: dict[str, Any] = {"memory_limit": f"{memory // 10**6}MB", "temp_directory": str(folder / "spill")}
        self.connection = duckdb.connect(config=config)
        self.use_threads(several=False)
        self.connection.execute(MACROS)
        # Staged files never change and are read once for each day: their footers are kept.
        self.connection.execute("SET parquet_metadata_cache = true")
        self._files: dict[str, list[_Staged]] = defaultdict(list)
        self._rows = 0

    def __enter__(self) -> Stage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    def use_threads(self, *, several: bool) -> None:
        """Run statements in several threads, or in one: what keeps the order of lines takes longer in several."""
        self.connection.execute("RESET threads" if several else "SET threads = 1")

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[Any]:
        """The rows of one statement."""
        return self.connection.execute(sql, parameters).fetchall()

    def tables(self) -> list[str]:
        """The tables that rows were staged for."""
        return [table for table, staged in self._files.items() if staged]

    def relation(self, table: str, files: Collection[int] | None = None) -> str:
        """The good rows of a table: the stored columns in order, then `"~row"` and `"~file"`.

        With `files`, only what holds rows of these is opened.
        """
        chosen_files = [staged for staged in self._files[table] if files is None or not staged.files.isdisjoint(files)]
        everywhere = frozenset.intersection(*(staged.columns for staged in chosen_files))
        somewhere = frozenset.union(*(staged.columns for staged in chosen_files))
        chosen = []
        for stored, name, kind in physical_columns(table):
            value = name_sql(stored) if name in somewhere else empty_sql(kind)
            if kind == "string" and name in somewhere - everywhere:
                value = f"coalesce({value}, '')"
            chosen.append(f"{value} AS {name_sql(stored)}")
        paths = ", ".join(quoted(str(staged.path)) for staged in chosen_files)
        by_name = "" if somewhere == everywhere else ", union_by_name = true"
        source = f"read_parquet([{paths}], hive_partitioning = false{by_name})"
        return f'(SELECT {", ".join(chosen)}, "~row", "~file" FROM {source} WHERE "~bad" IS NULL)'

    def add(self, table: str, source: Source, *, files: Files) -> list[Added]:
        """Stage rows of one table; what was added of each file, in their order."""
        columns = [(stored, column, kind) for stored, column, kind in physical_columns(table) if column in source.texts]
        raw = "".join(f", {source.texts[column]} AS r{i}" for i, (_, column, _) in enumerate(columns))
        values = "".join(f", {value_sql(f'r{i}', kind)} AS v{i}" for i, (_, _, kind) in enumerate(columns))
        chosen = "".join(f"v{i} AS {name_sql(stored)}, " for i, (stored, _, _) in enumerate(columns))
        path = self.folder / f"{table}-{len(self._files[table])}.parquet"
        ((count,),) = self.rows(
            f"""COPY (SELECT {chosen} n AS "~line", {_file_sql(files)} AS "~file",
              row_number() OVER () + {self._rows} AS "~row", {_bad_sql(table, columns)} AS "~bad", mark AS "~mark"
            FROM (SELECT *{values} FROM (SELECT n, {source.mark} AS mark{raw} FROM {source.relation})))
            TO {quoted(str(path))} (FORMAT parquet, COMPRESSION uncompressed, ROW_GROUP_SIZE {_GROUP})"""
        )
        self._rows += count
        held = frozenset(column for _, column, _ in columns)
        self._files[table].append(_Staged(path=path, columns=held, files=frozenset(file for file, _ in files)))
        found = {
            file: Added(rows=rows, bad=bad or [], marks=frozenset(marks))
            for file, rows, marks, bad in self.rows(
                f"""SELECT "~file", count(*), list(DISTINCT "~mark"),
                  list(("~line", "~bad") ORDER BY "~row") FILTER ("~bad" IS NOT NULL)
                FROM read_parquet({quoted(str(path))}) GROUP BY "~file" """
            )
        }
        return [found.get(file, _NOTHING) for file, _ in files]

    def forget_last(self, table: str) -> None:
        """Take back what was added to a table last."""
        self._files[table].pop().path.unlink()


def _file_sql(files: Files) -> str:
    """The number of the file of line `n`, found by halving."""
    if len(files) == 1:
        return str(files[0][0])
    half = len(files) // 2
    return f"CASE WHEN n < {files[half][1]} THEN {_file_sql(files[:half])} ELSE {_file_sql(files[half:])} END"


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
