"""The tables of a generation's records, their version, and how a file of an older version is read.

A generation is never changed, so its records are never migrated: when an older file is opened, temporary views add each
missing column with its default. A change of TABLES raises VERSION;
a column that is added needs a DEFAULT.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import MISSING, Field
from functools import cache
from pathlib import Path

from index.errors import GenerationError
from index.records.entries import EntryFields

# Stored as user_version; 0 in files from before there was a version, which have the tables of version 1.
VERSION = 2
FIELDS = tuple(EntryFields.__dataclass_fields__)


def _column(field: Field[str]) -> str:
    default = "" if field.default is MISSING else f" DEFAULT '{field.default}'"
    return f"{field.name} TEXT NOT NULL{default}"


TABLES = f"""
CREATE TABLE entries (id INTEGER PRIMARY KEY, collection TEXT NOT NULL, source TEXT NOT NULL, images TEXT NOT NULL,
  {", ".join(map(_column, EntryFields.__dataclass_fields__.values()))}) STRICT;
CREATE TABLE rows (collection TEXT NOT NULL, row INTEGER NOT NULL, entry INTEGER NOT NULL, image TEXT NOT NULL,
  region TEXT NOT NULL, PRIMARY KEY (collection, row)) STRICT, WITHOUT ROWID;
CREATE TABLE families (entry INTEGER PRIMARY KEY, family INTEGER NOT NULL) STRICT;
CREATE TABLE facets (facet TEXT NOT NULL, value TEXT NOT NULL, entry INTEGER NOT NULL,
  PRIMARY KEY (facet, value, entry)) STRICT, WITHOUT ROWID;
"""
INDEXES = """
CREATE INDEX entries_by_entry_id ON entries (collection, entry_id);
CREATE INDEX rows_by_entry ON rows (entry);
CREATE INDEX families_by_family ON families (family);
CREATE INDEX rows_by_image ON rows (image);
"""


def make_readable(connection: sqlite3.Connection, path: Path) -> None:
    """Make a file of an older version readable like one of this version, without changing the file.

    Raises:
        GenerationError: a newer version of this program wrote it, or it lacks a column that has no default.
        sqlite3.Error: it cannot be read.
    """
    ((version,),) = connection.execute("PRAGMA user_version")
    if version == VERSION:
        return
    if version > VERSION:
        raise GenerationError(
            f"{path} was written by a newer version of traceobject: its records are of version {version}, and this "
            f"version reads up to {VERSION}; use the newer version, roll back or re-index"
        )
    connection.execute("PRAGMA temp_store=MEMORY")
    for table, columns in _defaults().items():
        existing = dict(_columns(connection, table))
        missing = {name: default for name, default in columns.items() if existing and name not in existing}
        if without_default := [name for name, default in missing.items() if default is None]:
            raise GenerationError(f"{path} lacks {', '.join(without_default)} of {table}: roll back or re-index")
        if missing:
            added = ", ".join(f"{default} AS {name}" for name, default in missing.items())
            connection.execute(f"CREATE TEMP VIEW {table} AS SELECT *, {added} FROM main.{table}")


@cache
def _defaults() -> dict[str, dict[str, str | None]]:
    """The columns of each table of this version, with their defaults as SQL; None where there is none."""
    with closing(sqlite3.connect(":memory:")) as model:
        model.executescript(TABLES)
        names = [name for (name,) in model.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {name: dict(_columns(model, name)) for name in names}


def _columns(connection: sqlite3.Connection, table: str) -> Iterator[tuple[str, str | None]]:
    for _, name, _, _, default, _ in connection.execute(f"PRAGMA main.table_info({table})"):
        yield name, default
