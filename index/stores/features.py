"""Local features of catalogue pictures: made at night, kept as records of 16,000 bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy

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
from index.stores.objects.protocol import ObjectMissing, ObjectStore
from index.stores.row_keys import RowKey
from index.stores.rows import StoredRows, open_rows

FOLDER = "features"
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

    def __init__(self, objects: ObjectStore, images: ImageStore, on_lookup: Callable[[bool], None] = _ignore) -> None:
        self.objects, self.images, self.on_lookup = objects, images, on_lookup
        self._folder = f"{FOLDER}/xfeat-{RECORD_VERSION}"
        self._stored: StoredRows = open_rows(objects, self._folder, "features", np.uint8, RECORD_BYTES)
        self._computed: OrderedDict[str, LocalFeatures] = OrderedDict()
        self._lock = threading.Lock()

    def with_lookups(self, on_lookup: Callable[[bool], None]) -> FeatureStore:
        """The same store with another `on_lookup`."""
        other = copy(self)
        other.on_lookup = on_lookup
        return other

    def refresh(self) -> None:
        """See what is stored now; a job calls it once it has locked the workspace, before it writes."""
        if not self._stored.is_current():
            self._stored = self._stored.reopened()

    def get(self, images: Sequence[str]) -> list[LocalFeatures]:
        """The features of images; those that are not stored, or damaged, are computed.

        Raises:
            UnknownEntry: an image is not in the image store.
            ModelUnavailable: features are missing and cannot be computed on this machine.
        """
        if self.missing(images):
            self.refresh()
        try:
            record_of = _intact_records(self._stored, images)
        except ObjectMissing:
            # A job merged or discarded shards since they were listed.
            self._stored = self._stored.reopened()
            record_of = _intact_records(self._stored, images)

        absent = [image for image in images if image not in record_of]
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="features") as pool:
            computed = dict(zip(absent, pool.map(self._compute, absent), strict=True))

        def one(image: str) -> LocalFeatures:
            if image in computed:
                return computed[image]
            self.on_lookup(True)
            return LocalFeatures.from_record(record_of[image])

        return [one(image) for image in images]

    def missing(self, images: Sequence[str]) -> list[str]:
        """Those of some images whose features are not stored, in their order."""
        return [image for image, row in zip(images, self._stored.rows_of(images, WHOLE), strict=True) if row < 0]

    def append(self, records: Mapping[str, Record]) -> None:
        """Store records by image. When this returns they survive a power cut. Those stored already are skipped."""
        if records:
            self._stored.append([RowKey(image, WHOLE) for image in records], np.stack(list(records.values())))

    def discard_damaged(self) -> int:
        """Erase records that do not match their checksums, so that they are made again; returns how many there were."""
        damaged = self._stored.damaged()
        if damaged:
            self._stored.discard(damaged)
        return len(damaged)

    def discard_unused(self, used: Collection[str], min_share: float | None = None) -> int:
        """Erase the records of images that are not `used`: see StoredRows.discard_unused."""
        return self._stored.discard_unused(used, min_share)

    def delete_former(self) -> None:
        """Delete the features of other versions, which nothing reads."""
        former = (key for key, _ in self.objects.list_objects(FOLDER) if not key.startswith(f"{self._folder}/"))
        self.objects.delete(former)

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


def _intact_records(stored: StoredRows, images: Sequence[str]) -> dict[str, Record]:
    """The stored records of those images that have one, without damaged ones."""
    rows = stored.rows_of(images, WHOLE)
    there = rows[rows >= 0]
    records = stored.get(there)
    names = [image for image, row in zip(images, rows.tolist(), strict=True) if row >= 0]
    intact = stored.is_intact(there, records).tolist()
    return {image: each for image, each, is_intact in zip(names, records, intact, strict=True) if is_intact}


def record(images: ImageStore, image: str) -> Record:
    """The features of a picture, computed, as a record: an answer is the same from stored ones and from new ones.

    Raises:
        UnknownEntry: the image is not in the image store.
        ModelUnavailable: features cannot be computed on this machine.
    """
    return extract(images.pixels(image), CATALOGUE_PLAN).to_record()
