"""Parquet feeds, read in batches by pyarrow (the extra `feeds`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from index.errors import FeedError, FeedIncomplete
from index.records.feed_records import FeedRow, Refusal
from index.sources.feeds.columns import known
from index.sources.feeds.extras import load
from index.sources.feeds.feed_file import FeedFile
from index.sources.feeds.nested import row_of

_BATCH_ROWS = 1024
_BUFFER_BYTES = 1 << 20


class ParquetReader:
    """Reads a Parquet file's rows in order; only the columns that mean something to a mapping are decoded."""

    format = "parquet"

    def recognises(self, feed: FeedFile, head: bytes) -> bool:  # noqa: ARG002
        """Whether the file has the magic number."""
        return head.startswith(b"PAR1")

    def columns(self, feed: FeedFile) -> tuple[str, ...] | None:
        """Return the top-level columns of the schema. Raises FeedError."""
        with _opened(feed) as file:
            return tuple(file.schema_arrow.names)

    def rows(self, feed: FeedFile) -> Iterator[FeedRow | Refusal]:
        """Stream the rows by ordinal. A damaged row group is refused as a whole, the others are read.

        Raises:
            FeedError: it is no Parquet file, or its end, where the schema is, is missing.
            FeedIncomplete: after the rows, where a row group is damaged.
        """
        damaged = 0
        with _opened(feed) as file:
            wanted = [name for name in file.schema_arrow.names if known(name)]
            number = 0
            for group in range(file.num_row_groups):
                first = number + 1
                end = number + file.metadata.row_group(group).num_rows
                try:
                    for batch in file.iter_batches(_BATCH_ROWS, row_groups=[group], columns=wanted):
                        for item in batch.to_pylist():
                            number += 1
                            yield row_of(item, number, f"{feed}: row {number}")
                except (
                    OSError,
                    ValueError,
                    TypeError,
                    OverflowError,
                ) as error:  # pyarrow's own errors are kinds of these
                    where = f"{feed}: rows {max(first, number + 1)} to {end}"
                    yield Refusal(where, "damaged", f"row group {group} cannot be read: {str(error)[:200]}")
                    damaged += end - number
                number = end
        if damaged:
            raise FeedIncomplete(f"{feed}: {damaged} rows are damaged and cannot be read: fetch it again.")


def _opened(feed: FeedFile) -> Any:
    parquet = load("pyarrow.parquet", f"{feed}: a Parquet feed")
    if compression := feed.compression():
        raise FeedError(f"{feed}: a Parquet file inside {compression} is not read: unpack it first.")
    try:
        # Buffered, not pre-buffered: a row group may be far larger than memory, a batch of it is not.
        return parquet.ParquetFile(feed.path, buffer_size=_BUFFER_BYTES, pre_buffer=False)
    except (OSError, ValueError) as error:
        raise FeedError(f"{feed}: is not a readable Parquet file: {str(error)[:200]}") from error
