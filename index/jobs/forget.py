"""`traceobject forget`: a product, an object or a source, at once and for good.

Deleted are its records, the copies of its pictures and their embeddings where nobody else shows them, its part of every
generation on disk, and of the list where it was published here. The records go first, with a note of what is being
forgotten; whatever ends the job then, the next one that writes here completes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from index.errors import EntryAmbiguous, GenerationError, UnknownEntry
from index.generations import generations
from index.generations.clean_generation import clean_generation
from index.jobs.sweep import sweep
from index.records.catalogue import Catalogue
from index.records.entries import Entry
from index.records.facts import fact, set_fact
from index.records.feed_records import Collection
from index.records.schema import alerts, allowed, entries, origins, pictures, refusals, sources
from index.records.tombstones import tombstone, untombstone
from index.records.upgrade import discard_backups
from index.sources.published import forget_published, lists
from index.stores.disk_faults import disk_faults
from index.workspace import Workspace

_FORGETTING = "being forgotten"


@dataclass(frozen=True)
class Name:
    """Who is meant: an entry of a source, or, without an entry's id, all of a source."""

    collection: Collection
    source: str
    entry_id: str = ""

    def covers(self, entry: Entry) -> bool:
        """Whether an entry is meant."""
        mine = (self.collection, self.source) == (entry.collection, entry.source)
        return mine and self.entry_id in ("", entry.fields.entry_id)


@dataclass(frozen=True)
class Traces:
    """What names the forgotten: themselves, their picture references, and the images that they show."""

    names: tuple[Name, ...]
    references: frozenset[str]
    images: frozenset[str]

    def in_text(self, text: str) -> bool:
        """Whether a text speaks of them: a reference of theirs, one of their images, an id or a source as a word."""
        if any(reference in text for reference in self.references) or any(image in text for image in self.images):
            return True
        words = (name.entry_id or name.source for name in self.names)
        return any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) for word in words)


@dataclass(frozen=True)
class Forgot:
    """What was deleted: entries of the catalogue, copies of pictures, embeddings; and the generations rebuilt.

    `unreadable` tells which generations could not be read and were deleted for that, and why. `backups`: how many
    copies of databases from before an upgrade were deleted, since they name whom to forget.
    """

    entries: int
    images: int
    embeddings: int
    generations: tuple[int, ...]
    unreadable: tuple[str, ...] = ()
    backups: int = 0


def find_entry(workspace: Workspace, collection: Collection, entry_id: str, of: str = "") -> Name:
    """The entry that goes by an id, in the catalogue, a generation on disk or a list that was published here.

    `of` names its source or authority.

    Raises:
        UnknownEntry: there is none.
        EntryAmbiguous: several sources have one.
    """
    found: dict[Name, None] = {}
    with Catalogue.open(workspace.database_url) as catalogue, catalogue.database.connect() as connection:
        for source, authority in connection.execute(
            sa.select(sources.c.name, entries.c.authority)
            .join(sources, sources.c.id == entries.c.source_id)
            .where((entries.c.collection == collection) & (entries.c.entry_id == entry_id))
        ):
            if of in ("", source, authority):
                found[Name(collection, source, entry_id)] = None
    for records in generations.records(workspace):
        # One that cannot be read is deleted by `forget`, whatever it names.
        with suppress(GenerationError):
            for entry in records.find(collection, entry_id):
                if of in ("", entry.source, entry.fields.authority):
                    found[Name(collection, entry.source, entry_id)] = None
    # What was published here a moment ago is in its list alone.
    for listed in lists(workspace) if collection == "objects" else ():
        for record in listed.records():
            if record.object_id == entry_id and of in ("", listed.source, record.authority):
                found[Name(collection, listed.source, entry_id)] = None
    return _only(list(found), f"{'product' if collection == 'catalogue' else 'object'} {entry_id}", of)


def find_source(workspace: Workspace, name: str, collection: Collection | None = None) -> Name:
    """The source of that name, in the catalogue or in a generation on disk. Raises as `find_entry` does."""
    found: dict[Name, None] = {}
    with Catalogue.open(workspace.database_url) as catalogue:
        for source in catalogue.sources():
            if source.name == name:
                found[Name(source.collection, name)] = None
    for records in generations.records(workspace):
        with suppress(GenerationError):
            for kind in records.collections_of(name):
                found[Name(kind, name)] = None
    return _only([each for each in found if collection in (None, each.collection)], f"source {name}", "")


def forget(workspace: Workspace, name: Name, first: Callable[[Traces], None] = lambda _: None) -> Forgot:
    """Delete all that is kept of an entry or a source. An entry does not come back with its feed.

    Args:
        first: told what is about to go, so that whoever keeps more about it (reports) deletes that before; should it
            fail, nothing else is deleted, and the command can be run again.

    Raises:
        WorkspaceError: another job is writing here, or something cannot be deleted; the next job completes it.
    """
    with (
        disk_faults(workspace.root),
        workspace.lock("forget"),
        Catalogue.open(workspace.database_url) as catalogue,
    ):
        complete_forgetting(workspace, catalogue)
        traces = _traces(workspace, catalogue, name)
        first(traces)
        with catalogue.database.begin() as connection:
            set_fact(catalogue.database, connection, _FORGETTING, json.dumps([asdict(name)]))
            deleted = _delete_records(catalogue, connection, name, traces)
        return _carry_out(workspace, catalogue, [name], deleted)


