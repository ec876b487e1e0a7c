"""Retention: a discontinued product stays searchable, because old crops show old products, until its time is over."""

from __future__ import annotations

from datetime import date, timedelta

import sqlalchemy as sa

from index.records.catalogue import Catalogue
from index.records.schema import entries, sources


def expire(catalogue: Catalogue, today: date, days: int) -> dict[str, int]:
    """Delete the products that have been gone from their feed for `days` days or more; 0 keeps them for ever.

    Returns:
        how many left, by source.
    """
    if days <= 0:
        return {}
    over = (
        (entries.c.collection == "catalogue")
        & (entries.c.gone_on != "")
        & (entries.c.gone_on <= (today - timedelta(days=days)).isoformat())
    )
    count = sa.select(sources.c.name, sa.func.count()).join_from(entries, sources).where(over).group_by(sources.c.name)
    with catalogue.database.begin() as connection:
        left = {row[0]: row[1] for row in connection.execute(count)}
        if left:
            connection.execute(sa.delete(entries).where(over))
    return left
