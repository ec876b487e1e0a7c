"""The catalogue: sources, their products and objects, and their pictures.

A source is read as a whole, in numbered readings. Rows that are read get the reading's number; rows with an older
number at the end of a reading are gone from the feed. An interrupted reading removes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from datetime import date
from itertools import groupby
from operator import add, itemgetter
from typing import Any, Literal, Self

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from index.records.database import Database
from index.records.entries import Entry, EntryFields
from index.records.feed_records import COLLECTIONS, Collection, ObjectStatus, Refusal
from index.records.schema import entries, images, origins, pictures, refusals, sources

DISCONTINUED = "discontinued"
PAGE = 4000

Stage = Literal["web", "rows", "pictures"]


@dataclass(frozen=True)
class Source:
    """Where entries come from: a named feed, its location, format and options (SourceOptions as JSON).

    `read_on` is the day of the last complete reading, `digest` that of the feed's content then; `line_end`: whether the
    feed's last line had its end.
    """

    id: int
    name: str
    collection: Collection
    location: str
    format: str
    reading: int
    read_on: str
    digest: str
    options: str = "{}"
    line_end: bool = False


@dataclass(frozen=True)
class Changes:
    """What a reading of a feed changed, in entries; `pictures` counts picture references that were added or removed.

    `expired` counts discontinued products whose retention ended.
    """

    added: int = 0
    changed: int = 0
    gone: int = 0
    unchanged: int = 0
    pictures: int = 0
    expired: int = 0

    def __add__(self, other: Changes) -> Changes:
        return Changes(*map(add, astuple(self), astuple(other)))


@dataclass(frozen=True)
class ImageReference:
    """What is known of a picture reference: its image, or why it was refused, and what a change is recognised by.

    `asked_on` is the day of a URL's last final answer. `quarantined` is the image, by SHA-256, that the gate stopped
    when the reference was last read; it is not stored. `gated`: the image passed the gate under this reference.
    """

    reference: str
    sha256: str = ""
    size: int = -1
    modified_ns: int = -1
    etag: str = ""
    last_modified: str = ""
    asked_on: str = ""
    refused: str = ""
    message: str = ""
    quarantined: str = ""
    gated: bool = False


class Catalogue:
    """The records of a workspace, in SQLite (write-ahead log) or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the database at an SQLAlchemy URL, and make its tables if they are missing.

        Raises:
            WorkspaceError: it cannot be opened.
        """
        return cls(Database.open(url))

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.database.close()

    def add_source(self, name: str, collection: Collection, location: str, feed_format: str) -> Source:
        """Add a source; if its name exists in the collection, its location and format are replaced."""
        row = {"name": name, "collection": collection, "location": location, "format": feed_format}
        with self.database.begin() as connection:
            statement = self.database.insert(sources).values(row)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["collection", "name"],
                    set_={"location": location, "format": feed_format, "digest": ""},
                )
            )
        return next(source for source in self.sources() if (source.collection, source.name) == (collection, name))

    def sources(self) -> list[Source]:
        """Every source, in the order they were added."""
        with self.database.connect() as connection:
            return [Source(**row) for row in connection.execute(sa.select(sources).order_by(sources.c.id)).mappings()]

    def forget_source(self, source: Source) -> None:
        """Delete a source and its entries, but not its images, which other entries may show."""
        with self.database.begin() as connection:
            connection.execute(sa.delete(sources).where(sources.c.id == source.id))

    def begin_reading(self, source: Source) -> Source:
        """Start a reading under a new number; until it is complete, the feed counts as never read."""
        with self.database.begin() as connection:
            connection.execute(
                sa.update(sources).where(sources.c.id == source.id).values(reading=sources.c.reading + 1, digest="")
            )
            reading = connection.execute(sa.select(sources.c.reading).where(sources.c.id == source.id)).scalar_one()
        return replace(source, reading=reading, digest="")

    def confirm_reading(self, source: Source, today: date) -> Changes:
        """Record that the feed is unchanged since its last complete reading, so all of its entries are still in it."""
        here = (entries.c.source_id == source.id) & (entries.c.gone_on == "")
        with self.database.begin() as connection:
            connection.execute(sa.update(sources).where(sources.c.id == source.id).values(read_on=today.isoformat()))
            return Changes(unchanged=connection.execute(sa.select(sa.func.count()).where(here)).scalar_one())

    def record(self, source: Source, rows: Sequence[tuple[EntryFields, Sequence[str]]], today: date) -> Changes:
        """Write a batch of rows of the current reading: an entry's fields, and the pictures this row gives it.

        The first row of an entry in a reading decides its fields; later rows only add pictures.
        """
        fresh: dict[str, EntryFields] = {}
        for fields, _ in rows:
            fresh.setdefault(fields.entry_id, fields)
        with self.database.begin() as connection:
            known = self._known(connection, source, list(fresh))
            changes, upserts = _sort_changes(source, fresh, known, today)
            if upserts:
                statement = self.database.insert(entries)
                update = {
                    column: statement.excluded[column]
                    for column in upserts[0]
                    if column not in ("source_id", "entry_id", "first_seen")
                }
                # The recorded day of first sight is kept, unless the feed states another.
                update["first_seen"] = sa.case(
                    (statement.excluded.first_seen == today.isoformat(), entries.c.first_seen),
                    else_=statement.excluded.first_seen,
                )
                connection.execute(
                    statement.on_conflict_do_update(index_elements=["source_id", "entry_id"], set_=update), upserts
                )
            seen_ids = [row.id for row in known.values()]
            if seen_ids:
                connection.execute(sa.update(entries).where(entries.c.id.in_(seen_ids)).values(reading=source.reading))
            ids = {name: row.id for name, row in self._known(connection, source, list(fresh)).items()}
            added = self._attach(connection, source, [(ids[fields.entry_id], refs) for fields, refs in rows])
        return replace(changes, pictures=added)

    def finish_reading(self, source: Source, today: date, digest: str = "") -> Changes:
        """End a complete reading: entries that are no longer in the feed are gone, and so are pictures.

        A product that is gone is discontinued; an open object that is gone is closed, one identified stays so.
        """
        old = (entries.c.source_id == source.id) & (entries.c.reading < source.reading)
        status: Any = DISCONTINUED
        last_seen = sa.case((entries.c.last_seen == "", source.read_on), else_=entries.c.last_seen)
        if source.collection == "objects":
            status = sa.case((entries.c.status == ObjectStatus.OPEN, ObjectStatus.CLOSED), else_=entries.c.status)
            last_seen = sa.case((entries.c.status == ObjectStatus.OPEN, today.isoformat()), else_=entries.c.last_seen)
        with self.database.begin() as connection:
            gone = connection.execute(
                sa.update(entries)
                .where(old & (entries.c.gone_on == ""))
                .values(status=status, digest="", gone_on=today.isoformat(), last_seen=last_seen)
            ).rowcount
            here = sa.select(entries.c.id).where(
                (entries.c.source_id == source.id) & (entries.c.reading == source.reading)
            )
            removed = connection.execute(
                sa.delete(pictures).where(pictures.c.entry.in_(here) & (pictures.c.reading < source.reading))
            ).rowcount
            connection.execute(
                sa.update(sources).where(sources.c.id == source.id).values(read_on=today.isoformat(), digest=digest)
            )
        return Changes(gone=gone, pictures=removed)

    def set_refusals(self, source: Source, stage: Stage, found: Iterable[Refusal]) -> None:
        """Replace the recorded refusals of a source at one stage."""
        about = {"source_id": source.id, "stage": stage}
        rows = [about | {"place": item.where, "reason": item.reason, "message": item.message} for item in found]
        with self.database.begin() as connection:
            here = (refusals.c.source_id == source.id) & (refusals.c.stage == stage)
            connection.execute(sa.delete(refusals).where(here))
            if rows:
                connection.execute(sa.insert(refusals), rows)

    def refusals(self, source: Source | None = None, most: int | None = None) -> list[Refusal]:
        """The recorded refusals of one source or of all; the first `most` of them."""
        query = sa.select(refusals.c.place, refusals.c.reason, refusals.c.message).order_by(refusals.c.id).limit(most)
        if source is not None:
            query = query.where(refusals.c.source_id == source.id)
        with self.database.connect() as connection:
            return [Refusal(*row) for row in connection.execute(query)]

    def count_references(self, source: Source) -> int:
        """How many picture references the entries in a source's feed have, each counted once."""
        query = (
            sa.select(sa.func.count(pictures.c.reference.distinct()))
            .join(entries, entries.c.id == pictures.c.entry)
            .where((entries.c.source_id == source.id) & (entries.c.gone_on == ""))
        )
        with self.database.connect() as connection:
            return connection.execute(query).scalar_one()

    def picture_references(self, source: Source) -> Iterator[ImageReference]:
        """Each picture reference of the entries in a source's feed once, in order, with what is known of it.

        Read in pages, so that the caller may write in between.
        """
        columns = [origins.c[name] for name in ImageReference.__dataclass_fields__ if name != "reference"]
        # EXISTS makes the database use the index of references: a join would sort the whole source for each page.
        here = (entries.c.id == pictures.c.entry) & (entries.c.source_id == source.id) & (entries.c.gone_on == "")
        names = (
            sa.select(pictures.c.reference)
            .where(sa.exists().where(here), pictures.c.reference > sa.bindparam("last"))
            .group_by(pictures.c.reference)
            .order_by(pictures.c.reference)
            .limit(PAGE)
            .subquery()
        )
        query = sa.select(names.c.reference, *columns).outerjoin(origins, origins.c.reference == names.c.reference)
        query = query.order_by(names.c.reference)
        last = ""
        while True:
            with self.database.connect() as connection:
                page = connection.execute(query, {"last": last}).all()
            for reference, *known in page:
                yield ImageReference(reference) if known[0] is None else ImageReference(reference, *known)
            if len(page) < PAGE:
                return
            last = page[-1][0]

    def set_references(self, known: Sequence[ImageReference], sizes: Mapping[str, tuple[int, int]]) -> None:
        """Write what is known of picture references, and width and height of the images that were decoded."""
        # A copy that an interrupted run made is recorded without being decoded again.
        decoded = {origin.sha256: sizes.get(origin.sha256, (0, 0)) for origin in known if origin.sha256}
        with self.database.begin() as connection:
            if decoded:
                connection.execute(
                    self.database.insert(images).on_conflict_do_nothing(),
                    [{"sha256": name, "width": width, "height": height} for name, (width, height) in decoded.items()],
                )
            if known:
                statement = self.database.insert(origins)
                update = {
                    name: statement.excluded[name]
                    for name in ImageReference.__dataclass_fields__
                    if name != "reference"
                }
                connection.execute(
                    statement.on_conflict_do_update(index_elements=["reference"], set_=update),
                    [asdict(origin) for origin in known],
                )

    def entries(self, collection: Collection) -> Iterator[Entry]:
        """Every entry of a collection that has a picture, by id; its images in the feed's order, each once."""
        columns = [entries.c[name] for name in EntryFields.__dataclass_fields__]
        query = (
            sa.select(entries.c.id, sources.c.name, origins.c.sha256, *columns)
            .join(sources, sources.c.id == entries.c.source_id)
            .join(pictures, pictures.c.entry == entries.c.id)
            .join(origins, (origins.c.reference == pictures.c.reference) & (origins.c.sha256 != ""))
            .where(entries.c.collection == collection)
            .order_by(entries.c.id, pictures.c.position, pictures.c.reference)
            # PostgreSQL's driver reads all rows into memory otherwise.
            .execution_options(yield_per=PAGE)
        )
        with self.database.connect() as connection:
            # By position, because access by name takes seconds for a hundred thousand rows.
            for identity, group in groupby(connection.execute(query), key=itemgetter(0)):
                rows = list(group)
                _, source, _, *fields = rows[0]
                shown = tuple(dict.fromkeys(row[2] for row in rows))
                yield Entry(identity, collection, source, EntryFields(*fields), shown)

    def images(self, collection: Collection | None = None) -> list[str]:
        """Every image that an entry, or one of a collection, shows, once, in the order of `entries`."""
        query = (
            sa.select(origins.c.sha256)
            .join(pictures, pictures.c.reference == origins.c.reference)
            .join(entries, entries.c.id == pictures.c.entry)
            .where((origins.c.sha256 != "") & (entries.c.collection == (collection or entries.c.collection)))
            .order_by(entries.c.collection, entries.c.id, pictures.c.position, pictures.c.reference)
        )
        with self.database.connect() as connection:
            return list(dict.fromkeys(connection.execute(query).scalars()))

    def counts(self) -> dict[str, int]:
        """The number of entries by collection, with pictures or without."""
        query = sa.select(entries.c.collection, sa.func.count().label("number")).group_by(entries.c.collection)
        with self.database.connect() as connection:
            return dict.fromkeys(COLLECTIONS, 0) | {row.collection: row.number for row in connection.execute(query)}

    def _known(self, connection: Connection, source: Source, names: list[str]) -> dict[str, Any]:
        names_read = ("id", "entry_id", "digest", "reading", "status", "gone_on", "last_seen")
        query = sa.select(*(entries.c[name] for name in names_read)).where(
            (entries.c.source_id == source.id) & entries.c.entry_id.in_(names)
        )
        return {row.entry_id: row for row in connection.execute(query)}

    def _attach(self, connection: Connection, source: Source, rows: list[tuple[int, Sequence[str]]]) -> int:
        """Add pictures to entries, numbered after those that this reading added before."""
        owners = {entry for entry, _ in rows}
        query = sa.select(pictures.c.entry, pictures.c.reference, pictures.c.reading).where(
            pictures.c.entry.in_(owners)
        )
        before = {(row.entry, row.reference): row.reading for row in connection.execute(query)}
        position = dict.fromkeys(owners, 0)
        for (entry, _), reading in before.items():
            position[entry] += reading == source.reading
        writes: dict[tuple[int, str], dict[str, object]] = {}
        for entry, references in rows:
            for reference in references:
                if (entry, reference) in writes or before.get((entry, reference)) == source.reading:
                    continue
                writes[entry, reference] = {
                    "entry": entry, "reference": reference, "position": position[entry], "reading": source.reading,
                }  # fmt: skip
                position[entry] += 1
        if writes:
            statement = self.database.insert(pictures)
            update = {name: statement.excluded[name] for name in ("position", "reading")}
            connection.execute(
                statement.on_conflict_do_update(index_elements=["entry", "reference"], set_=update),
                list(writes.values()),
            )
        return sum(key not in before for key in writes)


