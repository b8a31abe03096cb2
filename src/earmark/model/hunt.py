"""What one execution of a query may use and read beside the events, and what it gives back, whatever engine ran it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a hunt's result or of a list."""

    name: str
    """The name, case-sensitive."""
    type: str
    """The KQL type: bool, int, long, real, decimal, string, datetime, timespan, guid or dynamic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HuntLimits:
    """What one hunt may use; passing a limit makes its result incomplete, never an answer."""

    rows: int = 100_000
    """Most rows of the result; one more is asked for, to know."""
    memory: int = 2 * 10**9
    """Bytes the engine may hold."""
    timeout: timedelta = timedelta(minutes=3)
    """For translation and execution together."""
    freshness: timedelta = timedelta(hours=24)
    """How old the newest data may be at the hunt's end."""


class Shortfall(StrEnum):
    """What keeps the rows of a hunt from being all there are."""

    ROWS = "rows"
    """Cut at the limit of rows."""
    SIZE = "size"
    """Cut since the result is too big."""
    TIME = "time"
    """Stopped at the limit of time; there are no rows."""
    MEMORY = "memory"
    """Stopped at the limit of memory; there are no rows."""
    FAILED = "failed"
    """It failed while it ran; there are no rows."""
    DATA = "data"
    """The rows are all that the data give, and the data do not reach to the hunt's end or lack a table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListTable:
    """Reference data, usable as a table in hunts; every cell is a string."""

    columns: tuple[Column, ...]
    """Its columns, all of type string."""
    rows: tuple[tuple[str, ...], ...]
    """Its rows, each as long as `columns`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HuntResult:
    """The rows of a hunt, and whether they are all there are.

    Cells are Python values: bool, int, float, Decimal, str, None; a datetime cell is ISO 8601 text with seven
    fractional digits (trailing zeros cut) and `Z`, a timespan cell Kusto's `d.hh:mm:ss.fffffff` text, a dynamic cell
    the decoded JSON value.
    """

    columns: tuple[Column, ...]
    """The columns, in the query's order."""
    rows: tuple[tuple[Any, ...], ...]
    """The rows, each as long as `columns`."""
    complete: bool
    """True only when the engine knows that nothing is missing."""
    why_not: str | None
    """Why the result is not complete: a sentence; None when it is."""
    engine: str
    """local, graph or kusto."""
    data_until: datetime | None
    """The newest event the hunt could have seen; None when there is none."""
    seconds: float
    """How long the hunt took."""
    shortfall: Shortfall | None = None
    """The kind of `why_not`, where the engine tells kinds apart."""
