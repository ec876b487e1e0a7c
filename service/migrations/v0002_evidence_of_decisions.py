"""A change of a lead may carry evidence: where and when a product's family was sold. Older changes carry none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # A database without a revision may already have been made with the column.
    columns = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("lead_changes")}
    if "evidence" not in columns:
        op.add_column("lead_changes", sa.Column("evidence", sa.Text(), nullable=False, server_default=""))
