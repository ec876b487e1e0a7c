"""The image that the gate stopped gets a column in `origins`; before, only the message of its refusal named it."""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

# The last match is the gate's: a feed could have put such words into the name of its picture, which comes first.
_SHA256 = re.compile(r"`traceobject allow ([0-9a-f]{64})`")


def upgrade() -> None:
    columns = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("origins")}
    # Some versions between two releases added the column without a revision.
    if "quarantined" not in columns:
        op.add_column("origins", sa.Column("quarantined", sa.String, nullable=False, server_default=""))
    origins = sa.table("origins", sa.column("reference"), sa.column("message"), sa.column("quarantined"))
    stopped = sa.select(origins.c.reference, origins.c.message).where(
        (sa.column("refused") == "face") & (origins.c.quarantined == "")
    )
    for reference, message in op.get_bind().execute(stopped).all():
        if named := _SHA256.findall(message):
            here = origins.c.reference == reference
            op.get_bind().execute(sa.update(origins).where(here).values(quarantined=named[-1]))
