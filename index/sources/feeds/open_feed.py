"""Feeds opened: the format named or found by content, rows made into records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from index.errors import FeedError
from index.records.feed_records import Collection, FeedRow, ObjectRecord, ProductRecord, Refusal
from index.sources.feeds import columns, text
from index.sources.feeds.columns import NO_DEFAULTS, Defaults
from index.sources.feeds.delimited import DelimitedReader
from index.sources.feeds.folder import FolderReader
from index.sources.feeds.google import GoogleReader
from index.sources.feeds.jsonl import JsonReader
from index.sources.feeds.parquet import ParquetReader
from index.sources.feeds.protocol import FeedReader
from index.sources.feeds.schemaorg import SchemaOrgReader
from index.sources.feeds.shopify import ShopifyReader
from index.sources.feeds.webdataset import WebDatasetReader

# In the order in which they are tried: the most specific first.
READERS: tuple[FeedReader, ...] = (
    ParquetReader(),
    WebDatasetReader(),
    SchemaOrgReader(),
    FolderReader(),
    GoogleReader(),
    ShopifyReader(),
    JsonReader(),
    DelimitedReader(),
)
FORMATS: tuple[str, ...] = ("folder", "csv", "jsonl", "parquet", "google", "shopify", "schemaorg", "webdataset")
# A folder with one of these files is that feed; its pictures are those that the feed names.
_FEED_FILES: dict[Collection, tuple[str, ...]] = {
    "catalogue": tuple(f"products.{ending}" for ending in ("csv", "tsv", "jsonl", "json", "parquet", "xml")),
    "objects": tuple(f"objects.{ending}" for ending in ("csv", "tsv", "jsonl", "json")),
}

_Record = TypeVar("_Record", ProductRecord, ObjectRecord)


def read_products(
    path: Path, format: str = "auto", defaults: Defaults = NO_DEFAULTS
) -> Iterator[ProductRecord | Refusal]:
    """Stream a feed's products and what had to be left out, in the feed's order and in bounded memory.

    Several records may describe one product. The feed is opened at once, the rows are read as they are asked for.
    Raises FeedError, at once or while streaming.
    """
    path = _feed_file(path, format, "catalogue")
    reader = _opened(path, format, "catalogue")
    base = _base(path)
    return _records(reader, path, lambda row: columns.product(row, base, str(path), defaults))


def read_objects(path: Path, format: str = "auto") -> Iterator[ObjectRecord | Refusal]:
    """Stream an authority's published objects and what had to be left out. Raises FeedError as read_products does."""
    path = _feed_file(path, format, "objects")
    reader = _opened(path, format, "objects")
    base = _base(path)
    return _records(reader, path, lambda row: columns.published_object(row, base, str(path)))


def detect(path: Path) -> str:
    """Return the name of the format in which a feed is written. Raises FeedError where it is missing or unknown."""
    return _detected(path).format


def _records(
    reader: FeedReader, path: Path, mapping: Callable[[FeedRow], _Record | Refusal]
) -> Iterator[_Record | Refusal]:
    base = _base(path)
    for row in reader.rows(path):
        if isinstance(row, Refusal):
            yield row
            continue
        record = mapping(row)
        yield record
        if isinstance(record, Refusal):
            continue
        yield from columns.unusable_fields(record, row, str(path))
        if len(record.pictures) < len(row.pictures):
            yield from columns.unusable_pictures(row, base, str(path))


def _opened(path: Path, format: str, collection: Collection) -> FeedReader:
    if not path.exists():
        raise FeedError(f"{path}: no such file or folder. Check the path.")
    reader = _detected(path) if format == "auto" else _named(format)
    header = reader.columns(path)
    if header is not None:
        columns.require_columns(header, collection, str(path))
    return reader


def _named(format: str) -> FeedReader:
    for reader in READERS:
        if reader.format == format:
            return reader
    raise FeedError(f"{format}: no such feed format. There are auto, {', '.join(FORMATS)}.")


def _detected(path: Path) -> FeedReader:
    if not path.exists():
        raise FeedError(f"{path}: no such file or folder. Check the path.")
    head = b"" if path.is_dir() else text.read_head(path)
    for reader in READERS:
        if reader.recognises(path, head):
            return reader
    begins = "is empty" if not head else f"begins with {text.head_text(head)[:60]!r}"
    raise FeedError(
        f"{path}: the format is not recognised by content: it {begins}. A CSV feed begins with a line of column names, "
        f"an identifier and a picture among them. Name the format if you know it: {', '.join(FORMATS)}."
    )


def _feed_file(path: Path, format: str, collection: Collection) -> Path:
    """Return the feed file that a folder carries, or the path itself."""
    if path.is_dir() and format != "folder":
        return next((path / name for name in _FEED_FILES[collection] if (path / name).is_file()), path)
    return path


def _base(path: Path) -> Path:
    return path if path.is_dir() else path.parent
