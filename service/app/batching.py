"""Batches the pictures of concurrent searches: one encoder pass over all costs less than one pass for each."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from embedding.encoders.card import ModelCard
from embedding.encoders.protocol import Encoder, Vectors

Images = npt.NDArray[np.uint8] | npt.NDArray[np.float32]

MAX_BATCH = 64


@dataclass(frozen=True, eq=False)
class _PendingImages:
    """The pictures of one caller [n, s, s, 3], and the future of their embeddings float32 [n, d]."""

    images: Images
    rows: Future[Vectors] = field(default_factory=Future)

    def can_share_batch(self, other: _PendingImages) -> bool:
        return (self.images.dtype, self.images.shape[1:]) == (other.images.dtype, other.images.shape[1:])


class BatchingEncoder:
    """An Encoder for many threads: one pass at a time, over the pictures of all callers that arrived during the last.

    No caller is delayed to fill a batch: an idle encoder starts at once, and callers queue only while it is busy. The
    caller that holds the pass lock encodes for all that are queued. The callers' number is bounded elsewhere
    (service.app.limits.SearchQueue).
    """

    def __init__(self, encoder: Encoder, max_batch: int = MAX_BATCH) -> None:
        """
        Args:
            max_batch: how many pictures go into one pass; a caller with more gets a pass of its own.
        """
        self._encoder, self._max_batch = encoder, max_batch
        self._pass_lock, self._queue_lock = threading.Lock(), threading.Lock()
        self._waiting: deque[_PendingImages] = deque()

    @property
    def card(self) -> ModelCard:
        return self._encoder.card

    @property
    def waiting(self) -> int:
        """How many callers wait for a pass."""
        return len(self._waiting)

    def encode_images(self, images: Images) -> Vectors:
        """See Encoder.encode_images."""
        own = _PendingImages(images)
        with self._queue_lock:
            self._waiting.append(own)
        with self._pass_lock:
            while not own.rows.done():
                self._encode(self._next_batch())
        return own.rows.result()

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """See Encoder.encode_texts."""
        with self._pass_lock:
            return self._encoder.encode_texts(texts)

    def _next_batch(self) -> list[_PendingImages]:
        """The caller that waited longest, and those that fit into the same pass."""
        with self._queue_lock:
            batch = [self._waiting.popleft()]
            capacity = self._max_batch - len(batch[0].images)
            for other in list(self._waiting):
                if batch[0].can_share_batch(other) and len(other.images) <= capacity:
                    self._waiting.remove(other)
                    batch.append(other)
                    capacity -= len(other.images)
            return batch

    def _encode(self, batch: list[_PendingImages]) -> None:
        if len(batch) > 1:
            try:
                rows = self._encoder.encode_images(np.concatenate([pending.images for pending in batch]))
            except Exception:  # noqa: BLE001 - each caller is encoded alone then, so that only its own error reaches it
                for pending in batch:
                    self._encode([pending])
                return
            ends = np.cumsum([len(pending.images) for pending in batch])
            for pending, part in zip(batch, np.split(rows, ends[:-1]), strict=True):
                pending.rows.set_result(part)
            return
        (pending,) = batch
        try:
            pending.rows.set_result(self._encoder.encode_images(pending.images))
        except BaseException as error:  # noqa: BLE001 - raised in the caller's thread by result()
            pending.rows.set_exception(error)
