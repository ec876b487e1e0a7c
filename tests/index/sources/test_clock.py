"""A clock that was ahead: once it is right again, nothing waits for the years that it was ahead."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from index.jobs.retention import expire
from index.progress import Unwatched
from index.records.catalogue import Catalogue
from index.records.entries import EntryFields
from index.records.schema import entries
from index.sources.acquire import acquire
from index.sources.fetching.outcomes import Fetched, FetchRefused, Reason
from index.sources.ingest import ingest
from index.stores.images import ImageStore
from index.stores.objects.folder import FolderObjects
from tests.index.sources.test_acquire import Web, png

pytestmark = pytest.mark.databases("sqlite", "postgres")

AHEAD, TODAY = date(2036, 2, 7), date(2026, 1, 5)


@pytest.fixture
def catalogue(database_url: str):
    with Catalogue.open(database_url) as opened:
        yield opened


def column(catalogue: Catalogue, name: str) -> dict[str, str]:
    with catalogue.database.connect() as connection:
        return dict(connection.execute(sa.select(entries.c.entry_id, entries.c[name])).all())


@pytest.mark.parametrize("day", [TODAY, TODAY + timedelta(days=3), AHEAD - timedelta(days=1)])
def test_pictures_are_asked_for_again(catalogue: Catalogue, tmp_path: Path, day: date) -> None:
    """One that was missing, and one that was replaced since."""
    web, store = Web(), ImageStore(FolderObjects(tmp_path))
    late, replaced = "https://shop.example/late.jpg", "https://shop.example/p0.jpg"
    web.answers[late] = lambda request: FetchRefused(request, Reason.NOT_FOUND, "404", transient=False)
    web.answers[replaced] = lambda request: Fetched(request, png(1))

    def read(today: date) -> int:
        source = catalogue.begin_reading(catalogue.add_source("shop", "catalogue", "/feed.csv", "csv"))
        catalogue.record(source, [(EntryFields("1"), [replaced]), (EntryFields("2"), [late])], today)
        catalogue.finish_reading(source, today)
        return acquire(source, catalogue, store, web, today, Unwatched()).new

    assert read(AHEAD) == 1
    web.answers[late] = lambda request: Fetched(request, png(2))
    web.answers[replaced] = lambda request: Fetched(request, png(3))
    assert read(day) == 2
    # From now on as ever: after a week.
    web.requests = []
    assert read(day) == 0
    assert web.requests == []


def test_days_of_the_future_are_corrected(catalogue: Catalogue, tmp_path: Path) -> None:
    feed = tmp_path / "feed.csv"

    def read(rows: str, today: date) -> None:
        feed.write_text("id,path,first_seen\n" + rows)
        source = catalogue.add_source("shop", "catalogue", str(feed), "csv")
        ingest(source, catalogue, today, Unwatched(), full=True)

    read("gone,a.jpg,\nstays,a.jpg,\ndated,a.jpg,2019-01-01\npreorder,a.jpg,2040-01-01\n", AHEAD)
    rest = "stays,a.jpg,\ndated,a.jpg,2019-01-01\npreorder,a.jpg,2040-01-01\n"
    read(rest, AHEAD + timedelta(days=1))
    assert column(catalogue, "gone_on")["gone"] == "2036-02-08"
    read(rest, TODAY)
    today = TODAY.isoformat()
    assert column(catalogue, "first_seen") == {
        "gone": today, "stays": today, "dated": "2019-01-01", "preorder": "2040-01-01",
    }  # fmt: skip
    assert column(catalogue, "gone_on") == {"gone": today, "stays": "", "dated": "", "preorder": ""}
    assert column(catalogue, "last_seen")["gone"] == today
    assert catalogue.sources()[0].read_on == today
    # Its retention counts from here.
    assert expire(catalogue, TODAY + timedelta(days=9), 10) == {}
    assert expire(catalogue, TODAY + timedelta(days=10), 10) == {"shop": 1}
