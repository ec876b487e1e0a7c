"""A transaction that changes tables: committed or rolled back as a whole, on SQLite too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from index.errors import MigrationFailed

# Any number, the same for all programs that change the tables of one PostgreSQL database.
_LOCK = 7_262_001


@contextmanager
def changing_tables(engine: sa.Engine) -> Iterator[Connection]:
    """A connection with the exclusive right to write, committed when the block ends, or rolled back.

    On SQLite foreign keys are not enforced meanwhile, because dropping a table that was copied would delete the rows
    that refer to it. They are checked at the end.

    Raises:
        DBAPIError: the database cannot be written, or is being written by another program for too long.
        MigrationFailed: on SQLite, a row refers to one that is not there any more.
    """
    if engine.dialect.name != "sqlite":
        with engine.begin() as connection:
            connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            yield connection
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        try:
            # Python's driver begins no transaction before a CREATE or an ALTER, so it is begun and ended here.
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            with _transaction(connection):
                yield connection
        finally:
            # So that the pool never reuses it without foreign keys.
            connection.invalidate()


@contextmanager
def _transaction(connection: Connection) -> Iterator[None]:
    """End a transaction that was begun explicitly on SQLite."""
    try:
        yield
        if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").first():
            raise MigrationFailed(f"row {broken[1]} of {broken[0]} refers to a row of {broken[2]} that is not there")
        connection.exec_driver_sql("COMMIT")
    except BaseException:
        # A COMMIT that fails has ended the transaction already.
        with suppress(DBAPIError):
            connection.exec_driver_sql("ROLLBACK")
        raise
