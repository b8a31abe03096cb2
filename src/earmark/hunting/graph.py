"""Hunts in the tenant itself: KQL goes through unchanged, and what comes back is believed only when it is whole.

A hunt goes: bound here where that can be done, so that slips are refused before the tenant is asked → lists before the
query → one call, or several parts by device when the answer is too large → is anything missing? An empty result is
believed only when the tenant's own data reach to the hunt's end.

Limits: https://learn.microsoft.com/graph/api/resources/security-api-overview.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from earmark.errors import EstateError, HuntError
from earmark.estates.defender.faults import CallRefused, NoAnswer, TooBig, TooBusy, clean
from earmark.estates.defender.hunts import MOST_ROWS, Hunts, Rows, is_cpu
from earmark.hunting.base import HuntRequest
from earmark.hunting.graph_cells import cells_of, columns_of, datetime_cell
from earmark.hunting.graph_query import chooses_freely, part_of, require_size, tables_read, with_lists
from earmark.kql.base import Analysis, Diagnostic, Tables, Weight
from earmark.kql.defender.tables import DEVICE_TELEMETRY, TABLES
from earmark.model.hunt import HuntResult
from earmark.model.instant import instant_text

LONGEST_WINDOW = timedelta(days=30)
"""How far back hunting sees."""
MOST_BYTES = 60_000_000
"""A little above the documented 50 MB: whether they are millions, and what is counted, is not."""
MOST_PARTS = 64
BYTES_IN_MEMORY = 8
"""What a byte of an answer takes once it is read, roughly."""
QUARTER = timedelta(minutes=15)
"""The cycle of the quota of processing time, which begins on the quarters of an hour."""
PULSE = "DeviceInfo"
"""The table that every device writes every hour: whether a tenant's data are fresh is read off it, whatever is read."""
_TRANSIENT = re.compile(r"(?i)preempted|exceeded the allowed limits")
_TOO_LARGE = re.compile(r"(?i)allowed result size|result size|results? exceed")
_PAUSES = (30.0, 60.0, 120.0)
_OURS, _NO_TEXT = "EK", "EK005"
"""Codes of what our own compiler refuses, which a tenant may well run; and the one that says that there is no query."""


class Analyzer(Protocol):
    """What analyses queries against one set of tables: `earmark.kql.service.Kql`."""

    def analyze(self, query: str) -> Analysis:
        """Parse, bind, check and compile one query."""


KqlFactory = Callable[[Tables, timedelta], Analyzer]
"""Makes the analyzer for some tables, with a limit of time for one query."""


class _Incomplete(Exception):
    """The hunt cannot be finished; the text says why."""


class _TooLarge(Exception):
    """The answer does not fit into one."""


@dataclass(slots=True)
class _Hunt:
    """One hunt on its way."""

    request: HuntRequest
    query: str
    """With its lists."""
    since: datetime
    until: float
    """Monotonic moment at which its time is over."""
    splits: bool
    """Whether the result has a column to split by."""
    schema: tuple[tuple[str, str], ...] = ()
    rows: list[dict[str, Any]] = field(default_factory=list)
    size: int = 0
    """Bytes of the answers that the rows came in."""


