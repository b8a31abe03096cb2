"""How KQL values lie in Parquet, and the SQL that brings text there.

In comes the name of an SQL expression that holds text (or NULL), out come expressions: the value in its physical
type, and whether the text could not be read. Both work on whole columns in DuckDB, so that no row passes through
Python.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256

from earmark.kql.base import EPOCH_TICKS, PHYSICAL, TICKS_PER_SECOND, Columns
from earmark.kql.defender.tables import TABLES

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TICKS_PER_DAY = 86_400 * TICKS_PER_SECOND
NO_DAY = "0001-01-01"
"""The partition of tables whose rows carry no time."""

# `ticks` is exact to 100 ns in the ordinary case; `ticks_slowly` reads offsets, and years too far off for nanoseconds.
_CLOCK = "\\d\\d:\\d\\d(:\\d\\d)?"
_OFFSET = "([+-])(\\d\\d):?(\\d\\d)$"
MACROS = f"""
CREATE OR REPLACE MACRO offset_part(x, part) AS CAST(nullif(regexp_extract(x, '{_OFFSET}', part), '') AS BIGINT);
CREATE OR REPLACE MACRO offset_minutes(x) AS
  coalesce(CASE WHEN regexp_extract(x, '{_OFFSET}', 1) = '-' THEN -1 ELSE 1 END
    * (offset_part(x, 2) * 60 + offset_part(x, 3)), 0);
CREATE OR REPLACE MACRO ticks_slowly(x) AS
  CASE WHEN regexp_full_match(x, '\\d{{4}}-\\d\\d-\\d\\d[T ]{_CLOCK}(\\.\\d*)?\\s*(Z|z|[+-]\\d\\d:?\\d\\d)?') THEN
    epoch_us(TRY_CAST(left(x, 10) || ' ' || regexp_extract(x[12:], '^{_CLOCK}') AS TIMESTAMP)) * 10
    + CAST(left(rpad(regexp_extract(x, '\\.(\\d*)', 1), 7, '0'), 7) AS BIGINT)
    - offset_minutes(x) * {60 * TICKS_PER_SECOND} + {EPOCH_TICKS}
  END;
CREATE OR REPLACE MACRO ticks(x) AS
  coalesce(CASE WHEN x[-1] = 'Z' THEN epoch_ns(TRY_CAST(x AS TIMESTAMP_NS)) // 100 + {EPOCH_TICKS} END,
    CASE WHEN x != '' THEN ticks_slowly(x) END);
CREATE OR REPLACE MACRO json_of(x) AS
  CASE WHEN x IS NULL OR x = '' OR x = 'null' THEN NULL WHEN json_valid(x) THEN x ELSE CAST(to_json(x) AS VARCHAR) END;
"""


def ticks_of(instant: datetime) -> int:
    """Ticks of 100 ns since 0001-01-01, as KQL counts time."""
    since = instant - EPOCH
    return EPOCH_TICKS + (since.days * 86_400 + since.seconds) * TICKS_PER_SECOND + since.microseconds * 10


def instant_of(ticks: int) -> datetime:
    """The instant at these ticks, cut to microseconds."""
    return EPOCH + timedelta(0, 0, (ticks - EPOCH_TICKS) // 10)


def day_of(ticks: int) -> str:
    """The day (UTC) of these ticks, as partitions are named."""
    return (datetime(1, 1, 1) + timedelta(days=ticks // TICKS_PER_DAY)).date().isoformat()


def quoted(text: str) -> str:
    """A literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def name_sql(name: str) -> str:
    """A name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def value_sql(text: str, kind: str) -> str:
    """The value of `text` (an SQL expression) in the physical type of `kind`; NULL where it cannot be read."""
    match kind:
        case "string":
            return f"coalesce({text}, '')"
        case "guid":
            return f"nullif({text}, '')"
        case "datetime":
            return f"ticks({text})"
        case "dynamic":
            return f"json_of({text})"
        case _:
            return f"TRY_CAST({text} AS {PHYSICAL[kind]})"


def unreadable_sql(text: str, kind: str) -> str | None:
    """Whether `text` holds something that `kind` cannot hold; None where it can hold all."""
    match kind:
        case "string" | "guid" | "dynamic":
            return None
        case "int" | "long":  # a cast of "1.5" rounds, silently
            return f"({text} != '' AND ({value_sql(text, kind)} IS NULL OR contains({text}, '.')))"
        case _:
            return f"({text} != '' AND {value_sql(text, kind)} IS NULL)"


def empty_sql(kind: str) -> str:
    """What a column holds in a row that says nothing of it: strings are never null."""
    return "''" if kind == "string" else f"CAST(NULL AS {PHYSICAL[kind]})"


@cache
def physical_columns(table: str) -> tuple[tuple[str, str, str], ...]:
    """(name in files, name, kind) of a table's columns, in order.

    DuckDB's names ignore case, and a partition's keys are columns too: a name that would meet another gets a suffix in
    the files.
    """
    taken = {"table", "day"}
    found: list[tuple[str, str, str]] = []
    for name, kind in columns_of(table):
        stored = name if name.lower() not in taken else f"{name}~2"
        taken.add(stored.lower())
        found.append((stored, name, kind))
    return tuple(found)


def columns_of(table: str) -> Columns:
    """The columns of a table; none for a table that is not known."""
    return TABLES.get(table, ())


def has_column(table: str, name: str) -> bool:
    """Whether a table has a column of that name."""
    return any(column == name for column, _ in columns_of(table))


@cache
def schema_mark(table: str) -> str:
    """A short digest of a table's stored columns: files that carry it in their names hold exactly those."""
    return sha256(repr(physical_columns(table)).encode()).hexdigest()[:8]
