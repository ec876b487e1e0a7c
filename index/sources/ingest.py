"""A feed into the catalogue: rows added, changed, gone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from typing import TypeVar

from index.progress import Progress
from index.records.catalogue import Catalogue, Changes, Source
from index.records.entries import fields_of
from index.records.feed_records import Refusal
from index.records.tombstones import Forgotten
from index.sources.feed_digest import feed_digest
from index.sources.feeds.open_feed import read_objects, read_products

BATCH = 1000

T = TypeVar("T")


def ingest(source: Source, catalogue: Catalogue, today: date, progress: Progress, *, full: bool = False) -> Changes:
    """Read a source's feed from end to end into the catalogue; a row that cannot be read is a Refusal on record.

    A feed that is what it was at its last complete reading is not read again, unless `full`. What was forgotten does
    not come back with its feed.

    Raises:
        FeedError: the feed as a whole cannot be read; nothing is taken as gone then.
    """
    # Before the reading: what is written to the feed meanwhile makes it another feed the next time.
    digest = feed_digest(Path(source.location), source.format)
    if digest and digest == source.digest and not full:
        return catalogue.confirm_reading(source, today)
    read = read_products if source.collection == "catalogue" else read_objects
    records = read(Path(source.location), source.format)
    source = catalogue.begin_reading(source)
    forgotten = Forgotten.of(catalogue.database)
    changes, refused = Changes(), []
    with progress.step(f"reading {source.name}") as tick:
        for batch in _batches(records, BATCH):
            refused += [item for item in batch if isinstance(item, Refusal)]
            named = [(fields_of(item, source.name), item.pictures) for item in batch if not isinstance(item, Refusal)]
            rows = [row for row in named if not forgotten.has(source.collection, source.name, row[0].entry_id)]
            if rows:
                changes += catalogue.record(source, rows, today)
            tick(len(batch))
    catalogue.set_refusals(source, "rows", refused)
    return changes + catalogue.finish_reading(source, today, digest)


def _batches(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while batch := list(islice(items, size)):
        yield batch
