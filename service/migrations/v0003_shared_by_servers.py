"""Rate limits and sign-ins in progress, which several servers share over one database."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # A database without a revision may already have been made with the tables.
    present = set(sa.inspect(op.get_bind()).get_table_names())
    if "rate_limits" not in present:
        op.create_table(
            "rate_limits",
            sa.Column("key_sha256", sa.String(64), primary_key=True),
            sa.Column("left", sa.Float(), nullable=False),
            sa.Column("at", sa.Float(), nullable=False),
            sa.Column("full_at", sa.Float(), nullable=False),
        )
    if "sign_in_attempts" not in present:
        op.create_table(
            "sign_in_attempts",
            sa.Column("state_sha256", sa.String(64), primary_key=True),
            sa.Column("fields", sa.Text(), nullable=False),
            sa.Column("expires", sa.Float(), nullable=False),
        )
