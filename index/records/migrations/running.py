"""Runs migrations by Alembic, which is slow to import: only code that runs or writes them imports this module."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from index.errors import MigrationFailed
from index.records.migrations.history import History

_ENVIRONMENT = Path(__file__).parent / "environment"


def migrate(connection: Connection, history: History) -> None:
    """Run the missing migrations of a database.

    Raises:
        MigrationFailed: one of them failed; none is applied.
    """
    try:
        command.upgrade(configuration(connection, history), "head")
    except (CommandError, SQLAlchemyError) as error:
        cause = getattr(error, "orig", None) or error
        raise MigrationFailed(
            f"the {history.name} cannot be upgraded to revision {history.head}: {str(cause).strip()}; it is as it was: "
            "use the former version of traceobject until that is mended"
        ) from error


def configuration(connection: Connection, history: History) -> Config:
    """Alembic's configuration for a history and a connection."""
    config = Config()
    config.set_main_option("script_location", _literal(_ENVIRONMENT))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(_literal, history.folders)))
    config.set_main_option("file_template", "v%%(rev)s_%%(slug)s")
    config.attributes.update(connection=connection, history=history)
    return config


def _literal(path: Path) -> str:
    return str(path).replace("%", "%%")
