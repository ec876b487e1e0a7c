"""The first entries of a source on the web, read before it is saved: nothing of it reaches the catalogue."""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from index.errors import FeedError, FeedIncomplete
from index.progress import Unwatched
from index.records.catalogue import Catalogue, Source
from index.records.entries import EntryFields, fields_of
from index.records.feed_records import Collection, Refusal
from index.records.source_options import SourceOptions, set_options
from index.sources.feeds.open_feed import detect, read_objects, read_products
from index.sources.remote_address import is_remote
from index.sources.web.client import WebAccess
from index.sources.web.delivery import Web
from index.sources.web.job import Delivery

ENTRIES = 20
# A feed that is refused from its first row on is told by some of its refusals.
MOST_REFUSALS = 200


@dataclass(frozen=True)
class NewSource:
    """A source that is not saved yet. `name`: of an object source the authority, where its feed names none."""

    collection: Collection
    location: str
    name: str
    format: str = "auto"
    options: SourceOptions = field(default_factory=SourceOptions)


@dataclass(frozen=True)
class PreviewEntry:
    """What a row became, and the picture references of its entry."""

    fields: EntryFields
    pictures: tuple[str, ...]


@dataclass(frozen=True)
class Preview:
    """The first entries of a source, and what was refused up to there.

    `kind` is what was found at its address (`SourceOptions.kind`), `format` that of the feed; `fault`: why the reading
    ended before, if it did. `more`: there are further entries.
    """

    kind: str
    format: str
    entries: tuple[PreviewEntry, ...]
    refused: tuple[Refusal, ...]
    notes: tuple[str, ...]
    more: bool
    fault: str = ""


def preview(new: NewSource, access: WebAccess) -> Preview:
    """Load the beginning of a source on the web and read its first ENTRIES entries.

    Raises:
        FeedError: its address is none on the web, it cannot be had, or nothing there can be read.
    """
    if not is_remote(new.location):
        raise FeedError(f"{new.location[:200]!r} is no address on the web: write one with https://")
    with (
        tempfile.TemporaryDirectory(prefix="traceobject-preview-") as scratch,
        closing(Catalogue.open(f"sqlite:///{Path(scratch) / 'catalogue.sqlite'}")) as catalogue,
    ):
        source = catalogue.add_source(new.name, new.collection, new.location, new.format)
        source = set_options(catalogue.database, source, new.options)
        web = Web(Path(scratch) / "feeds", access, ENTRIES, enough=ENTRIES + 1)
        delivery = web.deliver(source, catalogue.database, datetime.now(UTC).date(), Unwatched())
        (known,) = catalogue.sources()
        return replace(_read(source, delivery), kind=SourceOptions.of(known).kind)


def _read(source: Source, delivery: Delivery) -> Preview:
    """The entries of what was delivered. Raises FeedError."""
    read = read_products if source.collection == "catalogue" else read_objects
    records = read(delivery.path, delivery.format, encoding=delivery.encoding)
    entries: dict[str, PreviewEntry] = {}
    refused: list[Refusal] = list(delivery.left_out)
    more, fault = delivery.cut, ""
    try:
        for record in records:
            if isinstance(record, Refusal):
                if len(refused) >= MOST_REFUSALS:
                    break
                refused.append(record)
                continue
            fields = fields_of(record, source.name)
            if fields.entry_id not in entries and len(entries) == ENTRIES:
                more = True
                break
            former = entries.get(fields.entry_id, PreviewEntry(fields, ()))
            entries[fields.entry_id] = replace(former, pictures=(*former.pictures, *record.pictures))
    except FeedIncomplete as error:
        fault = "" if delivery.cut else str(error)
    format = detect(delivery.path) if delivery.format == "auto" else delivery.format
    if not entries and not refused and not fault:
        raise FeedError(f"{source.location}: has no entry that could be read")
    return Preview("", format, tuple(entries.values()), tuple(refused), delivery.notes, more, fault)
