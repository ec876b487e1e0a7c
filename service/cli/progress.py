"""Progress on stderr: a bar on a terminal, one JSON line per finished step elsewhere."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from index.progress import Progress, Tick
from service.cli.streams import say


class Bars:
    """Progress bars with count, rate and time left, for terminals."""

    @contextmanager
    def step(self, name: str, total: int | None = None) -> Iterator[Tick]:
        with tqdm(total=total, desc=name, file=sys.stderr, disable=total == 0, dynamic_ncols=True) as bar:

            def tick(done: int) -> None:
                bar.update(done)

            yield tick


class Lines:
    """One JSON line when a step ends, with its count and seconds, for logs."""

    @contextmanager
    def step(self, name: str, total: int | None = None) -> Iterator[Tick]:
        done = 0
        started = time.perf_counter()

        def tick(more: int) -> None:
            nonlocal done
            done += more

        yield tick
        seconds = round(time.perf_counter() - started, 3)
        line = {"step": name, "done": done, "total": total, "seconds": seconds}
        say(json.dumps(line))


def progress_for_stderr() -> Progress:
    """Bars if stderr is a terminal, lines otherwise."""
    return Bars() if sys.stderr.isatty() else Lines()
