"""Concurrent searches put together before the encoder: one pass over their pictures costs less than one for each."""

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

MOST = 64


@dataclass(frozen=True, eq=False)
class _Asked:
    """The pictures of one caller [n, s, s, 3], and their rows when they are there."""

    images: Images
    rows: Future[Vectors] = field(default_factory=Future)

    def goes_with(self, other: _Asked) -> bool:
        return (self.images.dtype, self.images.shape[1:]) == (other.images.dtype, other.images.shape[1:])


class Batched:
    """An Encoder for many threads: one pass at a time, over the pictures of all who came while the last one ran.

    Nobody waits for company: an idle encoder begins at once, and a busy one is what makes others wait. Whose turn it is
    encodes for all. How many may wait is bounded by whoever calls (service.limits.Turns).
    """

    def __init__(self, encoder: Encoder, most: int = MOST) -> None:
        """
        Args:
            most: how many pictures go into one pass; a caller with more has a pass of their own.
        """
        self._encoder, self._most = encoder, most
        self._pass, self._guard = threading.Lock(), threading.Lock()
        self._waiting: deque[_Asked] = deque()

    @property
    def card(self) -> ModelCard:
        return self._encoder.card

    @property
    def waiting(self) -> int:
        """How many callers wait for a pass."""
        return len(self._waiting)

    def encode_images(self, images: Images) -> Vectors:
        """See Encoder.encode_images."""
        asked = _Asked(images)
        with self._guard:
            self._waiting.append(asked)
        with self._pass:
            while not asked.rows.done():
                self._encode(self._next())
        return asked.rows.result()

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """See Encoder.encode_texts."""
        with self._pass:
            return self._encoder.encode_texts(texts)

    def _next(self) -> list[_Asked]:
        """The longest waiting, and those that can go with them."""
        with self._guard:
            taken = [self._waiting.popleft()]
            room = self._most - len(taken[0].images)
            for other in list(self._waiting):
                if taken[0].goes_with(other) and len(other.images) <= room:
                    self._waiting.remove(other)
                    taken.append(other)
                    room -= len(other.images)
            return taken

    def _encode(self, together: list[_Asked]) -> None:
        if len(together) > 1:
            try:
                rows = self._encoder.encode_images(np.concatenate([asked.images for asked in together]))
            except Exception:  # noqa: BLE001 - each is asked alone then, and meets its own error
                for asked in together:
                    self._encode([asked])
                return
            ends = np.cumsum([len(asked.images) for asked in together])
            for asked, part in zip(together, np.split(rows, ends[:-1]), strict=True):
                asked.rows.set_result(part)
            return
        (asked,) = together
        try:
            asked.rows.set_result(self._encoder.encode_images(asked.images))
        except BaseException as error:  # noqa: BLE001 - raised where it was asked
            asked.rows.set_exception(error)
