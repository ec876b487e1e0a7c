"""Picture references whose pictures are known to have changed."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from index.records.database import Database
from index.records.schema import origins

BATCH = 500


def ask_again(database: Database, references: Iterable[str]) -> None:
    """Note that what lies under picture references has changed: each is asked for when pictures are next acquired."""
    changed = list(references)
    with database.begin() as connection:
        for start in range(0, len(changed), BATCH):
            here = origins.c.reference.in_(changed[start : start + BATCH])
            connection.execute(sa.update(origins).where(here).values(asked_on=""))
