"""Local features of catalogue pictures: made at night, kept as records in append-only shards, read by memory map."""

from __future__ import annotations

import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from pathlib import Path

import numpy as np
import numpy.typing as npt

from embedding.image.regions import WHOLE
from embedding.local import (
    CATALOGUE_PLAN,
    RECORD_BYTES,
    RECORD_VERSION,
    LocalFeatures,
    extract,
)
from index.stores.images import ImageStore
from index.stores.shards import RowKey, ShardedRows

WORKERS = 2
# How many pictures' features that the night has not made yet are kept in memory: some 30 MB.
MAX_COMPUTED = 500


# uint8 [RECORD_BYTES] as LocalFeatures.to_record makes it.
Record = npt.NDArray[np.uint8]


def _ignore(_: bool) -> None:
    """An `on_lookup` that does nothing."""


class FeatureStore:
    """The local features of a workspace's pictures. Losing them costs time, never an answer.

    One writer at a time (the workspace's lock); any number of readers, in any number of threads. `on_lookup` is called
    for each image with whether its features were there, stored or in memory, or had to be computed.
    """

    def __init__(self, root: Path, images: ImageStore, on_lookup: Callable[[bool], None] = _ignore) -> None:
        self.root, self.images, self.on_lookup = root, images, on_lookup
        self._folder = root / f"xfeat-{RECORD_VERSION}"
        self._stored = self._open()
        self._computed: OrderedDict[str, LocalFeatures] = OrderedDict()
        self._lock = threading.Lock()

    def with_lookups(self, on_lookup: Callable[[bool], None]) -> FeatureStore:
        """The same store with another `on_lookup`."""
        other = copy(self)
        other.on_lookup = on_lookup
        return other

    def refresh(self) -> None:
        """See what the disk has now; a job calls it once it has locked the workspace, before it writes."""
        if not self._stored.is_current():
            self._stored = self._open()

    def get(self, images: Sequence[str]) -> list[LocalFeatures]:
        """The features of images; those that are not stored, or damaged, are computed.

        Raises:
            UnknownEntry: an image is not in the image store.
            ModelUnavailable: features are missing and cannot be computed on this machine.
        """
        if self.missing(images):
            self.refresh()
        stored = self._stored
        rows = stored.rows_of(images, WHOLE)
        records = stored.get(rows[rows >= 0])
        intact = iter(stored.is_intact(rows[rows >= 0], records).tolist())
        found = iter(records)
        kept = {image: next(found) for image, row in zip(images, rows.tolist(), strict=True) if row >= 0}
        record_of = {image: each for image, each in kept.items() if next(intact)}

        def one(image: str) -> LocalFeatures:
            if image not in record_of:
                return self._compute(image)
            self.on_lookup(True)
            return LocalFeatures.from_record(record_of[image])

        with ThreadPoolExecutor(WORKERS, thread_name_prefix="features") as pool:
            return list(pool.map(one, images))

    def missing(self, images: Sequence[str]) -> list[str]:
        """Those of some images whose features are not stored, in their order."""
        return [image for image, row in zip(images, self._stored.rows_of(images, WHOLE), strict=True) if row < 0]

    def append(self, records: Mapping[str, Record]) -> None:
        """Store records by image. When this returns they survive a power cut. Those stored already are skipped."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if records:
            self._stored.append([RowKey(image, WHOLE) for image in records], np.stack(list(records.values())))

    def discard_damaged(self) -> int:
        """Erase records that do not match their checksums, so that they are made again; returns how many there were."""
        damaged = self._stored.damaged()
        if damaged:
            self._stored.discard(damaged)
        return len(damaged)

    def discard_unused(self, used: Collection[str], min_share: float | None = None) -> int:
        """Erase the records of images that are not `used`: see ShardedRows.discard_unused."""
        return self._stored.discard_unused(used, min_share)

    def delete_former(self) -> None:
        """Delete the features of other versions, which nothing reads."""
        for path in self.root.glob("*"):
            if path != self._folder and path.is_dir():
                shutil.rmtree(path)

    def _open(self) -> ShardedRows:
        return ShardedRows(self._folder, "features", np.uint8, RECORD_BYTES)

    def _compute(self, image: str) -> LocalFeatures:
        """Features that are not stored, computed now and kept in memory for a while."""
        with self._lock:
            is_kept = image in self._computed
            self.on_lookup(is_kept)
            if is_kept:
                self._computed.move_to_end(image)
                return self._computed[image]
        features = LocalFeatures.from_record(record(self.images, image))
        with self._lock:
            self._computed[image] = features
            while len(self._computed) > MAX_COMPUTED:
                self._computed.popitem(last=False)
        return features


def record(images: ImageStore, image: str) -> Record:
    """The features of a picture, computed, as a record: an answer is the same from stored ones and from new ones.

    Raises:
        UnknownEntry: the image is not in the image store.
        ModelUnavailable: features cannot be computed on this machine.
    """
    return extract(images.pixels(image), CATALOGUE_PLAN).to_record()
