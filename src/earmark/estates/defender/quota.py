"""The documented limits, and turns under them that all processes of an installation share.

Each page of https://learn.microsoft.com/defender-endpoint/api/exposed-apis-list states its limits; hunting's are in
https://learn.microsoft.com/graph/api/resources/security-api-overview and alerts' in
https://learn.microsoft.com/graph/throttling-limits. Whether calls share a counter is not documented: here each has its
own, and a 429 is obeyed whatever was counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Protocol

from earmark.estates.defender.faults import TooBusy
from earmark.estates.defender.operations import OPERATIONS, Operation
from earmark.estates.defender.pace import Pace
from earmark.model.instant import instant_text
from earmark.model.quota import QuotaLimit, QuotaState, QuotaUse, Turn

MINUTE = timedelta(seconds=60.1)
HOUR = timedelta(seconds=3602)
"""A little longer than they are called: two machines' clocks do not run at quite the same speed."""
SPOKEN_OF = 5.0
"""Seconds of waiting from which on somebody is told."""


def _limits(per_minute: int, per_hour: int | None = None) -> tuple[QuotaLimit, ...]:
    minute = QuotaLimit(calls=per_minute, within=MINUTE)
    return (minute,) if per_hour is None else (minute, QuotaLimit(calls=per_hour, within=HOUR))


LIMITS: dict[str, tuple[QuotaLimit, ...]] = {
    "machines-list": _limits(100, 1500),
    "machines-get": _limits(100, 1500),
    "machines-tag-many": _limits(100, 1500),
    "machines-tag-one": _limits(100, 1500),
    "alerts-list": _limits(100, 1500),
    "alerts-get": _limits(100, 1500),
    "alerts-update": _limits(100, 1500),
    "graph-alerts-list": _limits(150),
    "graph-alerts-get": _limits(150),
    "graph-alerts-update": _limits(150),
    "hunting": _limits(45),
    "hunting-old": _limits(45, 1500),
    "applications-get": _limits(100),  # none is documented that one installation could reach
}
"""Operation → its limits; the same for every tenant."""


class QuotaBook(Protocol):
    """Where turns are written down: `store.base.QuotaStore`."""

    def take_quota(self, bucket: str, limits: Sequence[QuotaLimit], at: datetime, *, patience: timedelta) -> Turn:
        """Note a call that begins, or say how long to wait."""

    def end_quota(self, ticket: int, at: datetime) -> None:
        """Note that a call has ended."""

    def block_quota(self, bucket: str, until: datetime) -> None:
        """Let no call be made before a moment."""

    def quota_use(self, bucket: str, limits: Sequence[QuotaLimit], at: datetime) -> tuple[QuotaUse, ...]:
        """What each limit's window holds."""

    def quota_blocked_until(self, bucket: str) -> datetime | None:
        """Until when a bucket was last blocked."""


class Quota:
    """Turns of one tenant's calls."""

    def __init__(
        self, book: QuotaBook, pace: Pace, *, tenant: str, told: Callable[[str], None] = lambda _sentence: None
    ) -> None:
        self._book = book
        self._pace = pace
        self._tenant = tenant
        self._told = told

    @contextmanager
    def turn(self, operation: Operation, *, until: float | None = None) -> Iterator[None]:
        """Wait for a turn and hold it for one request; `TooBusy` when it would come after `until` (monotonic)."""
        ticket = self._wait(operation, until)
        try:
            yield
        finally:
            self._book.end_quota(ticket, self._pace.now())

    def _wait(self, operation: Operation, until: float | None) -> int:
        limits, patience = LIMITS[operation.name], timedelta(seconds=operation.seconds + 60)
        spoken = False
        while True:
            turn = self._book.take_quota(self._bucket(operation), limits, self._pace.now(), patience=patience)
            if turn.ticket:
                return turn.ticket
            if until is not None and self._pace.monotonic() + turn.wait > until:
                free_at = self._pace.now() + timedelta(seconds=turn.wait)
                raise TooBusy(
                    f"the tenant's quota for {operation.name} has no room before {instant_text(free_at)}.",
                    until=free_at,
                    hint="Try again then.",
                )
            if turn.wait >= SPOKEN_OF and not spoken:
                spoken = True
                self._told(f"waiting {turn.wait:.0f} s for the tenant's quota ({operation.name})")
            self._pace.sleep(turn.wait + 0.001)

    def block(self, operation: Operation, seconds: float) -> None:
        """Let no process make such a call for some seconds: the tenant asks for it."""
        self._book.block_quota(self._bucket(operation), self._pace.now() + timedelta(seconds=seconds))

    def use(self, operation: Operation) -> tuple[QuotaUse, ...]:
        """What the windows of an operation hold."""
        return self._book.quota_use(self._bucket(operation), LIMITS[operation.name], self._pace.now())

    def blocked_until(self, operation: Operation) -> datetime | None:
        """Until when the tenant asked to be left alone; None when it does not."""
        until = self._book.quota_blocked_until(self._bucket(operation))
        return until if until is not None and until > self._pace.now() else None

    def state(self) -> tuple[QuotaState, ...]:
        """How the quota of every kind of call stands."""
        return tuple(
            QuotaState(call=operation.name, uses=self.use(operation), blocked_until=self.blocked_until(operation))
            for operation in OPERATIONS.values()
        )

    def seconds_for(self, operation: Operation, calls: int, *, each: float) -> float:
        """How long so many calls take, from what the quota holds now; `each` is what one takes by itself."""
        blocked = self.blocked_until(operation)
        begin = (blocked - self._pace.now()).total_seconds() if blocked else 0.0
        return spread(calls, self.use(operation), each=each, begin=begin)

    def _bucket(self, operation: Operation) -> str:
        return f"{self._tenant}/{operation.name}"


def spread(calls: int, uses: Sequence[QuotaUse], *, each: float, begin: float = 0.0) -> float:
    """Seconds until the last of some calls has ended, if each goes as soon as every limit lets it.

    What was used before is taken to have been used just now: the whole window must pass before it counts no more.
    """
    if not calls:
        return 0.0
    windows = [(use.limit.calls, use.limit.within.total_seconds(), deque([0.0] * use.used)) for use in uses]
    at = begin
    for _ in range(calls):
        for most, _, times in windows:
            while len(times) > most:
                times.popleft()
        at = max(at, *(times[0] + within for most, within, times in windows if len(times) >= most), 0.0)
        at += each
        for _, _, times in windows:
            times.append(at)
    return at


assert LIMITS.keys() == OPERATIONS.keys()
