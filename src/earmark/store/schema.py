"""The tables, as they are after the newest migration; instants are whole microseconds since 1970, UTC.

Integers keep every instant exact and sorted in any database; documents, details and evidence are JSON text, written by
us, so that a digest over them stays what it is.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

REVISION = "0002"
"""The newest migration, which these tables equal."""

metadata = MetaData()

ledger = Table(
    "ledger",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("what", String, nullable=False),
    Column("estate", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("effective_at", BigInteger, nullable=False),
    Column("run", String, nullable=False),
    Column("who", String, nullable=False),
    Column("flow", String, nullable=False),
    Column("device", String, nullable=False),
    Column("tag", String, nullable=False),
    Column("detail", Text, nullable=False),
    Column("digest", String, nullable=False),
    Index("ledger_by_device", "estate", "device", "tag"),
    Index("ledger_by_run", "run"),
    Index("ledger_by_moment", "estate", "effective_at"),
)

ledger_head = Table(
    "ledger_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
    Column("digest", String, nullable=False),
)

pairs = Table(
    "pairs",
    metadata,
    Column("estate", String, nullable=False),
    Column("flow", String, nullable=False),
    Column("device", String, nullable=False),
    Column("tag", String, nullable=False),
    Column("owned_since", BigInteger),
    Column("unmatched_since", BigInteger),
    Column("given_up", Boolean, nullable=False),
    Column("intent", BigInteger),
    PrimaryKeyConstraint("estate", "flow", "device", "tag"),
    Index("pairs_by_intent", "estate", "intent"),
)

matches = Table(
    "matches",
    metadata,
    Column("estate", String, nullable=False),
    Column("flow", String, nullable=False),
    Column("device", String, nullable=False),
    Column("tag", String, nullable=False),
    Column("query_digest", String, nullable=False),
    Column("first_match_at", BigInteger, nullable=False),
    Column("last_match_at", BigInteger, nullable=False),
    Column("evidence", Text, nullable=False),
    PrimaryKeyConstraint("estate", "flow", "device", "tag"),
    Index("matches_by_device", "estate", "device", "tag"),
)

runs = Table(
    "runs",
    metadata,
    Column("position", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("estate", String, nullable=False),
    Column("trigger", String, nullable=False),
    Column("due_at", BigInteger),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
)

flow_runs = Table(
    "flow_runs",
    metadata,
    Column("run", String, ForeignKey("runs.id"), nullable=False),
    Column("place", Integer, nullable=False),
    Column("flow", String, nullable=False),
    Column("state", String, nullable=False),
    Column("added", Integer, nullable=False),
    Column("removed", Integer, nullable=False),
    Column("skipped", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("matched", Integer),
    Column("why", Text, nullable=False),
    PrimaryKeyConstraint("run", "place"),
    Index("flow_runs_by_flow", "flow"),
)

fires = Table(
    "fires",
    metadata,
    Column("estate", String, nullable=False),
    Column("flow", String, nullable=False),
    Column("fire_at", BigInteger, nullable=False),
    Column("run", String, nullable=False),
    Column("finished", Boolean, nullable=False),
    PrimaryKeyConstraint("estate", "flow", "fire_at"),
    Index("fires_unfinished", "estate", "finished"),
)

plans = Table(
    "plans",
    metadata,
    Column("position", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("estate", String, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Column("applied_at", BigInteger),
    Column("run", String, nullable=False),
)

decisions = Table(
    "decisions",
    metadata,
    Column("position", Integer, primary_key=True),
    Column("estate", String, nullable=False),
    Column("flow", String, nullable=False),
    Column("change_digest", String, nullable=False),
    Column("state", String, nullable=False),
    Column("who", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("comment", Text, nullable=False),
    Index("decisions_by_changes", "estate", "flow", "change_digest"),
)

quota_calls = Table(
    "quota_calls",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("bucket", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("ended", Boolean, nullable=False),
    Index("quota_calls_by_bucket", "bucket", "at"),
)

quota_blocks = Table(
    "quota_blocks",
    metadata,
    Column("bucket", String, primary_key=True),
    Column("until", BigInteger, nullable=False),
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def stored(at: datetime) -> int:
    """An instant as it is stored."""
    return (at - _EPOCH) // _MICROSECOND


def stored_or_none(at: datetime | None) -> int | None:
    """An instant that may be absent, as it is stored."""
    return None if at is None else stored(at)


def instant(microseconds: int) -> datetime:
    """A stored instant."""
    return _EPOCH + timedelta(microseconds=microseconds)


def instant_or_none(microseconds: int | None) -> datetime | None:
    """A stored instant that may be absent."""
    return None if microseconds is None else instant(microseconds)
