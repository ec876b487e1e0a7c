"""Progress of long work, told to whoever watches: a bar on a terminal, a line elsewhere, nobody in a test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Tick = Callable[[int], None]


class Progress(Protocol):
    """Someone to tell. `step` opens one named piece of work and gives a function that counts what is done of it."""

    def step(self, name: str, total: int | None = None) -> AbstractContextManager[Tick]: ...


class Unwatched:
    """Progress that nobody sees."""

    @contextmanager
    def step(self, name: str, total: int | None = None) -> Iterator[Tick]:
        del name, total

        def tick(done: int) -> None:
            del done

        yield tick


class Timed:
    """Progress that is passed on, and remembered: `seconds` by step, in the order they began."""

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
