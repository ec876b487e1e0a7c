"""Objects that a curator identified or closed on this server: shown so at once, before the next re-index takes it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from index.generations.generations import Generation
from index.records.entries import Entry
from index.sources.published import lists
from index.workspace import Workspace
from service.app.find_entry import entry_named


class SettledObjects:
    """The status and day of every object in the publication lists that is no longer open. Safe from any thread.

    `version` grows with every `refresh`, so that whatever was made from a former state can be discarded.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace, self.version = workspace, 0
        self._settled: dict[tuple[str, str], tuple[str, str]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read the lists again, after one was changed.

        Raises:
            WorkspaceError, FeedError: a list cannot be read.
        """
        settled = {}
        for listed in lists(self._workspace):
            # A list that was changed later has a later day; the next re-index records the day for good.
            day = datetime.fromtimestamp(listed.file.stat().st_mtime, UTC).date().isoformat()
            for record in listed.records():
                if record.status is not None and record.status != "open":
                    settled[listed.source, record.object_id] = str(record.status), day
        self._settled = settled
        self.version += 1

    def current(self, entry: Entry) -> Entry:
        """An entry of a generation, settled where it is open there and settled here."""
        found = self._settled.get((entry.source, entry.fields.entry_id))
        if entry.collection != "objects" or entry.fields.status != "open" or found is None:
            return entry
        status, day = found
        return replace(entry, fields=replace(entry.fields, status=status, last_seen=day))

    def named(self, generation: Generation, object_id: str, source: str | None) -> Entry:
        """The object with an id, as it is now. Raises as `entry_named` does."""
        return self.current(entry_named(generation, "objects", object_id, source))
