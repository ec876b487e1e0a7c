"""The service's tables when migrations were introduced; tables and columns that an older database lacks are added."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from index.records.migrations.completing import complete

revision = "0001"
down_revision = None

# A copy of service/tables.py of that time; later changes are in later revisions.
TABLES = sa.MetaData()

sa.Table(
    "users",
    TABLES,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("role", sa.String, nullable=False),
    sa.Column("password", sa.String, nullable=False),
    sa.Column("disabled", sa.Boolean, nullable=False),
)
sa.Table(
    "sessions",
    TABLES,
    sa.Column("secret_sha256", sa.String(64), primary_key=True),
    sa.Column("user", sa.ForeignKey("users.name"), nullable=False),
    sa.Column("expires", sa.Float, nullable=False),
)
sa.Table(
    "tokens",
    TABLES,
    sa.Column("id", sa.String(8), primary_key=True),
    sa.Column("secret_sha256", sa.String(64), nullable=False, unique=True),
    sa.Column("user", sa.ForeignKey("users.name"), nullable=False),
    sa.Column("scopes", sa.String, nullable=False),
    sa.Column("expires", sa.Float, nullable=False),
)
sa.Table(
    "leads",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("object_source", sa.String, nullable=False),
    sa.Column("object_id", sa.String, nullable=False),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("product_id", sa.String, nullable=False),
    sa.Column("image", sa.String(64), nullable=False),
    sa.Column("told", sa.Text, nullable=False),
    sa.UniqueConstraint("object_source", "object_id", "source", "product_id"),
)
sa.Table(
    "lead_changes",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("lead", sa.ForeignKey("leads.id"), nullable=False, index=True),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("who", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("query_id", sa.String, nullable=False),
)
sa.Table(
    "audit",
    TABLES,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("record", sa.Text, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
)
sa.Table(
    "audit_head",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
)


def upgrade() -> None:
    complete(op.get_bind(), TABLES)
