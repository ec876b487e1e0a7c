"""The records of one generation: entries as they were when it was built, and the view of each engine row."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from embedding.errors import RegionInvalid
from embedding.image.regions import Region
from index.engines.protocol import Rows
from index.errors import GenerationError
from index.generations.snapshot_schema import FIELDS, INDEXES, TABLES, VERSION, make_readable
from index.records.countries import country_code
from index.records.entries import Entry, EntryFields
from index.records.feed_records import Collection
from index.records.filters import Filter, facets_of, where

_ROWS_AT_ONCE = 1000


@dataclass(frozen=True)
class IndexedView:
    """The view that a row of an engine stands for: a region of an image of an entry."""

    row: int
    entry: int
    image: str
    region: Region


@lru_cache(4096)
def _region(text: str) -> Region:
    """A region from its text; nearly all rows have the same one. Raises RegionInvalid as Region.parse does."""
    return Region.parse(text)


def write_snapshot(
    path: Path,
    entries: Iterable[Entry],
    rows: Iterable[tuple[Collection, IndexedView]],
    families: Mapping[int, int],
) -> None:
    """Write the records of a generation into a new SQLite file; `families` is the family of each entry."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        # No journal is needed: the folder is published when complete, and deleted after a crash.
        connection.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;" + TABLES + "BEGIN;")
        into_entries = f"INSERT INTO entries VALUES ({','.join('?' * (4 + len(FIELDS)))})"
        for entry in entries:
            fields = (getattr(entry.fields, name) for name in FIELDS)
            row = (entry.id, entry.collection, entry.source, json.dumps(entry.images), *fields)
            connection.execute(into_entries, row)
            facets = ((facet, value, entry.id) for facet, value in facets_of(entry))
            connection.executemany("INSERT OR IGNORE INTO facets VALUES (?,?,?)", facets)
        connection.executemany(
            "INSERT INTO rows VALUES (?,?,?,?,?)",
            ((collection, s.row, s.entry, s.image, str(s.region)) for collection, s in rows),
        )
        connection.executemany("INSERT INTO families VALUES (?,?)", families.items())
        connection.execute("COMMIT")
        connection.executescript(f"{INDEXES}PRAGMA user_version={VERSION}; PRAGMA optimize;")
    finally:
        connection.close()


