"""The live generation, held open: a newer one takes its place without a request noticing."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from embedding.encoders.card import ModelCard
from embedding.errors import TraceObjectError
from index.errors import GenerationError
from index.generations.generations import Generation, open_live
from index.workspace import Workspace

LOG = logging.getLogger(__name__)

LOOK_SECONDS = 0.2
RETRY_SECONDS = 30.0

# What opening a generation can raise below the index's own errors: the disk, SQLite, FAISS (RuntimeError), memory.
_FAULTS = (TraceObjectError, OSError, sqlite3.Error, RuntimeError, MemoryError)


@dataclass
class _Held:
    """An open generation, how many requests use it, and whether it was superseded."""

    generation: Generation
    users: int = 0
    retired: bool = False


class LiveGeneration:
    """The generation that answers, and a thread that looks whether another was published.

    A lease keeps its generation open to its end, however many are published meanwhile; the last lease of a superseded
    one closes it. A generation that does not verify, or that another model made, is not taken: the former one goes on
    answering and `fault` says so. Use as a context manager: entering opens the live generation, if there is one.
    """

    def __init__(self, workspace: Workspace, card: ModelCard, *, look_seconds: float = LOOK_SECONDS) -> None:
        self._workspace, self._card, self._look_seconds = workspace, card, look_seconds
        self._held: _Held | None = None
        self._fault: str | None = None
        self._holding, self._looking = threading.Lock(), threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._retry_at: float | None = None
        self._closing = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="live-generation", daemon=True)

    def __enter__(self) -> Self:
        self.look()
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._watcher.join()
        with self._looking:
            self._replace(None)

    @property
    def fault(self) -> str | None:
        """Why what is published last is not what answers; None when all is well."""
        return self._fault

    @contextmanager
    def lease(self) -> Iterator[Generation]:
        """The live generation, open until the lease ends. Safe from any thread.

        Raises:
            GenerationError: none is live.
        """
        with self._holding:
            held = self._held
            if held is None:
                raise GenerationError(self._fault or "nothing is indexed here yet: run `traceobject reindex`")
            held.users += 1
        try:
            yield held.generation
        finally:
            with self._holding:
                held.users -= 1
                unused = held.retired and held.users == 0
            if unused:
                held.generation.close()

    def look(self) -> None:
        """Look at CURRENT; if it was replaced, open what it names and let that answer from now on."""
        with self._looking:
            seen = self._signature()
            due = self._retry_at is not None and time.monotonic() >= self._retry_at
            if seen == self._seen and not due:
                return
            self._seen, self._retry_at = seen, None
            if seen is None and self._held is None:
                return
            try:
                generation = open_live(self._workspace)
            except _FAULTS as error:
                # It may pass (memory, a disk that hangs), so it is tried again, though CURRENT stays as it is.
                self._retry_at = time.monotonic() + RETRY_SECONDS
                self._refuse("what was published last cannot be opened; the server's log says why", str(error))
                return
            made_by, mine = _model_of(generation), (self._card.name, self._card.sha256 or "")
            if made_by != mine:
                generation.close()
                self._refuse(
                    f"generation {generation.number} was made by the model {made_by[0]}, and this server runs "
                    f"{mine[0]}: restart it",
                    f"weights {made_by[1]} there, {mine[1]} here",
                )
                return
            self._fault = None
            self._replace(generation)
            LOG.info("generation taken", extra={"generation": generation.number, "model": made_by[0]})

    def _refuse(self, fault: str, cause: str) -> None:
        self._fault = fault
        # The cause names files of this machine: that is for the log, never for a client.
        LOG.error("generation refused", extra={"fault": fault, "cause": cause})

    def _replace(self, generation: Generation | None) -> None:
        with self._holding:
            former, self._held = self._held, None if generation is None else _Held(generation)
            if former is not None:
                former.retired = True
            unused = former is not None and former.users == 0
        if former is not None and unused:
            former.generation.close()

    def _signature(self) -> tuple[int, int, int] | None:
        """What tells one writing of CURRENT from the next: it is replaced by a rename, so its inode changes too."""
        try:
            status = self._workspace.current.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _watch(self) -> None:
        while not self._closing.wait(self._look_seconds):
            self.look()


def _model_of(generation: Generation) -> tuple[str, str]:
    return generation.manifest.model, generation.manifest.model_sha256
