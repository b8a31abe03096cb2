"""Hunts in the tenant: query and span of time in, rows out, or the refusal that Defender answers.

The same engine as Earmark's own local one, over the tenant's events, with the tenant's clock for `now()`; limits are
those of the API (https://learn.microsoft.com/graph/api/resources/security-api-overview).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock

from earmark.errors import HuntError
from earmark.estates.embedded.current import write_current
from earmark.estates.embedded.estate import EmbeddedEstate
from earmark.estates.embedded.physical import ticks_of
from earmark.hunting.base import HuntRequest
from earmark.hunting.local import LocalEngine
from earmark.kql.base import Analysis
from earmark.kql.defender.tables import TABLES
from earmark.kql.service import Kql
from earmark.model.hunt import HuntLimits, HuntResult, Shortfall
from earmark.sandbox.current_devices import current_devices
from earmark.sandbox.errors import ApiError
from earmark.sandbox.hunt_faults import sentence_of
from earmark.sandbox.hunted_events import HuntedEvents, Window
from earmark.sandbox.tag_book import HUNTED_LATER, TagBook

MOST_ROWS = 100_000
LONGEST_QUERY = 2**20
LONGEST = timedelta(minutes=3)
TOO_LONG = "Query exceeded the timeout period. Optimize your query and try again."
TOO_BIG = (
    "Query execution has exceeded the allowed result size. Optimize your query by limiting the number of results and "
    "try again"
)
PREEMPTED = (
    "Query execution has exceeded the allowed limits. The query execution was preempted. This could possibly be due to "
    "high CPU and/or memory resource consumption. Optimize your query by following best practices and try again."
)
_REMEMBERED = 64
_CYCLE = timedelta(minutes=15)
"""The CPU quota is granted anew so often."""


def analyzer(cache: Path | None = None) -> Kql:
    """What analyses the tenant's queries; may be shared by tenants."""
    return Kql(TABLES, cache=cache, timeout=LONGEST, longest=LONGEST_QUERY)


class Hunts:
    """Runs queries on a tenant's estate; may be used from several threads."""

    def __init__(
        self,
        estate: EmbeddedEstate,
        *,
        tags: TagBook,
        values: Callable[[], dict[str, str]],
        kql: Kql,
        longest: timedelta = LONGEST,
    ) -> None:
        self._estate = estate
        self._tags = tags
        self._values = values
        self._longest = longest
        self._kql = _Remembering(kql)
        self._lock = Lock()
        self.cpu_until = datetime.min.replace(tzinfo=UTC)
        """Until when the tenant's CPU quota is used up."""

    def run(self, query: str, begin: datetime, end: datetime, *, now: datetime) -> HuntResult:
        """The rows of a query over a span of time; ApiError where Defender refuses it or gives up."""
        if not query.strip():
            raise ApiError(400, "The query is empty.")
        analysis = self._kql.analyze(query)
        if analysis.refused or analysis.compiled is None or analysis.columns is None:
            raise ApiError(400, sentence_of(query, analysis))
        events = HuntedEvents(
            self._estate.events,
            Window(begin=ticks_of(begin), end=ticks_of(end)),
            self._devices(now) if "DeviceInfo" in analysis.tables else None,
        )
        engine = LocalEngine(events=events, kql=lambda _tables, _timeout: self._kql)
        limits = HuntLimits(rows=MOST_ROWS, timeout=self._longest, freshness=timedelta(days=36_500))
        try:
            result = engine.hunt(HuntRequest(query=query, now=now, limits=limits))
        except HuntError as fault:
            raise ApiError(400, fault.message) from None
        return _answered(result)

    def use_up_cpu(self, now: datetime) -> None:
        """Let no hunt pass until the next quarter of an hour."""
        since = timedelta(minutes=now.minute % 15, seconds=now.second, microseconds=now.microsecond)
        self.cpu_until = now - since + _CYCLE

    def forget(self) -> None:
        """Grant the CPU quota anew."""
        self.cpu_until = datetime.min.replace(tzinfo=UTC)

    def _devices(self, now: datetime) -> Path:
        """The file with the devices as the tenant has them now, written where something changed."""
        with self._lock:
            rows = self._estate.devices.rows()
            tags = self._tags.shown([row.id for row in rows], now=now, later_by=HUNTED_LATER)
            found = current_devices(rows, tags, self._values(), now=now)
            return write_current(self._estate.events.folder, found)


def _answered(result: HuntResult) -> HuntResult:
    """A result as the API passes it on: rows beyond the limit are cut without a word."""
    match result.shortfall:
        case Shortfall.TIME:
            raise ApiError(504, TOO_LONG)
        case Shortfall.SIZE:
            raise ApiError(400, TOO_BIG)
        case Shortfall.MEMORY:
            raise ApiError(400, PREEMPTED)
        case Shortfall.FAILED:
            raise ApiError(400, f"Query execution failed: {result.why_not}.")
    return result


class _Remembering:
    """An analyzer that knows the newest analyses: a hunt asks twice."""

    def __init__(self, kql: Kql) -> None:
        self._kql = kql
        self._known: OrderedDict[str, Analysis] = OrderedDict()
        self._lock = Lock()

    def analyze(self, query: str) -> Analysis:
        """The analysis of a query."""
        with self._lock:
            if query in self._known:
                self._known.move_to_end(query)
                return self._known[query]
        analysis = self._kql.analyze(query)
        with self._lock:
            self._known[query] = analysis
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return analysis
