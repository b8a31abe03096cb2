"""Quotas shared by all processes of an installation: each call is noted before it is made, and again when it has ended.

A limit holds for every span of its length, so times are kept and not a counter: whichever window the other side counts
by, it never finds more. A call that is under way, or whose process died, counts as if it ended when it must have given
up; a call that ended counts from its end, so that neither latency nor a slow clock lets one too many through.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, update

from earmark.model.quota import QuotaLimit, QuotaUse, Turn
from earmark.store.opening import Database
from earmark.store.schema import instant, quota_blocks, quota_calls, stored

UNDER_WAY = 1.0
"""Seconds until it is worth asking again when what stands in the way is a call that has not ended."""


class QuotaTables:
    """The part of the store that is quotas."""

    _database: Database

    def take_quota(self, bucket: str, limits: Sequence[QuotaLimit], at: datetime, *, patience: timedelta) -> Turn:
        """Note a call that begins now, if every limit lets it."""
        moment = stored(at)
        with self._database.write() as connection:
            blocked = connection.execute(select(quota_blocks.c.until).where(quota_blocks.c.bucket == bucket)).scalar()
            if blocked is not None and blocked > moment:
                return Turn(wait=(blocked - moment) / 1e6)
            _forget(connection, bucket, limits, at)
            wait = max((_wait(connection, bucket, limit, moment) for limit in limits), default=0.0)
            if wait > 0:
                return Turn(wait=wait)
            values = {"bucket": bucket, "at": stored(at + patience), "ended": False}
            ticket = connection.execute(insert(quota_calls).values(values)).inserted_primary_key
            assert ticket is not None
            return Turn(wait=0.0, ticket=ticket[0])

    def end_quota(self, ticket: int, at: datetime) -> None:
        """Note that a call has ended."""
        with self._database.write() as connection:
            connection.execute(update(quota_calls).where(quota_calls.c.id == ticket).values(at=stored(at), ended=True))

    def block_quota(self, bucket: str, until: datetime) -> None:
        """Let no call of a bucket be made before a moment."""
        moment = stored(until)
        with self._database.write() as connection:
            known = connection.execute(select(quota_blocks.c.until).where(quota_blocks.c.bucket == bucket)).scalar()
            if known is None:
                connection.execute(insert(quota_blocks).values(bucket=bucket, until=moment))
            elif known < moment:
                connection.execute(update(quota_blocks).where(quota_blocks.c.bucket == bucket).values(until=moment))

    def quota_use(self, bucket: str, limits: Sequence[QuotaLimit], at: datetime) -> tuple[QuotaUse, ...]:
        """What each limit's window holds."""
        with self._database.read() as connection:
            return tuple(_use(connection, bucket, limit, at) for limit in limits)

    def quota_blocked_until(self, bucket: str) -> datetime | None:
        """Until when a bucket was last blocked; it may be past."""
        with self._database.read() as connection:
            found = connection.execute(select(quota_blocks.c.until).where(quota_blocks.c.bucket == bucket)).scalar()
            return None if found is None else instant(found)


def _forget(connection: Connection, bucket: str, limits: Sequence[QuotaLimit], at: datetime) -> None:
    longest = max((limit.within for limit in limits), default=timedelta())
    old = (quota_calls.c.bucket == bucket, quota_calls.c.at <= stored(at - longest))
    connection.execute(delete(quota_calls).where(*old))


def _use(connection: Connection, bucket: str, limit: QuotaLimit, at: datetime) -> QuotaUse:
    within = (quota_calls.c.bucket == bucket, quota_calls.c.at > stored(at - limit.within))
    used, last = connection.execute(select(func.count(), func.max(quota_calls.c.at)).where(*within)).one()
    return QuotaUse(limit=limit, used=used, empty_at=None if last is None else instant(last) + limit.within)


def _wait(connection: Connection, bucket: str, limit: QuotaLimit, moment: int) -> float:
    """Seconds until the limit has room: until the oldest of as many calls as it allows has left the window."""
    query = (
        select(quota_calls.c.at, quota_calls.c.ended)
        .where(quota_calls.c.bucket == bucket)
        .order_by(quota_calls.c.at.desc())
        .limit(1)
        .offset(limit.calls - 1)
    )
    found = connection.execute(query).first()
    if found is None:
        return 0.0
    window = limit.within // timedelta(microseconds=1)
    at: int = found.at
    wait = max(0, at + window - moment) / 1e6
    if not found.ended and wait > 0:
        return min(wait, UNDER_WAY)
    return min(wait, window / 1e6)  # a clock that was set back must not make anybody wait for longer than a window
