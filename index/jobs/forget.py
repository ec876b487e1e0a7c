"""`traceobject forget`: deletes a product, an object or a source, immediately and permanently.

Deleted are its records, the copies of its pictures and their embeddings unless another entry uses them, its part of
every generation on disk, and of the list where it was published here. The records are deleted first, in one transaction
with a note of what is being forgotten; if the job is interrupted then, the next job that writes here completes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import chain

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from index.errors import EntryAmbiguous, GenerationError, UnknownEntry
from index.generations import generations
from index.generations.clean_generation import Removal, clean_generation
from index.generations.conditions import forget_token
from index.generations.segments import drop_unused
from index.jobs.sweep import sweep
from index.records.catalogue import Catalogue
from index.records.entries import Entry
from index.records.facts import fact, set_fact
from index.records.feed_records import Collection
from index.records.schema import alerts, allowed, entries, origins, pictures, refusals, sources
from index.records.tombstones import tombstone, untombstone
from index.records.upgrade import discard_backups
from index.sources.published import forget_published, lists
from index.spelling import composed, spellings
from index.stores.disk_faults import disk_faults
from index.workspace import Workspace

_FORGETTING = "being forgotten"
_VALUES = 10_000


@dataclass(frozen=True)
class ForgetTarget:
    """What to forget: an entry of a source, or, without an entry's id, all of a source."""

    collection: Collection
    source: str
    entry_id: str = ""

    def covers(self, entry: Entry) -> bool:
        """Whether an entry is to be forgotten."""
        same_source = (self.collection, self.source) == (entry.collection, entry.source)
        return same_source and self.entry_id in ("", entry.fields.entry_id)


@dataclass(frozen=True)
class Traces:
    """All that identifies what is forgotten: the targets, their picture references and images."""

    targets: tuple[ForgetTarget, ...]
    references: frozenset[str]
    images: frozenset[str]

    def in_text(self, text: str) -> bool:
        """Whether a text mentions them: a reference, an image, an id or a source as a word."""
        if any(reference in text for reference in self.references) or any(image in text for image in self.images):
            return True
        words = (target.entry_id or target.source for target in self.targets)
        return any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) for word in words)


@dataclass(frozen=True)
class Forgot:
    """What was deleted: entries of the catalogue, copies of pictures, embeddings; and the generations rebuilt.

    `unreadable` says which generations could not be read and were therefore deleted, and why. `backups`: how many
    copies of databases from before an upgrade were deleted, because they contain what is forgotten. `remains` says
    where a database server still holds it, and until when; "" where nothing does.
    """

    entries: int
    images: int
    embeddings: int
    generations: tuple[int, ...]
    unreadable: tuple[str, ...] = ()
    backups: int = 0
    remains: str = ""


def find_entry(workspace: Workspace, collection: Collection, entry_id: str, of: str = "") -> ForgetTarget:
    """The entry with an id, in the catalogue, a generation on disk or a list that was published here.

    `of` is its source or authority.

    Raises:
        UnknownEntry: there is none.
        EntryAmbiguous: several sources have one.
    """
    found: dict[ForgetTarget, None] = {}
    with Catalogue.open(workspace.database_url) as catalogue, catalogue.database.connect() as connection:
        for source, authority, name in connection.execute(
            sa.select(sources.c.name, entries.c.authority, entries.c.entry_id)
            .join(sources, sources.c.id == entries.c.source_id)
            .where((entries.c.collection == collection) & entries.c.entry_id.in_(spellings(entry_id)))
        ):
            if of in ("", source, authority):
                found[ForgetTarget(collection, source, name)] = None
    for records in generations.records(workspace):
        # A generation that cannot be read is skipped here, because `forget` deletes it in any case.
        with suppress(GenerationError):
            for entry in chain.from_iterable(records.find(collection, name) for name in spellings(entry_id)):
                if of in ("", entry.source, entry.fields.authority):
                    found[ForgetTarget(collection, entry.source, entry.fields.entry_id)] = None
    # What was published here since the last re-index is only in its list.
    for listed in lists(workspace) if collection == "objects" else ():
        for record in listed.records():
            if record.object_id == composed(entry_id) and of in ("", listed.source, record.authority):
                found[ForgetTarget(collection, listed.source, record.object_id)] = None
    return _only(list(found), f"{'product' if collection == 'catalogue' else 'object'} {entry_id}", of)


