"""A feed into the catalogue: rows added, changed, gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TypeVar

from index.errors import FeedError
from index.progress import Progress
from index.records.catalogue import Catalogue, Changes, Source
from index.records.clock import correct_future_days
from index.records.entries import fields_of
from index.records.feed_records import ObjectRecord, ProductRecord, Refusal, RefusedEntry
from index.records.standing import count_missing, count_present, keep, note_line_end
from index.records.tombstones import Forgotten
from index.sources.feed_digest import feed_digest
from index.sources.feeds.feed_file import FeedFile
from index.sources.feeds.line_end import has_last_line_end
from index.sources.feeds.open_feed import detect, feed_file, read_objects, read_products

BATCH = 1000
# A source with fewer entries may lose any number of them at once.
LEAST_ENTRIES = 20

T = TypeVar("T")


@dataclass(frozen=True)
class Reading:
    """What a reading of a feed changed. `withheld`: why nothing was taken as gone; empty for a complete reading."""

    changes: Changes
    withheld: str = ""


@dataclass
class _Read:
    """What has been read so far: the changes, what was refused, and the identifiers of refused rows."""

    changes: Changes = field(default_factory=Changes)
    records: int = 0
    refused: list[Refusal] = field(default_factory=list)
    entry_ids: set[str] = field(default_factory=set)
    nameless: list[Refusal] = field(default_factory=list)

    def refuse(self, refusal: Refusal) -> None:
        self.refused.append(refusal)
        if isinstance(refusal, RefusedEntry):
            self.entry_ids.update(refusal.entry_ids)
            if not refusal.entry_ids:
                self.nameless.append(refusal)


def ingest(
    source: Source,
    catalogue: Catalogue,
    today: date,
    progress: Progress,
    *,
    full: bool = False,
    accept: bool = False,
    max_fall: float = 1.0,
    encoding: str = "",
) -> Reading:
    """Read a source's feed from end to end into the catalogue; a row that cannot be read is a Refusal on record.

    A feed that is what it was at its last complete reading is not read again, unless `full`. What was forgotten does
    not come back with its feed. What the feed names no more is gone, but not where

    - the feed did not end as its format ends, or without the line end that its last line had before,
    - a part of it cannot be read, or a row cannot be told whose it is,
    - it names nothing any more, or a share of over `max_fall` of LEAST_ENTRIES entries or more is gone from it.

    Then the reading is withheld: what it adds and changes is kept, and nothing is taken as gone, unless `accept`.
    `encoding` is that of the feed's text, where it was named.

    Raises:
        FeedError: nothing of the feed can be read.
    """
    source = correct_future_days(catalogue.database, source, today)
    # Before the reading: what is written to the feed meanwhile makes it another feed the next time.
    digest = feed_digest(Path(source.location), source.format, encoding)
    if digest and digest == source.digest and not full:
        return Reading(catalogue.confirm_reading(source, today))
    records = _records(source, encoding)
    former = count_present(catalogue.database, source)
    source = catalogue.begin_reading(source)
    read = _Read()
    cut = ""
    try:
        _record_all(records, source, catalogue, today, progress, read)
    except FeedError as error:
        if not read.records and not read.refused:
            raise
        cut = str(error)
    catalogue.set_refusals(source, "rows", read.refused)
    keep(catalogue.database, source, read.entry_ids)
    missing = count_missing(catalogue.database, source)
    has_end = not cut and _has_last_line_end(source, encoding)
    if source.line_end and not has_end:
        cut = cut or f"{source.location}: its last line has no end, and had one before, so rows after it may be missing"
    withheld = cut or _nameless(read) or _fall(source, read, former, missing, max_fall)
    if withheld and not accept:
        return Reading(read.changes, withheld)
    note_line_end(catalogue.database, source, has_end)
    return Reading(read.changes + catalogue.finish_reading(source, today, digest))


def _has_last_line_end(source: Source, encoding: str) -> bool:
    path = Path(source.location)
    feed = FeedFile(feed_file(path, source.format, source.collection), encoding)
    return has_last_line_end(feed, detect(feed.path) if source.format == "auto" else source.format)


def _records(source: Source, encoding: str) -> Iterator[ProductRecord | ObjectRecord | Refusal]:
    path = Path(source.location)
    if source.collection == "catalogue":
        return read_products(path, source.format, encoding=encoding)
    return read_objects(path, source.format, encoding)


def _record_all(
    records: Iterator[ProductRecord | ObjectRecord | Refusal],
    source: Source,
    catalogue: Catalogue,
    today: date,
    progress: Progress,
    read: _Read,
) -> None:
    """Write the records of a feed batch by batch. Raises FeedError, with all that came before it written."""
    forgotten = Forgotten.of(catalogue.database)
    with progress.step(f"reading {source.name}") as tick:
        for batch, error in _batches(records, BATCH):
            rows = []
            for item in batch:
                if isinstance(item, Refusal):
                    read.refuse(item)
                    continue
                read.records += 1
                fields = fields_of(item, source.name)
                if not forgotten.has(source.collection, source.name, fields.entry_id):
                    rows.append((fields, item.pictures))
            if rows:
                read.changes += catalogue.record(source, rows, today)
            tick(len(batch))
            if error is not None:
                raise error


def _batches(items: Iterator[T], size: int) -> Iterator[tuple[list[T], FeedError | None]]:
    """Batches of items, the last with the error with which the items ended."""
    batch: list[T] = []
    try:
        for item in items:
            batch.append(item)
            if len(batch) == size:
                yield batch, None
                batch = []
    except FeedError as error:
        yield batch, error
        return
    if batch:
        yield batch, None


def _nameless(read: _Read) -> str:
    if not read.nameless:
        return ""
    first, count = read.nameless[0], len(read.nameless)
    which = first.where if count == 1 else f"{count} rows, the first at {first.where},"
    return f"{which} cannot be told whose it is: {first.message}"


def _fall(source: Source, read: _Read, former: int, missing: int, max_fall: float) -> str:
    if not missing:
        return ""
    accept = f"If that is right, run `traceobject reindex --accept {source.name!r}`"
    if missing == former and not read.records:
        return f"the feed names nothing any more, and had {former} entries. {accept}"
    if former >= LEAST_ENTRIES and missing > max_fall * former:
        return (
            f"the feed names {former - missing} of the {former} entries that it had (max_fall is {max_fall}). {accept}"
        )
    return ""
