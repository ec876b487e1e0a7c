"""The catalogue's tables at the first revision. An older database gets what it lacks of them."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from index.records.migrations.completing import complete

revision = "0001"
down_revision = None

# A copy of index/records/schema.py at this revision: later changes of it belong to later revisions.
TABLES = MetaData()

Table(
    "sources",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False),
    Column("collection", String, nullable=False),
    Column("location", Text, nullable=False),
    Column("format", String, nullable=False),
    Column("reading", Integer, nullable=False),
    Column("read_on", String, nullable=False),
    Column("digest", String, nullable=False, server_default=""),
    UniqueConstraint("collection", "name"),
)
Table(
    "entries",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("source_id", ForeignKey("sources.id", ondelete="CASCADE"), nullable=False),
    Column("entry_id", String, nullable=False),
    Column("collection", String, nullable=False),
    Column("title", Text, nullable=False),
    Column("brand", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("retailer", Text, nullable=False),
    Column("authority", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("price", Text, nullable=False),
    Column("link", Text, nullable=False),
    Column("published", String, nullable=False),
    Column("status", String, nullable=False),
    Column("first_seen", String, nullable=False),
    Column("last_seen", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("reading", Integer, nullable=False),
    Column("gone_on", String, nullable=False, server_default=""),
    UniqueConstraint("source_id", "entry_id"),
)
Table(
    "pictures",
    TABLES,
    Column("entry", ForeignKey("entries.id", ondelete="CASCADE"), primary_key=True),
    Column("reference", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("reading", Integer, nullable=False),
)
Table(
    "origins",
    TABLES,
    Column("reference", Text, primary_key=True),
    Column("sha256", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("modified_ns", BigInteger, nullable=False),
    Column("etag", Text, nullable=False),
    Column("last_modified", Text, nullable=False),
    Column("asked_on", String, nullable=False),
    Column("refused", String, nullable=False),
    Column("message", Text, nullable=False),
)
Table(
    "images",
    TABLES,
    Column("sha256", String, primary_key=True),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
)
Table(
    "refusals",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("source_id", ForeignKey("sources.id", ondelete="CASCADE"), nullable=False),
    Column("stage", String, nullable=False, server_default="rows"),
    Column("place", Text, nullable=False),
    Column("reason", String, nullable=False),
    Column("message", Text, nullable=False),
)
Table(
    "allowed",
    TABLES,
    Column("sha256", String, primary_key=True),
)
Table(
    "forgotten",
    TABLES,
    Column("mark", String, primary_key=True),
)
Table(
    "facts",
    TABLES,
    Column("name", String, primary_key=True),
    Column("value", Text, nullable=False),
)
Table(
    "alerts",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("object_source", String, nullable=False),
    Column("object_id", String, nullable=False),
    Column("source", String, nullable=False),
    Column("product_id", String, nullable=False),
    Column("object_title", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("brand", Text, nullable=False),
    Column("retailer", Text, nullable=False),
    Column("link", Text, nullable=False),
    Column("crop", String, nullable=False),
    Column("image", String, nullable=False),
    Column("likelihood", Float, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("found", String, nullable=False),
    Column("reported", String, nullable=False),
    UniqueConstraint("object_source", "object_id", "source", "product_id"),
)

Index("pictures_by_reference", TABLES.tables["pictures"].c.reference)
Index("origins_by_sha256", TABLES.tables["origins"].c.sha256)


def upgrade() -> None:
    complete(op.get_bind(), TABLES)