def find_source(workspace: Workspace, name: str, collection: Collection | None = None) -> ForgetTarget:
    """The source of that name, in the catalogue or in a generation on disk; raises the errors of `find_entry`."""
    found: dict[ForgetTarget, None] = {}
    with Catalogue.open(workspace.database_url) as catalogue:
        for source in catalogue.sources():
            if source.name == name:
                found[ForgetTarget(source.collection, name)] = None
    for records in generations.records(workspace):
        with suppress(GenerationError):
            for kind in records.collections_of(name):
                found[ForgetTarget(kind, name)] = None
    return _only([each for each in found if collection in (None, each.collection)], f"source {name}", "")


def forget(workspace: Workspace, target: ForgetTarget, before: Callable[[Traces], None] = lambda _: None) -> Forgot:
    """Delete everything stored about an entry or a source. Its feed does not add a forgotten entry again.

    Args:
        before: called first with what is about to be deleted, so that the caller can delete its own data (reports); if
            it raises, nothing else is deleted, and the command can be run again.

    Raises:
        WorkspaceError: another job is writing here, or something cannot be deleted; the next job completes it.
    """
    with (
        disk_faults(workspace.root),
        workspace.lock("forget"),
        Catalogue.open(workspace.database_url) as catalogue,
    ):
        complete_forgetting(workspace, catalogue)
        traces = _traces(workspace, catalogue, target)
        before(traces)
        with catalogue.database.begin() as connection:
            set_fact(catalogue.database, connection, _FORGETTING, json.dumps([asdict(target)]))
            deleted = _delete_records(catalogue, connection, target, traces)
        return _delete_files(workspace, catalogue, [target], deleted)


def allow_return(workspace: Workspace, target: ForgetTarget) -> bool:
    """Allow a forgotten entry to be added again by its feed; returns whether it had been forgotten."""
    with (
        workspace.lock("forget"),
        Catalogue.open(workspace.database_url) as catalogue,
        catalogue.database.begin() as connection,
    ):
        # So that the feed is read again although it is unchanged.
        connection.execute(sa.update(sources).where(_is_source(target)).values(digest=""))
        return untombstone(connection, target.collection, target.source, target.entry_id)


def complete_forgetting(workspace: Workspace, catalogue: Catalogue) -> Forgot | None:
    """Complete an interrupted `forget`; returns what was deleted. For jobs that have the workspace's lock."""
    with catalogue.database.connect() as connection:
        note = fact(connection, _FORGETTING)
    if not note:
        return None
    return _delete_files(workspace, catalogue, [ForgetTarget(**fields) for fields in json.loads(note)], 0)


def _delete_files(workspace: Workspace, catalogue: Catalogue, targets: Sequence[ForgetTarget], deleted: int) -> Forgot:
    """Delete everything but the records, which are deleted before. May be repeated."""
    for target in targets:
        if target.collection == "objects":
            forget_published(workspace, target.source, target.entry_id)
    generations.clear_unfinished(workspace)
    removal = Removal(lambda entry: any(target.covers(entry) for target in targets), _tokens(targets))
    cleaned = [clean_generation(workspace, number, removal) for number in generations.numbers(workspace)]
    drop_unused(workspace)
    backups = discard_backups(workspace.backups)
    swept = sweep(workspace, catalogue, thorough=True)
    # The note must not contain ids when the database is scrubbed, but still say that the job is not complete.
    _note(catalogue, "[]")
    remains = catalogue.database.scrub()
    _note(catalogue, "")
    rebuilt = tuple(one.number for one in cleaned if one.rebuilt)
    unreadable = tuple(f"generation {one.number}: {one.deleted}" for one in cleaned if one.deleted)
    return Forgot(deleted, swept.images, swept.embeddings, rebuilt, unreadable, backups, remains)


