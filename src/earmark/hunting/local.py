"""Hunts on the events of an embedded estate: KQL, compiled by `earmark.kql`, runs in a DuckDB of its own.

A hunt goes: tables and lists → analysis (refused queries end here) → views of just what the query reads → rows → is
anything missing? An empty result is believed only when the data reach to the hunt's end; see `local_freshness`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from earmark.errors import EstateError, HuntError
from earmark.hunting.base import HuntRequest
from earmark.hunting.local_cells import cells_of, moment_of, reader_of, real_cell, ticks_of
from earmark.hunting.local_freshness import missing_data
from earmark.kql.base import Analysis, Columns, CompiledQuery, Diagnostic, Tables, Weight
from earmark.kql.defender.tables import TABLES
from earmark.model.hunt import Column, HuntLimits, HuntResult, ListTable, Shortfall

if TYPE_CHECKING:
    from earmark.hunting.local_session import Fetched, Session


class Analyzer(Protocol):
    """What analyses queries against one set of tables: `earmark.kql.service.Kql`."""

    def analyze(self, query: str) -> Analysis:
        """Parse, bind, check and compile one query."""


class Events(Protocol):
    """Where the estate's events lie: `earmark.estates.embedded.events.EventStore`."""

    folder: Path

    def scan_sql(self, table: str, *, until: int) -> str | None:
        """A relation with the table's columns, or None when there are no data."""

    def newest(self, tables: Any = None, *, until: int) -> int | None:
        """Ticks of the newest event at or before `until`."""


KqlFactory = Callable[[Tables, timedelta], Analyzer]
"""Makes the analyzer for some tables, with a limit of time for one query."""


class LocalEngine:
    """Runs hunts on local files."""

    name = "local"

    def __init__(
        self, *, events: Events, kql: KqlFactory, temp: Path | None = None, threads: int | None = None
    ) -> None:
        """Without `temp` a hunt that outgrows its memory stops instead of writing temporary files."""
        self._events = events
        self._kql = kql
        self._temp = temp
        self._threads = threads
        self._analyzer: tuple[Tables, timedelta, Analyzer] | None = None

    def hunt(self, request: HuntRequest) -> HuntResult:
        """Run one query; see `hunting.base.Engine`."""
        started = time.monotonic()
        tables = _tables(request)
        analysis = self._analyze(request.query, tables, request.limits)
        if analysis.refused or analysis.compiled is None or analysis.columns is None:
            raise HuntError(render_refusal(request.query, analysis.diagnostics))
        left = request.limits.timeout.total_seconds() - (time.monotonic() - started)
        now = ticks_of(request.now)
        newest, taken = None, []
        try:
            fetched = self._run(request, tables, analysis.compiled, now, left)
            newest, taken, shortfall = self._events.newest(None, until=now), fetched.rows, fetched.shortfall
            why_not = fetched.why_not
            if why_not is None:
                why_not = missing_data(self._events, analysis.tables, newest, now, request.limits.freshness)
                shortfall = None if why_not is None else Shortfall.DATA
        except EstateError as fault:  # a damaged file of events: nothing can be concluded
            why_not, shortfall = f"{fault.message} {fault.hint}".strip(), Shortfall.FAILED
        readers = [real_cell if kind == "real" else reader_of(kind) for _, kind in analysis.columns]
        rows = tuple(cells_of(row, readers) for row in taken)
        return HuntResult(
            columns=tuple(Column(name=name, type=kind) for name, kind in analysis.columns),
            rows=rows,
            complete=why_not is None,
            why_not=why_not,
            engine=self.name,
            data_until=None if newest is None else moment_of(newest),
            seconds=time.monotonic() - started,
            shortfall=shortfall,
        )

    def _analyze(self, query: str, tables: Tables, limits: HuntLimits) -> Analysis:
        if self._analyzer is None or self._analyzer[:2] != (tables, limits.timeout):
            self._analyzer = (tables, limits.timeout, self._kql(tables, limits.timeout))
        return self._analyzer[2].analyze(query)

    def _run(self, request: HuntRequest, tables: Tables, compiled: CompiledQuery, now: int, seconds: float) -> Fetched:
        from earmark.hunting.local_session import FAULTS, Fetched, failed, open_session

        if seconds <= 0:
            used_up = "translating the query used up the hunt's limit of time"
            return Fetched(rows=[], why_not=used_up, shortfall=Shortfall.TIME)
        limits = request.limits
        try:
            with open_session(
                events_folder=self._events.folder, temp=self._temp, memory=limits.memory, threads=self._threads
            ) as session:
                for physical, table in compiled.relations:
                    self._make_relation(session, physical, table, tables[table], request, now)
                session.lock(compiled.macros)
                return session.fetch(compiled.sql(now), rows=limits.rows, seconds=seconds)
        except FAULTS as fault:
            return failed(fault)

    def _make_relation(
        self, session: Session, physical: str, table: str, columns: Columns, request: HuntRequest, now: int
    ) -> None:
        from earmark.hunting.local_session import empty_view_sql

        if table in request.lists:
            session.make_list(physical, columns, request.lists[table])
            return
        with_day = dict(columns).get("Timestamp") == "datetime"
        found = self._events.scan_sql(table, until=now)
        session.make_view(physical, columns, found or empty_view_sql(columns, with_day=with_day), with_day=with_day)


def _tables(request: HuntRequest) -> Tables:
    """The estate's tables and the lists of a hunt."""
    if request.now.tzinfo is None:
        raise HuntError("the hunt's end has no time zone; give an instant such as 2026-01-04T06:00:00Z")
    for name, table in request.lists.items():
        _check_list(name, table)
    return {
        **TABLES,
        **{name: tuple((c.name, "string") for c in table.columns) for name, table in request.lists.items()},
    }


def _check_list(name: str, table: ListTable) -> None:
    if name in TABLES:
        raise HuntError(f"list '{name}' has the name of a table", hint="rename the list's file")
    names = [column.name.lower() for column in table.columns]
    twice = sorted({one for one in names if names.count(one) > 1})
    if not names or twice or not all(names):
        fault = (
            f"has the column '{twice[0]}' twice (case does not count)"
            if twice
            else "has a column without a name"
            if names
            else "has no column"
        )
        raise HuntError(f"list '{name}' {fault}", hint="give every column of the list a name of its own")
    for place, row in enumerate(table.rows, start=1):
        if len(row) != len(names):
            raise HuntError(f"row {place} of list '{name}' has {len(row)} cells where its columns are {len(names)}")


def render_refusal(query: str, diagnostics: tuple[Diagnostic, ...]) -> str:
    """Every error of a refused query, a line each: `line:column CODE message`."""
    errors = sorted((d for d in diagnostics if d.weight is Weight.ERROR), key=lambda d: (d.start, d.end))
    lines = []
    for found in errors:
        before = query[: found.start]
        line, column = before.count("\n") + 1, found.start - (before.rfind("\n") + 1) + 1
        lines.append(f"{line}:{column} {found.code} {found.message}" + (f" ({found.hint})" if found.hint else ""))
    return "\n".join(lines or ["1:1 EK000 the query gives no table"])
