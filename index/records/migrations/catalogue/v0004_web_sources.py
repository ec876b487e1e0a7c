"""Sources have options, and shops that are read page by page their pages; what passed the gate is recorded."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    database = sa.inspect(op.get_bind())
    # A database whose revision is not known may have some of them already.
    there = {column["name"] for column in database.get_columns("sources")}
    if "line_end" not in there:
        op.add_column("sources", sa.Column("line_end", sa.Boolean, nullable=False, server_default=sa.false()))
    if "options" not in there:
        op.add_column("sources", sa.Column("options", sa.Text, nullable=False, server_default="{}"))
    if not database.has_table("pages"):
        _create_pages()
    if "gated" not in {column["name"] for column in database.get_columns("origins")}:
        op.add_column("origins", sa.Column("gated", sa.Boolean, nullable=False, server_default=sa.false()))
        _mark_gated()


def _create_pages() -> None:
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


def _mark_gated() -> None:
    """What objects alone name was checked when it was read; what a catalogue names too may never have been."""
    origins = sa.table("origins", *map(sa.column, ("reference", "sha256", "gated")))
    pictures = sa.table("pictures", sa.column("entry"), sa.column("reference"))
    entries = sa.table("entries", sa.column("id"), sa.column("collection"))
    named = sa.select(pictures.c.reference).join(entries, entries.c.id == pictures.c.entry)
    by_objects = named.where(entries.c.collection == "objects")
    by_catalogue = named.where(entries.c.collection == "catalogue")
    here = (origins.c.sha256 != "") & origins.c.reference.in_(by_objects) & origins.c.reference.not_in(by_catalogue)
    op.get_bind().execute(sa.update(origins).where(here).values(gated=True))
