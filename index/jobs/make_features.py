"""The local features of every picture, made at night, so that no search waits for them; bounded in time."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from embedding.errors import ImageRefused
from index.errors import UnknownEntry
from index.jobs.context import JobContext
from index.stores.features import WORKERS, Record, record

# The features of so many pictures are stored together: an interruption loses no more.
BATCH = 64


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

    def make(image: str) -> Record | None:
        try:
            return record(context.images, image)
        except (UnknownEntry, ImageRefused):
            return None

    done, deadline = 0, clock() + limit
    with (
        context.progress.step("local features", len(missing)) as tick,
        ThreadPoolExecutor(WORKERS, thread_name_prefix="features") as pool,
    ):
        while done < len(missing) and clock() < deadline:
            batch = missing[done : done + BATCH]
            made = zip(batch, pool.map(make, batch), strict=True)
            store.append({image: each for image, each in made if each is not None})
            done += len(batch)
            tick(len(batch))
    if left := len(missing) - done:
        warnings.append(
            f"{left} pictures are left without local features: features_minutes was over; the next run goes on"
        )
    return tuple(warnings)
