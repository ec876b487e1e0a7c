"""Objects that a curator identified or closed on this server: shown so at once, before the next re-index takes it."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from embedding.errors import TraceObjectError
from index.generations.generations import Generation
from index.records.entries import Entry
from index.sources.published import lists
from index.workspace import Workspace
from service.app.find_entry import entry_named

POLL_SECONDS = 0.5


class SettledObjects:
    """The status and day of every object in the publication lists that is no longer open. Safe from any thread.

    The lists are read again when another server has changed one, at the latest POLL_SECONDS after that.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace, self._version = workspace, 0
        self._settled: dict[tuple[str, str], tuple[str, str]] = {}
        self._seen: frozenset[tuple[Path, int, int]] = frozenset()
        self._checked = 0.0
        self._lock = threading.Lock()
        self.refresh()

    @property
    def version(self) -> int:
        """Grows when a list is changed, so that whatever was made from a former state can be discarded."""
        self._poll()
        return self._version

    def refresh(self) -> None:
        """Read the lists again, after one was changed.

        Raises:
            WorkspaceError, FeedError: a list cannot be read.
        """
        with self._lock:
            self._read()

    def _poll(self) -> None:
        """Read the lists again if another server changed one; a list that cannot be read is tried again later."""
        if time.monotonic() - self._checked < POLL_SECONDS or not self._lock.acquire(blocking=False):
            return
        try:
            self._checked = time.monotonic()
            if self._signature() != self._seen:
                with suppress(TraceObjectError):
                    self._read()
        finally:
            self._lock.release()

    def _read(self) -> None:
        # Before the lists: what is changed in between is then read again.
        seen = self._signature()
        settled = {}
        for listed in lists(self._workspace):
            # A list that was changed later has a later day; the next re-index records the day for good.
            day = datetime.fromtimestamp(listed.file.stat().st_mtime, UTC).date().isoformat()
            for record in listed.records():
                if record.status is not None and record.status != "open":
                    settled[listed.source, record.object_id] = str(record.status), day
        self._settled, self._seen = settled, seen
        self._version += 1

    def _signature(self) -> frozenset[tuple[Path, int, int]]:
        """Inode and modification time of each list: each write renames a new file over it."""
        found = set()
        for listed in lists(self._workspace):
            with suppress(FileNotFoundError):
                status = listed.file.stat()
                found.add((listed.file, status.st_ino, status.st_mtime_ns))
        return frozenset(found)

    def current(self, entry: Entry) -> Entry:
        """An entry of a generation, settled where it is open there and settled here."""
        self._poll()
        found = self._settled.get((entry.source, entry.fields.entry_id))
        if entry.collection != "objects" or entry.fields.status != "open" or found is None:
            return entry
        status, day = found
        return replace(entry, fields=replace(entry.fields, status=status, last_seen=day))

    def named(self, generation: Generation, object_id: str, source: str | None) -> Entry:
        """The object with an id, as it is now. Raises as `entry_named` does."""
        return self.current(entry_named(generation, "objects", object_id, source))
