"""What every feed reader offers: a format in, rows with the feed's own column names out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from index.records.feed_records import FeedRow, Refusal
from index.sources.feeds.feed_file import FeedFile


class FeedReader(Protocol):
    """Reads one format. It knows how rows are written, not what a column means."""

    format: str

    def recognises(self, feed: FeedFile, head: bytes) -> bool:
        """Whether the feed is written in this format, by its first bytes (none of a folder)."""
        ...

    def columns(self, feed: FeedFile) -> tuple[str, ...] | None:
        """Return the columns that every row has, or None where each row names its own. Raises FeedError."""
        ...

    def rows(self, feed: FeedFile) -> Iterator[FeedRow | Refusal]:
        """Stream the rows in bounded memory; a row that cannot be read becomes a RefusedRow, and the rest is read.

        The rows end without an error only if the feed ended as its format ends, and all of it could be read.

        Raises:
            FeedError: the feed as a whole cannot be read.
            FeedIncomplete: after the rows that could be read: the feed is cut short, or a part of it is not readable.
        """
        ...
