"""Items in batches, and batches in threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from embedding.errors import ImageRefused
from index.workers.protocol import Batch, Done, Item


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Items in their order, `size` at a time; the last ones may be fewer."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch


def map_batches(
    function: Callable[[Item], Done], items: Iterable[Item], *, batch: int, threads: int
) -> Iterator[Batch[Item, Done]]:
    """Apply a function to items, in threads, a batch at a time. Where it raises ImageRefused, that is the result."""

    def apply(item: Item) -> Done | ImageRefused:
        try:
            return function(item)
        except ImageRefused as error:
            return error

    with ThreadPoolExecutor(threads, thread_name_prefix="stage") as pool:
        for some in batches(items, batch):
            yield list(zip(some, pool.map(apply, some), strict=True))
