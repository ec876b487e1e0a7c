"""Which objects people have searched for."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from index.records.entries import Entry
from service.app.audit import Audit


@dataclass
class SearchedObjects:
    """Which objects people have searched for, by the audit: by name, or with a picture of theirs. Safe from any thread.

    Records of the audit are only ever added, so each is read once.
    """

    audit: Audit
    _last: int = 0
    _objects: set[tuple[str, str]] = field(default_factory=set)
    _images: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def never_searched(self, objects: Sequence[Entry]) -> tuple[Entry, ...]:
        """Those of some objects that nobody has searched for, in their order."""
        with self._lock:
            self._read_on()
            return tuple(
                entry
                for entry in objects
                if (entry.source, entry.fields.entry_id) not in self._objects and self._images.isdisjoint(entry.images)
            )

    def _read_on(self) -> None:
        for record in self.audit.records(self._last):
            self._last = record["number"]
            if record["kind"] == "search":
                if named := record.get("object"):
                    self._objects.add((named[0], named[1]))
                self._images |= {one["sha256"] for one in record["pictures"] if one["from"] == "index"}
