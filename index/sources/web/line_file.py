"""The lines of a text file that may be packed, in bounded memory, and whether the packed file ended as it should."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from index.errors import FeedError
from index.sources.fetching.outcomes import shown

LINE_BYTES = 16_000_000
"""The longest line that is read: products with all their history have some hundred thousand bytes."""

# Honest text shrinks to a hundredth at most.
_MOST_RATIO, _FREE_BYTES = 1000, 64_000_000


def lines_of(path: Path, place: str) -> Iterator[tuple[int, bytes]]:
    """Each line with its number from 1. `place` is how the file is called in an error.

    Raises:
        FeedError: it is cut short, damaged, unpacks to far more than it can be, or has a line that does not end.
    """
    packed = path.open("rb").read(2) == b"\x1f\x8b"
    most = max(_FREE_BYTES, _MOST_RATIO * path.stat().st_size)
    unpacked = number = 0
    with cast(BinaryIO, gzip.open(path) if packed else path.open("rb")) as file:
        while True:
            try:
                line = file.readline(LINE_BYTES)
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise FeedError(f"{shown(place)}: the packed file is cut short or damaged ({error}).") from None
            if not line:
                return
            number += 1
            unpacked += len(line)
            if unpacked > most:
                raise FeedError(f"{shown(place)}: unpacks to over {_MOST_RATIO} times its size: this is no dump.")
            if len(line) >= LINE_BYTES and not line.endswith(b"\n"):
                raise FeedError(f"{shown(place)}: line {number} has over {LINE_BYTES:,} bytes: this is no dump.")
            yield number, line
