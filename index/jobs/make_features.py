"""The local features of every picture, made at night, so that no search waits for them; bounded in time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from embedding.errors import ImageRefused
from embedding.local import RECORD_VERSION
from index.jobs.context import JobContext
from index.jobs.lost_copies import lost_copy_refused
from index.stores.features import WORKERS, Record, record
from index.stores.images import ImageStore
from index.workers.batches import map_batches
from index.workers.protocol import Batch

# The features of so many pictures are stored together: an interruption loses no more.
BATCH = 64


@dataclass(frozen=True)
class Features:
    """The stage from an image, by its SHA-256, to its local features, uint8 [RECORD_BYTES]."""

    images: ImageStore
    name: str = f"features-xfeat-{RECORD_VERSION}"
    partition: int = 2 * BATCH
    on_gpu: bool = False

    def key(self, item: str) -> str:
        """The image."""
        return item

    def compute(self, items: Iterable[str]) -> Iterator[Batch[str, Record]]:
        """See Stage.compute."""
        return map_batches(self._make, items, batch=BATCH, threads=WORKERS)

    def pack(self, done: Record) -> bytes:
        """The record as it is stored."""
        return done.tobytes()

    def unpack(self, data: bytes) -> Record:
        """See `pack`."""
        return np.frombuffer(data, np.uint8)

    def _make(self, image: str) -> Record:
        with lost_copy_refused():
            return record(self.images, image)


def make_missing(context: JobContext, clock: Callable[[], float] = time.monotonic) -> tuple[str, ...]:
    """Make the local features that the store lacks, as long as the setting `features_minutes` allows.

    Nothing is made without a re-ranker. A picture whose copy cannot be read is left to the job that embeds, which
    reports it.

    Returns:
        warnings: what was damaged, and what there was no time for.
    """
    if context.reranker is None:
        return ()
    store, warnings = context.reranker.features, []
    store.refresh()
    store.delete_former()
    limit = 60 * context.workspace.settings.features_minutes or float("inf")
    images = context.catalogue.images()
    # Damage is looked for where something is written anyway: it takes a reading of all records.
    if store.missing(images) and (damaged := store.discard_damaged()):
        warnings.append(f"{damaged} stored local features were damaged and were made again: check that disk")
    missing = store.missing(images)
    done, deadline = 0, clock() + limit
    with (
        context.progress.step("local features", len(missing)) as tick,
        closing(context.workers.run(Features(context.images), missing)) as made,
    ):
        while clock() < deadline and (batch := next(made, None)):
            store.append({image: each for image, each in batch if not isinstance(each, ImageRefused)})
            done += len(batch)
            tick(len(batch))
    if left := len(missing) - done:
        warnings.append(
            f"{left} pictures are left without local features: features_minutes was over; the next run goes on"
        )
    return tuple(warnings)
