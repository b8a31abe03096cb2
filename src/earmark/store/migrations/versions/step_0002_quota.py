"""Quotas of estates that have some."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables of calls and blocks."""
    op.create_table(
        "quota_calls",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("bucket", sa.String, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("ended", sa.Boolean, nullable=False),
    )
    op.create_index("quota_calls_by_bucket", "quota_calls", ["bucket", "at"])
    op.create_table(
        "quota_blocks",
        sa.Column("bucket", sa.String, primary_key=True),
        sa.Column("until", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("quota_blocks")
    op.drop_table("quota_calls")