def _tokens(targets: Sequence[ForgetTarget]) -> dict[Collection, list[int]]:
    """What the rows of the targets have on a server, by collection."""
    tokens: dict[Collection, list[int]] = {}
    for target in targets:
        tokens.setdefault(target.collection, []).append(forget_token(target.source, target.entry_id))
    return tokens


def _delete_records(catalogue: Catalogue, connection: Connection, target: ForgetTarget, traces: Traces) -> int:
    """Delete the records, alerts and refusals of a target; returns how many entries were deleted."""
    source = _is_source(target)
    ids = sa.select(sources.c.id).where(source)
    of_target = entries.c.source_id.in_(ids) & (entries.c.entry_id == target.entry_id if target.entry_id else sa.true())
    deleted = connection.execute(sa.delete(entries).where(of_target)).rowcount
    alert_source, alert_id = (alerts.c.source, alerts.c.product_id)
    if target.collection == "objects":
        alert_source, alert_id = (alerts.c.object_source, alerts.c.object_id)
    alerted = (alert_source == target.source) & (alert_id == target.entry_id if target.entry_id else sa.true())
    connection.execute(sa.delete(alerts).where(alerted))
    # A refusal may quote an id: those of this source are recorded again when its feed is read again.
    connection.execute(sa.delete(refusals).where(refusals.c.source_id.in_(ids)))
    for some in _in_parts(traces.references | traces.images):
        connection.execute(sa.delete(refusals).where(refusals.c.place.in_(some)))
    for some in _in_parts(traces.images):
        connection.execute(sa.delete(allowed).where(allowed.c.sha256.in_(some)))
    if target.entry_id:
        tombstone(catalogue.database, connection, target.collection, target.source, target.entry_id)
        connection.execute(sa.update(sources).where(source).values(digest=""))
    else:
        connection.execute(sa.delete(sources).where(source))
    return deleted


def _traces(workspace: Workspace, catalogue: Catalogue, target: ForgetTarget) -> Traces:
    query = (
        sa.select(pictures.c.reference, origins.c.sha256, origins.c.quarantined)
        .join(entries, entries.c.id == pictures.c.entry)
        .join(sources, sources.c.id == entries.c.source_id)
        .outerjoin(origins, origins.c.reference == pictures.c.reference)
        .where(_is_source(target) & (entries.c.entry_id == target.entry_id if target.entry_id else sa.true()))
    )
    with catalogue.database.connect() as connection:
        rows = connection.execute(query).all()
    # An image that the gate stopped is not stored, but a curator may have approved it since.
    images = {sha256 for row in rows for sha256 in (row.sha256, row.quarantined) if sha256}
    for records in generations.records(workspace):
        with suppress(GenerationError):
            listed = (
                records.find(target.collection, target.entry_id)
                if target.entry_id
                else records.entries(target.collection)
            )
            images |= {image for entry in listed if target.covers(entry) for image in entry.images}
    return Traces((target,), frozenset(row.reference for row in rows), frozenset(images))


def _only(found: Sequence[ForgetTarget], what: str, of: str) -> ForgetTarget:
    if not found:
        where = f" of {of}" if of else ""
        raise UnknownEntry(f"there is no {what}{where}, neither in the catalogue nor in a generation on disk")
    if len(found) > 1:
        listed = ", ".join(sorted({f"{target.source} ({target.collection})" for target in found}))
        raise EntryAmbiguous(f"several sources have the {what}: {listed}; name one of them")
    return found[0]


def _in_parts(names: frozenset[str]) -> Iterator[list[str]]:
    """Names in lists that are short enough for one statement: PostgreSQL takes 65,535 values."""
    ordered = sorted(names)
    return (ordered[start : start + _VALUES] for start in range(0, len(ordered), _VALUES))


def _note(catalogue: Catalogue, text: str) -> None:
    with catalogue.database.begin() as connection:
        set_fact(catalogue.database, connection, _FORGETTING, text)


def _is_source(target: ForgetTarget) -> sa.ColumnElement[bool]:
    return (sources.c.collection == target.collection) & (sources.c.name == target.source)
