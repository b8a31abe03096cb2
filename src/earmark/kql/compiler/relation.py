"""A table on its way through a query: the name of a common table expression and what its columns mean.

Physical column names are `~1`, `~2` … counted over the whole query, so that `SELECT *` can carry columns that are no
longer visible (hoisted sub-expressions, order keys) and names that differ in case alone never meet. KQL names appear
only in scans and in the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from earmark.kql.compiler.scalar import Scalar, identifier

NOTHING_READ = 0
"""The reach of a relation that reads no events."""
UNBOUNDED = None
"""The reach of a relation that reads events however old."""
Reach = int | None
"""How many ticks before now the events may lie that a relation depends on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderKey:
    """One key of the order that rows are in."""

    sql: str
    """A physical column."""
    descending: bool
    nulls_first: bool

    @property
    def term(self) -> str:
        """The key as a term of ORDER BY."""
        return f"{self.sql} {'DESC' if self.descending else 'ASC'} NULLS {'FIRST' if self.nulls_first else 'LAST'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTime:
    """The columns that say when a row's event was."""

    timestamp: str
    """Physical column of the event's ticks."""
    day: str
    """Physical column of the partition's day, 'YYYY-MM-DD'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A tabular value."""

    sql: str
    """What stands after FROM."""
    columns: Mapping[str, Scalar]
    """KQL name → physical column, in KQL's order."""
    order: tuple[OrderKey, ...] = ()
    """The order of rows, outermost key first; empty when there is none."""
    event_time: EventTime | None = None
    """Kept while filters on time can still skip whole days of events."""
    reach: Reach = NOTHING_READ
    known: Mapping[str, Scalar] = field(default_factory=lambda: MappingProxyType({}))
    """SQL text → hidden column that already holds its value."""
    stable: bool = False
    """Whether the same files always give the same order of rows (a filtered scan does), though no key says which."""
    unique: frozenset[str] = frozenset()
    """Physical columns of which no two rows share all values; empty when that is not known."""
    table: str = ""
    """The KQL name of the table or list, while this is the bare table."""

    @property
    def in_order(self) -> bool:
        """Whether the rows stand in an order that the query gives: events without one lie as they were imported."""
        return bool(self.order) or (self.stable and self.event_time is None)

    @property
    def order_by(self) -> str:
        """An ORDER BY clause with a leading space, or nothing."""
        return f" ORDER BY {', '.join(key.term for key in self.order)}" if self.order else ""

    @property
    def full_order_by(self) -> str:
        """An ORDER BY clause that leaves no ties but between equal rows: the order's keys, then every column."""
        taken = {key.sql for key in self.order}
        terms = [key.term for key in self.order]
        terms += [f"{column.sql} ASC NULLS FIRST" for column in self.columns.values() if column.sql not in taken]
        return f" ORDER BY {', '.join(dict.fromkeys(terms))}" if terms else ""


def widest(*reaches: Reach) -> Reach:
    """How far back a relation reaches that depends on several."""
    known = [reach for reach in reaches if reach is not None]
    return UNBOUNDED if len(known) < len(reaches) else max(known, default=NOTHING_READ)


def physical(number: int) -> str:
    """The physical column of that number, quoted."""
    return identifier(f"~{number}")
