"""Local features of catalogue pictures: computed on first use and stored, the least recently used deleted.

A file is the bytes of the features and their CRC-32. Compressed they would take two thirds of the space, but a search,
which reads a hundred, would spend 70 ms of processor time on them instead of 5.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from embedding.local import CATALOGUE_PLAN, FeaturesInvalid, LocalFeatures, extract
from index.stores.images import ImageStore

# For some 65,000 pictures.
MAX_BYTES = 6_000_000_000
WORKERS = 2
_CHECKSUM_SIZE = 4


def _ignore(_: bool) -> None:
    """An `on_lookup` that does nothing."""


@dataclass(frozen=True)
class FeatureStore:
    """A folder of local features, one file an image. Losing it costs time, never an answer.

    `on_lookup` is called for each image with whether its features were stored, from several threads.
    """

    root: Path
    images: ImageStore
    max_bytes: int = MAX_BYTES
    on_lookup: Callable[[bool], None] = _ignore

    def path(self, sha256: str) -> Path:
        """The file of an image's features, whether or not it exists."""
        return self.root / sha256[:2] / f"{sha256}.features"

    def get(self, images: Sequence[str]) -> list[LocalFeatures]:
        """The features of images; those that are not stored are computed.

        Raises:
            UnknownEntry: an image is not in the image store.
            ModelUnavailable: features are missing and cannot be computed on this machine.
        """
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="features") as pool:
            return list(pool.map(self._one, images))

    def prune(self) -> int:
        """Delete the least recently used features beyond `max_bytes`; returns how many files were deleted."""
        files = sorted(((path.stat(), path) for path in self.root.glob("*/*.features")), key=lambda f: f[0].st_mtime)
        excess = sum(status.st_size for status, _ in files) - self.max_bytes
        deleted = 0
        for status, path in files:
            if excess <= 0:
                break
            path.unlink(missing_ok=True)
            excess -= status.st_size
            deleted += 1
        return deleted

    def _one(self, sha256: str) -> LocalFeatures:
        path = self.path(sha256)
        try:
            features = LocalFeatures.from_bytes(_checked(path.read_bytes()))
            os.utime(path)
            self.on_lookup(True)
        except (OSError, FeaturesInvalid):
            # Never computed, damaged by a crash, or of an older version.
            self.on_lookup(False)
            features = extract(self.images.pixels(sha256), CATALOGUE_PLAN)
            self._write(path, features.to_bytes())
            # Rounded as in the file, so that the first and the second answer to a query are the same.
            return LocalFeatures.from_bytes(features.to_bytes())
        return features

    def _write(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # No fsync: a damaged file is noticed by its checksum and computed again.
        aside = path.with_name(f".{path.name}.{os.getpid()}.{id(data):x}")
        aside.write_bytes(data + _checksum(data))
        aside.replace(path)


def _checked(stored: bytes) -> bytes:
    """The content of a file, without its checksum.

    Raises:
        FeaturesInvalid: it is damaged.
    """
    data = stored[:-_CHECKSUM_SIZE]
    if stored[-_CHECKSUM_SIZE:] != _checksum(data):
        raise FeaturesInvalid(f"{len(stored)} bytes of local features are damaged: compute them again")
    return data


def _checksum(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(_CHECKSUM_SIZE, "little")
