"""Many pictures to embeddings, streamed: decoding and scaling in threads, encoding here, memory bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from embedding.encoders.protocol import Encoder, Vectors
from embedding.errors import ImageRefused

Item = TypeVar("Item")

BATCH = 32
LOADERS = 2


@dataclass(frozen=True)
class Embedded(Generic[Item]):
    """One batch: its items, each with its vectors float32 [views, d], and the items that could not be read."""

    items: tuple[tuple[Item, Vectors], ...]
    refused: tuple[tuple[Item, ImageRefused], ...]


def embed_stream(
    items: Iterable[Item],
    load: Callable[[Item], npt.NDArray[np.uint8]],
    encoder: Encoder,
    *,
    batch: int = BATCH,
    loaders: int = LOADERS,
) -> Iterator[Embedded[Item]]:
    """Embed items in their order, about `batch` views at a time.

    Args:
        load: an item's views as the model wants them, uint8 [views, size, size, 3]; runs in `loaders` threads and may
            raise ImageRefused. At most two batches of loaded items wait for the encoder.

    Yields:
        a batch as soon as it is encoded; whoever stores it at once loses at most one batch to a crash.
    """
    with ThreadPoolExecutor(loaders, thread_name_prefix="decode") as pool:
        queue: deque[tuple[Item, Future[npt.NDArray[np.uint8]]]] = deque()
        source = iter(items)
        for item in islice(source, 2 * batch):
            queue.append((item, pool.submit(load, item)))
        waiting: list[tuple[Item, npt.NDArray[np.uint8]]] = []
        refused: list[tuple[Item, ImageRefused]] = []
        while queue:
            item, future = queue.popleft()
            try:
                waiting.append((item, future.result()))
            except ImageRefused as error:
                refused.append((item, error))
            for following in islice(source, 1):
                queue.append((following, pool.submit(load, following)))
            if sum(len(views) for _, views in waiting) >= batch or not queue:
                yield Embedded(tuple(_encode(waiting, encoder)), tuple(refused))
                waiting, refused = [], []


def _encode(loaded: list[tuple[Item, npt.NDArray[np.uint8]]], encoder: Encoder) -> Iterator[tuple[Item, Vectors]]:
    if not loaded:
        return
    vectors = encoder.encode_images(np.concatenate([views for _, views in loaded]))
    ends = np.cumsum([len(views) for _, views in loaded])
    for (item, _), part in zip(loaded, np.split(vectors, ends[:-1]), strict=True):
        yield item, part
