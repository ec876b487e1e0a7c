"""The curator's desk: what the sources told, what the gate holds, and the objects that are published here.

What changes something is recorded in the audit, and waits for the next re-index: there is one way into the index.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from embedding.errors import ImageRefused
from embedding.image.decode import decode
from embedding.image.normalised_copy import normalised_copy
from index.errors import QueryInvalid
from index.records.catalogue import Catalogue
from index.records.database import Database
from index.records.entries import Entry
from index.records.feed_records import ObjectRecord
from index.records.overview import SourceState, source_states
from index.records.tombstones import Forgotten
from index.sources.acquire import LONG_SIDE
from index.sources.gate import Gate, Quarantined, approve, quarantined, require_quarantined
from index.sources.published import PublicationList, crop, crops_of, find, list_of, lists, record_of, register
from index.stores.disk_faults import disk_faults
from index.workspace import Workspace
from service.app.audit import Audit
from service.app.gate import face_seen, with_faces
from service.problems import of_picture

TOLD = ("authority", "object_id", "title", "kind", "country", "published", "tip_page")
CHANGED = ("title", "status", "tip_page")


class Desk:
    """What curators do on the server. Safe from any thread; whoever writes holds the workspace's lock."""

    def __init__(self, workspace: Workspace, database: Database, audit: Audit, gate: Gate | None) -> None:
        self._workspace, self._database, self._audit, self._gate = workspace, database, audit, gate

    def sources(self) -> list[SourceState]:
        """How every source stands."""
        with Catalogue.open(self._workspace.database_url) as catalogue:
            return source_states(catalogue)

    def held(self) -> list[Quarantined]:
        """Every published crop that the gate holds."""
        with Catalogue.open(self._workspace.database_url) as catalogue:
            return quarantined(catalogue)

    def let_in(self, sha256: str, who: str) -> None:
        """Let a crop in that is held; the next re-index takes it.

        Raises:
            UnknownEntry: none of that name is held.
            WorkspaceBusy: another job is writing here.
        """
        with self._writing("let-in") as catalogue:
            require_quarantined(catalogue, sha256)
            # Recorded before: what cannot be recorded is not let in.
            self._audit.append("let-in", who, image=sha256)
            approve(catalogue, sha256)

    def published(self) -> list[ObjectRecord]:
        """What was published here, the newest first."""
        found = [record for listed in lists(self._workspace) for record in listed.records()]
        return sorted(found, key=lambda record: (record.published or date.min, record.object_id), reverse=True)

    def from_feeds(self) -> list[Entry]:
        """The objects that other sources tell of, the newest first."""
        mine = {listed.source for listed in lists(self._workspace)}
        with Catalogue.open(self._workspace.database_url) as catalogue:
            found = [entry for entry in catalogue.entries("objects") if entry.source not in mine]
        return sorted(found, key=lambda entry: (entry.fields.published, entry.fields.entry_id), reverse=True)

    def crop(self, sha256: str) -> bytes:
        """A crop that was published here, JPEG. Raises UnknownEntry."""
        return crop(self._workspace, sha256)

    def publish(self, told: Mapping[str, str], pictures: Sequence[bytes], who: str) -> ObjectRecord:
        """Publish an object, open from now on; the next re-index takes it. Takes its time: for a worker thread.

        Args:
            told: the fields TOLD; without a day it is published today.
            pictures: its crops; their copies are kept without metadata, once none of them shows a face.

        Raises:
            Problem: a picture cannot be used, or shows a face.
            QueryInvalid: it cannot be published so, or is already.
            WorkspaceBusy: another job is writing here.
        """
        for name in ("authority", "object_id"):
            if not told.get(name):
                raise QueryInvalid(f"{name} is missing: who publishes the object, and what do they call it?")
        record = record_of({"published": datetime.now(UTC).date().isoformat(), **told})
        if not pictures:
            raise QueryInvalid("no crop is sent: an object needs one to be recognised by")
        copies = [self._copy(number, picture) for number, picture in enumerate(pictures, start=1)]
        with self._writing("publish") as catalogue:
            listed = list_of(self._workspace, record.authority)
            known = listed.records()
            _require_new(catalogue, listed, known, record)
            register(self._workspace, catalogue, listed)
            record = listed.keep(record, copies)
            with self._recorded("publish", who, listed, record, crops=crops_of(record)):
                listed.write([*known, record])
        return record

    def change(self, authority: str, object_id: str, told: Mapping[str, str], who: str) -> ObjectRecord:
        """Change title, status or tip page of an object that was published here; what is not told stays.

        Raises:
            UnknownEntry: it was not published here.
            QueryInvalid: it cannot be that, or nothing is changed.
            WorkspaceBusy: another job is writing here.
        """
        with self._writing("change") as catalogue:
            listed, former = find(self._workspace, authority, object_id)
            said = record_of({"object_id": object_id, **told, "status": told.get("status") or former.status})
            record = replace(former, **{name: getattr(said, name) for name in CHANGED if name in told})
            changed = [name for name in CHANGED if getattr(record, name) != getattr(former, name)]
            if not changed:
                raise QueryInvalid(f"nothing is changed: tell another {', '.join(CHANGED[:-1])} or {CHANGED[-1]}")
            register(self._workspace, catalogue, listed)
            with self._recorded("change", who, listed, record, changed=changed):
                listed.write([record if one.object_id == object_id else one for one in listed.records()])
        return record

    def _copy(self, number: int, picture: bytes) -> bytes:
        """The copy of a crop that is published, if nothing speaks against it."""
        try:
            copy = normalised_copy(decode(picture, small_side=LONG_SIDE), LONG_SIDE)
        except ImageRefused as error:
            raise of_picture(number, error) from error
        # The gate looks at what the re-index will look at: it says the same there.
        if with_faces([decode(copy, small_side=LONG_SIDE)], self._gate):
            raise face_seen(number)
        return copy

    @contextmanager
    def _writing(self, job: str) -> Iterator[Catalogue]:
        with (
            disk_faults(self._workspace.root),
            self._workspace.lock(job),
            Catalogue.open(self._workspace.database_url) as catalogue,
        ):
            yield catalogue

    @contextmanager
    def _recorded(
        self, kind: str, who: str, listed: PublicationList, record: ObjectRecord, **told: Any
    ) -> Iterator[None]:
        """What is done within is done together with its record, or not at all. Titles are never recorded."""
        about = {"object": [listed.source, record.object_id], "status": record.status, "tip_page": record.tip_page}
        with self._database.begin() as connection:
            self._audit.append(kind, who, within=connection, **about, **told)
            yield


def _require_new(
    catalogue: Catalogue, listed: PublicationList, known: Sequence[ObjectRecord], record: ObjectRecord
) -> None:
    mine, other = (record.authority, record.object_id), f"{record.authority} has an object {record.object_id!r}"
    if any(one.object_id == record.object_id for one in known):
        raise QueryInvalid(f"{other} here already: change that, or give this one another id")
    for entry in catalogue.entries("objects"):
        if entry.source != listed.source and (entry.fields.authority, entry.fields.entry_id) == mine:
            raise QueryInvalid(f"{other} already, which the source {entry.source} tells of")
    if Forgotten.of(catalogue.database).has("objects", listed.source, record.object_id):
        raise QueryInvalid(
            f"{other} that was forgotten for good: `traceobject forget object ID --authority {listed.source} --lift` "
            "lets it come back"
        )
