"""Retention: a discontinued product stays searchable for some time, because old crops show old products."""

from __future__ import annotations

from datetime import date, timedelta

import sqlalchemy as sa

from index.records.catalogue import Catalogue
from index.records.schema import entries, sources


def expire(catalogue: Catalogue, today: date, days: int) -> dict[str, int]:
    """Delete the products that have been gone from their feed for `days` days or more; 0 keeps them forever.

    Returns:
        how many were deleted, by source.
    """
    if days <= 0:
        return {}
    expired = (
        (entries.c.collection == "catalogue")
        & (entries.c.gone_on != "")
        & (entries.c.gone_on <= (today - timedelta(days=days)).isoformat())
    )
    count = (
        sa.select(sources.c.name, sa.func.count()).join_from(entries, sources).where(expired).group_by(sources.c.name)
    )
    with catalogue.database.begin() as connection:
        deleted = {row[0]: row[1] for row in connection.execute(count)}
        if deleted:
            connection.execute(sa.delete(entries).where(expired))
    return deleted
