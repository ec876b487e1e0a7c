"""The live generation, kept open; when a newer one is published, requests switch to it without an interruption."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from embedding.encoders.card import ModelCard
from embedding.errors import TraceObjectError
from index.errors import EngineUnavailable, GenerationError, WorkspaceError
from index.generations.generations import Generation, open_live
from index.workspace import Workspace

LOG = logging.getLogger(__name__)

POLL_SECONDS = 0.2
RETRY_SECONDS = 30.0
# A server that has the vectors may be loading them.
RETRY_ENGINE_SECONDS = 2.0

# What opening a generation can raise besides the index's own errors: disk, SQLite, FAISS (RuntimeError), memory.
_OPEN_ERRORS = (TraceObjectError, OSError, sqlite3.Error, RuntimeError, MemoryError)


@dataclass
class _OpenGeneration:
    """An open generation, how many leases it has, and whether a newer one replaced it."""

    generation: Generation
    leases: int = 0
    replaced: bool = False


class LiveGeneration:
    """The generation that answers requests, and a thread that polls for a newer one.

    A lease keeps its generation open until it ends, however many are published meanwhile; the last lease of a replaced
    generation closes it. A generation that does not verify, or whose vectors are of another model, is refused: the
    former one goes on answering, and `fault` says why. Use as a context manager: entering opens the live generation,
    if there is one.
    """

    def __init__(self, workspace: Workspace, card: ModelCard, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._workspace, self._card, self._poll_seconds = workspace, card, poll_seconds
        self._current: _OpenGeneration | None = None
        self._fault: str | None = None
        self._lease_lock, self._refresh_lock = threading.Lock(), threading.Lock()
        self._published_seen: Hashable = None
        self._answered = True
        self._retry_at: float | None = None
        self._version = 0
        self._closing = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="live-generation", daemon=True)

    def __enter__(self) -> Self:
        self.refresh()
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._watcher.join()
        with self._refresh_lock:
            self._replace(None)

    @property
    def fault(self) -> str | None:
        """Why the generation that was published last is not the one that answers; None where it is."""
        return self._fault

    @property
    def version(self) -> int:
        """Grows whenever another generation is answered from."""
        return self._version

    @contextmanager
    def lease(self) -> Iterator[Generation]:
        """The live generation, open until the lease ends. Safe from any thread.

        Raises:
            GenerationError: none is live.
        """
        with self._lease_lock:
            leased = self._current
            if leased is None:
                raise GenerationError(self._fault or "nothing is indexed here yet: run `traceobject reindex`")
            leased.leases += 1
        try:
            yield leased.generation
        finally:
            with self._lease_lock:
                leased.leases -= 1
                unused = leased.replaced and leased.leases == 0
            if unused:
                leased.generation.close()

    def refresh(self) -> None:
        """Check the pointer to the live generation; if it was moved, open what it names and answer from that."""
        with self._refresh_lock:
            published = self._published()
            due = self._retry_at is not None and time.monotonic() >= self._retry_at
            if published == self._published_seen and not due:
                return
            self._published_seen, self._retry_at = published, None
            if published is None and self._current is None:
                return
            try:
                generation = open_live(self._workspace)
            except _OPEN_ERRORS as error:
                # The cause may be temporary (memory, a slow disk), so it is retried though nothing else is published.
                is_loading = isinstance(error, EngineUnavailable)
                self._retry_at = time.monotonic() + (RETRY_ENGINE_SECONDS if is_loading else RETRY_SECONDS)
                self._refuse("what was published last cannot be opened; the server's log says why", str(error))
                return
            theirs, ours = _model_of(generation), (self._card.name, self._card.sha256 or "")
            if theirs != ours:
                generation.close()
                self._refuse(
                    f"generation {generation.number} was made by the model {theirs[0]}, and this server runs "
                    f"{ours[0]}: restart it",
                    f"weights {theirs[1]} there, {ours[1]} here",
                )
                return
            self._fault = None
            self._replace(generation)
            LOG.info("generation taken", extra={"generation": generation.number, "model": theirs[0]})

    def _refuse(self, fault: str, cause: str) -> None:
        self._fault = fault
        # The cause names files of this machine, which clients must not see: it is only logged.
        LOG.error("generation refused", extra={"fault": fault, "cause": cause})

    def _replace(self, generation: Generation | None) -> None:
        with self._lease_lock:
            former, self._current = self._current, None if generation is None else _OpenGeneration(generation)
            self._version += 1
            if former is not None:
                former.replaced = True
            unused = former is not None and former.leases == 0
        if former is not None and unused:
            former.generation.close()

    def _published(self) -> Hashable:
        """What differs after each publication; what was seen last while a database server does not answer."""
        try:
            version = self._workspace.coordination.version()
        except WorkspaceError as error:
            if self._answered:
                LOG.error("live generation unknown", extra={"cause": str(error)})
            self._answered = False
            return self._published_seen
        self._answered = True
        return version

    def _watch(self) -> None:
        while not self._closing.wait(self._poll_seconds):
            self.refresh()


def _model_of(generation: Generation) -> tuple[str, str]:
    return generation.manifest.model, generation.manifest.model_sha256
