"""The database of the records: SQLite (write-ahead log) or PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, Self

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from index.errors import DatabaseUnavailable, SchemaOutdated, SchemaTooNew, WorkspaceError
from index.records.migrations.history import CATALOGUE, History
from index.records.migrations.transaction import changing_tables

SchemaState = Literal["current", "outdated", "empty"]
# How long a statement waits for another program that reads or writes the same database.
WAIT_MS = 10_000


class Database:
    """Connections to the records. Every error of the database becomes a WorkspaceError that says what to do."""

    def __init__(self, engine: sa.Engine, history: History = CATALOGUE) -> None:
        self._engine = engine
        with translated_errors(engine):
            _require_current(engine, history)

    @classmethod
    def open(cls, url: str, history: History = CATALOGUE) -> Self:
        """Open the database at an SQLAlchemy URL; an empty one gets its tables.

        Args:
            history: its tables and their migrations; the records of the index by default.

        Raises:
            WorkspaceError: it cannot be opened.
            SchemaOutdated: it has to be upgraded first.
            SchemaTooNew: a newer version of this program wrote it.
        """
        return cls(engine_of(url), history)

    @property
    def is_shared(self) -> bool:
        """Whether servers on other machines may use it too."""
        return self._engine.dialect.name != "sqlite"

    @property
    def name(self) -> str:
        """What errors call it, without its password."""
        return name_of(self._engine)

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A connection in a transaction, committed when the block ends, or rolled back."""
        with translated_errors(self._engine), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection to read with."""
        with translated_errors(self._engine), self._engine.connect() as connection:
            yield connection

    def insert(self, table: sa.Table) -> Any:
        """An INSERT that supports ON CONFLICT, for which each dialect has a construct of its own."""
        if self._engine.dialect.name == "postgresql":
            from sqlalchemy.dialects import postgresql

            return postgresql.insert(table)
        return sqlite.insert(table)

    def insert_new(self, connection: Connection, table: sa.Table, row: Mapping[str, Any]) -> bool:
        """Insert a row, unless the table has one with the same key; returns whether it was inserted.

        The row is asked back, because psycopg counts -1 rows for every INSERT.
        """
        key = next(iter(table.primary_key))
        statement = self.insert(table).values(row).on_conflict_do_nothing().returning(key)
        return connection.execute(statement).first() is not None

    def scrub(self) -> str:
        """Rewrite the database, so that nothing deleted remains in free pages or in the write-ahead log.

        Returns:
            where what was deleted may remain for a while, and until when; "" for SQLite, where it is gone.

        Raises:
            WorkspaceError: another program is reading the database, so that it cannot be rewritten.
        """
        with (
            translated_errors(self._engine),
            self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
        ):
            if self._engine.dialect.name == "postgresql":
                from index.records.postgresql.scrub import scrub

                return scrub(connection, WAIT_MS, name_of(self._engine))
            connection.exec_driver_sql("VACUUM")
            busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
        if busy:
            raise WorkspaceError(
                f"{name_of(self._engine)} is being read by another program, so its log still holds what was deleted: "
                "end that program and run the command again"
            )
        return ""


def engine_of(url: str) -> sa.Engine:
    """An engine for an SQLAlchemy URL, with SQLite configured as everywhere in this program. Nothing is opened.

    Raises:
        WorkspaceError: it is not a URL, or its driver is not installed.
    """
    try:
        engine = sa.create_engine(url, **_options(url))
    except (ArgumentError, ImportError) as error:
        raise WorkspaceError(
            f"the setting `database` names no database that can be used here: {error}; write an SQLAlchemy URL, "
            "for example postgresql+psycopg://user@host/name, and install its driver"
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
    return engine


def _options(url: str) -> dict[str, Any]:
    """Options of an engine: a server's connections are tested before use, and given up where nobody answers."""
    if not url.startswith("postgresql"):
        return {}
    wait = WAIT_MS // 1000
    # libpq's words. A machine that vanished is noticed in half a minute, not after the hours that TCP waits.
    alive = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000}
    libpq = sa.make_url(url).drivername in ("postgresql", "postgresql+psycopg", "postgresql+psycopg2")
    return {
        "pool_pre_ping": True,
        "pool_timeout": wait,
        "connect_args": {"connect_timeout": wait, **alive} if libpq else {},
    }


@contextmanager
def translated_errors(engine: sa.Engine) -> Iterator[None]:
    """Translate every error of a database into one that says what to do.

    Raises:
        DatabaseUnavailable: a database server does not answer, or is shutting down or starting.
        QueryInvalid: PostgreSQL cannot keep a value, such as a text with a NUL character.
        WorkspaceError: any other.
    """
    try:
        yield
    except PoolTimeout as error:
        raise DatabaseUnavailable(f"{name_of(engine)} has no connection left: try again") from error
    except DBAPIError as error:
        if engine.dialect.name == "postgresql":
            from index.records.postgresql.errors import translated

            if problem := translated(error, name_of(engine)):
                raise problem from error
        raise WorkspaceError(
            f"{name_of(engine)} cannot be used: {str(error.orig).strip()}; check that it exists, is intact and "
            "writable, and free some space on its disk, then run again"
        ) from error


def schema_state(engine: sa.Engine, history: History) -> SchemaState:
    """Whether the tables of a database are of the version that this program works with. Reads one row.

    Raises:
        SchemaTooNew: a newer version of this program wrote it.
    """
    with engine.connect() as connection:
        revision = history.revision_of(connection)
        if revision is None:
            if history.is_empty(connection):
                return "empty"
            # Another program may have made the tables in between.
            revision = history.revision_of(connection)
    if revision == history.head:
        return "current"
    if revision is not None and revision not in history.revisions:
        raise SchemaTooNew(
            f"{name_of(engine)} was written by a newer version of traceobject: the tables of the "
            f"{history.name} are at revision {revision}, and the last that this version knows is {history.head}: "
            "use the newer version, or restore a backup"
        )
    return "outdated"


def outdated(engine: sa.Engine, history: History) -> SchemaOutdated:
    """The error for a database of an older version, to be raised by a command that may not upgrade it."""
    return SchemaOutdated(
        f"the tables of the {history.name} in {name_of(engine)} are of an older version of traceobject: run "
        "`traceobject upgrade`; every command that writes, such as `traceobject reindex`, does it too"
    )


def _require_current(engine: sa.Engine, history: History) -> None:
    """Check that a database has the tables of this version; an empty one gets them."""
    match schema_state(engine, history):
        case "outdated":
            raise outdated(engine, history)
        case "empty":
            with changing_tables(engine) as connection:
                # Another program may have made the tables meanwhile.
                if history.is_empty(connection):
                    history.create(connection)


def name_of(engine: sa.Engine) -> str:
    """A database in messages, without its password."""
    return f"the database {engine.url.render_as_string(hide_password=True)}"


def _configure_sqlite(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    # secure_delete overwrites what is deleted, instead of only marking it as free.
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
        f"busy_timeout={WAIT_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