class Snapshot:
    """A generation's records, read-only. Thread-safe.

    A file of an older version is read by the columns that it has, with defaults for the others. If the file cannot be
    read, or a newer version of this program wrote it, any method raises GenerationError.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, Lock()
        with self._translate_errors():
            self._connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True, check_same_thread=False)
            try:
                make_readable(self._connection, path)
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        self._connection.close()

    def views(self, collection: Collection, rows: Sequence[int]) -> dict[int, IndexedView]:
        """The views of some rows of a collection's engine, by row."""
        query = (
            "SELECT row, entry, image, region FROM rows WHERE collection=? AND row IN (SELECT value FROM json_each(?))"
        )
        found = self._query(query, (collection, json.dumps(list(rows))))
        with self._translate_errors():
            return {row: IndexedView(row, entry, image, _region(region)) for row, entry, image, region in found}

    def allowed(
        self, collection: Collection, filters: Sequence[Filter], without_images: Sequence[str] = ()
    ) -> Rows | None:
        """The rows whose entries pass every filter, less those of some images: int64 [m], rising; None allows all."""
        if not filters and not without_images:
            return None
        clause, values = where(filters)
        if without_images:
            clause += f" AND rows.image NOT IN ({','.join('?' * len(without_images))})"
            values = [*values, *without_images]
        query = (
            "SELECT row FROM entries JOIN rows ON rows.entry = entries.id "
            f"WHERE entries.collection = ? AND {clause} ORDER BY row"
        )
        return np.array([row for (row,) in self._query(query, (collection, *values))], np.int64)

    def allowed_entries(self, collection: Collection, filters: Sequence[Filter]) -> Rows | None:
        """The numbers of the entries that pass every filter: int64 [m], rising; None allows all."""
        if not filters:
            return None
        clause, values = where(filters)
        query = f"SELECT id FROM entries WHERE collection = ? AND {clause} ORDER BY id"
        return np.array([number for (number,) in self._query(query, (collection, *values))], np.int64)

    def rows_of(self, entry: int) -> list[int]:
        """The rows of an entry, rising."""
        query = "SELECT row FROM rows WHERE entry=? ORDER BY row"
        return [row for (row,) in self._query(query, (entry,))]

    def entry(self, identity: int) -> Entry:
        """One entry by its number in the workspace; it must exist."""
        return next(self._entries("id = ?", (identity,)))

    def family(self, entry: int) -> list[Entry]:
        """The entries of a product family, by the number of one of them; an entry without family is its own."""
        family = "SELECT entry FROM families WHERE family = (SELECT family FROM families WHERE entry = ?)"
        return list(self._entries(f"id = ? OR id IN ({family}) ORDER BY id", (entry, entry)))

    def find(self, collection: Collection, entry_id: str) -> list[Entry]:
        """The entries with a feed's own id: one of each source that uses it."""
        return list(self._entries("collection = ? AND entry_id = ? ORDER BY id", (collection, entry_id)))

    def entries(self, collection: Collection) -> Iterator[Entry]:
        """All entries of a collection, by id."""
        return self._entries("collection = ? ORDER BY id", (collection,))

    def all_views(self, collection: Collection) -> Iterator[IndexedView]:
        """The views of all rows of a collection's engine, in order."""
        query = "SELECT row, entry, image, region FROM rows WHERE collection=? ORDER BY row"
        with self._translate_errors():
            for row, entry, image, region in self._query(query, (collection,)):
                yield IndexedView(row, entry, image, _region(region))

    def families(self) -> dict[int, int]:
        """The family of every entry that has one."""
        return dict(self._query("SELECT entry, family FROM families"))

    @cached_property
    def country_shares(self) -> Mapping[str, float]:
        """By country, as ISO 3166 code or as feeds write it, the share of all that products name."""
        query = (
            "SELECT value, count(*) FROM facets JOIN entries ON entries.id = facets.entry "
            "WHERE facet = 'country' AND collection = 'catalogue' GROUP BY value"
        )
        counts: Counter[str] = Counter()
        for value, count in self._query(query):
            counts[country_code(value)] += count
        return {code: count / counts.total() for code, count in counts.items()}

    def collections_of(self, source: str) -> list[Collection]:
        """The collections in which a source has entries."""
        query = "SELECT DISTINCT collection FROM entries WHERE source=? ORDER BY collection"
        return [collection for (collection,) in self._query(query, (source,))]

    def images(self) -> set[str]:
        """Every image of an entry, embedded or not."""
        listed = self._query("SELECT images FROM entries")
        with self._translate_errors():
            return {image for (images,) in listed for image in json.loads(images)}

    def has_image(self, sha256: str, collection: Collection | None = None) -> bool:
        """Whether this generation, or one collection of it, has an image."""
        query = "SELECT 1 FROM rows WHERE image=? AND collection=coalesce(?, collection) LIMIT 1"
        return next(self._query(query, (sha256, collection)), None) is not None

    def _entries(self, clause: str, values: Sequence[object]) -> Iterator[Entry]:
        query = f"SELECT id, collection, source, images, {', '.join(FIELDS)} FROM entries WHERE {clause}"
        with self._translate_errors():
            for identity, collection, source, images, *fields in self._query(query, tuple(values)):
                yield Entry(identity, collection, source, EntryFields(*fields), tuple(json.loads(images)))

    def _query(self, query: str, values: Sequence[object] = ()) -> Iterator[Any]:
        # One thread at a time: statements of equal text are cached by the connection, and shared by its cursors.
        with self._translate_errors():
            with self._lock:
                cursor = self._connection.execute(query, tuple(values))
            while True:
                with self._lock:
                    rows = cursor.fetchmany(_ROWS_AT_ONCE)
                if not rows:
                    return
                yield from rows

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, ValueError, RegionInvalid) as error:
            raise GenerationError(f"{self._path} cannot be read ({error}): verify it, roll back or re-index") from error
