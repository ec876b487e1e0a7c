"""Alerts: products that may be open objects, each pair once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from index.records.database import Database
from index.records.schema import alerts

_IDENTITY = ("object_source", "object_id", "source", "product_id")


@dataclass(frozen=True)
class Alert:
    """A product that may be an open object: both ids, the crop and the picture compared, and the likelihood.

    `found` and `reported` are times, ISO 8601 in UTC; `reported` is empty until a report included it.
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
    """Store alerts, except for pairs of object and product that have one; returns how many are new."""
    if not found:
        return 0
    with database.begin() as connection:
        return sum(database.insert_new(connection, alerts, asdict(alert)) for alert in found)


def list_alerts(database: Database, *, since: str = "", unreported: bool = False) -> list[Alert]:
    """Alerts in the order in which they were found; from a time on, or those that no report included yet."""
    query = sa.select(*[alerts.c[name] for name in Alert.__dataclass_fields__]).order_by(alerts.c.id)
    if since:
        query = query.where(alerts.c.found >= since)
    if unreported:
        query = query.where(alerts.c.reported == "")
    with database.connect() as connection:
        return [Alert(*row) for row in connection.execute(query)]


def mark_reported(database: Database, reported: Sequence[Alert], when: str) -> None:
    """Record that a report included some alerts."""
    with database.begin() as connection:
        for alert in reported:
            here = sa.and_(*(alerts.c[name] == getattr(alert, name) for name in _IDENTITY))
            connection.execute(sa.update(alerts).where(here).values(reported=when))
