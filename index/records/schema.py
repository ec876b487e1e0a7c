"""The tables of the catalogue."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
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
    false,
)

from index.records.entries import ADDED

metadata = MetaData()

sources = Table(
    "sources",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False),
    Column("collection", String, nullable=False),
    Column("location", Text, nullable=False),
    Column("format", String, nullable=False),
    # The number of the current reading; the day of the last complete one, on which a vanished product was last seen.
    Column("reading", Integer, nullable=False, default=0),
    Column("read_on", String, nullable=False, default=""),
    # Of the feed's content at its last complete reading: an unchanged feed is not read again.
    Column("digest", String, nullable=False, default="", server_default=""),
    # Whether the last line of its feed had its end at the last complete reading.
    Column("line_end", Boolean, nullable=False, default=False, server_default=false()),
    # SourceOptions as JSON.
    Column("options", Text, nullable=False, default="{}", server_default="{}"),
    UniqueConstraint("collection", "name"),
)

entries = Table(
    "entries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source_id", ForeignKey("sources.id", ondelete="CASCADE"), nullable=False),
    Column("entry_id", String, nullable=False),
    Column("collection", String, nullable=False),
    Column("title", Text, nullable=False, default=""),
    Column("brand", Text, nullable=False, default=""),
    Column("category", Text, nullable=False, default=""),
    Column("retailer", Text, nullable=False, default=""),
    Column("authority", Text, nullable=False, default=""),
    Column("country", Text, nullable=False, default=""),
    Column("price", Text, nullable=False, default=""),
    Column("link", Text, nullable=False, default=""),
    Column("published", String, nullable=False, default=""),
    Column("status", String, nullable=False),
    Column("first_seen", String, nullable=False),
    Column("last_seen", String, nullable=False, default=""),
    # Of the fields as the feed stated them: it recognises a changed row.
    Column("digest", String, nullable=False),
    Column("reading", Integer, nullable=False),
    # The day it was gone from its feed, from which its retention counts; empty while it is there.
    Column("gone_on", String, nullable=False, default="", server_default=""),
    *(Column(name, Text, nullable=False, default="", server_default="") for name in ADDED),
    UniqueConstraint("source_id", "entry_id"),
)

pictures = Table(
    "pictures",
    metadata,
    Column("entry", ForeignKey("entries.id", ondelete="CASCADE"), primary_key=True),
    Column("reference", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("reading", Integer, nullable=False),
)

origins = Table(
    "origins",
    metadata,
    Column("reference", Text, primary_key=True),
    # The image; empty if it was refused.
    Column("sha256", String, nullable=False, default=""),
    Column("size", BigInteger, nullable=False, default=-1),
    Column("modified_ns", BigInteger, nullable=False, default=-1),
    Column("etag", Text, nullable=False, default=""),
    Column("last_modified", Text, nullable=False, default=""),
    Column("asked_on", String, nullable=False, default=""),
    Column("refused", String, nullable=False, default=""),
    Column("message", Text, nullable=False, default=""),
    # The image that the gate stopped when the reference was last read; `refused` has the reason. Else empty.
    Column("quarantined", String, nullable=False, default="", server_default=""),
    # Whether the image passed the gate: a catalogue may have named the reference before an object did.
    Column("gated", Boolean, nullable=False, default=False, server_default=false()),
)

images = Table(
    "images",
    metadata,
    Column("sha256", String, primary_key=True),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
)

refusals = Table(
    "refusals",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source_id", ForeignKey("sources.id", ondelete="CASCADE"), nullable=False),
    # "web", "rows" or "pictures": what was left out when the feed was loaded, when it was read, when its pictures were
    # acquired; each replaces its own.
    Column("stage", String, nullable=False, default="rows", server_default="rows"),
    Column("place", Text, nullable=False),
    Column("reason", String, nullable=False),
    Column("message", Text, nullable=False),
)

# Images that a curator approved although the gate stopped them.
allowed = Table(
    "allowed",
    metadata,
    Column("sha256", String, primary_key=True),
)

# Tombstones of what `forget` deleted, as salted digests, because the ids themselves must not remain.
forgotten = Table(
    "forgotten",
    metadata,
    Column("mark", String, primary_key=True),
)

# Single named values kept between runs: the salt of the tombstones, work to complete after a crash.
facts = Table(
    "facts",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", Text, nullable=False),
)

# Alerts name objects and products by their feeds' own ids, so that they remain when a product is deleted.
alerts = Table(
    "alerts",
    metadata,
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
    # The object's crop and the product's picture that were compared, by SHA-256.
    Column("crop", String, nullable=False),
    Column("image", String, nullable=False),
    Column("likelihood", Float, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("found", String, nullable=False),
    # When it was reported; empty until then.
    Column("reported", String, nullable=False, default=""),
    UniqueConstraint("object_source", "object_id", "source", "product_id"),
)

# The pages of a shop that is read page by page: see index/records/pages.py.
pages = Table(
    "pages",
    metadata,
    Column("source_id", ForeignKey("sources.id", ondelete="CASCADE"), primary_key=True),
    Column("url", Text, primary_key=True),
    # The day that the sitemap names, and what the server sent for the next conditional request.
    Column("lastmod", String, nullable=False),
    Column("etag", Text, nullable=False),
    Column("last_modified", Text, nullable=False),
    # The day it was last asked for.
    Column("checked_on", String, nullable=False),
    Column("status", String, nullable=False),
    # The products that it showed, as JSON.
    Column("rows", Text, nullable=False),
)

Index("pictures_by_reference", pictures.c.reference)
Index("origins_by_sha256", origins.c.sha256)
