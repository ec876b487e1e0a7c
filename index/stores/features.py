"""Local features of catalogue pictures: computed on first use, kept, the longest unused let go.

A file is the bytes of the features and their CRC-32. Packed they would take two thirds of the room, and a search, which
reads a hundred, would spend 70 ms of processor time on unpacking them instead of 5.
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

# Some 65,000 pictures.
LARGEST = 6_000_000_000
WORKERS = 2
_CHECKSUM = 4


def _unnoted(_: bool) -> None:
    """Nobody counts."""


@dataclass(frozen=True)
class FeatureStore:
    """A folder of local features, one file an image. Losing it costs time, never an answer.

    `noted` is told of each image whether its features were here; it is called from several threads.
    """

    root: Path
    images: ImageStore
    largest: int = LARGEST
    noted: Callable[[bool], None] = _unnoted

    def path(self, sha256: str) -> Path:
        """Where an image's features lie or would lie."""
        return self.root / sha256[:2] / f"{sha256}.features"

    def get(self, images: Sequence[str]) -> list[LocalFeatures]:
        """The features of images, computing those that are not here.

        Raises:
            UnknownEntry: an image is not in the image store.
            ModelUnavailable: features are missing and cannot be computed on this machine.
        """
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="features") as pool:
            return list(pool.map(self._one, images))

    def prune(self) -> int:
        """Delete the longest unused features beyond the bound in bytes; tells how many files went."""
        files = sorted(((path.stat(), path) for path in self.root.glob("*/*.features")), key=lambda f: f[0].st_mtime)
        excess = sum(status.st_size for status, _ in files) - self.largest
        gone = 0
        for status, path in files:
            if excess <= 0:
                break
            path.unlink(missing_ok=True)
            excess -= status.st_size
            gone += 1
        return gone

    def _one(self, sha256: str) -> LocalFeatures:
        path = self.path(sha256)
        try:
            kept = LocalFeatures.from_bytes(_whole(path.read_bytes()))
            os.utime(path)
            self.noted(True)
        except (OSError, FeaturesInvalid):
            # Never computed, cut short by a crash, or of an older version: all the same, compute it.
            self.noted(False)
            kept = extract(self.images.pixels(sha256), CATALOGUE_PLAN)
            self._keep(path, kept.to_bytes())
            # As a later call reads it, so that the first and the second answer to a query are the same bytes.
            return LocalFeatures.from_bytes(kept.to_bytes())
        return kept

    def _keep(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # No fsync: a torn file is noticed by its checksum and computed again.
        aside = path.with_name(f".{path.name}.{os.getpid()}.{id(data):x}")
        aside.write_bytes(data + _checksum(data))
        aside.replace(path)


def _whole(kept: bytes) -> bytes:
    """What was kept, without its checksum.

    Raises:
        FeaturesInvalid: it is damaged.
    """
    data = kept[:-_CHECKSUM]
    if kept[-_CHECKSUM:] != _checksum(data):
        raise FeaturesInvalid(f"{len(kept)} bytes of local features are damaged: compute them again")
    return data


def _checksum(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(_CHECKSUM, "little")
