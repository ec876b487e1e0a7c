"""What every feed reader offers: a format in, rows with the feed's own column names out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from index.records.feed_records import FeedRow, Refusal


class FeedReader(Protocol):
    """Reads one format. It knows how rows are written, not what a column means."""

    format: str

    def recognises(self, path: Path, head: bytes) -> bool:
        """Tell from the first bytes (empty for a folder) whether the feed is written in this format."""
        ...

    def columns(self, path: Path) -> tuple[str, ...] | None:
        """Return the columns that every row has, or None where each row names its own. Raises FeedError."""
        ...

    def rows(self, path: Path) -> Iterator[FeedRow | Refusal]:
        """Stream the rows in bounded memory; what cannot be read becomes a Refusal and the rest goes on.

        Raises FeedError where the feed as a whole cannot be read.
        """
        ...
