"""What an engine is: KQL in, rows and the word whether they are complete out. Implementations: `local` (later: graph,
kusto).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from earmark.model.hunt import Column, HuntResult


@dataclass(frozen=True, slots=True, kw_only=True)
class ListTable:
    """A named list, usable as a table in hunts; every cell is a string."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class HuntRequest:
    """One hunt."""

    query: str
    now: datetime
    """The hunt's end: `now()` and `ago()` count from here, later events are not seen."""
    lists: Mapping[str, ListTable] = field(default_factory=dict)
    limits: HuntLimits = HuntLimits()


class Engine(Protocol):
    """Runs hunts."""

    name: str
    """local, graph or kusto."""

    def hunt(self, request: HuntRequest) -> HuntResult:
        """Run one query.

        A query that is refused (does not bind, or uses what the engine does not know) raises
        `earmark.errors.HuntError` with every diagnostic at its line and column. A time-out, a limit passed or stale
        data give an incomplete result.
        """
