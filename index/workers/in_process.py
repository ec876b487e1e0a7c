"""Stages computed in this process: the default."""

from __future__ import annotations

from collections.abc import Generator, Iterable

from index.workers.protocol import Batch, Done, Item, Stage


class InProcess:
    """Workers that are this process. Satisfies the Workers protocol."""

    def run(self, stage: Stage[Item, Done], items: Iterable[Item]) -> Generator[Batch[Item, Done]]:
        """See Workers.run."""
        yield from stage.compute(items)