def _sort_changes(
    source: Source, fresh: dict[str, EntryFields], known: Mapping[str, sa.Row[Any]], today: date
) -> tuple[Changes, list[dict[str, object]]]:
    """Count the entries that are new, changed and unchanged, and give the rows to write for the first two."""
    added = changed = unchanged = 0
    upserts: list[dict[str, object]] = []
    for name, fields in fresh.items():
        before = known.get(name)
        if before is not None and before.reading == source.reading:
            continue
        digest = fields.digest()
        if before is not None and before.digest == digest:
            unchanged += 1
            continue
        added += before is None
        changed += before is not None
        row = asdict(fields) | {
            "source_id": source.id, "collection": source.collection, "digest": digest, "reading": source.reading,
        }  # fmt: skip
        row["first_seen"] = fields.first_seen or today.isoformat()
        row["gone_on"] = ""
        if not fields.status:
            # The feed's word for it is not known: it stays as it was.
            row["status"] = before.status if before is not None and not before.gone_on else ObjectStatus.OPEN
        if source.collection == "objects":
            row["last_seen"] = _settled_on(str(row["status"]), before, today)
        upserts.append(row)
    return Changes(added=added, changed=changed, unchanged=unchanged), upserts


def _settled_on(status: str, before: sa.Row[Any] | None, today: date) -> str:
    """The day on which an object was found to be no longer open; empty while it is, or where it came so."""
    if status == ObjectStatus.OPEN or before is None:
        return ""
    return today.isoformat() if before.status == ObjectStatus.OPEN else str(before.last_seen)
