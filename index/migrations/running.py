"""Migrations run by Alembic, all in one transaction: a database is at the old revision or at the new one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from index.errors import MigrationFailed
from index.migrations.history import History

_ENVIRONMENT = Path(__file__).parent / "environment"
# Any number, the same for all programs that change the tables of one PostgreSQL database.
_LOCK = 7_262_001


def create(connection: Connection, history: History) -> None:
    """Make the tables of an empty database as they are now."""
    history.tables.create_all(connection)
    command.stamp(configuration(connection, history), "head")


def migrate(connection: Connection, history: History) -> None:
    """Run the migrations that a database lacks.

    Raises:
        MigrationFailed: one of them cannot be carried out; nothing is kept of any.
    """
    try:
        command.upgrade(configuration(connection, history), "head")
    except (CommandError, SQLAlchemyError) as error:
        cause = getattr(error, "orig", None) or error
        raise MigrationFailed(
            f"the {history.name} cannot be upgraded to revision {history.head}: {str(cause).strip()}; it is as it was: "
            "use the former version of traceobject until that is mended"
        ) from error


@contextmanager
def changing_tables(engine: sa.Engine) -> Iterator[Connection]:
    """A connection that alone may write; all that is done with it is kept when the block ends, or nothing.

    On SQLite foreign keys are not enforced meanwhile: a table that is copied and dropped would take with it the rows
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
            # Python's driver begins no transaction before a CREATE or an ALTER: it is begun and ended here.
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            with _transaction(connection):
                yield connection
        finally:
            # Never handed to anybody else without its foreign keys.
            connection.invalidate()


@contextmanager
def _transaction(connection: Connection) -> Iterator[None]:
    """End a transaction that was begun by hand on SQLite."""
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


def configuration(connection: Connection, history: History) -> Config:
    """What Alembic has to know to work on a history through a connection."""
    config = Config()
    config.set_main_option("script_location", _literal(_ENVIRONMENT))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(_literal, history.folders)))
    config.set_main_option("file_template", "v%%(rev)s_%%(slug)s")
    config.attributes.update(connection=connection, history=history)
    return config


def _literal(path: Path) -> str:
    return str(path).replace("%", "%%")
