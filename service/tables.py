"""The tables of the service: accounts, sessions, tokens, leads, audit, limits. They are never part of a generation."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from index.records.database import Database
from index.records.migrations.history import History
from index.workspace import Workspace

metadata = sa.MetaData()

users = sa.Table(
    "users",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("role", sa.String, nullable=False),
    sa.Column("password", sa.String, nullable=False),
    sa.Column("disabled", sa.Boolean, nullable=False, default=False),
)
# Only the SHA-256 of a session's or token's secret is stored, so that the table's content cannot be used to sign in.
sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("secret_sha256", sa.String(64), primary_key=True),
    sa.Column("user", sa.ForeignKey("users.name"), nullable=False),
    sa.Column("expires", sa.Float, nullable=False),
)
tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("id", sa.String(8), primary_key=True),
    sa.Column("secret_sha256", sa.String(64), nullable=False, unique=True),
    sa.Column("user", sa.ForeignKey("users.name"), nullable=False),
    sa.Column("scopes", sa.String, nullable=False),
    sa.Column("expires", sa.Float, nullable=False),
)
leads = sa.Table(
    "leads",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("object_source", sa.String, nullable=False),
    sa.Column("object_id", sa.String, nullable=False),
    # Both empty: the finding that the object is not in the catalogue.
    sa.Column("source", sa.String, nullable=False),
    sa.Column("product_id", sa.String, nullable=False),
    sa.Column("image", sa.String(64), nullable=False),
    # The database's name for it is older than the code's.
    sa.Column("told", sa.Text, nullable=False, key="product_fields"),
    sa.UniqueConstraint("object_source", "object_id", "source", "product_id"),
)
lead_changes = sa.Table(
    "lead_changes",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("lead", sa.ForeignKey("leads.id"), nullable=False, index=True),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("who", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("query_id", sa.String, nullable=False),
    # JSON, or empty.
    sa.Column("evidence", sa.Text, nullable=False, server_default=""),
)
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("record", sa.Text, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
)
audit_head = sa.Table(
    "audit_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
)
# Of several servers over one database; one server keeps them in memory. A key is hashed, because it may be an address.
rate_limits = sa.Table(
    "rate_limits",
    metadata,
    sa.Column("key_sha256", sa.String(64), primary_key=True),
    # How many requests are left at a time, in seconds since 1970; from `full_at` on the row may be deleted.
    sa.Column("left", sa.Float, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("full_at", sa.Float, nullable=False),
)
sign_in_attempts = sa.Table(
    "sign_in_attempts",
    metadata,
    sa.Column("state_sha256", sa.String(64), primary_key=True),
    # JSON.
    sa.Column("fields", sa.Text, nullable=False),
    sa.Column("expires", sa.Float, nullable=False),
)

HISTORY = History("service", metadata, (Path(__file__).parent / "migrations",))


def service_database_url(workspace: Workspace) -> str:
    """The URL of the service's database: service.sqlite in the workspace, or the setting `database`."""
    return workspace.settings.database or f"sqlite:///{workspace.root / 'service.sqlite'}"


def open_service_database(workspace: Workspace) -> Database:
    """The service's database.

    Raises:
        WorkspaceError: it cannot be opened.
        SchemaOutdated: it has to be upgraded first.
    """
    return Database.open(service_database_url(workspace), HISTORY)
