"""The database of the records: SQLite (write-ahead log) or PostgreSQL, its faults told in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.schema import CreateColumn

from index.errors import WorkspaceError
from index.records.schema import metadata

# How long a statement waits for another program that reads or writes the same database.
WAIT_MS = 10_000


class Database:
    """Connections to the records. Every fault of the database is a WorkspaceError that says what to do."""

    def __init__(self, engine: sa.Engine, tables: sa.MetaData = metadata) -> None:
        self._engine = engine
        with self._told():
            _complete(engine, tables)

    @classmethod
    def open(cls, url: str, tables: sa.MetaData = metadata) -> Self:
        """Open the database at an SQLAlchemy URL; tables and columns that this version knows and it lacks are added.

        Args:
            tables: what it holds; the records of the index by default.

        Raises:
            WorkspaceError: it cannot be opened.
        """
        try:
            engine = sa.create_engine(url)
        except (ArgumentError, ImportError) as error:
            raise WorkspaceError(
                f"the setting `database` names no database that can be used here: {error}; write an SQLAlchemy URL, "
                "for example postgresql+psycopg://user@host/name, and install its driver"
            ) from error
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _configure_sqlite)
        return cls(engine, tables)

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A connection in a transaction: all of it is written when the block ends, or nothing."""
        with self._told(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection to read with."""
        with self._told(), self._engine.connect() as connection:
            yield connection

    def insert(self, table: sa.Table) -> Any:
        """An INSERT that can be told ON CONFLICT: spelled alike in both dialects, but each has its own construct."""
        return postgresql.insert(table) if self._engine.dialect.name == "postgresql" else sqlite.insert(table)

    def scrub(self) -> None:
        """Rewrite the database without what was deleted: nothing of it stays in free pages or in a log.

        Raises:
            WorkspaceError: someone else reads the database at this moment, so that its log cannot be emptied.
        """
        with self._told(), self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if self._engine.dialect.name == "postgresql":
                connection.exec_driver_sql("VACUUM FULL")
                return
            connection.exec_driver_sql("VACUUM")
            busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
        if busy:
            raise WorkspaceError(
                f"{self._name()} is being read by another program, so its log still holds what was deleted: "
                "end that program and run the command again"
            )

    def _name(self) -> str:
        return f"the database {self._engine.url.render_as_string(hide_password=True)}"

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise WorkspaceError(
                f"{self._name()} cannot be used: {str(error.orig).strip()}; make room on its disk, or see that it is "
                "there, whole and free to write, then run again"
            ) from error


def _complete(engine: sa.Engine, tables: sa.MetaData) -> None:
    """Add the tables and columns that an older version did not have."""
    tables.create_all(engine)
    inspector = sa.inspect(engine)
    for table in tables.sorted_tables:
        there = {column["name"] for column in inspector.get_columns(table.name)}
        for column in table.columns:
            if column.name not in there:
                told = CreateColumn(column).compile(dialect=engine.dialect)
                with engine.begin() as connection:
                    connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {told}")


def _configure_sqlite(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    # secure_delete: what is deleted is overwritten, not merely marked as free.
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
        f"busy_timeout={WAIT_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
