"""Alerts: what the watches found, each object and product once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from index.records.database import Database
from index.records.schema import alerts

_IDENTITY = ("object_source", "object_id", "source", "product_id")


@dataclass(frozen=True)
class Alert:
    """A product that may be an open object's: who is who, the crop and the picture compared, and how likely it is.

    `found` and `reported` are times, ISO 8601 in UTC; `reported` is empty until a report told of it.
    """

    object_source: str
    object_id: str
    source: str
    product_id: str
    object_title: str
    title: str
    brand: str
    retailer: str
    link: str
    crop: str
    image: str
    likelihood: float
    generation: int
    found: str
    reported: str = ""


def add_alerts(database: Database, found: Sequence[Alert]) -> int:
    """Keep alerts; those of an object and a product that were alerted before are left out. How many are new."""
    if not found:
        return 0
    statement = database.insert(alerts).on_conflict_do_nothing(index_elements=list(_IDENTITY))
    with database.begin() as connection:
        return sum(connection.execute(statement.values(asdict(alert))).rowcount for alert in found)


def list_alerts(database: Database, *, since: str = "", unreported: bool = False) -> list[Alert]:
    """Alerts in the order they were found; from a time on, or those that no report told of yet."""
    query = sa.select(*[alerts.c[name] for name in Alert.__dataclass_fields__]).order_by(alerts.c.id)
    if since:
        query = query.where(alerts.c.found >= since)
    if unreported:
        query = query.where(alerts.c.reported == "")
    with database.connect() as connection:
        return [Alert(*row) for row in connection.execute(query)]


def mark_reported(database: Database, told: Sequence[Alert], when: str) -> None:
    """Write down that a report told of alerts."""
    with database.begin() as connection:
        for alert in told:
            here = sa.and_(*(alerts.c[name] == getattr(alert, name) for name in _IDENTITY))
            connection.execute(sa.update(alerts).where(here).values(reported=when))
