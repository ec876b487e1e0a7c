"""Sources on the web, read into a workspace by the functions that a re-index calls."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

from index.progress import Unwatched
from index.records.catalogue import Catalogue, Source
from index.records.feed_records import Collection
from index.records.source_options import SourceOptions, set_options
from index.sources.fetching.fetch import fetch_all
from index.sources.fetching.outcomes import FetchLimits
from index.sources.read_sources import ReadContext, SourcesRead, read_sources
from index.sources.web.client import DOCUMENT_BYTES, WebAccess
from index.sources.web.delivery import Web
from index.stores.images import ImageStore
from index.stores.objects.folder import FolderObjects

FIRST = date(2026, 1, 5)
QUICK = FetchLimits(bytes=DOCUMENT_BYTES, seconds=20.0, delay=0.0, backoff=0.01, patience=2.0, host_rest=0.0)


@dataclass
class Reader:
    """A catalogue on disk with its sources on the web; `allow` are the hosts that may be private."""

    root: Path
    allow: frozenset[str]
    pages_a_night: int = 5000
    limits: FetchLimits = QUICK

    def __post_init__(self) -> None:
        self.url = f"sqlite:///{self.root / 'catalogue.sqlite'}"
        access = WebAccess("traceobject-test", self.allow, self.limits)
        self.web = Web(self.root / "feeds", access, self.pages_a_night)

    def add(
        self,
        url: str,
        *,
        name: str = "shop",
        collection: Collection = "catalogue",
        format: str = "auto",
        options: SourceOptions | None = None,
    ) -> Source:
        with Catalogue.open(self.url) as catalogue:
            source = catalogue.add_source(name, collection, url, format)
            return set_options(catalogue.database, source, options or SourceOptions())

    def read(self, today: date = FIRST, *, pictures: bool = False) -> SourcesRead:
        """Read every source; without `pictures` no picture is asked for."""
        fetch = partial(fetch_all, user_agent="traceobject-test", limits=QUICK, allow_hosts=self.allow)
        with Catalogue.open(self.url) as catalogue:
            context = ReadContext(
                catalogue=catalogue,
                images=ImageStore(FolderObjects(self.root)),
                fetch=fetch if pictures else lambda requests: iter(()),
                today=today,
                progress=Unwatched(),
                web=self.web,
            )
            return read_sources(catalogue.sources(), context)

    def entries(self) -> dict[str, dict[str, str]]:
        """The entries that are in their feeds, by id: their fields."""
        with closing(Catalogue.open(self.url)) as catalogue, catalogue.database.connect() as connection:
            rows = connection.exec_driver_sql("SELECT * FROM entries WHERE gone_on = ''").mappings().all()
        return {row["entry_id"]: dict(row) for row in rows}

    def references(self) -> list[str]:
        with closing(Catalogue.open(self.url)) as catalogue, catalogue.database.connect() as connection:
            return list(connection.exec_driver_sql("SELECT reference FROM pictures ORDER BY reference").scalars())

    def refused(self) -> dict[str, str]:
        """The first message for each reason."""
        found: dict[str, str] = {}
        with closing(Catalogue.open(self.url)) as catalogue:
            for refusal in catalogue.refusals():
                found.setdefault(refusal.reason, f"{refusal.where}: {refusal.message}")
        return found
