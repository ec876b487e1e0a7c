"""Progress of long jobs, shown as a bar on a terminal, as lines elsewhere, and not at all in a test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Tick = Callable[[int], None]


class Progress(Protocol):
    """A receiver of progress. `step` opens a named step and gives a function to call with the number of items done."""

    def step(self, name: str, total: int | None = None) -> AbstractContextManager[Tick]: ...


class Unwatched:
    """Progress that is not shown."""

    @contextmanager
    def step(self, name: str, total: int | None = None) -> Iterator[Tick]:
        del name, total

        def tick(done: int) -> None:
            del done

        yield tick


class Timed:
    """Progress that is passed on and measured: `seconds` by step, in the order in which they began."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str, total: int | None = None) -> Iterator[Tick]:
        started = time.perf_counter()
        self.seconds.setdefault(name, 0.0)
        try:
            with self._progress.step(name, total) as tick:
                yield tick
        finally:
            self.seconds[name] += time.perf_counter() - started
