"""A KQL scalar expression as a fragment of SQL, with what is known of its value.

In goes nothing but text; out come frozen fragments that operators and functions combine. The KQL type lives here and
not in DuckDB, since datetime, timespan and dynamic have no type of their own there (see
`earmark.kql.base.CompiledQuery`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final

from earmark.kql.base import PHYSICAL


class Unknown(Enum):
    """The one value of `Scalar.const` that says: not a constant."""

    VALUE = "unknown"


UNKNOWN: Final = Unknown.VALUE


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonPath:
    """A member of a JSON value that is not read yet, so that longer paths and conversions become one call."""

    root: str
    """SQL of the JSON document: valid JSON text or NULL, safe to name once."""
    path: str
    """A JSON path of DuckDB, beginning with `$`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """A value in SQL."""

    sql: str
    """An SQL expression. Put `inner` into larger ones."""
    type: str
    """bool, int, long, real, decimal, string, datetime, timespan, guid or dynamic."""
    nullable: bool = True
    """Whether it may be NULL; never true of strings."""
    const: Any = UNKNOWN
    """The value where it is a constant: bool, int (also ticks), float, Decimal, str, decoded JSON, None for null;
    else UNKNOWN.
    """
    atomic: bool = False
    """Whether the SQL is so short and cheap (a column, a literal) that naming it twice costs nothing."""
    json: JsonPath | None = None
    """Where the value is a member of a dynamic: how to read it."""

    @property
    def is_const(self) -> bool:
        """Whether the value is known now."""
        return self.const is not UNKNOWN

    @property
    def is_null(self) -> bool:
        """Whether the value is known to be null."""
        return self.const is None

    @property
    def inner(self) -> str:
        """The SQL, in parentheses where it needs them inside another expression."""
        return self.sql if self.atomic else f"({self.sql})"

    @property
    def physical(self) -> str:
        """The SQL with its type made certain, for the columns of a result."""
        return f"CAST({self.sql} AS {PHYSICAL[self.type]})"

    def named(self, sql: str) -> Scalar:
        """The same value, once it stands in a column: `sql` names that column."""
        return replace(self, sql=sql, atomic=True, json=None)


def quoted(text: str) -> str:
    """A string as an SQL literal; U+0000, which SQL's text cannot hold, is put in by a function."""
    if "\0" in text:
        return "(" + " || chr(0) || ".join(quoted(part) for part in text.split("\0")) + ")"
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def column(name: str, kql_type: str, *, nullable: bool = True) -> Scalar:
    """A column of the relation at hand, by its physical name."""
    return Scalar(sql=identifier(name), type=kql_type, nullable=nullable and kql_type != "string", atomic=True)


def null(kql_type: str) -> Scalar:
    """The null of a type; of string, which has none, the empty string."""
    if kql_type == "string":
        return Scalar(sql="''", type="string", nullable=False, const="", atomic=True)
    return Scalar(sql=f"NULL::{PHYSICAL[kql_type]}", type=kql_type, const=None, atomic=True)
