"""The values that cross the door of this library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

TICKS_PER_SECOND = 10_000_000
EPOCH_TICKS = 621_355_968_000_000_000
"""Ticks of 100 ns from 0001-01-01 to 1970-01-01 UTC: how KQL counts time
(https://learn.microsoft.com/kusto/query/scalar-data-types/datetime).
"""

PHYSICAL: Final[Mapping[str, str]] = {
    "bool": "BOOLEAN",
    "int": "INTEGER",
    "long": "BIGINT",
    "real": "DOUBLE",
    "decimal": "DECIMAL(38,18)",
    "string": "VARCHAR",
    "guid": "VARCHAR",
    "datetime": "BIGINT",
    "timespan": "BIGINT",
    "dynamic": "VARCHAR",
}
"""The DuckDB type that holds values of a KQL type, in files and in queries; `CompiledQuery` says what they mean."""

Columns = tuple[tuple[str, str], ...]
"""Column names with their KQL types, in order."""
Tables = Mapping[str, Columns]
"""The tables a query may name: those of the estate and the lists."""


def view_names(columns: Columns) -> tuple[str, ...]:
    """The physical names of a table's columns in the views that compiled SQL reads.

    DuckDB ignores case: a name that would meet another (`LogonId`, `LogonID`) gets its place behind it.
    """
    taken: set[str] = set()
    names = []
    for place, (name, _) in enumerate(columns):
        names.append(name if name.lower() not in taken else f"{name}~{place}")
        taken.add(name.lower())
    return tuple(names)


class Weight(StrEnum):
    """How much a diagnostic weighs."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A replacement in a text, in code points."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """Something to say of a place in a query; offsets count code points of the text."""

    code: str
    """KS… from Microsoft's service, EK… from ours."""
    weight: Weight
    message: str
    start: int
    end: int
    hint: str = ""
    """What to do."""
    edits: tuple[Edit, ...] = ()
    """The repair, where there is a mechanical one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledQuery:
    """SQL for DuckDB with its holes.

    Physical types: bool BOOLEAN · int INTEGER · long BIGINT · real DOUBLE · decimal DECIMAL · string VARCHAR, never
    NULL · guid VARCHAR · datetime BIGINT ticks since 0001-01-01 · timespan BIGINT ticks · dynamic VARCHAR holding
    JSON text, SQL NULL for JSON null.
    """

    sql_parts: tuple[str, ...]
    """The SQL, cut wherever the hunt's moment (ticks of now, a BIGINT literal) belongs."""
    macros: tuple[str, ...]
    """CREATE MACRO statements that the SQL needs, in order."""
    relations: tuple[tuple[str, str], ...]
    """(physical name, KQL table): the views that the SQL reads."""
    sorted: bool
    """Whether the query's last word fixes the order of rows."""

    def sql(self, now_ticks: int) -> str:
        """The SQL for one moment."""
        return str(now_ticks).join(self.sql_parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """Everything known of a query's text against a set of tables. Cached by content."""

    diagnostics: tuple[Diagnostic, ...]
    """Microsoft's, then ours; any error means that the query must not run."""
    columns: Columns | None
    """The bound result; None when the query does not bind or gives no table."""
    compiled: CompiledQuery | None
    """None when the query does not bind, or uses what the compiler refuses (an EK diagnostic then says what and
    where).
    """
    tables: tuple[str, ...] = ()
    """Tables and lists the query reads, sorted."""
    window: timedelta | None = None
    """How far back the query looks, when its filters say so for every table of events; else None."""

    @property
    def refused(self) -> bool:
        """Whether some diagnostic is an error."""
        return any(d.weight is Weight.ERROR for d in self.diagnostics)