def remember(workspace: Workspace, name: Name) -> bool:
    """Let a forgotten entry come back with its feed; whether it had been forgotten."""
    with (
        workspace.lock("forget"),
        Catalogue.open(workspace.database_url) as catalogue,
        catalogue.database.begin() as connection,
    ):
        # The same feed says more now: it is to be read again.
        connection.execute(sa.update(sources).where(_is_source(name)).values(digest=""))
        return untombstone(connection, name.collection, name.source, name.entry_id)


def complete_forgetting(workspace: Workspace, catalogue: Catalogue) -> Forgot | None:
    """Complete what an interrupted `forget` began; what that deleted. For jobs that hold the workspace's lock."""
    with catalogue.database.connect() as connection:
        noted = fact(connection, _FORGETTING)
    if not noted:
        return None
    return _carry_out(workspace, catalogue, [Name(**told) for told in json.loads(noted)], 0)


def _carry_out(workspace: Workspace, catalogue: Catalogue, names: Sequence[Name], deleted: int) -> Forgot:
    """All that follows the deletion of the records. May be repeated."""
    for name in names:
        if name.collection == "objects":
            forget_published(workspace, name.source, name.entry_id)
    generations.clear_unfinished(workspace)
    cleaned = [
        clean_generation(workspace, number, lambda entry: any(name.covers(entry) for name in names))
        for number in generations.numbers(workspace)
    ]
    backups = discard_backups(workspace.backups)
    swept = sweep(workspace, catalogue, thorough=True)
    # Without names from here on: the note itself must not be the last trace.
    _note(catalogue, "[]")
    catalogue.database.scrub()
    _note(catalogue, "")
    rebuilt = tuple(one.number for one in cleaned if one.rebuilt)
    unreadable = tuple(f"generation {one.number}: {one.deleted}" for one in cleaned if one.deleted)
    return Forgot(deleted, swept.images, swept.embeddings, rebuilt, unreadable, backups)


def _delete_records(catalogue: Catalogue, connection: Connection, name: Name, traces: Traces) -> int:
    """Delete records, alerts and refusals that name someone; how many entries went."""
    source = _is_source(name)
    ids = sa.select(sources.c.id).where(source)
    mine = entries.c.source_id.in_(ids) & (entries.c.entry_id == name.entry_id if name.entry_id else sa.true())
    deleted = connection.execute(sa.delete(entries).where(mine)).rowcount
    of, who = (alerts.c.source, alerts.c.product_id)
    if name.collection == "objects":
        of, who = (alerts.c.object_source, alerts.c.object_id)
    told = (of == name.source) & (who == name.entry_id if name.entry_id else sa.true())
    connection.execute(sa.delete(alerts).where(told))
    # A refusal may quote an id: those of this source are told anew when its feed is read again.
    quoted = refusals.c.source_id.in_(ids) | refusals.c.place.in_(traces.references | traces.images)
    connection.execute(sa.delete(refusals).where(quoted))
    connection.execute(sa.delete(allowed).where(allowed.c.sha256.in_(traces.images)))
    if name.entry_id:
        tombstone(catalogue.database, connection, name.collection, name.source, name.entry_id)
        connection.execute(sa.update(sources).where(source).values(digest=""))
    else:
        connection.execute(sa.delete(sources).where(source))
    return deleted


def _traces(workspace: Workspace, catalogue: Catalogue, name: Name) -> Traces:
    query = (
        sa.select(pictures.c.reference, origins.c.sha256, origins.c.quarantined)
        .join(entries, entries.c.id == pictures.c.entry)
        .join(sources, sources.c.id == entries.c.source_id)
        .outerjoin(origins, origins.c.reference == pictures.c.reference)
        .where(_is_source(name) & (entries.c.entry_id == name.entry_id if name.entry_id else sa.true()))
    )
    with catalogue.database.connect() as connection:
        rows = connection.execute(query).all()
    # Nothing is kept of one that the gate stopped, but a curator may have let it in since.
    images = {sha256 for row in rows for sha256 in (row.sha256, row.quarantined) if sha256}
    for records in generations.records(workspace):
        with suppress(GenerationError):
            listed = records.find(name.collection, name.entry_id) if name.entry_id else records.entries(name.collection)
            images |= {image for entry in listed if name.covers(entry) for image in entry.images}
    return Traces((name,), frozenset(row.reference for row in rows), frozenset(images))


def _only(found: Sequence[Name], what: str, of: str) -> Name:
    if not found:
        where = f" of {of}" if of else ""
        raise UnknownEntry(f"there is no {what}{where}, neither in the catalogue nor in a generation on disk")
    if len(found) > 1:
        told = ", ".join(sorted({f"{name.source} ({name.collection})" for name in found}))
        raise EntryAmbiguous(f"several sources have the {what}: {told}; name the one that is meant")
    return found[0]


def _note(catalogue: Catalogue, text: str) -> None:
    with catalogue.database.begin() as connection:
        set_fact(catalogue.database, connection, _FORGETTING, text)


def _is_source(name: Name) -> sa.ColumnElement[bool]:
    return (sources.c.collection == name.collection) & (sources.c.name == name.source)
