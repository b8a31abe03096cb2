"""What an engine is: KQL in, rows and the word whether they are complete out. Implementations: `local`, `graph` (later:
kusto).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from earmark.model.hunt import HuntLimits, HuntResult, ListTable


@dataclass(frozen=True, slots=True, kw_only=True)
class HuntRequest:
    """One hunt."""

    query: str
    now: datetime
    """The hunt's end: later events are not seen. `now()` and `ago()` count from here; in a tenant from the moment at
    which it runs the query, which is a little later.
    """
    lists: Mapping[str, ListTable] = field(default_factory=dict)
    limits: HuntLimits = HuntLimits()
    window: timedelta | None = None
    """How far back from `now` the query looks at most, where that is known: an engine may leave older events out."""


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
