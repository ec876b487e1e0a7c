"""Drafts the next migration of the catalogue's or the service's tables from the changes of their models.

    python -m service.cli.draft_migration catalogue "what it changes"

The file has to be reviewed and completed: how existing rows are converted cannot be derived from the models.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
from alembic import command

from index.records.database import engine_of
from index.records.migrations.history import CATALOGUE, History
from index.records.migrations.running import configuration, migrate
from index.records.migrations.transaction import changing_tables
from service.tables import HISTORY

HISTORIES = {history.name: history for history in (CATALOGUE, HISTORY)}


def draft(history: History, changes: str) -> Path:
    """Write the next revision of a history into its folder; the path of the file."""
    number = f"{int(history.head) + 1:04d}"
    with tempfile.TemporaryDirectory() as folder:
        engine = engine_of(f"sqlite:///{folder}/scratch.sqlite")
        with changing_tables(engine) as connection:
            migrate(connection, history)
            command.revision(configuration(connection, history), changes, autogenerate=True, rev_id=number)
        engine.dispose()
    return next(path for folder in history.folders for path in folder.glob(f"v{number}_*.py"))


@click.command()
@click.argument("tables", type=click.Choice(list(HISTORIES)))
@click.argument("changes")
def main(tables: str, changes: str) -> None:
    """Draft the next migration of TABLES; CHANGES says in a few words what it changes."""
    click.echo(f"read and complete it: {draft(HISTORIES[tables], changes)}")


if __name__ == "__main__":
    main()
