"""Readings of text in a file: text/<version>.sqlite, whose rows are added and never changed.

Each has the CRC-32 of its reading. Discarded readings are erased from the disk.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from embedding.text.reading import Reading
from index.errors import WorkspaceError
from index.stores.durable import sync_folder
from index.stores.reading_format import from_bytes, to_bytes

_TABLE = "CREATE TABLE IF NOT EXISTS readings (image TEXT PRIMARY KEY, reading BLOB NOT NULL, crc INTEGER NOT NULL)"
_AT_ONCE = 5_000  # images asked for in one statement


class TextFile:
    """The readings of one version of the reader: see TextStore."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        existed = path.exists()
        try:
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            # Deleted rows are overwritten with zeros, and a finished transaction survives a power cut.
            self._connection.executescript("PRAGMA secure_delete=ON; PRAGMA synchronous=FULL;" + _TABLE)
        except sqlite3.Error as error:
            raise WorkspaceError(
                f"{path} cannot be read ({error}): delete it, and its pictures are read again"
            ) from error
        if not existed:
            sync_folder(path.parent)

    def close(self) -> None:
        self._connection.close()

    def append(self, readings: Mapping[str, Reading]) -> None:
        rows = [(image, data := to_bytes(each), zlib.crc32(data)) for image, each in readings.items()]
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT OR IGNORE INTO readings VALUES (?,?,?)", rows)
        self._connection.execute("COMMIT")

    def images(self) -> set[str]:
        return {image for (image,) in self._connection.execute("SELECT image FROM readings")}

    def get(self, images: Iterable[str]) -> Iterator[tuple[str, Reading]]:
        wanted = list(images)
        for start in range(0, len(wanted), _AT_ONCE):
            names = json.dumps(wanted[start : start + _AT_ONCE])
            query = "SELECT image, reading, crc FROM readings WHERE image IN (SELECT value FROM json_each(?))"
            for image, data, crc in self._connection.execute(query, (names,)):
                if zlib.crc32(data) == crc:
                    yield image, from_bytes(data)

    def damaged(self) -> list[str]:
        rows = self._connection.execute("SELECT image, reading, crc FROM readings ORDER BY image")
        return [image for image, data, crc in rows if zlib.crc32(data) != crc]

    def discard(self, images: Collection[str]) -> int:
        before = self._connection.total_changes
        rows = [(image,) for image in images]
        self._connection.execute("BEGIN")
        self._connection.executemany("DELETE FROM readings WHERE image = ?", rows)
        self._connection.execute("COMMIT")
        return self._connection.total_changes - before
