"""The text of a generation: what was read off its pictures, and a lexical index of each collection.

Files: text.sqlite, whose table `readings` has the reading of each image that was read; and `<collection>.words`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock

from embedding.text.reading import Reading
from index.errors import GenerationError
from index.lexical.building import Document, write_lexical_index
from index.lexical.lexical_index import LexicalIndex
from index.lexical.words import gtin_word, words
from index.records.entries import Entry
from index.records.feed_records import COLLECTIONS, Collection
from index.records.gtin import normal_gtin
from index.stores.reading_format import from_bytes, to_bytes

READINGS = "text.sqlite"
# How much a word of each field counts: titles and brands are written on things, descriptions mostly are not.
FIELD_WEIGHTS: Mapping[str, float] = {
    "title": 1.0,
    "brand": 1.0,
    "series": 1.0,
    "description": 0.5,
    "category": 0.5,
    "retailer": 0.5,
}


def words_file(collection: Collection) -> str:
    """The name of a collection's lexical index."""
    return f"{collection}.words"


def write_text(
    folder: Path,
    entries: Mapping[Collection, Sequence[Entry]],
    version: str,
    readings: Iterable[tuple[str, Reading]],
) -> None:
    """Write the text of a generation: readings by image, and the words of entries and of their images that were read.

    `version`: of the reader that made the readings; "" where there was none.
    """
    connection = sqlite3.connect(folder / READINGS, isolation_level=None)
    try:
        # No journal is needed: the folder is published when complete, and deleted after a crash.
        connection.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
            "CREATE TABLE readings (image TEXT PRIMARY KEY, reading BLOB NOT NULL) STRICT, WITHOUT ROWID;"
            "CREATE TABLE reader (version TEXT NOT NULL) STRICT; BEGIN;"
        )
        connection.execute("INSERT INTO reader VALUES (?)", (version,))
        connection.executemany(
            "INSERT INTO readings VALUES (?,?)", ((image, to_bytes(reading)) for image, reading in readings)
        )
        connection.execute("COMMIT")
        for collection in COLLECTIONS:
            write_lexical_index(folder / words_file(collection), _documents(entries[collection], connection))
    finally:
        connection.close()


class GenerationText:
    """The text of one generation, read-only. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        """Open the files of a verified generation.

        Raises:
            OSError, ValueError, sqlite3.Error: they cannot be read.
        """
        self._path, self._lock = folder / READINGS, Lock()
        self._connection = sqlite3.connect(f"file:{self._path}?mode=ro&immutable=1", uri=True, check_same_thread=False)
        ((self.version,),) = self._connection.execute("SELECT version FROM reader")
        self._indexes = {collection: LexicalIndex(folder / words_file(collection)) for collection in COLLECTIONS}

    def close(self) -> None:
        self._connection.close()

    def index(self, collection: Collection) -> LexicalIndex:
        """The lexical index of a collection."""
        return self._indexes[collection]

    def readings(self, images: Sequence[str]) -> dict[str, Reading]:
        """What was read off some images, by SHA-256; those that were not read are left out."""
        try:
            # One thread at a time: statements of equal text are cached by the connection, and shared by its cursors.
            with self._lock:
                return dict(_readings(self._connection, images))
        except (sqlite3.Error, ValueError, KeyError, TypeError) as error:
            raise GenerationError(f"{self._path} cannot be read ({error}): verify it, roll back or re-index") from error

    def content(self, used: set[str]) -> tuple[str, ...]:
        """What content_digest takes as `text`, if only the images `used` were left."""
        read = {image for (image,) in self._connection.execute("SELECT image FROM readings")}
        return (self.version, *sorted(read & used)) if self.version else ()


def _readings(connection: sqlite3.Connection, images: Sequence[str]) -> Iterator[tuple[str, Reading]]:
    query = "SELECT image, reading FROM readings WHERE image IN (SELECT value FROM json_each(?))"
    for image, data in connection.execute(query, (json.dumps(list(images)),)):
        yield image, from_bytes(data)


def _documents(entries: Iterable[Entry], connection: sqlite3.Connection) -> Iterator[Document]:
    """The words of each entry's record, and of each of its images."""
    for entry in entries:
        if weights := _record_words(entry):
            yield Document(entry.id, weights)
        for image, reading in _readings(connection, entry.images):
            if weights := reading_words(reading):
                yield Document(entry.id, weights, image)


def _record_words(entry: Entry) -> dict[str, float]:
    weights: dict[str, float] = {}
    for field, weight in FIELD_WEIGHTS.items():
        _add(weights, getattr(entry.fields, field), weight)
    return weights | {gtin_word(number): 1.0 for number in entry.fields.several("gtin")}


def reading_words(reading: Reading, line_weights: Sequence[float] | None = None) -> dict[str, float]:
    """The words that were read, with how sure each is, or the weights of their lines; and the numbers of barcodes."""
    weights: dict[str, float] = {}
    given = [line.confidence for line in reading.lines] if line_weights is None else line_weights
    for line, weight in zip(reading.lines, given, strict=True):
        _add(weights, line.words, weight)
    return weights | {gtin_word(number): 1.0 for number in gtins(reading)}


def gtins(reading: Reading) -> tuple[str, ...]:
    """The numbers of the barcodes of a reading that are GTINs, as normal_gtin spells them."""
    return tuple(number for code in reading.codes if (number := gtin_or_none(code.content)))


def gtin_or_none(text: str) -> str | None:
    """A number as normal_gtin spells it, or None where it is no GTIN."""
    try:
        return normal_gtin(text)
    except ValueError:
        return None


def _add(weights: dict[str, float], text: str, weight: float) -> None:
    for word in words(text):
        weights[word] = max(weight, weights.get(word, 0.0))
