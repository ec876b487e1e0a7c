"""A digest of a feed: the same feed, read by the same code, gives the same records and need not be read again."""

from __future__ import annotations

import hashlib
import os
import time
from functools import cache
from pathlib import Path

from index.records import entries, gtin
from index.records import feed_records as records
from index.sources import feeds, web_address

# A file written within the tick of a clock can change once more and keep its time.
_SETTLED_NS = 2_000_000_000


def feed_digest(location: Path, feed_format: str, encoding: str = "") -> str:
    """A SHA-256 over a feed: a file's bytes; of a folder every file's name, size and time of change.

    Returns:
        "" where there is none: the feed is missing or cannot be read, or its folder was changed just now.
    """
    digest = hashlib.sha256(f"{readers()} {feed_format} {encoding} {location}\n".encode("utf-8", "surrogateescape"))
    try:
        if location.is_dir():
            newest = _add_folder(digest, location)
            return digest.hexdigest() if time.time_ns() - newest > _SETTLED_NS else ""
        with location.open("rb") as file:
            return hashlib.file_digest(file, lambda: digest).hexdigest()
    except OSError:
        return ""


@cache
def readers() -> str:
    """A digest of the code that reads feeds: another version may read the same feed otherwise."""
    digest = hashlib.sha256()
    folder = Path(str(feeds.__file__)).parent
    modules = (records, entries, gtin, web_address)
    for path in (*sorted(folder.glob("*.py")), *(Path(str(module.__file__)) for module in modules)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _add_folder(digest: hashlib._Hash, root: Path) -> int:
    """Add every file below a folder; the newest time of change, in nanoseconds."""
    newest = 0
    visited: set[tuple[int, int]] = set()
    waiting = [str(root)]
    while waiting:
        folder = waiting.pop()
        about = os.stat(folder)  # noqa: PTH116 - a hundred thousand Path objects would cost more than the walk
        # A folder counts once, whatever links lead to it, so that a loop of links ends.
        if (about.st_dev, about.st_ino) in visited:
            continue
        visited.add((about.st_dev, about.st_ino))
        newest = max(newest, about.st_mtime_ns)
        with os.scandir(folder) as listed:
            for entry in sorted(listed, key=lambda one: one.name):
                if entry.is_dir():
                    waiting.append(entry.path)
                    continue
                try:
                    about = entry.stat()
                except FileNotFoundError:  # a link that leads nowhere
                    continue
                newest = max(newest, about.st_mtime_ns)
                line = f"{os.path.relpath(entry.path, root)}\0{about.st_size}\0{about.st_mtime_ns}\n"
                digest.update(line.encode("utf-8", "surrogateescape"))
    return newest
