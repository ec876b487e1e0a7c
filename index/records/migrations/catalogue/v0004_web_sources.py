"""Sources have options, and shops that are read page by page their pages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("sources", sa.Column("options", sa.Text, nullable=False, server_default="{}"))
    op.create_table(
        "pages",
        sa.Column("source_id", sa.Integer, sa.ForeignKey("sources.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("url", sa.Text, primary_key=True),
        sa.Column("lastmod", sa.String, nullable=False),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("last_modified", sa.Text, nullable=False),
        sa.Column("checked_on", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("rows", sa.Text, nullable=False),
    )
