"""Every source's feed and pictures, read into the catalogue and the image store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import partial

from index.errors import FeedError
from index.progress import Progress
from index.records.catalogue import Catalogue, Changes, Source
from index.settings import Settings
from index.sources.acquire import OPEN, Fetch, acquire
from index.sources.fetching.fetch import fetch_all
from index.sources.gate import Gate, approving_gate
from index.sources.ingest import ingest
from index.sources.retry_decoding import retry_decoding
from index.stores.images import ImageStore


@dataclass(frozen=True)
class ReadContext:
    """Where sources are read into, and how.

    `gate` is what the pictures of published objects have to pass; None lets all in. `full` reads a feed that did not
    change, too. `max_fall` is the share of a source's entries that may be gone at once; a reading of the sources named
    in `accept` is taken as complete, whatever speaks against it.
    """

    catalogue: Catalogue
    images: ImageStore
    fetch: Fetch
    today: date
    progress: Progress
    gate: Gate | None = None
    full: bool = False
    max_fall: float = 1.0
    accept: frozenset[str] = frozenset()


@dataclass(frozen=True)
class SourcesRead:
    """What came of reading: changes by source, how many images are new, and which readings failed or were withheld."""

    changes: dict[str, Changes]
    new_images: int
    failed: tuple[str, ...]


def polite_fetch(settings: Settings) -> Fetch:
    """How a workspace fetches pictures by URL."""
    return partial(fetch_all, user_agent=settings.user_agent, allow_hosts=frozenset(settings.allow_hosts))


def read_sources(sources: Iterable[Source], context: ReadContext) -> SourcesRead:
    """Read feeds and their pictures. A feed that cannot be read, or not to its end, takes no entry away."""
    catalogue = context.catalogue
    gate = approving_gate(context.gate, catalogue)
    retry_decoding(catalogue)
    changes: dict[str, Changes] = {}
    new_images, failed = 0, []
    for source in sources:
        try:
            reading = ingest(
                source,
                catalogue,
                context.today,
                context.progress,
                full=context.full,
                accept=source.name in context.accept,
                max_fall=context.max_fall,
            )
        except FeedError as error:
            failed.append(f"{source.name}: {error}")
            continue
        changes[source.name] = reading.changes
        if reading.withheld:
            failed.append(f"{source.name}: nothing was taken as gone: {reading.withheld}")
        guard = gate if source.collection == "objects" else OPEN
        acquired = acquire(source, catalogue, context.images, context.fetch, context.today, context.progress, guard)
        new_images += acquired.new
        catalogue.set_refusals(source, "pictures", acquired.refused)
    return SourcesRead(changes, new_images, tuple(failed))
