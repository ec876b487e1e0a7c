"""Sources on the web brought here before they are read: each becomes a feed in a folder of the workspace."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from index.errors import FeedError
from index.progress import Progress
from index.records.catalogue import Source
from index.records.database import Database
from index.records.source_options import SourceOptions, set_options
from index.sources.fetching.outcomes import Failure
from index.sources.web.bucket import deliver_bucket
from index.sources.web.client import WebAccess, WebClient
from index.sources.web.discover import kind_of
from index.sources.web.feed_download import deliver_file
from index.sources.web.headers import header_values
from index.sources.web.job import Delivery, WebJob
from index.sources.web.open_facts import deliver_facts
from index.sources.web.page_objects import deliver_page
from index.sources.web.shop_crawl import deliver_shop
from index.sources.web.shopify_shop import deliver_shopify
from index.sources.web.woocommerce_shop import deliver_woocommerce

_PLAIN = re.compile(r"[^a-z0-9]+")

_KINDS: Mapping[str, Callable[[WebJob], Delivery]] = {
    "file": deliver_file,
    "shopify": deliver_shopify,
    "woocommerce": deliver_woocommerce,
    "shop": deliver_shop,
    "openfacts": deliver_facts,
    "page": deliver_page,
}


@dataclass(frozen=True)
class Web:
    """How a workspace's sources on the web are loaded. `root` has a folder for each.

    `enough`: how many entries of each a preview needs; 0 loads all.
    """

    root: Path
    access: WebAccess
    pages_a_night: int
    enough: int = 0

    def deliver(self, source: Source, database: Database, today: date, progress: Progress) -> Delivery:
        """The feed that holds what a source on the web has now. What lies at its address is found out once, and kept.

        Raises:
            FeedError: it cannot be had; what was brought here before stays.
        """
        options = SourceOptions.of(source)
        folder = self.folder(source)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            private = header_values(options.headers)
            with WebClient(self.access, source.location, private, tdm=source.collection == "catalogue") as client:
                kind = options.kind or kind_of(source, options, client)
                if options.where and kind != "openfacts":
                    raise FeedError("--where is for dumps of Open Food Facts and its sisters; this source is none")
                job = WebJob(
                    source=source,
                    options=replace(options, kind=kind),
                    folder=folder,
                    client=client,
                    database=database,
                    today=today,
                    pages_a_night=options.pages_a_night or self.pages_a_night,
                    progress=progress,
                    enough=self.enough,
                )
                delivery = self._deliver(job)
        except Failure as failure:
            raise FeedError(str(failure)) from failure
        if kind != options.kind:
            set_options(database, source, replace(options, kind=kind))
        return delivery

    def folder(self, source: Source) -> Path:
        """Where a source's files are kept."""
        name = _PLAIN.sub("-", source.name.casefold()).strip("-")[:60]
        return self.root / f"{source.id}-{name}"

    def forget(self, source: Source) -> None:
        """Delete a source's files."""
        shutil.rmtree(self.folder(source), ignore_errors=True)

    def _deliver(self, job: WebJob) -> Delivery:
        if job.options.kind == "bucket":
            return deliver_bucket(job, self.access.allow_hosts)
        deliver = _KINDS.get(job.options.kind)
        if deliver is None:
            raise FeedError(f"{job.source.name}: its kind {job.options.kind!r} is not known to this version")
        return deliver(job)
