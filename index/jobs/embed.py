"""The embeddings of every picture: what a model's store lacks is computed, stored batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embedding.encoders.choose import cuda_available
from embedding.encoders.protocol import Encoder, Vectors
from embedding.errors import ImageRefused
from embedding.pipeline import embed_stream
from embedding.views import CATALOGUE_VIEWS, prepare_views
from index.jobs.context import JobContext
from index.jobs.lost_copies import lost_copy_refused
from index.records.feed_records import Refusal
from index.stores.images import ImageStore
from index.stores.row_keys import RowKey
from index.stores.vectors import VectorStore, folder_of
from index.workers.protocol import WORKER_LOST, Batch

# How many views are encoded at once: a CUDA device has the memory for more, and needs them to be busy.
CPU_BATCH, CUDA_BATCH = 32, 128


@dataclass(frozen=True)
class Embedding:
    """The stage from an image, by its SHA-256, to its embeddings float32 [views, d]."""

    images: ImageStore
    encoder: Encoder
    partition: int = 8 * CPU_BATCH
    on_gpu: bool = True

    @property
    def name(self) -> str:
        """The model and its weights, as in the vector store."""
        return f"vectors-{folder_of(self.encoder.card)}"

    def key(self, item: str) -> str:
        """The image."""
        return item

    def compute(self, items: Iterable[str]) -> Iterator[Batch[str, Vectors]]:
        """See Stage.compute; batches are of the size that suits this machine."""
        batch = CUDA_BATCH if cuda_available() else CPU_BATCH
        for embedded in embed_stream(items, self._load, self.encoder, batch=batch):
            yield [*embedded.items, *embedded.refused]

    def pack(self, done: Vectors) -> bytes:
        """Single precision, as it was computed."""
        return np.ascontiguousarray(done, "<f4").tobytes()

    def unpack(self, data: bytes) -> Vectors:
        """See `pack`."""
        return np.frombuffer(data, "<f4").reshape(len(CATALOGUE_VIEWS), -1)

    def _load(self, image: str) -> npt.NDArray[np.uint8]:
        with lost_copy_refused():
            return prepare_views(self.images.pixels(image), CATALOGUE_VIEWS, self.encoder.card.preprocess)


def embed_missing(context: JobContext, vectors: VectorStore) -> tuple[int, list[Refusal]]:
    """Embed the views of images that the vector store lacks; each batch is stored before the next is begun.

    Returns:
        how many images were embedded, and those that could not be. A copy that could not be read is deleted, to be made
        again from its source.
    """
    images, views = context.catalogue.images(), CATALOGUE_VIEWS
    is_missing = np.any([vectors.rows_of(images, view) < 0 for view in views], axis=0)
    missing = [images[index] for index in np.flatnonzero(is_missing).tolist()]
    refused: list[Refusal] = []
    embedded = 0
    with context.progress.step("embedding", len(missing)) as tick:
        for batch in context.workers.run(Embedding(context.images, context.encoder), missing):
            done = {image: found for image, found in batch if not isinstance(found, ImageRefused)}
            if done:
                vectors.append(
                    [RowKey(image, view) for image in done for view in views], np.concatenate([*done.values()])
                )
            for image, error in batch:
                if isinstance(error, ImageRefused):
                    refused.append(Refusal(image, error.reason, str(error)))
                    if error.reason != WORKER_LOST:
                        context.images.discard([image])
            embedded += len(done)
            tick(len(batch))
    return embedded, refused
