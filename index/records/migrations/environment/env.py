"""Run by Alembic for every command, with the connection and the history that the configuration's attributes have."""

from __future__ import annotations

from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, FetchedValue

from index.records.migrations.history import History

history: History = context.config.attributes["history"]


def is_of_this_history(name: str | None, kind: str, _: object) -> bool:
    """Whether something found in the database belongs to this history: two may share one database."""
    return kind != "table" or name in history.tables.tables


def compare_default(
    _: MigrationContext,
    __: Column[Any],
    ___: Column[Any],
    found: str | None,
    ____: FetchedValue | None,
    wanted: str | None,
) -> bool | None:
    """Whether two defaults differ; None leaves it to Alembic, which takes SQLite's empty text for another default."""
    return False if wanted == "" and found in ("''", "('')") else None


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=history.tables,
    version_table=history.version_table,
    include_name=is_of_this_history,
    compare_type=True,
    compare_server_default=compare_default,
    # SQLite alters a table by copying it.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
