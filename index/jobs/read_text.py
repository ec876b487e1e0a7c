"""The text of every picture, read at night: once for each picture and version of the reader, bounded in time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple

from embedding.errors import ImageRefused
from embedding.redaction.masks import mask
from embedding.text.reading import Reading, TextReader
from index.jobs.context import JobContext
from index.jobs.lost_copies import lost_copy_refused
from index.stores.images import ImageStore
from index.stores.objects.protocol import ObjectStore
from index.stores.reading_format import from_bytes, to_bytes
from index.stores.text import open_text
from index.workers.batches import map_batches
from index.workers.protocol import Batch

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


class UnreadImage(NamedTuple):
    """An image by its SHA-256. Areas of published crops were sanitised; those of shops' pictures only look so."""

    sha256: str
    published: bool


@dataclass(frozen=True)
class ReadingText:
    """The stage from an image to what is written on it."""

    images: ImageStore
    reader: TextReader
    partition: int = 4 * BATCH
    on_gpu: bool = False

    @property
    def name(self) -> str:
        """The version of the reader, as in the store of text."""
        return f"text-{self.reader.version}"

    def key(self, item: UnreadImage) -> str:
        """The image, and whether its sanitised areas are left out."""
        return f"{item.sha256}{'-published' * item.published}"

    def compute(self, items: Iterable[UnreadImage]) -> Iterator[Batch[UnreadImage, Reading]]:
        """See Stage.compute."""
        return map_batches(self._read, items, batch=BATCH, threads=1)

    def pack(self, done: Reading) -> bytes:
        """As it is stored."""
        return to_bytes(done)

    def unpack(self, data: bytes) -> Reading:
        """See `pack`."""
        return from_bytes(data)

    def _read(self, item: UnreadImage) -> Reading:
        with lost_copy_refused():
            pixels = self.images.pixels(item.sha256)
        return self.reader.read(pixels, mask(pixels) if item.published else None)


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
        published = set(context.catalogue.images("objects"))
        missing = [UnreadImage(image, image in published) for image in wanted if image not in read]
        done, deadline = 0, clock() + limit
        with (
            context.progress.step("reading text", len(missing)) as tick,
            closing(context.workers.run(ReadingText(context.images, reader), missing)) as readings,
        ):
            while clock() < deadline and (batch := next(readings, None)):
                store.append({item.sha256: each for item, each in batch if not isinstance(each, ImageRefused)})
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
