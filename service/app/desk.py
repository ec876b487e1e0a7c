"""The curator's desk: the state of the sources, quarantined crops, and the objects that are published here.

Every change is recorded in the audit and takes effect at the next re-index, which alone writes to the index.
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
from index.jobs.lost_records import require_records
from index.records.catalogue import Catalogue
from index.records.database import Database
from index.records.entries import Entry
from index.records.feed_records import ObjectRecord
from index.records.overview import SourceState, source_states
from index.records.tombstones import Forgotten
from index.sources.copying import LONG_SIDE
from index.sources.gate import Gate, Quarantined, approve, quarantined, require_quarantined
from index.sources.preview import Preview
from index.sources.published import PublicationList, crop, crops_of, find, list_of, lists, record_of, register, texts_of
from index.stores.disk_faults import disk_faults
from index.workspace import Workspace
from service.app.audit import Audit
from service.app.gate import face_problem, pictures_with_faces
from service.app.new_source import new_source, preview_source, require_new_name, save_source
from service.problems import picture_problem

_DETAILS = ("question", "description", "seen_from", "seen_until", "series", "region")
PUBLISH_FIELDS = ("authority", "object_id", "title", "kind", "country", "published", "tip_page", *_DETAILS)
CHANGE_FIELDS = ("title", "status", "tip_page", *_DETAILS)


class Desk:
    """What curators do on the server. Safe from any thread; every write takes the workspace's lock."""

    def __init__(self, workspace: Workspace, database: Database, audit: Audit, gate: Gate | None) -> None:
        self._workspace, self._database, self._audit, self._gate = workspace, database, audit, gate

    def sources(self) -> list[SourceState]:
        """The state of every source after its last reading."""
        with Catalogue.open(self._workspace.database_url) as catalogue:
            return source_states(catalogue)

    def preview_source(self, fields: Mapping[str, str]) -> Preview:
        """The first entries of a source that is not saved yet. Slow: call it from a worker thread.

        Args:
            fields: of SOURCE_FIELDS.

        Raises:
            QueryInvalid: a field is missing or invalid, the name is taken, or the source cannot be had or read.
            Problem: another preview is running.
        """
        new = new_source(fields)
        with Catalogue.open(self._workspace.database_url) as catalogue:
            require_new_name(catalogue, new)
        return preview_source(self._workspace, new)

    def add_source(self, fields: Mapping[str, str], who: str) -> None:
        """Add a source on the web; the next re-index reads it.

        Raises:
            QueryInvalid: a field is missing or invalid, or the name is taken.
            WorkspaceBusy: another job is writing here.
        """
        new = new_source(fields)
        with self._writing("add-source") as catalogue:
            require_new_name(catalogue, new)
            # Recorded first, so that no source is added where the audit cannot be written.
            self._audit.append(
                "add-source", who, source=[new.collection, new.name], location=new.location, format=new.format
            )
            save_source(catalogue, new)

    def quarantined(self) -> list[Quarantined]:
        """Every published crop that is quarantined because it seems to show a face."""
        with Catalogue.open(self._workspace.database_url) as catalogue:
            return quarantined(catalogue)

    def approve(self, sha256: str, who: str) -> None:
        """Approve a quarantined crop; the next re-index takes it.

        Raises:
            UnknownEntry: no crop of that name is quarantined.
            WorkspaceBusy: another job is writing here.
        """
        with self._writing("let-in") as catalogue:
            require_quarantined(catalogue, sha256)
            # Recorded first, so that a crop is not approved where the audit cannot be written.
            self._audit.append("let-in", who, image=sha256)
            approve(catalogue, sha256)

    def published(self) -> list[ObjectRecord]:
        """The objects that were published here, the newest first."""
        found = [record for listed in lists(self._workspace) for record in listed.records()]
        return sorted(found, key=lambda record: (record.published or date.min, record.object_id), reverse=True)

    def from_feeds(self) -> list[Entry]:
        """The objects of all other sources, the newest first."""
        own = {listed.source for listed in lists(self._workspace)}
        with Catalogue.open(self._workspace.database_url) as catalogue:
            found = [entry for entry in catalogue.entries("objects") if entry.source not in own]
        return sorted(found, key=lambda entry: (entry.fields.published, entry.fields.entry_id), reverse=True)

    def crop(self, sha256: str) -> bytes:
        """A crop that was published here, JPEG. Raises UnknownEntry."""
        return crop(self._workspace, sha256)

    def publish(self, fields: Mapping[str, str], pictures: Sequence[bytes], who: str) -> ObjectRecord:
        """Publish an object with the status open; the next re-index takes it. Slow: call it from a worker thread.

        Args:
            fields: of PUBLISH_FIELDS; `published` is today by default.
            pictures: its crops; copies without metadata are kept if none of them shows a face.

        Raises:
            Problem: a picture cannot be used, or shows a face.
            QueryInvalid: a field is missing or invalid, or the object exists already.
            WorkspaceBusy: another job is writing here.
        """
        for name in ("authority", "object_id"):
            if not fields.get(name):
                raise QueryInvalid(f"{name} is missing: who publishes the object, and what do they call it?")
        record = record_of({"published": datetime.now(UTC).date().isoformat(), **fields})
        if not pictures:
            raise QueryInvalid("no crop was sent: an object needs at least one")
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

    def change(self, authority: str, object_id: str, fields: Mapping[str, str], who: str) -> ObjectRecord:
        """Change fields of CHANGE_FIELDS of an object that was published here; those that are not given stay.

        Raises:
            UnknownEntry: it was not published here.
            QueryInvalid: a field is invalid, or nothing would change.
            WorkspaceBusy: another job is writing here.
        """
        with self._writing("change") as catalogue:
            listed, former = find(self._workspace, authority, object_id)
            status = fields.get("status") or str(former.status or "")
            parsed = record_of({**texts_of(former), **fields, "status": status})
            record = replace(former, **{name: getattr(parsed, name) for name in CHANGE_FIELDS if name in fields})
            changed = [name for name in CHANGE_FIELDS if getattr(record, name) != getattr(former, name)]
            if not changed:
                choices = f"{', '.join(CHANGE_FIELDS[:-1])} or {CHANGE_FIELDS[-1]}"
                raise QueryInvalid(f"nothing would change: send another {choices}")
            register(self._workspace, catalogue, listed)
            with self._recorded("change", who, listed, record, changed=changed):
                listed.write([record if one.object_id == object_id else one for one in listed.records()])
        return record

    def _copy(self, number: int, picture: bytes) -> bytes:
        """The normalised copy of a crop, JPEG. Raises Problem where it cannot be used or shows a face."""
        try:
            copy = normalised_copy(decode(picture, small_side=LONG_SIDE), LONG_SIDE)
        except ImageRefused as error:
            raise picture_problem(number, error) from error
        # The copy is what the re-index will check, so the gate decides the same here and there.
        if pictures_with_faces([decode(copy, small_side=LONG_SIDE)], self._gate):
            raise face_problem(number)
        return copy

    @contextmanager
    def _writing(self, job: str) -> Iterator[Catalogue]:
        with (
            disk_faults(self._workspace.root),
            self._workspace.lock(job),
            Catalogue.open(self._workspace.database_url) as catalogue,
        ):
            require_records(self._workspace, catalogue)
            yield catalogue

    @contextmanager
    def _recorded(
        self, kind: str, who: str, listed: PublicationList, record: ObjectRecord, **details: Any
    ) -> Iterator[None]:
        """An audit record that is rolled back if the body of the `with` fails. Titles are never recorded."""
        common = {"object": [listed.source, record.object_id], "status": record.status, "tip_page": record.tip_page}
        with self._database.begin() as connection:
            self._audit.append(kind, who, within=connection, **common, **details)
            yield


def _require_new(
    catalogue: Catalogue, listed: PublicationList, known: Sequence[ObjectRecord], record: ObjectRecord
) -> None:
    """Raise QueryInvalid where the object is already published here, comes from a feed, or was forgotten."""
    identity, clash = (record.authority, record.object_id), f"{record.authority} has an object {record.object_id!r}"
    if any(one.object_id == record.object_id for one in known):
        raise QueryInvalid(f"{clash} here already: change that, or give this one another id")
    for entry in catalogue.entries("objects"):
        if entry.source != listed.source and (entry.fields.authority, entry.fields.entry_id) == identity:
            raise QueryInvalid(f"{clash} already, from the source {entry.source}")
    if Forgotten.of(catalogue.database).has("objects", listed.source, record.object_id):
        raise QueryInvalid(
            f"{clash} that was forgotten for good: `traceobject forget object ID --authority {listed.source} --lift` "
            "lets it come back"
        )
