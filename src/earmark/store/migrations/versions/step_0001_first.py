"""The first version's tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table, and the head of an empty ledger."""
    op.create_table(
        "ledger",
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("estate", sa.String, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("effective_at", sa.BigInteger, nullable=False),
        sa.Column("run", sa.String, nullable=False),
        sa.Column("who", sa.String, nullable=False),
        sa.Column("flow", sa.String, nullable=False),
        sa.Column("device", sa.String, nullable=False),
        sa.Column("tag", sa.String, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
    )
    op.create_index("ledger_by_device", "ledger", ["estate", "device", "tag"])
    op.create_index("ledger_by_run", "ledger", ["run"])
    op.create_index("ledger_by_moment", "ledger", ["estate", "effective_at"])
    op.create_table(
        "ledger_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
    )
    op.create_table(
        "pairs",
        sa.Column("estate", sa.String, nullable=False),
        sa.Column("flow", sa.String, nullable=False),
        sa.Column("device", sa.String, nullable=False),
        sa.Column("tag", sa.String, nullable=False),
        sa.Column("owned_since", sa.BigInteger),
        sa.Column("unmatched_since", sa.BigInteger),
        sa.Column("given_up", sa.Boolean, nullable=False),
        sa.Column("intent", sa.BigInteger),
        sa.PrimaryKeyConstraint("estate", "flow", "device", "tag"),
    )
    op.create_index("pairs_by_intent", "pairs", ["estate", "intent"])
    op.create_table(
        "matches",
        sa.Column("estate", sa.String, nullable=False),
        sa.Column("flow", sa.String, nullable=False),
        sa.Column("device", sa.String, nullable=False),
        sa.Column("tag", sa.String, nullable=False),
        sa.Column("query_digest", sa.String, nullable=False),
        sa.Column("first_match_at", sa.BigInteger, nullable=False),
        sa.Column("last_match_at", sa.BigInteger, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("estate", "flow", "device", "tag"),
    )
    op.create_index("matches_by_device", "matches", ["estate", "device", "tag"])
    op.create_table(
        "runs",
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("estate", sa.String, nullable=False),
        sa.Column("trigger", sa.String, nullable=False),
        sa.Column("due_at", sa.BigInteger),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
    )
    op.create_table(
        "flow_runs",
        sa.Column("run", sa.String, sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("flow", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("added", sa.Integer, nullable=False),
        sa.Column("removed", sa.Integer, nullable=False),
        sa.Column("skipped", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("matched", sa.Integer),
        sa.Column("why", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("run", "place"),
    )
    op.create_index("flow_runs_by_flow", "flow_runs", ["flow"])
    op.create_table(
        "fires",
        sa.Column("estate", sa.String, nullable=False),
        sa.Column("flow", sa.String, nullable=False),
        sa.Column("fire_at", sa.BigInteger, nullable=False),
        sa.Column("run", sa.String, nullable=False),
        sa.Column("finished", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("estate", "flow", "fire_at"),
    )
    op.create_index("fires_unfinished", "fires", ["estate", "finished"])
    op.create_table(
        "plans",
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("estate", sa.String, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("applied_at", sa.BigInteger),
        sa.Column("run", sa.String, nullable=False),
    )
    op.create_table(
        "decisions",
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("estate", sa.String, nullable=False),
        sa.Column("flow", sa.String, nullable=False),
        sa.Column("change_digest", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("who", sa.String, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
    )
    op.create_index("decisions_by_changes", "decisions", ["estate", "flow", "change_digest"])
    head = sa.table("ledger_head", sa.column("id"), sa.column("sequence"), sa.column("digest"))
    op.bulk_insert(head, [{"id": 1, "sequence": 0, "digest": ""}])


def downgrade() -> None:
    """Drop every table."""
    op.drop_table("decisions")
    op.drop_table("plans")
    op.drop_table("fires")
    op.drop_table("flow_runs")
    op.drop_table("runs")
    op.drop_table("matches")
    op.drop_table("pairs")
    op.drop_table("ledger_head")
    op.drop_table("ledger")