class GraphEngine:
    """Runs hunts in a tenant."""

    name = "graph"

    def __init__(self, hunts: Hunts, *, kql: KqlFactory | None = None) -> None:
        """Without `kql` queries go to the tenant as they are."""
        self._hunts = hunts
        self._pace = hunts.client.pace
        self._kql = kql
        self._analyzer: tuple[Tables, timedelta, Analyzer] | None = None
        self._newest: dict[tuple[datetime, timedelta, str], datetime | None] = {}

    def hunt(self, request: HuntRequest) -> HuntResult:
        """Run one query; see `hunting.base.Engine`."""
        if request.now.tzinfo is None:
            raise HuntError("the hunt's end has no time zone; give an instant such as 2026-01-04T06:00:00Z")
        started = self._pace.monotonic()
        analysis = self._bound(request)
        query = with_lists(request.query, request.lists)
        require_size(query, request.lists)
        hunt = _Hunt(
            request=request,
            query=query,
            since=request.now - self._window(request, analysis),
            until=started + request.limits.timeout.total_seconds(),
            splits=not chooses_freely(request.query)
            and (analysis is None or analysis.columns is None or "DeviceId" in dict(analysis.columns)),
        )
        newest: datetime | None = None
        try:
            self._run(hunt)
            newest, why_not = self._missing_data(request, analysis, hunt)
        except _Incomplete as stopped:
            why_not = str(stopped)
        columns = columns_of(hunt.schema)
        rows = cells_of(columns, hunt.rows)
        if why_not is None and len(rows) > request.limits.rows:
            why_not = f"the result has more than {request.limits.rows:,} rows (limits.rows)"
        return HuntResult(
            columns=columns,
            rows=rows[: request.limits.rows],
            complete=why_not is None,
            why_not=why_not,
            engine=self.name,
            data_until=newest,
            seconds=self._pace.monotonic() - started,
        )

    def _bound(self, request: HuntRequest) -> Analysis | None:
        """What is known of the query; HuntError with every slip, at its place."""
        if self._kql is None:
            return None
        tables = {
            **TABLES,
            **{name: tuple((c.name, "string") for c in table.columns) for name, table in request.lists.items()},
        }
        if self._analyzer is None or self._analyzer[:2] != (tables, request.limits.timeout):
            self._analyzer = (tables, request.limits.timeout, self._kql(tables, request.limits.timeout))
        analysis = self._analyzer[2].analyze(request.query)
        errors = [d for d in analysis.diagnostics if d.weight is Weight.ERROR]
        slips = [d for d in errors if not d.code.startswith(_OURS) or d.code == _NO_TEXT]
        if slips:
            raise HuntError(_refusal(request.query, slips))
        return analysis

    def _window(self, request: HuntRequest, analysis: Analysis | None) -> timedelta:
        """How far back the tenant need look: as far as the query's own filters say, or its flow, whichever is more.

        Where the query does not say, nothing is cut off: another engine would not do so either.
        """
        reach = analysis.window if analysis is not None else None
        if reach is None:
            return LONGEST_WINDOW
        return min(max(reach, request.window or reach), LONGEST_WINDOW)

    def _run(self, hunt: _Hunt) -> None:
        """Fill in schema and rows: at once, or in parts, each time twice as many."""
        try:
            self._take(hunt, hunt.query)
            return
        except _TooLarge as large:
            why = str(large)
        parts = 2
        while hunt.splits and parts <= MOST_PARTS:
            hunt.rows.clear()
            hunt.size = 0
            try:
                for part in range(parts):
                    self._take(hunt, part_of(hunt.query, part, parts))
                    if len(hunt.rows) > hunt.request.limits.rows:
                        raise _Incomplete(f"the result has more than {hunt.request.limits.rows:,} rows (limits.rows)")
                return
            except _TooLarge as large:
                why, parts = str(large), parts * 2
        more = "" if hunt.splits else ", and it has no column DeviceId by which it could be split"
        if chooses_freely(hunt.request.query):
            more = ", and what the query takes of it may be other rows each time, so it cannot be split"
        raise _Incomplete(f"{why}{more}")

    def _take(self, hunt: _Hunt, query: str) -> None:
        """Add the rows of one answer."""
        found = self._ask(hunt, query)
        hunt.schema = hunt.schema or found.schema
        hunt.splits = hunt.splits and "DeviceId" in dict(found.schema)
        if len(found.rows) >= MOST_ROWS:
            if hunt.request.limits.rows < MOST_ROWS or not hunt.splits:
                hunt.rows += found.rows
            raise _TooLarge(f"the tenant cut the result off at {MOST_ROWS:,} rows")
        if found.size > MOST_BYTES:
            raise _TooLarge("the result is larger than 50 MB")
        hunt.size += found.size
        if hunt.size * BYTES_IN_MEMORY > hunt.request.limits.memory:
            raise _Incomplete(f"the result has more than {hunt.size // 10**6} MB, too much for limits.memory")
        hunt.rows += found.rows

    def _ask(self, hunt: _Hunt, query: str) -> Rows:
        """One answer of the tenant, asked for again where that may mend it."""
        bad_gateways = 0
        for pause in (*_PAUSES, None):
            try:
                return self._hunts.run(query, since=hunt.since, end=hunt.request.now, until=hunt.until)
            except TooBig as error:
                raise _TooLarge("the result is larger than 50 MB") from error
            except TooBusy as error:
                raise _Incomplete(_sentence(error)) from error
            except NoAnswer as error:
                self._judge_no_answer(hunt, error, bad_gateways)
                bad_gateways += error.status == 502
            except CallRefused as error:
                self._judge_refusal(error, last=pause is None)
                self._wait(hunt, pause or 0.0, clean(error.said))
            except EstateError as error:
                raise _Incomplete(_sentence(error)) from error
        raise _Incomplete("the tenant could not run the query, however often it was asked")

    def _judge_no_answer(self, hunt: _Hunt, error: NoAnswer, bad_gateways: int) -> None:
        if error.status == 429 and is_cpu(error.said):
            now = self._pace.now()
            free_at = now + (QUARTER - (now - now.replace(minute=0, second=0, microsecond=0)) % QUARTER)
            seconds = (free_at - now).total_seconds()
            self._hunts.block(seconds)  # no other hunt would fare better
            self._wait(
                hunt,
                seconds,
                f"the tenant's processing time for hunting is used up; it hunts again from {instant_text(free_at)} on",
            )
        elif error.status == 504:
            raise _Incomplete("the query ran for longer than the tenant allows (3 minutes)") from error
        elif error.status == 502 and bad_gateways:  # so Graph answers where a result is too large for it
            raise _TooLarge("the tenant could not deliver the result, which may be too large") from error
        elif error.status == 502:
            self._wait(hunt, 2.0, error.message)
        else:
            raise _Incomplete(_sentence(error)) from error

    def _judge_refusal(self, error: CallRefused, *, last: bool) -> None:
        if error.status == 413:
            raise HuntError(
                "the tenant finds the query with its lists too large.",
                hint="Keep only the columns and rows of the lists that the query needs.",
            ) from error
        if _TOO_LARGE.search(error.said):
            raise _TooLarge("the tenant says that the result is too large") from error
        if error.status != 400:  # nothing was said of the query
            raise _Incomplete(_sentence(error)) from error
        if not _TRANSIENT.search(error.said):
            raise HuntError(f"the tenant refused the query: {clean(error.said) or error.message}") from error
        if last:
            raise _Incomplete(f"the tenant broke the query off: {clean(error.said)}") from error

    def _wait(self, hunt: _Hunt, seconds: float, why: str) -> None:
        if self._pace.monotonic() + seconds > hunt.until:
            raise _Incomplete(why)
        self._pace.sleep(seconds)

    def _missing_data(
        self, request: HuntRequest, analysis: Analysis | None, hunt: _Hunt
    ) -> tuple[datetime | None, str | None]:
        """The newest event, and why the tables that the query reads may lack rows; None when nothing speaks for it."""
        compiled = analysis is not None and analysis.compiled is not None
        read = list(analysis.tables) if analysis is not None and compiled else tables_read(request.query, TABLES)
        events = [table for table in read if table in TABLES]
        if not events and compiled:
            return None, None  # lists alone
        wanted = sorted({PULSE, *(table for table in events if table in DEVICE_TELEMETRY)})
        newest = self._newest_of(request, wanted, hunt)
        late = [table for table in wanted if newest[table] is None]
        known = max((at for at in newest.values() if at is not None), default=None)
        if not late:
            return known, None
        span = f"{request.limits.freshness.total_seconds() / 3600:g} h"
        return known, f"{', '.join(late)} of the tenant hold nothing of the last {span} before the hunt's end"

    def _newest_of(self, request: HuntRequest, tables: list[str], hunt: _Hunt) -> dict[str, datetime | None]:
        """The newest event of each table within the freshness; asked once for all hunts of one moment."""
        key = (request.now, request.limits.freshness)
        self._newest = {known: at for known, at in self._newest.items() if known[:2] == key}
        missing = [table for table in tables if (*key, table) not in self._newest]
        if missing:
            begin = request.now - request.limits.freshness
            within = f"Timestamp between ({_literal(begin)} .. {_literal(request.now)})"
            legs = ", ".join(
                f"({table} | where {within} | summarize Newest = max(Timestamp) | extend Source = '{table}')"
                for table in missing
            )
            asked = _Hunt(request=request, query="", since=begin, until=hunt.until, splits=False)
            found = self._ask(asked, f"union {legs}\n| project Source, Newest")
            newest = {row.get("Source"): _moment(row.get("Newest")) for row in found.rows}
            self._newest |= {(*key, table): newest.get(table) for table in missing}
        return {table: self._newest[*key, table] for table in tables}


def _literal(at: datetime) -> str:
    """An instant as KQL writes it."""
    return f"datetime({at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ})"


def _moment(value: Any) -> datetime | None:
    text = datetime_cell(value)
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(text[:26].removesuffix("Z") + "+00:00")
    except ValueError:
        return None
    return at if at.year > 1 else None


def _sentence(error: EstateError) -> str:
    return f"{error.message} {error.hint}".strip()


def _refusal(query: str, slips: list[Diagnostic]) -> str:
    from earmark.hunting.local import render_refusal

    return render_refusal(query, tuple(slips))
