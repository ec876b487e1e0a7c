"""Entries have more fields: of products and of objects, empty until their feed is read again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_OF_PRODUCTS = ("made_in", "gtin", "variant_group", "description", "licence", "source_page")
_OF_OBJECTS = ("question", "seen_from", "seen_until", "series", "region")


def upgrade() -> None:
    # A database whose revision is not known may have them already.
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("entries")}
    for name in (*_OF_PRODUCTS, *_OF_OBJECTS):
        if name not in there:
            op.add_column("entries", sa.Column(name, sa.Text, nullable=False, server_default=""))
