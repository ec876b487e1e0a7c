"""A feed into the catalogue: rows added, changed, gone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from typing import TypeVar

from index.catalogue import Catalogue, Changes, Source
from index.entries import fields_of
from index.feeds.open_feed import read_objects, read_products
from index.progress import Progress
from index.records import Refusal

BATCH = 1000

T = TypeVar("T")


def ingest(source: Source, catalogue: Catalogue, today: date, progress: Progress) -> tuple[Changes, list[Refusal]]:
    """Read a source's feed from end to end into the catalogue; a row that cannot be read is a Refusal.

    Raises:
        FeedError: the feed as a whole cannot be read; nothing is taken as gone then.
    """
    read = read_products if source.collection == "catalogue" else read_objects
    records = read(Path(source.location), source.format)
    source = catalogue.begin_reading(source)
    changes, refused = Changes(), []
    with progress.step(f"reading {source.name}") as tick:
        for batch in _batches(records, BATCH):
            refused += [item for item in batch if isinstance(item, Refusal)]
            rows = [(fields_of(item, source.name), item.pictures) for item in batch if not isinstance(item, Refusal)]
            if rows:
                changes += catalogue.record(source, rows, today)
            tick(len(batch))
    return changes + catalogue.finish_reading(source, today), refused


def _batches(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while batch := list(islice(items, size)):
        yield batch
