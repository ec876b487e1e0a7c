"""Drafts the next migration of the tables of the catalogue or the service, from what the models changed.

    python -m service.cli.draft_migration catalogue "what it changes"

The file is to be read and completed: what becomes of rows that are there, nobody can tell from the models.
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
    """Write the next revision of a history beside its others; where it lies."""
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
