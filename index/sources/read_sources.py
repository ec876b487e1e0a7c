"""Every source's feed and pictures, read into the catalogue and the image store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial

from index.errors import FeedError
from index.progress import Progress
from index.records.catalogue import Catalogue, Changes, Source
from index.records.source_options import SourceOptions
from index.settings import Settings
from index.sources.acquire import Fetch, acquire
from index.sources.fetching.fetch import fetch_all
from index.sources.gate import Gate, approving_gate
from index.sources.ingest import ingest
from index.sources.remote_address import is_bucket, is_remote
from index.sources.retry_decoding import retry_decoding
from index.sources.web.bucket import BucketFetch
from index.sources.web.client import WebAccess
from index.sources.web.delivery import Web
from index.stores.images import ImageStore
from index.workers.in_process import InProcess
from index.workers.protocol import Workers
from index.workspace import Workspace


@dataclass(frozen=True)
class ReadContext:
    """Where sources are read into, and how.

    `gate` is what the pictures of published objects have to pass; None lets all in. `full` reads a feed that did not
    change, too. `max_fall` is the share of a source's entries that may be gone at once; a reading of the sources named
    in `accept` is taken as complete, whatever speaks against it. `web` loads sources on the web; without it they are
    refused. `workers` decode pictures.
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
    web: Web | None = None
    workers: Workers = field(default_factory=InProcess)


@dataclass(frozen=True)
class SourcesRead:
    """What came of reading: changes by source, how many images are new, and which readings failed or were withheld.

    `notes` are for the report: what is left for another night.
    """

    changes: dict[str, Changes]
    new_images: int
    failed: tuple[str, ...]
    notes: tuple[str, ...] = ()


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
    notes: list[str] = []
    for source in sources:
        try:
            feed, encoding, told = _delivered(source, context)
            notes += told
            reading = ingest(
                feed,
                catalogue,
                context.today,
                context.progress,
                full=context.full,
                accept=source.name in context.accept,
                max_fall=context.max_fall,
                encoding=encoding,
            )
        except FeedError as error:
            failed.append(f"{source.name}: {error}")
            continue
        changes[source.name] = reading.changes
        if reading.withheld:
            failed.append(f"{source.name}: nothing was taken as gone: {reading.withheld}")
        fetch, remote = _fetch_of(source, context), is_remote(source.location)
        acquired = acquire(
            source,
            catalogue,
            context.images,
            fetch,
            context.today,
            context.progress,
            gate,
            remote=remote,
            workers=context.workers,
        )
        new_images += acquired.new
        catalogue.set_refusals(source, "pictures", acquired.refused)
    return SourcesRead(changes, new_images, tuple(failed), tuple(notes))


def web_of(workspace: Workspace) -> Web:
    """How a workspace's sources on the web are brought into it."""
    settings = workspace.settings
    access = WebAccess(settings.user_agent, frozenset(settings.allow_hosts))
    return Web(workspace.root / "feeds", access, settings.pages_a_night)


def _delivered(source: Source, context: ReadContext) -> tuple[Source, str, tuple[str, ...]]:
    """A source with the location of its feed on this machine, the feed's encoding, and notes for the report.

    Raises:
        FeedError: it lies on the web and cannot be had.
    """
    if not is_remote(source.location):
        return source, SourceOptions.of(source).encoding, ()
    if context.web is None:
        raise FeedError(f"{source.location}: sources on the web are not read here")
    delivery = context.web.deliver(source, context.catalogue.database, context.today, context.progress)
    context.catalogue.set_refusals(source, "web", delivery.left_out)
    feed = replace(source, location=str(delivery.path), format=delivery.format)
    return feed, delivery.encoding, delivery.notes


def _fetch_of(source: Source, context: ReadContext) -> Fetch:
    """How a source's pictures are fetched: those of a bucket by it alone."""
    if is_bucket(source.location) and context.web is not None:
        return BucketFetch(source.location, context.web.access.allow_hosts, context.fetch)
    return context.fetch
