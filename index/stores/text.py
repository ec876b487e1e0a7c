"""What was read off pictures, kept by content under one version of the reader, so that nothing is read twice.

A reading has a checksum, so that damage is noticed; damaged readings count as missing, and are made again.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing
from typing import Protocol

import numpy as np

from embedding.image.regions import WHOLE
from embedding.text.reading import Reading
from index.stores.objects.protocol import ObjectStore
from index.stores.packed import PackedContents
from index.stores.reading_format import from_bytes, to_bytes
from index.stores.row_keys import RowKey
from index.stores.text_file import TextFile

FOLDER = "text"
_FILE = re.compile(rf"{FOLDER}/([^/]+)\.sqlite")
# So many images' readings are read together.
_AT_ONCE = 5_000
_SHARD = re.compile(rf"{FOLDER}/([^/]+)/[^/]+\.readings")


class TextStore(Protocol):
    """The readings of one version of the reader. One writer at a time (the workspace's lock); any number of readers."""

    def close(self) -> None: ...

    def append(self, readings: Mapping[str, Reading]) -> None:
        """Store readings by image. When this returns they survive a power cut. Those stored already are skipped."""

    def images(self) -> set[str]:
        """The images that were read."""

    def get(self, images: Iterable[str]) -> Iterator[tuple[str, Reading]]:
        """The readings of those images that were read, in any order, without damaged ones."""

    def damaged(self) -> list[str]:
        """Images whose reading does not match its checksum; reads everything."""

    def discard(self, images: Collection[str]) -> int:
        """Erase readings; returns how many there were."""


def open_text(objects: ObjectStore, version: str) -> TextStore:
    """Open, or create, the readings of a version of the reader: text/<version>.sqlite, or shards in an object store.

    Raises:
        WorkspaceError: a file is damaged as a whole.
    """
    if objects.appendable is not None:
        return TextFile(objects.appendable / FOLDER / f"{version}.sqlite")
    return PackedText(PackedContents(objects, f"{FOLDER}/{version}", "readings"))


def text_versions(objects: ObjectStore) -> list[str]:
    """The versions of the reader that have readings, or had some."""
    pattern = _SHARD if objects.appendable is None else _FILE
    found = (pattern.fullmatch(key) for key, _ in objects.list_objects(FOLDER))
    return sorted({each[1] for each in found if each is not None})


def every_text(objects: ObjectStore) -> Iterator[TextStore]:
    """Open the readings of every version, one after the other."""
    for version in text_versions(objects):
        with closing(open_text(objects, version)) as store:
            yield store


class PackedText:
    """Readings as contents of shards in an object store; the key is the whole image's."""

    def __init__(self, contents: PackedContents) -> None:
        self._contents = contents

    def close(self) -> None:
        """Nothing is open."""

    def append(self, readings: Mapping[str, Reading]) -> None:
        keys = [RowKey(image, WHOLE) for image in readings]
        self._contents.append(keys, [to_bytes(reading) for reading in readings.values()])

    def images(self) -> set[str]:
        return {image.tobytes().hex() for image in self._contents.images()}

    def get(self, images: Iterable[str]) -> Iterator[tuple[str, Reading]]:
        wanted = list(images)
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            rows = self._contents.rows_of(part, WHOLE)
            there = rows[rows >= 0]
            found = self._contents.get(there)
            intact = self._contents.is_intact(there, found)
            names = [image for image, row in zip(part, rows, strict=True) if row >= 0]
            for image, data, is_intact in zip(names, found, intact, strict=True):
                if is_intact:
                    yield image, from_bytes(data)

    def damaged(self) -> list[str]:
        return sorted({key.sha256 for key in self._contents.keys(np.array(self._contents.damaged(), np.int64))})

    def discard(self, images: Collection[str]) -> int:
        names = {bytes.fromhex(image) for image in images}
        rows = np.flatnonzero([image.tobytes() in names for image in self._contents.images()])
        if len(rows):
            self._contents.discard(rows)
        return len(rows)
