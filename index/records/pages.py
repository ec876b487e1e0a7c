"""What is known of the pages of a shop that is read page by page: when each was last asked for, and what it showed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum

import sqlalchemy as sa

from index.records.catalogue import Source
from index.records.database import Database
from index.records.schema import pages

BATCH = 1000


class PageStatus(StrEnum):
    """What a page was when it was last asked for."""

    PRODUCT = "product"
    NO_PRODUCT = "no-product"
    GONE = "gone"
    DISCONTINUED = "discontinued"
    RESERVED = "reserved"
    # It could not be had, or it showed products and then none: what it showed before stands for now.
    FAILED = "failed"
    DOUBTFUL = "doubtful"


@dataclass(frozen=True)
class PageRecord:
    """One page. `lastmod` is the sitemap's, `etag` and `last_modified` the server's; empty where there was none.

    `checked_on` is the day it was last asked for (ISO 8601), `rows` the products it showed, as JSON: a list of objects.
    """

    url: str
    lastmod: str = ""
    etag: str = ""
    last_modified: str = ""
    checked_on: str = ""
    status: PageStatus = PageStatus.FAILED
    rows: str = "[]"


@dataclass(frozen=True)
class Pages:
    """The pages of one source."""

    database: Database
    source: Source

    def all(self) -> dict[str, PageRecord]:
        """Every page by URL, without its rows."""
        columns = [pages.c[name] for name in PageRecord.__dataclass_fields__ if name != "rows"]
        query = sa.select(*columns).where(pages.c.source_id == self.source.id)
        with self.database.connect() as connection:
            found = connection.execute(query).mappings().all()
        return {row["url"]: PageRecord(**{**row, "status": PageStatus(row["status"])}) for row in found}

    def rows(self) -> Iterator[tuple[str, str]]:
        """The URL of each page that shows products and its rows as JSON, in the order of the URLs."""
        here = (pages.c.source_id == self.source.id) & (pages.c.rows != "[]")
        query = sa.select(pages.c.url, pages.c.rows).where(here & (pages.c.url > sa.bindparam("last")))
        query = query.order_by(pages.c.url).limit(BATCH)
        last = ""
        while True:
            with self.database.connect() as connection:
                found = connection.execute(query, {"last": last}).all()
            yield from ((row.url, row.rows) for row in found)
            if len(found) < BATCH:
                return
            last = found[-1].url

    def checked(self, today: date) -> int:
        """How many pages were asked for today."""
        here = (pages.c.source_id == self.source.id) & (pages.c.checked_on == today.isoformat())
        with self.database.connect() as connection:
            return connection.execute(sa.select(sa.func.count()).where(here)).scalar_one()

    def keep(self, page: PageRecord, *, rows: bool = True) -> None:
        """Write what is known of a page; with `rows` False, the products that it showed stay as they are."""
        row = {**asdict(page), "source_id": self.source.id, "status": str(page.status)}
        statement = self.database.insert(pages).values(row)
        kept = ("url", "rows") if not rows else ("url",)
        update = {name: statement.excluded[name] for name in PageRecord.__dataclass_fields__ if name not in kept}
        with self.database.begin() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["source_id", "url"], set_=update))
