"""The seam: stages, which are computed for each picture by itself, and what computes them."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import Protocol, TypeVar

from embedding.errors import ImageRefused

Item = TypeVar("Item")
Done = TypeVar("Done")
Batch = list[tuple[Item, Done | ImageRefused]]
"""Items, each with its result, or with why it has none."""

WORKER_LOST = "worker-lost"
"""The reason of an item that no worker survives: its decoder or network ends the process, or takes all memory."""


class Stage(Protocol[Item, Done]):
    """A computation for each of many items by itself: the same item has the same result on any machine.

    A stage is picklable, and small: it names its model, which is loaded at first use.
    """

    @property
    def name(self) -> str:
        """What is computed, and by which model or version: a plain name, under which results are staged."""
        ...

    @property
    def partition(self) -> int:
        """How many items a worker computes at once: some seconds of work."""
        ...

    @property
    def on_gpu(self) -> bool:
        """Whether it belongs on CUDA devices where there are some."""
        ...

    def key(self, item: Item) -> str:
        """What tells an item from the others, in all runs."""
        ...

    def compute(self, items: Iterable[Item]) -> Iterator[Batch[Item, Done]]:
        """Compute items in their order, a few ahead of those that are asked for."""
        ...

    def pack(self, done: Done) -> bytes:
        """A result as bytes."""
        ...

    def unpack(self, data: bytes) -> Done:
        """The inverse of `pack`."""
        ...


class Workers(Protocol):
    """Computes stages. Every implementation passes tests/contract/test_workers_contract.py."""

    def run(self, stage: Stage[Item, Done], items: Iterable[Item]) -> Generator[Batch[Item, Done]]:
        """Compute a stage for items, in their order.

        Whoever takes a batch stores it before taking the next, so whatever kept it safe until then may be deleted.
        Closing the iterator ends the computation.

        Raises:
            WorkersUnavailable: workers are lost for good, or cannot compute; what they staged is used by the next run.
            TraceObjectError: the stage raised it.
        """
        ...
