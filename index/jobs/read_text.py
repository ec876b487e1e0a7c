"""The text of every picture, read at night: once for each picture and version of the reader, bounded in time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

from embedding.errors import ImageRefused
from embedding.redaction.masks import mask
from embedding.text.reading import Reading, TextReader
from index.errors import UnknownEntry
from index.jobs.context import JobContext
from index.stores.objects.protocol import ObjectStore
from index.stores.text import open_text

# So many readings are stored together: an interruption loses no more.
BATCH = 16


@dataclass(frozen=True)
class ReadText:
    """The text that a generation is built from: where it is stored, the reader's version, the images it read, rising.

    Without a reader all of it is empty. `warnings`: what was damaged, and what there was no time for.
    """

    objects: ObjectStore | None = None
    version: str = ""
    images: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def content(self) -> tuple[str, ...]:
        """What content_digest takes as `text`."""
        return (self.version, *self.images) if self.version else ()

    def readings(self) -> Iterator[tuple[str, Reading]]:
        """The readings by image."""
        if self.objects is None:
            return
        with closing(open_text(self.objects, self.version)) as store:
            yield from store.get(self.images)


def read_missing(context: JobContext, clock: Callable[[], float] = time.monotonic) -> ReadText:
    """Read the images that were not read by this version, as long as the setting `text_minutes` allows.

    A picture whose copy cannot be read is left to the job that embeds, which reports it.
    """
    reader = context.text_reader
    if reader is None or context.workspace.settings.text == "off":
        return ReadText()
    limit = 60 * context.workspace.settings.text_minutes or float("inf")
    objects = context.workspace.objects
    with closing(open_text(objects, reader.version)) as store:
        damaged = store.damaged()
        store.discard(damaged)
        wanted = context.catalogue.images()
        read = store.images()
        missing = [image for image in wanted if image not in read]
        # Areas of published crops were sanitised; those of shops' pictures never are, but may look so.
        published = set(context.catalogue.images("objects"))
        deadline = clock() + limit
        done = 0
        with context.progress.step("reading text", len(missing)) as tick:
            for start in range(0, len(missing), BATCH):
                if clock() >= deadline:
                    break
                batch = missing[start : start + BATCH]
                found = ((image, _read(context, reader, image, published)) for image in batch)
                store.append({image: reading for image, reading in found if reading is not None})
                done += len(batch)
                tick(len(batch))
        images = tuple(sorted(store.images().intersection(wanted)))
    warnings = []
    if damaged:
        warnings.append(f"{len(damaged)} stored readings of text were damaged and were made again: check that disk")
    if left := len(missing) - done:
        warnings.append(
            f"{left} pictures are left whose text was not read: text_minutes was over; the next run goes on"
        )
    return ReadText(objects, reader.version, images, tuple(warnings))


def _read(context: JobContext, reader: TextReader, image: str, published: set[str]) -> Reading | None:
    """What is written on one image; None where its copy cannot be read."""
    try:
        pixels = context.images.pixels(image)
    except (UnknownEntry, ImageRefused):
        return None
    return reader.read(pixels, mask(pixels) if image in published else None)
