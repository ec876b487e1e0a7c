"""A stage that needs no pictures: numbers are doubled, some are refused, and what is computed can be counted."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from embedding.errors import ImageRefused
from index.errors import WorkspaceError
from index.workers.batches import map_batches

REFUSED, BROKEN, DEADLY = 7, 1_000_003, 2_000_003


@dataclass(frozen=True)
class Doubling:
    """Twice a number. Multiples of REFUSED are refused, BROKEN raises an error, DEADLY kills the process.

    `log`: a folder with a file for each number that was computed, one line each time.
    """

    log: Path
    name: str = "doubled-vectors+2"
    partition: int = 4
    on_gpu: bool = False
    seconds: float = 0.0

    def key(self, item):
        return str(item)

    def compute(self, items):
        return map_batches(self._double, items, batch=2, threads=2)

    def pack(self, done):
        return str(done).encode()

    def unpack(self, data):
        return int(data)

    def computed(self):
        """How often each number was computed, by any process."""
        return {int(path.name): len(path.read_text().splitlines()) for path in self.log.glob("*")}

    def _double(self, item):
        with (self.log / str(item)).open("a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(self.seconds)
        if item == DEADLY:
            os.kill(os.getpid(), signal.SIGKILL)
        if item == BROKEN:
            raise WorkspaceError("the disk is full")
        if item % REFUSED == 0:
            raise ImageRefused("unlucky", f"{item} is refused\ud800")
        return 2 * item


def expected(items):
    """What the stage gives for items, in a form that can be compared."""
    return [(item, ("unlucky", f"{item} is refused\ud800") if item % REFUSED == 0 else 2 * item) for item in items]


def comparable(batches):
    """What came of a run, as `expected`."""
    pairs = [pair for batch in batches for pair in batch]
    return [(item, (done.reason, str(done)) if isinstance(done, ImageRefused) else done) for item, done in pairs]
