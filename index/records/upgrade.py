"""A database of an older version is upgraded: a copy of it is made first, then its migrations run."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from index.errors import WorkspaceError
from index.records.database import engine_of, outdated, schema_state, translated_errors
from index.records.migrations.history import History
from index.records.migrations.transaction import changing_tables
from index.stores.durable import sync_file, sync_folder

_BEFORE = "-before-"


@dataclass(frozen=True)
class Upgraded:
    """A database that was upgraded: from which revision ("" where it had none) to which.

    `backup` is the copy from before; None for PostgreSQL, of which none is made.
    """

    name: str
    before: str
    after: str
    backup: Path | None


def needs_upgrade(url: str, history: History) -> bool:
    """Whether the database at an SQLAlchemy URL has tables of an older version. Creates nothing.

    Raises:
        WorkspaceError: it cannot be opened.
        SchemaTooNew: a newer version of this program wrote it.
    """
    engine = engine_of(url)
    try:
        # Connecting to SQLite would create the file.
        file = _file_of(engine)
        if file is not None and not file.exists():
            return False
        with translated_errors(engine):
            return schema_state(engine, history) == "outdated"
    finally:
        engine.dispose()


def require_upgraded(url: str, history: History) -> None:
    """Check that the database at an SQLAlchemy URL is of this version, or does not exist yet. Creates nothing.

    Raises:
        SchemaOutdated: it has to be upgraded first.
        WorkspaceError, SchemaTooNew: see `needs_upgrade`.
    """
    if needs_upgrade(url, history):
        raise outdated(engine_of(url), history)


def discard_backups(folder: Path) -> int:
    """Delete the copies that upgrades made, complete or not; returns how many files were deleted."""
    files = [path for path in folder.glob(f"*{_BEFORE}[0-9][0-9][0-9][0-9]-*") if path.is_file()]
    for path in files:
        path.unlink()
    if files:
        sync_folder(folder)
    return len(files)


def upgrade(url: str, history: History, folder: Path) -> Upgraded | None:
    """Run the missing migrations of a database, all or none. For jobs that have the workspace's lock.

    Args:
        folder: for the copy of an SQLite database.

    Returns:
        what was done; None where there was nothing to do.

    Raises:
        SchemaTooNew: a newer version of this program wrote it.
        MigrationFailed, WorkspaceError: it failed; the database is unchanged, and no copy is left.
    """
    # Alembic is slow to import and seldom needed.
    from index.records.migrations.running import migrate

    engine = engine_of(url)
    backup: Path | None = None
    try:
        with translated_errors(engine):
            if schema_state(engine, history) != "outdated":
                return None
        with translated_errors(engine), changing_tables(engine) as connection:
            before = history.revision_of(connection)
            if before == history.head:
                return None
            # No other program can write from here on, so the copy is the state that the migrations start from.
            backup = _back_up(_file_of(engine), folder, history)
            migrate(connection, history)
        return Upgraded(history.name, before or "", history.head, backup)
    except BaseException:
        if backup is not None:
            backup.unlink(missing_ok=True)
        raise
    finally:
        engine.dispose()


def _back_up(file: Path | None, folder: Path, history: History) -> Path | None:
    """Copy an SQLite database that may be in use; the copy appears complete or not at all."""
    if file is None:
        return None
    folder.mkdir(exist_ok=True)
    path = folder / f"{history.name}{_BEFORE}{history.head}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.sqlite"
    aside = path.with_suffix(".part")
    try:
        with closing(sqlite3.connect(file)) as here, closing(sqlite3.connect(aside)) as there:
            # The permissions of the original, before any content.
            shutil.copymode(file, aside)
            here.backup(there)
        sync_file(aside)
        aside.replace(path)
        sync_folder(folder)
    except sqlite3.Error as error:
        raise WorkspaceError(
            f"{file} cannot be copied to {folder} ({error}): free some space, then run again"
        ) from error
    finally:
        aside.unlink(missing_ok=True)
    return path


def _file_of(engine: sa.Engine) -> Path | None:
    """The file of an SQLite database; None for any other."""
    name = engine.url.database
    return Path(name) if engine.dialect.name == "sqlite" and name and name != ":memory:" else None
