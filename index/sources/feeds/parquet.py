"""Parquet feeds, read in batches by pyarrow (the extra `feeds`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from index.errors import FeedError
from index.records.feed_records import FeedRow, Refusal
from index.sources.feeds.columns import known
from index.sources.feeds.extras import load
from index.sources.feeds.nested import row_of

_BATCH_ROWS = 1024
_BUFFER_BYTES = 1 << 20


class ParquetReader:
    """Reads a Parquet file's rows in order; only the columns that mean something to a mapping are decoded."""

    format = "parquet"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002
        """Whether the file has the magic number."""
        return head.startswith(b"PAR1")

    def columns(self, path: Path) -> tuple[str, ...] | None:
        """Return the top-level columns of the schema. Raises FeedError."""
        with _opened(path) as file:
            return tuple(file.schema_arrow.names)

    def rows(self, path: Path) -> Iterator[FeedRow | Refusal]:
        """Stream the rows by ordinal. A damaged row group is refused as a whole, the others are read."""
        with _opened(path) as file:
            wanted = [name for name in file.schema_arrow.names if known(name)]
            number = 0
            for group in range(file.num_row_groups):
                first = number + 1
                end = number + file.metadata.row_group(group).num_rows
                try:
                    for batch in file.iter_batches(_BATCH_ROWS, row_groups=[group], columns=wanted):
                        for item in batch.to_pylist():
                            number += 1
                            yield row_of(item, number, f"{path}: row {number}")
                except (
                    OSError,
                    ValueError,
                    TypeError,
                    OverflowError,
                ) as error:  # pyarrow's own errors are kinds of these
                    where = f"{path}: rows {max(first, number + 1)} to {end}"
                    yield Refusal(where, "damaged", f"row group {group} cannot be read: {str(error)[:200]}")
                number = end


def _opened(path: Path) -> Any:
    parquet = load("pyarrow.parquet", f"{path}: a Parquet feed")
    try:
        # Buffered, not pre-buffered: a row group may be far larger than memory, a batch of it is not.
        return parquet.ParquetFile(path, buffer_size=_BUFFER_BYTES, pre_buffer=False)
    except (OSError, ValueError) as error:
        raise FeedError(f"{path}: is not a readable Parquet file: {str(error)[:200]}") from error
