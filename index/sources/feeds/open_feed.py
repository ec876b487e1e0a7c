"""Feeds opened: the format named or found by content, rows made into records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from index.errors import FeedError
from index.records.feed_records import Collection, FeedRow, ObjectRecord, ProductRecord, Refusal, RefusedRow
from index.sources.feeds import columns, mapping, text
from index.sources.feeds.delimited import DelimitedReader
from index.sources.feeds.encodings import is_encoding
from index.sources.feeds.feed_file import FeedFile
from index.sources.feeds.folder import FolderReader
from index.sources.feeds.google import GoogleReader
from index.sources.feeds.jsonl import JsonReader
from index.sources.feeds.mapping import NO_DEFAULTS, Defaults
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
_COMPRESSED = ("", ".gz", ".zip", ".zst")

_Record = TypeVar("_Record", ProductRecord, ObjectRecord)


def read_products(
    path: Path, format: str = "auto", defaults: Defaults = NO_DEFAULTS, encoding: str = ""
) -> Iterator[ProductRecord | Refusal]:
    """Stream a feed's products and what had to be left out, in the feed's order and in bounded memory.

    Several records may describe one product. A refused row of an entry is a RefusedEntry. The feed is opened at once,
    the rows are read as they are asked for.

    Args:
        encoding: of the feed's text; without it, it is found by content.

    Raises:
        FeedError: at once or while streaming: the feed cannot be read.
        FeedIncomplete: while streaming, after what could be read: it did not end as its format ends.
    """
    feed = FeedFile(feed_file(path, format, "catalogue"), encoding)
    reader = _opened(feed, format, "catalogue")
    base, name = feed.base, str(feed)
    return _records(reader, feed, "catalogue", lambda row: mapping.product(row, base, name, defaults))


def read_objects(path: Path, format: str = "auto", encoding: str = "") -> Iterator[ObjectRecord | Refusal]:
    """Stream an authority's published objects and what had to be left out. Raises as read_products does."""
    feed = FeedFile(feed_file(path, format, "objects"), encoding)
    reader = _opened(feed, format, "objects")
    base, name = feed.base, str(feed)
    return _records(reader, feed, "objects", lambda row: mapping.published_object(row, base, name))


def detect(path: Path) -> str:
    """Return the name of the format in which a feed is written. Raises FeedError where it is missing or unknown."""
    return _detected(FeedFile(path)).format


def _records(
    reader: FeedReader,
    feed: FeedFile,
    collection: Collection,
    records: Callable[[FeedRow], Sequence[_Record | Refusal]],
) -> Iterator[_Record | Refusal]:
    for row in reader.rows(feed):
        if isinstance(row, RefusedRow):
            yield mapping.refused_entry(row, collection)
        elif isinstance(row, Refusal):
            yield row
        else:
            yield from records(row)


def _opened(feed: FeedFile, format: str, collection: Collection) -> FeedReader:
    if not feed.path.exists():
        raise FeedError(f"{feed}: no such file or folder. Check the path.")
    if feed.encoding and not is_encoding(feed.encoding):
        raise FeedError(
            f"{feed.encoding[:40]!r} is no text encoding that is known here: write utf-8, cp1250 or the like."
        )
    reader = _detected(feed) if format == "auto" else _named(format)
    header = reader.columns(feed)
    if header is not None:
        columns.require_columns(header, collection, str(feed))
    return reader


def _named(format: str) -> FeedReader:
    for reader in READERS:
        if reader.format == format:
            return reader
    raise FeedError(f"{format}: no such feed format. There are auto, {', '.join(FORMATS)}.")


def _detected(feed: FeedFile) -> FeedReader:
    if not feed.path.exists():
        raise FeedError(f"{feed}: no such file or folder. Check the path.")
    head = feed.head()
    for reader in READERS:
        if reader.recognises(feed, head):
            return reader
    begins = "is empty" if not head else f"begins with {text.head_text(head, feed.encoding)[:60]!r}"
    raise FeedError(
        f"{feed}: the format is not recognised by content: it {begins}. A CSV feed begins with a line of column names, "
        f"an identifier and a picture among them. Name the format if you know it: {', '.join(FORMATS)}."
    )


def feed_file(path: Path, format: str, collection: Collection) -> Path:
    """Return the feed file that a folder carries, or the path itself."""
    if path.is_dir() and format != "folder":
        files = (path / f"{name}{ending}" for name in _FEED_FILES[collection] for ending in _COMPRESSED)
        return next((file for file in files if file.is_file()), path)
    return path
