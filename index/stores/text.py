"""What was read off pictures, kept by content under one version of the reader, so that nothing is read twice.

On disk: text/<version>.sqlite, whose rows are added and never changed. Each has the CRC-32 of its reading, so that
damage is noticed; damaged readings count as missing, and are made again. Discarded readings are erased from the disk.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from embedding.text.reading import Code, LanguageGuess, Reading, TextLine
from index.errors import WorkspaceError
from index.stores.durable import sync_folder

_TABLE = "CREATE TABLE IF NOT EXISTS readings (image TEXT PRIMARY KEY, reading BLOB NOT NULL, crc INTEGER NOT NULL)"
_AT_ONCE = 5_000  # images asked for in one statement


class TextStore:
    """The readings of one version of the reader. One writer at a time (the workspace's lock); any number of readers."""

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

    @classmethod
    def open(cls, root: Path, version: str) -> Self:
        """Open, or create, the readings of a version below `root`.

        Raises:
            WorkspaceError: the file is damaged as a whole.
        """
        return cls(root / f"{version}.sqlite")

    @classmethod
    def all(cls, root: Path) -> Iterator[Self]:
        """Open the readings of every version that was ever used below `root`, one after the other."""
        for path in sorted(root.glob("*.sqlite")):
            with closing(cls(path)) as store:
                yield store

    def close(self) -> None:
        self._connection.close()

    def append(self, readings: Mapping[str, Reading]) -> None:
        """Store readings by image. When this returns they survive a power cut. Those stored already are skipped."""
        rows = [(image, data := to_bytes(each), zlib.crc32(data)) for image, each in readings.items()]
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT OR IGNORE INTO readings VALUES (?,?,?)", rows)
        self._connection.execute("COMMIT")

    def images(self) -> set[str]:
        """The images that were read."""
        return {image for (image,) in self._connection.execute("SELECT image FROM readings")}

    def get(self, images: Iterable[str]) -> Iterator[tuple[str, Reading]]:
        """The readings of those images that were read, in any order, without damaged ones."""
        wanted = list(images)
        for start in range(0, len(wanted), _AT_ONCE):
            names = json.dumps(wanted[start : start + _AT_ONCE])
            query = "SELECT image, reading, crc FROM readings WHERE image IN (SELECT value FROM json_each(?))"
            for image, data, crc in self._connection.execute(query, (names,)):
                if zlib.crc32(data) == crc:
                    yield image, from_bytes(data)

    def damaged(self) -> list[str]:
        """Images whose reading does not match its checksum; reads everything."""
        rows = self._connection.execute("SELECT image, reading, crc FROM readings ORDER BY image")
        return [image for image, data, crc in rows if zlib.crc32(data) != crc]

    def discard(self, images: Collection[str]) -> int:
        """Erase readings from the disk; returns how many there were."""
        before = self._connection.total_changes
        rows = [(image,) for image in images]
        self._connection.execute("BEGIN")
        self._connection.executemany("DELETE FROM readings WHERE image = ?", rows)
        self._connection.execute("COMMIT")
        return self._connection.total_changes - before


def to_bytes(reading: Reading) -> bytes:
    """A reading as JSON in UTF-8; the same bytes for equal readings."""
    return json.dumps(asdict(reading), ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def from_bytes(data: bytes) -> Reading:
    """The inverse of `to_bytes`."""
    raw = json.loads(data)
    return Reading(
        tuple(TextLine(each["words"], each["confidence"], _corners(each["corners"])) for each in raw["lines"]),
        tuple(Code(each["kind"], each["content"], _corners(each["corners"])) for each in raw["codes"]),
        None if raw["language"] is None else LanguageGuess(**raw["language"]),
    )


def _corners(points: Sequence[Sequence[float]]) -> Any:
    return tuple((x, y) for x, y in points)
